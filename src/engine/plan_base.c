/* Plans around bases: prepare, unprepare, clone. */
#include <jansson.h>
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/ids.h"

/* --- prepare
 * -----------------------------------------------------------------------------------------------
 */

static char *checklist_text(const Request *request)
{
    char *text =
        request->checklist ? json_dumps(request->checklist, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

/* Everything sealed belongs to the base's outline, whoever added it. */
static void own_outline(Machine *next)
{
    for (guint i = 0; i < next->volumes->len; i++)
        ((Volume *)g_ptr_array_index(next->volumes, i))->own = FALSE;
}

static void plan_sealing(Planner *planner, const Machine *machine, PlanItem *item)
{
    item->next = machine_copy(machine);
    item->next->desired_place = PLACE_SEALED;
    item->next->set_id = id_new();
    item->next->prepared_at = planner->now;
    item->next->checklist = checklist_text(planner->request);
    own_outline(item->next);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role, FATE_SEALED);
    }
    if (!machine_has_role(machine, ROLE_DATA))
        plan_item_warn(
            item,
            "'%s' has no data volume: a restore or rebase of its clones will replace everything",
            machine->name);
    if (!machine_has_role(machine, ROLE_SYSTEM))
        plan_item_warn(item, "'%s' has no system volume: a rebase will replace nothing",
                       machine->name);
}

/* 'prepare --shutdown' of a running machine: the run looks again when it has stopped, as at any
 * other. */
static gboolean plan_after_shutdown(Planner *planner, const Machine *machine, PlanItem *item)
{
    if (!planner->request->shutdown_first || planner_power(planner, machine) != POWER_RUNNING)
        return FALSE;
    item->reason = g_strdup("runs: is shut down first");
    if (planner_check_marks(planner, machine, item))
        plan_sealing(planner, machine, item);
    return TRUE;
}

static void prepare_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    if (item->decision == DECISION_REFUSE)
        return;
    if (machine_is_base(machine)) {
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "is a base already");
        return;
    }
    if (plan_after_shutdown(planner, machine, item))
        return;
    if (planner_require_stopped(planner, machine, item) &&
        planner_check_marks(planner, machine, item) &&
        planner_check_heads(planner, machine, item) && signatures_check(planner, machine, item))
        plan_sealing(planner, machine, item);
}

gboolean plan_prepare(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++)
        prepare_one(planner, g_ptr_array_index(machines, i));
    return machines != NULL;
}

/* --- unprepare
 * --------------------------------------------------------------------------------------------- */

/* Who but the base itself needs its layers: up to three reasons in one phrase. NULL: nobody. */
static char *who_needs(Planner *planner, const Machine *base)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint found = 0;
    for (guint i = 0; i < base->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(base->volumes, i);
        g_autofree char *layer_id = layer_id_build(base->set_id, volume->target);
        g_autoptr(GPtrArray) reasons = references_explain(planner->inventory, layer_id);
        for (guint j = 0; j < reasons->len; j++) {
            const char *reason = g_ptr_array_index(reasons, j);
            if (g_str_has_prefix(reason, "it belongs to") || strstr(text->str, reason))
                continue;
            if (found++ < 3)
                g_string_append_printf(text, "%s%s", text->len ? "; " : "", reason);
        }
    }
    if (found > 3)
        g_string_append_printf(text, "; and %u more", found - 3);
    return found ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static void unprepare_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    if (item->decision == DECISION_REFUSE)
        return;
    if (!machine_is_base(machine) || machine->retired) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, NULL, "'%s' is not a base", machine->name);
        return;
    }
    g_autofree char *needed = who_needs(planner, machine);
    if (needed) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "rebase, detach or remove them first; 'underpin layers' explains",
                       "base '%s' is still needed: %s", machine->name, needed);
        return;
    }
    item->next = machine_copy(machine);
    item->next->desired_place = PLACE_NOW;
    item->next->prepared_at = 0;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role, FATE_UNSEALED);
    }
}

gboolean plan_unprepare(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++)
        unprepare_one(planner, g_ptr_array_index(machines, i));
    return machines != NULL;
}

/* --- clone
 * -------------------------------------------------------------------------------------------------
 */

static char *name_from_pattern(const char *pattern, guint number)
{
    const char *mark = strstr(pattern, "{n}");
    if (!mark)
        return g_strdup(pattern);
    return g_strdup_printf("%.*s%u%s", (int)(mark - pattern), pattern, number,
                           mark + strlen("{n}"));
}

static GPtrArray *clone_names(const Request *request)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 1; i < request->machines->len; i++)
        g_ptr_array_add(names, g_strdup(g_ptr_array_index(request->machines, i)));
    for (guint i = 0; names->len == i && request->name_pattern && i < MAX(request->count, 1); i++)
        g_ptr_array_add(names, name_from_pattern(request->name_pattern, i + 1));
    return names;
}

/* Every name that a machine or a domain of the host has. NULL where libvirt does not answer. */
static GHashTable *taken_names(Planner *planner, GError **error)
{
    GHashTable *taken = hypervisor_names(planner->engine->hypervisor, error);
    if (!taken)
        return NULL;
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, planner->inventory->machines_by_name);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        g_hash_table_replace(taken, g_strdup(key), NULL);
    return taken;
}

gboolean planner_check_names(Planner *planner, GPtrArray *names, GError **error)
{
    g_autoptr(GHashTable) taken = taken_names(planner, error);
    for (guint i = 0; taken && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (!machine_name_is_valid(name, error))
            return FALSE;
        if (!g_hash_table_replace(taken, g_strdup(name), NULL))
            return error_set(error, UNDERPIN_ERROR_EXISTS, "choose another name; none was made",
                             "the name '%s' is taken", name);
    }
    return taken != NULL;
}

/* A clone's own files are qcow2 whatever the base's are: overlays. */
static Generation *first_generation(Planner *planner, const Machine *base, Machine *clone)
{
    const Generation *sealed = machine_actual(base);
    Generation *first = generation_new(1, CAUSE_CLONE, base->id, planner->now);
    first->instance = first->number;
    for (guint i = 0; i < sealed->heads->len; i++) {
        const Head *sealed_head = g_ptr_array_index(sealed->heads, i);
        g_autofree char *layer_id = layer_id_build(base->set_id, sealed_head->target);
        const Layer *layer = g_hash_table_lookup(planner->inventory->layers, layer_id);
        const Volume *volume = machine_volume(base, sealed_head->target);
        Head *head =
            head_new(sealed_head->target, volume->role, "qcow2", layer->capacity_bytes, HEAD_FRESH);
        head_set_layer(head, layer_id, layer->format);
        g_ptr_array_add(first->heads, head);
        g_ptr_array_add(clone->volumes, volume_new(head->target, head->role, "qcow2", FALSE));
    }
    if (sealed->nvram != NVRAM_NONE) {
        first->nvram = NVRAM_BASE;
        first->nvram_path = g_strdup(base->set_id);
    }
    return first;
}

static void clone_one(Planner *planner, const Machine *base, const char *name)
{
    g_autofree char *id = id_new();
    g_autofree char *uuid = uuid_new();
    PlanItem *item = plan_add(planner->plan, id, name);
    Machine *clone = machine_new(id, name, uuid, planner->now);
    Generation *first = first_generation(planner, base, clone);
    item->power = g_strdup(power_name(POWER_OFF));
    item->desired = first;
    item->next = clone;
    clone->desired = 1;
    clone->desired_place = PLACE_NOW;
    machine_take_generation(clone, generation_ref(first));
    for (guint i = 0; i < first->heads->len; i++) {
        const Head *head = g_ptr_array_index(first->heads, i);
        PlanVolume *volume = plan_item_add_volume(item, head->target, head->role, FATE_CREATED);
        volume->to_layer = g_strdup(head->layer_id);
        volume->capacity_after = head->capacity_bytes;
    }
}

gboolean plan_clone(Planner *planner, GError **error)
{
    const Machine *base =
        planner_base(planner, g_ptr_array_index(planner->request->machines, 0), error);
    if (!base)
        return FALSE;
    if (base->retired)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "choose another base",
                         "base '%s' was removed", base->name);
    g_autoptr(GPtrArray) names = clone_names(planner->request);
    if (!planner_check_names(planner, names, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++)
        clone_one(planner, base, g_ptr_array_index(names, i));
    if (!machine_has_role(base, ROLE_DATA))
        plan_warn(planner->plan,
                  "'%s' has no data volume: a restore or rebase replaces everything in its clones",
                  base->name);
    return TRUE;
}
