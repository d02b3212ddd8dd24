/*
 * Digests of data around a run that asks for them. Before: of the machines that would be moved now,
 * and before any of them is owned by the job; after: when they are no longer owned. So a start
 * never waits for a digest, and one that comes in between costs the digest (receipt.c).
 */
#include <jansson.h>

#include "engine/run_private.h"

static void digest_machine(Run *run, const PlanItem *item, const Inventory *snapshot)
{
    const Machine *machine =
        item->machine_id ? g_hash_table_lookup(snapshot->machines, item->machine_id) : NULL;
    if (machine && item->decision == DECISION_NOW && item->desired)
        g_hash_table_insert(run->digests, g_strdup(machine->id),
                            receipt_digest(run->engine, machine, run->cancellable));
}

/* A plan of its own: the one that is executed is made afterwards. What refuses is said by that. */
void run_digest_before(Run *run)
{
    if (!run->job->request->digest)
        return;
    run_phase(run, "reading the data before");
    g_autoptr(Inventory) snapshot = engine_snapshot(run->engine);
    g_autoptr(Plan) plan = engine_plan_on(run->engine, run->job->request, snapshot, NULL);
    for (guint i = 0; plan && i < plan->items->len; i++)
        if (!g_cancellable_is_cancelled(run->cancellable))
            digest_machine(run, g_ptr_array_index(plan->items, i), snapshot);
}

static void digest_again(Run *run, Work *work)
{
    const char *id = work->item->machine_id;
    g_autoptr(Machine) machine = engine_machine(run->engine, id);
    if (!machine || machine->session)
        return;
    json_t *after = receipt_digest(run->engine, machine, run->cancellable);
    char *receipt =
        receipt_add_digests(work->job_item->receipt, g_hash_table_lookup(run->digests, id), after);
    json_decref(after);
    g_free(work->job_item->receipt);
    work->job_item->receipt = receipt;
    run_tell(run, work->job_item);
}

void run_digest_after(Run *run)
{
    if (!run->job->request->digest)
        return;
    run_phase(run, "reading the data after");
    for (guint i = 0; i < run->works->len; i++) {
        Work *work = g_ptr_array_index(run->works, i);
        if (work->job_item->state != ITEM_DONE || !work->job_item->receipt)
            continue;
        run_vacate(run, work->item->machine_id);
        digest_again(run, work);
    }
}
