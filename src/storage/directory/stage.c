/*
 * Staging: building machines/ID/next beside the heads in use.
 *
 *   S1  Nothing in `now` changes; a staged data head is a link, or a copy whose original stays
 * (invariants 2, 3). S2  The record generation.ini is written last: a `next` without a whole one is
 * broken, is never switched to, and may be removed at any time. S3  A `next` whose number is below
 * that of `now` is no staged generation but the old one, on its way to become an undo entry
 * (put_aside.c). It is not touched here: its heads may be the only ones (invariants 2, 5). S4  A
 * failed staging leaves nothing: neither `next` nor the directory of a machine that it has just
 * made.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "foundation/ids.h"

/* Removes the flat directory `name`; the record goes first, so that what is left of it is broken.
 */
static gboolean staged_remove(int machine_fd, GError **error)
{
    g_auto(Descriptor) fd = -1;
    if (!directory_find(machine_fd, NAME_NEXT, &fd, error))
        return FALSE;
    if (fd < 0)
        return TRUE;
    if (!fault_point(FAULT_STAGE_ABANDON, error) || !entry_unlink(fd, NAME_RECORD, error))
        return FALSE;
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    for (guint i = 0; names && i < names->len; i++)
        if (!entry_unlink(fd, g_ptr_array_index(names, i), error))
            return FALSE;
    return names && entry_rmdir(machine_fd, NAME_NEXT, FALSE, error);
}

/* S3. `next` may be missing. */
static gboolean check_no_old_generation(int machine_fd, const char *machine_id, GError **error)
{
    guint64 now = 0, next = 0;
    if (!generation_number_read(machine_fd, NAME_NEXT, &next, NULL, error))
        return FALSE;
    if (next == 0)
        return TRUE;
    if (!generation_number_read(machine_fd, NAME_NOW, &now, NULL, error))
        return FALSE;
    return next > now || error_set(error, UNDERPIN_ERROR_BUSY, "try again once it is settled",
                                   "the last switch of machine '%s' is not finished", machine_id);
}

/* Whether the machine's directory holds nothing but its description, and no layers are its own. */
static gboolean machine_is_bare(DirectoryStore *store, int machine_fd, const char *machine_id,
                                gboolean *bare_out, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(machine_fd, error);
    if (!names)
        return FALSE;
    gboolean bare = TRUE;
    for (guint i = 0; i < names->len; i++)
        bare = bare && (g_str_equal(g_ptr_array_index(names, i), NAME_MACHINE) ||
                        g_str_equal(g_ptr_array_index(names, i), NAME_MACHINE_TEMPORARY));
    if (bare && names->len > 0) {
        g_autoptr(Machine) machine = machine_read(machine_fd, machine_id, NULL);
        gboolean is_base = FALSE;
        if (machine && machine->set_id && id_is_valid(machine->set_id) &&
            !entry_find(store->layers_fd, machine->set_id, NULL, &is_base, error))
            return FALSE;
        bare = machine != NULL && !is_base;
    }
    *bare_out = bare;
    return TRUE;
}

static gboolean bare_machine_remove(DirectoryStore *store, int machine_fd, const char *machine_id,
                                    GError **error)
{
    gboolean bare = FALSE;
    if (!machine_is_bare(store, machine_fd, machine_id, &bare, error))
        return FALSE;
    if (!bare)
        return TRUE;
    unsynced_forget(store, machine_id);
    unsynced_add_machines(store);
    return entry_unlink(machine_fd, NAME_MACHINE_TEMPORARY, error) &&
           entry_unlink(machine_fd, NAME_MACHINE, error) &&
           entry_rmdir(store->machines_fd, machine_id, FALSE, error);
}

gboolean directory_abandon(Storage *storage, const char *machine_id, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    if (!machine_directory_find(store, machine_id, &machine_fd, error))
        return FALSE;
    if (machine_fd < 0)
        return TRUE;
    return aside_repair(machine_fd, error) &&
           check_no_old_generation(machine_fd, machine_id, error) &&
           entry_unlink(machine_fd, NAME_MACHINE_TEMPORARY, error) &&
           staged_remove(machine_fd, error) &&
           bare_machine_remove(store, machine_fd, machine_id, error);
}

static gboolean describe_if_new(DirectoryStore *store, int machine_fd, const Machine *machine,
                                GError **error)
{
    gboolean described = FALSE;
    if (!entry_find(machine_fd, NAME_MACHINE, NULL, &described, error))
        return FALSE;
    if (described)
        return TRUE;
    unsynced_add(store, machine->id, UNSYNCED_DESCRIBED);
    return machine_write_new(machine_fd, machine, error);
}

/* The machine's directory and its description, made where missing. */
static gboolean machine_prepare(DirectoryStore *store, const Machine *machine, int *machine_fd_out,
                                GError **error)
{
    gboolean made = FALSE;
    if (!machine_id_check(machine->id, error) || !fault_point(FAULT_STAGE_DIRECTORY, error) ||
        !directory_make(store->machines_fd, machine->id, MODE_DIRECTORY, machine_fd_out, &made,
                        error))
        return FALSE;
    if (made)
        unsynced_add_machines(store);
    return describe_if_new(store, *machine_fd_out, machine, error);
}

static gboolean build_next(Staging *staging, GError **error)
{
    const Generation *generation = staging->generation;
    for (guint i = 0; i < generation->heads->len; i++)
        if (!head_stage(staging, g_ptr_array_index(generation->heads, i), error))
            return FALSE;
    return nvram_stage(staging, error) && fault_point(FAULT_STAGE_RECORD, error) &&
           generation_write(staging->next_fd, staging->machine, generation, error);
}

static gboolean stage_into(DirectoryStore *store, const Machine *machine,
                           const Generation *generation, int machine_fd, GCancellable *cancellable,
                           GError **error)
{
    g_auto(Descriptor) now_fd = -1;
    g_auto(Descriptor) next_fd = -1;
    if (!aside_repair(machine_fd, error) ||
        !check_no_old_generation(machine_fd, machine->id, error) ||
        !staged_remove(machine_fd, error) ||
        !directory_find(machine_fd, NAME_NOW, &now_fd, error) ||
        !fault_point(FAULT_STAGE_DIRECTORY, error) ||
        !directory_make(machine_fd, NAME_NEXT, MODE_DIRECTORY, &next_fd, NULL, error))
        return FALSE;
    Staging staging = {store, machine, generation, machine_fd, now_fd, next_fd, cancellable};
    if (build_next(&staging, error))
        return TRUE;
    staged_remove(machine_fd, NULL);
    return FALSE;
}

gboolean directory_stage(Storage *storage, const Machine *machine, const Generation *generation,
                         GCancellable *cancellable, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    gboolean ok = machine_prepare(store, machine, &machine_fd, error) &&
                  stage_into(store, machine, generation, machine_fd, cancellable, error);
    if (ok)
        unsynced_add(store, machine->id, UNSYNCED_STAGED);
    else if (machine_fd >= 0)
        bare_machine_remove(store, machine_fd, machine->id, NULL);
    return ok;
}
