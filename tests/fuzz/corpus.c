/* Makes the corpus: versions, cluster sizes, subclusters, compression, extensions. */
#include "corpus.h"

#include "builder.h"
#include "qcow2/format.h"
#include "qcow2/overlay.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    guint version, cluster_bits;
    gboolean has_extended_l2;
    guint clusters; /* of capacity */
} Shape;

/* Clusters of 512 bytes make dense images: a mutation is likely to hit something. */
static const Shape shapes[] = {
    {3, 9, FALSE, 40}, {2, 9, FALSE, 64}, {3, 12, FALSE, 16},
    {3, 14, TRUE, 8},  {2, 16, FALSE, 2}, {3, 16, TRUE, 3},
};

static const OverlaySpec overlays[] = {
    {.capacity_bytes = 1024 * 1024, .identity = "machine=1"},
    {.capacity_bytes = (guint64)1 << 40,
     .backing_file = "../base.qcow2",
     .backing_format = "qcow2",
     .identity = "machine=1 target=vda",
     .cluster_bits = 14},
    {.capacity_bytes = 8 * 1024 * 1024, .cluster_bits = 9, .no_extended_l2 = TRUE},
};

guint corpus_count(void)
{
    return G_N_ELEMENTS(shapes) + G_N_ELEMENTS(overlays);
}

static void put_header_extensions(Builder *builder)
{
    guint8 bitmaps[24] = {0};
    guint32 at = builder->version == 2 ? 72 : 112;
    qcow2_store32(bitmaps, 1);
    qcow2_store64(bitmaps + 8, 64);
    qcow2_store64(bitmaps + 16, builder_append_data(builder, 0));
    builder_put_extension(builder, &at, QCOW2_EXTENSION_BITMAPS, bitmaps, sizeof bitmaps);
    builder_put_extension(builder, &at, QCOW2_EXTENSION_BACKING_FORMAT, "raw", 3);
    builder_put_extension(builder, &at, QCOW2_IDENTITY_MAGIC, "machine=1", 9);
    builder_put_extension(builder, &at, QCOW2_EXTENSION_END, "", 0);
}

static void put_clusters(Builder *builder)
{
    guint64 all = builder->has_extended_l2 ? G_MAXUINT32 : 0;
    builder_put_l2(builder, 0, builder_append_data(builder, 0xaa) | QCOW2_ENTRY_COPIED, all);
    builder_put_l2(builder, 1, builder_append_compressed(builder, 0xbb), 0);
    if (builder->has_extended_l2)
        builder_put_l2(builder, 2, builder_append_data(builder, 0xcc),
                       0xff | G_GUINT64_CONSTANT(0xff00) << 32);
    else if (builder->version >= 3)
        builder_put_l2(builder, 2, QCOW2_L2_ZERO, 0);
}

static GByteArray *shaped_image(const Shape *shape)
{
    g_auto(Builder) builder = {0};
    builder_init(&builder, shape->version, shape->cluster_bits, shape->has_extended_l2,
                 (guint64)shape->clusters << shape->cluster_bits);
    put_clusters(&builder);
    put_header_extensions(&builder);
    return g_steal_pointer(&builder.bytes);
}

static GByteArray *overlay_image(const OverlaySpec *spec)
{
    int fd = memfd_create("overlay", MFD_CLOEXEC);
    struct stat status;
    gboolean is_written = qcow2_overlay_write(fd, spec, "overlay", NULL);
    g_assert(is_written && fstat(fd, &status) == 0);
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, (guint)status.st_size);
    gssize count = pread(fd, bytes->data, bytes->len, 0);
    g_assert(count == (gssize)bytes->len);
    close(fd);
    return bytes;
}

GByteArray *corpus_image(guint index)
{
    if (index < G_N_ELEMENTS(shapes))
        return shaped_image(&shapes[index]);
    return overlay_image(&overlays[index - G_N_ELEMENTS(shapes)]);
}
