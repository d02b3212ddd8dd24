/*
 * Locks: whether a QEMU has an image open, and the lock by which one daemon owns a store.
 *
 * QEMU's file driver holds open-file-description locks on single bytes: from 100 on for what it
 * does with the image, from 200 on for what it does not let others do (QEMU, block/file-posix.c).
 * We ask, we never take one: claims keep machines from starting, locks only find guests that
 * libvirt does not know of.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>

enum { QEMU_LOCK_FIRST = 100, QEMU_LOCK_LAST = 203 };

gboolean image_is_locked(int fd, const char *name, gboolean *locked_out, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = QEMU_LOCK_FIRST,
                         .l_len = QEMU_LOCK_LAST - QEMU_LOCK_FIRST + 1};
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0)
        return error_set_errno(error, errno, "cannot ask for the locks of '%s'", name);
    *locked_out = lock.l_type != F_UNLCK;
    return TRUE;
}

static gboolean head_check_unlocked(int directory_fd, const Machine *machine, const Head *head,
                                    GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    if (!file)
        return FALSE;
    g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TRUE;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open volume '%s' of machine '%s'",
                               head->target, machine->name);
    gboolean locked = FALSE;
    if (!image_is_locked(fd, file, &locked, error))
        return FALSE;
    return !locked ||
           error_set(error, UNDERPIN_ERROR_BUSY,
                     "stop the guest, or the program that has it open (see 'fuser')",
                     "volume '%s' of machine '%s' is open in a QEMU", head->target, machine->name);
}

gboolean heads_check_unlocked(int directory_fd, const Machine *machine,
                              const Generation *generation, GError **error)
{
    for (guint i = 0; i < generation->heads->len; i++)
        if (!head_check_unlocked(directory_fd, machine, g_ptr_array_index(generation->heads, i),
                                 error))
            return FALSE;
    return TRUE;
}

gboolean store_lock(int lock_fd, const char *root, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(lock_fd, F_OFD_SETLK, &lock) == 0)
        return TRUE;
    if (errno == EAGAIN || errno == EACCES)
        return error_set(error, UNDERPIN_ERROR_BUSY, "stop the other underpind first",
                         "the store '%s' is in use by another daemon", root);
    return error_set_errno(error, errno, "cannot lock the store '%s'", root);
}
