/*
 * The two ends of a machine's time in the store: import takes the original names away, export gives
 * them back.
 *
 * A head keeps its inode through both, so nothing is copied where the file system is the same.
 * Import removes an original name last, after the switch is on disk, and only when it leads to the
 * very file that lies in `now`.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "foundation/durable_file.h"

static const char export_attribute[] = "user.underpin.export";
/* "UID:GID:MODE" as import found them. Only root can write it: export believes it. */
static const char owner_attribute[] = "trusted.underpin.owner";

/* The machine's heads in `now`, open, and their generation (*owned_out where the record did not
 * have it). */
static const Generation *open_now(DirectoryStore *store, const Machine *machine,
                                  int *machine_fd_out, int *now_fd_out, Generation **owned_out,
                                  GError **error)
{
    guint64 number = 0;
    if (!machine_directory_require(store, machine->id, machine_fd_out, error) ||
        !directory_require(*machine_fd_out, NAME_NOW, now_fd_out, error) ||
        !generation_number_at(*now_fd_out, &number, error))
        return NULL;
    return generation_lookup(machine, *now_fd_out, number, owned_out, error);
}

/* --- import ----------------------------------------------------------------------------------- */

/* Missing: it was done before. Another file: it is not ours to touch. */
static gboolean drop_original(DirectoryStore *store, const Head *head, int now_fd, const char *file,
                              GError **error)
{
    g_auto(Descriptor) directory_fd = -1;
    const char *name = NULL;
    struct stat original, current;
    gboolean found = FALSE, found_original = FALSE;
    g_autoptr(GError) reason = NULL;
    if (!foreign_open_directory(store, head->source_path, &directory_fd, &name, &reason)) {
        if (error_code(reason) == UNDERPIN_ERROR_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    if (!entry_find(now_fd, file, &current, &found, error) ||
        !entry_find(directory_fd, name, &original, &found_original, error))
        return FALSE;
    if (!found || !found_original || !entry_is_same(&original, &current))
        return TRUE;
    return fault_point(FAULT_ADOPT_UNLINK, error) && entry_unlink(directory_fd, name, error) &&
           durable_file_sync(directory_fd, head->source_path, error);
}

/* For export. What a repeated import finds is ours, and not remembered; some file systems cannot.
 */
static gboolean remember_owner(int fd, const char *file, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", file);
    g_autofree char *text =
        g_strdup_printf("%u:%u:%o", status.st_uid, status.st_gid, status.st_mode & 0777);
    if (fsetxattr(fd, owner_attribute, text, strlen(text), XATTR_CREATE) == 0 || errno == EEXIST ||
        errno == ENOTSUP || errno == EPERM)
        return TRUE;
    return error_set_errno(error, errno, "cannot note the owner of '%s'", file);
}

static gboolean adopt_head(DirectoryStore *store, const Head *head, int now_fd, GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    if (!file)
        return FALSE;
    g_auto(Descriptor) fd = openat(now_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open volume '%s'", head->target);
    return remember_owner(fd, file, error) && file_normalise(fd, MODE_HEAD, file, error) &&
           drop_original(store, head, now_fd, file, error);
}

gboolean directory_adopt_finish(Storage *storage, const Machine *machine, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) now_fd = -1;
    g_autoptr(Generation) owned = NULL;
    const Generation *generation = open_now(store, machine, &machine_fd, &now_fd, &owned, error);
    if (!generation || !switched_sync(store, machine->id, machine_fd, error))
        return FALSE;
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        if (head->source == HEAD_ADOPT && !adopt_head(store, head, now_fd, error))
            return FALSE;
    }
    return TRUE;
}

/* --- export ----------------------------------------------------------------------------------- */

/* One head on its way out. */
typedef struct {
    DirectoryStore *store;
    const Machine *machine;
    const Head *head;
    int now_fd;
    const char *path; /* where it goes */
    const char *name; /* its last component */
    GCancellable *cancellable;
    Descriptor directory_fd; /* the directory of `path` */
    char *file;              /* its name in `now` */
    char *identity;          /* marks a copy as ours */
} Export;

static gboolean is_our_copy(const Export *work)
{
    char text[128] = "";
    g_auto(Descriptor) fd =
        openat(work->directory_fd, work->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && fgetxattr(fd, export_attribute, text, sizeof text - 1) > 0 &&
           strcmp(text, work->identity) == 0;
}

/* *done_out: it lies there already, as the same file or as the copy that we made of it. */
static gboolean check_destination(const Export *work, gboolean *done_out, GError **error)
{
    struct stat there, current;
    gboolean found = FALSE, found_current = FALSE;
    if (!entry_find(work->directory_fd, work->name, &there, &found, error) ||
        !entry_find(work->now_fd, work->file, &current, &found_current, error))
        return FALSE;
    *done_out = found && ((found_current && entry_is_same(&there, &current)) || is_our_copy(work));
    return !found || *done_out ||
           error_set(error, UNDERPIN_ERROR_EXISTS, "move that file away, then export again",
                     "'%s' exists: volume '%s' of machine '%s' cannot go back there", work->path,
                     work->head->target, work->machine->name);
}

static char *copy_name(const Export *work)
{
    return g_strdup_printf(".%s.underpin-export", work->name);
}

static gboolean write_copy(const Export *work, int from_fd, const char *temporary, GError **error)
{
    g_auto(Descriptor) fd = openat(work->directory_fd, temporary,
                                   O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE_HEAD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create '%s'", work->path);
    if (!file_copy(from_fd, fd, work->path, work->cancellable, error))
        return FALSE;
    /* By this mark a repeated export, and the removal that follows, know the copy as ours. */
    if (fsetxattr(fd, export_attribute, work->identity, strlen(work->identity), 0) != 0)
        return error_set_errno(error, errno, "cannot mark '%s' as exported", work->path);
    return durable_file_sync(fd, work->path, error);
}

static gboolean name_copy(const Export *work, const char *temporary, GError **error)
{
    return linkat(work->directory_fd, temporary, work->directory_fd, work->name, 0) == 0 ||
           error_set_errno(error, errno, "cannot create '%s'", work->path);
}

static gboolean copy_out(const Export *work, GError **error)
{
    g_autofree char *temporary = copy_name(work);
    g_auto(Descriptor) from_fd =
        openat(work->now_fd, work->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from_fd < 0)
        return error_set_errno(error, errno, "cannot open volume '%s'", work->head->target);
    gboolean ok = write_copy(work, from_fd, temporary, error) && name_copy(work, temporary, error);
    return entry_unlink(work->directory_fd, temporary, ok ? error : NULL) && ok;
}

static gboolean place(const Export *work, GError **error)
{
    if (!fault_point(FAULT_EXPORT_LINK, error))
        return FALSE;
    if (linkat(work->now_fd, work->file, work->directory_fd, work->name, 0) == 0)
        return TRUE;
    return errno == EXDEV ? copy_out(work, error)
                          : error_set_errno(error, errno, "cannot link '%s'", work->path);
}

/* Nothing to do where nothing was remembered, or where it was done before. */
static gboolean give_owner_back(const Export *work, GError **error)
{
    char text[64] = "";
    Ownership ownership;
    ownership_init(&ownership);
    g_auto(Descriptor) from_fd =
        openat(work->now_fd, work->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from_fd < 0 || fgetxattr(from_fd, owner_attribute, text, sizeof text - 1) <= 0 ||
        sscanf(text, "%u:%u:%o", &ownership.owner, &ownership.group, &ownership.mode) != 3)
        return TRUE;
    g_auto(Descriptor) fd =
        openat(work->directory_fd, work->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open '%s'", work->path);
    ownership.mode &= 0777;
    return ownership_apply(fd, &ownership, work->path, error) &&
           (fremovexattr(fd, owner_attribute) == 0 || errno == ENODATA ||
            error_set_errno(error, errno, "cannot clean '%s'", work->path));
}

static gboolean check_exportable(const Machine *machine, const Head *head, GError **error)
{
    return !head->layer_id ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "detach the machine from its base first",
                     "volume '%s' of machine '%s' sits on a layer", head->target, machine->name);
}

/* The path that import found the target's image at; NULL: it was made here. Borrowed from `origin`.
 */
static const char *original_path(const json_t *origin, const char *target)
{
    gsize i;
    json_t *disk;
    json_array_foreach(json_object_get(origin, "disks"), i, disk)
    {
        const char *name = json_string_value(json_object_get(disk, "target"));
        if (g_strcmp0(name, target) == 0)
            return json_string_value(json_object_get(disk, "path"));
    }
    return NULL;
}

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

static void export_clear(Export *work)
{
    descriptor_close(&work->directory_fd);
    g_clear_pointer(&work->file, g_free);
    g_clear_pointer(&work->identity, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Export, export_clear)

static gboolean export_prepare(Export *work, GError **error)
{
    work->identity = g_strdup_printf("%s/%s", work->machine->id, work->head->target);
    work->file = head_file_name(work->head->target, work->head->format, error);
    return work->file &&
           foreign_open_directory(work->store, work->path, &work->directory_fd, &work->name, error);
}

static gboolean export_head(Export *work, GError **error)
{
    gboolean done = FALSE;
    return check_exportable(work->machine, work->head, error) && export_prepare(work, error) &&
           check_destination(work, &done, error) && (done || place(work, error)) &&
           durable_file_sync(work->directory_fd, work->path, error);
}

gboolean export_give_back(DirectoryStore *store, const Machine *machine, const Head *head,
                          int heads_fd, GError **error)
{
    g_autoptr(Json) origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    g_auto(Export) work = {.store = store,
                           .machine = machine,
                           .head = head,
                           .now_fd = heads_fd,
                           .path = original_path(origin, head->target),
                           .directory_fd = -1};
    return !work.path || (export_prepare(&work, error) && give_owner_back(&work, error) &&
                          durable_file_sync(work.directory_fd, work.path, error));
}

gboolean export_is_complete(DirectoryStore *store, const Machine *machine, const Head *head,
                            int heads_fd, gboolean *complete_out, GError **error)
{
    g_autoptr(Json) origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    g_auto(Export) work = {.store = store,
                           .machine = machine,
                           .head = head,
                           .now_fd = heads_fd,
                           .path = original_path(origin, head->target),
                           .directory_fd = -1};
    *complete_out = FALSE;
    return !work.path ||
           (export_prepare(&work, error) && check_destination(&work, complete_out, error));
}

gboolean directory_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                          GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) now_fd = -1;
    g_autoptr(Generation) owned = NULL;
    g_autoptr(Json) origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    if (!origin)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "only imported machines can be exported",
                         "machine '%s' was not imported", machine->name);
    const Generation *generation = open_now(store, machine, &machine_fd, &now_fd, &owned, error);
    if (!generation || !heads_check_unlocked(now_fd, machine, generation, error) ||
        !export_variables_check(store, machine, error))
        return FALSE;
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_auto(Export) work = {.store = store,
                               .machine = machine,
                               .head = head,
                               .now_fd = now_fd,
                               .path = original_path(origin, head->target),
                               .directory_fd = -1,
                               .cancellable = cancellable};
        if (work.path && !export_head(&work, error))
            return FALSE;
    }
    return TRUE;
}

/* A copy is known by its mark, a link by its inode; what a killed copy left has a name of our own.
 */
static gboolean take_back(Export *work, GError **error)
{
    g_autoptr(GError) missing = NULL;
    gboolean done = FALSE;
    if (!export_prepare(work, &missing) || !check_destination(work, &done, &missing))
        return TRUE; /* its directory is not there, or somebody else's file is */
    g_autofree char *temporary = copy_name(work);
    return entry_unlink(work->directory_fd, temporary, error) &&
           (!done || (fault_point(FAULT_STAGE_ABANDON, error) &&
                      entry_unlink(work->directory_fd, work->name, error)));
}

gboolean directory_export_abandon(Storage *storage, const Machine *machine, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) now_fd = -1;
    g_autoptr(Generation) owned = NULL;
    g_autoptr(Json) origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    const Generation *generation = open_now(store, machine, &machine_fd, &now_fd, &owned, error);
    if (!generation)
        return FALSE;
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_auto(Export) work = {.store = store,
                               .machine = machine,
                               .head = head,
                               .now_fd = now_fd,
                               .path = original_path(origin, head->target),
                               .directory_fd = -1};
        if (work.path && !take_back(&work, error))
            return FALSE;
    }
    return TRUE;
}
