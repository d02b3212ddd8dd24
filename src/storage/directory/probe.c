/*
 * What an image outside the store is, before import touches it: proven by our own parser, never
 * guessed as raw.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "qcow2/header.h"

/* --- one image -------------------------------------------------------------------------------- */

static gboolean probe_qcow2(int fd, const char *path, ImageFacts *facts, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    if (!qcow2_header_read(fd, path, &header, error))
        return FALSE;
    /* A running guest changes its tables while they are read, and another file's say nothing here.
     */
    if (!facts->locked && !header.has_data_file && !qcow2_check_tables(fd, &header, path, error))
        return FALSE;
    facts->capacity_bytes = header.capacity_bytes;
    facts->encrypted = header.is_encrypted;
    facts->has_snapshots = header.snapshot_count > 0;
    facts->has_bitmaps = header.bitmap_count > 0;
    facts->dirty = header.is_dirty;
    facts->backing = g_steal_pointer(&header.backing_file);
    if (header.has_data_file)
        facts->data_file = header.data_file ? g_steal_pointer(&header.data_file) : g_strdup("");
    return TRUE;
}

static gboolean choose_format(int fd, const char *path, const char *stated, const char **format_out,
                              GError **error)
{
    const char *proven = foreign_format(fd);
    gboolean is_raw = g_strcmp0(stated, "raw") == 0;
    if (!stated && !proven)
        return error_set(error, UNDERPIN_ERROR_REFUSED,
                         "say 'format=raw' if that is what it is; it is never guessed",
                         "'%s' is no image of a known format", path);
    if (stated && !is_raw && g_strcmp0(stated, proven) != 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, "leave the format out to have it proven",
                         "'%s' is %s, not %s", path, proven ? proven : "of no known format",
                         stated);
    *format_out = is_raw ? "raw" : proven;
    return TRUE;
}

static void facts_from_status(const DirectoryStore *store, ImageFacts *facts,
                              const struct stat *status)
{
    facts->size_bytes = (guint64)status->st_size;
    facts->allocated_bytes = allocated_bytes(status);
    facts->device = status->st_dev;
    facts->inode = status->st_ino;
    facts->link_count = (guint32)status->st_nlink;
    facts->is_block_device = S_ISBLK(status->st_mode);
    facts->same_file_system = !facts->is_block_device && status->st_dev == store->device;
}

gboolean directory_probe_image(Storage *storage, const char *path, const char *format,
                               ImageFacts *facts_out, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) fd = -1;
    g_auto(ImageFacts) facts = {0};
    const char *proven = NULL;
    struct stat status;
    if (!foreign_open(store, path, &fd, error) ||
        !(facts.canonical_path = foreign_canonical_path(fd, error)))
        return FALSE;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", path);
    facts_from_status(store, &facts, &status);
    if ((!facts.is_block_device && !image_is_locked(fd, path, &facts.locked, error)) ||
        !choose_format(fd, path, format, &proven, error))
        return FALSE;
    facts.format = g_strdup(proven);
    gboolean ok = strcmp(proven, "qcow2") == 0
                      ? probe_qcow2(fd, path, &facts, error)
                      : foreign_capacity(fd, path, proven, &facts.capacity_bytes, error);
    if (!ok)
        return FALSE;
    if (facts.backing)
        (void)foreign_check_chain(store, facts.canonical_path, proven, &facts.chain_problem);
    *facts_out = facts;
    facts = (ImageFacts){0};
    return TRUE;
}

gboolean directory_is_file(Storage *storage, const char *path, guint64 device, guint64 inode)
{
    struct stat status;
    (void)storage;
    return stat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* --- whether another image sits on it --------------------------------------------------------- */

/* A backing name that is no plain path may still hold one: then the file's own name in it is enough
 * to say yes. */
static gboolean names_file(int directory_fd, const char *backing, const struct stat *wanted,
                           const char *wanted_name)
{
    struct stat status;
    const char *plain = g_str_has_prefix(backing, "file:") ? backing + strlen("file:") : backing;
    if (fstatat(directory_fd, plain, &status, 0) == 0)
        return entry_is_same(&status, wanted);
    return strchr(backing, ':') != NULL && strstr(backing, wanted_name) != NULL;
}

static gboolean sits_on(int directory_fd, const char *file, const struct stat *wanted,
                        const char *wanted_name)
{
    struct stat status;
    g_auto(Qcow2Header) header = {0};
    g_auto(Descriptor) fd =
        openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || !qcow2_has_magic(fd) ||
        !qcow2_header_read(fd, file, &header, NULL))
        return FALSE;
    return (header.backing_file &&
            names_file(directory_fd, header.backing_file, wanted, wanted_name)) ||
           (header.data_file && names_file(directory_fd, header.data_file, wanted, wanted_name));
}

/* Name of an image in the directory that sits on the file; NULL: none. Caller frees. */
static char *find_user(int directory_fd, const struct stat *wanted, const char *wanted_name,
                       GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(directory_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (sits_on(directory_fd, name, wanted, wanted_name))
            return g_strdup(name);
    }
    return NULL;
}

gboolean directory_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                      GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) directory_fd = -1;
    g_auto(Descriptor) fd = -1;
    const char *name = NULL;
    struct stat wanted;
    if (!foreign_open(store, path, &fd, error) ||
        !foreign_open_directory(store, path, &directory_fd, &name, error))
        return FALSE;
    if (fstat(fd, &wanted) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", path);
    g_autoptr(GError) reason = NULL;
    g_autofree char *by = find_user(directory_fd, &wanted, name, &reason);
    for (char **import = store->import_directories; !by && !reason && *import; import++) {
        g_auto(Descriptor) import_fd = open(*import, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (import_fd >= 0)
            by = find_user(import_fd, &wanted, name, &reason);
    }
    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    *by_out = g_steal_pointer(&by);
    return TRUE;
}
