/* All routes in one table; openapi.json says the same, and a test holds both to it. */
#include "http/routes.h"

#include "http/handlers.h"

#define API "/api/v1"

/* A row that states nothing is for administrators and may wait: the careful defaults. */
#define OPEN      .permission = ALLOW_ANYONE
#define USERS     .permission = ALLOW_USERS
#define OPERATORS .permission = ALLOW_OPERATORS
#define QUICK     .waits = WAITS_FOR_NOTHING
#define SLOW      .waits = WAITS_FOR_HOST
#define BODY      .takes_body = TRUE
#define PAGED     .query = {"limit", "after"}
#define AUDIT     .audit

static const Route routes[] = {
    {"GET", "/healthz", handle_health, OPEN, SLOW},
    {"GET", "/metrics", handle_metrics, SLOW},
    {"GET", API "/openapi.json", handle_openapi, OPEN, QUICK},
    {"GET", API "/verbs", handle_verb_list, OPEN, QUICK},
    {"GET", API "/session", handle_session_show, OPEN, SLOW},
    {"POST", API "/session", handle_session_begin, OPEN, SLOW, BODY, AUDIT = "login"},
    {"DELETE", API "/session", handle_session_end, USERS, SLOW, AUDIT = "logout"},
    {"PUT", API "/session/password", handle_password_change, USERS, SLOW, BODY, AUDIT = "password"},
    {"POST", API "/setup", handle_set_up, OPEN, SLOW, BODY, AUDIT = "set-up"},
    {"POST", API "/setup-link", handle_setup_link, SLOW, AUDIT = "set-up-link"},
    {"GET", API "/accounts", handle_account_list, SLOW},
    {"POST", API "/accounts", handle_account_add, SLOW, BODY, AUDIT = "account-add"},
    {"PATCH", API "/accounts/{account}", handle_account_change, SLOW, BODY,
     AUDIT = "account-change"},
    {"DELETE", API "/accounts/{account}", handle_account_remove, SLOW, AUDIT = "account-remove"},
    {"POST", API "/accounts/{account}/reset", handle_account_reset, SLOW, AUDIT = "account-reset"},
    {"GET", API "/tokens", handle_token_list, USERS, SLOW},
    {"POST", API "/tokens", handle_token_add, USERS, SLOW, BODY, AUDIT = "token-add"},
    {"DELETE", API "/tokens/{token}", handle_token_revoke, USERS, SLOW, AUDIT = "token-revoke"},
    {"GET", API "/audit", handle_audit_list, SLOW,
     .query = {"limit", "after", "machine", "account"}},
    {"GET", API "/status", handle_status, OPERATORS, SLOW},
    {"GET", API "/machines", handle_machine_list, USERS, QUICK,
     .query = {"limit", "after", "kind", "base", "match", "pending", "power", "view"}},
    {"GET", API "/machines/{machine}", handle_machine_show, USERS, QUICK},
    {"GET", API "/machines/{machine}/history", handle_machine_history, USERS, SLOW,
     .query = {"limit"}},
    {"GET", API "/machines/{machine}/space", handle_machine_space, USERS, SLOW},
    {"POST", API "/machines/{machine}/console", handle_console_open, USERS, SLOW,
     AUDIT = "console"},
    {"GET", API "/machines/{machine}/console.vv", handle_machine_viewer, USERS, SLOW},
    {"GET", "/console/{ticket}", handle_console, OPEN, SLOW},
    {"POST", API "/plans", handle_plan_make, USERS, SLOW, BODY, .by_verb = TRUE},
    {"GET", API "/jobs", handle_job_list, USERS, SLOW, PAGED},
    {"POST", API "/jobs", handle_job_submit, USERS, SLOW, BODY, .by_verb = TRUE, AUDIT = "job"},
    {"GET", API "/jobs/{job}", handle_job_show, USERS, SLOW},
    {"POST", API "/jobs/{job}/cancel", handle_job_cancel, USERS, SLOW, AUDIT = "job-cancel"},
    {"GET", API "/storage", handle_storage, OPERATORS, SLOW},
    {"GET", API "/layers", handle_layer_list, OPERATORS, QUICK, PAGED},
    {"GET", API "/layers/{layer}", handle_layer_show, OPERATORS, QUICK},
    {"GET", API "/kept-volumes", handle_kept_volume_list, QUICK, PAGED},
    {"GET", API "/domains", handle_domain_list, SLOW, PAGED},
    {"GET", API "/doctor", handle_doctor, SLOW},
    {"GET", API "/events", handle_events, USERS, QUICK, .query = {"after"}},
};

const Route *routes_all(gsize *count_out)
{
    *count_out = G_N_ELEMENTS(routes);
    return routes;
}
