/*
 * Images outside the store: opened below an import directory without following a link, and known by
 * their magic.
 *
 * They are hostile until checked. A name in a header is a door to any file of the host
 * (CVE-2024-32498, CVE-2024-4467 for qcow2, CVE-2022-47951 for VMDK), so qemu-img meets an image
 * only after every name in it has been read here.
 */
#include "storage/directory/store.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "foundation/process.h"
#include "qcow2/header.h"

enum {
    SECTOR_BYTES = 512,
    VMDK_DESCRIPTOR_LIMIT = 1024 * 1024,
    VDI_MAGIC_OFFSET = 0x40,
    VDI_CAPACITY_OFFSET = 0x170,
    FOREIGN_CHAIN_LIMIT = 32,
};

/* --- opening ---------------------------------------------------------------------------------- */

static int open_beneath(int directory_fd, const char *path, guint64 flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve =
                               RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
}

/* What of `path` lies below `directory`: borrowed, NULL where it does not. */
static const char *path_below(const char *path, const char *directory)
{
    gsize length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (strncmp(path, directory, length) != 0 || path[length] != '/')
        return NULL;
    const char *rest = path + length;
    while (*rest == '/')
        rest++;
    return *rest ? rest : NULL;
}

static gboolean refuse_elsewhere(DirectoryStore *store, const char *path, GError **error)
{
    g_autofree char *list = g_strjoinv("', '", store->import_directories);
    g_autofree char *hint = g_strdup_printf(
        "move the image below '%s', or add its directory to import_directories", list);
    return error_set(error, UNDERPIN_ERROR_REFUSED, hint, "'%s' lies in no import directory", path);
}

/* The import directory that `path` lies in, opened; links on the way to it are the administrator's
 * own. */
static gboolean import_directory_open(DirectoryStore *store, const char *path, int *fd_out,
                                      const char **rest_out, GError **error)
{
    for (char **directory = store->import_directories; *directory; directory++) {
        g_autofree char *canonical = realpath(*directory, NULL);
        const char *rest = path_below(path, *directory);
        if (!rest && canonical)
            rest = path_below(path, canonical);
        if (!rest)
            continue;
        int fd = open(*directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return error_set_errno(error, errno, "cannot open the import directory '%s'",
                                   *directory);
        *fd_out = fd;
        *rest_out = rest;
        return TRUE;
    }
    return refuse_elsewhere(store, path, error);
}

static gboolean open_failed(const char *path, int errno_value, GError **error)
{
    if (errno_value == ELOOP || errno_value == EXDEV)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "name the file itself, without links",
                         "'%s' leads through a symbolic link", path);
    return error_set_errno(error, errno_value, "cannot open '%s'", path);
}

char *foreign_canonical_path(int fd, GError **error)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autoptr(GError) reason = NULL;
    char *path = g_file_read_link(link, &reason);
    if (!path)
        error_set(error, UNDERPIN_ERROR_BACKEND, "is /proc mounted?",
                  "cannot find the path of an open file: %s", reason->message);
    return path;
}

static gboolean refuse_own(const DirectoryStore *store, int fd, const char *path, GError **error)
{
    g_autofree char *canonical = foreign_canonical_path(fd, error);
    if (!canonical)
        return FALSE;
    if (strcmp(canonical, store->root) != 0 && !path_below(canonical, store->root))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_REFUSED,
                     "clone or export the machine that it belongs to",
                     "'%s' lies in the store itself", path);
}

gboolean foreign_open_directory(DirectoryStore *store, const char *path, int *directory_out,
                                const char **name_out, GError **error)
{
    g_auto(Descriptor) import_fd = -1;
    const char *rest = NULL;
    if (!path || path[0] != '/')
        return error_set(error, UNDERPIN_ERROR_REFUSED, "give the whole path",
                         "'%s' is not an absolute path", path ? path : "");
    if (!import_directory_open(store, path, &import_fd, &rest, error))
        return FALSE;
    g_autofree char *directory = g_path_get_dirname(rest);
    const char *slash = strrchr(rest, '/');
    const char *name = slash ? slash + 1 : rest;
    g_auto(Descriptor) fd = open_beneath(import_fd, directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return open_failed(path, errno, error);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' does not name a file", path);
    if (!refuse_own(store, fd, path, error))
        return FALSE;
    *directory_out = descriptor_steal(&fd);
    *name_out = name;
    return TRUE;
}

gboolean foreign_open(DirectoryStore *store, const char *path, int *fd_out, GError **error)
{
    g_auto(Descriptor) directory_fd = -1;
    const char *name = NULL;
    struct stat status;
    if (!foreign_open_directory(store, path, &directory_fd, &name, error))
        return FALSE;
    g_auto(Descriptor) fd = open_beneath(directory_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0)
        return open_failed(path, errno, error);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return error_set(error, UNDERPIN_ERROR_INVALID, "name an image file",
                         "'%s' is neither a file nor a block device", path);
    *fd_out = descriptor_steal(&fd);
    return TRUE;
}

/* --- formats by magic ------------------------------------------------------------------------- */

typedef struct {
    const char *format;
    off_t offset;
    const char *magic;
    gsize length;
} Magic;

static const Magic magics[] = {
    {"qcow2", 0, "QFI\xfb", 4},
    {"vmdk", 0, "KDMV", 4},
    {"vhdx", 0, "vhdxfile", 8},
    {"vdi", VDI_MAGIC_OFFSET, "\x7f\x10\xda\xbe", 4},
};

const char *foreign_format(int fd)
{
    char bytes[8];
    for (gsize i = 0; i < G_N_ELEMENTS(magics); i++) {
        const Magic *magic = &magics[i];
        if (pread(fd, bytes, magic->length, magic->offset) == (gssize)magic->length &&
            memcmp(bytes, magic->magic, magic->length) == 0)
            return magic->format;
    }
    return NULL;
}

/* --- capacities ------------------------------------------------------------------------------- */

static gboolean damaged(const char *path, const char *format, const char *why, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "convert it to qcow2 with the program that made it",
                     "'%s' is no sound %s image: %s", path, format, why);
}

static gboolean read_little_endian(int fd, off_t offset, guint64 *value_out)
{
    guint64 bytes = 0;
    if (pread(fd, &bytes, sizeof bytes, offset) != (gssize)sizeof bytes)
        return FALSE;
    *value_out = le64toh(bytes);
    return TRUE;
}

static gboolean raw_capacity(int fd, const char *path, guint64 *bytes_out, GError **error)
{
    struct stat status;
    guint64 size = 0;
    gboolean known = fstat(fd, &status) == 0;
    if (known && S_ISBLK(status.st_mode))
        known = ioctl(fd, BLKGETSIZE64, &size) == 0;
    else if (known)
        size = (guint64)status.st_size;
    if (!known)
        return error_set_errno(error, errno, "cannot find the size of '%s'", path);
    *bytes_out = size;
    return TRUE;
}

static gboolean vdi_capacity(int fd, const char *path, guint64 *bytes_out, GError **error)
{
    return read_little_endian(fd, VDI_CAPACITY_OFFSET, bytes_out) ||
           damaged(path, "VDI", "the header is cut", error);
}

/* The value of `key` in a VMDK descriptor; quotes are stripped. Caller frees; NULL: not there. */
static char *descriptor_value(char *const *lines, const char *key)
{
    for (char *const *line = lines; *line; line++) {
        const char *equals = strchr(*line, '=');
        g_autofree char *name = equals ? g_strndup(*line, (gsize)(equals - *line)) : NULL;
        if (!name || g_ascii_strcasecmp(g_strstrip(name), key) != 0)
            continue;
        char *value = g_strstrip(g_strdup(equals + 1));
        g_strdelimit(value, "\"", ' ');
        return g_strstrip(value);
    }
    return NULL;
}

/* QEMU opens what the embedded descriptor names as parent or extent: only images that name nothing
 * pass. */
static gboolean vmdk_check_descriptor(const char *text, const char *path, GError **error)
{
    static const char *const kinds[] = {"monolithicSparse", "streamOptimized", NULL};
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    g_autofree char *kind = descriptor_value(lines, "createType");
    g_autofree char *parent = descriptor_value(lines, "parentCID");
    g_autofree char *hint = descriptor_value(lines, "parentFileNameHint");
    if (!kind || !g_strv_contains(kinds, kind))
        return damaged(path, "VMDK", "only self-contained ones can be imported", error);
    if (hint || (parent && g_ascii_strcasecmp(parent, "ffffffff") != 0))
        return damaged(path, "VMDK", "it needs a parent image", error);
    return TRUE;
}

static gboolean vmdk_capacity(int fd, const char *path, guint64 *bytes_out, GError **error)
{
    guint64 sectors = 0, offset = 0, length = 0;
    if (!read_little_endian(fd, 12, &sectors) || !read_little_endian(fd, 28, &offset) ||
        !read_little_endian(fd, 36, &length))
        return damaged(path, "VMDK", "the header is cut", error);
    if (sectors == 0 || sectors > G_MAXINT64 / SECTOR_BYTES || offset == 0 || length == 0 ||
        length > VMDK_DESCRIPTOR_LIMIT / SECTOR_BYTES || offset > G_MAXINT32)
        return damaged(path, "VMDK", "only self-contained ones can be imported", error);
    gsize bytes = (gsize)length * SECTOR_BYTES;
    g_autofree char *text = g_malloc0(bytes + 1);
    if (pread(fd, text, bytes, (off_t)offset * SECTOR_BYTES) != (gssize)bytes)
        return damaged(path, "VMDK", "the descriptor is cut", error);
    if (!vmdk_check_descriptor(text, path, error))
        return FALSE;
    *bytes_out = sectors * SECTOR_BYTES;
    return TRUE;
}

/* VHDX hides its size behind two tables; it has no names that QEMU would follow, so QEMU may look.
 */
static gboolean vhdx_capacity(int fd, const char *path, guint64 *bytes_out, GError **error)
{
    static const char key[] = "\"virtual-size\":";
    g_autofree char *link = g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), fd);
    const char *const argv[] = {"qemu-img", "info", "-f", "vhdx", "--output=json", link, NULL};
    g_autofree char *output = NULL;
    if (!process_run(argv, NULL, &output, error))
        return FALSE;
    const char *found = strstr(output, key);
    guint64 bytes = found ? g_ascii_strtoull(found + strlen(key), NULL, 10) : 0;
    if (bytes == 0)
        return damaged(path, "VHDX", "it names no size", error);
    *bytes_out = bytes;
    return TRUE;
}

typedef struct {
    const char *format;
    gboolean (*capacity)(int fd, const char *path, guint64 *bytes_out, GError **error);
} CapacityRow;

static const CapacityRow capacity_rows[] = {
    {"raw", raw_capacity},
    {"vmdk", vmdk_capacity},
    {"vdi", vdi_capacity},
    {"vhdx", vhdx_capacity},
};

gboolean foreign_capacity(int fd, const char *path, const char *format, guint64 *bytes_out,
                          GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(capacity_rows); i++)
        if (g_strcmp0(format, capacity_rows[i].format) == 0)
            return capacity_rows[i].capacity(fd, path, bytes_out, error);
    return error_set(error, UNDERPIN_ERROR_UNSUPPORTED, "convert it to qcow2 first",
                     "'%s' has the unknown format '%s'", path, format ? format : "");
}

/* --- chains ----------------------------------------------------------------------------------- */

static gboolean refuse_chain(const char *path, const char *why, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_REFUSED,
                     "rewrite the chain with 'qemu-img convert' where it was made",
                     "'%s' cannot be converted: %s", path, why);
}

/* What must be true of one qcow2 image; *backing_out: absolute path of the next, NULL at the end.
 */
static gboolean chain_link_check(int fd, const char *path, char **backing_out, char **format_out,
                                 GError **error)
{
    g_auto(Qcow2Header) header = {0};
    if (!qcow2_header_read(fd, path, &header, error))
        return FALSE;
    if (header.has_data_file || header.is_encrypted)
        return refuse_chain(path, header.is_encrypted ? "it is encrypted" : "it has a data file",
                            error);
    if (!header.backing_file)
        return TRUE;
    const char *colon = strchr(header.backing_file, ':');
    const char *slash = strchr(header.backing_file, '/');
    if (colon && (!slash || colon < slash))
        return refuse_chain(path, "its backing file is no plain path", error);
    if (!header.backing_format)
        return refuse_chain(path, "it does not name the format of its backing file", error);
    g_autofree char *directory = g_path_get_dirname(path);
    *backing_out = g_path_is_absolute(header.backing_file)
                       ? g_strdup(header.backing_file)
                       : g_build_filename(directory, header.backing_file, NULL);
    *format_out = g_strdup(header.backing_format);
    return TRUE;
}

gboolean foreign_check_chain(DirectoryStore *store, const char *path, const char *format,
                             GError **error)
{
    g_autofree char *next = g_strdup(path);
    g_autofree char *next_format = g_strdup(format);
    for (guint depth = 0; next && depth < FOREIGN_CHAIN_LIMIT; depth++) {
        g_auto(Descriptor) fd = -1;
        g_autofree char *backing = NULL, *backing_format = NULL;
        guint64 capacity = 0;
        if (!foreign_open(store, next, &fd, error))
            return FALSE;
        gboolean is_sound = g_strcmp0(next_format, "qcow2") == 0
                                ? chain_link_check(fd, next, &backing, &backing_format, error)
                                : foreign_capacity(fd, next, next_format, &capacity, error);
        if (!is_sound)
            return FALSE;
        g_free(next);
        g_free(next_format);
        next = g_steal_pointer(&backing);
        next_format = g_steal_pointer(&backing_format);
    }
    return !next || refuse_chain(path, "its chain is too long", error);
}
