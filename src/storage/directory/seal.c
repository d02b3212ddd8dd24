/*
 * Sealing: the heads of a machine become layers, by one rename of their directory.
 *
 *     machines/ID/now  ──▶  layers/SET/sealed     root, 0444, no labels, then immutable: files,
 * then the directory
 *
 *   L1  layers.ini, which says whose layers these are, is on disk before the rename; the content of
 * the heads too. L2  From the rename on the set is a set of layers whatever else happened:
 * protection is repeated by storage_protect() at every start, until it is in force (invariant 1).
 *   L3  The way back lifts the directory's flag, then the files', and renames last.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/ids.h"

static gboolean is_head(const char *file)
{
    g_autofree char *target = NULL, *format = NULL;
    return head_file_split(file, &target, &format);
}

static gboolean sync_directories(const int *fds, gsize count, GError **error)
{
    for (gsize i = 0; i < count; i++)
        if (!durable_file_sync(fds[i], "a directory of the store", error))
            return FALSE;
    return TRUE;
}

/* --- protecting ------------------------------------------------------------------------------- */

static gboolean protect_file(DirectoryStore *store, int sealed_fd, const char *file, GError **error)
{
    g_auto(Descriptor) fd = openat(sealed_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the layer '%s'", file);
    if (immutable_is_set(fd))
        return TRUE;
    return fault_point(FAULT_SEAL_PROTECT, error) &&
           file_normalise(fd, is_head(file) ? MODE_LAYER : MODE_RECORD, file, error) &&
           immutable_set(store, fd, TRUE, file, error) && durable_file_sync(fd, file, error);
}

gboolean directory_protect(Storage *storage, const char *set_id, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) sealed_fd = -1;
    if (!layers_mount_ensure(store, error) ||
        !sealed_directory_require(store, set_id, &sealed_fd, error))
        return FALSE;
    g_autoptr(GPtrArray) names = directory_list(sealed_fd, error);
    for (guint i = 0; names && i < names->len; i++)
        if (!protect_file(store, sealed_fd, g_ptr_array_index(names, i), error))
            return FALSE;
    if (!names || immutable_is_set(sealed_fd))
        return names != NULL;
    return fault_point(FAULT_SEAL_PROTECT, error) &&
           immutable_set(store, sealed_fd, TRUE, NAME_SEALED, error) &&
           durable_file_sync(sealed_fd, NAME_SEALED, error);
}

/* --- sealing ---------------------------------------------------------------------------------- */

/* L1: the guest's last writes are on disk before nothing can write any more. */
static gboolean sync_heads(int now_fd, const Generation *generation, GError **error)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_autofree char *file = head_file_name(head->target, head->format, error);
        g_auto(Descriptor) fd = file ? openat(now_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (!file ||
            (fd < 0 && !error_set_errno(error, errno, "cannot open volume '%s'", head->target)) ||
            !durable_file_sync(fd, file, error))
            return FALSE;
    }
    return durable_file_sync(now_fd, NAME_NOW, error);
}

static gboolean check_nothing_staged(int machine_fd, const Machine *machine, GError **error)
{
    gboolean found = FALSE;
    return entry_find(machine_fd, NAME_NEXT, NULL, &found, error) &&
           (!found || error_set(error, UNDERPIN_ERROR_BUSY, "try again once it is settled",
                                "the last change of machine '%s' is not finished", machine->name));
}

static gboolean describe_set(int machine_fd, int now_fd, int set_fd, const Machine *machine,
                             GError **error)
{
    g_autoptr(Generation) owned = NULL;
    guint64 number = 0;
    if (!generation_number_at(now_fd, &number, error))
        return FALSE;
    const Generation *generation = generation_lookup(machine, now_fd, number, &owned, error);
    return generation && heads_check_unlocked(now_fd, machine, generation, error) &&
           sync_heads(now_fd, generation, error) &&
           layers_write(set_fd, machine, generation, error) &&
           machine_write(machine_fd, machine, error);
}

static gboolean move_to_layers(DirectoryStore *store, int machine_fd, int now_fd, int set_fd,
                               const Machine *machine, GError **error)
{
    const int changed[] = {set_fd, store->layers_fd, machine_fd};
    if (!check_nothing_staged(machine_fd, machine, error) ||
        !describe_set(machine_fd, now_fd, set_fd, machine, error) ||
        !fault_point(FAULT_SEAL_RENAME, error))
        return FALSE;
    if (renameat(machine_fd, NAME_NOW, set_fd, NAME_SEALED) != 0)
        return error_set_errno(error, errno, "cannot seal machine '%s'", machine->name);
    return sync_directories(changed, G_N_ELEMENTS(changed), error);
}

/* Where the heads are: exactly one of the two descriptors is open afterwards. */
static gboolean find_heads(const Machine *machine, int machine_fd, int set_fd, int *now_out,
                           int *sealed_out, GError **error)
{
    if ((machine_fd >= 0 && !directory_find(machine_fd, NAME_NOW, now_out, error)) ||
        (set_fd >= 0 && !directory_find(set_fd, NAME_SEALED, sealed_out, error)))
        return FALSE;
    if (*now_out >= 0 && *sealed_out >= 0)
        return error_set(error, UNDERPIN_ERROR_BUG, "see 'underpin doctor'",
                         "machine '%s' has heads and layers at once", machine->name);
    return *now_out >= 0 || *sealed_out >= 0 ||
           error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                     "machine '%s' has neither heads nor layers", machine->name);
}

static gboolean check_set_id(const Machine *machine, GError **error)
{
    return (machine->set_id && id_is_valid(machine->set_id)) ||
           error_set(error, UNDERPIN_ERROR_INVALID, NULL, "machine '%s' names no layer set",
                     machine->name);
}

gboolean directory_seal(Storage *storage, const Machine *machine, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) set_fd = -1;
    g_auto(Descriptor) now_fd = -1;
    g_auto(Descriptor) sealed_fd = -1;
    if (!check_set_id(machine, error) ||
        !machine_directory_find(store, machine->id, &machine_fd, error) ||
        (machine_fd >= 0 && !aside_repair(machine_fd, error)) ||
        !directory_find(store->layers_fd, machine->set_id, &set_fd, error) ||
        !find_heads(machine, machine_fd, set_fd, &now_fd, &sealed_fd, error))
        return FALSE;
    if (now_fd >= 0 && set_fd < 0 &&
        !directory_make(store->layers_fd, machine->set_id, MODE_DIRECTORY, &set_fd, NULL, error))
        return FALSE;
    if (now_fd >= 0 && !move_to_layers(store, machine_fd, now_fd, set_fd, machine, error)) {
        gboolean moved = TRUE;
        if (entry_find(set_fd, NAME_SEALED, NULL, &moved, NULL) && !moved) {
            entry_unlink(set_fd, NAME_LAYERS, NULL);
            entry_rmdir(store->layers_fd, machine->set_id, TRUE, NULL);
        }
        return FALSE;
    }
    return directory_protect(storage, machine->set_id, error);
}

/* --- the way back ----------------------------------------------------------------------------- */

static gboolean release_file(DirectoryStore *store, int sealed_fd, const char *file, GError **error)
{
    g_auto(Descriptor) fd = openat(sealed_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    gboolean locked = FALSE;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the layer '%s'", file);
    if (is_head(file) && !image_is_locked(fd, file, &locked, error))
        return FALSE;
    if (locked)
        return error_set(error, UNDERPIN_ERROR_BUSY, "stop the guest that runs on it",
                         "the layer '%s' is open in a QEMU", file);
    return fault_point(FAULT_UNSEAL_UNPROTECT, error) &&
           immutable_set(store, fd, FALSE, file, error) &&
           file_normalise(fd, MODE_HEAD, file, error);
}

static gboolean release_all(DirectoryStore *store, int sealed_fd, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(sealed_fd, error);
    if (!names || !fault_point(FAULT_UNSEAL_UNPROTECT, error) ||
        !immutable_set(store, sealed_fd, FALSE, NAME_SEALED, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++)
        if (!release_file(store, sealed_fd, g_ptr_array_index(names, i), error))
            return FALSE;
    return TRUE;
}

static gboolean move_from_layers(DirectoryStore *store, int machine_fd, int set_fd, int sealed_fd,
                                 const Machine *machine, GError **error)
{
    const int changed[] = {machine_fd, store->machines_fd, set_fd};
    if (!release_all(store, sealed_fd, error) || !fault_point(FAULT_UNSEAL_RENAME, error))
        return FALSE;
    if (renameat(set_fd, NAME_SEALED, machine_fd, NAME_NOW) != 0)
        return error_set_errno(error, errno, "cannot unseal machine '%s'", machine->name);
    return sync_directories(changed, G_N_ELEMENTS(changed), error);
}

/* What a set leaves behind once its layers are a machine's heads again. */
static gboolean set_remove(DirectoryStore *store, int set_fd, const char *set_id, GError **error)
{
    if (set_fd < 0)
        return TRUE;
    g_autoptr(GPtrArray) names = directory_list(set_fd, error);
    for (guint i = 0; names && i < names->len; i++)
        if (!entry_unlink(set_fd, g_ptr_array_index(names, i), error))
            return FALSE;
    return names && entry_rmdir(store->layers_fd, set_id, FALSE, error) &&
           durable_file_sync(store->layers_fd, "layers", error);
}

gboolean directory_unseal(Storage *storage, const Machine *machine, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) set_fd = -1;
    g_auto(Descriptor) now_fd = -1;
    g_auto(Descriptor) sealed_fd = -1;
    if (!check_set_id(machine, error) || !machine_id_check(machine->id, error) ||
        !directory_find(store->layers_fd, machine->set_id, &set_fd, error) ||
        !directory_make(store->machines_fd, machine->id, MODE_DIRECTORY, &machine_fd, NULL,
                        error) ||
        !find_heads(machine, machine_fd, set_fd, &now_fd, &sealed_fd, error))
        return FALSE;
    if (sealed_fd >= 0 && !move_from_layers(store, machine_fd, set_fd, sealed_fd, machine, error)) {
        directory_protect(storage, machine->set_id, NULL);
        return FALSE;
    }
    return set_remove(store, set_fd, machine->set_id, error) &&
           machine_write(machine_fd, machine, error);
}
