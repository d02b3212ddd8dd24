/* Content, ownership and labels of single files. */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/size.h"

static const char selinux_attribute[] = "security.selinux";
static const char remembered_owner[] = "trusted.libvirt.security.dac";
static const char remembered_label[] = "trusted.libvirt.security.selinux";

enum {
    COPY_STEP_BYTES = 64 * 1024 * 1024,
    BUFFER_BYTES = 1024 * 1024,
    COMPARE_LIMIT_BYTES = 16 * 1024 * 1024,
};

/* --- ownership -------------------------------------------------------------------------------- */

void ownership_init(Ownership *ownership)
{
    *ownership = (Ownership){.owner = geteuid(), .group = getegid(), .mode = MODE_HEAD};
}

/* While a guest runs, libvirt has put the owner of before into an attribute: "+0:+0". */
static void recall_owner(int fd, Ownership *ownership)
{
    char text[64] = "";
    unsigned owner = 0, group = 0;
    if (fgetxattr(fd, remembered_owner, text, sizeof text - 1) > 0 &&
        sscanf(text, "+%u:+%u", &owner, &group) == 2) {
        ownership->owner = owner;
        ownership->group = group;
    }
}

static void recall_label(int fd, Ownership *ownership)
{
    gsize room = sizeof ownership->label - 1;
    if (fgetxattr(fd, remembered_label, ownership->label, room) <= 0)
        fgetxattr(fd, selinux_attribute, ownership->label, room);
}

gboolean ownership_read(const DirectoryStore *store, int directory_fd, const char *file,
                        Ownership *ownership_out, GError **error)
{
    struct stat status;
    gboolean found = FALSE;
    Ownership ownership;
    ownership_init(&ownership);
    if (directory_fd >= 0 && !entry_find(directory_fd, file, &status, &found, error))
        return FALSE;
    if (found) {
        gboolean is_ours = status.st_uid == ownership.owner && status.st_gid == ownership.group;
        ownership.owner = status.st_uid;
        ownership.group = status.st_gid;
        ownership.mode = status.st_mode & 0660;
        if (store->has_labels || !is_ours) {
            g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
            if (fd < 0)
                return error_set_errno(error, errno, "cannot open '%s'", file);
            recall_owner(fd, &ownership);
            if (store->has_labels)
                recall_label(fd, &ownership);
        }
    }
    *ownership_out = ownership;
    return TRUE;
}

gboolean ownership_apply(int fd, const Ownership *ownership, const char *file, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", file);
    gboolean is_owner = status.st_uid == ownership->owner && status.st_gid == ownership->group;
    if (!is_owner && fchown(fd, ownership->owner, ownership->group) != 0)
        return error_set_errno(error, errno, "cannot set the owner of '%s'", file);
    if ((status.st_mode & 07777) != ownership->mode && fchmod(fd, ownership->mode) != 0)
        return error_set_errno(error, errno, "cannot set the mode of '%s'", file);
    if (ownership->label[0] &&
        fsetxattr(fd, selinux_attribute, ownership->label, strlen(ownership->label) + 1, 0) != 0)
        return error_set_errno(error, errno, "cannot set the label of '%s'", file);
    return TRUE;
}

static gboolean is_libvirt_attribute(const char *name)
{
    return g_str_has_prefix(name, "trusted.libvirt.") || g_str_has_prefix(name, "user.libvirt.") ||
           g_str_has_prefix(name, "security.libvirt.");
}

static gboolean drop_libvirt_attributes(int fd, const char *file, GError **error)
{
    char names[4096];
    gssize length = flistxattr(fd, names, sizeof names);
    if (length < 0 && errno != ENOTSUP && errno != ERANGE)
        return error_set_errno(error, errno, "cannot list the attributes of '%s'", file);
    for (const char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        if (is_libvirt_attribute(name) && fremovexattr(fd, name) != 0 && errno != ENODATA)
            return error_set_errno(error, errno, "cannot remove the attribute '%s' of '%s'", name,
                                   file);
    }
    return TRUE;
}

gboolean file_normalise(int fd, mode_t mode, const char *file, GError **error)
{
    Ownership ownership;
    ownership_init(&ownership);
    ownership.mode = mode;
    return ownership_apply(fd, &ownership, file, error) && drop_libvirt_attributes(fd, file, error);
}

/* --- space ------------------------------------------------------------------------------------ */

guint64 allocated_bytes(const struct stat *status)
{
    return (guint64)status->st_blocks * 512;
}

static guint64 free_bytes(const DirectoryStore *store)
{
    struct statvfs status;
    if (fstatvfs(store->root_fd, &status) != 0)
        return G_MAXUINT64;
    return (guint64)status.f_bavail * status.f_frsize;
}

gboolean space_error(DirectoryStore *store, guint64 needed, const char *what, GError **error)
{
    g_autofree char *needed_text = size_to_text(needed);
    g_autofree char *free_text = size_to_text(free_bytes(store));
    return error_set(error, UNDERPIN_ERROR_NO_SPACE,
                     "free space in the store: remove machines, or shorten the undo retention",
                     "no room for %s: it needs %s, %s are free", what, needed_text, free_text);
}

gboolean space_check(DirectoryStore *store, guint64 needed, const char *what, GError **error)
{
    return free_bytes(store) >= needed || space_error(store, needed, what, error);
}

void space_translate(DirectoryStore *store, guint64 needed, const char *what, GError **error)
{
    if (!error || !*error)
        return;
    gboolean is_space = error_code(*error) == UNDERPIN_ERROR_NO_SPACE ||
                        strstr((*error)->message, "No space left") != NULL ||
                        strstr((*error)->message, "quota exceeded") != NULL;
    if (!is_space)
        return;
    g_clear_error(error);
    space_error(store, needed, what, error);
}

/* --- copying ---------------------------------------------------------------------------------- */

static gboolean copy_failed(const char *what, GError **error)
{
    return error_set_errno(error, errno, "cannot copy %s", what);
}

static gboolean write_fully(int fd, const char *bytes, gsize length, off_t offset)
{
    while (length > 0) {
        gssize written = pwrite(fd, bytes, length, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return FALSE;
        bytes += written;
        offset += written;
        length -= (gsize)written;
    }
    return TRUE;
}

/* Where the kernel cannot copy between the two file systems. Bytes copied, 0 at the end, -1 with
 * errno. */
static gssize copy_through_buffer(int from_fd, int to_fd, off_t offset, gsize length)
{
    g_autofree char *buffer = g_malloc(BUFFER_BYTES);
    gssize count = pread(from_fd, buffer, MIN(length, (gsize)BUFFER_BYTES), offset);
    if (count > 0 && !write_fully(to_fd, buffer, (gsize)count, offset))
        return -1;
    return count;
}

static gssize copy_step(int from_fd, int to_fd, off_t offset, gsize length)
{
    off_t in = offset, out = offset;
    gssize count =
        copy_file_range(from_fd, &in, to_fd, &out, MIN(length, (gsize)COPY_STEP_BYTES), 0);
    gboolean unsupported = count < 0 && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL ||
                                         errno == ENOSYS || errno == EPERM);
    /* Some file systems answer 0 where they mean "not me". */
    return unsupported || count == 0 ? copy_through_buffer(from_fd, to_fd, offset, length) : count;
}

static gboolean copy_extent(int from_fd, int to_fd, off_t begin, off_t end, const char *what,
                            GCancellable *cancellable, GError **error)
{
    while (begin < end) {
        if (cancellable && g_cancellable_is_cancelled(cancellable))
            return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL, "the copy of %s was cancelled",
                             what);
        gssize count = copy_step(from_fd, to_fd, begin, (gsize)(end - begin));
        if (count < 0)
            return copy_failed(what, error);
        if (count == 0)
            return error_set(error, UNDERPIN_ERROR_BACKEND, "see 'dmesg' for errors of the disk",
                             "%s became shorter while it was copied", what);
        begin += count;
    }
    return TRUE;
}

gboolean file_copy(int from_fd, int to_fd, const char *what, GCancellable *cancellable,
                   GError **error)
{
    struct stat status;
    if (fstat(from_fd, &status) != 0)
        return copy_failed(what, error);
    if (ioctl(to_fd, FICLONE, from_fd) == 0)
        return TRUE;
    if (ftruncate(to_fd, status.st_size) != 0)
        return copy_failed(what, error);
    for (off_t position = 0; position < status.st_size;) {
        off_t begin = lseek(from_fd, position, SEEK_DATA);
        if (begin < 0 && errno == ENXIO)
            return TRUE;
        /* Without SEEK_DATA all is data. */
        off_t end = begin < 0 ? status.st_size : lseek(from_fd, begin, SEEK_HOLE);
        begin = begin < 0 ? position : begin;
        end = end < 0 ? status.st_size : end;
        if (!copy_extent(from_fd, to_fd, begin, end, what, cancellable, error))
            return FALSE;
        position = end;
    }
    return TRUE;
}

gboolean file_is_equal(int directory_fd, const char *file, int other_directory_fd,
                       const char *other_file)
{
    gsize length = 0, other_length = 0;
    g_autofree char *bytes =
        file_read_bounded(directory_fd, file, COMPARE_LIMIT_BYTES, &length, NULL);
    g_autofree char *other =
        file_read_bounded(other_directory_fd, other_file, COMPARE_LIMIT_BYTES, &other_length, NULL);
    return bytes && other && length == other_length && memcmp(bytes, other, length) == 0;
}
