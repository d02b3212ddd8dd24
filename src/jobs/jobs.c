/* The queue's face: submit, look at, cancel. */
#include "jobs/jobs.h"

#include "foundation/ids.h"
#include "jobs/jobs_private.h"

#define SECONDS_A_DAY G_GINT64_CONSTANT(86400)
#define HISTORY_DAYS  90
#define HISTORY_MOST  10000

OpenJob *open_job_new(const Job *job)
{
    OpenJob *open = g_new0(OpenJob, 1);
    open->items = g_hash_table_new(g_str_hash, g_str_equal);
    open->cancellable = g_cancellable_new();
    open_job_publish(open, job, NULL);
    return open;
}

void open_job_free(OpenJob *open)
{
    job_unref(open->published);
    g_hash_table_unref(open->items);
    g_object_unref(open->cancellable);
    g_free(open);
}

static void publish_all(OpenJob *open, const Job *job)
{
    Job *copy = job_copy(job);
    g_hash_table_remove_all(open->items);
    g_clear_pointer(&open->published, job_unref);
    open->published = copy;
    for (guint i = 0; i < copy->items->len; i++) {
        JobItem *item = g_ptr_array_index(copy->items, i);
        g_hash_table_insert(open->items, item->machine_id, item);
    }
}

static void replace_text(char **text, const char *value)
{
    g_free(*text);
    *text = g_strdup(value);
}

void open_job_publish(OpenJob *open, const Job *job, const JobItem *item)
{
    if (!open->published || open->published->items->len != job->items->len) {
        publish_all(open, job);
        return;
    }
    Job *published = open->published;
    published->state = job->state;
    published->started_at = job->started_at;
    published->finished_at = job->finished_at;
    published->done = job->done;
    published->total = job->total;
    published->committed = job->committed;
    published->error_code = job->error_code;
    replace_text(&published->phase, job->phase);
    replace_text(&published->message, job->message);
    replace_text(&published->hint, job->hint);
    JobItem *copy = item ? g_hash_table_lookup(open->items, item->machine_id) : NULL;
    if (!copy)
        return;
    copy->state = item->state;
    copy->error_code = item->error_code;
    replace_text(&copy->message, item->message);
    replace_text(&copy->hint, item->hint);
    replace_text(&copy->receipt, item->receipt);
}

void jobs_tell(Jobs *jobs, JobsEvent event, const Job *job, const JobItem *item)
{
    if (jobs->listener)
        jobs->listener(event, job, item, jobs->listener_data);
}

/* --- life
 * --------------------------------------------------------------------------------------------------
 */

static void hear_engine(EngineEvent event, const char *id, const GError *error, gpointer user_data)
{
    Jobs *jobs = user_data;
    if (event == ENGINE_WANTS_SETTLE)
        jobs_want_settle(jobs, id);
    if (event == ENGINE_MACHINE_SETTLED)
        jobs_machine_settled(jobs, id, error);
    if (jobs->engine_listener)
        jobs->engine_listener(event, id, error, jobs->engine_listener_data);
}

Jobs *jobs_new(Engine *engine, Catalog *catalog, Clock *clock, guint workers)
{
    Jobs *jobs = g_new0(Jobs, 1);
    jobs->engine = engine;
    jobs->catalog = catalog;
    jobs->clock = clock;
    jobs->worker_count = MAX(workers, 1);
    jobs_set_history(jobs, HISTORY_DAYS * SECONDS_A_DAY, HISTORY_MOST);
    g_mutex_init(&jobs->submit_lock);
    g_mutex_init(&jobs->lock);
    jobs->recent = recent_jobs_new();
    g_cond_init(&jobs->care_wake);
    jobs->open =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)open_job_free);
    jobs->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    jobs->settling = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    jobs->retry = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    jobs->care_cancellable = g_cancellable_new();
    jobs->event_queue = g_async_queue_new();
    g_queue_init(&jobs->digests);
    engine_listen(engine, hear_engine, jobs);
    return jobs;
}

void jobs_free(Jobs *jobs)
{
    if (!jobs)
        return;
    engine_listen(jobs->engine, NULL, NULL);
    g_hash_table_unref(jobs->open);
    g_hash_table_unref(jobs->wanted);
    g_hash_table_unref(jobs->settling);
    g_hash_table_unref(jobs->retry);
    g_object_unref(jobs->care_cancellable);
    g_queue_clear_full(&jobs->digests, (GDestroyNotify)digest_wish_free);
    g_async_queue_unref(jobs->event_queue);
    recent_jobs_free(jobs->recent);
    g_mutex_clear(&jobs->submit_lock);
    g_mutex_clear(&jobs->lock);
    g_cond_clear(&jobs->care_wake);
    g_free(jobs);
}

void jobs_listen(Jobs *jobs, JobsListener listener, gpointer user_data)
{
    jobs->listener = listener;
    jobs->listener_data = user_data;
}

void jobs_listen_engine(Jobs *jobs, EngineListener listener, gpointer user_data)
{
    jobs->engine_listener = listener;
    jobs->engine_listener_data = user_data;
}

void jobs_set_history(Jobs *jobs, gint64 retention_seconds, guint most)
{
    jobs->history_seconds = retention_seconds;
    jobs->history_most = most;
}

static gboolean load_recent(Jobs *jobs, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) submit_locker = g_mutex_locker_new(&jobs->submit_lock);
    guint limit = recent_jobs_limit();
    g_autoptr(GPtrArray) newest = catalog_list_jobs(jobs->catalog, NULL, limit, error);
    if (!newest)
        return FALSE;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
    recent_jobs_load(jobs->recent, newest, newest->len < limit);
    return TRUE;
}

gboolean jobs_start(Jobs *jobs, GError **error)
{
    g_autoptr(GPtrArray) open = catalog_open_jobs(jobs->catalog, error);
    if (!open || !load_recent(jobs, error))
        return FALSE;
    jobs->workers = g_thread_pool_new(jobs_run_one, jobs, (int)jobs->worker_count, FALSE, NULL);
    jobs->settlers = g_thread_pool_new(jobs_settle_one, jobs, (int)jobs->worker_count, FALSE, NULL);
    jobs_care_start(jobs);
    for (guint i = 0; i < open->len; i++)
        jobs_resume(jobs, g_ptr_array_index(open, i));
    g_mutex_lock(&jobs->lock);
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, jobs->wanted);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_thread_pool_push(jobs->settlers, g_strdup(key), NULL);
    g_mutex_unlock(&jobs->lock);
    return TRUE;
}

/* What has not been committed is given up, and taken up again after the restart; waiting for guests
 * ends. */
static void interrupt_running(Jobs *jobs)
{
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&jobs->lock);
    jobs->stopping = TRUE;
    g_hash_table_iter_init(&iter, jobs->open);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_cancellable_cancel(((OpenJob *)value)->cancellable);
    g_cond_broadcast(&jobs->care_wake);
    g_mutex_unlock(&jobs->lock);
    g_cancellable_cancel(jobs->care_cancellable);
}

void jobs_stop(Jobs *jobs)
{
    if (!jobs->workers)
        return;
    interrupt_running(jobs);
    g_thread_pool_free(jobs->workers, FALSE, TRUE);
    g_thread_pool_free(jobs->settlers, FALSE, TRUE);
    jobs->workers = jobs->settlers = NULL;
    jobs_care_stop(jobs);
}

/* --- submit
 * ------------------------------------------------------------------------------------------------
 */

/* A job that only waits for machines to stop has done the rest: what it left out, a new one is to
 * try again. */
static gboolean answers_for_all(const Job *job)
{
    for (guint i = 0; job->state == JOB_PENDING && i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (item->state == ITEM_FAILED || item->state == ITEM_SKIPPED)
            return FALSE;
    }
    return TRUE;
}

/* An open job that asks for the same thing. New reference, or NULL. Caller holds the lock. */
static Job *same_open_job(Jobs *jobs, const Request *request)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, jobs->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        OpenJob *open = value;
        if (request_is_same(open->published->request, request) && answers_for_all(open->published))
            return job_copy(open->published);
    }
    return NULL;
}

static gboolean find_existing(Jobs *jobs, const Request *request, Job **job_out, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (request->idempotency_key) {
        *job_out = catalog_job_by_key(jobs->catalog, request->idempotency_key, &problem);
        if (problem) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return FALSE;
        }
    }
    if (*job_out)
        return TRUE;
    g_mutex_lock(&jobs->lock);
    *job_out = same_open_job(jobs, request);
    g_mutex_unlock(&jobs->lock);
    return TRUE;
}

static gboolean record_new(Jobs *jobs, const Job *job, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) submit_locker = g_mutex_locker_new(&jobs->submit_lock);
    if (!catalog_put_job(jobs->catalog, job, error))
        return FALSE;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
    recent_jobs_add(jobs->recent, job);
    return TRUE;
}

Job *jobs_submit(Jobs *jobs, const Request *request, const char *requested_by, GError **error)
{
    Job *existing = NULL;
    if (!request_validate(request, error) || !find_existing(jobs, request, &existing, error))
        return NULL;
    if (existing)
        return existing;
    g_autofree char *id = id_new();
    g_autoptr(Job) job = job_new(id, request, requested_by, clock_now(jobs->clock));
    if (!record_new(jobs, job, error))
        return NULL;
    Job *snapshot = job_copy(job);
    jobs_tell(jobs, JOBS_JOB_CHANGED, snapshot, NULL); /* before anything that a worker can tell */
    g_mutex_lock(&jobs->lock);
    g_hash_table_insert(jobs->open, g_strdup(id), open_job_new(job));
    if (jobs->workers && !jobs->stopping)
        g_thread_pool_push(jobs->workers, g_strdup(id), NULL);
    g_mutex_unlock(&jobs->lock);
    return snapshot;
}

/* --- looking
 * -----------------------------------------------------------------------------------------------
 */

static Job *open_snapshot(Jobs *jobs, const char *id)
{
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, id);
    Job *snapshot = open ? job_copy(open->published) : NULL;
    g_mutex_unlock(&jobs->lock);
    return snapshot;
}

Job *jobs_get(Jobs *jobs, const char *id, GError **error)
{
    Job *snapshot = open_snapshot(jobs, id);
    return snapshot ? snapshot : catalog_get_job(jobs->catalog, id, error);
}

/* Jobs that are open are in the list as they are now. Caller holds the lock. */
static void put_live(Jobs *jobs, GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        Job *stored = g_ptr_array_index(list, i);
        OpenJob *open = g_hash_table_lookup(jobs->open, stored->id);
        if (!open)
            continue;
        list->pdata[i] = job_copy(open->published);
        job_unref(stored);
    }
}

static GPtrArray *recent_page(Jobs *jobs, const char *before_id, guint limit)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
    GPtrArray *list = recent_jobs_page(jobs->recent, before_id, limit);
    if (list)
        put_live(jobs, list);
    return list;
}

GPtrArray *jobs_list(Jobs *jobs, const char *before_id, guint limit, GError **error)
{
    GPtrArray *list = recent_page(jobs, before_id, limit);
    if (list)
        return list;
    list = catalog_list_jobs(jobs->catalog, before_id, limit, error);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
    if (list)
        put_live(jobs, list);
    return list;
}

double jobs_estimate(Jobs *jobs, const Job *job)
{
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, job->id);
    gint64 started = open ? open->run_started_us : 0;
    g_mutex_unlock(&jobs->lock);
    if (job->state != JOB_RUNNING || !started || !job->done || job->done >= job->total)
        return -1;
    double elapsed = (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
    return elapsed / job->done * (job->total - job->done);
}

/* --- cancel
 * ------------------------------------------------------------------------------------------------
 */

gboolean jobs_cancel_pending(Jobs *jobs, const Job *job, GError **error)
{
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (item->state == ITEM_PENDING &&
            !engine_cancel_pending(jobs->engine, item->machine_id, error))
            return FALSE;
    }
    return TRUE;
}

gboolean jobs_cancel(Jobs *jobs, const char *id, GError **error)
{
    g_autoptr(Job) job = jobs_get(jobs, id, error);
    if (!job)
        return FALSE;
    if (job_state_is_final(job->state))
        return error_set(error, UNDERPIN_ERROR_REFUSED,
                         "what it replaced comes back with 'underpin undo'", "job %s is %s already",
                         id, job_state_name(job->state));
    if (job->state == JOB_PENDING)
        return jobs_cancel_pending(jobs, job, error);
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, id);
    if (open)
        g_cancellable_cancel(open->cancellable);
    g_mutex_unlock(&jobs->lock);
    return TRUE;
}
