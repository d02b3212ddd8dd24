/*
 * The engine: every operation in one shape (plan, stage, commit, settle, reclaim), on ports only.
 *
 *     request ──plan──▶ Plan ──stage──▶ next/ ──commit──▶ catalog ──settle──▶ now/ ──▶ record,
 * reclaim
 *
 * Thread-safe; it makes no thread and opens no socket. One machine is changed by one operation at a
 * time (invariant 7): the others get BUSY.
 */
#pragma once

#include "model/inventory.h"
#include "model/plan.h"
#include "ports/catalog.h"
#include "ports/claims.h"
#include "ports/clock.h"
#include "ports/hypervisor.h"
#include "ports/storage.h"

typedef struct Engine Engine;

typedef struct {
    gint64 undo_retention_seconds; /* default 7 days */
    guint undo_budget_percent;     /* of the store's size; default 10 */
    guint64
        free_floor_bytes; /* staging is refused below it; default 1 GiB or 5 %, whichever is less */
    guint chain_limit;    /* layers a head may sit on before flattening is proposed; default 5 */
    gboolean require_hook; /* refuse to commit while the hook is not in force; default TRUE */
    void (*mend_hook)(gpointer user_data); /* called once when the hook is not in force, before it
                                              is looked again; or NULL */
    gpointer mend_data;
    /* Copies to beside `path`, where the catalog's copy is to stand, what the engine does not know
     * of, and tells in a phrase (caller frees) what has become of it. It comes first, so that a
     * file `path` says that all is there. On failure nothing of it is left. NULL: there is nothing.
     */
    char *(*back_up_beside)(const char *path, gpointer user_data, GError **error);
    /* Takes that copy back, because the catalog's could not be made. */
    void (*take_back_beside)(const char *path, gpointer user_data);
    gpointer back_up_data;
    const char *store_root; /* borrowed: whose hook is to be in force; NULL: do not look */
} EngineConfig;
void engine_config_init(EngineConfig *config);

/* What listeners hear; `id` is a machine's, layer's or kept volume's id. */
typedef enum {
    ENGINE_MACHINE_CHANGED,
    ENGINE_MACHINE_REMOVED,
    ENGINE_MACHINE_SETTLED, /* no longer pending; `error` set where it was deferred instead */
    ENGINE_LAYERS_CHANGED,
    ENGINE_HOST_CHANGED, /* libvirt lost or found, hook in force or not, store verdict */
    ENGINE_WANTS_SETTLE, /* a worker shall call engine_settle() for this machine soon */
} EngineEvent;
typedef void (*EngineListener)(EngineEvent event, const char *id, const GError *error,
                               gpointer user_data);

/* Takes the ports. Does nothing yet. */
Engine *engine_new(Storage *storage, Hypervisor *hypervisor, Catalog *catalog, Claims *claims,
                   Clock *clock, const EngineConfig *config);
void engine_free(Engine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)
/* One listener; called without the engine's lock held, on the thread that made the change. */
void engine_listen(Engine *engine, EngineListener listener, gpointer user_data);

/*
 * Loads the catalog, proves that store and catalog belong together, abandons what was staged
 * without a commit, and settles what is pending and stopped. Where the proof fails the engine opens
 * in the *questioned* state: it can be looked at, but changes nothing until doctor has been
 * answered. Needs no libvirt.
 */
gboolean engine_open(Engine *engine, GError **error);
/* NULL: fine. Else why settle, commit and reclaim are stopped, with the remedy. Caller frees the
 * copy. */
GError *engine_question(Engine *engine);
/* Brings power states, claims and sessions in line with the host; asks for settles. After start and
 * each reconnect. */
gboolean engine_resync(Engine *engine, GError **error);

/* --- reading: snapshots of references
 * ---------------------------------------------------------------------- */

/* Runs `reader` with the inventory under the read lock; it must be quick and call nothing of the
 * engine. */
typedef void (*EngineReader)(const Inventory *inventory, gpointer user_data);
void engine_read(Engine *engine, EngineReader reader, gpointer user_data);
/* By name, UUID or id; NOT_FOUND names it and proposes near names. New reference. */
Machine *engine_find_machine(Engine *engine, const char *name, GError **error);
GPtrArray *engine_list_machines(Engine *engine); /* sorted, new references */
Power engine_power(Engine *engine, const char *machine_id);
/* The ids of all machines in that power, a new set with its own texts. */
GHashTable *engine_machines_in_power(Engine *engine, Power power);
/* Why a layer is still there: newly allocated sentences, empty: nothing needs it. */
GPtrArray *engine_layer_reasons(Engine *engine, const char *layer_id, GError **error);

typedef struct {
    gboolean libvirt_connected;
    gboolean hook_in_force;
    char *hook_problem; /* NULL: none; or the hook was not tried yet, where it is not in force */
    guint machines, bases, clones, pending, running, held, behind, entries;
    guint64 held_bytes, kept_bytes, reclaimable_bytes;
    StoreStatus store;
} EngineStatus;
void engine_status_clear(EngineStatus *status);
gboolean engine_status(Engine *engine, EngineStatus *status_out, GError **error);

/* --- operations
 * -------------------------------------------------------------------------------------------- */

/*
 * What the request would do. Refusals of single machines are items; an error means that the request
 * as a whole is refused before anything is touched (unknown base, outlines differ, questioned
 * store).
 */
Plan *engine_plan(Engine *engine, const Request *request, GError **error);

/* Progress of a run, from the thread that runs it. `item` may be NULL (phase or counters changed).
 */
typedef void (*EngineProgress)(Job *job, JobItem *item, gpointer user_data);
/*
 * Plans and executes job->request: stages, commits (with the job's own row, in the same
 * transaction), settles. Fills job->items, phase, counters; ends with job->state DONE, FAILED,
 * CANCELLED or PENDING (machines that run are still to move; ENGINE_MACHINE_SETTLED tells when).
 * Items that fail do not fail the others. Slow; cancellable until the commit.
 */
gboolean engine_run(Engine *engine, Job *job, EngineProgress progress, gpointer user_data,
                    GCancellable *cancellable, GError **error);
/* Settles one machine if it can be settled now (stopped, unclaimed, unlocked); also cleans
 * temporary volumes after a session. BUSY while it cannot. `even_saved` FALSE. */
gboolean engine_settle(Engine *engine, const char *machine_id, GError **error);
/* The receipt (engine/receipt.c) of the machine's last settle that no run was waiting for, once.
 * Caller frees; NULL: none. */
char *engine_take_receipt(Engine *engine, const char *machine_id);
/* A receipt with "digest_after" of the data of a machine that has been settled outside a run; NULL
 * where the guest runs again, or nothing could be read in peace. Slow; cancellable; takes no lock.
 * Caller frees. */
char *engine_digest_receipt(Engine *engine, const char *machine_id, const char *receipt,
                            GCancellable *cancellable);
/* Gives up what a machine is still waiting for: its desired state is its actual one again. */
gboolean engine_cancel_pending(Engine *engine, const char *machine_id, GError **error);
/* Enforces retention and budget, deletes what is on the list, expires the trash. Returns bytes
 * freed. */
gboolean engine_reclaim(Engine *engine, guint64 *freed_out, GError **error);
/* Background care: brings one instance id in line that a switch has made old. FALSE: none is left,
 * or that one cannot be had now. Calls libvirt. */
gboolean engine_renew_identity(Engine *engine);
/* Background care of layers, one unit of work at a time: digest of a layer without one, flatten of
 * a chain too long. FALSE in *more_out when nothing is left to do. Slow; cancellable. */
gboolean engine_maintain(Engine *engine, gboolean *more_out, GCancellable *cancellable,
                         GError **error);

/* --- events from the host
 * ---------------------------------------------------------------------------------- */

/* The hook's question before a start: FALSE with the reason, one short line. Answers well within
 * two seconds and calls no hypervisor function. `memory` NULL: a cold start; else the stamp that
 * the saved memory carries (stamp.c), "" where it carries none. */
gboolean engine_hook_may_start(Engine *engine, const char *machine_id, const char *uuid,
                               const char *memory, GError **error);
void engine_hook_started(Engine *engine, const char *machine_id);
/* After `release`: libvirt has let go. Asks for a settle where there is something to settle. */
void engine_hook_released(Engine *engine, const char *machine_id);
/* From the hypervisor port's listener, on a worker: may call libvirt. */
void engine_domain_event(Engine *engine, HypervisorEvent event, const char *uuid);

/* --- doctor
 * -------------------------------------------------------------------------------------------------
 */

typedef enum { FINDING_INFO, FINDING_WARNING, FINDING_ERROR } FindingLevel;
typedef struct {
    char *id; /* stable kind: "layer-unprotected", "stored-chain", "orphan-file" … */
    FindingLevel level;
    char *subject;       /* machine, layer or path */
    char *text;          /* what is different */
    char *remedy;        /* what to do */
    gboolean repairable; /* `doctor --repair` does it */
} Finding;
void finding_free(Finding *finding);
/* Compares catalog, store and libvirt. New array of Finding. */
GPtrArray *engine_doctor(Engine *engine, GError **error);
/* Repairs what is safe among the findings; returns those repaired. */
GPtrArray *engine_repair(Engine *engine, GError **error);
/* Answers the question of engine_question(): take this store (and its newer state) as the truth and
 * rebuild the catalog from it and libvirt. Data volumes are not touched. */
gboolean engine_rebuild(Engine *engine, GPtrArray *findings, GError **error);
