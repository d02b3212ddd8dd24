/* What the audit trail is told: every request that changes something, and how every job has ended.
 */
#pragma once

#include "http/api.h"

/*
 * Notes a request that has been answered. Nothing is noted of one that nobody has logged in for,
 * unless its handler says so (a login), nor of one that came too early: strangers must not fill
 * the trail. `error` NULL: none. A trail that cannot be written is a warning, never a failure.
 */
void audit_request(const Api *api, const Route *route, const HttpRequest *request,
                   const HttpResponse *response, const GError *error);
/* Notes the end of a job, machine by machine. */
void audit_job(const Api *api, const Job *job);
/* The same for jobs that ended without that, because the daemon was killed in between or the trail
 * could not be written. To be called before jobs run. */
void audit_catch_up(const Api *api);
