/*
 * Removing a machine for good, after the commit that says so.
 *
 *     now ──▶ removed          one rename: from here on the machine is gone as a whole
 *     removed/vdc.qcow2 ──▶ trash/ID/data/vdc.qcow2   for each kept volume; synced
 *     the rest is deleted, machine.ini last
 *
 * Killed anywhere, it is done again. A data head goes to the trash, or is deleted only where the
 * record says so: discard (--now), or export, which has given it its own name back (invariant 5).
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "model/kept_volume.h"

/* --- before anything moves -------------------------------------------------------------------- */

static gboolean is_kept(const GPtrArray *kept, const char *target)
{
    for (guint i = 0; i < kept->len; i++)
        if (strcmp(((const KeptVolume *)g_ptr_array_index(kept, i))->target, target) == 0)
            return TRUE;
    return FALSE;
}

static gboolean check_data_head(DirectoryStore *store, const Machine *machine, int heads_fd,
                                const Head *head, const GPtrArray *kept, GError **error)
{
    gboolean exported = FALSE;
    if (head->role != ROLE_DATA || machine->discard || is_kept(kept, head->target))
        return TRUE;
    if (machine->export_out &&
        !export_is_complete(store, machine, head, heads_fd, &exported, error))
        return FALSE;
    return exported ||
           error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                     "data volume '%s' of machine '%s' would be deleted", head->target,
                     machine->name);
}

/* A head that is not there any more has been dealt with before. */
static gboolean check_data_is_kept(DirectoryStore *store, const Machine *machine, int heads_fd,
                                   const Generation *generation, const GPtrArray *kept,
                                   GError **error)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_autofree char *file = head_file_name(head->target, head->format, error);
        gboolean found = FALSE;
        if (!file || !entry_find(heads_fd, file, NULL, &found, error) ||
            (found && !check_data_head(store, machine, heads_fd, head, kept, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean give_back(DirectoryStore *store, const Machine *machine, int heads_fd,
                          const Generation *generation, GError **error)
{
    for (guint i = 0; machine->export_out && i < generation->heads->len; i++)
        if (!export_give_back(store, machine, g_ptr_array_index(generation->heads, i), heads_fd,
                              error))
            return FALSE;
    return TRUE;
}

static gboolean check_heads(DirectoryStore *store, const Machine *machine, int heads_fd,
                            const GPtrArray *kept, GError **error)
{
    g_autoptr(Generation) owned = NULL;
    guint64 number = 0;
    if (!generation_number_at(heads_fd, &number, error))
        return FALSE;
    if (number == 0) /* killed while the last names went */
        return TRUE;
    const Generation *generation = generation_lookup(machine, heads_fd, number, &owned, error);
    return generation && heads_check_unlocked(heads_fd, machine, generation, error) &&
           check_data_is_kept(store, machine, heads_fd, generation, kept, error) &&
           give_back(store, machine, heads_fd, generation, error);
}

/* What an earlier operation has left in `next` is finished first. */
static gboolean finish_next(Storage *storage, const Machine *machine, int machine_fd,
                            GError **error)
{
    guint64 now = 0, next = 0;
    if (!generation_number_read(machine_fd, NAME_NOW, &now, NULL, error) ||
        !generation_number_read(machine_fd, NAME_NEXT, &next, NULL, error))
        return FALSE;
    if (next != 0 && next < now)
        return directory_put_aside(storage, machine, FALSE, NULL, NULL, error);
    return directory_abandon(storage, machine->id, error);
}

static gboolean take_out(DirectoryStore *store, const Machine *machine, int machine_fd,
                         const GPtrArray *kept, GError **error)
{
    g_auto(Descriptor) now_fd = -1;
    if (!directory_find(machine_fd, NAME_NOW, &now_fd, error))
        return FALSE;
    if (now_fd < 0)
        return TRUE;
    if (!check_heads(store, machine, now_fd, kept, error) ||
        !fault_point(FAULT_TRASH_RENAME, error))
        return FALSE;
    return renameat(machine_fd, NAME_NOW, machine_fd, NAME_REMOVED) == 0 ||
           error_set_errno(error, errno, "cannot take out machine '%s'", machine->name);
}

/* --- the trash -------------------------------------------------------------------------------- */

static gboolean normalise_kept(int data_fd, const char *file, GError **error)
{
    g_auto(Descriptor) fd = openat(data_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the kept volume '%s'", file);
    return file_normalise(fd, MODE_HEAD, file, error);
}

static gboolean rename_to_trash(int removed_fd, const char *from, int data_fd, const char *to,
                                GError **error)
{
    gboolean is_there = FALSE;
    if (!entry_find(data_fd, to, NULL, &is_there, error))
        return FALSE;
    if (is_there)
        return TRUE;
    if (removed_fd < 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "the kept volume '%s' is nowhere", to);
    return fault_point(FAULT_TRASH_RENAME, error) &&
           (renameat(removed_fd, from, data_fd, to) == 0 ||
            error_set_errno(error, errno, "cannot move '%s' to the trash", from));
}

static gboolean keep_volume(DirectoryStore *store, int removed_fd, const KeptVolume *volume,
                            GError **error)
{
    g_autofree char *kept_id = NULL, *file = NULL;
    g_auto(Descriptor) kept_fd = -1;
    g_auto(Descriptor) data_fd = -1;
    g_autofree char *source = head_file_name(volume->target, volume->format, error);
    if (!source)
        return FALSE;
    if (!kept_path_split(volume->path, &kept_id, &file))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is not a place in the trash",
                         volume->path);
    return directory_make(store->trash_fd, kept_id, 0700, &kept_fd, NULL, error) &&
           directory_make(kept_fd, NAME_DATA, 0700, &data_fd, NULL, error) &&
           rename_to_trash(removed_fd, source, data_fd, file, error) &&
           normalise_kept(data_fd, file, error) && durable_file_sync(data_fd, NAME_DATA, error) &&
           durable_file_sync(kept_fd, kept_id, error);
}

static gboolean keep_volumes(DirectoryStore *store, int removed_fd, const GPtrArray *kept,
                             GError **error)
{
    for (guint i = 0; i < kept->len; i++)
        if (!keep_volume(store, removed_fd, g_ptr_array_index(kept, i), error))
            return FALSE;
    return kept->len == 0 ||
           (durable_file_sync(store->trash_fd, "trash", error) &&
            (removed_fd < 0 || durable_file_sync(removed_fd, NAME_REMOVED, error)));
}

/* --- the rest --------------------------------------------------------------------------------- */

static gboolean remove_taken_out(DirectoryStore *store, int machine_fd, int removed_fd,
                                 GError **error)
{
    if (removed_fd < 0)
        return TRUE;
    g_autoptr(GPtrArray) names = directory_list(removed_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (strcmp(name, NAME_RECORD) == 0)
            continue;
        if (!fault_point(FAULT_RECLAIM_UNLINK, error) ||
            !protected_unlink(store, removed_fd, name, error))
            return FALSE;
    }
    return names && entry_unlink(removed_fd, NAME_RECORD, error) &&
           entry_rmdir(machine_fd, NAME_REMOVED, FALSE, error);
}

static gboolean remove_entries(DirectoryStore *store, int machine_fd, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(machine_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        guint64 number = 0, freed = 0;
        if (entry_number(g_ptr_array_index(names, i), &number) &&
            !entry_remove(store, machine_fd, number, &freed, error))
            return FALSE;
    }
    return names != NULL;
}

static gboolean remove_directory(DirectoryStore *store, int machine_fd, const char *machine_id,
                                 GError **error)
{
    unsynced_forget(store, machine_id);
    return fault_point(FAULT_RECLAIM_UNLINK, error) && entry_unlink(machine_fd, NAME_MARK, error) &&
           entry_unlink(machine_fd, NAME_MACHINE_TEMPORARY, error) &&
           entry_unlink(machine_fd, NAME_MACHINE, error) &&
           entry_rmdir(store->machines_fd, machine_id, FALSE, error) &&
           durable_file_sync(store->machines_fd, "machines", error);
}

gboolean directory_remove(Storage *storage, const Machine *machine, GPtrArray *kept, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) removed_fd = -1;
    gboolean is_there = FALSE;
    if (!machine_id_check(machine->id, error) ||
        !directory_find(store->machines_fd, machine->id, &machine_fd, error))
        return FALSE;
    if (machine_fd < 0)
        return TRUE;
    if (!finish_next(storage, machine, machine_fd, error) ||
        !entry_find(store->machines_fd, machine->id, NULL, &is_there, error))
        return FALSE;
    if (!is_there) /* nothing but a staged generation was there */
        return durable_file_sync(store->machines_fd, "machines", error);
    return take_out(store, machine, machine_fd, kept, error) &&
           directory_find(machine_fd, NAME_REMOVED, &removed_fd, error) &&
           (removed_fd < 0 || check_heads(store, machine, removed_fd, kept, error)) &&
           keep_volumes(store, removed_fd, kept, error) &&
           remove_taken_out(store, machine_fd, removed_fd, error) &&
           remove_entries(store, machine_fd, error) &&
           remove_directory(store, machine_fd, machine->id, error);
}
