/*
 * Gives hostile bytes to everything that reads qcow2: header, deep check, "never written", chain.
 *
 * Besides "no crash" it holds two properties: reading is deterministic (the digest equals that of
 * the bytes read), and an image that passes the deep check has a map that covers its capacity.
 */
#include "fuzz_qcow2.h"

#include "qcow2/guest_view.h"
#include "qcow2/header.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Larger guests are read at a few places only: the point is parsing, not hashing zeroes. */
enum { WHOLE_READ_LIMIT = 256 * 1024, STEP = 61 * 1024 };

static void require(int is_true)
{
    if (!is_true)
        abort();
}

static void check_map(GuestView *view, gboolean is_sound)
{
    g_autoptr(GArray) map = guest_view_map(view, NULL);
    require(map != NULL || !is_sound);
    guint64 end = 0;
    for (guint i = 0; map != NULL && i < map->len; i++) {
        const Extent *extent = &g_array_index(map, Extent, i);
        require(extent->offset == end && extent->length > 0);
        end += extent->length;
    }
    require(map == NULL || end == guest_view_capacity(view));
    guint64 allocated = 0;
    if (guest_view_allocated(view, &allocated, NULL))
        require(allocated <= guest_view_capacity(view));
}

/* FALSE where a read failed. */
static gboolean hash_by_reading(GuestView *view, GChecksum *checksum)
{
    g_autofree guint8 *buffer = g_malloc(STEP);
    guint64 capacity = guest_view_capacity(view);
    for (guint64 offset = 0; offset < capacity;) {
        gssize count = guest_view_read(view, offset, buffer, STEP, NULL);
        if (count < 0)
            return FALSE;
        require(count > 0);
        g_checksum_update(checksum, buffer, count);
        offset += (guint64)count;
    }
    return TRUE;
}

static void check_content(GuestView *view)
{
    guint64 capacity = guest_view_capacity(view);
    if (capacity > WHOLE_READ_LIMIT) {
        guint8 bytes[4096];
        const guint64 offsets[] = {0, 65536 - 7, capacity / 2, capacity - 512};
        for (gsize i = 0; i < G_N_ELEMENTS(offsets); i++)
            guest_view_read(view, offsets[i], bytes, sizeof bytes, NULL);
        return;
    }
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gboolean is_read = hash_by_reading(view, checksum);
    g_autofree char *digest = guest_view_digest(view, NULL, NULL);
    require(is_read == (digest != NULL));
    if (is_read)
        require(strcmp(digest + strlen("sha256:"), g_checksum_get_string(checksum)) == 0);
}

static void check_view(int fd, guint count, gboolean is_sound)
{
    static const char *const formats[] = {"qcow2", "qcow2", "raw"};
    const int fds[] = {fd, fd, fd};
    g_autoptr(GError) error = NULL;
    g_autoptr(GuestView) view = guest_view_new(fds, formats, count, &error);
    require((view == NULL) == (error != NULL));
    require(view != NULL || !is_sound);
    if (view == NULL)
        return;
    check_map(view, is_sound);
    check_content(view);
}

static void check_image(int fd)
{
    g_auto(Qcow2Header) header = {0};
    g_autoptr(GError) error = NULL;
    gboolean is_read = qcow2_header_read(fd, "fuzz", &header, &error);
    require(is_read == (error == NULL));
    if (!is_read)
        return;
    gboolean unwritten = FALSE;
    qcow2_header_check_plain(&header, "fuzz", FALSE, NULL);
    qcow2_is_unwritten(fd, &header, &unwritten, NULL);
    gboolean is_sound = qcow2_check_tables(fd, &header, "fuzz", &error);
    require(is_sound == (error == NULL));
    gboolean is_readable = is_sound && !header.is_encrypted && !header.has_data_file;
    check_view(fd, 1, is_readable);
    check_view(fd, 3, is_readable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    qcow2_has_magic(fd);
    check_image(fd);
    close(fd);
    return 0;
}
