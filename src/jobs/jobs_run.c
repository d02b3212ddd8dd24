/* A worker's work: run a job, keep its published snapshot up, conclude it; and take jobs up again
 * after a restart. */
#include "jobs/jobs_private.h"

/* How the run ended is published by conclude() alone: from then on others write to the snapshot
 * too. */
static void publish(Jobs *jobs, const Job *job, const JobItem *item)
{
    if (job->state != JOB_RUNNING)
        return;
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, job->id);
    if (open)
        open_job_publish(open, job, item);
    g_mutex_unlock(&jobs->lock);
}

static void hear_progress(Job *job, JobItem *item, gpointer user_data)
{
    publish(user_data, job, item);
    if (job->state != JOB_RUNNING)
        return;
    jobs_tell(user_data, item ? JOBS_ITEM_CHANGED : JOBS_JOB_CHANGED, job, item);
}

/* The job's last word: stored, where the run has not done that with its last machines, and, once
 * final, no longer open. */
static void conclude(Jobs *jobs, const Job *job)
{
    g_autoptr(GError) error = NULL;
    if (!job->end_recorded && !catalog_put_job(jobs->catalog, job, &error))
        g_warning("recording the end of job %s: %s", job->id, error->message);
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, job->id);
    if (open) {
        g_hash_table_remove_all(open->items);
        g_clear_pointer(&open->published, job_unref);
        open_job_publish(open, job, NULL);
    }
    recent_jobs_change(jobs->recent, job);
    if (job_state_is_final(job->state))
        g_hash_table_remove(jobs->open, job->id);
    jobs->care_wanted = TRUE;
    g_cond_broadcast(&jobs->care_wake);
    g_mutex_unlock(&jobs->lock);
    jobs_tell(jobs, JOBS_JOB_CHANGED, job, NULL);
}

static Job *begin(Jobs *jobs, const char *id, GCancellable **cancellable_out)
{
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, id);
    Job *job = open && !jobs->stopping ? job_copy(open->published) : NULL;
    if (job) {
        open->run_started_us = g_get_monotonic_time();
        *cancellable_out = g_object_ref(open->cancellable);
    }
    g_mutex_unlock(&jobs->lock);
    return job;
}

static gboolean is_stopping(Jobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    gboolean stopping = jobs->stopping;
    g_mutex_unlock(&jobs->lock);
    return stopping;
}

static GPtrArray *items_in_state(const Job *job, ItemState state)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (item->state == state)
            g_ptr_array_add(ids, g_strdup(item->machine_id));
    }
    return ids;
}

/* A machine may have stopped and moved between its item's "pending" and the end of the run: look
 * again. */
static void settle_pending_again(Jobs *jobs, const Job *job)
{
    g_autoptr(GPtrArray) ids = items_in_state(job, ITEM_PENDING);
    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(Machine) machine =
            engine_find_machine(jobs->engine, g_ptr_array_index(ids, i), NULL);
        if (!machine || !machine_is_pending(machine))
            jobs_machine_settled(jobs, g_ptr_array_index(ids, i), NULL);
        else
            jobs_want_settle(jobs, machine->id);
    }
}

void jobs_run_one(gpointer job_id, gpointer user_data)
{
    Jobs *jobs = user_data;
    g_autofree char *id = job_id;
    g_autoptr(GCancellable) cancellable = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Job) job = begin(jobs, id, &cancellable);
    if (!job)
        return;
    if (!engine_run(jobs->engine, job, hear_progress, jobs, cancellable, &error))
        g_message("job %s (%s): %s", id, verb_name(job->request->verb), error->message);
    /* Interrupted by our own stop before its commit: it stays queued in the catalog. */
    if (job->state == JOB_CANCELLED && is_stopping(jobs))
        return;
    conclude(jobs, job);
    if (job->state == JOB_PENDING)
        settle_pending_again(jobs, job);
    /* Cancelled after its commit, while it was still running: what is left of it is what is
     * pending. */
    if (job->state == JOB_PENDING && g_cancellable_is_cancelled(cancellable) &&
        !is_stopping(jobs) && !jobs_cancel_pending(jobs, job, &error))
        g_message("cancelling what is pending of job %s: %s", id, error->message);
}

/* --- pending machines
 * -------------------------------------------------------------------------------------- */

static JobState final_state(const Job *job)
{
    g_autoptr(GPtrArray) failed = items_in_state(job, ITEM_FAILED);
    g_autoptr(GPtrArray) cancelled = items_in_state(job, ITEM_CANCELLED);
    return failed->len ? JOB_FAILED : cancelled->len ? JOB_CANCELLED : JOB_DONE;
}

static void settle_item(JobItem *item, const GError *error, const char *receipt)
{
    if (receipt) {
        g_free(item->receipt);
        item->receipt = g_strdup(receipt);
    }
    if (!error) {
        item->state = ITEM_DONE;
        g_clear_pointer(&item->message, g_free);
        return;
    }
    job_item_set_error(item, error);
    if (error_code(error) == UNDERPIN_ERROR_CANCELLED)
        item->state = ITEM_CANCELLED;
}

static gboolean waits_for(const OpenJob *open, const char *machine_id)
{
    const JobItem *item = g_hash_table_lookup(open->items, machine_id);
    return item && item->state == ITEM_PENDING && open->published->state == JOB_PENDING;
}

/* A job that runs takes its machine's receipt itself: it is left for it where no other job waits.
 */
static char *take_awaited_receipt(Jobs *jobs, const char *machine_id)
{
    gboolean is_awaited = FALSE;
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&jobs->lock);
    g_hash_table_iter_init(&iter, jobs->open);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        is_awaited = is_awaited || waits_for(value, machine_id);
    g_mutex_unlock(&jobs->lock);
    return is_awaited ? engine_take_receipt(jobs->engine, machine_id) : NULL;
}

/* The pending jobs that wait for the machine, each as a private copy with its item brought up to
 * date. */
static GPtrArray *jobs_waiting_for(Jobs *jobs, const char *machine_id, const GError *error)
{
    g_autofree char *receipt = take_awaited_receipt(jobs, machine_id);
    GPtrArray *waiting = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&jobs->lock);
    g_hash_table_iter_init(&iter, jobs->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        OpenJob *open = value;
        if (!waits_for(open, machine_id))
            continue;
        settle_item(g_hash_table_lookup(open->items, machine_id), error, receipt);
        open->published->done++;
        g_ptr_array_add(waiting, job_copy(open->published));
    }
    g_mutex_unlock(&jobs->lock);
    return waiting;
}

void jobs_machine_settled(Jobs *jobs, const char *machine_id, const GError *error)
{
    g_autoptr(GPtrArray) waiting = jobs_waiting_for(jobs, machine_id, error);
    for (guint i = 0; i < waiting->len; i++) {
        Job *job = g_ptr_array_index(waiting, i);
        g_autoptr(GPtrArray) pending = items_in_state(job, ITEM_PENDING);
        if (!pending->len) {
            job->state = final_state(job);
            job->finished_at = clock_now(jobs->clock);
        }
        jobs_tell(jobs, JOBS_ITEM_CHANGED, job, job_item(job, machine_id));
        conclude(jobs, job);
        if (job->request->digest && job_item(job, machine_id)->receipt)
            jobs_want_digest(jobs, job->id, machine_id);
    }
}

/* --- after a restart
 * --------------------------------------------------------------------------------------- */

/* Doing these twice is not what was asked for. */
static gboolean must_not_repeat(Verb verb)
{
    return verb == VERB_REBOOT || verb == VERB_BACKUP;
}

static void resume_item(Jobs *jobs, JobItem *item)
{
    g_autoptr(Machine) machine = engine_find_machine(jobs->engine, item->machine_id, NULL);
    if (item->state != ITEM_WAITING && item->state != ITEM_RUNNING && item->state != ITEM_PENDING)
        return;
    g_autoptr(GError) behind = NULL;
    if (machine && machine_is_pending(machine)) {
        item->state = ITEM_PENDING;
        return;
    }
    if (machine && machine->behind_reason)
        error_set(&behind, UNDERPIN_ERROR_BACKEND, "remove the cause and try again", "%s",
                  machine->behind_reason);
    settle_item(item, behind, NULL);
}

/* Committed: what the recovery has not settled yet is pending. */
static void resume_committed(Jobs *jobs, const Job *stored)
{
    g_autoptr(Job) job = job_copy(stored);
    for (guint i = 0; i < job->items->len; i++)
        resume_item(jobs, g_ptr_array_index(job->items, i));
    g_autoptr(GPtrArray) pending = items_in_state(job, ITEM_PENDING);
    job->state = pending->len ? JOB_PENDING : final_state(job);
    job->finished_at = pending->len ? 0 : clock_now(jobs->clock);
    g_clear_pointer(&job->phase, g_free);
    g_mutex_lock(&jobs->lock);
    g_hash_table_insert(jobs->open, g_strdup(job->id), open_job_new(job));
    g_mutex_unlock(&jobs->lock);
    conclude(jobs, job);
    for (guint i = 0; i < pending->len; i++)
        jobs_want_settle(jobs, g_ptr_array_index(pending, i));
}

static void fail_interrupted(Jobs *jobs, const Job *stored)
{
    g_autoptr(Job) job = job_copy(stored);
    job->state = JOB_FAILED;
    job->error_code = UNDERPIN_ERROR_CANCELLED;
    job->message = g_strdup("interrupted by a restart of underpind");
    job->hint = g_strdup("ask for it again if it is still wanted");
    job->finished_at = clock_now(jobs->clock);
    conclude(jobs, job);
}

void jobs_resume(Jobs *jobs, const Job *job)
{
    if (job->committed) {
        resume_committed(jobs, job);
        return;
    }
    if (job->state != JOB_QUEUED && must_not_repeat(job->request->verb)) {
        fail_interrupted(jobs, job);
        return;
    }
    g_mutex_lock(&jobs->lock);
    g_hash_table_insert(jobs->open, g_strdup(job->id), open_job_new(job));
    g_thread_pool_push(jobs->workers, g_strdup(job->id), NULL);
    g_mutex_unlock(&jobs->lock);
}
