/* Implements copying and looking at directory trees. */
#include "tree.h"

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
    gboolean immutable = fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
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

gboolean tree_copy(const char *from, const char *to, GError **error)
{
    const char *argv[] = {"cp", "-a", "--sparse=always", "-T", from, to, NULL};
    world_erase(to);
    if (!process_run(argv, NULL, NULL, error))
        return FALSE;
    walked.from = from;
    walked.to = to;
    return nftw(from, copy_flag, OPEN_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0;
}

/* A head on its way has another name as well, or is not yet anybody's. */
static gboolean is_data_file(const char *path, const char *name)
{
    return strstr(name, "vdc") && !strstr(path, "/next/") && !strstr(path, "/layers/");
}

static int note_data_file(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    if (kind != FTW_F || !is_data_file(path, path + walk->base))
        return 0;
    DataFile *file = g_new0(DataFile, 1);
    file->inode = status->st_ino;
    file->size_bytes = (guint64)status->st_size;
    file->mtime_ns = (gint64)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
    g_hash_table_insert(walked.files, g_strdup(path + strlen(walked.from) + 1), file);
    return 0;
}

GHashTable *tree_data_files(const char *directory)
{
    walked.from = directory;
    walked.files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    (void)nftw(directory, note_data_file, OPEN_DESCRIPTORS, FTW_PHYS);
    return walked.files;
}
