/*
 * Protection of layers where the file system has no immutable flag (NFS): `layers` is mounted on
 * itself, read-only. Whoever goes there by a path, libvirt and QEMU among them, gets EROFS; we hold
 * `layers_fd`, a descriptor of the directory *below* the mount, and seal, flatten and reclaim
 * through that.
 *
 *     root_fd ──▶ STORE ──▶ machines            one mount: renames from now to sealed work
 *     layers_fd ──────────▶ layers
 *                             ╎ mounted on it, read-only
 *     "STORE/layers" ───────▶ layers
 *
 * The mount stays when the daemon ends, for guests go on. The next one must get below it: it takes
 * the mount away, opens the directory, and mounts it again. A start of a guest in between could
 * give a layer to QEMU's user; storage_protect(), which follows every start of the daemon, takes it
 * back.
 *
 * It helps only where libvirt sees it: not from a mount namespace of our own.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char layers_name[] = "layers";

static char *layers_path(const DirectoryStore *store)
{
    return g_build_filename(store->root, layers_name, NULL);
}

/* Something is mounted on `layers`. */
static gboolean is_mount(const DirectoryStore *store)
{
    struct statx status;
    return statx(store->root_fd, layers_name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
           (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* It is ours: the same file system, read-only. */
static gboolean is_our_mount(const DirectoryStore *store)
{
    g_autofree char *path = layers_path(store);
    struct stat root, layers;
    struct statvfs flags;
    return is_mount(store) && fstat(store->root_fd, &root) == 0 && stat(path, &layers) == 0 &&
           root.st_dev == layers.st_dev && statvfs(path, &flags) == 0 &&
           (flags.f_flag & ST_RDONLY) != 0;
}

gboolean layers_mount_is_in_force(const DirectoryStore *store)
{
    g_autofree char *path = layers_path(store);
    struct stat seen, held;
    return is_our_mount(store) && stat(path, &seen) == 0 && fstat(store->layers_fd, &held) == 0 &&
           entry_is_same(&seen, &held);
}

gboolean layers_mount_lift(const DirectoryStore *store, GError **error)
{
    g_autofree char *path = layers_path(store);
    while (is_our_mount(store))
        if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
            return error_set_errno(error, errno, "cannot take the read-only mount off '%s'", path);
    return TRUE;
}

/* What libvirtd sees, whichever process that is: the mounts of the first one. */
static gboolean others_see_our_mounts(void)
{
    struct stat ours, theirs;
    return stat("/proc/self/ns/mnt", &ours) == 0 && stat("/proc/1/ns/mnt", &theirs) == 0 &&
           entry_is_same(&ours, &theirs);
}

/* A mount keeps the restrictions of the one that it shows again. */
static unsigned long kept_flags(const char *path)
{
    static const struct {
        unsigned long seen, flag;
    } flags[] = {{ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},
                 {ST_NOEXEC, MS_NOEXEC},         {ST_NOATIME, MS_NOATIME},
                 {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    struct statvfs status;
    unsigned long kept = 0;
    for (gsize i = 0; statvfs(path, &status) == 0 && i < G_N_ELEMENTS(flags); i++)
        kept |= status.f_flag & flags[i].seen ? flags[i].flag : 0;
    return kept;
}

gboolean layers_mount_ensure(const DirectoryStore *store, GError **error)
{
    g_autofree char *path = layers_path(store);
    if (!store->mounts_layers || layers_mount_is_in_force(store))
        return TRUE;
    if (!others_see_our_mounts())
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "run underpind without a mount namespace of its own",
                         "a read-only mount of '%s' would be seen by underpind alone", path);
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(path);
    if (mount(path, path, NULL, MS_BIND, NULL) != 0)
        return error_set_errno(error, errno, "cannot mount '%s' read-only", path);
    if (mount(NULL, path, NULL, flags, NULL) == 0)
        return TRUE;
    error_set_errno(error, errno, "cannot mount '%s' read-only", path);
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    return FALSE;
}
