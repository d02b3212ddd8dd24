/* Plans and new jobs: both take the same request, so that a dry run and the run cannot differ in
 * what was asked. */
#include <string.h>

#include "foundation/error.h"
#include "http/handlers.h"
#include "http/visibility.h"
#include "model/plan.h"
#include "model/request.h"

#define KEY_LENGTH_MAX 128

static Request *read_request(const Api *api, const HttpRequest *http, GError **error)
{
    json_t *json = http_request_json(http, error);
    if (!json)
        return NULL;
    g_autoptr(Request) request = request_from_json(json, error);
    json_decref(json);
    if (!request || !request_validate(request, error) ||
        !confine_request(api, http, request, error))
        return NULL;
    return g_steal_pointer(&request);
}

/* Keys are an account's own: nobody gets at another's job by its key. */
static gboolean take_key(Request *request, const HttpRequest *http, GError **error)
{
    const char *key = http_request_header(http, "Idempotency-Key");
    const char *account_id = http->identity->account_id;
    if (!key)
        return TRUE;
    gsize length = strlen(key);
    gboolean is_valid = length > 0 && length <= KEY_LENGTH_MAX;
    for (gsize i = 0; i < length; i++)
        is_valid = is_valid && g_ascii_isgraph(key[i]);
    if (!is_valid)
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "send 1 to 128 printable characters, such as a UUID",
                         "the Idempotency-Key cannot be used");
    g_free(request->idempotency_key);
    request->idempotency_key =
        account_id ? g_strdup_printf("%s:%s", account_id, key) : g_strdup(key);
    return TRUE;
}

HttpResponse *handle_plan_make(const Api *api, const HttpRequest *http, GError **error)
{
    g_autoptr(Request) request = read_request(api, http, error);
    g_autoptr(Plan) plan = request ? engine_plan(api->engine, request, error) : NULL;
    return plan ? http_response_json(200, plan_to_json(plan)) : NULL;
}

/* An open job with the same request is taken for this one, unless it is not his to see. */
static gboolean refuse_others(const HttpRequest *http, const Job *job, GError **error)
{
    if (job_is_visible(http, job))
        return FALSE;
    error_set(error, UNDERPIN_ERROR_BUSY, "try again when it is done",
              "somebody else has asked for the same, and it is being done");
    return TRUE;
}

static void note_job(const Api *api, AuditEntry *entry, const Job *job)
{
    const GPtrArray *machines = job->request->machines;
    g_autoptr(Machine) machine =
        machines->len == 1 ? engine_find_machine(api->engine, machines->pdata[0], NULL) : NULL;
    entry->result = g_strdup(AUDIT_ACCEPTED);
    entry->job = g_strdup(job->id);
    entry->machine = machine ? g_strdup(machine->name) : NULL;
}

HttpResponse *handle_job_submit(const Api *api, const HttpRequest *http, GError **error)
{
    g_autoptr(Request) request = read_request(api, http, error);
    if (!request || !take_key(request, http, error))
        return NULL;
    g_autoptr(Job) job = jobs_submit(api->jobs, request, http->identity->name, error);
    if (!job || refuse_others(http, job, error))
        return NULL;
    HttpResponse *response = http_response_json(202, job_to_api_json(api, job, FALSE));
    g_autofree char *location = g_strdup_printf("/api/v1/jobs/%s", job->id);
    http_response_add_header(response, "Location", location);
    note_job(api, http_response_audit(response), job);
    return response;
}
