/*
 * Staging of one head: a file in `next`, made as Head.source says.
 *
 *     FRESH, BLANK              written by us: a few hundred bytes
 *     KEEP, ENTRY, ADOPT, ATTACH  a hard link: the same inode, content untouched (invariant 2)
 *     COPY, CONVERT, FLATTEN    new content, by the file system or qemu-img; the original stays
 *
 * What a link leads to is compared with what the catalog says of it before the link is made.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/process.h"
#include "qcow2/header.h"
#include "qcow2/overlay.h"

enum { FRESH_HEAD_BYTES = 256 * 1024 };

/* One head on its way. */
typedef struct {
    const Staging *staging;
    const Head *head;
    const char *file; /* its name in `next` */
    const char *what; /* "volume 'vda' of machine 'lab-1'" */
} HeadWork;

static char *work_path(const HeadWork *work, const char *directory)
{
    return g_strconcat(work->staging->store->root, "/machines/", work->staging->machine->id, "/",
                       directory, "/", work->file, NULL);
}

static gboolean create_file(const HeadWork *work, int *fd_out, GError **error)
{
    const Staging *staging = work->staging;
    Ownership ownership;
    g_auto(Descriptor) fd = openat(staging->next_fd, work->file,
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_HEAD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create %s", work->what);
    if (!ownership_read(staging->store, staging->now_fd, work->file, &ownership, error) ||
        !ownership_apply(fd, &ownership, work->file, error))
        return FALSE;
    *fd_out = descriptor_steal(&fd);
    return TRUE;
}

/* --- new and empty ---------------------------------------------------------------------------- */

static gboolean write_empty(const HeadWork *work, int fd, const char *backing, GError **error)
{
    if (strcmp(work->head->format, "raw") == 0)
        return ftruncate(fd, (off_t)work->head->capacity_bytes) == 0 ||
               error_set_errno(error, errno, "cannot size %s", work->what);
    g_autofree char *identity =
        g_strdup_printf("%s/%s/%" G_GUINT64_FORMAT, work->staging->machine->id, work->head->target,
                        work->staging->generation->number);
    OverlaySpec spec = {.capacity_bytes = work->head->capacity_bytes,
                        .backing_file = backing,
                        .backing_format = backing ? work->head->layer_format : NULL,
                        .no_extended_l2 = !QEMU_STREAMS_SUBCLUSTERS,
                        .identity = identity};
    return qcow2_overlay_write(fd, &spec, work->what, error);
}

static gboolean layer_check_there(const HeadWork *work, const LayerName *name, GError **error)
{
    g_autofree char *path = layer_name_path(name);
    gboolean found = FALSE;
    return entry_find(work->staging->store->root_fd, path, NULL, &found, error) &&
           (found ||
            error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                      "the layer '%s' of %s is missing", work->head->layer_id, work->what));
}

static gboolean stage_fresh(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    LayerName name;
    if (strcmp(work->head->format, "qcow2") != 0)
        return error_set(error, UNDERPIN_ERROR_BUG, NULL, "%s is %s and cannot sit on a layer",
                         work->what, work->head->format);
    if (!layer_name_from_id(work->head->layer_id, work->head->layer_format, &name, error) ||
        !layer_check_there(work, &name, error) || !fault_point(FAULT_STAGE_HEAD, error) ||
        !create_file(work, &fd, error))
        return FALSE;
    g_autofree char *backing = layer_name_backing(&name);
    return write_empty(work, fd, backing, error);
}

static gboolean stage_blank(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    return fault_point(FAULT_STAGE_HEAD, error) && create_file(work, &fd, error) &&
           write_empty(work, fd, NULL, error);
}

/* --- links ------------------------------------------------------------------------------------ */

static gboolean link_from(const HeadWork *work, int directory_fd, const char *file, GError **error)
{
    g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", work->what);
    if (!backing_check(work->staging->store, fd, work->head->format, work->head->layer_id,
                       work->what, error) ||
        !fault_point(FAULT_STAGE_LINK, error))
        return FALSE;
    return linkat(directory_fd, file, work->staging->next_fd, work->file, 0) == 0 ||
           error_set_errno(error, errno, "cannot link %s", work->what);
}

static gboolean require_now(const HeadWork *work, GError **error)
{
    return work->staging->now_fd >= 0 ||
           error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                     "%s has no head on disk that could be kept", work->what);
}

static gboolean stage_keep(const HeadWork *work, GError **error)
{
    return require_now(work, error) && link_from(work, work->staging->now_fd, work->file, error);
}

static gboolean stage_entry(const HeadWork *work, GError **error)
{
    g_autofree char *entry = entry_name(work->head->source_generation);
    g_auto(Descriptor) fd = -1;
    return directory_require(work->staging->machine_fd, entry, &fd, error) &&
           link_from(work, fd, work->file, error);
}

/* The kept file's name may be that of another target. */
static gboolean stage_attach(const HeadWork *work, GError **error)
{
    g_autofree char *kept_id = NULL, *file = NULL;
    g_auto(Descriptor) kept_fd = -1;
    g_auto(Descriptor) fd = -1;
    if (!kept_path_split(work->head->source_path, &kept_id, &file))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is not a kept volume",
                         work->head->source_path ? work->head->source_path : "");
    return directory_require(work->staging->store->trash_fd, kept_id, &kept_fd, error) &&
           directory_require(kept_fd, NAME_DATA, &fd, error) && link_from(work, fd, file, error);
}

/* --- copies ----------------------------------------------------------------------------------- */

static gboolean copy_descriptor(const HeadWork *work, int from_fd, GError **error)
{
    const Staging *staging = work->staging;
    g_auto(Descriptor) fd = -1;
    struct stat status;
    if (fstat(from_fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the source of %s", work->what);
    if (!S_ISREG(status.st_mode))
        return error_set(error, UNDERPIN_ERROR_REFUSED, "import it by conversion",
                         "the source of %s is not a file", work->what);
    if (!space_check(staging->store, allocated_bytes(&status), work->what, error) ||
        !fault_point(FAULT_STAGE_COPY, error) || !create_file(work, &fd, error))
        return FALSE;
    gboolean ok = file_copy(from_fd, fd, work->what, staging->cancellable, error);
    if (!ok)
        space_translate(staging->store, allocated_bytes(&status), work->what, error);
    return ok;
}

static gboolean check_capacity(const HeadWork *work, int fd, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    struct stat status;
    guint64 capacity = 0;
    if (strcmp(work->head->format, "qcow2") == 0) {
        if (!qcow2_header_read(fd, work->what, &header, error) ||
            !qcow2_header_check_plain(&header, work->what, TRUE, error))
            return FALSE;
        capacity = header.capacity_bytes;
    } else if (fstat(fd, &status) == 0) {
        capacity = (guint64)status.st_size;
    }
    return capacity == work->head->capacity_bytes ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "ask again: it may have been resized meanwhile",
                     "%s has %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT, work->what,
                     capacity, work->head->capacity_bytes);
}

static gboolean check_quiet(const HeadWork *work, int fd, GError **error)
{
    gboolean locked = FALSE;
    if (!image_is_locked(fd, work->what, &locked, error))
        return FALSE;
    return !locked || error_set(error, UNDERPIN_ERROR_BUSY, "stop the guest that has it open",
                                "the image of %s is open in a QEMU", work->what);
}

/* Another file system, an immutable source, or one that has all the links it can have: copied
 * instead. */
static gboolean link_is_impossible(int errno_value)
{
    return errno_value == EXDEV || errno_value == EPERM || errno_value == EMLINK ||
           errno_value == EOPNOTSUPP;
}

/* Links the open file itself: what was checked is what is linked, whatever its name leads to by
 * now. */
static gboolean stage_adopt(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    char path[64];
    if (!foreign_open(work->staging->store, work->head->source_path, &fd, error) ||
        !check_quiet(work, fd, error) || !check_capacity(work, fd, error) ||
        !fault_point(FAULT_STAGE_LINK, error))
        return FALSE;
    g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, work->staging->next_fd, work->file, AT_SYMLINK_FOLLOW) == 0)
        return TRUE;
    if (!link_is_impossible(errno))
        return error_set_errno(error, errno, "cannot link %s", work->what);
    return copy_descriptor(work, fd, error);
}

/* --- qemu-img --------------------------------------------------------------------------------- */

/* Fills the new file with the guest-visible content of `source`. The file is ours already, with our
 * identity in its header and nothing but zeroes in it, so qemu-img makes no image and writes no
 * zeroes. */
static gboolean convert(const HeadWork *work, const char *source, const char *source_format,
                        guint64 needed, GError **error)
{
    g_auto(Descriptor) fd = -1;
    g_autofree char *path = work_path(work, NAME_NEXT);
    const char *const argv[] = {"qemu-img", "convert",     "-n", "--target-is-zero",
                                "-f",       source_format, "-O", work->head->format,
                                source,     path,          NULL};
    if (!space_check(work->staging->store, needed, work->what, error) ||
        !fault_point(FAULT_STAGE_COPY, error) || !create_file(work, &fd, error) ||
        !write_empty(work, fd, NULL, error))
        return FALSE;
    gboolean ok = process_run(argv, work->staging->cancellable, NULL, error);
    if (!ok)
        space_translate(work->staging->store, needed, work->what, error);
    return ok;
}

static gboolean stage_convert(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    struct stat status;
    const char *format = work->head->source_format;
    if (!foreign_open(work->staging->store, work->head->source_path, &fd, error) ||
        !check_quiet(work, fd, error) ||
        !foreign_check_chain(work->staging->store, work->head->source_path, format, error))
        return FALSE;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", work->head->source_path);
    g_autofree char *path = foreign_canonical_path(fd, error);
    return path && convert(work, path, format, allocated_bytes(&status), error);
}

/* The current head, open, quiet, and on a chain of our own. */
static gboolean open_current(const HeadWork *work, int *fd_out, guint64 *chain_bytes_out,
                             GError **error)
{
    g_auto(Chain) chain = {0};
    if (!require_now(work, error))
        return FALSE;
    g_auto(Descriptor) fd =
        openat(work->staging->now_fd, work->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int top_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (top_fd < 0)
        return error_set_errno(error, errno, "cannot open %s", work->what);
    if (!chain_open(work->staging->store, top_fd, work->head->format, work->what, &chain, error) ||
        !check_quiet(work, fd, error))
        return FALSE;
    guint64 bytes = 0;
    for (guint i = 0; i < chain.fds->len; i++) {
        struct stat status;
        if (fstat(g_array_index(chain.fds, int, i), &status) == 0)
            bytes += allocated_bytes(&status);
    }
    *chain_bytes_out = bytes;
    *fd_out = descriptor_steal(&fd);
    return TRUE;
}

static gboolean stage_flatten(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    guint64 bytes = 0;
    g_autofree char *path = work_path(work, NAME_NOW);
    return open_current(work, &fd, &bytes, error) &&
           convert(work, path, work->head->format, bytes, error);
}

static gboolean resize_qcow2(const HeadWork *work, guint64 from_bytes, GError **error)
{
    guint64 to_bytes = work->head->capacity_bytes;
    g_autofree char *path = work_path(work, NAME_NEXT);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, to_bytes);
    const char *const grow[] = {"qemu-img", "resize", "-q", "-f", "qcow2", path, size, NULL};
    const char *const shrink[] = {"qemu-img", "resize", "-q", "--shrink", "-f",
                                  "qcow2",    path,     size, NULL};
    return from_bytes == to_bytes || process_run(from_bytes > to_bytes ? shrink : grow,
                                                 work->staging->cancellable, NULL, error);
}

static gboolean resize(const HeadWork *work, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    g_auto(Descriptor) fd =
        openat(work->staging->next_fd, work->file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", work->what);
    if (strcmp(work->head->format, "raw") == 0)
        return ftruncate(fd, (off_t)work->head->capacity_bytes) == 0 ||
               error_set_errno(error, errno, "cannot resize %s", work->what);
    return qcow2_header_read(fd, work->what, &header, error) &&
           resize_qcow2(work, header.capacity_bytes, error);
}

static gboolean stage_copy(const HeadWork *work, GError **error)
{
    g_auto(Descriptor) fd = -1;
    guint64 bytes = 0;
    return open_current(work, &fd, &bytes, error) && copy_descriptor(work, fd, error) &&
           resize(work, error);
}

/* --- the table -------------------------------------------------------------------------------- */

typedef gboolean (*HeadStager)(const HeadWork *work, GError **error);
static const HeadStager stagers[] = {
    [HEAD_FRESH] = stage_fresh, [HEAD_KEEP] = stage_keep,       [HEAD_ENTRY] = stage_entry,
    [HEAD_BLANK] = stage_blank, [HEAD_ADOPT] = stage_adopt,     [HEAD_CONVERT] = stage_convert,
    [HEAD_COPY] = stage_copy,   [HEAD_FLATTEN] = stage_flatten, [HEAD_ATTACH] = stage_attach,
};
G_STATIC_ASSERT(G_N_ELEMENTS(stagers) == HEAD_SOURCE_COUNT);

gboolean head_stage(const Staging *staging, const Head *head, GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    if (!file)
        return FALSE;
    g_autofree char *what =
        g_strdup_printf("volume '%s' of machine '%s'", head->target, staging->machine->name);
    HeadWork work = {staging, head, file, what};
    gboolean ok = stagers[head->source](&work, error);
    if (!ok && error && *error && error_code(*error) == UNDERPIN_ERROR_NO_SPACE &&
        (head->source == HEAD_FRESH || head->source == HEAD_BLANK))
        space_translate(staging->store, FRESH_HEAD_BYTES, what, error);
    return ok;
}

/* --- UEFI variables --------------------------------------------------------------------------- */

static gboolean nvram_open_foreign(const Staging *staging, int *fd_out, GError **error)
{
    return foreign_open(staging->store, staging->generation->nvram_path, fd_out, error);
}

/* The directory that holds the variables to be copied; -1: the machine has none there. */
static gboolean nvram_directory(const Staging *staging, int *fd_out, GError **error)
{
    const Generation *generation = staging->generation;
    g_autofree char *entry = entry_name(generation->nvram_generation);
    if (generation->nvram == NVRAM_BASE)
        return sealed_directory_require(staging->store, generation->nvram_path, fd_out, error);
    return directory_require(staging->machine_fd,
                             generation->nvram == NVRAM_ENTRY ? entry : NAME_NOW, fd_out, error);
}

static gboolean nvram_open(const Staging *staging, int *fd_out, GError **error)
{
    g_auto(Descriptor) directory_fd = -1;
    if (staging->generation->nvram == NVRAM_ADOPT)
        return nvram_open_foreign(staging, fd_out, error);
    if (!nvram_directory(staging, &directory_fd, error))
        return FALSE;
    *fd_out = openat(directory_fd, NAME_NVRAM, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return *fd_out >= 0 || error_set_errno(error, errno, "cannot open the UEFI variables");
}

gboolean nvram_stage(const Staging *staging, GError **error)
{
    g_auto(Descriptor) from_fd = -1;
    Ownership ownership;
    if (staging->generation->nvram == NVRAM_NONE)
        return TRUE;
    if (!nvram_open(staging, &from_fd, error) || !fault_point(FAULT_STAGE_COPY, error))
        return FALSE;
    g_auto(Descriptor) fd =
        openat(staging->next_fd, NAME_NVRAM, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
               MODE_HEAD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create the UEFI variables");
    return ownership_read(staging->store, staging->now_fd, NAME_NVRAM, &ownership, error) &&
           ownership_apply(fd, &ownership, NAME_NVRAM, error) &&
           file_copy(from_fd, fd, "the UEFI variables", staging->cancellable, error);
}
