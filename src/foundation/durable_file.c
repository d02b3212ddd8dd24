/*
 * Implements replacing and reading of small files.
 *
 * The order that makes a replacement safe, assuming nothing but an atomic rename:
 *
 *     write temporary -> fsync temporary -> rename over the name -> fsync directory
 *
 * Without the first fsync the renamed file can come back zero-filled after a power loss. After a
 * failed fsync the kernel may have dropped the dirty pages, so the file is given up, not retried.
 */
#include "foundation/durable_file.h"

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP_BYTES = 64 * 1024 };

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
typedef int Descriptor;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Descriptor, close_descriptor)

static gboolean sync_descriptor(FaultPoint point, int fd, const char *what, GError **error)
{
    if (!fault_point(point, error))
        return FALSE;
    if (fsync(fd) != 0)
        return error_set_errno(error, errno, "cannot sync '%s' to the disk", what);
    return TRUE;
}

gboolean durable_file_sync(int fd, const char *what, GError **error)
{
    return sync_descriptor(FAULT_FILE_SYNC, fd, what, error);
}

gboolean durable_data_sync(int fd, const char *what, GError **error)
{
    if (!fault_point(FAULT_FILE_SYNC, error))
        return FALSE;
    return fdatasync(fd) == 0 ||
           error_set_errno(error, errno, "cannot sync '%s' to the disk", what);
}

gboolean durable_directory_sync(int directory_fd, const char *path, GError **error)
{
    g_auto(Descriptor) fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the directory '%s'", path);
    return sync_descriptor(FAULT_DIRECTORY_SYNC, fd, path, error);
}

static gboolean write_all(int fd, const void *bytes, gsize length, const char *name, GError **error)
{
    const guint8 *next = bytes;
    if (!fault_point(FAULT_FILE_WRITE, error))
        return FALSE;
    while (length > 0) {
        gssize written = write(fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_errno(error, errno, "cannot write '%s'", name);
        next += written;
        length -= (gsize)written;
    }
    return TRUE;
}

/* The mode is set by descriptor, because the one given to openat() passes the process's umask. */
static gboolean write_temporary(int directory_fd, const char *temporary, const char *name,
                                const void *bytes, gsize length, guint32 mode, GError **error)
{
    g_auto(Descriptor) fd =
        openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create a new version of '%s'", name);
    if (fchmod(fd, mode) != 0)
        return error_set_errno(error, errno, "cannot set the mode of '%s'", name);
    return write_all(fd, bytes, length, name, error) &&
           sync_descriptor(FAULT_FILE_SYNC, fd, name, error);
}

static gboolean rename_over(int directory_fd, const char *temporary, const char *name,
                            GError **error)
{
    if (!fault_point(FAULT_FILE_RENAME, error))
        return FALSE;
    if (renameat(directory_fd, temporary, directory_fd, name) != 0)
        return error_set_errno(error, errno, "cannot replace '%s'", name);
    return TRUE;
}

char *durable_file_temporary(const char *name)
{
    return g_strdup_printf(".%s.new", name);
}

gboolean durable_file_replace(int directory_fd, const char *name, const void *bytes, gsize length,
                              guint32 mode, GError **error)
{
    g_autofree char *temporary = durable_file_temporary(name);
    if (unlinkat(directory_fd, temporary, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove the old '%s'", temporary);
    if (!write_temporary(directory_fd, temporary, name, bytes, length, mode, error) ||
        !rename_over(directory_fd, temporary, name, error)) {
        unlinkat(directory_fd, temporary, 0);
        return FALSE;
    }
    return durable_directory_sync(directory_fd, ".", error);
}

/* O_NONBLOCK: a pipe put in the file's place must not make us wait for its writer. */
static int open_regular(int directory_fd, const char *name, GError **error)
{
    static const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    g_auto(Descriptor) fd = openat(directory_fd, name, flags);
    if (fd < 0 && errno == ELOOP)
        error_set(error, UNDERPIN_ERROR_INVALID, "put a regular file in its place",
                  "'%s' is a symbolic link", name);
    else if (fd < 0)
        error_set_errno(error, errno, "cannot open '%s'", name);
    if (fd < 0)
        return -1;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        error_set_errno(error, errno, "cannot look at '%s'", name);
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "put a regular file in its place",
                  "'%s' is not a regular file", name);
        return -1;
    }
    int result = fd;
    fd = -1;
    return result;
}

/* Appends up to `length` bytes; 0 at the end of the file, -1 on error. */
static gssize read_step(int fd, GByteArray *content, gsize length, const char *name, GError **error)
{
    guint before = content->len;
    g_byte_array_set_size(content, before + (guint)length);
    gssize count = -1;
    do {
        count = read(fd, content->data + before, length);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        error_set_errno(error, errno, "cannot read '%s'", name);
    g_byte_array_set_size(content, before + (guint)MAX(count, 0));
    return count;
}

/* Reads to the end instead of trusting the size, which is 0 in /proc and may change meanwhile. */
char *file_read_bounded(int directory_fd, const char *name, gsize limit, gsize *length_out,
                        GError **error)
{
    g_return_val_if_fail(limit < G_MAXUINT / 2, NULL);
    g_auto(Descriptor) fd = open_regular(directory_fd, name, error);
    if (fd < 0)
        return NULL;
    g_autoptr(GByteArray) content = g_byte_array_new();
    gssize count = 0;
    do {
        gsize step = MIN(limit + 1 - content->len, READ_STEP_BYTES);
        count = read_step(fd, content, step, name, error);
        if (count < 0)
            return NULL;
    } while (count > 0 && content->len <= limit);
    if (content->len > limit) {
        error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is larger than %zu bytes", name,
                  limit);
        return NULL;
    }
    if (length_out != NULL)
        *length_out = content->len;
    g_byte_array_append(content, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&content), FALSE);
}
