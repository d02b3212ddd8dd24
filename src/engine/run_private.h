/* A run: one job on its way through plan, stage, commit and settle. Shared by run*.c. */
#pragma once

#include "engine/engine_private.h"

/* One machine's part of a run. */
typedef struct {
    PlanItem *item;    /* borrowed from the plan */
    JobItem *job_item; /* borrowed from the job */
    gboolean has_gate; /* its gate is ours from before the stage to the record */
    gboolean staged;
    gboolean exported; /* or begun to be: links to its heads may lie outside the store */
} Work;

typedef struct {
    Engine *engine;
    Job *job;
    EngineProgress progress;
    gpointer user_data;
    GCancellable *cancellable;
    Plan *plan;
    Inventory *seen;     /* what the plan was made from */
    GPtrArray *works;    /* Work: what is still to be done */
    GPtrArray *occupied; /* char *: machine ids and "name:…" keys that are ours */
    GPtrArray *bases;    /* char *: bases that this run holds in use */
    GHashTable *digests; /* machine id -> json_t: receipt_digest() before the run */
} Run;

/* How the job stands once nothing of it is running any more. */
JobState run_end_state(const Run *run);

void run_tell(Run *run, JobItem *item);
void run_phase(Run *run, const char *phase);
void run_item_state(Run *run, JobItem *item, ItemState state, const char *message);
void run_item_fail(Run *run, JobItem *item, const GError *error);

/* Gives one machine up before the end, so that it can be settled or started. */
void run_vacate(Run *run, const char *machine_id);
/* run_settle.c: after the commit. Leaves each item done, pending or failed. */
void run_settle(Run *run);
/* run_digest.c: where the request asks for digests; before the run owns anything, and after it has
 * settled. */
void run_digest_before(Run *run);
void run_digest_after(Run *run);
/* run_actions.c: verbs that switch nothing. */
void run_actions(Run *run);
/* Deletes what is on the list, and says how much that was. */
void run_free_room(Run *run);
/* Takes those that have stopped out of the array. Asks the machines to shut down and waits until
 * all are off or `grace_seconds` are over; then powers the rest off if `force`. Cancelling ends the
 * waiting. */
void run_shut_down(Run *run, GPtrArray *machine_ids, guint grace_seconds, gboolean force);
