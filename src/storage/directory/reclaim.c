/*
 * Reclaim: deleting one thing that a committed transaction has put on its list, after a second
 * look.
 *
 *   R1  The path must be one that the kind of item can have, and so lie in the store; nothing else
 * is ever deleted. R2  An image that a QEMU has open stays: an open chain still references it
 * (invariant 5). R3  A data head inside an undo entry goes only while its file has another name
 * (invariant 2); data itself is deleted as a kept volume alone. R4  The entry's record goes last:
 * killed half-way, the rest still says what it was.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "foundation/ids.h"

static gboolean refuse_path(const ReclaimItem *item, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                     "'%s' cannot be reclaimed as %s", item->path ? item->path : "",
                     reclaim_kind_name(item->kind));
}

/* R2. *freed_out: what goes with the file's last name. Missing: nothing. */
static gboolean look_again(int directory_fd, const char *file, gboolean needs_other_name,
                           guint64 *freed_out, GError **error)
{
    struct stat status;
    gboolean locked = FALSE;
    g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TRUE;
    if (fd < 0 || fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot open '%s'", file);
    if (!image_is_locked(fd, file, &locked, error))
        return FALSE;
    /* A file that has another name may well be in use under that one. */
    if (locked && status.st_nlink == 1)
        return error_set(error, UNDERPIN_ERROR_BUSY, "it goes when that guest has stopped",
                         "'%s' is open in a QEMU", file);
    if (needs_other_name && status.st_nlink == 1)
        return error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                         "'%s' is data, and this is its only name", file);
    *freed_out = status.st_nlink == 1 ? allocated_bytes(&status) : 0;
    return TRUE;
}

static gboolean image_remove(const DirectoryStore *store, int directory_fd, const char *file,
                             gboolean needs_other_name, guint64 *freed, GError **error)
{
    guint64 bytes = 0;
    if (!look_again(directory_fd, file, needs_other_name, &bytes, error) ||
        !fault_point(FAULT_RECLAIM_UNLINK, error) ||
        !protected_unlink(store, directory_fd, file, error))
        return FALSE;
    *freed += bytes;
    return TRUE;
}

/* --- undo entries ----------------------------------------------------------------------------- */

static gboolean entry_heads_remove(DirectoryStore *store, int entry_fd,
                                   const Generation *generation, guint64 *freed, GError **error)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_autofree char *file = head_file_name(head->target, head->format, error);
        if (!file || !image_remove(store, entry_fd, file, head->role == ROLE_DATA, freed, error))
            return FALSE;
    }
    return TRUE;
}

gboolean entry_remove(DirectoryStore *store, int machine_fd, guint64 number, guint64 *freed,
                      GError **error)
{
    g_autofree char *name = entry_name(number);
    g_auto(Descriptor) fd = -1;
    gboolean has_record = FALSE;
    if (!directory_find(machine_fd, name, &fd, error))
        return FALSE;
    if (fd < 0)
        return TRUE;
    if (!entry_find(fd, NAME_RECORD, NULL, &has_record, error))
        return FALSE;
    g_autoptr(Generation) generation = has_record ? generation_read(fd, NULL, error) : NULL;
    if (has_record && !generation)
        return FALSE;
    if (generation && generation->number != number)
        return error_set(error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
                         "'%s' holds generation %" G_GUINT64_FORMAT, name, generation->number);
    if (generation && !entry_heads_remove(store, fd, generation, freed, error))
        return FALSE;
    return protected_unlink(store, fd, NAME_NVRAM, error) &&
           fault_point(FAULT_RECLAIM_UNLINK, error) && entry_unlink(fd, NAME_RECORD, error) &&
           entry_rmdir(machine_fd, name, FALSE, error);
}

static gboolean reclaim_entry(DirectoryStore *store, const ReclaimItem *item, guint64 *freed,
                              GError **error)
{
    g_autofree char *name = entry_name(item->generation);
    g_autofree char *path =
        g_strconcat("machines/", item->machine_id ? item->machine_id : "", "/", name, NULL);
    g_auto(Descriptor) machine_fd = -1;
    if (item->generation == 0 || g_strcmp0(path, item->path) != 0 ||
        !machine_id_check(item->machine_id, NULL))
        return refuse_path(item, error);
    return machine_directory_find(store, item->machine_id, &machine_fd, error) &&
           (machine_fd < 0 || entry_remove(store, machine_fd, item->generation, freed, error));
}

/* --- layers ----------------------------------------------------------------------------------- */

static gboolean has_layers(const GPtrArray *names)
{
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *target = NULL, *format = NULL;
        if (head_file_split(g_ptr_array_index(names, i), &target, &format))
            return TRUE;
    }
    return FALSE;
}

static gboolean files_remove(const DirectoryStore *store, int directory_fd, const GPtrArray *names,
                             GError **error)
{
    for (guint i = 0; i < names->len; i++)
        if (!protected_unlink(store, directory_fd, g_ptr_array_index(names, i), error))
            return FALSE;
    return TRUE;
}

/* The set's directory goes with its last layer; else it is protected again. */
static gboolean sealed_finish(DirectoryStore *store, int set_fd, int sealed_fd, const char *set_id,
                              GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(sealed_fd, error);
    if (!names)
        return FALSE;
    if (has_layers(names))
        return immutable_set(store, sealed_fd, TRUE, NAME_SEALED, error);
    if (!files_remove(store, sealed_fd, names, error) ||
        !entry_rmdir(set_fd, NAME_SEALED, FALSE, error))
        return FALSE;
    g_autoptr(GPtrArray) rest = directory_list(set_fd, error);
    return rest && files_remove(store, set_fd, rest, error) &&
           entry_rmdir(store->layers_fd, set_id, FALSE, error);
}

static gboolean reclaim_layer(DirectoryStore *store, const ReclaimItem *item, guint64 *freed,
                              GError **error)
{
    LayerName name;
    g_auto(Descriptor) set_fd = -1;
    g_auto(Descriptor) sealed_fd = -1;
    if (!layer_name_from_path(item->path, &name))
        return refuse_path(item, error);
    g_autofree char *id = layer_name_id(&name);
    g_autofree char *file = layer_name_file(&name);
    if (item->layer_id && strcmp(item->layer_id, id) != 0)
        return refuse_path(item, error);
    if (!directory_find(store->layers_fd, name.set_id, &set_fd, error) ||
        (set_fd >= 0 && !directory_find(set_fd, NAME_SEALED, &sealed_fd, error)))
        return FALSE;
    if (sealed_fd < 0) /* killed after the last layer went */
        return set_fd < 0 || (entry_unlink(set_fd, NAME_LAYERS, error) &&
                              entry_rmdir(store->layers_fd, name.set_id, TRUE, error));
    gboolean ok = immutable_set(store, sealed_fd, FALSE, NAME_SEALED, error) &&
                  image_remove(store, sealed_fd, file, FALSE, freed, error);
    if (!ok) {
        immutable_set(store, sealed_fd, TRUE, NAME_SEALED, NULL);
        return FALSE;
    }
    return sealed_finish(store, set_fd, sealed_fd, name.set_id, error);
}

/* --- kept volumes ----------------------------------------------------------------------------- */

static gboolean reclaim_kept(DirectoryStore *store, const ReclaimItem *item, guint64 *freed,
                             GError **error)
{
    g_autofree char *kept_id = NULL, *file = NULL;
    g_auto(Descriptor) kept_fd = -1;
    g_auto(Descriptor) fd = -1;
    if (!kept_path_split(item->path, &kept_id, &file))
        return refuse_path(item, error);
    if (!directory_find(store->trash_fd, kept_id, &kept_fd, error) ||
        (kept_fd >= 0 && !directory_find(kept_fd, NAME_DATA, &fd, error)))
        return FALSE;
    if (fd >= 0 && !image_remove(store, fd, file, FALSE, freed, error))
        return FALSE;
    return kept_fd < 0 || (entry_rmdir(kept_fd, NAME_DATA, TRUE, error) &&
                           entry_rmdir(store->trash_fd, kept_id, TRUE, error));
}

/* --- the slot --------------------------------------------------------------------------------- */

typedef gboolean (*Reclaimer)(DirectoryStore *store, const ReclaimItem *item, guint64 *freed,
                              GError **error);
static const Reclaimer reclaimers[] = {
    [RECLAIM_ENTRY] = reclaim_entry,
    [RECLAIM_LAYER] = reclaim_layer,
    [RECLAIM_KEPT] = reclaim_kept,
};
G_STATIC_ASSERT(G_N_ELEMENTS(reclaimers) == RECLAIM_KIND_COUNT);

gboolean directory_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                           GError **error)
{
    guint64 freed = 0;
    if (!reclaimers[item->kind](directory_store(storage), item, &freed, error))
        return FALSE;
    if (freed_out)
        *freed_out = freed;
    return TRUE;
}
