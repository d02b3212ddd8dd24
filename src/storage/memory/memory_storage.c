/* The memory store itself: status, facts, names, and the table of its slots. */
#include "storage/memory/store.h"

#include <string.h>

#include "foundation/ids.h"

static const guint64 store_bytes = G_GUINT64_CONSTANT(1) << 40;

gboolean check_present(const MemoryStore *store, GError **error)
{
    return store->present || error_set(error, UNDERPIN_ERROR_UNAVAILABLE,
                                       "mount it, then try again", "the store is not there");
}

/* --- status
 * ------------------------------------------------------------------------------------------------------
 */

static gboolean memory_status(Storage *storage, StoreStatus *status_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    *status_out = (StoreStatus){
        .generation = store->tree->generation,
        .exchanges = TRUE,
        .protection = LAYERS_IMMUTABLE,
        .stable_names = TRUE,
        .size_bytes = store_bytes,
        .free_bytes = store->free_bytes,
    };
    g_strlcpy(status_out->uuid, store->uuid, sizeof status_out->uuid);
    return TRUE;
}

static gboolean memory_raise_generation(Storage *storage, guint64 generation, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    if (generation <= store->tree->generation)
        return TRUE;
    if (!fault_point(FAULT_STORE_GENERATION, error))
        return FALSE;
    store->tree->generation = store->durable->generation = generation;
    return TRUE;
}

/* --- facts
 * --------------------------------------------------------------------------------------------------------
 */

static gboolean knows_volume(const Machine *machine, guint64 generation, const char *target)
{
    const Generation *known = generation ? machine_generation(machine, generation) : NULL;
    return (known && generation_head(known, target)) || machine_volume(machine, target);
}

static gboolean memory_head_facts(Storage *storage, const Machine *machine, guint64 generation,
                                  const char *target, HeadFacts *facts_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    if (!knows_volume(machine, generation, target))
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "machine '%s' has no volume '%s'",
                         machine->name, target);
    const MachineDirectory *directory = machine_directory(store, machine->id);
    const HeadDirectory *heads =
        directory ? memory_machine_directory_find(directory, generation) : NULL;
    const Image *image = heads ? g_hash_table_lookup(heads->heads, target) : NULL;
    *facts_out = (HeadFacts){0};
    if (image)
        image_facts(image, facts_out);
    return TRUE;
}

static gboolean memory_head_status(Storage *storage, const Machine *machine, const char *target,
                                   HeadFacts *facts_out, GError **error)
{
    g_auto(HeadFacts) facts = {0};
    if (!memory_head_facts(storage, machine, 0, target, &facts, error))
        return FALSE;
    *facts_out = (HeadFacts){.exists = facts.exists,
                             .inode = facts.inode,
                             .device = facts.device,
                             .size_bytes = facts.size_bytes,
                             .allocated_bytes = facts.allocated_bytes,
                             .mtime_ns = facts.mtime_ns,
                             .link_count = facts.link_count};
    return TRUE;
}

static gint compare_numbers(gconstpointer one, gconstpointer other)
{
    guint64 left = *(const guint64 *)one, right = *(const guint64 *)other;
    return (left > right) - (left < right);
}

static gboolean memory_machine_facts(Storage *storage, const char *machine_id,
                                     MachineFacts *facts_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    const MachineDirectory *directory = machine_directory(store, machine_id);
    *facts_out = (MachineFacts){.entries = g_array_new(FALSE, FALSE, sizeof(guint64))};
    if (!directory)
        return TRUE;
    facts_out->exists = TRUE;
    facts_out->now = head_directory_number(directory->now);
    facts_out->next = head_directory_number(directory->next);
    facts_out->next_broken = directory->next && facts_out->next == 0;
    facts_out->described = directory->description != NULL;
    facts_out->marked = directory->marked;
    facts_out->marked_generation = directory->marked_generation;
    facts_out->stamp = directory->stamp[0] ? g_strdup(directory->stamp) : NULL;
    facts_out->stamp_is_sole = directory->stamp_is_sole;
    GHashTableIter iter;
    gpointer number;
    g_hash_table_iter_init(&iter, directory->entries);
    while (g_hash_table_iter_next(&iter, &number, NULL))
        g_array_append_vals(facts_out->entries, number, 1);
    g_array_sort(facts_out->entries, compare_numbers);
    return TRUE;
}

/* A base's content is that of its layers. */
static const Image *current_image(MemoryStore *store, const Machine *machine, const char *target)
{
    const MachineDirectory *directory = machine_directory(store, machine->id);
    if (directory && directory->now)
        return g_hash_table_lookup(directory->now->heads, target);
    const LayerSet *set = machine->set_id ? layer_set(store, machine->set_id) : NULL;
    return set && set->sealed ? g_hash_table_lookup(set->sealed->heads, target) : NULL;
}

static const Image *require_current_image(MemoryStore *store, const Machine *machine,
                                          const char *target, GError **error)
{
    if (!check_present(store, error))
        return NULL;
    const Image *image = current_image(store, machine, target);
    if (!image)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                  "volume '%s' of machine '%s' is missing", target, machine->name);
    return image;
}

static gssize memory_read(Storage *storage, const Machine *machine, const char *target,
                          guint64 offset, void *buffer, gsize length, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const Image *image = require_current_image(store, machine, target, error);
    return image ? image_read(store, image, offset, buffer, length, error) : -1;
}

static char *memory_volume_digest(Storage *storage, const Machine *machine, const char *target,
                                  GCancellable *cancellable, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const Image *image = require_current_image(store, machine, target, error);
    if (!image || g_cancellable_set_error_if_cancelled(cancellable, error))
        return NULL;
    return image_digest(store, image, error);
}

static gboolean memory_read_own(Storage *storage, const Machine *machine, const char *target,
                                const ReadRange *ranges, guint count, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const Image *image = require_current_image(store, machine, target, error);
    if (!image)
        return FALSE;
    Image own = *image;
    own.layer_id = own.backing = NULL;
    for (guint i = 0; i < count; i++) {
        memset(ranges[i].buffer, 0, ranges[i].length);
        if (image_read(store, &own, ranges[i].offset, ranges[i].buffer, ranges[i].length, error) <
            0)
            return FALSE;
    }
    return TRUE;
}

/* --- names
 * --------------------------------------------------------------------------------------------------------
 */

static char *memory_head_path(Storage *storage, const char *machine_id, const Volume *volume)
{
    (void)storage;
    g_autofree char *file = volume_file_name(volume);
    return g_strdup_printf(MEMORY_ROOT "/machines/%s/now/%s", machine_id, file);
}

static char *memory_nvram_path(Storage *storage, const char *machine_id)
{
    (void)storage;
    return g_strdup_printf(MEMORY_ROOT "/machines/%s/now/nvram.fd", machine_id);
}

/* --- the store
 * -----------------------------------------------------------------------------------------------------
 */

static void memory_free(Storage *storage)
{
    MemoryStore *store = memory_store(storage);
    tree_free(store->tree);
    tree_free(store->durable);
    g_mutex_clear(&store->mutex);
    g_free(store);
}

static const StorageOps memory_ops = {
    .name = "memory",
    .free = memory_free,
    .status = memory_status,
    .raise_generation = memory_raise_generation,
    .head_facts = memory_head_facts,
    .head_status = memory_head_status,
    .machine_facts = memory_machine_facts,
    .read = memory_read,
    .volume_digest = memory_volume_digest,
    .read_own = memory_read_own,
    .layer_digest = memory_layer_digest,
    .layer_facts = memory_layer_facts,
    .kept_facts = memory_kept_facts,
    .stage = memory_stage,
    .abandon = memory_abandon,
    .sync = memory_sync,
    .switch_now = memory_switch,
    .put_aside = memory_put_aside,
    .seal = memory_seal,
    .protect = memory_protect,
    .unseal = memory_unseal,
    .remove = memory_remove,
    .adopt_finish = memory_adopt_finish,
    .export_heads = memory_export,
    .export_abandon = memory_export_abandon,
    .export_finish = memory_export_finish,
    .describe = memory_describe,
    .mark = memory_mark,
    .stamp = memory_stamp,
    .flatten_stage = memory_flatten_stage,
    .flatten_switch = memory_flatten_switch,
    .flatten_abandon = memory_flatten_abandon,
    .reclaim = memory_reclaim,
    .survey = memory_survey,
    .scan = memory_scan,
    .describe_machine = memory_describe_machine,
    .describe_set = memory_describe_set,
    .check_layer = memory_check_layer,
    .head_path = memory_head_path,
    .nvram_path = memory_nvram_path,
    .probe_image = memory_probe_image,
    .is_file = memory_is_file,
    .find_user_of_image = memory_find_user_of_image,
};

Storage *memory_storage_new(void)
{
    MemoryStore *store = g_new0(MemoryStore, 1);
    g_autofree char *uuid = uuid_new();
    store->base.ops = &memory_ops;
    store->tree = tree_new();
    store->durable = tree_new();
    store->free_bytes = store_bytes;
    store->present = TRUE;
    g_strlcpy(store->uuid, uuid, sizeof store->uuid);
    g_mutex_init(&store->mutex);
    return &store->base;
}
