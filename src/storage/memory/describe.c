/* The store's description of itself: what doctor reads, and what a lost catalog is rebuilt from. */
#include "storage/memory/store.h"

#include <string.h>

gboolean memory_describe(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    if (!directory || !fault_point(FAULT_FILE_RENAME, error))
        return FALSE;
    machine_unref(directory->description);
    directory->description = machine_copy(machine);
    const MachineDirectory *durable = g_hash_table_lookup(store->durable->machines, machine->id);
    if (durable) {
        machine_unref(durable->description);
        ((MachineDirectory *)durable)->description = machine_copy(machine);
    }
    return TRUE;
}

/* --- scanning
 * ---------------------------------------------------------------------------------------------------
 */

typedef struct {
    FoundKind kind;
    char *path, *id;
} Found;

static void found_clear(gpointer data)
{
    g_free(((Found *)data)->path);
    g_free(((Found *)data)->id);
}

/* Takes the path. */
static void add_found(GArray *all, FoundKind kind, char *path, const char *id)
{
    Found found = {kind, path, g_strdup(id)};
    g_array_append_val(all, found);
}

static void find_layers(const LayerSet *set, const char *set_id, GArray *all)
{
    GHashTableIter iter;
    gpointer target, image;
    if (!set->sealed)
        return;
    g_hash_table_iter_init(&iter, set->sealed->heads);
    while (g_hash_table_iter_next(&iter, &target, &image)) {
        g_autofree char *id = layer_id_build(set_id, target);
        add_found(all, FOUND_LAYER,
                  g_strdup_printf("layers/%s/sealed/%s.%s", set_id, (char *)target,
                                  ((Image *)image)->format),
                  id);
    }
}

static GArray *find_all(MemoryStore *store)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Found));
    GHashTableIter iter;
    gpointer id, value;
    g_array_set_clear_func(all, found_clear);
    g_hash_table_iter_init(&iter, store->tree->machines);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        add_found(all, FOUND_MACHINE, g_strconcat("machines/", id, NULL), id);
    g_hash_table_iter_init(&iter, store->tree->sets);
    while (g_hash_table_iter_next(&iter, &id, &value)) {
        add_found(all, FOUND_SET, g_strconcat("layers/", id, NULL), id);
        find_layers(value, id, all);
    }
    g_hash_table_iter_init(&iter, store->tree->kept);
    while (g_hash_table_iter_next(&iter, &id, NULL)) {
        g_auto(GStrv) parts = g_strsplit(id, "/", -1);
        add_found(all, FOUND_KEPT, g_strdup(id), parts[1]);
    }
    return all;
}

/* The callback runs without the lock: it may call the port. */
gboolean memory_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error)
{
    MemoryStore *store = memory_store(storage);
    g_mutex_lock(&store->mutex);
    g_autoptr(GArray) all = check_present(store, error) ? find_all(store) : NULL;
    g_mutex_unlock(&store->mutex);
    for (guint i = 0; all && i < all->len; i++) {
        const Found *one = &g_array_index(all, Found, i);
        if (!found(one->kind, one->path, one->id, user_data))
            break;
    }
    return all != NULL;
}

/* As memory_scan(). */
gboolean memory_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                       GError **error)
{
    MemoryStore *store = memory_store(storage);
    g_mutex_lock(&store->mutex);
    g_autoptr(GArray) all = check_present(store, error) ? find_all(store) : NULL;
    g_mutex_unlock(&store->mutex);
    for (guint i = 0; all && i < all->len; i++) {
        const Found *one = &g_array_index(all, Found, i);
        g_auto(MachineFacts) facts = {0};
        if (one->kind != FOUND_MACHINE)
            continue;
        if (!storage_machine_facts(storage, one->id, &facts, error))
            return FALSE;
        surveyed(one->id, facts.next || facts.next_broken || facts.marked, user_data);
    }
    return all != NULL;
}

/* --- rebuilding
 * -------------------------------------------------------------------------------------------------
 */

static gint compare_numbers(gconstpointer one, gconstpointer other)
{
    guint64 left = **(guint64 *const *)one, right = **(guint64 *const *)other;
    return (left > right) - (left < right);
}

static guint64 held_bytes(const HeadDirectory *directory)
{
    GHashTableIter iter;
    gpointer image;
    guint64 bytes = 0;
    g_hash_table_iter_init(&iter, directory->heads);
    while (g_hash_table_iter_next(&iter, NULL, &image))
        bytes += image_allocated(image);
    return bytes;
}

/* The image knows better than the record: it may have been pulled off its layer. */
static Generation *describe_generation(const HeadDirectory *directory)
{
    Generation *generation = generation_copy(directory->record);
    for (guint i = 0; i < generation->heads->len; i++) {
        Head *head = g_ptr_array_index(generation->heads, i);
        const Image *image = g_hash_table_lookup(directory->heads, head->target);
        if (image && !image->layer_id)
            head_set_layer(head, NULL, NULL);
    }
    return generation;
}

static void take_entries(Machine *machine, const MachineDirectory *directory)
{
    GHashTableIter iter;
    gpointer number;
    g_autoptr(GPtrArray) numbers = g_ptr_array_new();
    g_hash_table_iter_init(&iter, directory->entries);
    while (g_hash_table_iter_next(&iter, &number, NULL))
        g_ptr_array_add(numbers, number);
    g_ptr_array_sort(numbers, compare_numbers);
    for (guint i = 0; i < numbers->len; i++) {
        const HeadDirectory *entry =
            machine_directory_entry(directory, *(guint64 *)g_ptr_array_index(numbers, i));
        Generation *generation = describe_generation(entry);
        generation->held_bytes = held_bytes(entry);
        machine_take_generation(machine, generation);
    }
}

/* The volumes are those of the generation that lies there; which of them are the owner's own, the
 * description knows. */
static void take_volumes(Machine *machine, const Machine *description, const Generation *generation)
{
    g_ptr_array_set_size(machine->volumes, 0);
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        const Volume *known = machine_volume(description, head->target);
        g_ptr_array_add(machine->volumes,
                        volume_new(head->target, head->role, head->format, known && known->own));
    }
}

/* Takes the generation. */
static void take_actual(Machine *machine, const Machine *description, Generation *current,
                        Place place)
{
    machine->actual_place = machine->desired_place = place;
    machine->actual = machine->desired = current->number;
    machine->session = 0;
    if (place == PLACE_NOW) {
        g_clear_pointer(&machine->set_id, g_free);
        machine->prepared_at = 0;
    }
    take_volumes(machine, description, current);
    machine_take_generation(machine, current);
}

/* As machine.ini says, with the generations that lie there and no others. */
Machine *memory_describe_machine(Storage *storage, const char *machine_id, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const MachineDirectory *directory =
        check_present(store, error) ? memory_machine_directory_require(store, machine_id, error)
                                    : NULL;
    if (!directory)
        return NULL;
    const LayerSet *set =
        directory->description->set_id ? layer_set(store, directory->description->set_id) : NULL;
    const HeadDirectory *heads = directory->now ? directory->now : set ? set->sealed : NULL;
    if (!heads || !heads->record) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "'underpin doctor' shows what is there",
                  "machine '%s' has no heads on disk", directory->description->name);
        return NULL;
    }
    Machine *machine = machine_copy(directory->description);
    g_ptr_array_set_size(machine->generations, 0);
    take_entries(machine, directory);
    take_actual(machine, directory->description, describe_generation(heads),
                directory->now ? PLACE_NOW : PLACE_SEALED);
    return machine;
}

static Layer *describe_layer(const LayerSet *set, const char *set_id, const Head *head)
{
    const Image *image = g_hash_table_lookup(set->sealed->heads, head->target);
    if (!image)
        return NULL;
    Layer *layer =
        layer_new(set_id, head->target, head->role, image->format, image->capacity_bytes);
    layer->allocated_bytes = image_allocated(image);
    layer->parent_id = g_strdup(image->layer_id);
    layer->machine_id = g_strdup(set->description->id);
    layer->machine_name = g_strdup(set->description->name);
    layer->sealed_at = set->description->prepared_at;
    return layer;
}

GPtrArray *memory_describe_set(Storage *storage, const char *set_id, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const LayerSet *set =
        check_present(store, error) ? layer_set_require(store, set_id, error) : NULL;
    if (!set)
        return NULL;
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)layer_unref);
    const GPtrArray *heads = set->sealed->record ? set->sealed->record->heads : NULL;
    for (guint i = 0; heads && i < heads->len; i++) {
        Layer *layer = describe_layer(set, set_id, g_ptr_array_index(heads, i));
        if (layer)
            g_ptr_array_add(layers, layer);
    }
    return layers;
}

static void check_image(const Image *image, const Layer *layer, GPtrArray *findings)
{
    if (!image->is_protected)
        g_ptr_array_add(findings, g_strdup_printf("layer '%s' is not protected", layer->id));
    if (g_strcmp0(image->layer_id, layer->parent_id) != 0)
        g_ptr_array_add(findings, g_strdup_printf("layer '%s' sits on '%s', not on '%s'", layer->id,
                                                  image->layer_id ? image->layer_id : "nothing",
                                                  layer->parent_id ? layer->parent_id : "nothing"));
    if (image->capacity_bytes != layer->capacity_bytes)
        g_ptr_array_add(
            findings, g_strdup_printf("layer '%s' has another capacity than recorded", layer->id));
}

gboolean memory_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                            GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    const Image *image = layer_image(store, layer->id, NULL);
    if (image)
        check_image(image, layer, findings);
    else
        g_ptr_array_add(findings, g_strdup_printf("layer '%s' is missing", layer->id));
    return TRUE;
}
