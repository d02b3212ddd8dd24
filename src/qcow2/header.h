/*
 * qcow2 headers, read as what they are: hostile input (QEMU docs/interop/qcow2.txt; CVE-2024-32498,
 * CVE-2024-4467). Never follows a name that it finds.
 */
#pragma once

#include <glib.h>

typedef struct {
    guint32 version; /* 2 or 3 */
    guint32 cluster_bits;
    guint64 capacity_bytes; /* guest-visible */
    guint64 incompatible, compatible, autoclear;
    guint32 refcount_order;
    guint32 header_length;
    guint32 crypt_method;
    guint32 compression_type; /* 0 zlib, 1 zstd */
    guint32 snapshot_count;
    guint32 bitmap_count;
    guint64 l1_offset, refcount_table_offset, snapshots_offset;
    guint64 bitmap_directory_offset, bitmap_directory_bytes; /* 0: none */
    guint32 l1_entries, refcount_table_clusters;
    gboolean is_dirty, is_corrupt, has_data_file, has_extended_l2, is_encrypted;
    char *backing_file;   /* NULL: none */
    char *backing_format; /* NULL: not named */
    char *data_file;      /* NULL: none or not named */
    char *identity;       /* our own header extension, text; NULL: none */
    guint64 file_bytes;   /* size of the file as seen */
} Qcow2Header;
void qcow2_header_clear(Qcow2Header *header);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Qcow2Header, qcow2_header_clear)

/* TRUE where the first bytes of `fd` are qcow2's magic. Reads only. */
gboolean qcow2_has_magic(int fd);
/*
 * Parses and bounds-checks the header of `fd` (never moves its offset). INVALID with what is wrong:
 * unknown versions or incompatible bits, tables misaligned, beyond the end of the file or
 * overlapping the header, sizes beyond what the L1 table can map or beyond 2^56 bytes, over-long
 * names, extensions past the first cluster. `name` is for messages.
 */
gboolean qcow2_header_read(int fd, const char *name, Qcow2Header *header_out, GError **error);
/* What an import refuses although QEMU would open it: backing file, data file, encryption, corrupt
 * bit (and the dirty bit unless allowed), internal snapshots. REFUSED with what was found and the
 * remedy. */
gboolean qcow2_header_check_plain(const Qcow2Header *header, const char *name, gboolean allow_dirty,
                                  GError **error);
/*
 * The deep check of an image's tables: each L1 and L2 entry aligned and inside the file, no cluster
 * used twice by two tables, reserved bits clear. INVALID names the first finding. Cost: reads L1,
 * L2 and refcount tables only. The tables of internal snapshots and bitmaps are not followed.
 */
gboolean qcow2_check_tables(int fd, const Qcow2Header *header, const char *name, GError **error);
/*
 * Whether the guest has never written to this overlay since it was made: L1 empty, no internal
 * snapshot, no bitmap. Sound also with extended L2 and lazy refcounts.
 */
gboolean qcow2_is_unwritten(int fd, const Qcow2Header *header, gboolean *unwritten_out,
                            GError **error);
