/* The lower bound of a rebase: see lower_bound.h. The bytes are those of a real head and a real
 * record. */
#include "lower_bound.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/error.h"
#include "qcow2/overlay.h"

enum { RECORD_BYTES = 640 };
#define CAPACITY_BYTES (64 * 1024 * 1024)

struct LowerBound {
    int root_fd;
    guint count, round;
    char record[RECORD_BYTES];
};

static gboolean write_head(int directory_fd, const char *name)
{
    OverlaySpec spec = {.capacity_bytes = CAPACITY_BYTES,
                        .backing_file = "../../../layers/0123456789abcdef/sealed/vda.qcow2",
                        .backing_format = "qcow2",
                        .identity = "0123456789abcdef/vda/1"};
    int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gboolean ok = fd >= 0 && qcow2_overlay_write(fd, &spec, name, NULL);
    if (fd >= 0)
        close(fd);
    return ok;
}

static gboolean write_record(const LowerBound *bound, int directory_fd)
{
    int fd = openat(directory_fd, "generation.ini", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gboolean ok = fd >= 0 && write(fd, bound->record, RECORD_BYTES) == RECORD_BYTES;
    if (fd >= 0)
        close(fd);
    return ok;
}

static int machine_open(const LowerBound *bound, guint number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%08u", number);
    return openat(bound->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* `linked_from` -1: a data head of its own. */
static gboolean make_generation(const LowerBound *bound, int machine_fd, const char *name,
                                int linked_from)
{
    if (mkdirat(machine_fd, name, 0711) != 0)
        return FALSE;
    int fd = openat(machine_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok = fd >= 0 && write_head(fd, "vda.qcow2") && write_head(fd, "vdb.qcow2") &&
                  (linked_from < 0 ? write_head(fd, "vdc.qcow2")
                                   : linkat(linked_from, "vdc.qcow2", fd, "vdc.qcow2", 0) == 0) &&
                  write_record(bound, fd);
    if (fd >= 0)
        close(fd);
    return ok;
}

static gboolean make_machine(const LowerBound *bound, guint number)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%08u", number);
    if (mkdirat(bound->root_fd, name, 0711) != 0)
        return FALSE;
    int fd = machine_open(bound, number);
    gboolean ok = fd >= 0 && make_generation(bound, fd, "now", -1);
    if (fd >= 0)
        close(fd);
    return ok;
}

static gboolean stage(const LowerBound *bound, int machine_fd)
{
    int now_fd = openat(machine_fd, "now", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok = now_fd >= 0 && make_generation(bound, machine_fd, "next", now_fd);
    if (now_fd >= 0)
        close(now_fd);
    return ok;
}

static gboolean settle(const LowerBound *bound, int machine_fd)
{
    char entry[32];
    (void)snprintf(entry, sizeof entry, "undo-%u", bound->round);
    return renameat2(machine_fd, "next", machine_fd, "now", RENAME_EXCHANGE) == 0 &&
           unlinkat(machine_fd, "next/vdb.qcow2", 0) == 0 &&
           unlinkat(machine_fd, "next/vdc.qcow2", 0) == 0 &&
           renameat(machine_fd, "next", machine_fd, entry) == 0;
}

static gboolean for_all(const LowerBound *bound, gboolean (*step)(const LowerBound *, int))
{
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < bound->count; i++) {
        int fd = machine_open(bound, i);
        ok = fd >= 0 && step(bound, fd);
        if (fd >= 0)
            close(fd);
    }
    return ok;
}

gboolean lower_bound_run(LowerBound *bound, GError **error)
{
    bound->round++;
    gboolean ok = for_all(bound, stage) && syncfs(bound->root_fd) == 0 && for_all(bound, settle) &&
                  syncfs(bound->root_fd) == 0;
    return ok || error_set_errno(error, errno, "the lower bound's loop");
}

LowerBound *lower_bound_new(const char *directory, guint count, GError **error)
{
    g_autoptr(LowerBound) bound = g_new0(LowerBound, 1);
    bound->count = count;
    memset(bound->record, 'x', RECORD_BYTES);
    g_mkdir_with_parents(directory, 0711);
    bound->root_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok = bound->root_fd >= 0;
    for (guint i = 0; ok && i < count; i++)
        ok = make_machine(bound, i);
    sync();
    if (!ok) {
        error_set_errno(error, errno, "making the machines of the lower bound in '%s'", directory);
        return NULL;
    }
    return g_steal_pointer(&bound);
}

void lower_bound_free(LowerBound *bound)
{
    if (!bound)
        return;
    if (bound->root_fd >= 0)
        close(bound->root_fd);
    g_free(bound);
}
