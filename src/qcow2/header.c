/*
 * Parses qcow2 headers, taking every number for a lie until it has been checked.
 *
 * Only the first cluster is read, at most twice, into memory; all checks are made against one copy
 * and the size of the file. Names found in it are text: nothing here opens anything.
 */
#include "qcow2/header.h"

#include "foundation/error.h"
#include "qcow2/format.h"
#include "qcow2/overlay.h"
#include <string.h>

typedef struct {
    const char *name;
    const guint8 *bytes; /* the first cluster */
    gsize length;
    Qcow2Header *header;
    guint64 backing_offset;
    guint32 backing_bytes;
    guint8 *cluster; /* owned: what `bytes` points to after the beginning */
} Parser;

static void parser_clear(Parser *parser)
{
    g_clear_pointer(&parser->cluster, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parser, parser_clear)

void qcow2_header_clear(Qcow2Header *header)
{
    g_free(header->backing_file);
    g_free(header->backing_format);
    g_free(header->data_file);
    g_free(header->identity);
    *header = (Qcow2Header){0};
}

typedef struct {
    guint16 at;
    guint16 member; /* offset in Qcow2Header */
    guint8 bytes;   /* 4 or 8: of the field as of the member */
} Field;

#define FIELD(where, what, size)                                                                   \
    {                                                                                              \
        where, G_STRUCT_OFFSET(Qcow2Header, what), size                                            \
    }

static const Field fields_of_version_2[] = {
    FIELD(QCOW2_AT_VERSION, version, 4),
    FIELD(QCOW2_AT_CLUSTER_BITS, cluster_bits, 4),
    FIELD(QCOW2_AT_CAPACITY, capacity_bytes, 8),
    FIELD(QCOW2_AT_CRYPT_METHOD, crypt_method, 4),
    FIELD(QCOW2_AT_L1_ENTRIES, l1_entries, 4),
    FIELD(QCOW2_AT_L1_OFFSET, l1_offset, 8),
    FIELD(QCOW2_AT_REFCOUNT_TABLE_OFFSET, refcount_table_offset, 8),
    FIELD(QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, refcount_table_clusters, 4),
    FIELD(QCOW2_AT_SNAPSHOT_COUNT, snapshot_count, 4),
    FIELD(QCOW2_AT_SNAPSHOTS_OFFSET, snapshots_offset, 8),
};

static const Field fields_of_version_3[] = {
    FIELD(QCOW2_AT_INCOMPATIBLE, incompatible, 8),
    FIELD(QCOW2_AT_COMPATIBLE, compatible, 8),
    FIELD(QCOW2_AT_AUTOCLEAR, autoclear, 8),
    FIELD(QCOW2_AT_REFCOUNT_ORDER, refcount_order, 4),
    FIELD(QCOW2_AT_HEADER_LENGTH, header_length, 4),
};

static void load_fields(Qcow2Header *header, const guint8 *bytes, const Field *fields, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        if (fields[i].bytes == 4)
            G_STRUCT_MEMBER(guint32, header, fields[i].member) = qcow2_load32(bytes + fields[i].at);
        else
            G_STRUCT_MEMBER(guint64, header, fields[i].member) = qcow2_load64(bytes + fields[i].at);
    }
}

gboolean qcow2_has_magic(int fd)
{
    guint8 bytes[4] = {0};
    gsize count = 0;
    return qcow2_read_at(fd, 0, bytes, sizeof bytes, &count, NULL) && count == sizeof bytes &&
           qcow2_load32(bytes) == QCOW2_MAGIC;
}

/* Version and cluster size: what must be known before the rest can be read. */
static gboolean parse_beginning(const Parser *parser, GError **error)
{
    Qcow2Header *header = parser->header;
    if (parser->length < QCOW2_VERSION_2_HEADER_BYTES || qcow2_load32(parser->bytes) != QCOW2_MAGIC)
        return qcow2_set_unsound(error, parser->name, "it does not begin like one");
    load_fields(header, parser->bytes, fields_of_version_2, G_N_ELEMENTS(fields_of_version_2));
    if (header->version != 2 && header->version != 3)
        return qcow2_set_unsound(error, parser->name, "its version is %u, not 2 or 3",
                                 header->version);
    if (header->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
        header->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
        return qcow2_set_unsound(error, parser->name, "its cluster size is 2^%u bytes",
                                 header->cluster_bits);
    if (header->file_bytes < qcow2_cluster_bytes(header))
        return qcow2_set_unsound(error, parser->name, "the file ends within its first cluster");
    return TRUE;
}

static void set_flags(Qcow2Header *header)
{
    header->is_dirty = (header->incompatible & QCOW2_INCOMPATIBLE_DIRTY) != 0;
    header->is_corrupt = (header->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0;
    header->has_data_file = (header->incompatible & QCOW2_INCOMPATIBLE_DATA_FILE) != 0;
    header->has_extended_l2 = (header->incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2) != 0;
    header->is_encrypted = header->crypt_method != 0;
}

/* The field is there from header length 105 on; bit 3 says that it differs from 0. */
static gboolean parse_compression(const Parser *parser, GError **error)
{
    Qcow2Header *header = parser->header;
    gboolean differs = (header->incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != 0;
    if (header->header_length > QCOW2_AT_COMPRESSION_TYPE)
        header->compression_type = parser->bytes[QCOW2_AT_COMPRESSION_TYPE];
    if (differs != (header->compression_type != 0) || header->compression_type > 1)
        return qcow2_set_unsound(error, parser->name,
                                 "its compression type %u is unknown or contradicts its flags",
                                 header->compression_type);
    return TRUE;
}

static gboolean parse_version_3(const Parser *parser, GError **error)
{
    Qcow2Header *header = parser->header;
    if (parser->length < QCOW2_VERSION_3_HEADER_BYTES)
        return qcow2_set_unsound(error, parser->name, "its header is cut off");
    load_fields(header, parser->bytes, fields_of_version_3, G_N_ELEMENTS(fields_of_version_3));
    guint64 unknown = header->incompatible & ~(guint64)QCOW2_INCOMPATIBLE_KNOWN;
    if (unknown != 0)
        return qcow2_set_unsound(
            error, parser->name,
            "it needs features that are not known here (bits 0x%" G_GINT64_MODIFIER "x)", unknown);
    if (header->header_length < QCOW2_VERSION_3_HEADER_BYTES || header->header_length % 8 != 0 ||
        header->header_length > parser->length)
        return qcow2_set_unsound(error, parser->name, "its header length is %u",
                                 header->header_length);
    return parse_compression(parser, error);
}

static gboolean parse_features(const Parser *parser, GError **error)
{
    Qcow2Header *header = parser->header;
    header->refcount_order = QCOW2_DEFAULT_REFCOUNT_ORDER;
    header->header_length = QCOW2_VERSION_2_HEADER_BYTES;
    if (header->version == 3 && !parse_version_3(parser, error))
        return FALSE;
    set_flags(header);
    if (header->refcount_order > QCOW2_MAX_REFCOUNT_ORDER)
        return qcow2_set_unsound(error, parser->name, "its refcounts are 2^%u bits wide",
                                 header->refcount_order);
    if (header->crypt_method > 2)
        return qcow2_set_unsound(error, parser->name, "its encryption method %u is unknown",
                                 header->crypt_method);
    if (header->has_extended_l2 && header->cluster_bits < QCOW2_MIN_EXTENDED_L2_CLUSTER_BITS)
        return qcow2_set_unsound(error, parser->name,
                                 "it has subclusters in clusters of 2^%u bytes",
                                 header->cluster_bits);
    return TRUE;
}

/* A copy of `length` bytes as text; NULL where a zero byte would make it mean two things. */
static char *copy_text(const guint8 *bytes, gsize length)
{
    if (memchr(bytes, '\0', length) != NULL)
        return NULL;
    return g_strndup((const char *)bytes, length);
}

static gboolean parse_backing_file(Parser *parser, GError **error)
{
    Qcow2Header *header = parser->header;
    parser->backing_offset = qcow2_load64(parser->bytes + QCOW2_AT_BACKING_OFFSET);
    parser->backing_bytes = qcow2_load32(parser->bytes + QCOW2_AT_BACKING_BYTES);
    if (parser->backing_offset == 0)
        return TRUE;
    if (parser->backing_bytes > QCOW2_MAX_NAME_BYTES)
        return qcow2_set_unsound(error, parser->name, "the name of its backing file has %u bytes",
                                 parser->backing_bytes);
    if (parser->backing_offset < header->header_length || parser->backing_bytes > parser->length ||
        parser->backing_offset > parser->length - parser->backing_bytes)
        return qcow2_set_unsound(error, parser->name,
                                 "the name of its backing file lies outside the header");
    if (parser->backing_bytes == 0)
        return TRUE;
    header->backing_file = copy_text(parser->bytes + parser->backing_offset, parser->backing_bytes);
    if (header->backing_file == NULL)
        return qcow2_set_unsound(error, parser->name,
                                 "the name of its backing file holds a zero byte");
    return TRUE;
}

typedef struct {
    guint32 type;
    const char *what;
    guint limit_bytes;
    gsize member; /* a char * of Qcow2Header */
} TextExtension;

static const TextExtension text_extensions[] = {
    {QCOW2_EXTENSION_BACKING_FORMAT, "the format of its backing file", QCOW2_MAX_FORMAT_NAME_BYTES,
     G_STRUCT_OFFSET(Qcow2Header, backing_format)},
    {QCOW2_EXTENSION_DATA_FILE, "the name of its data file", QCOW2_MAX_NAME_BYTES,
     G_STRUCT_OFFSET(Qcow2Header, data_file)},
    {QCOW2_IDENTITY_MAGIC, "its identity", QCOW2_IDENTITY_MAX_BYTES,
     G_STRUCT_OFFSET(Qcow2Header, identity)},
};

/* A second one is refused: two readers could believe in different ones. */
static gboolean parse_text_extension(const Parser *parser, const TextExtension *extension,
                                     const guint8 *bytes, guint32 length, GError **error)
{
    char **member = G_STRUCT_MEMBER_P(parser->header, extension->member);
    if (*member != NULL)
        return qcow2_set_unsound(error, parser->name, "%s is there twice", extension->what);
    if (length > extension->limit_bytes)
        return qcow2_set_unsound(error, parser->name, "%s has %u bytes", extension->what, length);
    *member = copy_text(bytes, length);
    if (*member == NULL || !g_utf8_validate(*member, -1, NULL))
        return qcow2_set_unsound(error, parser->name, "%s is not text", extension->what);
    return TRUE;
}

static gboolean parse_bitmaps(const Parser *parser, const guint8 *bytes, guint32 length,
                              GError **error)
{
    Qcow2Header *header = parser->header;
    if (length != 24 || header->bitmap_count != 0)
        return qcow2_set_unsound(error, parser->name, "its list of bitmaps is malformed");
    header->bitmap_count = qcow2_load32(bytes);
    header->bitmap_directory_bytes = qcow2_load64(bytes + 8);
    header->bitmap_directory_offset = qcow2_load64(bytes + 16);
    if (header->bitmap_count == 0 || header->bitmap_count > QCOW2_MAX_BITMAPS)
        return qcow2_set_unsound(error, parser->name, "it claims to have %u bitmaps",
                                 header->bitmap_count);
    return TRUE;
}

static gboolean parse_extension(const Parser *parser, guint32 type, const guint8 *bytes,
                                guint32 length, GError **error)
{
    if (type == QCOW2_EXTENSION_BITMAPS)
        return parse_bitmaps(parser, bytes, length, error);
    for (gsize i = 0; i < G_N_ELEMENTS(text_extensions); i++) {
        if (text_extensions[i].type == type)
            return parse_text_extension(parser, &text_extensions[i], bytes, length, error);
    }
    return TRUE;
}

/*
 * From the end of the header to the backing file's name, or to the end of the cluster:
 *     type (4), length (4), content padded to 8 … up to type 0.
 */
static gboolean parse_extensions(const Parser *parser, GError **error)
{
    gsize at = parser->header->header_length;
    gsize end = parser->backing_offset != 0 ? (gsize)parser->backing_offset : parser->length;
    while (at < end) {
        if (end - at < 8)
            return qcow2_set_unsound(error, parser->name, "its list of extensions is cut off");
        guint32 type = qcow2_load32(parser->bytes + at);
        guint32 length = qcow2_load32(parser->bytes + at + 4);
        at += 8;
        if (type == QCOW2_EXTENSION_END)
            return TRUE;
        if (length > end - at)
            return qcow2_set_unsound(error, parser->name,
                                     "the extension 0x%08x does not fit into the header", type);
        if (!parse_extension(parser, type, parser->bytes + at, length, error))
            return FALSE;
        at += MIN(((gsize)length + 7) & ~(gsize)7, end - at);
    }
    return TRUE;
}

typedef struct {
    const char *what;
    guint64 offset, length;
} Region;

static gboolean check_region(const Parser *parser, const Region *region, GError **error)
{
    guint64 file_bytes = parser->header->file_bytes;
    if ((region->offset & (qcow2_cluster_bytes(parser->header) - 1)) != 0)
        return qcow2_set_unsound(error, parser->name, "%s is misaligned", region->what);
    if (region->length > file_bytes || region->offset > file_bytes - region->length)
        return qcow2_set_unsound(error, parser->name, "%s lies beyond the end of the file",
                                 region->what);
    return TRUE;
}

/* A table without entries has no place: whatever its offset says is not looked at. */
static gboolean check_regions(const Parser *parser, GError **error)
{
    const Qcow2Header *header = parser->header;
    guint64 cluster_bytes = qcow2_cluster_bytes(header);
    const Region regions[] = {
        {"the header", 0, cluster_bytes},
        {"the L1 table", header->l1_offset, (guint64)header->l1_entries * 8},
        {"the refcount table", header->refcount_table_offset,
         header->refcount_table_clusters * cluster_bytes},
        {"the snapshot table", header->snapshots_offset,
         (guint64)header->snapshot_count * QCOW2_MIN_SNAPSHOT_BYTES},
        {"the bitmap directory", header->bitmap_directory_offset, header->bitmap_directory_bytes},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(regions); i++) {
        const Region *one = &regions[i];
        if (one->length == 0)
            continue;
        if (!check_region(parser, one, error))
            return FALSE;
        for (gsize j = 0; j < i; j++) {
            const Region *other = &regions[j];
            if (other->length != 0 && one->offset < other->offset + other->length &&
                other->offset < one->offset + one->length)
                return qcow2_set_unsound(error, parser->name, "%s overlaps %s", one->what,
                                         other->what);
        }
    }
    return TRUE;
}

static gboolean check_sizes(const Parser *parser, GError **error)
{
    const Qcow2Header *header = parser->header;
    guint64 coverage = qcow2_l2_coverage(header);
    guint64 table_bytes = header->refcount_table_clusters * qcow2_cluster_bytes(header);
    if (header->capacity_bytes > QCOW2_MAX_CAPACITY_BYTES)
        return qcow2_set_unsound(error, parser->name,
                                 "it claims a capacity of %" G_GUINT64_FORMAT " bytes",
                                 header->capacity_bytes);
    if ((guint64)header->l1_entries * 8 > QCOW2_MAX_L1_BYTES)
        return qcow2_set_unsound(error, parser->name, "its L1 table has %u entries",
                                 header->l1_entries);
    if (header->l1_entries <
        header->capacity_bytes / coverage + (header->capacity_bytes % coverage != 0))
        return qcow2_set_unsound(error, parser->name, "its L1 table is too small for its capacity");
    if (table_bytes == 0 || table_bytes > QCOW2_MAX_REFCOUNT_TABLE_BYTES)
        return qcow2_set_unsound(error, parser->name, "its refcount table has %u clusters",
                                 header->refcount_table_clusters);
    if (header->snapshot_count > QCOW2_MAX_SNAPSHOTS)
        return qcow2_set_unsound(error, parser->name, "it claims to have %u snapshots",
                                 header->snapshot_count);
    return TRUE;
}

static gboolean parse(Parser *parser, GError **error)
{
    return parse_features(parser, error) && parse_backing_file(parser, error) &&
           parse_extensions(parser, error) && check_sizes(parser, error) &&
           check_regions(parser, error);
}

/* Most headers lie in one page, name of the backing file and all: that is read first. */
enum { BEGINNING_BYTES = 4096 };

/*
 * The part of the first cluster that means something: up to the end of the backing file's name,
 * which comes last. An image without one is read whole. A cluster has up to 2 MiB, most of it a
 * hole that the kernel would fill. A page costs no more than a few bytes, and leaves room for a
 * writer that has put the name before its extensions.
 */
static gsize meaningful_bytes(const Parser *parser)
{
    guint64 offset = qcow2_load64(parser->bytes + QCOW2_AT_BACKING_OFFSET);
    guint64 bytes = qcow2_load32(parser->bytes + QCOW2_AT_BACKING_BYTES);
    guint64 cluster_bytes = qcow2_cluster_bytes(parser->header);
    gboolean is_sound = offset >= QCOW2_VERSION_3_HEADER_BYTES && offset < cluster_bytes &&
                        bytes <= cluster_bytes - offset;
    return (gsize)(is_sound ? MIN(MAX(offset + bytes, BEGINNING_BYTES), cluster_bytes)
                            : cluster_bytes);
}

static gboolean read_cluster(int fd, Parser *parser, gsize wanted, GError **error)
{
    g_autofree guint8 *cluster = g_malloc(wanted);
    gsize length = 0;
    if (!qcow2_read_at(fd, 0, cluster, wanted, &length, error)) {
        g_prefix_error(error, "reading the header of '%s': ", parser->name);
        return FALSE;
    }
    if (memcmp(cluster, parser->bytes, QCOW2_VERSION_2_HEADER_BYTES) != 0 || length != wanted)
        return qcow2_set_unsound(error, parser->name, "it changed while it was read");
    parser->bytes = parser->cluster = g_steal_pointer(&cluster);
    return TRUE;
}

static gboolean read_meaningful(int fd, Parser *parser, GError **error)
{
    gsize wanted = meaningful_bytes(parser);
    if (wanted > parser->length && !read_cluster(fd, parser, wanted, error))
        return FALSE;
    parser->length = wanted;
    return TRUE;
}

gboolean qcow2_header_read(int fd, const char *name, Qcow2Header *header_out, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    guint8 beginning[BEGINNING_BYTES] = {0};
    g_auto(Parser) parser = {.name = name, .bytes = beginning, .header = &header};
    if (!qcow2_file_bytes(fd, &header.file_bytes, error) ||
        !qcow2_read_at(fd, 0, beginning, sizeof beginning, &parser.length, error)) {
        g_prefix_error(error, "reading the header of '%s': ", name);
        return FALSE;
    }
    if (!parse_beginning(&parser, error) || !read_meaningful(fd, &parser, error) ||
        !parse(&parser, error))
        return FALSE;
    *header_out = header;
    header = (Qcow2Header){0};
    return TRUE;
}
