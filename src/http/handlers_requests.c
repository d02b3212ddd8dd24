/* Plans and new jobs: both take the same request, so that a dry run and the run cannot differ in
 * what was asked. */
#include <string.h>

#include "foundation/error.h"
#include "http/handlers.h"
#include "model/plan.h"
#include "model/request.h"

#define KEY_LENGTH_MAX 128

static Request *read_request(const HttpRequest *http, GError **error)
{
    json_t *json = http_request_json(http, error);
    if (!json)
        return NULL;
    g_autoptr(Request) request = request_from_json(json, error);
    json_decref(json);
    if (!request || !request_validate(request, error))
        return NULL;
    return g_steal_pointer(&request);
}

static gboolean take_key(Request *request, const char *key, GError **error)
{
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
    request->idempotency_key = g_strdup(key);
    return TRUE;
}

HttpResponse *handle_plan_make(const Api *api, const HttpRequest *http, GError **error)
{
    g_autoptr(Request) request = read_request(http, error);
    g_autoptr(Plan) plan = request ? engine_plan(api->engine, request, error) : NULL;
    return plan ? http_response_json(200, plan_to_json(plan)) : NULL;
}

HttpResponse *handle_job_submit(const Api *api, const HttpRequest *http, GError **error)
{
    g_autoptr(Request) request = read_request(http, error);
    if (!request || !take_key(request, http_request_header(http, "Idempotency-Key"), error))
        return NULL;
    g_autofree char *requested_by = peer_describe(&http->peer);
    g_autoptr(Job) job = jobs_submit(api->jobs, request, requested_by, error);
    if (!job)
        return NULL;
    HttpResponse *response = http_response_json(202, job_to_api_json(api, job, FALSE));
    g_autofree char *location = g_strdup_printf("/api/v1/jobs/%s", job->id);
    http_response_add_header(response, "Location", location);
    return response;
}
