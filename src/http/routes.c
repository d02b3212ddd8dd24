/* All routes in one table; openapi.json says the same, and a test holds both to it. */
#include "http/routes.h"

#include "http/handlers.h"

#define API "/api/v1"

/* A row that states nothing is for administrators and may wait: the careful defaults. */
#define OPEN  .permission = ALLOW_ANYONE
#define QUICK .waits = WAITS_FOR_NOTHING
#define SLOW  .waits = WAITS_FOR_HOST
#define PAGED .query = {"limit", "after"}

static const Route routes[] = {
    {"GET", "/healthz", handle_health, OPEN, SLOW},
    {"GET", "/metrics", handle_metrics, SLOW},
    {"GET", API "/openapi.json", handle_openapi, OPEN, QUICK},
    {"GET", API "/verbs", handle_verb_list, OPEN, QUICK},
    {"GET", API "/status", handle_status, SLOW},
    {"GET", API "/machines", handle_machine_list, QUICK,
     .query = {"limit", "after", "kind", "base", "match", "pending", "view"}},
    {"GET", API "/machines/{machine}", handle_machine_show, QUICK},
    {"GET", API "/machines/{machine}/history", handle_machine_history, SLOW, .query = {"limit"}},
    {"GET", API "/machines/{machine}/space", handle_machine_space, SLOW},
    {"POST", API "/plans", handle_plan_make, SLOW, .takes_body = TRUE},
    {"GET", API "/jobs", handle_job_list, SLOW, PAGED},
    {"POST", API "/jobs", handle_job_submit, SLOW, .takes_body = TRUE},
    {"GET", API "/jobs/{job}", handle_job_show, SLOW},
    {"POST", API "/jobs/{job}/cancel", handle_job_cancel, SLOW},
    {"GET", API "/storage", handle_storage, SLOW},
    {"GET", API "/layers", handle_layer_list, QUICK, PAGED},
    {"GET", API "/layers/{layer}", handle_layer_show, QUICK},
    {"GET", API "/kept-volumes", handle_kept_volume_list, QUICK, PAGED},
    {"GET", API "/domains", handle_domain_list, SLOW, PAGED},
    {"GET", API "/doctor", handle_doctor, SLOW},
    {"GET", API "/events", handle_events, QUICK},
};

const Route *routes_all(gsize *count_out)
{
    *count_out = G_N_ELEMENTS(routes);
    return routes;
}
