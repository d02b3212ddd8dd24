/* A job: work that outlives a request. */
#include "model/job.h"

#include "model/name_table.h"

static const char *const job_state_names[] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running", [JOB_PENDING] = "pending",
    [JOB_DONE] = "done",     [JOB_FAILED] = "failed",   [JOB_CANCELLED] = "cancelled",
};
NAME_TABLE_DEFINE(job_state, JobState, job_state_names, JOB_STATE_COUNT)

static const char *const item_state_names[] = {
    [ITEM_WAITING] = "waiting",     [ITEM_RUNNING] = "running", [ITEM_PENDING] = "pending",
    [ITEM_DONE] = "done",           [ITEM_FAILED] = "failed",   [ITEM_SKIPPED] = "skipped",
    [ITEM_CANCELLED] = "cancelled",
};
NAME_TABLE_DEFINE(item_state, ItemState, item_state_names, ITEM_STATE_COUNT)

gboolean job_state_is_final(JobState state)
{
    return state == JOB_DONE || state == JOB_FAILED || state == JOB_CANCELLED;
}

Job *job_new(const char *id, const Request *request, const char *requested_by, gint64 created_at)
{
    Job *job = g_new0(Job, 1);
    job->ref_count = 1;
    job->id = g_strdup(id);
    job->request = request_copy(request);
    job->requested_by = g_strdup(requested_by);
    job->state = JOB_QUEUED;
    job->created_at = created_at;
    job->items = g_ptr_array_new_with_free_func((GDestroyNotify)job_item_free);
    job->error_code = -1;
    return job;
}

Job *job_ref(const Job *job)
{
    Job *shared = (Job *)job;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void job_unref(Job *job)
{
    if (job == NULL || !g_atomic_int_dec_and_test(&job->ref_count))
        return;
    g_free(job->id);
    request_free(job->request);
    g_free(job->requested_by);
    g_ptr_array_unref(job->items);
    g_free(job->phase);
    g_free(job->message);
    g_free(job->hint);
    g_free(job);
}

JobItem *job_item_copy(const JobItem *item)
{
    JobItem *copy = g_memdup2(item, sizeof *item);
    copy->machine_id = g_strdup(item->machine_id);
    copy->machine_name = g_strdup(item->machine_name);
    copy->message = g_strdup(item->message);
    copy->hint = g_strdup(item->hint);
    copy->receipt = g_strdup(item->receipt);
    return copy;
}

Job *job_copy(const Job *job)
{
    Job *copy = g_memdup2(job, sizeof *job);
    copy->ref_count = 1;
    copy->id = g_strdup(job->id);
    copy->request = request_copy(job->request);
    copy->requested_by = g_strdup(job->requested_by);
    copy->phase = g_strdup(job->phase);
    copy->message = g_strdup(job->message);
    copy->hint = g_strdup(job->hint);
    copy->items = g_ptr_array_new_full(job->items->len, (GDestroyNotify)job_item_free);
    for (guint i = 0; i < job->items->len; i++)
        g_ptr_array_add(copy->items, job_item_copy(g_ptr_array_index(job->items, i)));
    return copy;
}

JobItem *job_item_new(const char *machine_id, const char *machine_name)
{
    JobItem *item = g_new0(JobItem, 1);
    item->machine_id = g_strdup(machine_id);
    item->machine_name = g_strdup(machine_name);
    item->error_code = -1;
    return item;
}

void job_item_free(JobItem *item)
{
    if (item == NULL)
        return;
    g_free(item->machine_id);
    g_free(item->machine_name);
    g_free(item->message);
    g_free(item->hint);
    g_free(item->receipt);
    g_free(item);
}

JobItem *job_item(Job *job, const char *machine_id)
{
    for (guint i = 0; i < job->items->len; i++) {
        JobItem *item = g_ptr_array_index(job->items, i);
        if (g_strcmp0(item->machine_id, machine_id) == 0)
            return item;
    }
    return NULL;
}

void job_item_set_error(JobItem *item, const GError *error)
{
    item->state = ITEM_FAILED;
    item->error_code = (int)error_code(error);
    g_free(item->message);
    item->message = g_strdup(error->message);
    g_free(item->hint);
    item->hint = g_strdup(error_hint(error));
}

static guint count_pending(const Job *job)
{
    guint count = 0;
    for (guint i = 0; i < job->items->len; i++)
        count += ((const JobItem *)job->items->pdata[i])->state == ITEM_PENDING;
    return count;
}

char *job_waits_for(const Job *job)
{
    static const char *const moves[][2] = {
        [RUNNING_REBOOT] = {"be restarted by its user", "be restarted by their users"},
        [RUNNING_STOP] = {"be shut down by its user", "be shut down by their users"},
        [RUNNING_SHUTDOWN] = {"stop", "stop"},
        [RUNNING_FORCE] = {"stop", "stop"},
    };
    guint count = job->state == JOB_PENDING ? count_pending(job) : 0;
    if (count == 0)
        return NULL;
    const char *const *move = moves[job->request->running];
    return count == 1 ? g_strdup_printf("1 machine to %s", move[0])
                      : g_strdup_printf("%u machines to %s", count, move[1]);
}
