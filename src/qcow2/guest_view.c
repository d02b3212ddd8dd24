/*
 * Reads through a chain: each stretch of guest bytes is asked of the images from the top down until
 * one has it. An image that is shorter than the top reads as zeroes beyond its end, and so does
 * what no image has.
 */
#include "qcow2/guest_view.h"

#include "foundation/error.h"
#include "qcow2/format.h"
#include "qcow2/image.h"
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum { DIGEST_STEP_BYTES = 1024 * 1024, SHA256_BYTES = 32, MAX_EXTENTS = 4 * 1024 * 1024 };

struct GuestView {
    Image *images; /* from top to bottom */
    guint count;
    /* The last decompressed cluster. */
    guint8 *cluster; /* NULL: none yet */
    const Image *cluster_image;
    guint64 cluster_host_offset;
};

/* Where a stretch of guest bytes comes from. */
typedef struct {
    const Image *image; /* NULL: zeroes that no image has */
    Run run;
} Source;

GuestView *guest_view_new(const int *fds, const char *const *formats, guint count, GError **error)
{
    if (count == 0) {
        error_set(error, UNDERPIN_ERROR_BUG, NULL, "a chain of no images");
        return NULL;
    }
    g_autoptr(GuestView) view = g_new0(GuestView, 1);
    view->images = g_new0(Image, count);
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = count == 1
                                    ? g_strdup("the image")
                                    : g_strdup_printf("image %u of the chain of %u", i + 1, count);
        if (!image_init(&view->images[i], fds[i], formats[i], name, error))
            return NULL;
        view->count = i + 1;
    }
    return g_steal_pointer(&view);
}

void guest_view_free(GuestView *view)
{
    if (view == NULL)
        return;
    for (guint i = 0; i < view->count; i++)
        image_clear(&view->images[i]);
    g_free(view->images);
    g_free(view->cluster);
    g_free(view);
}

guint64 guest_view_capacity(const GuestView *view)
{
    return view->images[0].capacity;
}

/* `length` is a wish; the run that comes back has at most that, and at least one byte. */
static gboolean find_source(GuestView *view, guint64 offset, guint64 length, Source *source_out,
                            GError **error)
{
    for (guint i = 0; i < view->count; i++) {
        Image *image = &view->images[i];
        if (offset >= image->capacity)
            break;
        Run run = {0};
        if (!image_lookup(image, offset, length, &run, error))
            return FALSE;
        length = MIN(length, run.length);
        if (run.kind != RUN_UNALLOCATED) {
            run.length = length;
            *source_out = (Source){image, run};
            return TRUE;
        }
    }
    *source_out = (Source){NULL, {.kind = RUN_ZERO, .length = length}};
    return TRUE;
}

static gboolean read_compressed(GuestView *view, const Source *source, guint8 *buffer,
                                GError **error)
{
    gboolean is_there = view->cluster_image == source->image &&
                        view->cluster_host_offset == source->run.host_offset;
    if (!is_there) {
        view->cluster_image = NULL;
        view->cluster =
            g_realloc(view->cluster, (gsize)qcow2_cluster_bytes(&source->image->header));
        if (!image_decompress(source->image, &source->run, view->cluster, error))
            return FALSE;
        view->cluster_image = source->image;
        view->cluster_host_offset = source->run.host_offset;
    }
    memcpy(buffer, view->cluster + source->run.within, (gsize)source->run.length);
    return TRUE;
}

static gboolean read_source(GuestView *view, const Source *source, guint8 *buffer, GError **error)
{
    switch (source->run.kind) {
    case RUN_DATA:
        return qcow2_read_padded(source->image->fd, source->run.host_offset, buffer,
                                 (gsize)source->run.length, error);
    case RUN_COMPRESSED:
        return read_compressed(view, source, buffer, error);
    case RUN_ZERO:
    case RUN_UNALLOCATED:
        memset(buffer, 0, (gsize)source->run.length);
        return TRUE;
    }
    g_return_val_if_reached(FALSE);
}

gssize guest_view_read(GuestView *view, guint64 offset, void *buffer, gsize length, GError **error)
{
    guint64 capacity = guest_view_capacity(view);
    guint64 rest = offset < capacity ? capacity - offset : 0;
    gsize wanted = (gsize)MIN(MIN(rest, length), (guint64)G_MAXSSIZE);
    gsize done = 0;
    while (done < wanted) {
        Source source = {0};
        if (!find_source(view, offset + done, wanted - done, &source, error) ||
            !read_source(view, &source, (guint8 *)buffer + done, error))
            return -1;
        done += (gsize)source.run.length;
    }
    return (gssize)done;
}

static ExtentKind extent_kind(RunKind kind)
{
    static const ExtentKind kinds[] = {
        [RUN_DATA] = EXTENT_DATA,
        [RUN_COMPRESSED] = EXTENT_DATA,
        [RUN_ZERO] = EXTENT_ZERO,
        [RUN_UNALLOCATED] = EXTENT_BACKING,
    };
    return kinds[kind];
}

/* The extent of the top image at `offset`, as far as one lookup sees. */
static gboolean find_extent(GuestView *view, guint64 offset, Extent *extent_out, GError **error)
{
    Run run = {0};
    if (!image_lookup(&view->images[0], offset, G_MAXUINT64, &run, error))
        return FALSE;
    *extent_out = (Extent){offset, run.length, extent_kind(run.kind)};
    return TRUE;
}

static gboolean append_extent(GArray *extents, const Extent *extent, GError **error)
{
    Extent *last = extents->len > 0 ? &g_array_index(extents, Extent, extents->len - 1) : NULL;
    if (last != NULL && last->kind == extent->kind) {
        last->length += extent->length;
        return TRUE;
    }
    if (extents->len >= MAX_EXTENTS)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "copy the image with 'qemu-img convert', which also defragments it",
                         "the image is in more than %d pieces", MAX_EXTENTS);
    g_array_append_val(extents, *extent);
    return TRUE;
}

GArray *guest_view_map(GuestView *view, GError **error)
{
    g_autoptr(GArray) extents = g_array_new(FALSE, FALSE, sizeof(Extent));
    guint64 offset = 0;
    while (offset < guest_view_capacity(view)) {
        Extent extent = {0};
        if (!find_extent(view, offset, &extent, error) || !append_extent(extents, &extent, error))
            return NULL;
        offset += extent.length;
    }
    return g_steal_pointer(&extents);
}

gboolean guest_view_allocated(GuestView *view, guint64 *bytes_out, GError **error)
{
    gboolean zeroes_count = view->count > 1 && !view->images[0].is_raw;
    guint64 bytes = 0;
    guint64 offset = 0;
    while (offset < guest_view_capacity(view)) {
        Extent extent = {0};
        if (!find_extent(view, offset, &extent, error))
            return FALSE;
        if (extent.kind == EXTENT_DATA || (extent.kind == EXTENT_ZERO && zeroes_count))
            bytes += extent.length;
        offset += extent.length;
    }
    *bytes_out = bytes;
    return TRUE;
}

static gboolean hash_step(GuestView *view, gnutls_hash_hd_t hash, const Source *source,
                          guint8 *buffer, const guint8 *zeroes, GError **error)
{
    gboolean is_hole = source->run.kind == RUN_ZERO;
    if (!is_hole && !read_source(view, source, buffer, error))
        return FALSE;
    if (gnutls_hash(hash, is_hole ? zeroes : buffer, (gsize)source->run.length) < 0)
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot compute a digest");
    return TRUE;
}

/* What no image has is hashed as zeroes without reading anything. */
static gboolean hash_content(GuestView *view, gnutls_hash_hd_t hash, GCancellable *cancellable,
                             GError **error)
{
    g_autofree guint8 *buffer = g_malloc(DIGEST_STEP_BYTES);
    g_autofree guint8 *zeroes = g_malloc0(DIGEST_STEP_BYTES);
    guint64 capacity = guest_view_capacity(view);
    guint64 offset = 0;
    while (offset < capacity) {
        Source source = {0};
        if (g_cancellable_is_cancelled(cancellable))
            return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL, "the digest was cancelled");
        if (!find_source(view, offset, MIN(capacity - offset, (guint64)DIGEST_STEP_BYTES), &source,
                         error) ||
            !hash_step(view, hash, &source, buffer, zeroes, error))
            return FALSE;
        offset += source.run.length;
    }
    return TRUE;
}

/* GnuTLS, because it uses the processor's instructions for SHA-256: five times as fast as GLib
 * here. */
char *guest_view_digest(GuestView *view, GCancellable *cancellable, GError **error)
{
    guint8 digest[SHA256_BYTES];
    gnutls_hash_hd_t hash = NULL;
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0) {
        error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot compute a digest");
        return NULL;
    }
    gboolean is_hashed = hash_content(view, hash, cancellable, error);
    gnutls_hash_deinit(hash, digest);
    if (!is_hashed)
        return NULL;
    GString *text = g_string_new("sha256:");
    for (gsize i = 0; i < sizeof digest; i++)
        g_string_append_printf(text, "%02x", digest[i]);
    return g_string_free(text, FALSE);
}
