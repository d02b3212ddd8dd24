/* A queue that is bounded by jobs and by their items: see recent.h. */
#include "jobs/recent.h"

#define JOBS_MAX  256
#define ITEMS_MAX 10000

struct RecentJobs {
    GQueue jobs; /* Job, newest first */
    guint items; /* of all of them */
    gboolean is_whole;
};

RecentJobs *recent_jobs_new(void)
{
    RecentJobs *recent = g_new0(RecentJobs, 1);
    g_queue_init(&recent->jobs);
    return recent;
}

static void unref_job(gpointer job)
{
    job_unref(job);
}

void recent_jobs_free(RecentJobs *recent)
{
    if (!recent)
        return;
    g_queue_clear_full(&recent->jobs, unref_job);
    g_free(recent);
}

guint recent_jobs_limit(void)
{
    return JOBS_MAX;
}

static Job *copy_without_receipts(const Job *job)
{
    Job *copy = job_copy(job);
    for (guint i = 0; i < copy->items->len; i++) {
        JobItem *item = g_ptr_array_index(copy->items, i);
        g_clear_pointer(&item->receipt, g_free);
    }
    return copy;
}

static void drop_oldest(RecentJobs *recent)
{
    Job *oldest = g_queue_pop_tail(&recent->jobs);
    recent->items -= oldest->items->len;
    recent->is_whole = FALSE;
    job_unref(oldest);
}

static void keep_bounds(RecentJobs *recent)
{
    while (recent->jobs.length > JOBS_MAX || (recent->items > ITEMS_MAX && recent->jobs.length > 0))
        drop_oldest(recent);
}

void recent_jobs_load(RecentJobs *recent, const GPtrArray *newest_first, gboolean is_whole)
{
    g_queue_clear_full(&recent->jobs, unref_job);
    recent->items = 0;
    recent->is_whole = is_whole;
    for (guint i = 0; i < newest_first->len; i++) {
        Job *copy = copy_without_receipts(g_ptr_array_index(newest_first, i));
        g_queue_push_tail(&recent->jobs, copy);
        recent->items += copy->items->len;
    }
    keep_bounds(recent);
}

void recent_jobs_add(RecentJobs *recent, const Job *job)
{
    g_queue_push_head(&recent->jobs, copy_without_receipts(job));
    recent->items += job->items->len;
    keep_bounds(recent);
}

static GList *find_link(const RecentJobs *recent, const char *id)
{
    GList *link = recent->jobs.head;
    while (link && !g_str_equal(((const Job *)link->data)->id, id))
        link = link->next;
    return link;
}

void recent_jobs_change(RecentJobs *recent, const Job *job)
{
    GList *link = find_link(recent, job->id);
    if (!link)
        return;
    Job *before = link->data;
    recent->items += job->items->len - before->items->len;
    link->data = copy_without_receipts(job);
    job_unref(before);
    keep_bounds(recent);
}

void recent_jobs_cut(RecentJobs *recent, gint64 finished_before, guint newest)
{
    guint kept = 0;
    for (GList *link = recent->jobs.head; link; link = link->next, kept++) {
        const Job *job = link->data;
        gboolean is_old = job_state_is_final(job->state) && job->finished_at < finished_before;
        if (is_old || (newest > 0 && kept >= newest))
            break;
    }
    while (recent->jobs.length > kept)
        drop_oldest(recent);
}

GPtrArray *recent_jobs_page(const RecentJobs *recent, const char *before_id, guint limit)
{
    const GList *before = before_id ? find_link(recent, before_id) : NULL;
    if (before_id && !before)
        return NULL;
    g_autoptr(GPtrArray) page = g_ptr_array_new_with_free_func(unref_job);
    const GList *link = before ? before->next : recent->jobs.head;
    for (; link && page->len < limit; link = link->next)
        g_ptr_array_add(page, job_ref(link->data));
    return page->len == limit || recent->is_whole ? g_steal_pointer(&page) : NULL;
}
