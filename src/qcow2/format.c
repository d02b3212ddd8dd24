/* Decodes the entries of qcow2 tables and reads from image files with explicit bounds. */
#include "qcow2/format.h"

#include "foundation/error.h"
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define L1_RESERVED_MASK G_GUINT64_CONSTANT(0x7f000000000001ff)
#define L2_RESERVED_MASK G_GUINT64_CONSTANT(0x3f000000000001fe)
#define ALL_SUBCLUSTERS  G_MAXUINT32
#define MAX_FILE_OFFSET  ((guint64)G_MAXINT64)

guint32 qcow2_load32(const guint8 *bytes)
{
    guint32 value = 0;
    memcpy(&value, bytes, sizeof value);
    return GUINT32_FROM_BE(value);
}

guint64 qcow2_load64(const guint8 *bytes)
{
    guint64 value = 0;
    memcpy(&value, bytes, sizeof value);
    return GUINT64_FROM_BE(value);
}

void qcow2_store32(guint8 *bytes, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(bytes, &value, sizeof value);
}

void qcow2_store64(guint8 *bytes, guint64 value)
{
    value = GUINT64_TO_BE(value);
    memcpy(bytes, &value, sizeof value);
}

gboolean qcow2_file_bytes(int fd, guint64 *bytes_out, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the image");
    if (S_ISREG(status.st_mode)) {
        *bytes_out = (guint64)status.st_size;
        return TRUE;
    }
    if (!S_ISBLK(status.st_mode))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "the image is neither a regular file nor a block device");
    if (ioctl(fd, BLKGETSIZE64, bytes_out) != 0)
        return error_set_errno(error, errno, "cannot ask the block device for its size");
    return TRUE;
}

gboolean qcow2_read_at(int fd, guint64 offset, void *buffer, gsize length, gsize *read_out,
                       GError **error)
{
    gsize total = 0;
    while (total < length && offset <= MAX_FILE_OFFSET - length) {
        gssize count = pread(fd, (guint8 *)buffer + total, length - total, (off_t)(offset + total));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot read the image at byte %" G_GUINT64_FORMAT,
                                   offset + total);
        if (count == 0)
            break;
        total += (gsize)count;
    }
    *read_out = total;
    return TRUE;
}

gboolean qcow2_read_padded(int fd, guint64 offset, void *buffer, gsize length, GError **error)
{
    gsize count = 0;
    if (!qcow2_read_at(fd, offset, buffer, length, &count, error))
        return FALSE;
    memset((guint8 *)buffer + count, 0, length - count);
    return TRUE;
}

gboolean qcow2_set_unsound(GError **error, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *finding = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "look at it with 'qemu-img check' and use a repaired copy or another source",
                     "'%s' is not a sound qcow2 image: %s", name, finding);
}

guint64 qcow2_cluster_bytes(const Qcow2Header *header)
{
    return G_GUINT64_CONSTANT(1) << header->cluster_bits;
}

guint qcow2_l2_entry_bytes(const Qcow2Header *header)
{
    return header->has_extended_l2 ? 16 : 8;
}

guint64 qcow2_l2_coverage(const Qcow2Header *header)
{
    guint64 cluster_bytes = qcow2_cluster_bytes(header);
    return cluster_bytes / qcow2_l2_entry_bytes(header) * cluster_bytes;
}

static gboolean is_misaligned(const Qcow2Header *header, guint64 offset)
{
    return (offset & (qcow2_cluster_bytes(header) - 1)) != 0;
}

const char *qcow2_l1_decode(const Qcow2Header *header, guint64 entry, guint64 *l2_offset_out)
{
    guint64 offset = entry & QCOW2_ENTRY_OFFSET_MASK;
    guint64 cluster_bytes = qcow2_cluster_bytes(header);
    if ((entry & L1_RESERVED_MASK) != 0)
        return "has reserved bits set";
    if (is_misaligned(header, offset))
        return "is misaligned";
    if (offset != 0 &&
        (header->file_bytes < cluster_bytes || offset > header->file_bytes - cluster_bytes))
        return "points beyond the end of the file";
    *l2_offset_out = offset;
    return NULL;
}

/*
 * A compressed cluster: the byte offset in the low x bits, the number of further 512-byte sectors
 * above it. The last sector may lie beyond the end of the file, but by less than a cluster.
 */
static const char *decode_compressed(const Qcow2Header *header, guint64 descriptor, guint64 bitmap,
                                     Qcow2Cluster *cluster_out)
{
    guint shift = 62 - (header->cluster_bits - 8);
    guint64 offset = descriptor & ((G_GUINT64_CONSTANT(1) << shift) - 1);
    guint64 sectors = ((descriptor & ~(QCOW2_L2_COMPRESSED | QCOW2_ENTRY_COPIED)) >> shift) + 1;
    guint64 length = sectors * QCOW2_SECTOR_BYTES - offset % QCOW2_SECTOR_BYTES;
    if ((descriptor & QCOW2_ENTRY_COPIED) != 0 || bitmap != 0)
        return "is compressed and has reserved bits set";
    if (offset >= header->file_bytes ||
        offset + length >= header->file_bytes + qcow2_cluster_bytes(header))
        return "points beyond the end of the file";
    *cluster_out = (Qcow2Cluster){.is_compressed = TRUE,
                                  .host_offset = offset,
                                  .data_bits = ALL_SUBCLUSTERS,
                                  .compressed_bytes = (gsize)length};
    return NULL;
}

/* The last cluster of a file may be half there: QEMU writes no more of it than it needs. */
static const char *check_host_offset(const Qcow2Header *header, guint64 offset)
{
    if (is_misaligned(header, offset))
        return "is misaligned";
    if (offset >= header->file_bytes && offset != 0)
        return "points beyond the end of the file";
    return NULL;
}

const char *qcow2_cluster_decode(const Qcow2Header *header, guint64 descriptor, guint64 bitmap,
                                 Qcow2Cluster *cluster_out)
{
    if ((descriptor & QCOW2_L2_COMPRESSED) != 0)
        return decode_compressed(header, descriptor, bitmap, cluster_out);
    gboolean may_be_zero = header->version >= 3 && !header->has_extended_l2;
    if ((descriptor & (L2_RESERVED_MASK | (may_be_zero ? 0 : QCOW2_L2_ZERO))) != 0)
        return "has reserved bits set";
    guint64 offset = descriptor & QCOW2_ENTRY_OFFSET_MASK;
    const char *problem = check_host_offset(header, offset);
    if (problem != NULL)
        return problem;
    guint32 data_bits = (guint32)bitmap;
    guint32 zero_bits = (guint32)(bitmap >> 32);
    if (!header->has_extended_l2) {
        gboolean is_zero = (descriptor & QCOW2_L2_ZERO) != 0;
        zero_bits = is_zero ? ALL_SUBCLUSTERS : 0;
        data_bits = !is_zero && offset != 0 ? ALL_SUBCLUSTERS : 0;
    }
    if ((data_bits & zero_bits) != 0)
        return "says of one subcluster that it is both data and zeroes";
    if (data_bits != 0 && offset == 0)
        return "has data but no place for it";
    *cluster_out =
        (Qcow2Cluster){.host_offset = offset, .data_bits = data_bits, .zero_bits = zero_bits};
    return NULL;
}
