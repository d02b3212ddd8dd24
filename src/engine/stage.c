/*
 * What a new generation is made of: the table of DESIGN.md section 2 as code. Pure: the storage
 * port builds it.
 *
 *                     system               temporary                data
 *     restore         fresh, same base     fresh                    kept
 *     rebase          fresh, new base      fresh, new base          kept
 *     undo            the entry's          fresh, entry's layer     kept
 *     clean           kept                 fresh, same layer        kept
 *
 * A volume that the clone's owner has added has no layer to be fresh on: temporary ones become
 * blank, others stay.
 */
#include "engine/engine_private.h"

static Head *head_keep(const Head *current)
{
    Head *head = head_copy(current);
    head->source = HEAD_KEEP;
    head->source_generation = 0;
    g_clear_pointer(&head->source_path, g_free);
    g_clear_pointer(&head->source_format, g_free);
    return head;
}

static Head *head_blank(const Head *current)
{
    Head *head = head_keep(current);
    head->source = HEAD_BLANK;
    head_set_layer(head, NULL, NULL);
    return head;
}

static Head *head_fresh(const Volume *volume, const Layer *layer)
{
    Head *head =
        head_new(volume->target, volume->role, volume->format, layer->capacity_bytes, HEAD_FRESH);
    head_set_layer(head, layer->id, layer->format);
    return head;
}

/* The layer that a fresh head of the volume sits on; NULL where its base has none. */
static const Layer *layer_of(const Inventory *inventory, const char *set_id, const char *target)
{
    if (!set_id)
        return NULL;
    g_autofree char *id = layer_id_build(set_id, target);
    return g_hash_table_lookup(inventory->layers, id);
}

static Generation *generation_begin(const Machine *machine, Cause cause, const char *base_id,
                                    gint64 now)
{
    const Generation *current = machine_desired(machine);
    Generation *generation = generation_new(machine_next_number(machine), cause, base_id, now);
    generation->nvram = current && current->nvram != NVRAM_NONE ? NVRAM_KEEP : NVRAM_NONE;
    generation->instance = current ? current->instance : generation->number;
    return generation;
}

Generation *generation_plan_keep(const Machine *machine, Cause cause, gint64 now)
{
    const Generation *current = machine_actual(machine);
    Generation *generation = generation_begin(machine, cause, current->base_id, now);
    generation->hibernated = current->hibernated;
    for (guint i = 0; i < current->heads->len; i++)
        g_ptr_array_add(generation->heads, head_keep(g_ptr_array_index(current->heads, i)));
    return generation;
}

/* Whether `base` was made from (a clone of) `ancestor_id`, over any number of generations of bases.
 */
static gboolean base_descends(const Inventory *inventory, const Machine *base,
                              const char *ancestor_id)
{
    guint bound = g_hash_table_size(inventory->machines) + 1;
    while (base && bound--) {
        if (g_strcmp0(base->id, ancestor_id) == 0)
            return TRUE;
        const char *parent = machine_base_id(base);
        base = parent ? g_hash_table_lookup(inventory->machines, parent) : NULL;
    }
    return FALSE;
}

static Head *fresh_for(const Inventory *inventory, const Volume *volume, const Machine *base,
                       const Head *current)
{
    if (volume->role == ROLE_DATA)
        return head_keep(current);
    const Layer *layer = volume->own ? NULL : layer_of(inventory, base->set_id, volume->target);
    if (layer)
        return head_fresh(volume, layer);
    return volume->role == ROLE_TEMPORARY ? head_blank(current) : head_keep(current);
}

/* UEFI variables follow the system: kept along one line of bases, else the new base's. */
static void choose_nvram(const Inventory *inventory, const Machine *machine, const Machine *base,
                         Generation *fresh)
{
    const Generation *sealed = machine_actual(base);
    if (base_descends(inventory, base, machine_base_id(machine)) || !sealed ||
        sealed->nvram == NVRAM_NONE)
        return;
    fresh->nvram = NVRAM_BASE;
    fresh->nvram_path = g_strdup(base->set_id);
}

Generation *generation_plan_fresh(const Machine *machine, const Machine *base,
                                  const Inventory *inventory, Cause cause, gint64 now)
{
    const Generation *current = machine_actual(machine);
    Generation *generation = generation_begin(machine, cause, base->id, now);
    choose_nvram(inventory, machine, base, generation);
    generation->instance = generation->number;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const Head *head = generation_head(current, volume->target);
        g_ptr_array_add(generation->heads, fresh_for(inventory, volume, base, head));
    }
    return generation;
}

/* A temporary head as new: on the layer of the base that it belongs to, or blank where that has
 * none. */
static Head *temporary_anew(const Inventory *inventory, const Volume *volume, const char *base_id,
                            const Head *current)
{
    const Machine *base = g_hash_table_lookup(inventory->machines, base_id);
    const Layer *layer =
        base && !volume->own ? layer_of(inventory, base->set_id, volume->target) : NULL;
    return layer ? head_fresh(volume, layer) : head_blank(current);
}

Generation *generation_plan_clean(const Machine *machine, const Inventory *inventory, gint64 now)
{
    const Generation *current = machine_actual(machine);
    if (!current || !current->base_id || !generation_has_role(current, ROLE_TEMPORARY))
        return NULL;
    Generation *generation = generation_begin(machine, CAUSE_CLEAN, current->base_id, now);
    generation->hibernated = current->hibernated;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const Head *head = generation_head(current, volume->target);
        gboolean reset = volume->role == ROLE_TEMPORARY;
        g_ptr_array_add(generation->heads,
                        reset ? temporary_anew(inventory, volume, current->base_id, head)
                              : head_keep(head));
    }
    return generation;
}

static Head *head_from_entry(const Head *entry_head, guint64 number)
{
    Head *head = head_keep(entry_head);
    head->source = HEAD_ENTRY;
    head->source_generation = number;
    return head;
}

static Head *undo_for(const Inventory *inventory, const Volume *volume, const Head *current,
                      const Generation *entry)
{
    const Head *old = generation_head(entry, volume->target);
    if (volume->role == ROLE_TEMPORARY)
        return temporary_anew(inventory, volume, entry->base_id, current);
    gboolean back = volume->role == ROLE_SYSTEM && !volume->own && old;
    return back ? head_from_entry(old, entry->number) : head_keep(current);
}

Generation *generation_plan_undo(const Machine *machine, const Generation *entry,
                                 const Inventory *inventory, gint64 now)
{
    const Generation *current = machine_actual(machine);
    Generation *generation = generation_begin(machine, CAUSE_UNDO, entry->base_id, now);
    generation->hibernated = entry->hibernated;
    generation->instance = entry->instance;
    if (entry->nvram != NVRAM_NONE) {
        generation->nvram = NVRAM_ENTRY;
        generation->nvram_generation = entry->number;
    }
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_ptr_array_add(
            generation->heads,
            undo_for(inventory, volume, generation_head(current, volume->target), entry));
    }
    return generation;
}
