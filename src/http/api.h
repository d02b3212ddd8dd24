/* What the handlers work on: borrowed from whoever runs the server, and valid for as long as it
 * runs. */
#pragma once

#include "access/access.h"
#include "http/consoles.h"
#include "http/event_stream.h"
#include "http/http_metrics.h"
#include "http/job_tally.h"
#include "http/router.h"
#include "jobs/jobs.h"

typedef struct WebServer WebServer;

struct Api {
    Engine *engine;
    Jobs *jobs;
    Access *access;
    Catalog *catalog;       /* history of a machine */
    Hypervisor *hypervisor; /* domains that are not ours */
    EventStream *events;
    Consoles *consoles; /* NULL: none can be had */
    HttpMetrics *metrics;
    JobTally *tally;
    gboolean accounts_missing;  /* the catalog had been used, and its file of accounts was gone */
    WebServer *web;             /* shown in the status; NULL: there is none */
    const char *store_path;     /* shown in the status */
    const char *administrators; /* group; NULL: root alone */
};
