/* Layers in memory: sealing, protection, flattening, reclaim. */
#include "storage/memory/store.h"

#include <string.h>

/* --- sealing
 * ---------------------------------------------------------------------------------------------------
 */

static gboolean protect_set(LayerSet *set, gboolean protect, FaultPoint point, GError **error)
{
    GHashTableIter iter;
    gpointer image;
    g_hash_table_iter_init(&iter, set->sealed->heads);
    while (g_hash_table_iter_next(&iter, NULL, &image)) {
        if (((Image *)image)->is_protected == protect)
            continue;
        if (!fault_point(point, error))
            return FALSE;
        ((Image *)image)->is_protected = protect;
    }
    return TRUE;
}

static gboolean check_can_seal(const Machine *machine, const MachineDirectory *directory,
                               GError **error)
{
    GHashTableIter iter;
    gpointer target, image;
    if (directory->next)
        return error_set(error, UNDERPIN_ERROR_BUSY, "try again once it is settled",
                         "the last change of machine '%s' is not finished", machine->name);
    g_hash_table_iter_init(&iter, directory->now->heads);
    while (g_hash_table_iter_next(&iter, &target, &image))
        if (((Image *)image)->locked)
            return error_set(error, UNDERPIN_ERROR_BUSY, "stop the guest that has it open",
                             "volume '%s' of machine '%s' is open in a QEMU", (char *)target,
                             machine->name);
    return TRUE;
}

static gboolean move_to_layers(MemoryStore *store, const Machine *machine,
                               MachineDirectory *directory, GError **error)
{
    if (!check_can_seal(machine, directory, error) || !fault_point(FAULT_SEAL_RENAME, error))
        return FALSE;
    LayerSet *set = layer_set_new();
    set->description = machine_copy(machine);
    set->sealed = g_steal_pointer(&directory->now);
    g_hash_table_insert(store->tree->sets, g_strdup(machine->set_id), set);
    machine_unref(directory->description);
    directory->description = machine_copy(machine);
    persist_machine(store, machine->id);
    persist_set(store, machine->set_id);
    return TRUE;
}

/* Exactly one place must hold the heads. */
static gboolean check_one_place(const Machine *machine, const MachineDirectory *directory,
                                const LayerSet *set, GError **error)
{
    gboolean has_now = directory && directory->now, has_sealed = set && set->sealed;
    if (has_now && has_sealed)
        return error_set(error, UNDERPIN_ERROR_BUG, "see 'underpin doctor'",
                         "machine '%s' has heads and layers at once", machine->name);
    return has_now || has_sealed ||
           error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                     "machine '%s' has neither heads nor layers", machine->name);
}

gboolean memory_seal(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = machine_directory(store, machine->id);
    if (!check_present(store, error) ||
        !check_one_place(machine, directory, layer_set(store, machine->set_id), error))
        return FALSE;
    if (directory && directory->now && !move_to_layers(store, machine, directory, error))
        return FALSE;
    return protect_set(layer_set(store, machine->set_id), TRUE, FAULT_SEAL_PROTECT, error);
}

gboolean memory_protect(Storage *storage, const char *set_id, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    LayerSet *set = check_present(store, error) ? layer_set_require(store, set_id, error) : NULL;
    return set && protect_set(set, TRUE, FAULT_SEAL_PROTECT, error);
}

static gboolean move_from_layers(MemoryStore *store, const Machine *machine, LayerSet *set,
                                 GError **error)
{
    if (!protect_set(set, FALSE, FAULT_UNSEAL_UNPROTECT, error) ||
        !fault_point(FAULT_UNSEAL_RENAME, error)) {
        protect_set(set, TRUE, FAULT_SEAL_PROTECT, NULL);
        return FALSE;
    }
    MachineDirectory *directory = machine_directory_make(store, machine);
    directory->now = g_steal_pointer(&set->sealed);
    machine_unref(directory->description);
    directory->description = machine_copy(machine);
    return TRUE;
}

gboolean memory_unseal(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    LayerSet *set = layer_set(store, machine->set_id);
    if (!check_present(store, error) ||
        !check_one_place(machine, machine_directory(store, machine->id), set, error))
        return FALSE;
    if (set && set->sealed && !move_from_layers(store, machine, set, error))
        return FALSE;
    g_hash_table_remove(store->tree->sets, machine->set_id);
    persist_set(store, machine->set_id);
    persist_machine(store, machine->id);
    return TRUE;
}

/* --- flattening
 * -------------------------------------------------------------------------------------------------
 */

/* The layer's set and its image in it. */
static LayerSet *find_layer(MemoryStore *store, const Layer *layer, Image **image_out,
                            GError **error)
{
    if (!check_present(store, error))
        return NULL;
    Image *image = layer_image(store, layer->id, error);
    if (!image)
        return NULL;
    *image_out = image;
    return layer_set(store, layer->set_id);
}

gboolean memory_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                              GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = NULL;
    LayerSet *set = find_layer(store, layer, &image, error);
    if (!set || g_cancellable_set_error_if_cancelled(cancellable, error) ||
        !fault_point(FAULT_STAGE_COPY, error))
        return FALSE;
    g_autoptr(Image) flat = image_flatten(store, image, layer->format, error);
    if (!flat)
        return FALSE;
    if (image_allocated(flat) > store->free_bytes)
        return error_set(error, UNDERPIN_ERROR_NO_SPACE, "make room in the store and try again",
                         "flattening layer '%s' needs %" G_GUINT64_FORMAT " bytes", layer->id,
                         image_allocated(flat));
    name_unlink(set->flattened, layer->target);
    name_link(set->flattened, layer->target, flat);
    persist_set(store, layer->set_id);
    return TRUE;
}

static gboolean take_name(MemoryStore *store, const Layer *layer, LayerSet *set, Image *flat,
                          GError **error)
{
    if (!fault_point(FAULT_FLATTEN_RENAME, error))
        return FALSE;
    head_directory_link(set->sealed, layer->target, flat);
    name_unlink(set->flattened, layer->target);
    persist_set(store, layer->set_id);
    return TRUE;
}

/* Protected again also where the name was taken by an earlier call that failed after it. */
gboolean memory_flatten_switch(Storage *storage, const Layer *layer, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = NULL;
    LayerSet *set = find_layer(store, layer, &image, error);
    if (!set)
        return FALSE;
    Image *flat = g_hash_table_lookup(set->flattened, layer->target);
    if (!flat && image->layer_id)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "ask for it again",
                         "the flattened copy of layer '%s' is not there", layer->id);
    return (!flat || take_name(store, layer, set, flat, error)) &&
           protect_set(set, TRUE, FAULT_SEAL_PROTECT, error);
}

gboolean memory_flatten_abandon(Storage *storage, const Layer *layer, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    LayerSet *set = layer_set(store, layer->set_id);
    if (!fault_point(FAULT_STAGE_ABANDON, error))
        return FALSE;
    if (set)
        name_unlink(set->flattened, layer->target);
    return TRUE;
}

/* --- facts
 * ------------------------------------------------------------------------------------------------------
 */

char *memory_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                          GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    Image *image = NULL;
    if (!find_layer(store, layer, &image, error) ||
        g_cancellable_set_error_if_cancelled(cancellable, error))
        return NULL;
    return image_digest(store, image, error);
}

gboolean memory_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                            GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    LayerSet *set =
        check_present(store, error) ? layer_set_require(store, layer->set_id, error) : NULL;
    if (!set)
        return FALSE;
    const Image *image = g_hash_table_lookup(set->sealed->heads, layer->target);
    *facts_out = (HeadFacts){0};
    if (image)
        image_facts(image, facts_out);
    return TRUE;
}

gboolean memory_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                           GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    const Image *image = g_hash_table_lookup(store->tree->kept, volume->path);
    *facts_out = (HeadFacts){0};
    if (image)
        image_facts(image, facts_out);
    return TRUE;
}

/* --- reclaim
 * ----------------------------------------------------------------------------------------------------
 */

static gboolean refuse_path(const ReclaimItem *item, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                     "'%s' cannot be reclaimed as %s", item->path, reclaim_kind_name(item->kind));
}

/* An image that a QEMU has open stays (invariant 5). Adds what goes with the last name. */
static gboolean look_again(const Image *image, const char *target, guint64 *freed, GError **error)
{
    if (image->links > 1)
        return TRUE;
    if (image->locked)
        return error_set(error, UNDERPIN_ERROR_BUSY, "it goes when that guest has stopped",
                         "volume '%s' is open in a QEMU", target);
    *freed += image_allocated(image);
    return TRUE;
}

/* Data goes only while its file has another name (invariant 2). */
static gboolean look_at_entry(const HeadDirectory *entry, guint64 *freed, GError **error)
{
    const GPtrArray *heads = entry->record ? entry->record->heads : NULL;
    for (guint i = 0; heads && i < heads->len; i++) {
        const Head *head = g_ptr_array_index(heads, i);
        const Image *image = g_hash_table_lookup(entry->heads, head->target);
        if (image && head->role == ROLE_DATA && image->links == 1)
            return error_set(error, UNDERPIN_ERROR_BUG,
                             "nothing was removed; see 'underpin doctor'",
                             "volume '%s' is data, and this is its only name", head->target);
        if (image && !look_again(image, head->target, freed, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean reclaim_entry(MemoryStore *store, const ReclaimItem *item, guint64 *freed,
                              GError **error)
{
    g_autofree char *path =
        g_strdup_printf("machines/%s/undo-%" G_GUINT64_FORMAT,
                        item->machine_id ? item->machine_id : "", item->generation);
    if (strcmp(path, item->path) != 0 || !item->machine_id || item->generation == 0)
        return refuse_path(item, error);
    MachineDirectory *machine = machine_directory(store, item->machine_id);
    HeadDirectory *entry = machine ? machine_directory_entry(machine, item->generation) : NULL;
    if (!entry)
        return TRUE;
    if (!look_at_entry(entry, freed, error) || !fault_point(FAULT_RECLAIM_UNLINK, error))
        return FALSE;
    head_directory_empty(entry);
    g_hash_table_remove(machine->entries, &item->generation);
    return TRUE;
}

static gboolean reclaim_layer(MemoryStore *store, const ReclaimItem *item, guint64 *freed,
                              GError **error)
{
    g_autofree char *set_id = NULL;
    g_autofree char *target = NULL;
    gboolean is_layer = item->layer_id && layer_id_split(item->layer_id, &set_id, &target);
    g_autofree char *prefix =
        is_layer ? g_strdup_printf("layers/%s/sealed/%s.", set_id, target) : NULL;
    if (!is_layer || !g_str_has_prefix(item->path, prefix) ||
        strchr(item->path + strlen(prefix), '/'))
        return refuse_path(item, error);
    LayerSet *set = layer_set(store, set_id);
    const Image *image =
        set && set->sealed ? g_hash_table_lookup(set->sealed->heads, target) : NULL;
    if (!image)
        return TRUE;
    if (!look_again(image, target, freed, error) || !fault_point(FAULT_RECLAIM_UNLINK, error))
        return FALSE;
    head_directory_unlink(set->sealed, target);
    if (g_hash_table_size(set->sealed->heads) == 0)
        g_hash_table_remove(store->tree->sets, set_id);
    persist_set(store, set_id);
    return TRUE;
}

static gboolean reclaim_kept(MemoryStore *store, const ReclaimItem *item, guint64 *freed,
                             GError **error)
{
    g_auto(GStrv) parts = g_strsplit(item->path, "/", -1);
    if (g_strv_length(parts) != 4 || strcmp(parts[0], "trash") != 0 ||
        strcmp(parts[2], "data") != 0)
        return refuse_path(item, error);
    const Image *image = g_hash_table_lookup(store->tree->kept, item->path);
    if (!image)
        return TRUE;
    if (!look_again(image, item->path, freed, error) || !fault_point(FAULT_RECLAIM_UNLINK, error))
        return FALSE;
    name_unlink(store->tree->kept, item->path);
    return TRUE;
}

gboolean memory_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                        GError **error)
{
    static gboolean (*const reclaimers[])(MemoryStore *, const ReclaimItem *, guint64 *,
                                          GError **) = {
        [RECLAIM_ENTRY] = reclaim_entry,
        [RECLAIM_LAYER] = reclaim_layer,
        [RECLAIM_KEPT] = reclaim_kept,
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(reclaimers) == RECLAIM_KIND_COUNT);
    MemoryStore *store = memory_store(storage);
    guint64 freed = 0;
    STORE_LOCKED(store);
    if (!check_present(store, error) || !reclaimers[item->kind](store, item, &freed, error))
        return FALSE;
    *freed_out = freed;
    return TRUE;
}
