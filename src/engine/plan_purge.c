/*
 * Plans that give up at once what would go by itself: data of removed machines (purge), and the
 * replaced systems that undo holds (forget). What they give up goes on the list of what may be
 * deleted, in one transaction, and is deleted from there like everything else (reclaim.c).
 */
#include <string.h>

#include "engine/engine_private.h"

/* --- purge
 * -------------------------------------------------------------------------------------------------
 */

static gboolean is_named(const Request *request, const KeptVolume *volume)
{
    return g_ptr_array_find_with_equal_func(request->machines, volume->machine_name, g_str_equal,
                                            NULL);
}

static gboolean is_asked_for(const Request *request, const KeptVolume *volume)
{
    if (request->volume)
        return strcmp(request->volume, volume->id) == 0;
    return request->trash ? volume->expires_at != 0 : is_named(request, volume);
}

static gint compare_kept(gconstpointer one, gconstpointer other)
{
    const KeptVolume *left = *(KeptVolume *const *)one, *right = *(KeptVolume *const *)other;
    gint names = g_strcmp0(left->machine_name, right->machine_name);
    gint removals = (left->removed_at > right->removed_at) - (left->removed_at < right->removed_at);
    if (names || removals)
        return names ? names : removals;
    return g_strcmp0(left->path, right->path);
}

/* In an order that is the same each time. Borrowed. */
static GPtrArray *kept_asked_for(const Planner *planner)
{
    GPtrArray *volumes = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, planner->inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (is_asked_for(planner->request, value))
            g_ptr_array_add(volumes, value);
    g_ptr_array_sort(volumes, compare_kept);
    return volumes;
}

static gboolean has_data_of(GPtrArray *volumes, const char *name)
{
    for (guint i = 0; i < volumes->len; i++)
        if (g_strcmp0(((KeptVolume *)g_ptr_array_index(volumes, i))->machine_name, name) == 0)
            return TRUE;
    return FALSE;
}

static gboolean check_found(const Planner *planner, GPtrArray *volumes, GError **error)
{
    const Request *request = planner->request;
    if (request->volume && !volumes->len)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin volume kept'",
                         "there is no kept volume '%s'", request->volume);
    for (guint i = 0; i < request->machines->len; i++) {
        const char *name = g_ptr_array_index(request->machines, i);
        if (has_data_of(volumes, name))
            continue;
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND,
                         inventory_find(planner->inventory, name)
                             ? "it is a machine: 'underpin remove' removes it, 'underpin forget' "
                               "deletes what undo holds of it"
                             : "see 'underpin volume kept'",
                         "no data of a removed machine '%s' is kept", name);
    }
    return TRUE;
}

static gboolean may_go(const Planner *planner, const KeptVolume *volume, PlanItem *item)
{
    const Machine *attached = reclaim_attached_to(planner->inventory, volume);
    if (g_hash_table_contains(planner->inventory->machines, volume->machine_id))
        planner_refuse(item, UNDERPIN_ERROR_BUSY, "try again", "'%s' is still being removed",
                       volume->machine_name);
    else if (attached)
        planner_refuse(item, UNDERPIN_ERROR_BUSY, "try again",
                       "volume '%s' of '%s' is being attached to '%s'", volume->target,
                       volume->machine_name, attached->name);
    else if (!volume->expires_at && !planner->request->volume)
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "'underpin purge --volume ID' deletes it; 'underpin volume kept' has the id",
                       "data of '%s' was kept for good", volume->machine_name);
    return item->decision != DECISION_REFUSE;
}

/* One item a removed machine: a name may have been removed more than once. */
static PlanItem *item_of(Planner *planner, GHashTable *items, const KeptVolume *volume)
{
    const char *id = volume->machine_id && *volume->machine_id ? volume->machine_id : volume->id;
    PlanItem *item = g_hash_table_lookup(items, id);
    if (item)
        return item;
    item = plan_add(planner->plan, id, volume->machine_name);
    item->power = g_strdup(power_name(POWER_OFF));
    item->purged = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    g_hash_table_insert(items, item->machine_id, item);
    return item;
}

static void purge_one(Planner *planner, GHashTable *items, const KeptVolume *volume)
{
    PlanItem *item = item_of(planner, items, volume);
    g_auto(HeadFacts) facts = {0};
    if (item->decision == DECISION_REFUSE || !may_go(planner, volume, item))
        return;
    (void)storage_kept_facts(planner->engine->storage, volume, &facts, NULL);
    plan_item_add_volume(item, volume->target, ROLE_DATA, FATE_DELETED);
    item->freed_bytes += facts.allocated_bytes;
    g_ptr_array_add(item->purged, kept_volume_ref(volume));
}

gboolean plan_purge(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) volumes = kept_asked_for(planner);
    g_autoptr(GHashTable) items = g_hash_table_new(g_str_hash, g_str_equal);
    if (!check_found(planner, volumes, error))
        return FALSE;
    for (guint i = 0; i < volumes->len; i++)
        purge_one(planner, items, g_ptr_array_index(volumes, i));
    return TRUE;
}

/* --- forget
 * ------------------------------------------------------------------------------------------------
 */

static void drop_entries(const Machine *machine, PlanItem *item)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (!reclaim_may_forget(machine, generation))
            continue;
        machine_drop_generation(item->next, generation->number);
        item->freed_bytes += generation->held_bytes;
        item->forgotten++;
    }
}

static void forget_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    if (item->decision == DECISION_REFUSE)
        return;
    item->next = machine_copy(machine);
    drop_entries(machine, item);
    if (!item->forgotten) {
        g_clear_pointer(&item->next, machine_unref);
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "undo holds nothing of it");
        return;
    }
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role, FATE_KEPT);
    }
}

gboolean plan_forget(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++)
        forget_one(planner, g_ptr_array_index(machines, i));
    return machines != NULL;
}
