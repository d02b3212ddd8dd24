/* Settling in memory: the switch, putting the old generation aside, removing a machine. */
#include "storage/memory/store.h"

#include <string.h>

/* --- the switch
 * ---------------------------------------------------------------------------------------------- */

static gboolean stage_again(const Machine *machine, guint64 number, const char *why, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "ask for it again",
                     "generation %" G_GUINT64_FORMAT " of machine '%s' must be staged again: %s",
                     number, machine->name, why);
}

/* No head is switched that a QEMU has open (invariant 4); also whether a system head was ever
 * written. */
static gboolean look_at_old(const Machine *machine, const HeadDirectory *old, gboolean *written_out,
                            GError **error)
{
    const GPtrArray *heads = old && old->record ? old->record->heads : NULL;
    for (guint i = 0; heads && i < heads->len; i++) {
        const Head *head = g_ptr_array_index(heads, i);
        const Image *image = g_hash_table_lookup(old->heads, head->target);
        if (image && image->locked)
            return error_set(
                error, UNDERPIN_ERROR_BUSY, "stop the guest, or the program that has it open",
                "volume '%s' of machine '%s' is open in a QEMU", head->target, machine->name);
        if (image && head->role == ROLE_SYSTEM && memory_image_is_written(image))
            *written_out = TRUE;
    }
    return TRUE;
}

/* What is switched to is whole, and keeps the very heads that lie in `now` at this moment
 * (invariant 2). */
static gboolean check_staged(const Machine *machine, const MachineDirectory *directory,
                             GError **error)
{
    const Generation *staged = directory->next->record;
    for (guint i = 0; i < staged->heads->len; i++) {
        const Head *head = g_ptr_array_index(staged->heads, i);
        const Image *image = g_hash_table_lookup(directory->next->heads, head->target);
        if (!image)
            return stage_again(machine, staged->number, "a head is missing", error);
        if (head->source == HEAD_KEEP && directory->now &&
            g_hash_table_lookup(directory->now->heads, head->target) != image)
            return stage_again(machine, staged->number,
                               "a head that it keeps was replaced meanwhile", error);
    }
    return TRUE;
}

static gboolean refresh_nvram(MemoryStore *store, MachineDirectory *directory, GError **error)
{
    const Generation *staged = directory->next->record;
    return staged->nvram != NVRAM_KEEP || !directory->now ||
           memory_nvram_stage(store, directory, staged, directory->next, error);
}

static gboolean switch_now(MemoryStore *store, const Machine *machine, MachineDirectory *directory,
                           guint64 number, SwitchResult *result, GError **error)
{
    *result = (SwitchResult){.switched = TRUE, .old = head_directory_number(directory->now)};
    if (head_directory_number(directory->next) != number)
        return stage_again(machine, number, "it is not there", error);
    if (!look_at_old(machine, directory->now, &result->old_written, error) ||
        !check_staged(machine, directory, error) || !refresh_nvram(store, directory, error) ||
        !fault_point(FAULT_SWITCH_EXCHANGE, error))
        return FALSE;
    HeadDirectory *old = directory->now;
    directory->now = directory->next;
    directory->next = old;
    return TRUE;
}

static gboolean report_in_place(const Machine *machine, const MachineDirectory *directory,
                                SwitchResult *result, GError **error)
{
    guint64 next = head_directory_number(directory->next);
    gboolean is_old = next != 0 && next < head_directory_number(directory->now);
    *result = (SwitchResult){.switched = FALSE, .old = is_old ? next : 0};
    return !is_old || look_at_old(machine, directory->next, &result->old_written, error);
}

gboolean memory_switch(Storage *storage, const Machine *machine, guint64 number,
                       SwitchResult *result_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    SwitchResult result = {0};
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    gboolean ok = head_directory_number(directory->now) == number
                      ? report_in_place(machine, directory, &result, error)
                      : switch_now(store, machine, directory, number, &result, error);
    if (ok)
        *result_out = result;
    return ok;
}

/* --- putting aside
 * --------------------------------------------------------------------------------------------- */

typedef struct {
    const Machine *machine;
    MachineDirectory *directory;
    gboolean keep;
    guint heads_left;
    guint64 held_bytes;
} PutAside;

static gboolean was_replaced_by_name(const Generation *current, const char *target)
{
    const Head *head = generation_head(current, target);
    return head && (head->source == HEAD_COPY || head->source == HEAD_FLATTEN);
}

static gboolean put_head_aside(PutAside *work, const Head *head, GError **error)
{
    HeadDirectory *old = work->directory->next;
    const HeadDirectory *now = work->directory->now;
    const Image *image = g_hash_table_lookup(old->heads, head->target);
    if (!image)
        return TRUE;
    gboolean is_link = g_hash_table_lookup(now->heads, head->target) == image;
    if (!is_link && head->role == ROLE_SYSTEM && work->keep) {
        work->heads_left++;
        work->held_bytes += image_allocated(image);
        return TRUE;
    }
    if (!is_link && head->role == ROLE_DATA && !was_replaced_by_name(now->record, head->target))
        return error_set(
            error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
            "data volume '%s' of machine '%s' is not the file that it was before the switch",
            head->target, work->machine->name);
    if (!fault_point(FAULT_SWITCH_CLEAN, error))
        return FALSE;
    head_directory_unlink(old, head->target);
    return TRUE;
}

static gboolean put_heads_aside(PutAside *work, GError **error)
{
    const GPtrArray *heads = work->directory->next->record->heads;
    for (guint i = 0; i < heads->len; i++)
        if (!put_head_aside(work, g_ptr_array_index(heads, i), error))
            return FALSE;
    return TRUE;
}

static gboolean finish_old(PutAside *work, GError **error)
{
    gboolean is_entry = work->keep && work->heads_left > 0;
    if (!fault_point(is_entry ? FAULT_SWITCH_PUT_ASIDE : FAULT_SWITCH_CLEAN, error))
        return FALSE;
    HeadDirectory *old = g_steal_pointer(&work->directory->next);
    if (is_entry) {
        machine_directory_put_entry(work->directory, old->record->number, old);
        return TRUE;
    }
    head_directory_empty(old);
    head_directory_free(old);
    return TRUE;
}

/* The entry that this switch made, when it was put aside before: by the catalog's number, else the
 * newest. */
static void measure_entry(PutAside *work)
{
    guint64 now = head_directory_number(work->directory->now), newest = 0,
            before = work->machine->actual;
    GHashTableIter iter;
    gpointer number, image;
    g_hash_table_iter_init(&iter, work->directory->entries);
    while (g_hash_table_iter_next(&iter, &number, NULL))
        if (*(guint64 *)number < now)
            newest = MAX(newest, *(guint64 *)number);
    if (newest == 0 || (before != 0 && before < now && before != newest))
        return;
    g_hash_table_iter_init(&iter, machine_directory_entry(work->directory, newest)->heads);
    while (g_hash_table_iter_next(&iter, NULL, &image)) {
        work->heads_left++;
        work->held_bytes += image_allocated(image);
    }
}

static gboolean put_aside(MemoryStore *store, PutAside *work, GError **error)
{
    guint64 now = head_directory_number(work->directory->now),
            old = head_directory_number(work->directory->next);
    if (now == 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "machine '%s' has no heads", work->machine->name);
    if (old > now)
        return error_set(error, UNDERPIN_ERROR_BUG, NULL,
                         "'next' of machine '%s' is staged, not replaced", work->machine->name);
    if (old == 0) {
        if (work->keep)
            measure_entry(work);
        return TRUE;
    }
    if (!fault_point(FAULT_SWITCH_SYNC, error))
        return FALSE;
    persist_machine(store, work->machine->id);
    return put_heads_aside(work, error) && finish_old(work, error);
}

/* A new mark carries no stamp. */
static void set_mark(MachineDirectory *directory, gboolean marked, guint64 generation)
{
    directory->marked = marked;
    directory->marked_generation = generation;
    directory->stamp[0] = '\0';
    directory->stamp_is_sole = FALSE;
}

static gboolean remove_mark(MachineDirectory *directory, GError **error)
{
    if (!fault_point(FAULT_MARK_REMOVE, error))
        return FALSE;
    set_mark(directory, FALSE, 0);
    return TRUE;
}

gboolean memory_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                          gboolean *kept_out, guint64 *held_bytes_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    PutAside work = {.machine = machine, .directory = directory, .keep = keep};
    if (!directory || !put_aside(store, &work, error) || !remove_mark(directory, error))
        return FALSE;
    *kept_out = keep && work.heads_left > 0;
    *held_bytes_out = *kept_out ? work.held_bytes : 0;
    return TRUE;
}

gboolean memory_mark(Storage *storage, const char *machine_id, gboolean unsettled, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine_id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    if (!unsettled)
        return remove_mark(directory, error);
    if (!fault_point(FAULT_MARK_WRITE, error))
        return FALSE;
    set_mark(directory, TRUE,
             directory->now && directory->now->record ? directory->now->record->number : 0);
    return TRUE;
}

gboolean memory_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                      GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine_id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    if (!directory->marked)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "there is no mark");
    if (!directory->marked_generation || (sole && strcmp(directory->stamp, stamp) != 0))
        return error_set(error, UNDERPIN_ERROR_BUSY, NULL, "another session has begun");
    if (!fault_point(FAULT_MARK_WRITE, error))
        return FALSE;
    g_strlcpy(directory->stamp, stamp, sizeof directory->stamp);
    directory->stamp_is_sole = sole;
    return TRUE;
}

/* --- removing
 * ---------------------------------------------------------------------------------------------------
 */

/* A volume that is in the trash already was moved there by an earlier call. */
static gboolean keep_volume(MemoryStore *store, const Machine *machine, HeadDirectory *now,
                            const KeptVolume *volume, GError **error)
{
    Image *image = now ? g_hash_table_lookup(now->heads, volume->target) : NULL;
    if (g_hash_table_contains(store->tree->kept, volume->path))
        return TRUE;
    if (!image)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "volume '%s' of machine '%s' is missing", volume->target, machine->name);
    if (!fault_point(FAULT_TRASH_RENAME, error))
        return FALSE;
    name_link(store->tree->kept, volume->path, image);
    head_directory_unlink(now, volume->target);
    persist_names(store);
    return TRUE;
}

static void empty_machine(MachineDirectory *directory)
{
    GHashTableIter iter;
    gpointer entry;
    if (directory->now)
        head_directory_empty(directory->now);
    if (directory->next)
        head_directory_empty(directory->next);
    g_hash_table_iter_init(&iter, directory->entries);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        head_directory_empty(entry);
}

static gboolean is_kept(const GPtrArray *kept, const char *target)
{
    for (guint i = 0; i < kept->len; i++)
        if (strcmp(((const KeptVolume *)g_ptr_array_index(kept, i))->target, target) == 0)
            return TRUE;
    return FALSE;
}

/* A data head goes to the trash, or is deleted only where the record says so (invariant 5). */
static gboolean check_data(MemoryStore *store, const Machine *machine, const HeadDirectory *now,
                           const GPtrArray *kept, GError **error)
{
    const GPtrArray *heads = now && now->record && !machine->discard ? now->record->heads : NULL;
    for (guint i = 0; heads && i < heads->len; i++) {
        const Head *head = g_ptr_array_index(heads, i);
        const Image *image = g_hash_table_lookup(now->heads, head->target);
        if (head->role != ROLE_DATA || !image || is_kept(kept, head->target) ||
            (machine->export_out && memory_export_is_complete(store, machine, head->target, image)))
            continue;
        return error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                         "data volume '%s' of machine '%s' would be deleted", head->target,
                         machine->name);
    }
    return TRUE;
}

static gboolean check_removable(MemoryStore *store, const Machine *machine,
                                const HeadDirectory *now, const GPtrArray *kept, GError **error)
{
    gboolean ignored = FALSE;
    return look_at_old(machine, now, &ignored, error) &&
           check_data(store, machine, now, kept, error) && fault_point(FAULT_TRASH_RENAME, error);
}

gboolean memory_remove(Storage *storage, const Machine *machine, GPtrArray *kept, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    MachineDirectory *directory = machine_directory(store, machine->id);
    if (!directory)
        return TRUE;
    if (!check_removable(store, machine, directory->now, kept, error))
        return FALSE;
    for (guint i = 0; i < kept->len; i++)
        if (!keep_volume(store, machine, directory->now, g_ptr_array_index(kept, i), error))
            return FALSE;
    if (!fault_point(FAULT_RECLAIM_UNLINK, error))
        return FALSE;
    empty_machine(directory);
    g_hash_table_remove(store->tree->machines, machine->id);
    persist_machine(store, machine->id);
    return TRUE;
}
