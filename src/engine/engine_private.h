/* What the engine's files share. Nothing outside src/engine includes it. */
#pragma once

#include "engine/engine.h"
#include "foundation/error.h"

/*
 * The state of one machine's gate, the daemon's side of the start barrier (barrier.c). In memory
 * only: claims survive the daemon in /run, and what was being settled is found again by comparing
 * catalog and store.
 */
typedef enum { GATE_OPEN, GATE_SETTLING, GATE_CLAIMED } GateState;

/*
 * Locks, in the order in which they may be taken: commit_lock, then lock. gate_lock is a leaf:
 * nothing is called while it is held.
 *
 * lock         inventory, power, busy, question, host flags
 * commit_lock  serialises commits, so that `before` of one is `after` of the last
 * gate_lock    gates
 * looks_lock   looks; a leaf
 */
struct Engine {
    Storage *storage;
    Hypervisor *hypervisor;
    Catalog *catalog;
    Claims *claims;
    Clock *clock;
    EngineConfig config;

    GMutex commit_lock;
    GRWLock lock;
    Inventory *inventory;
    GHashTable *power;    /* machine id -> Power + 1 */
    GHashTable *busy;     /* machine id -> char *: who works on it, in words */
    GHashTable *receipts; /* machine id -> char *: of settles outside a run */
    GHashTable *brief;    /* machine id: its owner is done in a moment (a settle, a new identity) */
    GHashTable *old_marks;        /* machine id: marked as hibernated before its session began */
    GHashTable *stale_identities; /* machine id: its definition names an older instance */
    GHashTable *bases;            /* base id -> how many running jobs need it as it is */
    GError *question;
    gboolean libvirt_connected;
    gboolean hook_in_force;
    char *hook_problem;

    GMutex gate_lock;
    GCond gate_changed;
    GHashTable *gates; /* machine id -> GateState; absent: OPEN */
    GHashTable *heard; /* machine id -> guint64: `messages` at what the hook said last */
    guint64 messages;  /* of the hook, so far */

    GMutex looks_lock;
    GHashTable *looks; /* inode of a head -> what it held (signatures.c) */

    EngineListener listener;
    gpointer listener_data;
    double seconds_per_machine; /* pace of the last run, for estimates; under lock */
};

void engine_emit(Engine *engine, EngineEvent event, const char *id, const GError *error);

/* --- engine.c: reading
 * ------------------------------------------------------------------------------------ */

/* New reference, or NULL. By id only. */
Machine *engine_machine(Engine *engine, const char *id);
/* The same of a layer. */
Layer *engine_layer(Engine *engine, const char *id);
/* "lab-1" for messages; falls back to the id. Caller frees. */
char *engine_machine_name(Engine *engine, const char *id);
gint64 engine_now(Engine *engine);
void engine_set_power(Engine *engine, const char *machine_id, Power power);
/* REFUSED with the question where the store's or the catalog's identity is in doubt. */
gboolean engine_check_unquestioned(Engine *engine, GError **error);

/* --- commit.c
 * --------------------------------------------------------------------------------------------- */

/*
 * The one transaction: catalog, then the store's generation, then memory; tells the listener. An
 * error means that nothing has happened, except where the store's number could not be raised: that
 * puts the question instead, because the catalog has already decided.
 */
gboolean engine_commit(Engine *engine, const Changes *changes, GError **error);
/* The commit of a rebuild: numbered past `above` and past the catalog's own number; with it the
 * question is answered. */
gboolean engine_commit_rebuilt(Engine *engine, const Changes *changes, guint64 above,
                               GError **error);
/*
 * The same for records that were made from what was read a while ago: `seen` has, by id, each
 * changed machine as it was then (borrowed; none for a new one). What events have written since
 * (sessions, hibernation, reboots, names) is merged in; BUSY, with nothing done, where a machine
 * has been moved since. The machines in `changes` are private to the caller.
 */
gboolean engine_commit_seen(Engine *engine, Changes *changes, GHashTable *seen, GError **error);
/* The same for one machine alone. */
gboolean engine_commit_one(Engine *engine, const Machine *seen, Machine *next, GError **error);
/* Whether a machine has been moved since it was read: its generations or places have changed. */
gboolean engine_has_moved(Engine *engine, const Machine *seen);
/* Where the store's number could not be raised, tries once more; with success the question is
 * answered. */
void engine_raise_again(Engine *engine);
/* Changes one machine's record from its present state, in a transaction of its own. A machine that
 * is gone is fine. */
gboolean engine_update(Engine *engine, const char *machine_id,
                       void (*change)(Machine *machine, gpointer data), gpointer data,
                       GError **error);

/* The same for events, which may not fail: what could not be written down is said in the log, and a
 * resync finds it again. */
void engine_update_or_warn(Engine *engine, const char *machine_id,
                           void (*change)(Machine *machine, gpointer data), gpointer data);

/* The same of a layer. */
gboolean engine_update_layer(Engine *engine, const char *layer_id,
                             void (*change)(Layer *layer, gpointer data), gpointer data,
                             GError **error);

/* --- barrier.c
 * -------------------------------------------------------------------------------------------- */

/* Owns the machine for one operation (invariant 7), or BUSY with who has it. */
gboolean engine_occupy(Engine *engine, const char *machine_id, const char *who, GError **error);
void engine_vacate(Engine *engine, const char *machine_id);
/* The same for work that is over in a moment: nobody is refused because of it, operations wait for
 * it. */
gboolean engine_occupy_briefly(Engine *engine, const char *machine_id, const char *who,
                               GError **error);
/* engine_occupy() that waits for a brief owner until `deadline` (g_get_monotonic_time). */
gboolean engine_occupy_waiting(Engine *engine, const char *machine_id, const char *who,
                               gint64 deadline, GError **error);
/* Who works on it and will for a while, or NULL. Caller frees. */
char *engine_occupant(Engine *engine, const char *machine_id);

/* Keeps a base from being removed or unprepared while a job moves clones from or to it; several may
 * hold it. */
gboolean engine_base_hold(Engine *engine, const char *base_id, GError **error);
void engine_base_release(Engine *engine, const char *base_id);

/* Takes the gate for a settle: BUSY while the machine is claimed (starting or running) or another
 * settles it. */
gboolean gate_take(Engine *engine, const char *machine_id, GError **error);
/* From the hook: waits for a settle in progress until `deadline` (g_get_monotonic_time), then takes
 * it for a start. */
gboolean gate_take_for_start(Engine *engine, const char *machine_id, gint64 deadline,
                             GError **error);
void gate_set(Engine *engine, const char *machine_id, GateState state);
GateState gate_state(Engine *engine, const char *machine_id);
/* What the hook says of a machine: a start was granted and is under way, and it is over. */
void gate_hear_start(Engine *engine, const char *machine_id);
void gate_hear_release(Engine *engine, const char *machine_id);
/*
 * What libvirt has answered may be older than what the hook has said since it was asked, and then
 * counts no more: gate_moment() before asking, and then these, which do nothing and return FALSE
 * where the hook has said something of the machine since.
 */
guint64 gate_moment(Engine *engine);
gboolean gate_is_silent_since(Engine *engine, const char *machine_id, guint64 moment);
gboolean gate_claim_since(Engine *engine, const char *machine_id, guint64 moment);
gboolean gate_unclaim_since(Engine *engine, const char *machine_id, guint64 moment);

/* --- references.c
 * ----------------------------------------------------------------------------------------- */

/* Layer ids that something references: a set of borrowed or own strings, own table. Caller holds
 * the lock for reading or owns the inventory. */
GHashTable *references_collect(const Inventory *inventory);
/* What changes must add so that layers and undo entries without a reference go to the reclaim list.
 * `after` is the inventory as it would be after `changes`. */
void references_list_unused(const Inventory *after, Changes *changes, gint64 now);
/* One sentence for each reference to the layer, newly allocated. */
GPtrArray *references_explain(const Inventory *inventory, const char *layer_id);
/* Length of the chain below a head on `layer_id`: 1 for a layer without a parent. */
guint references_chain_length(const Inventory *inventory, const char *layer_id);

/* --- stage.c
 * ---------------------------------------------------------------------------------------------- */

/* Fresh heads for `machine` on the layers of `base` (its own record for a standalone machine is
 * never fresh): the generation of a restore or a rebase. Heads of data volumes are kept. New
 * reference. */
Generation *generation_plan_fresh(const Machine *machine, const Machine *base,
                                  const Inventory *inventory, Cause cause, gint64 now);
/* All heads kept but the temporary ones. NULL where the machine has none. */
Generation *generation_plan_clean(const Machine *machine, const Inventory *inventory, gint64 now);
/* The system of undo entry `entry`, fresh temporary heads on the entry's layers, data as it is. */
Generation *generation_plan_undo(const Machine *machine, const Generation *entry,
                                 const Inventory *inventory, gint64 now);
/* All heads kept: the starting point of volume-add, resize, detach. */
Generation *generation_plan_keep(const Machine *machine, Cause cause, gint64 now);

/* --- settle.c
 * --------------------------------------------------------------------------------------------- */

/* The reason of the hold that an undo puts on its machine. */
#define HOLD_UNDONE "undone"

/* What a thousand definitions would ask libvirt again and again, read once a batch. */
typedef struct {
    GHashTable *templates; /* base's id -> its domain's XML */
    GHashTable *known;     /* names and UUIDs of all domains when the batch began; NULL: not read */
} DefineCache;
void define_cache_init(DefineCache *cache);
void define_cache_clear(DefineCache *cache);

/* What settling one machine led to, to be recorded in the next transaction. */
typedef struct {
    Machine *before;      /* as the catalog has it */
    Machine *after;       /* NULL: the record goes */
    char *receipt;        /* JSON; NULL: nothing was replaced */
    json_t *data_before;  /* receipt_take() before the switch */
    DefineCache *cache;   /* of the batch, borrowed; NULL: always ask */
    gboolean is_switched; /* by settle_begin(); then `result` says what it found */
    SwitchResult result;
} Settled;
void settled_free(Settled *settled);

/*
 * A settle in two halves, so that the switches of many machines share one sync: settle_begin() for
 * each, which exchanges the heads where that is all there is to do, storage_sync() for all,
 * settle_finish() for each. The caller holds the gates. Where settle_begin() fails nothing is
 * switched; from then on a machine is rolled forward only (invariant 3).
 */
Settled *settle_begin(Engine *engine, const Machine *machine, GError **error);
gboolean settle_finish(Engine *engine, Settled *settled, gboolean allow_hypervisor, GError **error);
/*
 * Both halves: brings one machine's heads in line with the catalog; the caller holds its gate. Not
 * recorded and not durable yet: collect several, then settle_record() once. `allow_hypervisor`
 * FALSE inside a hook: UNAVAILABLE where the domain must be (re)defined first.
 */
Settled *settle_switch(Engine *engine, const Machine *machine, gboolean allow_hypervisor,
                       GError **error);
/* (Re)defines the machine's domain so that it names exactly its volumes; from its own definition
 * where it has one. */
gboolean settle_define(Engine *engine, const Machine *machine, GError **error);
/* "ID-N": what a first-boot script in the guest sees as its instance; new with each fresh system.
 * Caller frees. */
char *settle_instance_id(const Machine *machine);
/* Makes the switches durable and records them in one transaction; `list_unused`: lists the layers
 * that nothing needs any more. That counts every reference there is: of many batches only the last
 * does it (and reclaim, at any time). `ended`: a job as it stands once this is recorded, in the
 * same transaction; NULL: none. */
gboolean settle_record(Engine *engine, GPtrArray *settled, gboolean list_unused, const Job *ended,
                       GError **error);
/* The desired state goes back to the actual heads, and the machine is marked behind with the reason
 * (invariant 3). FALSE with the reason where it cannot go back: once it is switched it is rolled
 * forward. */
gboolean settle_defer(Engine *engine, const Machine *machine, const GError *reason, GError **error);
/* The end of a session: decides what must be cleaned, stages and commits it. New reference: the
 * machine as it is then. */
Machine *settle_end_session(Engine *engine, const Machine *machine, GError **error);

/* --- pulled.c
 * --------------------------------------------------------------------------------------------- */

/* Targets of heads in `now` that a block pull has taken off the layer that the record names. New
 * set of texts. */
GHashTable *pulled_heads(Engine *engine, const Machine *machine);
/* Of a generation that is not published yet: its kept heads of these targets sit on nothing. */
void pulled_take_off(Generation *generation, GHashTable *targets);
/* Whether what a pending machine waits for has to be corrected: it is not in place yet, and says of
 * one of these heads that it sits on a layer. */
gboolean pulled_concerns(Engine *engine, const Machine *machine, GHashTable *targets);
/* Stages and commits anew what a pending machine waits for, now that these heads sit on nothing.
 * New reference: the machine as it is then. */
Machine *pulled_correct_wish(Engine *engine, const Machine *machine, GHashTable *targets,
                             GError **error);

/* --- identity.c
 * ------------------------------------------------------------------------------------------- */

/* Brings the instance id in the machine's definition in line with its system, where it is one of
 * ours; needs libvirt, and that the caller owns the machine. */
gboolean identity_refresh(Engine *engine, const char *machine_id, GError **error);
/* Starts the machine with its identity in line. */
gboolean identity_start(Engine *engine, const char *machine_id, GError **error);
/* Remembers that the definition is behind, for engine_renew_identity(). */
void identity_note_stale(Engine *engine, const char *machine_id);
/* Refreshes this one if it was noted; the caller owns the machine. */
void identity_refresh_noted(Engine *engine, const char *machine_id);

/* --- session.c
 * -------------------------------------------------------------------------------------------- */

/* REFUSED where somebody put overlays on top of the heads: a switch would leave those on other
 * disks, or be overtaken by them. Asks libvirt; TRUE where that does not know the machine. */
gboolean engine_check_no_overlay(Engine *engine, const Machine *machine, GError **error);

/* After a pending wish was given up in the catalog: what had been staged goes, a reboot is a reboot
 * again. */
void engine_after_wish(Engine *engine, const Machine *machine);

/* --- hibernation.c
 * ---------------------------------------------------------------------------------------- */

/* The guest was seen to suspend to disk: marks the generation that it runs on. */
void hibernation_seen(Engine *engine, const char *machine_id);
/* A mark that is there now is older than the session. */
void hibernation_session_begun(Engine *engine, const char *machine_id);
/* Takes an older mark away where the session that is over ended clean. Calls libvirt; `machine` is
 * off and owned by the caller. */
void hibernation_session_ended(Engine *engine, const Machine *machine);

/* --- stamp.c
 * -----------------------------------------------------------------------------------------------
 */

/* Gives the machine's session a stamp of its own, where it has none yet. Calls libvirt. Failing is
 * no error: memory saved in this session is then not resumed. */
void stamp_session(Engine *engine, const char *machine_id);
/* REFUSED where memory that carries `memory` is not that of the last session. Calls no libvirt. */
gboolean stamp_check(Engine *engine, const Machine *machine, const char *memory, GError **error);

/* --- open.c
 * -----------------------------------------------------------------------------------------------
 */

/* Looks whether the start hook is in force, and remembers it. Calls libvirt. */
void engine_probe_hook(Engine *engine);
/* REFUSED where the hook should be in force and is not; nothing is said while libvirt is away.
 * Where the last look missed it, this looks again: a hook that an administrator has put back
 * since, and the one of a daemon that has just started, are in force at once. */
gboolean engine_check_hook(Engine *engine, GError **error);
/* Settles what is pending, abandons what was not committed, protects the layers. */
gboolean engine_recover(Engine *engine, GError **error);

/* --- doctor*.c
 * -------------------------------------------------------------------------------------------- */

/* Appends a finding. `level`, texts as Finding says; `text` is a format for what follows. */
void finding_add(GPtrArray *findings, const char *id, FindingLevel level, const char *subject,
                 const char *remedy, gboolean repairable, const char *format, ...)
    G_GNUC_PRINTF(7, 8);
void doctor_check_machines(Engine *engine, const Inventory *snapshot, GPtrArray *findings);
void doctor_check_domains(Engine *engine, const Inventory *snapshot, GPtrArray *findings);
gboolean doctor_check_files(Engine *engine, const Inventory *snapshot, GPtrArray *findings,
                            GError **error);

/* --- receipt.c
 * -------------------------------------------------------------------------------------------- */

/* Identity of the data heads (and of a kept system head) of generation 0: what lies in `now`.
 * Caller frees. */
json_t *receipt_take(Engine *engine, const Machine *machine);
/* Digests of the content of each data volume that can be read in peace: an array of rows as
 * receipt_take() gives them, with "digest". Slow; cancellable; takes no lock. */
json_t *receipt_digest(Engine *engine, const Machine *machine, GCancellable *cancellable);
/* A receipt with "digest_before" and "digest_after" where `before` and `after` (may be NULL) have
 * one of the very same file; no longer proven where the two differ. Caller frees. */
char *receipt_add_digests(const char *receipt, const json_t *before, const json_t *after);
/* The JSON text {"kept":[{target,inode,size_bytes,mtime}],…,"proven":true} of two such. Caller
 * frees. */
char *receipt_compare(const json_t *before, const json_t *after);

/* --- reclaim.c
 * -------------------------------------------------------------------------------------------- */

/* How much of the store undo entries may hold. */
guint64 reclaim_budget_bytes(const Engine *engine, const StoreStatus *store);
/* Each undo entry that retention will list, oldest first: when, and what it holds. */
typedef void (*ReclaimVisitor)(gint64 expires_at, guint64 bytes, gpointer user_data);
void reclaim_each_entry(const Engine *engine, const Inventory *snapshot, ReclaimVisitor visit,
                        gpointer user_data);
/* How many undo entries will go before their time when `more_bytes` are added to what undo holds.
 */
guint reclaim_forecast(Engine *engine, const Inventory *snapshot, const StoreStatus *store,
                       guint64 more_bytes);
/* Puts a kept volume's file on the reclaim list and drops its record. */
void reclaim_list_kept(const KeptVolume *volume, Changes *changes, gint64 now);
/* The machine that is about to have the kept volume as its own, or NULL. Borrowed. */
const Machine *reclaim_attached_to(const Inventory *inventory, const KeptVolume *volume);
/* Whether it is an undo entry that nothing is about to bring back and no guest runs on. */
gboolean reclaim_may_forget(const Machine *machine, const Generation *generation);
/* Puts the undo entries that a record no longer has on the reclaim list. */
void reclaim_list_dropped(const Machine *before, const Machine *after, Changes *changes,
                          gint64 now);

/* --- maintain.c
 * -------------------------------------------------------------------------------------------- */

/* Settles what was decided, abandons what was only staged. */
void engine_recover_flattening(Engine *engine);
/* Makes a layer standalone without changing what anybody sees of it. */
gboolean engine_flatten_layer(Engine *engine, const char *layer_id, GCancellable *cancellable,
                              GError **error);

/* Leaves it for engine_take_receipt(). Takes the text. */
void receipt_leave(Engine *engine, const char *machine_id, char *receipt);

/* --- plan_*.c: one function a verb
 * ------------------------------------------------------------------------- */

/* What every planner gets: an inventory held still (read lock not held: references), facts and the
 * plan to fill. */
typedef struct {
    Engine *engine;
    const Request *request;
    Plan *plan;
    Inventory *inventory; /* a snapshot: same objects, own tables */
    GHashTable *marks;    /* uuid -> DomainMarks; NULL while libvirt is away */
    GHashTable *layouts;  /* layer id -> what it holds (signatures.c) */
    gint64 now;
} Planner;

typedef gboolean (*PlanFunction)(Planner *planner, GError **error);

/* The inventory as it is, in tables of its own. */
Inventory *engine_snapshot(Engine *engine);
/* The one request that is possible while the store is in doubt: it answers the question. */
gboolean request_is_rebuild(const Request *request);
/* engine_plan() on a given snapshot. */
Plan *engine_plan_on(Engine *engine, const Request *request, Inventory *snapshot, GError **error);

/* Resolves request->machines, or all clones of request->all_of, narrowed by match. Array of
 * borrowed Machine. */
GPtrArray *planner_machines(Planner *planner, GError **error);
/* A machine by name, UUID or id; NOT_FOUND proposes near names. Borrowed. */
const Machine *planner_find(Planner *planner, const char *name, GError **error);
/* The base called `name`; REFUSED where it is no base. Borrowed. */
const Machine *planner_base(Planner *planner, const char *name, GError **error);
const char *planner_machine_name(Planner *planner, const char *id);
Power planner_power(Planner *planner, const Machine *machine);
/* Running, paused, saved, claimed, or with a session that nobody has seen end. */
gboolean planner_is_active(Planner *planner, const Machine *machine);
/* An item with power filled in and, where another operation has it, a BUSY refusal. */
PlanItem *planner_item(Planner *planner, const Machine *machine);
/* Refuses with BUSY unless the machine is stopped, settled and unlocked. TRUE where it may go on.
 */
gboolean planner_require_stopped(Planner *planner, const Machine *machine, PlanItem *item);
/* Refuses where libvirt snapshots block. TRUE where it may go on. */
gboolean planner_check_marks(Planner *planner, const Machine *machine, PlanItem *item);
/* Refuses where a head is missing or locked. TRUE where it may go on. */
gboolean planner_check_heads(Planner *planner, const Machine *machine, PlanItem *item);
/* The same, which hands the facts out: HeadFacts of each volume, in the outline's order. A new
 * array; NULL: refused. */
GArray *planner_head_facts(Planner *planner, const Machine *machine, PlanItem *item);
/* Gives the item its desired generation and next record, and the volumes' fates. `heads`:
 * planner_head_facts(); NULL where none of them is replaced or reset. Takes the generation. */
void planner_replace(PlanItem *item, const Machine *machine, const GArray *heads,
                     Generation *desired);
void planner_refuse(PlanItem *item, UnderpinErrorCode code, const char *hint, const char *format,
                    ...) G_GNUC_PRINTF(4, 5);
void planner_skip(PlanItem *item, UnderpinErrorCode code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* EXISTS where a machine or a domain has one of the names, or two are equal. */
gboolean planner_check_names(Planner *planner, GPtrArray *names, GError **error);
/* "vdd": the first of vda … vdz that the machine does not use; NULL: none. Caller frees. */
char *planner_free_target(const Machine *machine);
/* A head made of an image file outside the store, after all checks; NULL where the item refuses. */
Head *planner_adopt(Planner *planner, const char *path, const char *format, const char *target,
                    Role role, PlanItem *item);
/* Looks, read-only, at partition tables and signatures: warns where bytes that are kept may still
 * be lost, refuses where storage pools span roles (unless forced). TRUE where it may go on. */
gboolean signatures_check(Planner *planner, const Machine *machine, PlanItem *item);
/* The same of a clone whose system is to be replaced: only of heads that were written. `heads`:
 * planner_head_facts(). */
gboolean signatures_check_clone(Planner *planner, const Machine *machine, const GArray *heads,
                                PlanItem *item);

/* Whether a volume of the machine, which is off, holds a hibernated system. */
gboolean signatures_are_hibernated(Engine *engine, const Machine *machine);

gboolean plan_import(Planner *planner, GError **error);
gboolean plan_prepare(Planner *planner, GError **error);
gboolean plan_unprepare(Planner *planner, GError **error);
gboolean plan_clone(Planner *planner, GError **error);
gboolean plan_power(Planner *planner, GError **error);
gboolean plan_restore(Planner *planner, GError **error);
gboolean plan_rebase(Planner *planner, GError **error);
gboolean plan_undo(Planner *planner, GError **error);
gboolean plan_hold(Planner *planner, GError **error);
gboolean plan_detach(Planner *planner, GError **error);
gboolean plan_remove(Planner *planner, GError **error);
gboolean plan_export(Planner *planner, GError **error);
gboolean plan_volume_add(Planner *planner, GError **error);
gboolean plan_volume_attach(Planner *planner, GError **error);
gboolean plan_volume_set_role(Planner *planner, GError **error);
gboolean plan_volume_resize(Planner *planner, GError **error);
gboolean plan_whole(Planner *planner, GError **error); /* backup, repair, reclaim */
gboolean plan_flatten(Planner *planner, GError **error);
gboolean plan_purge(Planner *planner, GError **error);
gboolean plan_forget(Planner *planner, GError **error);
