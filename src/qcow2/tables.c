/*
 * Checks the tables of an image: every cluster that they name lies in the file and has one use.
 *
 * A map with two bits a host cluster remembers the uses. Only compressed clusters may share a host
 * cluster, and only with each other. Because no L2 table can be claimed twice, the work is bounded
 * by the size of the file, whatever the L1 table claims.
 */
#include "qcow2/header.h"

#include "foundation/error.h"
#include "qcow2/format.h"
#include "qcow2/table_cache.h"

typedef enum { USE_NONE, USE_ALONE, USE_COMPRESSED } Use;

enum { USE_BITS = 2, USES_PER_BYTE = 8 / USE_BITS };

/* 64 TiB of file with clusters of 64 KiB; the map takes 256 MiB then, of which only touched pages
 * are real. */
#define MAX_HOST_CLUSTERS (G_GUINT64_CONSTANT(1) << 30)

typedef struct {
    const Qcow2Header *header;
    const char *name;
    guint8 *uses;
    guint64 host_clusters;
    TableCache tables;
} Check;

static void check_clear(Check *check)
{
    g_free(check->uses);
    table_cache_clear(&check->tables);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Check, check_clear)

static gboolean check_init(Check *check, int fd, const Qcow2Header *header, const char *name,
                           GError **error)
{
    guint64 cluster_bytes = qcow2_cluster_bytes(header);
    *check = (Check){.header = header, .name = name};
    table_cache_init(&check->tables, fd, header, TABLE_CACHE_SCAN_BYTES);
    check->host_clusters =
        header->file_bytes / cluster_bytes + (header->file_bytes % cluster_bytes != 0);
    if (check->host_clusters > MAX_HOST_CLUSTERS)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "convert it with 'qemu-img convert' to clusters of 64 KiB or more",
                         "'%s' has too many clusters to be checked", name);
    check->uses = g_try_malloc0(check->host_clusters / USES_PER_BYTE + 1);
    if (check->uses == NULL)
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL,
                         "there is not enough memory to check '%s'", name);
    return TRUE;
}

static Use use_of(const Check *check, guint64 cluster)
{
    guint shift = (guint)(cluster % USES_PER_BYTE) * USE_BITS;
    return (Use)((check->uses[cluster / USES_PER_BYTE] >> shift) & 3);
}

/*
 * Notes the use of the clusters from `offset` on; FALSE where another use is in the way. What lies
 * beyond the end of the file (the rest of a last, half written cluster) cannot collide.
 */
static gboolean claim(Check *check, guint64 offset, guint64 length, Use use)
{
    guint64 first = offset >> check->header->cluster_bits;
    guint64 last = (offset + length - 1) >> check->header->cluster_bits;
    for (guint64 i = first; length > 0 && i <= last && i < check->host_clusters; i++) {
        Use before = use_of(check, i);
        if (before != USE_NONE && !(before == USE_COMPRESSED && use == USE_COMPRESSED))
            return FALSE;
        check->uses[i / USES_PER_BYTE] |=
            (guint8)((guint)use << ((guint)(i % USES_PER_BYTE) * USE_BITS));
    }
    return TRUE;
}

/* The header's own tables do not overlap (header.c), but small ones could share a cluster. */
static gboolean claim_fixed(Check *check, GError **error)
{
    const Qcow2Header *header = check->header;
    guint64 cluster_bytes = qcow2_cluster_bytes(header);
    gboolean is_free =
        claim(check, 0, cluster_bytes, USE_ALONE) &&
        claim(check, header->l1_offset, (guint64)header->l1_entries * 8, USE_ALONE) &&
        claim(check, header->refcount_table_offset, header->refcount_table_clusters * cluster_bytes,
              USE_ALONE) &&
        claim(check, header->snapshots_offset,
              (guint64)header->snapshot_count * QCOW2_MIN_SNAPSHOT_BYTES, USE_ALONE) &&
        claim(check, header->bitmap_directory_offset, header->bitmap_directory_bytes, USE_ALONE);
    if (!is_free)
        return qcow2_set_unsound(error, check->name, "two tables share a cluster");
    return TRUE;
}

static gboolean claim_refcount_block(Check *check, guint64 index, guint64 entry, GError **error)
{
    guint64 cluster_bytes = qcow2_cluster_bytes(check->header);
    guint64 file_bytes = check->header->file_bytes;
    if (entry == 0)
        return TRUE;
    const char *problem = NULL;
    if (entry % cluster_bytes != 0)
        problem = "is misaligned or has reserved bits set";
    else if (entry > file_bytes - cluster_bytes)
        problem = "lies beyond the end of the file";
    else if (!claim(check, entry, cluster_bytes, USE_ALONE))
        problem = "lies where something else is";
    if (problem != NULL)
        return qcow2_set_unsound(error, check->name, "refcount block %" G_GUINT64_FORMAT " %s",
                                 index, problem);
    return TRUE;
}

static gboolean check_refcount_table(Check *check, GError **error)
{
    const Qcow2Header *header = check->header;
    guint64 entries = header->refcount_table_clusters * qcow2_cluster_bytes(header) / 8;
    for (guint64 i = 0; i < entries; i++) {
        const guint8 *entry =
            table_cache_get(&check->tables, header->refcount_table_offset + i * 8, error);
        if (entry == NULL || !claim_refcount_block(check, i, qcow2_load64(entry), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean claim_cluster(Check *check, const Qcow2Cluster *cluster)
{
    if (cluster->is_compressed)
        return claim(check, cluster->host_offset, cluster->compressed_bytes, USE_COMPRESSED);
    if (cluster->host_offset == 0)
        return TRUE;
    return claim(check, cluster->host_offset, qcow2_cluster_bytes(check->header), USE_ALONE);
}

static gboolean check_l2_table(Check *check, guint64 l2_offset, guint64 guest_offset,
                               GError **error)
{
    const Qcow2Header *header = check->header;
    guint entry_bytes = qcow2_l2_entry_bytes(header);
    guint64 entries = qcow2_cluster_bytes(header) / entry_bytes;
    for (guint64 i = 0; i < entries; i++) {
        const guint8 *entry = table_cache_get(&check->tables, l2_offset + i * entry_bytes, error);
        if (entry == NULL)
            return FALSE;
        guint64 bitmap = header->has_extended_l2 ? qcow2_load64(entry + 8) : 0;
        Qcow2Cluster cluster = {0};
        const char *problem = qcow2_cluster_decode(header, qcow2_load64(entry), bitmap, &cluster);
        if (problem == NULL && !claim_cluster(check, &cluster))
            problem = "names a cluster that something else uses";
        if (problem != NULL)
            return qcow2_set_unsound(error, check->name,
                                     "the L2 entry for guest byte %" G_GUINT64_FORMAT " %s",
                                     guest_offset + (i << header->cluster_bits), problem);
    }
    return TRUE;
}

/* All L2 tables are claimed before any is followed, so that none can hide in another's cluster. */
static gboolean check_l1_table(Check *check, GError **error)
{
    const Qcow2Header *header = check->header;
    for (guint64 i = 0; i < header->l1_entries; i++) {
        const guint8 *entry = table_cache_get(&check->tables, header->l1_offset + i * 8, error);
        if (entry == NULL)
            return FALSE;
        guint64 l2_offset = 0;
        const char *problem = qcow2_l1_decode(header, qcow2_load64(entry), &l2_offset);
        if (problem == NULL && l2_offset != 0 &&
            !claim(check, l2_offset, qcow2_cluster_bytes(header), USE_ALONE))
            problem = "names a cluster that something else uses";
        if (problem != NULL)
            return qcow2_set_unsound(error, check->name, "L1 entry %" G_GUINT64_FORMAT " %s", i,
                                     problem);
    }
    return TRUE;
}

static gboolean check_l2_tables(Check *check, GError **error)
{
    const Qcow2Header *header = check->header;
    guint64 coverage = qcow2_l2_coverage(header);
    for (guint64 i = 0; i < header->l1_entries; i++) {
        const guint8 *entry = table_cache_get(&check->tables, header->l1_offset + i * 8, error);
        if (entry == NULL)
            return FALSE;
        guint64 l2_offset = qcow2_load64(entry) & QCOW2_ENTRY_OFFSET_MASK;
        if (l2_offset != 0 && !check_l2_table(check, l2_offset, i * coverage, error))
            return FALSE;
    }
    return TRUE;
}

gboolean qcow2_check_tables(int fd, const Qcow2Header *header, const char *name, GError **error)
{
    g_auto(Check) check = {0};
    return check_init(&check, fd, header, name, error) && claim_fixed(&check, error) &&
           check_refcount_table(&check, error) && check_l1_table(&check, error) &&
           check_l2_tables(&check, error);
}

gboolean qcow2_is_unwritten(int fd, const Qcow2Header *header, gboolean *unwritten_out,
                            GError **error)
{
    guint8 entries[4096];
    guint64 bytes = (guint64)header->l1_entries * 8;
    gboolean is_unwritten = header->snapshot_count == 0 && header->bitmap_count == 0;
    for (guint64 at = 0; is_unwritten && at < bytes; at += sizeof entries) {
        gsize length = (gsize)MIN(bytes - at, sizeof entries);
        if (!qcow2_read_padded(fd, header->l1_offset + at, entries, length, error))
            return FALSE;
        for (gsize i = 0; i < length; i++)
            is_unwritten = is_unwritten && entries[i] == 0;
    }
    *unwritten_out = is_unwritten;
    return TRUE;
}
