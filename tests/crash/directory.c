/* Implements copying and looking at directory trees. */
#include "directory.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/process.h"
#include "support/world.h"

#define OPEN_DESCRIPTORS 16

/* What a walk works on: nftw() hands nothing through. */
static struct {
    const char *from, *to;
    GHashTable *files;
} walked;

static void set_immutable(const char *path)
{
    int flags = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_IMMUTABLE_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (fd >= 0)
        close(fd);
}

static gboolean is_immutable(const char *path)
{
    int flags = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gboolean immutable =
        fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
    if (fd >= 0)
        close(fd);
    return immutable;
}

static int copy_flag(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    if ((kind == FTW_F || kind == FTW_DP) && is_immutable(path)) {
        g_autofree char *copy = g_strconcat(walked.to, path + strlen(walked.from), NULL);
        set_immutable(copy);
    }
    return 0;
}

gboolean directory_copy(const char *from, const char *to, GError **error)
{
    const char *argv[] = {"cp", "-a", "--sparse=always", "-T", from, to, NULL};
    world_erase(to);
    if (!process_run(argv, NULL, NULL, error))
        return FALSE;
    walked.from = from;
    walked.to = to;
    return nftw(from, copy_flag, OPEN_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0;
}

typedef struct {
    guint64 inode, size_bytes;
    gint64 mtime_ns;
} DataFile;

static int note_file(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    if (kind != FTW_F)
        return 0;
    DataFile *file = g_new0(DataFile, 1);
    file->inode = status->st_ino;
    file->size_bytes = (guint64)status->st_size;
    file->mtime_ns = (gint64)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
    g_hash_table_insert(walked.files, g_strdup(path + strlen(walked.from)), file);
    return 0;
}

static GHashTable *all_files(const char *directory)
{
    walked.from = directory;
    walked.files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    (void)nftw(directory, note_file, OPEN_DESCRIPTORS, FTW_PHYS);
    return walked.files;
}

static gboolean is_no_data(gpointer path, gpointer file, gpointer data)
{
    const char *name = strrchr(path, '/');
    return !strstr(name, "vdc") || strstr(path, "/next/") || strstr(path, "/layers/");
}

GHashTable *directory_data_files(const char *directory)
{
    GHashTable *files = all_files(directory);
    g_hash_table_foreach_remove(files, is_no_data, NULL);
    return files;
}

static gboolean is_same(const DataFile *one, const DataFile *other)
{
    return one->inode == other->inode && one->size_bytes == other->size_bytes &&
           one->mtime_ns == other->mtime_ns;
}

static gboolean is_anywhere(GHashTable *files, const DataFile *wanted)
{
    GHashTableIter iter;
    gpointer file;
    g_hash_table_iter_init(&iter, files);
    while (g_hash_table_iter_next(&iter, NULL, &file))
        if (is_same(file, wanted))
            return TRUE;
    return FALSE;
}

char *directory_compare_data(const char *directory, GHashTable *before, gboolean may_move)
{
    g_autoptr(GHashTable) now = all_files(directory);
    GHashTableIter iter;
    gpointer path, file;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &path, &file)) {
        const DataFile *same_name = g_hash_table_lookup(now, path);
        if ((same_name && is_same(same_name, file)) || (may_move && is_anywhere(now, file)))
            continue;
        return g_strdup_printf("data file '%s' %s", (char *)path,
                               same_name ? "was changed" : "is gone");
    }
    return NULL;
}
