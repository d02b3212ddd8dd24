/* How the whole is: health for monitors, status for people, doctor for both. */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "http/static_files.h"
#include "http/web_server.h"
#include "model/json.h"
#include "model/json_put.h"

typedef struct {
    const char *libvirt, *store, *hook;
    json_t *problems;
} Health;

static void add_problem(Health *health, const char *text)
{
    json_array_append_new(health->problems, json_text(text));
}

static const char *libvirt_text(const EngineStatus *status)
{
    return status->libvirt_connected ? "connected" : "away";
}

static const char *hook_text(const EngineStatus *status)
{
    return status->hook_in_force  ? "in force"
           : status->hook_problem ? "not in force"
                                  : "not tried yet";
}

static void health_of_engine(const Api *api, Health *health)
{
    EngineStatus status = {0};
    g_autoptr(GError) failure = NULL;
    if (!engine_status(api->engine, &status, &failure)) {
        health->store = "questioned";
        add_problem(health, failure->message);
        return;
    }
    health->libvirt = libvirt_text(&status);
    health->hook = hook_text(&status);
    if (!status.libvirt_connected)
        add_problem(health, "libvirt does not answer");
    if (!status.hook_in_force)
        add_problem(health,
                    status.hook_problem ? status.hook_problem : "the start hook was not tried yet");
    engine_status_clear(&status);
}

static void health_of_question(const Api *api, Health *health)
{
    g_autoptr(GError) question = engine_question(api->engine);
    if (!question)
        return;
    health->store = "questioned";
    add_problem(health, question->message);
}

/* A monitor needs no login to see that something is wrong; what it is names paths of the host. */
static json_t *problems_for(const HttpRequest *request, json_t *problems)
{
    gboolean may_see = request->peer.is_unix || !identity_is_confined(request->identity);
    return may_see ? json_incref(problems) : json_array();
}

HttpResponse *handle_health(const Api *api, const HttpRequest *request, GError **error)
{
    (void)error;
    Health health = {
        .libvirt = "away", .store = "ok", .hook = "not tried yet", .problems = json_array()};
    health_of_question(api, &health);
    health_of_engine(api, &health);
    json_t *json = json_object();
    json_put_text(json, "status", json_array_size(health.problems) == 0 ? "ok" : "degraded");
    json_put_text(json, "version", UNDERPIN_VERSION);
    json_put_text(json, "libvirt", health.libvirt);
    json_put_text(json, "store", health.store);
    json_put_text(json, "hook", health.hook);
    json_object_set_new(json, "problems", problems_for(request, health.problems));
    json_decref(health.problems);
    return http_response_json(g_str_equal(health.store, "questioned") ? 503 : 200, json);
}

static json_t *store_to_json(const StoreStatus *store, const char *path)
{
    json_t *json = json_object();
    json_put_text(json, "uuid", store->uuid);
    json_put_text(json, "path", path);
    json_put_number(json, "generation", store->generation);
    json_put_number(json, "size_bytes", store->size_bytes);
    json_put_number(json, "free_bytes", store->free_bytes);
    json_put_flag(json, "protects_layers", store->protection != LAYERS_UNPROTECTED);
    json_put_text(json, "layer_protection", layer_protection_name(store->protection));
    json_put_flag(json, "exchanges", store->exchanges);
    return json;
}

static void put_counts(json_t *json, const EngineStatus *status)
{
    const struct {
        const char *name;
        guint64 number;
    } counts[] = {
        {"machines", status->machines},
        {"bases", status->bases},
        {"clones", status->clones},
        {"pending", status->pending},
        {"running", status->running},
        {"held", status->held},
        {"behind", status->behind},
        {"undo_entries", status->entries},
        {"undo_bytes", status->held_bytes},
        {"kept_bytes", status->kept_bytes},
        {"reclaimable_bytes", status->reclaimable_bytes},
    };
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
        json_put_number(json, counts[i].name, counts[i].number);
}

static void put_question(const Api *api, json_t *json)
{
    g_autoptr(GError) question = engine_question(api->engine);
    if (question)
        json_object_set_new(json, "question", error_to_json(question));
}

/* Where the web page is; what keeps it from answering, with the remedy. */
static json_t *web_to_json(WebServer *web)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *address = NULL, *fingerprint = NULL;
    json_t *json = json_object();
    if (!web) {
        json_put_text(json, "state", "off");
        return json;
    }
    gboolean answers = web_server_check(web, &problem);
    address = web_server_address(web);
    fingerprint = web_server_fingerprint(web);
    json_put_text(json, "state", answers ? "answering" : "unavailable");
    json_put_flag(json, "page", static_files_have_page());
    json_put_text(json, "address", address);
    json_put_text_if_any(json, "fingerprint", fingerprint);
    if (problem)
        json_object_set_new(json, "problem", error_to_json(problem));
    return json;
}

HttpResponse *handle_status(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    EngineStatus status = {0};
    if (!engine_status(api->engine, &status, error))
        return NULL;
    json_t *json = json_object();
    json_put_text(json, "version", UNDERPIN_VERSION);
    put_counts(json, &status);
    json_put_text(json, "libvirt", libvirt_text(&status));
    json_put_text(json, "hook", hook_text(&status));
    json_put_text_if_any(json, "hook_problem", status.hook_problem);
    put_question(api, json);
    json_object_set_new(json, "web", web_to_json(api->web));
    json_object_set_new(json, "store", store_to_json(&status.store, api->store_path));
    engine_status_clear(&status);
    return http_response_json(200, json);
}

static json_t *finding_to_json(const Finding *finding)
{
    static const char *const levels[] = {
        [FINDING_INFO] = "info", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error"};
    json_t *json = json_object();
    json_put_text(json, "id", finding->id);
    json_put_text(json, "level", levels[finding->level]);
    json_put_text(json, "subject", finding->subject);
    json_put_text(json, "text", finding->text);
    json_put_text(json, "remedy", finding->remedy);
    json_put_flag(json, "repairable", finding->repairable);
    return json;
}

static void append_problem(json_t *items, const char *id, FindingLevel level, const char *subject,
                           const GError *problem)
{
    const Finding finding = {.id = (char *)id,
                             .level = level,
                             .subject = (char *)subject,
                             .text = problem->message,
                             .remedy = (char *)error_hint(problem)};
    json_array_append_new(items, finding_to_json(&finding));
}

/* Until somebody has made an account again, or put the copy back. */
static void append_missing_accounts(const Api *api, json_t *items)
{
    gboolean is_needed = FALSE;
    g_autoptr(GError) missing = NULL;
    if (!api->accounts_missing || !access_needs_setup(api->access, &is_needed, NULL) || !is_needed)
        return;
    error_set(&missing, UNDERPIN_ERROR_NOT_FOUND,
              "stop underpind and put FILE.accounts of a backup in its place; or make the first "
              "administrator anew: 'underpin account setup-link'",
              "the file of accounts beside the catalog was gone: nobody but root is known");
    append_problem(items, "accounts-missing", FINDING_WARNING, "accounts", missing);
}

/* The engine knows nothing of the web page and who may see it. */
static void append_web_findings(const Api *api, json_t *items)
{
    g_autoptr(GError) problem = NULL;
    if (api->web && !web_server_check(api->web, &problem))
        append_problem(items, "web-unavailable", FINDING_WARNING, "web page", problem);
    if (access_problem(api->access))
        append_problem(items, "accounts-unusable", FINDING_ERROR, "accounts",
                       access_problem(api->access));
    append_missing_accounts(api, items);
}

HttpResponse *handle_doctor(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    g_autoptr(GPtrArray) findings = engine_doctor(api->engine, error);
    if (!findings)
        return NULL;
    json_t *items = json_array();
    for (guint i = 0; i < findings->len; i++)
        json_array_append_new(items, finding_to_json(findings->pdata[i]));
    append_web_findings(api, items);
    json_t *json = json_object();
    json_object_set_new(json, "items", items);
    put_question(api, json);
    return http_response_json(200, json);
}
