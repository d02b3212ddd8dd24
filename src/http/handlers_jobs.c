/* Jobs: the list, one job with its items, cancelling. */
#include "http/handlers.h"
#include "http/page.h"
#include "model/json.h"

json_t *job_to_api_json(const Api *api, const Job *job, gboolean with_items)
{
    json_t *json = job_to_json(job, with_items);
    double seconds = job_state_is_final(job->state) ? -1 : jobs_estimate(api->jobs, job);
    if (seconds >= 0)
        json_object_set_new(json, "estimate_seconds", json_real(seconds));
    return json;
}

HttpResponse *handle_job_list(const Api *api, const HttpRequest *request, GError **error)
{
    Page page;
    if (!page_read(request, &page, error))
        return NULL;
    /* One more than asked for tells whether another page follows. */
    g_autoptr(GPtrArray) jobs = jobs_list(api->jobs, page.after, page.limit + 1, error);
    if (!jobs)
        return NULL;
    json_t *items = json_array();
    const Job *last = NULL;
    for (guint i = 0; i < jobs->len && i < page.limit; i++) {
        last = jobs->pdata[i];
        json_array_append_new(items, job_to_api_json(api, last, FALSE));
    }
    return page_response(items, jobs->len > page.limit ? last->id : NULL);
}

HttpResponse *handle_job_show(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Job) job = jobs_get(api->jobs, request->parameters[0], error);
    return job ? http_response_json(200, job_to_api_json(api, job, TRUE)) : NULL;
}

HttpResponse *handle_job_cancel(const Api *api, const HttpRequest *request, GError **error)
{
    const char *id = request->parameters[0];
    if (!jobs_cancel(api->jobs, id, error))
        return NULL;
    g_autoptr(Job) job = jobs_get(api->jobs, id, error);
    return job ? http_response_json(202, job_to_api_json(api, job, TRUE)) : NULL;
}
