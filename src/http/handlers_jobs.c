/* Jobs: the list, one job with its items, cancelling. */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "http/visibility.h"
#include "model/json.h"

json_t *job_to_api_json(const Api *api, const Job *job, gboolean with_items)
{
    json_t *json = job_to_json(job, with_items);
    double seconds = job_state_is_final(job->state) ? -1 : jobs_estimate(api->jobs, job);
    if (seconds >= 0)
        json_object_set_new(json, "estimate_seconds", json_real(seconds));
    return json;
}

static void unref_job(gpointer job)
{
    job_unref(job);
}

/* Jobs of others are skipped, but not for longer than this in one request: the page is shorter
 * then. */
#define SKIPPED_MAX 5000

/* Up to `limit` jobs that he sees; *next_out: where to go on, NULL at the end. Caller frees. */
static GPtrArray *visible_jobs(const Api *api, const HttpRequest *request, const Page *page,
                               char **next_out, GError **error)
{
    gboolean is_confined = identity_is_confined(request->identity);
    guint limit = is_confined ? MAX(page->limit, SKIPPED_MAX) : page->limit;
    /* One more than asked for tells whether another page follows. */
    g_autoptr(GPtrArray) all = jobs_list(api->jobs, page->after, limit + 1, error);
    if (!all)
        return NULL;
    GPtrArray *jobs = g_ptr_array_new_with_free_func(unref_job);
    const Job *last = NULL;
    guint i = 0;
    for (; i < all->len && i < limit && jobs->len < page->limit; i++) {
        last = all->pdata[i];
        if (job_is_visible(request, last))
            g_ptr_array_add(jobs, job_ref(last));
    }
    *next_out = i < all->len ? g_strdup(last->id) : NULL;
    return jobs;
}

HttpResponse *handle_job_list(const Api *api, const HttpRequest *request, GError **error)
{
    Page page;
    g_autofree char *next = NULL;
    if (!page_read(request, &page, error))
        return NULL;
    g_autoptr(GPtrArray) jobs = visible_jobs(api, request, &page, &next, error);
    if (!jobs)
        return NULL;
    json_t *items = json_array();
    for (guint i = 0; i < jobs->len; i++)
        json_array_append_new(items, job_to_api_json(api, jobs->pdata[i], FALSE));
    return page_response(items, next);
}

static Job *visible_job(const Api *api, const HttpRequest *request, GError **error)
{
    const char *id = request->parameters[0];
    g_autoptr(Job) job = jobs_get(api->jobs, id, error);
    if (!job || job_is_visible(request, job))
        return g_steal_pointer(&job);
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin job list'", "no job '%s'", id);
    return NULL;
}

HttpResponse *handle_job_show(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Job) job = visible_job(api, request, error);
    return job ? http_response_json(200, job_to_api_json(api, job, TRUE)) : NULL;
}

HttpResponse *handle_job_cancel(const Api *api, const HttpRequest *request, GError **error)
{
    const char *id = request->parameters[0];
    g_autoptr(Job) found = visible_job(api, request, error);
    if (!found || !jobs_cancel(api->jobs, id, error))
        return NULL;
    g_autoptr(Job) job = jobs_get(api->jobs, id, error);
    return job ? http_response_json(202, job_to_api_json(api, job, TRUE)) : NULL;
}
