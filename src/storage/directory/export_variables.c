/*
 * The way back of the UEFI variables. Import copies them and leaves the file; the guest has changed
 * the copy since.
 *
 *     now/nvram.fd ──copy──▶ DIR/.NAME.underpin-export ──sync, rename──▶ DIR/NAME ──sync──▶
 * now/nvram.fd goes
 *
 *   V1  What lies there is replaced after the commit alone, and before the domain names it again:
 * until then nothing can start on it. V2  The copy in `now` goes last. Where it is gone it has been
 * given back, and what a guest has written since is not replaced by what is older.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "storage/directory/store.h"

/* One file of variables on its way out. */
typedef struct {
    DirectoryStore *store;
    const Machine *machine;
    char *path; /* where it goes */
    const char *name;
    Descriptor now_fd;       /* -1: there is nothing to give back */
    Descriptor directory_fd; /* of `path` */
} Variables;

static void variables_clear(Variables *work)
{
    g_clear_pointer(&work->path, g_free);
    descriptor_close(&work->now_fd);
    descriptor_close(&work->directory_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Variables, variables_clear)

static char *original_path(const Machine *machine)
{
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    char *path = g_strdup(json_string_value(json_object_get(origin, "nvram")));
    json_decref(origin);
    return path;
}

/* *work_out says in now_fd whether there is anything to do. */
static gboolean variables_open(DirectoryStore *store, const Machine *machine, Variables *work_out,
                               GError **error)
{
    g_auto(Variables) work = {.store = store,
                              .machine = machine,
                              .path = original_path(machine),
                              .now_fd = -1,
                              .directory_fd = -1};
    g_auto(Descriptor) machine_fd = -1;
    gboolean found = FALSE;
    if (work.path &&
        (!machine_directory_find(store, machine->id, &machine_fd, error) ||
         (machine_fd >= 0 && !directory_find(machine_fd, NAME_NOW, &work.now_fd, error)) ||
         (work.now_fd >= 0 && !entry_find(work.now_fd, NAME_NVRAM, NULL, &found, error))))
        return FALSE;
    if (!found)
        descriptor_close(&work.now_fd);
    if (found && !foreign_open_directory(store, work.path, &work.directory_fd, &work.name, error))
        return FALSE;
    *work_out = work;
    work = (Variables){.now_fd = -1, .directory_fd = -1};
    return TRUE;
}

static gboolean check_unused(const Variables *work, GError **error)
{
    gboolean locked = FALSE;
    g_auto(Descriptor) fd =
        openat(work->directory_fd, work->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return TRUE;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open '%s'", work->path);
    if (!image_is_locked(fd, work->path, &locked, error))
        return FALSE;
    return !locked || error_set(error, UNDERPIN_ERROR_BUSY,
                                "stop the guest that has it open, then export again",
                                "'%s', where the UEFI variables of '%s' go back to, is in use",
                                work->path, work->machine->name);
}

gboolean export_variables_check(DirectoryStore *store, const Machine *machine, GError **error)
{
    g_auto(Variables) work = {.now_fd = -1, .directory_fd = -1};
    return variables_open(store, machine, &work, error) &&
           (work.now_fd < 0 || check_unused(&work, error));
}

static gboolean write_copy(const Variables *work, const char *temporary, GError **error)
{
    Ownership ownership;
    g_auto(Descriptor) from_fd =
        openat(work->now_fd, NAME_NVRAM, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    g_auto(Descriptor) fd =
        openat(work->directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
               MODE_HEAD);
    if (from_fd < 0 || fd < 0)
        return error_set_errno(error, errno, "cannot copy the UEFI variables to '%s'", work->path);
    return ownership_read(work->store, work->directory_fd, work->name, &ownership, error) &&
           ownership_apply(fd, &ownership, work->path, error) &&
           file_copy(from_fd, fd, work->path, NULL, error) &&
           durable_file_sync(fd, work->path, error);
}

static gboolean replace(const Variables *work, GError **error)
{
    g_autofree char *temporary = g_strdup_printf(".%s.underpin-export", work->name);
    gboolean ok = write_copy(work, temporary, error) && fault_point(FAULT_EXPORT_LINK, error) &&
                  (renameat(work->directory_fd, temporary, work->directory_fd, work->name) == 0 ||
                   error_set_errno(error, errno, "cannot replace '%s'", work->path));
    if (!ok)
        (void)entry_unlink(work->directory_fd, temporary, NULL);
    return ok;
}

gboolean directory_export_finish(Storage *storage, const Machine *machine, GError **error)
{
    g_auto(Variables) work = {.now_fd = -1, .directory_fd = -1};
    if (!variables_open(directory_store(storage), machine, &work, error))
        return FALSE;
    if (work.now_fd < 0)
        return TRUE;
    return (file_is_equal(work.now_fd, NAME_NVRAM, work.directory_fd, work.name) ||
            replace(&work, error)) &&
           durable_file_sync(work.directory_fd, work.path, error) &&
           fault_point(FAULT_EXPORT_LINK, error) && entry_unlink(work.now_fd, NAME_NVRAM, error) &&
           durable_file_sync(work.now_fd, NAME_NOW, error);
}
