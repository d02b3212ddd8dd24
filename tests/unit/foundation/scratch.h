/* A private directory for one test, removed with all that is in it. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
    char *path;
    int fd;
} Scratch;

static inline int scratch_remove_one(const char *path, const struct stat *status G_GNUC_UNUSED,
                                     int kind G_GNUC_UNUSED, struct FTW *where G_GNUC_UNUSED)
{
    return remove(path);
}

static inline void scratch_init(Scratch *scratch)
{
    g_autoptr(GError) error = NULL;
    scratch->path = g_dir_make_tmp("underpin-test-XXXXXX", &error);
    if (scratch->path == NULL)
        g_error("no scratch directory: %s", error->message);
    scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert(scratch->fd >= 0);
}

static inline void scratch_clear(Scratch *scratch)
{
    close(scratch->fd);
    nftw(scratch->path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    g_clear_pointer(&scratch->path, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scratch, scratch_clear)

/* The path of `name` in the directory. Caller frees. */
static inline char *scratch_path(const Scratch *scratch, const char *name)
{
    return g_build_filename(scratch->path, name, NULL);
}
