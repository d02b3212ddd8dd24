/* The on-disk format of qcow2 as its readers and writers share it (QEMU docs/interop/qcow2.txt). */
#pragma once

#include <glib.h>

#include "qcow2/header.h"

enum {
    QCOW2_MAGIC = 0x514649fb, /* "QFI\xfb" */
    QCOW2_VERSION_2_HEADER_BYTES = 72,
    QCOW2_VERSION_3_HEADER_BYTES = 104,
    QCOW2_MIN_CLUSTER_BITS = 9,
    QCOW2_MAX_CLUSTER_BITS = 21,
    QCOW2_MIN_EXTENDED_L2_CLUSTER_BITS = 14,
    QCOW2_DEFAULT_REFCOUNT_ORDER = 4, /* 16 bits; the only order of version 2 */
    QCOW2_MAX_REFCOUNT_ORDER = 6,
    QCOW2_MAX_NAME_BYTES = 1023,
    QCOW2_MAX_FORMAT_NAME_BYTES = 15,
    QCOW2_MAX_L1_BYTES = 32 * 1024 * 1024,            /* QEMU's limit */
    QCOW2_MAX_REFCOUNT_TABLE_BYTES = 8 * 1024 * 1024, /* QEMU's limit */
    QCOW2_MAX_SNAPSHOTS = 65536,
    QCOW2_MIN_SNAPSHOT_BYTES = 40,
    QCOW2_MAX_BITMAPS = 65535,
    QCOW2_SUBCLUSTERS = 32,
    QCOW2_SECTOR_BYTES = 512,
};

#define QCOW2_MAX_CAPACITY_BYTES (G_GUINT64_CONSTANT(1) << 56)

/* Where the fields of the header lie. */
enum {
    QCOW2_AT_MAGIC = 0,
    QCOW2_AT_VERSION = 4,
    QCOW2_AT_BACKING_OFFSET = 8,
    QCOW2_AT_BACKING_BYTES = 16,
    QCOW2_AT_CLUSTER_BITS = 20,
    QCOW2_AT_CAPACITY = 24,
    QCOW2_AT_CRYPT_METHOD = 32,
    QCOW2_AT_L1_ENTRIES = 36,
    QCOW2_AT_L1_OFFSET = 40,
    QCOW2_AT_REFCOUNT_TABLE_OFFSET = 48,
    QCOW2_AT_REFCOUNT_TABLE_CLUSTERS = 56,
    QCOW2_AT_SNAPSHOT_COUNT = 60,
    QCOW2_AT_SNAPSHOTS_OFFSET = 64,
    QCOW2_AT_INCOMPATIBLE = 72,
    QCOW2_AT_COMPATIBLE = 80,
    QCOW2_AT_AUTOCLEAR = 88,
    QCOW2_AT_REFCOUNT_ORDER = 96,
    QCOW2_AT_HEADER_LENGTH = 100,
    QCOW2_AT_COMPRESSION_TYPE = 104,
};

enum {
    QCOW2_INCOMPATIBLE_DIRTY = 1 << 0,
    QCOW2_INCOMPATIBLE_CORRUPT = 1 << 1,
    QCOW2_INCOMPATIBLE_DATA_FILE = 1 << 2,
    QCOW2_INCOMPATIBLE_COMPRESSION = 1 << 3,
    QCOW2_INCOMPATIBLE_EXTENDED_L2 = 1 << 4,
    QCOW2_INCOMPATIBLE_KNOWN = (1 << 5) - 1,
};

enum {
    QCOW2_EXTENSION_END = 0,
    QCOW2_EXTENSION_BITMAPS = 0x23852875,
    QCOW2_EXTENSION_DATA_FILE = 0x44415441,
};
#define QCOW2_EXTENSION_BACKING_FORMAT 0xe2792acau

#define QCOW2_ENTRY_OFFSET_MASK G_GUINT64_CONSTANT(0x00fffffffffffe00)
#define QCOW2_ENTRY_COPIED      (G_GUINT64_CONSTANT(1) << 63)
#define QCOW2_L2_COMPRESSED     (G_GUINT64_CONSTANT(1) << 62)
#define QCOW2_L2_ZERO           G_GUINT64_CONSTANT(1)

guint32 qcow2_load32(const guint8 *bytes);
guint64 qcow2_load64(const guint8 *bytes);
void qcow2_store32(guint8 *bytes, guint32 value);
void qcow2_store64(guint8 *bytes, guint64 value);

/* Size of the regular file or block device behind `fd`. */
gboolean qcow2_file_bytes(int fd, guint64 *bytes_out, GError **error);
/* Reads up to `length` bytes at `offset`, fewer only at the end of the file; BACKEND on failure. */
gboolean qcow2_read_at(int fd, guint64 offset, void *buffer, gsize length, gsize *read_out,
                       GError **error);
/* The same, with zeroes for what lies beyond the end of the file. */
gboolean qcow2_read_padded(int fd, guint64 offset, void *buffer, gsize length, GError **error);

/* Sets INVALID, "'NAME' is not a sound qcow2 image: …", with the hint for such images; returns
 * FALSE. */
gboolean qcow2_set_unsound(GError **error, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

guint64 qcow2_cluster_bytes(const Qcow2Header *header);
/* Bytes of one L2 entry: 8, or 16 with extended L2. */
guint qcow2_l2_entry_bytes(const Qcow2Header *header);
/* Guest bytes that one L2 table maps. */
guint64 qcow2_l2_coverage(const Qcow2Header *header);

/*
 * An L1 entry: the offset of its L2 table, 0 for none. The result of this and the next is NULL, or
 * what is wrong with the entry: "is misaligned" … (static text).
 */
const char *qcow2_l1_decode(const Qcow2Header *header, guint64 entry, guint64 *l2_offset_out);

typedef struct {
    gboolean is_compressed;
    guint64 host_offset; /* 0: no host cluster */
    guint32 data_bits;   /* subclusters with data, the lowest bit first; without extended L2 all or
                            none */
    guint32 zero_bits;   /* subclusters that read as zeroes; neither bit: the backing image's */
    gsize compressed_bytes; /* at most this much from host_offset on */
} Qcow2Cluster;

/* An L2 entry; `bitmap` is its second half with extended L2. */
const char *qcow2_cluster_decode(const Qcow2Header *header, guint64 descriptor, guint64 bitmap,
                                 Qcow2Cluster *cluster_out);
