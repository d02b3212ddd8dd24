/*
 * Looks up guest offsets in one image.
 *
 * A qcow2 image may be in use by a guest while we look: the file can grow after its size was read.
 * An entry that points beyond the end is therefore looked at once more with the new size.
 */
#include "qcow2/image.h"

#include "foundation/error.h"
#include "qcow2/format.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Entries merged into one run at most, so that a lookup takes bounded time. */
enum { MAX_MERGED_ENTRIES = 4096 };

static gboolean init_raw(Image *image, GError **error)
{
    guint64 bytes = 0;
    if (!qcow2_file_bytes(image->fd, &bytes, error))
        return FALSE;
    image->capacity = (bytes + QCOW2_SECTOR_BYTES - 1) & ~(guint64)(QCOW2_SECTOR_BYTES - 1);
    return TRUE;
}

static gboolean check_readable(const Image *image, GError **error)
{
    if (image->header.is_encrypted)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "decrypt it with 'qemu-img convert' first", "'%s' is encrypted",
                         image->name);
    if (image->header.has_data_file)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "make one file of it with 'qemu-img convert' first",
                         "'%s' keeps its content in a data file", image->name);
    return TRUE;
}

/* NULL or what is wrong; asks for the file's size again before it believes that an entry is wrong.
 */
static const char *decode_l1(Image *image, guint64 entry, guint64 *l2_offset_out)
{
    const char *problem = qcow2_l1_decode(&image->header, entry, l2_offset_out);
    if (problem == NULL || !qcow2_file_bytes(image->fd, &image->header.file_bytes, NULL))
        return problem;
    return qcow2_l1_decode(&image->header, entry, l2_offset_out);
}

static const char *decode_cluster(Image *image, guint64 descriptor, guint64 bitmap,
                                  Qcow2Cluster *cluster_out)
{
    const char *problem = qcow2_cluster_decode(&image->header, descriptor, bitmap, cluster_out);
    if (problem == NULL || !qcow2_file_bytes(image->fd, &image->header.file_bytes, NULL))
        return problem;
    return qcow2_cluster_decode(&image->header, descriptor, bitmap, cluster_out);
}

/* A table named by more than one entry would make a small file cost unbounded work. */
static gboolean check_l1(Image *image, GError **error)
{
    const Qcow2Header *header = &image->header;
    guint64 tables = 0;
    for (guint64 i = 0; i < header->l1_entries; i++) {
        const guint8 *entry = table_cache_get(&image->tables, header->l1_offset + i * 8, error);
        if (entry == NULL)
            return FALSE;
        guint64 l2_offset = 0;
        const char *problem = decode_l1(image, qcow2_load64(entry), &l2_offset);
        if (problem != NULL)
            return qcow2_set_unsound(error, image->name, "L1 entry %" G_GUINT64_FORMAT " %s", i,
                                     problem);
        tables += l2_offset != 0;
    }
    if (tables > header->file_bytes >> header->cluster_bits)
        return qcow2_set_unsound(error, image->name, "several L1 entries name the same L2 table");
    return TRUE;
}

static gboolean init_qcow2(Image *image, GError **error)
{
    if (!qcow2_header_read(image->fd, image->name, &image->header, error) ||
        !check_readable(image, error))
        return FALSE;
    image->capacity = image->header.capacity_bytes & ~(guint64)(QCOW2_SECTOR_BYTES - 1);
    table_cache_init(&image->tables, image->fd, &image->header, TABLE_CACHE_PAGE_BYTES);
    return check_l1(image, error);
}

static gboolean init_format(Image *image, const char *format, GError **error)
{
    if (strcmp(format, "raw") == 0) {
        image->is_raw = TRUE;
        return init_raw(image, error);
    }
    if (strcmp(format, "qcow2") == 0)
        return init_qcow2(image, error);
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "the format '%s' of '%s' is not known",
                     format, image->name);
}

gboolean image_init(Image *image, int fd, const char *format, const char *name, GError **error)
{
    *image = (Image){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3), .name = g_strdup(name)};
    if (image->fd < 0) {
        error_set_errno(error, errno, "cannot keep '%s' open", name);
    } else if (init_format(image, format, error)) {
        return TRUE;
    }
    image_clear(image);
    return FALSE;
}

void image_clear(Image *image)
{
    if (image->name != NULL && image->fd >= 0)
        close(image->fd);
    g_free(image->name);
    table_cache_clear(&image->tables);
    qcow2_header_clear(&image->header);
    *image = (Image){.fd = -1};
}

/* Where the file system cannot tell its holes, everything is data. */
static gboolean lookup_raw(const Image *image, guint64 offset, Run *run_out, GError **error)
{
    guint64 rest = image->capacity - offset;
    *run_out = (Run){.kind = RUN_DATA, .length = rest, .host_offset = offset};
    off_t data = lseek(image->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        run_out->kind = RUN_ZERO;
    } else if (data < 0 && errno != EINVAL && errno != EOPNOTSUPP) {
        return error_set_errno(error, errno, "cannot look for data in '%s'", image->name);
    } else if (data > (off_t)offset) {
        run_out->kind = RUN_ZERO;
        run_out->length = MIN(rest, (guint64)data - offset);
    } else if (data >= 0) {
        off_t hole = lseek(image->fd, (off_t)offset, SEEK_HOLE);
        if (hole > (off_t)offset)
            run_out->length = MIN(rest, (guint64)hole - offset);
    }
    return TRUE;
}

/* The run of equal subclusters from `within` on. */
static void run_of_cluster(const Image *image, const Qcow2Cluster *cluster, guint64 within,
                           Run *run_out)
{
    guint64 cluster_bytes = qcow2_cluster_bytes(&image->header);
    guint64 subcluster_bytes = cluster_bytes / QCOW2_SUBCLUSTERS;
    if (cluster->is_compressed) {
        *run_out = (Run){RUN_COMPRESSED, cluster_bytes - within, cluster->host_offset,
                         cluster->compressed_bytes, within};
        return;
    }
    guint first = (guint)(within / subcluster_bytes);
    gboolean has_data = (cluster->data_bits >> first) & 1;
    gboolean is_zero = (cluster->zero_bits >> first) & 1;
    guint next = first + 1;
    while (next < QCOW2_SUBCLUSTERS && ((cluster->data_bits >> next) & 1) == (guint32)has_data &&
           ((cluster->zero_bits >> next) & 1) == (guint32)is_zero)
        next++;
    *run_out = (Run){.kind = has_data  ? RUN_DATA
                             : is_zero ? RUN_ZERO
                                       : RUN_UNALLOCATED,
                     .length = next * subcluster_bytes - within,
                     .host_offset = cluster->host_offset + within};
}

/* FALSE where the L2 entry cannot be read; what is wrong with it goes to `problem_out`, NULL:
 * nothing. */
static gboolean load_cluster(Image *image, guint64 l2_offset, guint64 offset,
                             Qcow2Cluster *cluster_out, const char **problem_out, GError **error)
{
    const Qcow2Header *header = &image->header;
    guint entry_bytes = qcow2_l2_entry_bytes(header);
    guint64 index = (offset % qcow2_l2_coverage(header)) >> header->cluster_bits;
    const guint8 *entry = table_cache_get(&image->tables, l2_offset + index * entry_bytes, error);
    if (entry == NULL)
        return FALSE;
    guint64 bitmap = header->has_extended_l2 ? qcow2_load64(entry + 8) : 0;
    *problem_out = decode_cluster(image, qcow2_load64(entry), bitmap, cluster_out);
    return TRUE;
}

/* The run at `offset` as one L1 or L2 entry tells it. */
static gboolean lookup_entry(Image *image, guint64 offset, Run *run_out, GError **error)
{
    const Qcow2Header *header = &image->header;
    guint64 coverage = qcow2_l2_coverage(header);
    guint64 l1_at = header->l1_offset + offset / coverage * 8;
    const guint8 *l1_entry = table_cache_get(&image->tables, l1_at, error);
    if (l1_entry == NULL)
        return FALSE;
    guint64 l2_offset = 0;
    const char *problem = decode_l1(image, qcow2_load64(l1_entry), &l2_offset);
    if (problem != NULL)
        return qcow2_set_unsound(error, image->name, "L1 entry %" G_GUINT64_FORMAT " %s",
                                 offset / coverage, problem);
    if (l2_offset == 0) {
        *run_out = (Run){.kind = RUN_UNALLOCATED, .length = coverage - offset % coverage};
        return TRUE;
    }
    Qcow2Cluster cluster = {0};
    if (!load_cluster(image, l2_offset, offset, &cluster, &problem, error))
        return FALSE;
    if (problem != NULL)
        return qcow2_set_unsound(error, image->name,
                                 "the L2 entry for guest byte %" G_GUINT64_FORMAT " %s", offset,
                                 problem);
    run_of_cluster(image, &cluster, offset & (qcow2_cluster_bytes(header) - 1), run_out);
    return TRUE;
}

static gboolean continues(const Run *run, const Run *next)
{
    return run->kind == next->kind && run->kind != RUN_COMPRESSED &&
           (run->kind != RUN_DATA || run->host_offset + run->length == next->host_offset);
}

gboolean image_lookup(Image *image, guint64 offset, guint64 enough, Run *run_out, GError **error)
{
    if (image->is_raw)
        return lookup_raw(image, offset, run_out, error);
    Run run = {0};
    if (!lookup_entry(image, offset, &run, error))
        return FALSE;
    enough = MIN(enough, image->capacity - offset);
    for (guint merged = 1; merged < MAX_MERGED_ENTRIES && run.length < enough; merged++) {
        Run next = {0};
        if (!lookup_entry(image, offset + run.length, &next, error))
            return FALSE;
        if (!continues(&run, &next))
            break;
        run.length += next.length;
    }
    run.length = MIN(run.length, image->capacity - offset);
    *run_out = run;
    return TRUE;
}

/* Raw deflate until the cluster is full; what follows in the last sector is another's. */
static gboolean inflate_cluster(const guint8 *compressed, gsize compressed_bytes, guint8 *cluster,
                                gsize cluster_bytes, GError **error)
{
    g_autoptr(GZlibDecompressor) inflater = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_RAW);
    gsize taken = 0;
    gsize made = 0;
    GConverterResult result = G_CONVERTER_CONVERTED;
    while (made < cluster_bytes && result == G_CONVERTER_CONVERTED) {
        gsize read_bytes = 0;
        gsize written_bytes = 0;
        result = g_converter_convert(G_CONVERTER(inflater), compressed + taken,
                                     compressed_bytes - taken, cluster + made, cluster_bytes - made,
                                     G_CONVERTER_INPUT_AT_END, &read_bytes, &written_bytes, error);
        taken += read_bytes;
        made += written_bytes;
    }
    if (result == G_CONVERTER_ERROR)
        return FALSE;
    if (made < cluster_bytes)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "it holds too little");
    return TRUE;
}

gboolean image_decompress(const Image *image, const Run *run, guint8 *cluster, GError **error)
{
    if (image->header.compression_type != 0)
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                         "convert it with 'qemu-img convert' first", "'%s' is compressed with zstd",
                         image->name);
    g_autofree guint8 *compressed = g_malloc(run->compressed_bytes);
    if (!qcow2_read_padded(image->fd, run->host_offset, compressed, run->compressed_bytes, error))
        return FALSE;
    g_autoptr(GError) cause = NULL;
    if (!inflate_cluster(compressed, run->compressed_bytes, cluster,
                         (gsize)qcow2_cluster_bytes(&image->header), &cause))
        return qcow2_set_unsound(error, image->name,
                                 "the compressed cluster at byte %" G_GUINT64_FORMAT
                                 " of the file cannot be read: %s",
                                 run->host_offset, cause->message);
    return TRUE;
}
