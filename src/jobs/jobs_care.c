/* Background care: settles that were asked for, reclaim, history; maintenance of layers on a thread
 * of its own; and libvirt's events, in their order. */
#include "engine/space.h"
#include "jobs/jobs_private.h"

/* Retention is a matter of days: a look a minute is plenty. A finished job wakes it at once. */
#define CARE_SECONDS 60
/* Of finished jobs: so many in one transaction, which commits wait for. */
#define PRUNE_SECONDS (60 * 60)
#define PRUNE_AT_ONCE 16
/* A settle that found the machine stopped but not yet let go of (a QEMU that is dying) is tried
 * again this soon. */
#define RETRY_SECONDS 2

/* --- settles
 * -----------------------------------------------------------------------------------------------
 */

/* Caller holds the lock. One that runs may have asked for the machine's power before it stopped: it
 * is followed by another, instead of being met by it. */
static void queue_settle(Jobs *jobs, const char *machine_id)
{
    if (g_hash_table_contains(jobs->settling, machine_id)) {
        g_hash_table_insert(jobs->settling, g_strdup(machine_id), GINT_TO_POINTER(TRUE));
        return;
    }
    gboolean is_new = !jobs->stopping && g_hash_table_add(jobs->wanted, g_strdup(machine_id));
    if (is_new && jobs->settlers)
        g_thread_pool_push(jobs->settlers, g_strdup(machine_id), NULL);
}

void jobs_want_settle(Jobs *jobs, const char *machine_id)
{
    g_mutex_lock(&jobs->lock);
    queue_settle(jobs, machine_id);
    g_mutex_unlock(&jobs->lock);
}

/* BUSY ends with an event of its own (a stop, the end of a job); everything else is tried again. */
static void settle(Jobs *jobs, const char *id)
{
    g_autoptr(GError) error = NULL;
    if (engine_settle(jobs->engine, id, &error))
        return;
    if (error_code(error) != UNDERPIN_ERROR_BUSY)
        g_message("settling machine %s: %s", id, error->message);
    else if (power_is_active(engine_power(jobs->engine, id)))
        return; /* its stop is an event of its own */
    g_mutex_lock(&jobs->lock);
    g_hash_table_add(jobs->retry, g_strdup(id));
    g_cond_broadcast(&jobs->care_wake); /* it may be waiting for a longer time */
    g_mutex_unlock(&jobs->lock);
}

/* FALSE where it is not to run now. */
static gboolean begin_settle(Jobs *jobs, const char *id)
{
    g_mutex_lock(&jobs->lock);
    gboolean is_free = !g_hash_table_contains(jobs->settling, id);
    gboolean begins = is_free && !jobs->stopping;
    g_hash_table_remove(jobs->wanted, id);
    if (begins)
        g_hash_table_insert(jobs->settling, g_strdup(id), GINT_TO_POINTER(FALSE));
    else if (!is_free)
        queue_settle(jobs, id);
    g_mutex_unlock(&jobs->lock);
    return begins;
}

static void end_settle(Jobs *jobs, const char *id)
{
    g_mutex_lock(&jobs->lock);
    gboolean again = GPOINTER_TO_INT(g_hash_table_lookup(jobs->settling, id));
    g_hash_table_remove(jobs->settling, id);
    if (again)
        queue_settle(jobs, id);
    g_mutex_unlock(&jobs->lock);
}

void jobs_settle_one(gpointer machine_id, gpointer user_data)
{
    Jobs *jobs = user_data;
    g_autofree char *id = machine_id;
    if (!begin_settle(jobs, id))
        return;
    settle(jobs, id);
    end_settle(jobs, id);
}

static void retry_settles(Jobs *jobs)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key;
    g_mutex_lock(&jobs->lock);
    g_hash_table_iter_init(&iter, jobs->retry);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_ptr_array_add(ids, g_strdup(key));
    g_hash_table_remove_all(jobs->retry);
    g_mutex_unlock(&jobs->lock);
    for (guint i = 0; i < ids->len; i++)
        jobs_want_settle(jobs, g_ptr_array_index(ids, i));
}

/* --- reclaim and history
 * ------------------------------------------------------------------------------- */

static void reclaim(Jobs *jobs)
{
    g_autoptr(GError) error = NULL;
    guint64 freed = 0;
    if (!engine_reclaim(jobs->engine, &freed, &error))
        g_message("reclaiming: %s", error->message);
    else if (freed)
        g_message("reclaimed %" G_GUINT64_FORMAT " bytes", freed);
}

static void sample(Jobs *jobs)
{
    g_autoptr(GError) error = NULL;
    if (!engine_sample_space(jobs->engine, &error))
        g_message("noting the free space: %s", error->message);
}

/* One hour by the clock port, or a clock that was put back. */
static gboolean is_time_to_prune(Jobs *jobs, gint64 now)
{
    if (now < jobs->next_pruning && now + PRUNE_SECONDS >= jobs->next_pruning)
        return FALSE;
    jobs->next_pruning = now + PRUNE_SECONDS;
    return TRUE;
}

static void forget_pruned(Jobs *jobs, const JobPruning *pruning)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
    recent_jobs_cut(jobs->recent, pruning->finished_before, pruning->newest);
}

static void prune(Jobs *jobs)
{
    gint64 now = clock_now(jobs->clock);
    JobPruning pruning = {now - jobs->history_seconds, jobs->history_most, PRUNE_AT_ONCE};
    guint pruned = PRUNE_AT_ONCE;
    g_autoptr(GError) question = engine_question(jobs->engine);
    if (question || !is_time_to_prune(jobs, now))
        return;
    while (pruned == PRUNE_AT_ONCE && !g_cancellable_is_cancelled(jobs->care_cancellable)) {
        g_autoptr(GError) error = NULL;
        if (!catalog_prune_jobs(jobs->catalog, &pruning, &pruned, &error)) {
            g_message("dropping old jobs: %s", error->message);
            return;
        }
        forget_pruned(jobs, &pruning);
    }
}

static void renew_identities(Jobs *jobs)
{
    while (!g_cancellable_is_cancelled(jobs->care_cancellable) &&
           engine_renew_identity(jobs->engine))
        ;
}

/* Waits for the next round; FALSE when the end has come. */
static gint64 round_deadline(const Jobs *jobs, gint64 began)
{
    gint64 seconds = g_hash_table_size(jobs->retry) ? RETRY_SECONDS : CARE_SECONDS;
    return began + seconds * G_USEC_PER_SEC;
}

static gboolean wait_for_round(Jobs *jobs)
{
    gint64 began = g_get_monotonic_time();
    g_mutex_lock(&jobs->lock);
    while (!jobs->stopping && !jobs->care_wanted &&
           g_get_monotonic_time() < round_deadline(jobs, began))
        (void)g_cond_wait_until(&jobs->care_wake, &jobs->lock, round_deadline(jobs, began));
    jobs->care_wanted = FALSE;
    gboolean go_on = !jobs->stopping;
    g_mutex_unlock(&jobs->lock);
    return go_on;
}

static void wake_maintenance(Jobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    jobs->maintenance_wanted = TRUE;
    g_cond_broadcast(&jobs->care_wake);
    g_mutex_unlock(&jobs->lock);
}

static gpointer care_main(gpointer user_data)
{
    Jobs *jobs = user_data;
    while (wait_for_round(jobs)) {
        retry_settles(jobs);
        reclaim(jobs);
        sample(jobs);
        prune(jobs);
        renew_identities(jobs);
        wake_maintenance(jobs);
    }
    return NULL;
}

/* --- digests in receipts ---------------------------------------------------------------------- */

void digest_wish_free(DigestWish *wish)
{
    g_free(wish->job_id);
    g_free(wish->machine_id);
    g_free(wish);
}

void jobs_want_digest(Jobs *jobs, const char *job_id, const char *machine_id)
{
    DigestWish *wish = g_new0(DigestWish, 1);
    wish->job_id = g_strdup(job_id);
    wish->machine_id = g_strdup(machine_id);
    g_mutex_lock(&jobs->lock);
    g_queue_push_tail(&jobs->digests, wish);
    g_mutex_unlock(&jobs->lock);
    wake_maintenance(jobs);
}

/* A job that is still open has its receipts in memory too. */
static void amend_receipt(Jobs *jobs, const DigestWish *wish, const char *receipt)
{
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&jobs->lock);
    OpenJob *open = g_hash_table_lookup(jobs->open, wish->job_id);
    JobItem *item = open ? g_hash_table_lookup(open->items, wish->machine_id) : NULL;
    if (item) {
        g_free(item->receipt);
        item->receipt = g_strdup(receipt);
    }
    g_mutex_unlock(&jobs->lock);
    if (!catalog_put_receipt(jobs->catalog, wish->job_id, wish->machine_id, receipt, &error))
        g_message("recording digests of job %s: %s", wish->job_id, error->message);
}

static void fulfil_digest(Jobs *jobs, const DigestWish *wish)
{
    g_autoptr(Job) job = jobs_get(jobs, wish->job_id, NULL);
    const JobItem *item = job ? job_item(job, wish->machine_id) : NULL;
    g_autofree char *receipt = item && item->receipt
                                   ? engine_digest_receipt(jobs->engine, wish->machine_id,
                                                           item->receipt, jobs->care_cancellable)
                                   : NULL;
    if (receipt)
        amend_receipt(jobs, wish, receipt);
}

static DigestWish *next_digest(Jobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    DigestWish *wish = jobs->stopping ? NULL : g_queue_pop_head(&jobs->digests);
    g_mutex_unlock(&jobs->lock);
    return wish;
}

static void fulfil_digests(Jobs *jobs)
{
    DigestWish *wish = next_digest(jobs);
    while (wish) {
        fulfil_digest(jobs, wish);
        digest_wish_free(wish);
        wish = next_digest(jobs);
    }
}

/* --- maintenance of layers -------------------------------------------------------------------- */

/* The digest of a large layer takes minutes, its flattening longer: they hold up nothing else. */
static void maintain(Jobs *jobs)
{
    gboolean more = TRUE;
    while (more && !g_cancellable_is_cancelled(jobs->care_cancellable)) {
        g_autoptr(GError) error = NULL;
        if (engine_maintain(jobs->engine, &more, jobs->care_cancellable, &error))
            continue;
        if (error_code(error) != UNDERPIN_ERROR_CANCELLED)
            g_message("maintaining layers: %s", error->message);
        return;
    }
}

static gboolean wait_for_maintenance(Jobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    while (!jobs->stopping && !jobs->maintenance_wanted)
        g_cond_wait(&jobs->care_wake, &jobs->lock);
    jobs->maintenance_wanted = FALSE;
    gboolean go_on = !jobs->stopping;
    g_mutex_unlock(&jobs->lock);
    return go_on;
}

static gpointer maintenance_main(gpointer user_data)
{
    Jobs *jobs = user_data;
    while (wait_for_maintenance(jobs)) {
        fulfil_digests(jobs);
        maintain(jobs);
    }
    return NULL;
}

/* --- events
 * ------------------------------------------------------------------------------------------------
 */

typedef struct {
    HypervisorEvent event;
    char *uuid;
    gboolean end;
} QueuedEvent;

static void queue_event(Jobs *jobs, HypervisorEvent event, const char *uuid, gboolean end)
{
    QueuedEvent *queued = g_new0(QueuedEvent, 1);
    queued->event = event;
    queued->uuid = g_strdup(uuid);
    queued->end = end;
    g_async_queue_push(jobs->event_queue, queued);
}

void jobs_domain_event(Jobs *jobs, HypervisorEvent event, const char *uuid)
{
    queue_event(jobs, event, uuid, FALSE);
}

static gpointer events_main(gpointer user_data)
{
    Jobs *jobs = user_data;
    gboolean end = FALSE;
    while (!end) {
        QueuedEvent *queued = g_async_queue_pop(jobs->event_queue);
        end = queued->end;
        if (!end)
            engine_domain_event(jobs->engine, queued->event, queued->uuid);
        g_free(queued->uuid);
        g_free(queued);
    }
    return NULL;
}

void jobs_care_start(Jobs *jobs)
{
    jobs->events = g_thread_new("events", events_main, jobs);
    jobs->care = g_thread_new("care", care_main, jobs);
    jobs->maintenance = g_thread_new("maintenance", maintenance_main, jobs);
}

void jobs_care_stop(Jobs *jobs)
{
    queue_event(jobs, HYPERVISOR_LOST, NULL, TRUE);
    g_thread_join(jobs->events);
    g_thread_join(jobs->care);
    g_thread_join(jobs->maintenance);
}
