/* What a guest sees: reading through a chain of images, read-only, without QEMU. */
#pragma once

#include <gio/gio.h>

typedef struct GuestView GuestView;

/*
 * Takes descriptors from top to bottom (dup'ed inside; the caller keeps its own) with their formats
 * ("qcow2" or "raw"). The caller has resolved the chain: names in headers are not followed.
 * Compressed clusters: zlib (GLib's), others UNSUPPORTED. Capacity is the top image's; a shorter
 * backing image reads as zeroes beyond its end. Memory is bounded (32 KiB an image, more with
 * compressed clusters). INVALID for unsound images, UNSUPPORTED for encryption and data files. One
 * thread at a time; looking for holes moves the file offset of a raw image's descriptor.
 */
GuestView *guest_view_new(const int *fds, const char *const *formats, guint count, GError **error);
void guest_view_free(GuestView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestView, guest_view_free)
guint64 guest_view_capacity(const GuestView *view);
/* Bytes read (short only at the end), -1 on error. */
gssize guest_view_read(GuestView *view, guint64 offset, void *buffer, gsize length, GError **error);

typedef enum { EXTENT_DATA, EXTENT_ZERO, EXTENT_BACKING } ExtentKind;
typedef struct {
    guint64 offset, length;
    ExtentKind kind; /* BACKING: not allocated in the top image */
} Extent;
/* The allocation map of the top image alone: adjacent extents of one kind are merged. New GArray of
 * Extent. UNSUPPORTED for more than four million extents. */
GArray *guest_view_map(GuestView *view, GError **error);
/* Guest-visible bytes that the top image itself allocates: "what would be lost". Explicit zeroes
 * count where there is a backing image for them to hide. */
gboolean guest_view_allocated(GuestView *view, guint64 *bytes_out, GError **error);
/* "sha256:HEX" of the whole content; holes are skipped cheaply where the whole chain has none.
 * Slow; cancellable. */
char *guest_view_digest(GuestView *view, GCancellable *cancellable, GError **error);
