/* From what the queue and the engine report to what the event stream publishes. */
#pragma once

#include "http/api.h"

/*
 * Listens to api->jobs, for as long as they run: api must stay valid until jobs_stop() has
 * returned. Seeds the tally of jobs from the catalog. To be called once, before jobs_start().
 */
gboolean event_bridge_connect(const Api *api, GError **error);
