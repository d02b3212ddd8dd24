/* What exists for whom: users see the machines that are assigned to them, and nothing else. */
#pragma once

#include "http/api.h"

/* The machine of that name, UUID or id. NOT_FOUND where there is none, in the same words where
 * there is one that is not his. New reference. */
Machine *visible_machine(const Api *api, const HttpRequest *request, const char *name,
                         GError **error);
/* A job is his who asked for it, as long as its machines are. */
gboolean job_is_visible(const HttpRequest *request, const Job *job);
/*
 * Holds a plan or job to what he sees: all machines named one by one, and from here on by id, so
 * that no other machine can take a name's place before the job runs. Whoever sees all machines is
 * not held to anything.
 */
gboolean confine_request(const Api *api, const HttpRequest *http, Request *request, GError **error);
