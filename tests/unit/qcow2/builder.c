/* Implements the crafting of images; all refcounts of the clusters in use are kept at 1. */
#include "builder.h"

#include "qcow2/format.h"
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

guint64 builder_cluster_bytes(const Builder *builder)
{
    return G_GUINT64_CONSTANT(1) << builder->cluster_bits;
}

guint64 builder_at(const Builder *builder, guint64 cluster)
{
    return cluster << builder->cluster_bits;
}

void builder_put32(Builder *builder, guint64 offset, guint32 value)
{
    g_assert(offset + 4 <= builder->bytes->len);
    qcow2_store32(builder->bytes->data + offset, value);
}

void builder_put64(Builder *builder, guint64 offset, guint64 value)
{
    g_assert(offset + 8 <= builder->bytes->len);
    qcow2_store64(builder->bytes->data + offset, value);
}

guint64 builder_get64(const Builder *builder, guint64 offset)
{
    g_assert(offset + 8 <= builder->bytes->len);
    return qcow2_load64(builder->bytes->data + offset);
}

/* Appends zeroed clusters and counts them as used. */
static guint64 append_clusters(Builder *builder, guint count)
{
    guint64 offset = builder->bytes->len;
    guint length = (guint)builder_cluster_bytes(builder) * count;
    g_byte_array_set_size(builder->bytes, builder->bytes->len + length);
    memset(builder->bytes->data + offset, 0, length);
    guint64 block = builder_at(builder, BUILDER_REFCOUNT_BLOCK);
    for (guint64 i = 0;
         block + 2 * i < builder->bytes->len && i < builder->bytes->len >> builder->cluster_bits;
         i++)
        builder->bytes->data[block + 2 * i + 1] = 1;
    return offset;
}

void builder_init(Builder *builder, guint version, guint cluster_bits, gboolean has_extended_l2,
                  guint64 capacity)
{
    *builder = (Builder){g_byte_array_new(), version, cluster_bits, has_extended_l2};
    append_clusters(builder, BUILDER_FIRST_FREE);
    builder_put32(builder, QCOW2_AT_MAGIC, QCOW2_MAGIC);
    builder_put32(builder, QCOW2_AT_VERSION, version);
    builder_put32(builder, QCOW2_AT_CLUSTER_BITS, cluster_bits);
    builder_put64(builder, QCOW2_AT_CAPACITY, capacity);
    builder_put32(builder, QCOW2_AT_L1_ENTRIES, 1);
    builder_put64(builder, QCOW2_AT_L1_OFFSET, builder_at(builder, BUILDER_L1));
    builder_put64(builder, QCOW2_AT_REFCOUNT_TABLE_OFFSET,
                  builder_at(builder, BUILDER_REFCOUNT_TABLE));
    builder_put32(builder, QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 1);
    if (version >= 3) {
        builder_put64(builder, QCOW2_AT_INCOMPATIBLE,
                      has_extended_l2 ? QCOW2_INCOMPATIBLE_EXTENDED_L2 : 0);
        builder_put32(builder, QCOW2_AT_REFCOUNT_ORDER, QCOW2_DEFAULT_REFCOUNT_ORDER);
        builder_put32(builder, QCOW2_AT_HEADER_LENGTH, 112);
    }
    builder_put64(builder, builder_at(builder, BUILDER_REFCOUNT_TABLE),
                  builder_at(builder, BUILDER_REFCOUNT_BLOCK));
    builder_put64(builder, builder_at(builder, BUILDER_L1),
                  builder_at(builder, BUILDER_L2) | QCOW2_ENTRY_COPIED);
}

void builder_clear(Builder *builder)
{
    g_clear_pointer(&builder->bytes, g_byte_array_unref);
}

void builder_put_l2(Builder *builder, guint64 index, guint64 descriptor, guint64 bitmap)
{
    guint64 entry_bytes = builder->has_extended_l2 ? 16 : 8;
    guint64 offset = builder_at(builder, BUILDER_L2) + index * entry_bytes;
    builder_put64(builder, offset, descriptor);
    if (builder->has_extended_l2)
        builder_put64(builder, offset + 8, bitmap);
}

guint64 builder_append_data(Builder *builder, guint8 fill)
{
    guint64 offset = append_clusters(builder, 1);
    memset(builder->bytes->data + offset, fill, (gsize)builder_cluster_bytes(builder));
    return offset;
}

guint64 builder_append_compressed(Builder *builder, guint8 fill)
{
    gsize cluster_bytes = (gsize)builder_cluster_bytes(builder);
    g_autofree guint8 *content = g_malloc(cluster_bytes);
    memset(content, fill, cluster_bytes);
    guint64 offset = append_clusters(builder, 1);
    g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_RAW, 6);
    gsize taken = 0;
    gsize made = 0;
    GConverterResult result = g_converter_convert(G_CONVERTER(compressor), content, cluster_bytes,
                                                  builder->bytes->data + offset, cluster_bytes,
                                                  G_CONVERTER_INPUT_AT_END, &taken, &made, NULL);
    g_assert(result == G_CONVERTER_FINISHED && taken == cluster_bytes);
    guint64 sectors = (made + QCOW2_SECTOR_BYTES - 1) / QCOW2_SECTOR_BYTES;
    return QCOW2_L2_COMPRESSED | (sectors - 1) << (62 - (builder->cluster_bits - 8)) | offset;
}

void builder_put_extension(Builder *builder, guint32 *at, guint32 type, const void *bytes,
                           guint32 length)
{
    builder_put32(builder, *at, type);
    builder_put32(builder, *at + 4, length);
    g_assert(*at + 8 + length <= builder->bytes->len);
    memcpy(builder->bytes->data + *at + 8, bytes, length);
    *at += 8 + ((length + 7) & ~7u);
}

int builder_open(const Builder *builder)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    g_assert(fd >= 0);
    gssize written = pwrite(fd, builder->bytes->data, builder->bytes->len, 0);
    g_assert(written == (gssize)builder->bytes->len);
    return fd;
}
