/* Crafts qcow2 images byte by byte, sound ones first, to be damaged by the tests. */
#pragma once

#include <glib.h>

/* The layout, in clusters: header, refcount table, refcount block, L1, one L2, then what is added.
 */
enum {
    BUILDER_REFCOUNT_TABLE = 1,
    BUILDER_REFCOUNT_BLOCK = 2,
    BUILDER_L1 = 3,
    BUILDER_L2 = 4,
    BUILDER_FIRST_FREE = 5,
};

typedef struct {
    GByteArray *bytes;
    guint version;
    guint cluster_bits;
    gboolean has_extended_l2;
} Builder;

/* A sound, empty image of `capacity` bytes that one L2 table maps. */
void builder_init(Builder *builder, guint version, guint cluster_bits, gboolean has_extended_l2,
                  guint64 capacity);
void builder_clear(Builder *builder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Builder, builder_clear)

guint64 builder_cluster_bytes(const Builder *builder);
/* The file offset of a cluster. */
guint64 builder_at(const Builder *builder, guint64 cluster);
void builder_put32(Builder *builder, guint64 offset, guint32 value);
void builder_put64(Builder *builder, guint64 offset, guint64 value);
guint64 builder_get64(const Builder *builder, guint64 offset);
/* Writes an L2 entry; `bitmap` counts with extended L2 only. */
void builder_put_l2(Builder *builder, guint64 index, guint64 descriptor, guint64 bitmap);
/* Appends a cluster full of `fill` and returns its offset. */
guint64 builder_append_data(Builder *builder, guint8 fill);
/* Appends a compressed cluster full of `fill` and returns its L2 descriptor. */
guint64 builder_append_compressed(Builder *builder, guint8 fill);
/* Appends a header extension; to be called before anything else is put into the header's free
 * space. */
void builder_put_extension(Builder *builder, guint32 *at, guint32 type, const void *bytes,
                           guint32 length);
/* An unnamed file with the content. The caller closes it. */
int builder_open(const Builder *builder);
