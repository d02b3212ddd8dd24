/*
 * The settle of a run, in batches: all heads of a batch are exchanged, one sync makes that durable,
 * then what was replaced is put aside and all is recorded together. Two syncs a batch and not one a
 * machine. A machine that runs stays pending: it moves when its QEMU stops (session.c), helped on
 * as the request's running policy says.
 */
#include "engine/run_private.h"

/* A start waits for the gate of its machine at most until its batch is recorded. */
#define BATCH 512

static void leave_pending(Run *run, Work *work)
{
    run_item_state(run, work->job_item, ITEM_PENDING,
                   work->item->reason ? work->item->reason : "moves when it stops");
}

static void release_gate(Run *run, Work *work)
{
    gate_set(run->engine, work->item->machine_id, GATE_OPEN);
    work->has_gate = FALSE;
}

static gboolean is_running(Run *run, const Machine *machine)
{
    Power power = engine_power(run->engine, machine->id);
    return machine->session || (power != POWER_UNKNOWN && power_is_active(power));
}

/* What cannot be settled is rolled back where that is possible; else it stays pending, and the
 * queue tries again. */
static void give_up(Run *run, Work *work, const Machine *machine, const GError *problem)
{
    g_autoptr(GError) ignored = NULL;
    if (error_code(problem) == UNDERPIN_ERROR_BUSY) {
        leave_pending(run, work);
        return;
    }
    if (!settle_defer(run->engine, machine, problem, &ignored))
        engine_emit(run->engine, ENGINE_WANTS_SETTLE, machine->id, NULL);
    run_item_fail(run, work->job_item, problem);
}

/* Committed, but not settled to the end: it is rolled forward by the queue. */
static void leave_switched(Run *run, Work *work, const GError *problem)
{
    release_gate(run, work);
    engine_emit(run->engine, ENGINE_WANTS_SETTLE, work->item->machine_id, NULL);
    run_item_fail(run, work->job_item, problem);
}

/* NULL: not settled now; the item says why. */
static Settled *settle_work(Run *run, Work *work)
{
    g_autoptr(Machine) machine = engine_machine(run->engine, work->item->machine_id);
    g_autoptr(GError) problem = NULL;
    if (!engine_check_unquestioned(run->engine, &problem)) {
        leave_switched(run, work, problem);
        return NULL;
    }
    if (!work->has_gate &&
        (is_running(run, machine) || !gate_take(run->engine, machine->id, &problem))) {
        leave_pending(run, work);
        return NULL;
    }
    work->has_gate = TRUE;
    Settled *settled = settle_begin(run->engine, machine, &problem);
    if (settled)
        return settled;
    give_up(run, work, machine, problem); /* with the gate held: no start comes in between */
    release_gate(run, work);
    return NULL;
}

/* The machines of a batch: works[i] is settled by settled[i]. */
typedef struct {
    GPtrArray *works;   /* Work, borrowed */
    GPtrArray *settled; /* Settled */
    DefineCache cache;  /* Settled.cache of all of them */
} Batch;

static void batch_init(Batch *batch)
{
    batch->works = g_ptr_array_new();
    batch->settled = g_ptr_array_new_with_free_func((GDestroyNotify)settled_free);
    define_cache_init(&batch->cache);
}

static void batch_clear(Batch *batch)
{
    g_ptr_array_unref(batch->works);
    g_ptr_array_unref(batch->settled);
    define_cache_clear(&batch->cache);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

static void leave_all(Run *run, Batch *batch, const GError *problem)
{
    for (guint i = 0; i < batch->works->len; i++)
        leave_switched(run, g_ptr_array_index(batch->works, i), problem);
    g_ptr_array_set_size(batch->works, 0);
    g_ptr_array_set_size(batch->settled, 0);
}

static gboolean sync_batch(Run *run, const Batch *batch, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < batch->settled->len; i++) {
        const Settled *settled = g_ptr_array_index(batch->settled, i);
        if (settled->is_switched)
            g_ptr_array_add(ids, settled->before->id);
    }
    g_ptr_array_add(ids, NULL);
    return ids->len == 1 ||
           storage_sync(run->engine->storage, (const char *const *)ids->pdata, error);
}

static gboolean finish_one(Run *run, Work *work, Settled *settled)
{
    g_autoptr(GError) problem = NULL;
    if (settle_finish(run->engine, settled, TRUE, &problem))
        return TRUE;
    if (settled->is_switched) {
        leave_switched(run, work, problem);
    } else {
        give_up(run, work, settled->before, problem);
        release_gate(run, work);
    }
    return FALSE;
}

static void finish_each(Run *run, Batch *batch)
{
    for (guint i = 0; i < batch->works->len;) {
        if (finish_one(run, g_ptr_array_index(batch->works, i),
                       g_ptr_array_index(batch->settled, i))) {
            i++;
        } else {
            g_ptr_array_remove_index(batch->works, i);
            g_ptr_array_remove_index(batch->settled, i);
        }
    }
}

static void take_receipts(Batch *batch)
{
    for (guint i = 0; i < batch->works->len; i++) {
        JobItem *item = ((Work *)g_ptr_array_index(batch->works, i))->job_item;
        g_free(item->receipt);
        item->receipt =
            g_steal_pointer(&((Settled *)g_ptr_array_index(batch->settled, i))->receipt);
    }
}

static void tell_done(Run *run, Batch *batch)
{
    for (guint i = 0; i < batch->works->len; i++) {
        Work *work = g_ptr_array_index(batch->works, i);
        release_gate(run, work);
        run_item_state(run, work->job_item, ITEM_DONE, NULL);
    }
    g_ptr_array_set_size(batch->works, 0);
    g_ptr_array_set_size(batch->settled, 0);
}

/* Whether nothing is left to be done once the batch is. */
static gboolean ends_with(const Run *run, const Batch *batch)
{
    guint open = 0;
    for (guint i = 0; i < run->job->items->len; i++) {
        ItemState state = ((JobItem *)g_ptr_array_index(run->job->items, i))->state;
        open += state == ITEM_WAITING || state == ITEM_RUNNING || state == ITEM_PENDING;
    }
    return open > 0 && open == batch->works->len;
}

static void set_items(Batch *batch, ItemState state)
{
    for (guint i = 0; i < batch->works->len; i++)
        ((Work *)g_ptr_array_index(batch->works, i))->job_item->state = state;
}

/* The job as it will have ended, in the transaction that makes it so: one flush less, and no
 * restart finds a job open whose machines are all done. */
static gboolean record_end(Run *run, Batch *batch, GError **error)
{
    Job *job = run->job;
    g_autofree char *phase = g_steal_pointer(&job->phase);
    guint done = job->done;
    set_items(batch, ITEM_DONE);
    job->done += batch->works->len;
    job->state = run_end_state(run);
    job->finished_at = engine_now(run->engine);
    job->end_recorded = settle_record(run->engine, batch->settled, TRUE, job, error);
    job->state = JOB_RUNNING;
    job->done = done;
    job->phase = g_steal_pointer(&phase);
    set_items(batch, ITEM_WAITING);
    return job->end_recorded;
}

static gboolean record_batch(Run *run, Batch *batch, gboolean is_last, GError **error)
{
    take_receipts(batch);
    return !batch->settled->len ||
           (is_last && ends_with(run, batch)
                ? record_end(run, batch, error)
                : settle_record(run->engine, batch->settled, is_last, NULL, error));
}

static void finish_batch(Run *run, Batch *batch, gboolean is_last)
{
    g_autoptr(GError) problem = NULL;
    if (!sync_batch(run, batch, &problem)) {
        leave_all(run, batch, problem);
        return;
    }
    finish_each(run, batch);
    if (record_batch(run, batch, is_last, &problem))
        tell_done(run, batch);
    else
        leave_all(run, batch, problem);
}

/* Hold, release, forget and the undo of a wish change a record, whatever the machine is waiting
 * for; a purge concerns a machine that is gone. */
static gboolean asks_for_settle(const PlanItem *item)
{
    return item->next && (item->desired || item->next->desired_place != item->next->actual_place);
}

/* Nothing to switch: a record changed. Where a pending wish was given up, what had been staged
 * goes, and a reboot is a reboot again. */
static void after_record_only(Run *run, Work *work)
{
    if (run->job->request->verb == VERB_UNDO)
        engine_after_wish(run->engine, work->item->next);
    run_item_state(run, work->job_item, ITEM_DONE, NULL);
}

static void settle_batches(Run *run)
{
    g_auto(Batch) batch = {0};
    batch_init(&batch);
    for (guint i = 0; i < run->works->len; i++) {
        Work *work = g_ptr_array_index(run->works, i);
        if (!work->item->next && !work->item->purged)
            continue;
        if (!asks_for_settle(work->item)) {
            if (work->has_gate)
                release_gate(run, work);
            after_record_only(run, work);
            continue;
        }
        Settled *settled = settle_work(run, work);
        if (settled) {
            settled->cache = &batch.cache;
            g_ptr_array_add(batch.settled, settled);
            g_ptr_array_add(batch.works, work);
        }
        if (batch.works->len == BATCH)
            finish_batch(run, &batch, i + 1 == run->works->len);
    }
    finish_batch(run, &batch, TRUE);
}

/* --- machines that run
 * ------------------------------------------------------------------------------------- */

static GPtrArray *pending_machines(Run *run)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < run->works->len; i++) {
        const Work *work = g_ptr_array_index(run->works, i);
        if (work->job_item->state == ITEM_PENDING &&
            engine_power(run->engine, work->item->machine_id) != POWER_SAVED)
            g_ptr_array_add(ids, g_strdup(work->item->machine_id));
    }
    return ids;
}

static void turn_reboots_into_stops(Run *run, GPtrArray *ids)
{
    for (guint i = 0; i < ids->len; i++) {
        g_autoptr(Machine) machine = engine_machine(run->engine, g_ptr_array_index(ids, i));
        g_autoptr(GError) error = NULL;
        if (machine &&
            !hypervisor_set_reboot_stops(run->engine->hypervisor, machine->uuid, TRUE, &error))
            g_message("'%s' will not move at its reboot, only when it stops: %s", machine->name,
                      error->message);
    }
}

/* A machine that has moved may run again by now; one that was deferred is behind, and says why. */
static void tell_outcome(Run *run, Work *work)
{
    g_autoptr(Machine) after = engine_machine(run->engine, work->item->machine_id);
    g_autoptr(GError) behind = NULL;
    if (!after || machine_is_pending(after))
        return;
    gboolean moved = work->item->desired && machine_generation(after, work->item->desired->number);
    if (moved || !after->behind_reason) {
        g_free(work->job_item->receipt);
        work->job_item->receipt = engine_take_receipt(run->engine, after->id);
        run_item_state(run, work->job_item, ITEM_DONE, NULL);
        return;
    }
    error_set(&behind, UNDERPIN_ERROR_BACKEND, "remove the cause, then ask again", "%s",
              after->behind_reason);
    run_item_fail(run, work->job_item, behind);
}

/* What has stopped is settled here and now: the job waits for it. */
static void settle_stopped_ones(Run *run)
{
    for (guint i = 0; i < run->works->len; i++) {
        Work *work = g_ptr_array_index(run->works, i);
        if (work->job_item->state != ITEM_PENDING)
            continue;
        run_vacate(run, work->item->machine_id);
        (void)engine_settle(run->engine, work->item->machine_id, NULL);
        tell_outcome(run, work);
    }
}

static void help_running_on(Run *run)
{
    const Request *request = run->job->request;
    g_autoptr(GPtrArray) ids = pending_machines(run);
    if (!ids->len)
        return;
    if (request->running == RUNNING_REBOOT)
        turn_reboots_into_stops(run, ids);
    if (request->running == RUNNING_SHUTDOWN || request->running == RUNNING_FORCE) {
        run_phase(run, "waiting for machines to stop");
        run_shut_down(run, ids, request->grace_seconds, request->running == RUNNING_FORCE);
        settle_stopped_ones(run);
    }
}

void run_settle(Run *run)
{
    run_phase(run, "settling");
    settle_batches(run);
    help_running_on(run);
}
