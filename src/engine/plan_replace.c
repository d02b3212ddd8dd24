/*
 * Plans that replace what a clone stands on: restore, rebase, undo. They differ in the generation
 * they ask for and in what may refuse them; everything after that is one mechanism.
 */
#include "engine/engine_private.h"
#include "foundation/size.h"
#include "model/outline.h"

static void warn_no_data(const Machine *machine, PlanItem *item)
{
    if (!machine_has_role(machine, ROLE_DATA))
        plan_item_warn(item, "'%s' has no data volume: everything in it is REPLACED",
                       machine->name);
}

static gboolean require_clone(const Machine *machine, PlanItem *item)
{
    if (item->decision == DECISION_REFUSE)
        return FALSE;
    if (machine_is_clone(machine))
        return TRUE;
    const char *hint = machine_is_base(machine)
                           ? "a base is updated by preparing a clone of it as the new base"
                           : "only a clone has a base to start again from";
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, hint, "'%s' is not a clone", machine->name);
    return FALSE;
}

static const char *waits_for(RunningPolicy policy)
{
    static const char *const WAITS[RUNNING_POLICY_COUNT] = {
        [RUNNING_REBOOT] = "runs: moves at its own reboot or shutdown",
        [RUNNING_STOP] = "runs: moves when it is shut down",
        [RUNNING_SHUTDOWN] = "runs: is asked to shut down, and starts again",
        [RUNNING_FORCE] = "runs: is shut down, at the deadline by force, and starts again",
    };
    return WAITS[policy];
}

static void warn_never_stops(Planner *planner, const Machine *machine, PlanItem *item)
{
    g_autoptr(DomainFacts) facts =
        hypervisor_definition(planner->engine->hypervisor, machine->uuid, NULL);
    if (facts && facts->poweroff_restarts)
        plan_item_warn(item, "'%s' has on_poweroff=restart: it never stops by itself",
                       machine->name);
    if (facts && facts->has_tpm_state)
        plan_item_warn(item, "'%s' has a TPM: its state stays and may not fit the other system",
                       machine->name);
}

static void plan_running(Planner *planner, const Machine *machine, PlanItem *item)
{
    RunningPolicy policy = planner->request->running;
    gboolean saved = planner_power(planner, machine) == POWER_SAVED;
    item->decision = DECISION_PENDING;
    item->reason = g_strdup(saved ? "has saved memory: moves when it was resumed and stops"
                                  : waits_for(policy));
    if (item->next)
        item->next->start_after = !saved && (policy == RUNNING_SHUTDOWN || policy == RUNNING_FORCE);
    if (!saved)
        warn_never_stops(planner, machine, item);
}

/* The common end: the generation is what the verb wants; running machines wait. Takes the
 * generation. */
static void plan_generation(Planner *planner, const Machine *machine, const GArray *heads,
                            PlanItem *item, Generation *desired)
{
    planner_replace(item, machine, heads, desired);
    if (planner_is_active(planner, machine))
        plan_running(planner, machine, item);
    warn_no_data(machine, item);
}

/* What every replaced machine must fulfil. An older pending generation is simply replaced by the
 * newer wish. The facts of its heads, a new array; NULL: refused. */
static GArray *check_replaceable(Planner *planner, const Machine *machine, PlanItem *item)
{
    if (!require_clone(machine, item) || !planner_check_marks(planner, machine, item))
        return NULL;
    g_autoptr(GArray) heads = planner_head_facts(planner, machine, item);
    /* an undo brings a system back that the data has been with */
    gboolean ok = heads && (planner->request->verb == VERB_UNDO ||
                            signatures_check_clone(planner, machine, heads, item));
    return ok ? g_steal_pointer(&heads) : NULL;
}

/* A wish that was still pending is given up for the new one. */
static Machine *without_pending(const Machine *machine)
{
    Machine *plain = machine_copy(machine);
    if (plain->desired != plain->actual)
        machine_drop_generation(plain, plain->desired);
    plain->desired = plain->actual;
    return plain;
}

/* Numbers are never reused: the given-up generation's number may be on disk in `next`. */
static Generation *numbered_after(Generation *generation, const Machine *machine)
{
    generation->number = MAX(generation->number, machine_next_number(machine));
    generation->instance = generation->number;
    return generation;
}

/* --- restore
 * -----------------------------------------------------------------------------------------------
 */

static void restore_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    g_autoptr(GArray) heads = check_replaceable(planner, machine, item);
    if (!heads)
        return;
    const Machine *base =
        g_hash_table_lookup(planner->inventory->machines, machine_actual(machine)->base_id);
    if (!base) {
        planner_refuse(item, UNDERPIN_ERROR_BUG, "see 'underpin doctor'",
                       "the base of '%s' is not in the catalog", machine->name);
        return;
    }
    g_autoptr(Machine) plain = without_pending(machine);
    Generation *fresh =
        generation_plan_fresh(plain, base, planner->inventory, CAUSE_RESTORE, planner->now);
    plan_generation(planner, plain, heads, item, numbered_after(fresh, machine));
}

static gboolean each_machine(Planner *planner, void (*one)(Planner *, const Machine *),
                             GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    if (!machines)
        return FALSE;
    for (guint i = 0; i < machines->len; i++)
        one(planner, g_ptr_array_index(machines, i));
    return TRUE;
}

gboolean plan_restore(Planner *planner, GError **error)
{
    return each_machine(planner, restore_one, error);
}

/* --- rebase
 * ------------------------------------------------------------------------------------------------
 */

static void warn_capacities(const Planner *planner, const Machine *machine, const Machine *base,
                            PlanItem *item)
{
    const Generation *actual = machine_actual(machine);
    for (guint i = 0; i < actual->heads->len; i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        g_autofree char *layer_id = layer_id_build(base->set_id, head->target);
        const Layer *layer = g_hash_table_lookup(planner->inventory->layers, layer_id);
        if (!layer || layer->capacity_bytes == head->capacity_bytes)
            continue;
        g_autofree char *before = size_to_text(head->capacity_bytes);
        g_autofree char *after = size_to_text(layer->capacity_bytes);
        if (head->role == ROLE_DATA)
            plan_item_warn(item,
                           "data volume '%s' keeps its capacity of %s (the new base's has %s)",
                           head->target, before, after);
        else
            plan_item_warn(item, "%s volume '%s' changes from %s to %s", role_name(head->role),
                           head->target, before, after);
    }
}

static gboolean check_hold(const Planner *planner, const Machine *machine, PlanItem *item)
{
    if (!machine->held || planner->request->even_held)
        return TRUE;
    planner_skip(item, UNDERPIN_ERROR_REFUSED, "on hold%s%s", machine->hold_reason ? ": " : "",
                 machine->hold_reason ? machine->hold_reason : "");
    return FALSE;
}

/* TRUE where the machine is going to move. */
static gboolean rebase_one(Planner *planner, const Machine *machine, const Machine *onto)
{
    PlanItem *item = planner_item(planner, machine);
    if (item->decision == DECISION_REFUSE || !check_hold(planner, machine, item))
        return FALSE;
    g_autoptr(GArray) heads = check_replaceable(planner, machine, item);
    if (!heads)
        return FALSE;
    if (g_strcmp0(machine_desired(machine)->base_id, onto->id) == 0) {
        planner_skip(item, UNDERPIN_ERROR_EXISTS,
                     machine_is_pending(machine) ? "moves to '%s' already" : "is on '%s' already",
                     onto->name);
        return FALSE;
    }
    g_autoptr(Machine) plain = without_pending(machine);
    Generation *fresh =
        generation_plan_fresh(plain, onto, planner->inventory, CAUSE_REBASE, planner->now);
    plan_generation(planner, plain, heads, item, numbered_after(fresh, machine));
    warn_capacities(planner, machine, onto, item);
    item->next->define_after = planner->request->new_hardware;
    return TRUE;
}

/* Base against base, once for each old base: a disk that a clone's owner has added blocks nothing.
 */
static gboolean check_outlines(Planner *planner, GPtrArray *machines, const Machine *onto,
                               GError **error)
{
    g_autoptr(GHashTable) checked = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < machines->len; i++) {
        const char *base_id = machine_base_id(g_ptr_array_index(machines, i));
        if (!base_id || !g_hash_table_add(checked, (gpointer)base_id))
            continue;
        const Machine *base = g_hash_table_lookup(planner->inventory->machines, base_id);
        if (base && !outline_check_equal(base, onto, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean check_target(Planner *planner, const Machine *onto, GError **error)
{
    g_autofree char *owner = engine_occupant(planner->engine, onto->id);
    if (onto->retired)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "choose another base",
                         "base '%s' was removed", onto->name);
    if (owner && !g_str_has_prefix(owner, "base of "))
        return error_set(error, UNDERPIN_ERROR_BUSY, "wait for it and try again",
                         "base '%s' is in use: %s", onto->name, owner);
    return TRUE;
}

gboolean plan_rebase(Planner *planner, GError **error)
{
    const Machine *onto = planner_base(planner, planner->request->onto, error);
    g_autoptr(GPtrArray) machines =
        onto && check_target(planner, onto, error) ? planner_machines(planner, error) : NULL;
    if (!machines || !check_outlines(planner, machines, onto, error))
        return FALSE;
    guint limit = planner->request->limit ? planner->request->limit : machines->len;
    for (guint i = 0; i < machines->len && limit; i++)
        limit -= rebase_one(planner, g_ptr_array_index(machines, i), onto);
    return TRUE;
}

/* --- undo
 * --------------------------------------------------------------------------------------------------
 */

/* A person's own hold keeps its reason. */
static void hold_for_undo(Machine *next, const char *what)
{
    if (next->held)
        return;
    next->held = TRUE;
    g_free(next->hold_reason);
    next->hold_reason = g_strdup(what);
}

/* Undo of what has not happened yet: the wish is given up. */
static void cancel_pending(const Machine *machine, PlanItem *item)
{
    item->next = without_pending(machine);
    item->next->start_after = FALSE;
    hold_for_undo(item->next, "a pending move was cancelled");
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role, FATE_KEPT);
    }
}

static gboolean check_hibernated(const Planner *planner, const Machine *machine,
                                 const Generation *entry, PlanItem *item)
{
    if (!entry->hibernated || planner->request->force)
        return TRUE;
    planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                   "use --force if the data volumes may be damaged by it",
                   "the system that undo would bring back to '%s' was hibernated: it has data file "
                   "systems cached",
                   machine->name);
    return FALSE;
}

static void undo_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    if (!require_clone(machine, item))
        return;
    if (machine_is_pending(machine) && machine_desired(machine)->cause != CAUSE_CLEAN) {
        cancel_pending(machine, item);
        return;
    }
    const Generation *entry = machine_newest_entry(machine);
    if (!entry) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "only a restore or rebase that replaced something can be undone",
                       "there is nothing to undo for '%s'", machine->name);
        return;
    }
    g_autoptr(GArray) heads = check_replaceable(planner, machine, item);
    if (!heads || !check_hibernated(planner, machine, entry, item))
        return;
    g_autoptr(Machine) plain = without_pending(machine); /* it may wait to be cleaned */
    plan_generation(planner, plain, heads, item,
                    generation_plan_undo(plain, entry, planner->inventory, planner->now));
    hold_for_undo(item->next, HOLD_UNDONE);
    plan_item_warn(item, "data of '%s' stays as the newer system left it", machine->name);
}

gboolean plan_undo(Planner *planner, GError **error)
{
    return each_machine(planner, undo_one, error);
}
