/*
 * The immutable flag: keeps a sealed layer as it is even from root's programs (invariant 1).
 *
 * libvirt gives backing images to QEMU's user when it starts a clone, and a block job commits into
 * whatever it may open; with the flag both fail and the guest runs. Sealed directories carry it
 * too, because renaming over a file asks the directory alone.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

static gboolean is_unsupported(int errno_value)
{
    return errno_value == ENOTTY || errno_value == EOPNOTSUPP || errno_value == ENOSYS ||
           errno_value == EINVAL;
}

gboolean immutable_is_set(int fd)
{
    int flags = 0;
    return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0;
}

gboolean immutable_set(const DirectoryStore *store, int fd, gboolean immutable, const char *what,
                       GError **error)
{
    int flags = 0;
    if (immutable && !store->has_flag)
        return TRUE;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
        return (!immutable && is_unsupported(errno)) ||
               error_set_errno(error, errno, "cannot read the flags of '%s'", what);
    int wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    if (wanted == flags || ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0)
        return TRUE;
    return error_set_errno(error, errno, "cannot %s the immutable flag of '%s'",
                           immutable ? "set" : "lift", what);
}

gboolean immutable_probe(int directory_fd)
{
    static const char name[] = ".probe-flag";
    g_auto(Descriptor) fd =
        openat(directory_fd, name, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE_RECORD);
    int flags = 0;
    gboolean works = fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    int plain = flags & ~FS_IMMUTABLE_FL, immutable = flags | FS_IMMUTABLE_FL;
    works = works && ioctl(fd, FS_IOC_SETFLAGS, &immutable) == 0;
    works = works && unlinkat(directory_fd, name, 0) != 0;
    if (fd >= 0)
        ioctl(fd, FS_IOC_SETFLAGS, &plain);
    unlinkat(directory_fd, name, 0);
    return works;
}

gboolean protected_unlink(const DirectoryStore *store, int directory_fd, const char *file,
                          GError **error)
{
    if (unlinkat(directory_fd, file, 0) == 0 || errno == ENOENT)
        return TRUE;
    if (errno != EPERM)
        return error_set_errno(error, errno, "cannot remove '%s'", file);
    g_auto(Descriptor) fd =
        openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open '%s'", file);
    struct stat status;
    if (!immutable_is_set(fd) || fstat(fd, &status) != 0)
        return error_set_errno(error, EPERM, "cannot remove '%s'", file);
    return immutable_set(store, fd, FALSE, file, error) &&
           entry_unlink(directory_fd, file, error) &&
           (status.st_nlink == 1 || immutable_set(store, fd, TRUE, file, error));
}
