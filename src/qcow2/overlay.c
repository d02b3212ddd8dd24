/*
 * Writes empty images. The layout, in clusters:
 *
 *     header | refcount table | refcount blocks | L1 table (a hole)
 *
 * The file gets its final size first and then three small writes: the L1 table, all zeroes, is
 * never written, and on a file system with 4 KiB blocks an overlay takes 12 KiB. Refcounts of
 * consecutive clusters lie side by side over all blocks, so that the three writes are three at
 * every cluster size.
 */
#include "qcow2/overlay.h"

#include "foundation/error.h"
#include "qcow2/format.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_CLUSTER_BITS = 16, HEADER_BYTES = 112, REFCOUNT_BYTES = 2 };

typedef struct {
    guint64 cluster_bytes;
    guint64 l1_entries;
    guint64 table_clusters, block_clusters, l1_clusters;
    guint64 total_clusters;
} Layout;

static guint64 divide_up(guint64 dividend, guint64 divisor)
{
    return dividend / divisor + (dividend % divisor != 0);
}

/* The refcounts count their own clusters too, so their number is approached from below. */
static Layout layout_make(const Qcow2Header *shape)
{
    Layout layout = {.cluster_bytes = qcow2_cluster_bytes(shape)};
    layout.l1_entries = divide_up(shape->capacity_bytes, qcow2_l2_coverage(shape));
    layout.l1_clusters = divide_up(layout.l1_entries * 8, layout.cluster_bytes);
    guint64 before = 0;
    do {
        before = layout.total_clusters;
        layout.block_clusters = divide_up(before * REFCOUNT_BYTES, layout.cluster_bytes);
        layout.table_clusters = divide_up(layout.block_clusters * 8, layout.cluster_bytes);
        layout.total_clusters =
            1 + layout.table_clusters + layout.block_clusters + layout.l1_clusters;
    } while (layout.total_clusters != before);
    return layout;
}

static void append_extension(GByteArray *bytes, guint32 type, const char *text)
{
    static const guint8 padding[8] = {0};
    guint length = text != NULL ? (guint)strlen(text) : 0;
    guint8 head[8];
    qcow2_store32(head, type);
    qcow2_store32(head + 4, length);
    g_byte_array_append(bytes, head, sizeof head);
    g_byte_array_append(bytes, (const guint8 *)text, length);
    g_byte_array_append(bytes, padding, (8 - length % 8) % 8);
}

static void fill_fields(guint8 *bytes, const Qcow2Header *shape, const Layout *layout)
{
    guint64 table_offset = layout->cluster_bytes;
    guint64 l1_offset =
        (1 + layout->table_clusters + layout->block_clusters) * layout->cluster_bytes;
    qcow2_store32(bytes + QCOW2_AT_MAGIC, QCOW2_MAGIC);
    qcow2_store32(bytes + QCOW2_AT_VERSION, 3);
    qcow2_store32(bytes + QCOW2_AT_CLUSTER_BITS, shape->cluster_bits);
    qcow2_store64(bytes + QCOW2_AT_CAPACITY, shape->capacity_bytes);
    qcow2_store32(bytes + QCOW2_AT_L1_ENTRIES, (guint32)layout->l1_entries);
    qcow2_store64(bytes + QCOW2_AT_L1_OFFSET, l1_offset);
    qcow2_store64(bytes + QCOW2_AT_REFCOUNT_TABLE_OFFSET, table_offset);
    qcow2_store32(bytes + QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, (guint32)layout->table_clusters);
    qcow2_store64(bytes + QCOW2_AT_INCOMPATIBLE,
                  shape->has_extended_l2 ? QCOW2_INCOMPATIBLE_EXTENDED_L2 : 0);
    qcow2_store32(bytes + QCOW2_AT_REFCOUNT_ORDER, QCOW2_DEFAULT_REFCOUNT_ORDER);
    qcow2_store32(bytes + QCOW2_AT_HEADER_LENGTH, HEADER_BYTES);
}

/* Header, extensions, name of the backing file. */
static GByteArray *header_bytes(const OverlaySpec *spec, const Qcow2Header *shape,
                                const Layout *layout)
{
    GByteArray *bytes = g_byte_array_new();
    guint8 fields[HEADER_BYTES] = {0};
    fill_fields(fields, shape, layout);
    g_byte_array_append(bytes, fields, sizeof fields);
    if (spec->backing_file != NULL)
        append_extension(bytes, QCOW2_EXTENSION_BACKING_FORMAT, spec->backing_format);
    if (spec->identity != NULL)
        append_extension(bytes, QCOW2_IDENTITY_MAGIC, spec->identity);
    append_extension(bytes, QCOW2_EXTENSION_END, NULL);
    if (spec->backing_file != NULL) {
        guint length = (guint)strlen(spec->backing_file);
        qcow2_store64(bytes->data + QCOW2_AT_BACKING_OFFSET, bytes->len);
        qcow2_store32(bytes->data + QCOW2_AT_BACKING_BYTES, length);
        g_byte_array_append(bytes, (const guint8 *)spec->backing_file, length);
    }
    return bytes;
}

static GByteArray *refcount_table_bytes(const Layout *layout)
{
    GByteArray *bytes = g_byte_array_sized_new((guint)layout->block_clusters * 8);
    guint64 first_block = (1 + layout->table_clusters) * layout->cluster_bytes;
    for (guint64 i = 0; i < layout->block_clusters; i++) {
        guint8 entry[8];
        qcow2_store64(entry, first_block + i * layout->cluster_bytes);
        g_byte_array_append(bytes, entry, sizeof entry);
    }
    return bytes;
}

static GByteArray *refcount_block_bytes(const Layout *layout)
{
    static const guint8 one[REFCOUNT_BYTES] = {0, 1};
    GByteArray *bytes = g_byte_array_sized_new((guint)layout->total_clusters * REFCOUNT_BYTES);
    for (guint64 i = 0; i < layout->total_clusters; i++)
        g_byte_array_append(bytes, one, sizeof one);
    return bytes;
}

static gboolean write_at(int fd, guint64 offset, const GByteArray *bytes, GError **error)
{
    gsize done = 0;
    while (done < bytes->len) {
        gssize count = pwrite(fd, bytes->data + done, bytes->len - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot write");
        done += (gsize)count;
    }
    return TRUE;
}

static gboolean write_layout(int fd, const Layout *layout, const GByteArray *header, GError **error)
{
    g_autoptr(GByteArray) table = refcount_table_bytes(layout);
    g_autoptr(GByteArray) blocks = refcount_block_bytes(layout);
    guint64 first_block = (1 + layout->table_clusters) * layout->cluster_bytes;
    if (ftruncate(fd, (off_t)(layout->total_clusters * layout->cluster_bytes)) != 0)
        return error_set_errno(error, errno, "cannot set the size");
    return write_at(fd, layout->cluster_bytes, table, error) &&
           write_at(fd, first_block, blocks, error) && write_at(fd, 0, header, error);
}

static gboolean wrong(GError **error, const char *name, const char *what)
{
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "cannot make the image '%s': %s", name,
                     what);
}

static gboolean is_longer(const char *text, gsize limit)
{
    return text != NULL && strlen(text) > limit;
}

static gboolean check_spec(const OverlaySpec *spec, const Qcow2Header *shape, const char *name,
                           GError **error)
{
    if (shape->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
        shape->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
        return wrong(error, name, "its cluster size is out of range");
    if (shape->has_extended_l2 && shape->cluster_bits < QCOW2_MIN_EXTENDED_L2_CLUSTER_BITS)
        return wrong(error, name, "its clusters are too small for subclusters");
    if (spec->capacity_bytes == 0 || spec->capacity_bytes % QCOW2_SECTOR_BYTES != 0)
        return wrong(error, name, "its capacity is not a positive multiple of 512 bytes");
    if (spec->capacity_bytes > QCOW2_MAX_CAPACITY_BYTES ||
        divide_up(spec->capacity_bytes, qcow2_l2_coverage(shape)) * 8 > QCOW2_MAX_L1_BYTES)
        return wrong(error, name, "its capacity is too large for the format");
    if ((spec->backing_file == NULL) != (spec->backing_format == NULL))
        return wrong(error, name, "backing file and backing format go together");
    if (spec->backing_file != NULL && *spec->backing_file == '\0')
        return wrong(error, name, "the name of its backing file is empty");
    if (is_longer(spec->backing_file, QCOW2_MAX_NAME_BYTES) ||
        is_longer(spec->backing_format, QCOW2_MAX_FORMAT_NAME_BYTES))
        return wrong(error, name, "the name of its backing file or format is too long");
    if (is_longer(spec->identity, QCOW2_IDENTITY_MAX_BYTES) ||
        (spec->identity != NULL && !g_utf8_validate(spec->identity, -1, NULL)))
        return wrong(error, name, "its identity is too long or not text");
    return TRUE;
}

/* Whatever goes wrong above us, an image with content is never overwritten. */
static gboolean check_empty(int fd, const char *name, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", name);
    if (!S_ISREG(status.st_mode) || status.st_size != 0)
        return error_set(error, UNDERPIN_ERROR_EXISTS, NULL,
                         "cannot make the image '%s': it is not an empty file", name);
    return TRUE;
}

gboolean qcow2_overlay_write(int fd, const OverlaySpec *spec, const char *name, GError **error)
{
    Qcow2Header shape = {.version = 3,
                         .capacity_bytes = spec->capacity_bytes,
                         .cluster_bits =
                             spec->cluster_bits != 0 ? spec->cluster_bits : DEFAULT_CLUSTER_BITS,
                         .has_extended_l2 = !spec->no_extended_l2};
    if (!check_spec(spec, &shape, name, error) || !check_empty(fd, name, error))
        return FALSE;
    Layout layout = layout_make(&shape);
    g_autoptr(GByteArray) header = header_bytes(spec, &shape, &layout);
    if (header->len > layout.cluster_bytes)
        return wrong(error, name, "its header does not fit into one cluster");
    if (!write_layout(fd, &layout, header, error)) {
        g_prefix_error(error, "making the image '%s': ", name);
        return FALSE;
    }
    return TRUE;
}
