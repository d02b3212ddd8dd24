/*
 * Flattening a layer: its guest-visible content, written standalone beside it, takes its name.
 *
 *     layers/SET/flat-vda.qcow2 ──▶ layers/SET/sealed/vda.qcow2     one rename
 *
 * Format, capacity, identity and what a guest reads are the same (invariant 1), so nothing that
 * sits on the layer changes; guests that run keep the file that they opened. The directory's flag
 * is lifted for the rename alone, and storage_protect() sets it again after a crash.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/process.h"
#include "qcow2/guest_view.h"
#include "qcow2/header.h"
#include "qcow2/overlay.h"

/* One layer's work. */
typedef struct {
    DirectoryStore *store;
    const Layer *layer;
    Descriptor set_fd, sealed_fd;
    char *file; /* "vda.qcow2" */
    char *flat; /* "flat-vda.qcow2" */
} Flatten;

static void flatten_clear(Flatten *work)
{
    descriptor_close(&work->set_fd);
    descriptor_close(&work->sealed_fd);
    g_clear_pointer(&work->file, g_free);
    g_clear_pointer(&work->flat, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Flatten, flatten_clear)

static gboolean flatten_open(Flatten *work, GError **error)
{
    LayerName name;
    if (!layer_name_from_id(work->layer->id, work->layer->format, &name, error) ||
        !directory_require(work->store->layers_fd, name.set_id, &work->set_fd, error) ||
        !directory_require(work->set_fd, NAME_SEALED, &work->sealed_fd, error))
        return FALSE;
    work->file = layer_name_file(&name);
    work->flat = g_strconcat("flat-", work->file, NULL);
    return TRUE;
}

static int open_image(int directory_fd, const char *file, GError **error)
{
    int fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open '%s'", file);
    return fd;
}

/* --- staging ---------------------------------------------------------------------------------- */

/* Its chain is ours, and what it occupies is about what the copy will. */
static gboolean check_chain(const Flatten *work, guint64 *bytes_out, GError **error)
{
    g_auto(Chain) chain = {0};
    int fd = open_image(work->sealed_fd, work->file, error);
    if (fd < 0 || !chain_open(work->store, fd, work->layer->format, work->layer->id, &chain, error))
        return FALSE;
    for (guint i = 0; i < chain.fds->len; i++) {
        struct stat status;
        if (fstat(g_array_index(chain.fds, int, i), &status) == 0)
            *bytes_out += allocated_bytes(&status);
    }
    return TRUE;
}

static gboolean make_flat(const Flatten *work, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    g_auto(Descriptor) from_fd = open_image(work->sealed_fd, work->file, error);
    if (from_fd < 0 || !qcow2_header_read(from_fd, work->file, &header, error))
        return FALSE;
    g_auto(Descriptor) fd = openat(work->set_fd, work->flat,
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_HEAD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create '%s'", work->flat);
    OverlaySpec spec = {.capacity_bytes = header.capacity_bytes,
                        .no_extended_l2 = !QEMU_STREAMS_SUBCLUSTERS,
                        .identity = header.identity};
    return qcow2_overlay_write(fd, &spec, work->flat, error);
}

/* Written by our descriptor: the path may lead through a read-only mount (layers_mount.c). */
static gboolean fill_flat(const Flatten *work, GCancellable *cancellable, GError **error)
{
    const char *root = work->store->root, *set_id = work->layer->set_id;
    g_autofree char *from =
        g_strconcat(root, "/layers/", set_id, "/" NAME_SEALED "/", work->file, NULL);
    g_autofree char *to = g_strdup_printf("/proc/%d/fd/%d/%s", getpid(), work->set_fd, work->flat);
    const char *const argv[] = {"qemu-img", "convert", "-n", "--target-is-zero",
                                "-f",       "qcow2",   "-O", "qcow2",
                                from,       to,        NULL};
    return process_run(argv, cancellable, NULL, error);
}

/* The copy is read back with our own reader before anything trusts it. */
static gboolean check_flat(const Flatten *work, int fd, GCancellable *cancellable, GError **error)
{
    const char *const formats[] = {"qcow2"};
    if (!work->layer->digest)
        return TRUE;
    g_autoptr(GuestView) view = guest_view_new(&fd, formats, 1, error);
    g_autofree char *digest = view ? guest_view_digest(view, cancellable, error) : NULL;
    if (!digest)
        return FALSE;
    return strcmp(digest, work->layer->digest) == 0 ||
           error_set(error, UNDERPIN_ERROR_BACKEND, "the layer itself is unchanged; check the disk",
                     "the flattened copy of layer '%s' has another content", work->layer->id);
}

static gboolean build_flat(const Flatten *work, GCancellable *cancellable, GError **error)
{
    guint64 bytes = 0;
    gboolean ok = check_chain(work, &bytes, error) &&
                  space_check(work->store, bytes, work->layer->id, error) &&
                  fault_point(FAULT_STAGE_COPY, error) && make_flat(work, error);
    if (!ok)
        return FALSE;
    if (!fill_flat(work, cancellable, error)) {
        space_translate(work->store, bytes, work->layer->id, error);
        return FALSE;
    }
    g_auto(Descriptor) fd = open_image(work->set_fd, work->flat, error);
    return fd >= 0 && check_flat(work, fd, cancellable, error) &&
           durable_file_sync(fd, work->flat, error) &&
           durable_file_sync(work->set_fd, work->layer->set_id, error);
}

gboolean directory_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                                 GError **error)
{
    g_auto(Flatten) work = {directory_store(storage), layer, -1, -1, NULL, NULL};
    if (strcmp(layer->format, "qcow2") != 0)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED, NULL,
                         "layer '%s' is %s: it stands alone already", layer->id, layer->format);
    if (!flatten_open(&work, error) || !entry_unlink(work.set_fd, work.flat, error))
        return FALSE;
    gboolean ok = build_flat(&work, cancellable, error);
    if (!ok)
        entry_unlink(work.set_fd, work.flat, NULL);
    return ok;
}

/* --- switching -------------------------------------------------------------------------------- */

static gboolean stands_alone(const Flatten *work, gboolean *alone_out, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    g_auto(Descriptor) fd = open_image(work->sealed_fd, work->file, error);
    if (fd < 0 || !qcow2_header_read(fd, work->file, &header, error))
        return FALSE;
    *alone_out = header.backing_file == NULL;
    return TRUE;
}

/* What takes the layer's name must be what was staged: alone, and as large. */
static gboolean check_staged(const Flatten *work, int fd, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    return qcow2_header_read(fd, work->flat, &header, error) &&
           ((!header.backing_file && header.capacity_bytes == work->layer->capacity_bytes) ||
            error_set(error, UNDERPIN_ERROR_INVALID, "flatten it again",
                      "'%s' is not the flattened layer '%s'", work->flat, work->layer->id));
}

static gboolean lift_flags(const Flatten *work, GError **error)
{
    g_auto(Descriptor) old_fd = open_image(work->sealed_fd, work->file, error);
    return old_fd >= 0 && immutable_set(work->store, work->sealed_fd, FALSE, NAME_SEALED, error) &&
           immutable_set(work->store, old_fd, FALSE, work->file, error);
}

static gboolean take_name(const Flatten *work, GError **error)
{
    g_auto(Descriptor) fd = open_image(work->set_fd, work->flat, error);
    if (fd < 0 || !check_staged(work, fd, error) ||
        !file_normalise(fd, MODE_LAYER, work->flat, error) || !lift_flags(work, error) ||
        !fault_point(FAULT_FLATTEN_RENAME, error))
        return FALSE;
    if (renameat(work->set_fd, work->flat, work->sealed_fd, work->file) != 0)
        return error_set_errno(error, errno, "cannot replace the layer '%s'", work->layer->id);
    return durable_file_sync(work->sealed_fd, NAME_SEALED, error) &&
           durable_file_sync(work->set_fd, work->layer->set_id, error);
}

gboolean directory_flatten_switch(Storage *storage, const Layer *layer, GError **error)
{
    g_auto(Flatten) work = {directory_store(storage), layer, -1, -1, NULL, NULL};
    gboolean staged = FALSE, alone = FALSE;
    if (!flatten_open(&work, error) || !entry_find(work.set_fd, work.flat, NULL, &staged, error))
        return FALSE;
    if (!staged && !stands_alone(&work, &alone, error))
        return FALSE;
    if (!staged && !alone)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "flatten it again",
                         "nothing is staged for layer '%s'", layer->id);
    gboolean ok = !staged || take_name(&work, error);
    return directory_protect(storage, layer->set_id, ok ? error : NULL) && ok;
}

gboolean directory_flatten_abandon(Storage *storage, const Layer *layer, GError **error)
{
    g_auto(Flatten) work = {directory_store(storage), layer, -1, -1, NULL, NULL};
    gboolean staged = FALSE;
    return flatten_open(&work, error) && entry_find(work.set_fd, work.flat, NULL, &staged, error) &&
           (!staged || (fault_point(FAULT_STAGE_ABANDON, error) &&
                        entry_unlink(work.set_fd, work.flat, error)));
}
