/* Staging in memory: `next` beside `now`, record last; a failure leaves nothing. */
#include "storage/memory/store.h"

#include <string.h>

/* One generation on its way. */
typedef struct {
    MemoryStore *store;
    const Machine *machine;
    const Generation *generation;
    MachineDirectory *directory;
    HeadDirectory *next;
} Staging;

static gboolean check_space(const MemoryStore *store, guint64 needed, const char *target,
                            GError **error)
{
    return needed <= store->free_bytes ||
           error_set(error, UNDERPIN_ERROR_NO_SPACE, "make room in the store and try again",
                     "volume '%s' needs %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT
                     " are free",
                     target, needed, store->free_bytes);
}

/* --- one head: each returns a new reference
 * --------------------------------------------------------------------- */

static Image *stage_empty(const Staging *staging, const Head *head, GError **error)
{
    if (head->layer_id && !layer_image(staging->store, head->layer_id, error))
        return NULL;
    if (!check_space(staging->store, IMAGE_METADATA_BYTES, head->target, error) ||
        !fault_point(FAULT_STAGE_HEAD, error))
        return NULL;
    return image_new(staging->store, head->format, head->capacity_bytes, head->layer_id);
}

static Image *stage_fresh(const Staging *staging, const Head *head, GError **error)
{
    if (head->layer_id)
        return stage_empty(staging, head, error);
    error_set(error, UNDERPIN_ERROR_BUG, NULL, "volume '%s' names no layer", head->target);
    return NULL;
}

static Image *missing(const Staging *staging, const Head *head, GError **error)
{
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
              "volume '%s' of machine '%s' is missing", head->target, staging->machine->name);
    return NULL;
}

/* The image must sit on what the catalog says. */
static Image *link_existing(const Staging *staging, const Head *head, Image *image, GError **error)
{
    if (!image)
        return missing(staging, head, error);
    if (g_strcmp0(image->layer_id, head->layer_id) != 0) {
        error_set(error, UNDERPIN_ERROR_BUG, "see 'underpin doctor'",
                  "volume '%s' of machine '%s' sits on another layer", head->target,
                  staging->machine->name);
        return NULL;
    }
    return fault_point(FAULT_STAGE_LINK, error) ? image_ref(image) : NULL;
}

static Image *current_head(const Staging *staging, const Head *head)
{
    const HeadDirectory *now = staging->directory->now;
    return now ? g_hash_table_lookup(now->heads, head->target) : NULL;
}

static Image *stage_keep(const Staging *staging, const Head *head, GError **error)
{
    return link_existing(staging, head, current_head(staging, head), error);
}

static Image *stage_entry(const Staging *staging, const Head *head, GError **error)
{
    const HeadDirectory *entry =
        machine_directory_entry(staging->directory, head->source_generation);
    return link_existing(staging, head,
                         entry ? g_hash_table_lookup(entry->heads, head->target) : NULL, error);
}

static Image *stage_attach(const Staging *staging, const Head *head, GError **error)
{
    Image *kept = head->source_path
                      ? g_hash_table_lookup(staging->store->tree->kept, head->source_path)
                      : NULL;
    return link_existing(staging, head, kept, error);
}

static gboolean check_quiet(const Image *image, const Head *head, GError **error)
{
    return !image->locked ||
           error_set(error, UNDERPIN_ERROR_BUSY, "stop the guest that has it open",
                     "the image of volume '%s' is open in a QEMU", head->target);
}

static Image *outside_image(const Staging *staging, const Head *head, GError **error)
{
    Image *image = head->source_path
                       ? g_hash_table_lookup(staging->store->tree->outside, head->source_path)
                       : NULL;
    if (!image) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "there is no image '%s'",
                  head->source_path ? head->source_path : "");
        return NULL;
    }
    return check_quiet(image, head, error) ? image : NULL;
}

static Image *stage_adopt(const Staging *staging, const Head *head, GError **error)
{
    Image *image = outside_image(staging, head, error);
    if (!image)
        return NULL;
    if (image->backing || image->capacity_bytes != head->capacity_bytes) {
        error_set(error, UNDERPIN_ERROR_REFUSED, "ask again: it may have been changed meanwhile",
                  "'%s' is not the image that was looked at", head->source_path);
        return NULL;
    }
    return fault_point(FAULT_STAGE_LINK, error) ? image_ref(image) : NULL;
}

static Image *copied(const Staging *staging, const Head *head, Image *copy, GError **error)
{
    g_autoptr(Image) made = copy;
    if (!made || !check_space(staging->store, image_allocated(made), head->target, error) ||
        !fault_point(FAULT_STAGE_COPY, error))
        return NULL;
    return g_steal_pointer(&made);
}

static Image *stage_convert(const Staging *staging, const Head *head, GError **error)
{
    const Image *image = outside_image(staging, head, error);
    return image ? copied(staging, head, image_flatten(staging->store, image, head->format, error),
                          error)
                 : NULL;
}

static Image *quiet_current(const Staging *staging, const Head *head, GError **error)
{
    Image *image = current_head(staging, head);
    if (!image)
        return missing(staging, head, error);
    return check_quiet(image, head, error) ? image : NULL;
}

static Image *stage_copy(const Staging *staging, const Head *head, GError **error)
{
    const Image *image = quiet_current(staging, head, error);
    Image *copy = image ? copied(staging, head, image_copy(staging->store, image), error) : NULL;
    if (copy)
        image_resize(copy, head->capacity_bytes);
    return copy;
}

static Image *stage_flatten(const Staging *staging, const Head *head, GError **error)
{
    const Image *image = quiet_current(staging, head, error);
    return image ? copied(staging, head, image_flatten(staging->store, image, head->format, error),
                          error)
                 : NULL;
}

static Image *(*const stagers[])(const Staging *, const Head *, GError **) = {
    [HEAD_FRESH] = stage_fresh, [HEAD_KEEP] = stage_keep,       [HEAD_ENTRY] = stage_entry,
    [HEAD_BLANK] = stage_empty, [HEAD_ADOPT] = stage_adopt,     [HEAD_CONVERT] = stage_convert,
    [HEAD_COPY] = stage_copy,   [HEAD_FLATTEN] = stage_flatten, [HEAD_ATTACH] = stage_attach,
};
G_STATIC_ASSERT(G_N_ELEMENTS(stagers) == HEAD_SOURCE_COUNT);

/* --- UEFI variables
 * ---------------------------------------------------------------------------------------------- */

static const char *nvram_source(MemoryStore *store, const MachineDirectory *machine,
                                const Generation *generation)
{
    const LayerSet *set =
        generation->nvram == NVRAM_BASE ? layer_set(store, generation->nvram_path) : NULL;
    const HeadDirectory *from = generation->nvram == NVRAM_KEEP ? machine->now
                                : generation->nvram == NVRAM_ENTRY
                                    ? machine_directory_entry(machine, generation->nvram_generation)
                                : set ? set->sealed
                                      : NULL;
    if (generation->nvram == NVRAM_ADOPT)
        return g_hash_table_lookup(store->tree->outside_nvram, generation->nvram_path);
    return from ? from->nvram : NULL;
}

gboolean memory_nvram_stage(MemoryStore *store, const MachineDirectory *machine,
                            const Generation *generation, HeadDirectory *next, GError **error)
{
    if (generation->nvram == NVRAM_NONE)
        return TRUE;
    const char *text = nvram_source(store, machine, generation);
    if (!text)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "the UEFI variables are missing");
    if (!fault_point(FAULT_STAGE_COPY, error))
        return FALSE;
    g_free(next->nvram);
    next->nvram = g_strdup(text);
    return TRUE;
}

/* --- the whole generation
 * ------------------------------------------------------------------------------------------ */

/* A `next` older than `now` is the old generation on its way to become an undo entry. */
static gboolean check_no_old_generation(const MachineDirectory *machine, const char *machine_id,
                                        GError **error)
{
    guint64 next = head_directory_number(machine->next);
    return next == 0 || next > head_directory_number(machine->now) ||
           error_set(error, UNDERPIN_ERROR_BUSY, "try again once it is settled",
                     "the last switch of machine '%s' is not finished", machine_id);
}

static gboolean remove_staged(MachineDirectory *machine, GError **error)
{
    if (!machine->next)
        return TRUE;
    if (!fault_point(FAULT_STAGE_ABANDON, error))
        return FALSE;
    head_directory_empty(machine->next);
    g_clear_pointer(&machine->next, head_directory_free);
    return TRUE;
}

/* A machine that has nothing yet, and is no base, loses its directory too. */
static void remove_bare(MemoryStore *store, const char *machine_id)
{
    const MachineDirectory *machine = machine_directory(store, machine_id);
    if (!machine || machine->now || machine->next || machine->marked ||
        g_hash_table_size(machine->entries) > 0)
        return;
    const char *set_id = machine->description ? machine->description->set_id : NULL;
    if (!set_id || !layer_set(store, set_id))
        g_hash_table_remove(store->tree->machines, machine_id);
}

static gboolean stage_head(const Staging *staging, const Head *head, GError **error)
{
    g_autoptr(Image) image = stagers[head->source](staging, head, error);
    if (!image)
        return FALSE;
    head_directory_link(staging->next, head->target, image);
    return TRUE;
}

static gboolean build_next(const Staging *staging, GCancellable *cancellable, GError **error)
{
    const GPtrArray *heads = staging->generation->heads;
    for (guint i = 0; i < heads->len; i++)
        if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
            !stage_head(staging, g_ptr_array_index(heads, i), error))
            return FALSE;
    if (!memory_nvram_stage(staging->store, staging->directory, staging->generation, staging->next,
                            error) ||
        !fault_point(FAULT_STAGE_RECORD, error))
        return FALSE;
    staging->next->record = generation_ref(staging->generation);
    return TRUE;
}

static gboolean stage_into(MemoryStore *store, const Machine *machine, const Generation *generation,
                           GCancellable *cancellable, GError **error)
{
    MachineDirectory *directory = machine_directory_make(store, machine);
    if (!check_no_old_generation(directory, machine->id, error) ||
        !remove_staged(directory, error) || !fault_point(FAULT_STAGE_DIRECTORY, error))
        return FALSE;
    directory->next = head_directory_new();
    const Staging staging = {store, machine, generation, directory, directory->next};
    if (build_next(&staging, cancellable, error))
        return TRUE;
    head_directory_empty(directory->next);
    g_clear_pointer(&directory->next, head_directory_free);
    return FALSE;
}

gboolean memory_stage(Storage *storage, const Machine *machine, const Generation *generation,
                      GCancellable *cancellable, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error) || !fault_point(FAULT_STAGE_DIRECTORY, error))
        return FALSE;
    gboolean ok = stage_into(store, machine, generation, cancellable, error);
    if (!ok)
        remove_bare(store, machine->id);
    return ok;
}

gboolean memory_abandon(Storage *storage, const char *machine_id, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    MachineDirectory *machine = machine_directory(store, machine_id);
    if (!machine)
        return TRUE;
    if (!check_no_old_generation(machine, machine_id, error) || !remove_staged(machine, error))
        return FALSE;
    remove_bare(store, machine_id);
    return TRUE;
}

/* The disk may have lost what could not be synced: a staged generation must be staged anew. */
static void spoil_staged(MemoryStore *store, const char *const *machine_ids)
{
    for (; machine_ids && *machine_ids; machine_ids++) {
        MachineDirectory *machine = machine_directory(store, *machine_ids);
        if (machine && head_directory_number(machine->next) > head_directory_number(machine->now))
            g_clear_pointer(&machine->next->record, generation_unref);
    }
}

gboolean memory_sync(Storage *storage, const char *const *machine_ids, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    if (!fault_point(FAULT_STAGE_SYNC, error)) {
        spoil_staged(store, machine_ids);
        return FALSE;
    }
    if (!machine_ids) {
        tree_free(store->durable);
        store->durable = tree_copy(store->tree);
    }
    for (; machine_ids && *machine_ids; machine_ids++)
        persist_machine(store, *machine_ids);
    return TRUE;
}
