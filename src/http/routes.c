/* All routes in one table; openapi.json says the same, and a test holds the two against each other. */
#include "http/routes.h"

#include "http/handlers.h"

#define API "/api/v1"

static const Route routes[] = {
    {"GET", "/healthz", handle_health, ALLOW_ANYONE, WAITS_FOR_HOST, FALSE, {NULL}},
    {"GET", "/metrics", handle_metrics, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE, {NULL}},
    {"GET", API "/openapi.json", handle_openapi, ALLOW_ANYONE, WAITS_FOR_NOTHING, FALSE, {NULL}},
    {"GET", API "/verbs", handle_verb_list, ALLOW_ANYONE, WAITS_FOR_NOTHING, FALSE, {NULL}},
    {"GET", API "/status", handle_status, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE, {NULL}},
    {"GET", API "/machines", handle_machine_list, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING, FALSE,
     {"limit", "after", "kind", "base", "match", "pending"}},
    {"GET", API "/machines/{machine}", handle_machine_show, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING,
     FALSE, {NULL}},
    {"GET", API "/machines/{machine}/history", handle_machine_history, ALLOW_ADMINISTRATORS,
     WAITS_FOR_HOST, FALSE, {"limit"}},
    {"POST", API "/plans", handle_plan_make, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, TRUE, {NULL}},
    {"GET", API "/jobs", handle_job_list, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE,
     {"limit", "after"}},
    {"POST", API "/jobs", handle_job_submit, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, TRUE, {NULL}},
    {"GET", API "/jobs/{job}", handle_job_show, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE, {NULL}},
    {"POST", API "/jobs/{job}/cancel", handle_job_cancel, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE,
     {NULL}},
    {"GET", API "/layers", handle_layer_list, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING, FALSE,
     {"limit", "after"}},
    {"GET", API "/layers/{layer}", handle_layer_show, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING, FALSE,
     {NULL}},
    {"GET", API "/kept-volumes", handle_kept_volume_list, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING, FALSE,
     {"limit", "after"}},
    {"GET", API "/domains", handle_domain_list, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE,
     {"limit", "after"}},
    {"GET", API "/doctor", handle_doctor, ALLOW_ADMINISTRATORS, WAITS_FOR_HOST, FALSE, {NULL}},
    {"GET", API "/events", handle_events, ALLOW_ADMINISTRATORS, WAITS_FOR_NOTHING, FALSE, {NULL}},
};

const Route *routes_all(gsize *count_out)
{
    *count_out = G_N_ELEMENTS(routes);
    return routes;
}
