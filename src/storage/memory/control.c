/* What tests do to the memory store that the port cannot: guests, files of other people, accidents.
 */
#include "storage/memory/store.h"

static Image *current_head(MemoryStore *store, const char *machine_id, const char *target)
{
    const MachineDirectory *machine = machine_directory(store, machine_id);
    return machine && machine->now ? g_hash_table_lookup(machine->now->heads, target) : NULL;
}

/* --- the guest's side
 * ------------------------------------------------------------------------------------------- */

gboolean memory_storage_write(Storage *storage, const char *machine_id, const char *target,
                              guint64 offset, const void *bytes, gsize length)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = current_head(store, machine_id, target);
    return image && image_write(store, image, offset, bytes, length);
}

gboolean memory_storage_pull(Storage *storage, const char *machine_id, const char *target)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const MachineDirectory *machine = machine_directory(store, machine_id);
    Image *image =
        machine && machine->now ? g_hash_table_lookup(machine->now->heads, target) : NULL;
    g_autoptr(Image) flat = image ? image_flatten(store, image, image->format, NULL) : NULL;
    if (!flat)
        return FALSE;
    GHashTable *blocks = image->blocks;
    image->blocks = flat->blocks;
    flat->blocks = blocks;
    image->mtime_ns = flat->mtime_ns;
    g_clear_pointer(&image->layer_id, g_free);
    return TRUE;
}

void memory_storage_set_locked(Storage *storage, const char *machine_id, const char *target,
                               gboolean locked)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = current_head(store, machine_id, target);
    if (image)
        image->locked = locked;
}

gboolean memory_storage_write_nvram(Storage *storage, const char *machine_id, const char *text)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const MachineDirectory *machine = machine_directory(store, machine_id);
    if (!machine || !machine->now)
        return FALSE;
    g_free(machine->now->nvram);
    machine->now->nvram = g_strdup(text);
    return TRUE;
}

char *memory_storage_read_nvram(Storage *storage, const char *machine_id)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const MachineDirectory *machine = machine_directory(store, machine_id);
    return machine && machine->now ? g_strdup(machine->now->nvram) : NULL;
}

/* --- images outside the store
 * ------------------------------------------------------------------------------------ */

void memory_storage_put_image(Storage *storage, const char *path, const char *format,
                              guint64 capacity_bytes, const char *backing)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    g_autoptr(Image) image = image_new(store, format, capacity_bytes, NULL);
    image->backing = g_strdup(backing);
    image->is_foreign = TRUE;
    name_unlink(store->tree->outside, path);
    name_link(store->tree->outside, path, image);
    persist_names(store);
}

gboolean memory_storage_write_image(Storage *storage, const char *path, guint64 offset,
                                    const void *bytes, gsize length)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = g_hash_table_lookup(store->tree->outside, path);
    return image && image_write(store, image, offset, bytes, length);
}

gssize memory_storage_read_image(Storage *storage, const char *path, guint64 offset, void *buffer,
                                 gsize length)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const Image *image = g_hash_table_lookup(store->tree->outside, path);
    return image ? image_read(store, image, offset, buffer, length, NULL) : -1;
}

gboolean memory_storage_has_image(Storage *storage, const char *path)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    return g_hash_table_contains(store->tree->outside, path);
}

void memory_storage_put_nvram(Storage *storage, const char *path, const char *text)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    g_hash_table_insert(store->tree->outside_nvram, g_strdup(path), g_strdup(text));
    persist_names(store);
}

char *memory_storage_get_nvram(Storage *storage, const char *path)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    return g_strdup(g_hash_table_lookup(store->tree->outside_nvram, path));
}

/* --- accidents
 * ----------------------------------------------------------------------------------------------------
 */

void memory_storage_set_free(Storage *storage, guint64 free_bytes)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    store->free_bytes = free_bytes;
}

void memory_storage_set_present(Storage *storage, gboolean present)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    store->present = present;
}

void memory_storage_lose_head(Storage *storage, const char *machine_id, const char *target)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const MachineDirectory *machine = machine_directory(store, machine_id);
    if (machine && machine->now)
        head_directory_unlink(machine->now, target);
}

void memory_storage_lose_layer(Storage *storage, const char *layer_id)
{
    MemoryStore *store = memory_store(storage);
    g_autofree char *set_id = NULL;
    g_autofree char *target = NULL;
    STORE_LOCKED(store);
    LayerSet *set = layer_id_split(layer_id, &set_id, &target) ? layer_set(store, set_id) : NULL;
    if (set && set->sealed)
        head_directory_unlink(set->sealed, target);
}

void memory_storage_crash(Storage *storage)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Tree *lost = store->tree;
    store->tree = tree_copy(store->durable);
    tree_count_links(store->tree);
    tree_free(lost);
}
