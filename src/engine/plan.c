/*
 * Planning: facts and a request in, steps or reasons for refusal out. It looks, and changes
 * nothing; the run does what the plan says, because it executes this very plan (run.c).
 */
#include "engine/engine_private.h"
#include "foundation/size.h"

#include <fnmatch.h>

static const PlanFunction PLANNERS[VERB_COUNT] = {
    [VERB_IMPORT] = plan_import,
    [VERB_PREPARE] = plan_prepare,
    [VERB_UNPREPARE] = plan_unprepare,
    [VERB_CLONE] = plan_clone,
    [VERB_START] = plan_power,
    [VERB_SHUTDOWN] = plan_power,
    [VERB_POWEROFF] = plan_power,
    [VERB_REBOOT] = plan_power,
    [VERB_RESTORE] = plan_restore,
    [VERB_REBASE] = plan_rebase,
    [VERB_UNDO] = plan_undo,
    [VERB_HOLD] = plan_hold,
    [VERB_RELEASE] = plan_hold,
    [VERB_DETACH] = plan_detach,
    [VERB_REMOVE] = plan_remove,
    [VERB_EXPORT] = plan_export,
    [VERB_VOLUME_ADD] = plan_volume_add,
    [VERB_VOLUME_ATTACH] = plan_volume_attach,
    [VERB_VOLUME_SET_ROLE] = plan_volume_set_role,
    [VERB_VOLUME_RESIZE] = plan_volume_resize,
    [VERB_BACKUP] = plan_whole,
    [VERB_REPAIR] = plan_whole,
    [VERB_RECLAIM] = plan_whole,
    [VERB_FLATTEN] = plan_flatten,
    [VERB_PURGE] = plan_purge,
    [VERB_FORGET] = plan_forget,
};
G_STATIC_ASSERT(G_N_ELEMENTS(PLANNERS) == VERB_COUNT);

/* --- the snapshot
 * ------------------------------------------------------------------------------------------ */

Inventory *engine_snapshot(Engine *engine)
{
    g_rw_lock_reader_lock(&engine->lock);
    Inventory *snapshot = inventory_copy(engine->inventory);
    g_rw_lock_reader_unlock(&engine->lock);
    return snapshot;
}

/* --- what planners ask
 * ------------------------------------------------------------------------------------- */

const Machine *planner_find(Planner *planner, const char *name, GError **error)
{
    const Machine *machine = inventory_find(planner->inventory, name);
    if (machine)
        return machine;
    g_autoptr(Machine) none = engine_find_machine(planner->engine, name, error);
    if (none)
        error_set(error, UNDERPIN_ERROR_BUSY, "try again", "'%s' has just been made", name);
    return NULL;
}

const Machine *planner_base(Planner *planner, const char *name, GError **error)
{
    const Machine *machine = planner_find(planner, name, error);
    if (!machine || (machine_is_base(machine) && machine->desired_place == PLACE_SEALED))
        return machine;
    g_autofree char *hint =
        g_strdup_printf("prepare it first: 'underpin prepare %s'", machine->name);
    error_set(error, UNDERPIN_ERROR_REFUSED, hint, "'%s' is not a base", machine->name);
    return NULL;
}

const char *planner_machine_name(Planner *planner, const char *id)
{
    const Machine *machine = id ? g_hash_table_lookup(planner->inventory->machines, id) : NULL;
    return machine ? machine->name : NULL;
}

static gint compare_names(gconstpointer one, gconstpointer other)
{
    const Machine *left = *(Machine *const *)one;
    const Machine *right = *(Machine *const *)other;
    g_autofree char *left_key = g_utf8_collate_key_for_filename(left->name, -1);
    g_autofree char *right_key = g_utf8_collate_key_for_filename(right->name, -1);
    return g_strcmp0(left_key, right_key);
}

static GPtrArray *machines_of_base(Planner *planner, GError **error)
{
    const Request *request = planner->request;
    const Machine *base = planner_find(planner, request->all_of, error);
    if (!base)
        return NULL;
    g_autoptr(GPtrArray) clones = inventory_clones(planner->inventory, base->id);
    GPtrArray *chosen = g_ptr_array_new();
    for (guint i = 0; i < clones->len; i++) {
        Machine *clone = g_ptr_array_index(clones, i);
        if (!machine_is_base(clone) &&
            (!request->match || fnmatch(request->match, clone->name, 0) == 0))
            g_ptr_array_add(chosen, clone);
    }
    g_ptr_array_sort(chosen, compare_names);
    return chosen;
}

static GPtrArray *named_machines(Planner *planner, GError **error)
{
    const Request *request = planner->request;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    for (guint i = 0; i < request->machines->len; i++) {
        const Machine *machine =
            planner_find(planner, g_ptr_array_index(request->machines, i), error);
        if (!machine)
            return NULL;
        if (!g_ptr_array_find(chosen, machine, NULL))
            g_ptr_array_add(chosen, (gpointer)machine);
    }
    return g_steal_pointer(&chosen);
}

/* A rebase counts only those that move towards its limit (plan_replace.c); for the others it is the
 * first so many. */
GPtrArray *planner_machines(Planner *planner, GError **error)
{
    const Request *request = planner->request;
    GPtrArray *chosen =
        request->all_of ? machines_of_base(planner, error) : named_machines(planner, error);
    if (chosen && request->limit && request->verb != VERB_REBASE && chosen->len > request->limit)
        g_ptr_array_set_size(chosen, (gint)request->limit);
    return chosen;
}

Power planner_power(Planner *planner, const Machine *machine)
{
    return engine_power(planner->engine, machine->id);
}

gboolean planner_is_active(Planner *planner, const Machine *machine)
{
    Power power = planner_power(planner, machine);
    ClaimState claim = claims_state(planner->engine->claims, machine->id);
    if (claim == CLAIM_CLAIMED || claim == CLAIM_STARTED ||
        gate_state(planner->engine, machine->id) == GATE_CLAIMED)
        return TRUE;
    /* Off, but its session is not settled yet: the run does that first. */
    return power == POWER_UNKNOWN ? machine->session != 0 : power_is_active(power);
}

/* --- items
 * -------------------------------------------------------------------------------------------------
 */

void planner_refuse(PlanItem *item, UnderpinErrorCode code, const char *hint, const char *format,
                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autoptr(GError) error = NULL;
    error_set(&error, code, hint, "%s", message);
    plan_item_refuse(item, error);
}

void planner_skip(PlanItem *item, UnderpinErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_free(item->reason);
    item->reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    item->decision = DECISION_SKIP;
    item->code = code;
}

PlanItem *planner_item(Planner *planner, const Machine *machine)
{
    PlanItem *item = plan_add(planner->plan, machine->id, machine->name);
    item->power = g_strdup(power_name(planner_power(planner, machine)));
    g_autofree char *owner = engine_occupant(planner->engine, machine->id);
    if (owner)
        planner_refuse(item, UNDERPIN_ERROR_BUSY, "wait for it ('underpin job list') and try again",
                       "'%s' is in use: %s", machine->name, owner);
    else if (machine->desired_place == PLACE_GONE)
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, NULL, "'%s' is being removed", machine->name);
    return item;
}

gboolean planner_require_stopped(Planner *planner, const Machine *machine, PlanItem *item)
{
    Power power = planner_power(planner, machine);
    if (item->decision == DECISION_REFUSE)
        return FALSE;
    if (planner_is_active(planner, machine)) {
        g_autofree char *hint =
            g_strdup_printf(power == POWER_SAVED ? "resume it and shut it down, or drop the memory "
                                                   "with 'virsh managedsave-remove %s'"
                                                 : "shut it down first: 'underpin shutdown %s'",
                            machine->name);
        planner_refuse(item, UNDERPIN_ERROR_BUSY, hint, "'%s' is %s", machine->name,
                       power == POWER_OFF || power == POWER_UNKNOWN
                           ? "starting, or its last run is not settled yet"
                           : power_name(power));
        return FALSE;
    }
    if (!machine_is_pending(machine))
        return TRUE;
    planner_refuse(item, UNDERPIN_ERROR_BUSY,
                   "wait a moment; 'underpin show' says what it waits for",
                   "'%s' is not settled yet", machine->name);
    return FALSE;
}

gboolean planner_check_marks(Planner *planner, const Machine *machine, PlanItem *item)
{
    guint marks =
        planner->marks ? GPOINTER_TO_UINT(g_hash_table_lookup(planner->marks, machine->uuid)) : 0;
    if (marks & DOMAIN_HAS_CHECKPOINT)
        plan_item_warn(item,
                       "'%s' has backup checkpoints: system and temporary volumes need a full "
                       "backup next, data "
                       "keeps its bitmaps",
                       machine->name);
    if (!(marks & DOMAIN_HAS_SNAPSHOT)) {
        g_autoptr(GError) overlay = NULL;
        if (!engine_check_no_overlay(planner->engine, machine, &overlay))
            plan_item_refuse(item, overlay);
        return overlay == NULL;
    }
    g_autofree char *hint =
        g_strdup_printf("see 'virsh snapshot-list %s', then 'virsh snapshot-delete %s NAME'",
                        machine->name, machine->name);
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, hint, "'%s' has libvirt snapshots", machine->name);
    return FALSE;
}

/* A head that is replaced anyway may be missing or damaged: this is how it is mended. */
static gboolean is_replaced_anyway(const Planner *planner, const Volume *volume)
{
    return verb_info(planner->request->verb)->replaces && volume->role != ROLE_DATA && !volume->own;
}

static gboolean check_head_is_there(Planner *planner, const Machine *machine, const Volume *volume,
                                    HeadFacts *facts, PlanItem *item)
{
    g_autoptr(GError) error = NULL;
    if (storage_head_facts(planner->engine->storage, machine, 0, volume->target, facts, &error) &&
        facts->exists)
        return TRUE;
    if (is_replaced_anyway(planner, volume)) {
        plan_item_warn(item,
                       "the image of %s volume '%s' of '%s' is missing or damaged: there is "
                       "nothing of it to undo",
                       role_name(volume->role), volume->target, machine->name);
        return TRUE;
    }
    if (error_code(error) == UNDERPIN_ERROR_INVALID) /* the image, not the request */
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, error_hint(error), "%s", error->message);
    else if (error)
        plan_item_refuse(item, error);
    else
        planner_refuse(
            item, UNDERPIN_ERROR_NOT_FOUND, "put the file back, or see 'underpin doctor'",
            "the image of volume '%s' of '%s' is missing", volume->target, machine->name);
    return FALSE;
}

GArray *planner_head_facts(Planner *planner, const Machine *machine, PlanItem *item)
{
    gboolean active = planner_is_active(planner, machine);
    g_autoptr(GArray) heads = g_array_new(FALSE, TRUE, sizeof(HeadFacts));
    g_array_set_clear_func(heads, (GDestroyNotify)head_facts_clear);
    g_array_set_size(heads, machine->volumes->len);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        HeadFacts *facts = &g_array_index(heads, HeadFacts, i);
        if (!check_head_is_there(planner, machine, volume, facts, item))
            return NULL;
        if (facts->locked && !active) {
            planner_refuse(item, UNDERPIN_ERROR_BUSY, "find it with 'fuser' or 'lsof' and stop it",
                           "volume '%s' of '%s' is in use by a QEMU that libvirt does not know",
                           volume->target, machine->name);
            return NULL;
        }
    }
    return g_steal_pointer(&heads);
}

gboolean planner_check_heads(Planner *planner, const Machine *machine, PlanItem *item)
{
    g_autoptr(GArray) heads = planner_head_facts(planner, machine, item);
    return heads != NULL;
}

static Fate fate_of(const Head *desired)
{
    static const Fate FATES[HEAD_SOURCE_COUNT] = {
        [HEAD_FRESH] = FATE_REPLACED, [HEAD_KEEP] = FATE_KEPT,       [HEAD_ENTRY] = FATE_REPLACED,
        [HEAD_BLANK] = FATE_RESET,    [HEAD_ADOPT] = FATE_CREATED,   [HEAD_CONVERT] = FATE_CREATED,
        [HEAD_COPY] = FATE_CHANGED,   [HEAD_FLATTEN] = FATE_CHANGED, [HEAD_ATTACH] = FATE_CREATED,
    };
    return desired->source == HEAD_FRESH && desired->role == ROLE_TEMPORARY
               ? FATE_RESET
               : FATES[desired->source];
}

/* NULL: not known. */
static const HeadFacts *facts_of(const Machine *machine, const GArray *heads, const char *target)
{
    for (guint i = 0; heads && i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        if (g_str_equal(volume->target, target))
            return &g_array_index(heads, HeadFacts, i);
    }
    return NULL;
}

static void describe_volume(PlanItem *item, const Machine *machine, const GArray *heads,
                            const Head *head)
{
    const Generation *actual = machine_actual(machine);
    const Head *current = actual ? generation_head(actual, head->target) : NULL;
    PlanVolume *volume = plan_item_add_volume(item, head->target, head->role,
                                              current ? fate_of(head) : FATE_CREATED);
    const HeadFacts *facts = facts_of(machine, heads, head->target);
    volume->to_layer = g_strdup(head->layer_id);
    volume->capacity_before = current ? current->capacity_bytes : 0;
    volume->capacity_after = head->capacity_bytes;
    if (!current)
        return;
    volume->from_layer = g_strdup(current->layer_id);
    if (volume->fate == FATE_KEPT || volume->fate == FATE_CHANGED)
        return;
    if (facts && facts->written)
        volume->lost_bytes = facts->allocated_bytes;
    if (volume->fate == FATE_REPLACED)
        item->held_bytes += volume->lost_bytes;
    else
        item->freed_bytes += volume->lost_bytes;
}

void planner_replace(PlanItem *item, const Machine *machine, const GArray *heads,
                     Generation *desired)
{
    item->desired = desired;
    item->next = machine_copy(machine);
    item->next->desired = desired->number;
    item->next->desired_place = PLACE_NOW;
    machine_take_generation(item->next, generation_ref(desired));
    for (guint i = 0; i < desired->heads->len; i++)
        describe_volume(item, machine, heads, g_ptr_array_index(desired->heads, i));
}

/* --- the plan
 * ---------------------------------------------------------------------------------------------- */

/* What staging writes: a fresh overlay takes a few clusters; copies what they copy. */
#define FRESH_HEAD_BYTES (G_GUINT64_CONSTANT(256) * 1024)

static guint64 head_cost(const Head *head)
{
    if (head->source == HEAD_COPY || head->source == HEAD_FLATTEN || head->source == HEAD_CONVERT)
        return head->capacity_bytes;
    return head->source == HEAD_FRESH || head->source == HEAD_BLANK ? FRESH_HEAD_BYTES : 0;
}

static void add_costs(Plan *plan)
{
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        if (!item->desired || item->decision > DECISION_PENDING)
            continue;
        for (guint j = 0; j < item->desired->heads->len; j++)
            plan->needed_bytes += head_cost(g_ptr_array_index(item->desired->heads, j));
    }
}

/* Admission: the floor is never used up. */
static gboolean add_space(Engine *engine, Plan *plan, GError **error)
{
    StoreStatus store = {0};
    if (!storage_status(engine->storage, &store, NULL))
        return TRUE;
    plan->free_bytes = store.free_bytes;
    guint64 floor_bytes = engine->config.free_floor_bytes;
    guint64 usable = store.free_bytes > floor_bytes ? store.free_bytes - floor_bytes : 0;
    if (plan->needed_bytes <= usable)
        return TRUE;
    g_autofree char *needed = size_to_text(plan->needed_bytes);
    g_autofree char *free_text = size_to_text(store.free_bytes);
    g_autofree char *floor_text = size_to_text(floor_bytes);
    return error_set(
        error, UNDERPIN_ERROR_NO_SPACE,
        "remove what is not needed ('underpin layers' explains), or lower store.free_floor in the "
        "configuration",
        "this needs up to %s, but the store has %s free, and %s of it are kept in reserve", needed,
        free_text, floor_text);
}

static guint64 sum_to_be_held(const Plan *plan)
{
    guint64 bytes = 0;
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        bytes += item->decision <= DECISION_PENDING ? item->held_bytes : 0;
    }
    return bytes;
}

/* What undo is to hold may push older entries out before their time. */
static void announce_early_ends(Engine *engine, const Inventory *snapshot, Plan *plan)
{
    StoreStatus store = {0};
    guint64 held_bytes = sum_to_be_held(plan);
    guint early = held_bytes && storage_status(engine->storage, &store, NULL)
                      ? reclaim_forecast(engine, snapshot, &store, held_bytes)
                      : 0;
    if (early)
        plan_warn(plan,
                  "%u older undo %s will go before the retention is over, to make room for these",
                  early, early == 1 ? "entry" : "entries");
}

/* What reading the data costs, from the records alone: holes are quick, so this is the most. */
static void announce_digests(const Inventory *snapshot, Plan *plan)
{
    guint64 bytes = 0;
    guint count = 0;
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        const Machine *machine =
            item->machine_id ? g_hash_table_lookup(snapshot->machines, item->machine_id) : NULL;
        const Generation *actual = machine ? machine_actual(machine) : NULL;
        for (guint j = 0; item->desired && actual && j < actual->heads->len; j++) {
            const Head *head = g_ptr_array_index(actual->heads, j);
            bytes += head->role == ROLE_DATA ? head->capacity_bytes : 0;
            count += head->role == ROLE_DATA;
        }
    }
    g_autofree char *size = size_to_text(bytes);
    plan_warn(plan,
              "the content of %u data volume%s is read before and after, of machines that run only "
              "when they have moved: up to %s each time",
              count, count == 1 ? "" : "s", size);
}

static void add_estimate(Engine *engine, Plan *plan)
{
    guint count = plan_count(plan, DECISION_NOW);
    g_rw_lock_reader_lock(&engine->lock);
    plan->estimate_seconds = engine->seconds_per_machine * count;
    g_rw_lock_reader_unlock(&engine->lock);
}

Plan *engine_plan_on(Engine *engine, const Request *request, Inventory *snapshot, GError **error)
{
    g_autoptr(Plan) plan = plan_new(request);
    g_autoptr(GHashTable) marks = hypervisor_marks(engine->hypervisor, NULL);
    g_autoptr(GHashTable) layouts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Planner planner = {engine, request, plan, snapshot, marks, layouts, engine_now(engine)};
    plan->inventory_generation = snapshot->generation;
    if (!PLANNERS[request->verb](&planner, error))
        return NULL;
    add_costs(plan);
    if (!add_space(engine, plan, error))
        return NULL;
    announce_early_ends(engine, snapshot, plan);
    if (request->digest)
        announce_digests(snapshot, plan);
    add_estimate(engine, plan);
    return g_steal_pointer(&plan);
}

gboolean request_is_rebuild(const Request *request)
{
    return request->verb == VERB_REPAIR && request->force;
}

Plan *engine_plan(Engine *engine, const Request *request, GError **error)
{
    if (!request_validate(request, error) ||
        (!request_is_rebuild(request) && !engine_check_unquestioned(engine, error)))
        return NULL;
    g_autoptr(Inventory) snapshot = engine_snapshot(engine);
    return engine_plan_on(engine, request, snapshot, error);
}
