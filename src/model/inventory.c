/* The inventory: everything the catalog says, in memory, with the indexes that lookups and lists
 * need. */
#include "model/inventory.h"

static Inventory *inventory_without_order(void)
{
    Inventory *inventory = g_new0(Inventory, 1);
    inventory->machines =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)machine_unref);
    inventory->machines_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    inventory->machines_by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    inventory->layers =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)layer_unref);
    inventory->kept =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)kept_volume_unref);
    inventory->reclaim =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)reclaim_item_unref);
    return inventory;
}

Inventory *inventory_new(void)
{
    Inventory *inventory = inventory_without_order();
    inventory->machines_in_order = g_sequence_new(NULL);
    return inventory;
}

void inventory_free(Inventory *inventory)
{
    if (inventory == NULL)
        return;
    g_free(inventory->store_uuid);
    g_hash_table_unref(inventory->machines_by_name);
    g_hash_table_unref(inventory->machines_by_uuid);
    g_clear_pointer(&inventory->machines_in_order, g_sequence_free);
    g_hash_table_unref(inventory->machines);
    g_hash_table_unref(inventory->layers);
    g_hash_table_unref(inventory->kept);
    g_hash_table_unref(inventory->reclaim);
    g_free(inventory);
}

const Machine *inventory_find(const Inventory *inventory, const char *name)
{
    GHashTable *const indexes[] = {inventory->machines_by_name, inventory->machines_by_uuid,
                                   inventory->machines};
    for (guint i = 0; i < G_N_ELEMENTS(indexes); i++) {
        const Machine *machine = g_hash_table_lookup(indexes[i], name);
        if (machine != NULL)
            return machine;
    }
    return NULL;
}

static int compare_in_order(gconstpointer one, gconstpointer other, gpointer user_data)
{
    const Machine *a = one, *b = other;
    (void)user_data;
    int order = machine_name_compare(a->name, b->name);
    return order != 0 ? order : g_strcmp0(a->id, b->id);
}

static int compare_machines(gconstpointer one, gconstpointer other)
{
    return compare_in_order(*(const Machine *const *)one, *(const Machine *const *)other, NULL);
}

static gboolean sits_on(const Generation *generation, const char *base_id)
{
    return generation != NULL && g_strcmp0(generation->base_id, base_id) == 0;
}

GPtrArray *inventory_clones(const Inventory *inventory, const char *base_id)
{
    GPtrArray *clones = g_ptr_array_new_with_free_func((GDestroyNotify)machine_unref);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        if (machine->retired)
            continue;
        if (sits_on(machine_actual(machine), base_id) || sits_on(machine_desired(machine), base_id))
            g_ptr_array_add(clones, machine_ref(machine));
    }
    g_ptr_array_sort(clones, compare_machines);
    return clones;
}

static void add_in_order(const Inventory *inventory, GPtrArray *machines)
{
    for (GSequenceIter *each = g_sequence_get_begin_iter(inventory->machines_in_order);
         !g_sequence_iter_is_end(each); each = g_sequence_iter_next(each))
        g_ptr_array_add(machines, machine_ref(g_sequence_get(each)));
}

static void add_and_sort(const Inventory *inventory, GPtrArray *machines)
{
    GHashTableIter iter;
    gpointer machine;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &machine))
        g_ptr_array_add(machines, machine_ref(machine));
    g_ptr_array_sort(machines, compare_machines);
}

GPtrArray *inventory_machines_sorted(const Inventory *inventory)
{
    GPtrArray *machines =
        g_ptr_array_new_full(g_hash_table_size(inventory->machines), (GDestroyNotify)machine_unref);
    if (inventory->machines_in_order)
        add_in_order(inventory, machines);
    else
        add_and_sort(inventory, machines);
    return machines;
}

/* Takes a machine out of an index only where the index still means this very object. */
static void forget(GHashTable *index, const char *key, const Machine *machine)
{
    if (g_hash_table_lookup(index, key) == machine)
        g_hash_table_remove(index, key);
}

/* Its place in the order; NULL: it has none. */
static GSequenceIter *place_of(const Inventory *inventory, const Machine *machine)
{
    return g_sequence_lookup(inventory->machines_in_order, (gpointer)machine, compare_in_order,
                             NULL);
}

static void drop_machine(Inventory *inventory, const char *id)
{
    Machine *old = g_hash_table_lookup(inventory->machines, id);
    if (old == NULL)
        return;
    forget(inventory->machines_by_name, old->name, old);
    forget(inventory->machines_by_uuid, old->uuid, old);
    if (inventory->machines_in_order)
        g_sequence_remove(place_of(inventory, old));
    g_hash_table_remove(inventory->machines, id);
}

static void put_machine(Inventory *inventory, const Machine *machine)
{
    Machine *added = machine_ref(machine); /* first: the old object may be this very one */
    drop_machine(inventory, added->id);
    g_hash_table_replace(inventory->machines_by_name, added->name, added);
    g_hash_table_replace(inventory->machines_by_uuid, added->uuid, added);
    g_hash_table_replace(inventory->machines, added->id, added);
    if (inventory->machines_in_order)
        g_sequence_insert_sorted(inventory->machines_in_order, added, compare_in_order, NULL);
}

static void remove_ids(GHashTable *table, const GPtrArray *ids)
{
    for (guint i = 0; i < ids->len; i++)
        g_hash_table_remove(table, g_ptr_array_index(ids, i));
}

static void apply_removals(Inventory *inventory, const Changes *changes)
{
    for (guint i = 0; i < changes->machines_removed->len; i++)
        drop_machine(inventory, g_ptr_array_index(changes->machines_removed, i));
    remove_ids(inventory->layers, changes->layers_removed);
    remove_ids(inventory->kept, changes->kept_removed);
    remove_ids(inventory->reclaim, changes->reclaim_removed);
}

/* Removals go first, so that one transaction can give a removed machine's name to another. */
void inventory_apply(Inventory *inventory, const Changes *changes, guint64 generation)
{
    apply_removals(inventory, changes);
    for (guint i = 0; i < changes->machines->len; i++)
        put_machine(inventory, g_ptr_array_index(changes->machines, i));
    for (guint i = 0; i < changes->layers->len; i++) {
        Layer *layer = layer_ref(g_ptr_array_index(changes->layers, i));
        g_hash_table_replace(inventory->layers, layer->id, layer);
    }
    for (guint i = 0; i < changes->kept->len; i++) {
        KeptVolume *volume = kept_volume_ref(g_ptr_array_index(changes->kept, i));
        g_hash_table_replace(inventory->kept, volume->id, volume);
    }
    for (guint i = 0; i < changes->reclaim->len; i++) {
        ReclaimItem *item = reclaim_item_ref(g_ptr_array_index(changes->reclaim, i));
        g_hash_table_replace(inventory->reclaim, item->id, item);
    }
    if (changes->store_uuid != NULL) {
        g_free(inventory->store_uuid);
        inventory->store_uuid = g_strdup(changes->store_uuid);
    }
    inventory->generation = generation;
}

static void copy_index(GHashTable *from, GHashTable *to)
{
    GHashTableIter iter;
    gpointer key, borrowed;
    g_hash_table_iter_init(&iter, from);
    while (g_hash_table_iter_next(&iter, &key, &borrowed))
        g_hash_table_insert(to, key, borrowed);
}

Inventory *inventory_copy(const Inventory *inventory)
{
    Inventory *copy = inventory_without_order();
    GHashTableIter iter;
    gpointer id, object;
    copy->store_uuid = g_strdup(inventory->store_uuid);
    copy->generation = inventory->generation;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, &id, &object))
        g_hash_table_insert(copy->machines, id, machine_ref(object));
    copy_index(inventory->machines_by_name, copy->machines_by_name);
    copy_index(inventory->machines_by_uuid, copy->machines_by_uuid);
    g_hash_table_iter_init(&iter, inventory->layers);
    while (g_hash_table_iter_next(&iter, &id, &object))
        g_hash_table_insert(copy->layers, id, layer_ref(object));
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, &id, &object))
        g_hash_table_insert(copy->kept, id, kept_volume_ref(object));
    return copy;
}
