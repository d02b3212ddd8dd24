/* Tests of the header parser: sound images of many shapes, and every lie that a header can tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builder.h"
#include "foundation/error.h"
#include "qcow2/format.h"
#include "qcow2/overlay.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CLUSTER_BITS = 16, CLUSTER = 1 << CLUSTER_BITS, CAPACITY = 1024 * 1024, EXTENSIONS = 112 };

static gboolean read_header(const Builder *builder, Qcow2Header *header, GError **error)
{
    int fd = builder_open(builder);
    gboolean is_read = qcow2_header_read(fd, "disk", header, error);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return is_read;
}

static void make_sound(Builder *builder)
{
    builder_init(builder, 3, CLUSTER_BITS, FALSE, CAPACITY);
}

/* The message must name the finding: another check that fires first would hide a missing one. */
static void assert_invalid(const Builder *builder, const char *finding)
{
    g_auto(Qcow2Header) header = {.version = 4711};
    g_autoptr(GError) error = NULL;
    if (read_header(builder, &header, &error))
        fail_msg("accepted although: %s", finding);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    assert_non_null(error_hint(error));
    if (strstr(error->message, finding) == NULL)
        fail_msg("'%s' instead of '%s'", error->message, finding);
    assert_non_null(strstr(error->message, "'disk'"));
    assert_int_equal(header.version, 4711);
    header.version = 0;
}

static void the_fields_of_a_version_3_image_are_read(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    builder_put64(&builder, QCOW2_AT_COMPATIBLE, 1);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_int_equal(header.version, 3);
    assert_int_equal(header.cluster_bits, CLUSTER_BITS);
    assert_int_equal(header.capacity_bytes, CAPACITY);
    assert_int_equal(header.compatible, 1);
    assert_int_equal(header.refcount_order, 4);
    assert_int_equal(header.header_length, 112);
    assert_int_equal(header.l1_entries, 1);
    assert_int_equal(header.l1_offset, 3 * CLUSTER);
    assert_int_equal(header.refcount_table_offset, CLUSTER);
    assert_int_equal(header.refcount_table_clusters, 1);
    assert_int_equal(header.file_bytes, 5 * CLUSTER);
    assert_false(header.is_dirty || header.is_corrupt || header.is_encrypted);
    assert_false(header.has_data_file || header.has_extended_l2);
    assert_null(header.backing_file);
}

static void version_2_has_its_fixed_values(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 2, CLUSTER_BITS, FALSE, CAPACITY);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_int_equal(header.version, 2);
    assert_int_equal(header.refcount_order, 4);
    assert_int_equal(header.header_length, 72);
    assert_int_equal(header.incompatible, 0);
}

static void the_flags_are_read(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    builder_put64(&builder, QCOW2_AT_INCOMPATIBLE, 1 | 2 | 4 | 16);
    builder_put32(&builder, QCOW2_AT_CRYPT_METHOD, 2);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_true(header.is_dirty && header.is_corrupt && header.is_encrypted);
    assert_true(header.has_data_file && header.has_extended_l2);
}

/* Backing file, its format, data file, identity and an extension nobody knows. */
static void put_texts(Builder *builder, const char *backing)
{
    guint32 at = EXTENSIONS;
    builder_put_extension(builder, &at, QCOW2_EXTENSION_BACKING_FORMAT, "raw", 3);
    builder_put_extension(builder, &at, 0x12345678, "whatever", 8);
    builder_put_extension(builder, &at, QCOW2_EXTENSION_DATA_FILE, "data.raw", 8);
    builder_put_extension(builder, &at, QCOW2_IDENTITY_MAGIC, "layer=1", 7);
    builder_put_extension(builder, &at, QCOW2_EXTENSION_END, "", 0);
    builder_put64(builder, QCOW2_AT_BACKING_OFFSET, at);
    builder_put32(builder, QCOW2_AT_BACKING_BYTES, (guint32)strlen(backing));
    memcpy(builder->bytes->data + at, backing, strlen(backing));
}

static void names_and_extensions_are_read(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    put_texts(&builder, "../base.raw");
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_string_equal(header.backing_file, "../base.raw");
    assert_string_equal(header.backing_format, "raw");
    assert_string_equal(header.data_file, "data.raw");
    assert_string_equal(header.identity, "layer=1");
}

static void json_and_protocol_names_are_just_text(void **state)
{
    (void)state;
    static const char *const names[] = {"json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}",
                                        "nbd:localhost:10809", "file:/etc/passwd", "fat:rw:/"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_auto(Builder) builder = {0};
        make_sound(&builder);
        put_texts(&builder, names[i]);
        g_auto(Qcow2Header) header = {0};
        assert_true(read_header(&builder, &header, NULL));
        assert_string_equal(header.backing_file, names[i]);
    }
}

static void a_backing_name_of_1023_bytes_is_the_longest(void **state)
{
    (void)state;
    g_autofree char *name = g_strnfill(1024, 'x');
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    put_texts(&builder, name);
    assert_invalid(&builder, "the name of its backing file has 1024 bytes");
    name[1023] = '\0';
    put_texts(&builder, name);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_string_equal(header.backing_file, name);
}

typedef struct {
    guint16 at;
    guint8 bytes; /* 4 or 8 */
    guint64 value;
    const char *finding;
} Lie;

static const Lie lies[] = {
    {QCOW2_AT_MAGIC, 4, 0x514649fa, "does not begin like one"},
    {QCOW2_AT_VERSION, 4, 1, "version is 1"},
    {QCOW2_AT_VERSION, 4, 4, "version is 4"},
    {QCOW2_AT_CLUSTER_BITS, 4, 8, "cluster size is 2^8"},
    {QCOW2_AT_CLUSTER_BITS, 4, 22, "cluster size is 2^22"},
    {QCOW2_AT_CLUSTER_BITS, 4, 0xffffffff, "cluster size is"},
    {QCOW2_AT_CLUSTER_BITS, 4, 21, "ends within its first cluster"},
    {QCOW2_AT_INCOMPATIBLE, 8, 1 << 5, "features that are not known"},
    {QCOW2_AT_INCOMPATIBLE, 8, G_GUINT64_CONSTANT(1) << 63, "features that are not known"},
    {QCOW2_AT_INCOMPATIBLE, 8, 1 << 3, "compression type 0"},
    {QCOW2_AT_COMPRESSION_TYPE, 4, 1u << 24, "compression type 1"},
    {QCOW2_AT_REFCOUNT_ORDER, 4, 7, "refcounts are 2^7"},
    {QCOW2_AT_REFCOUNT_ORDER, 4, 0xffffffff, "refcounts are"},
    {QCOW2_AT_HEADER_LENGTH, 4, 96, "header length is 96"},
    {QCOW2_AT_HEADER_LENGTH, 4, 105, "header length is 105"},
    {QCOW2_AT_HEADER_LENGTH, 4, CLUSTER + 8, "header length is"},
    {QCOW2_AT_HEADER_LENGTH, 4, 0xfffffff8, "header length is"},
    {QCOW2_AT_CRYPT_METHOD, 4, 3, "encryption method 3"},
    {QCOW2_AT_CAPACITY, 8, (G_GUINT64_CONSTANT(1) << 56) + 512, "claims a capacity"},
    {QCOW2_AT_CAPACITY, 8, G_MAXUINT64, "claims a capacity"},
    {QCOW2_AT_CAPACITY, 8, 512 * 1024 * 1024 + 512, "too small for its capacity"},
    {QCOW2_AT_CAPACITY, 8, G_GUINT64_CONSTANT(1) << 54, "too small for its capacity"},
    {QCOW2_AT_L1_ENTRIES, 4, 0, "too small for its capacity"},
    {QCOW2_AT_L1_ENTRIES, 4, 4 * 1024 * 1024 + 1, "L1 table has"},
    {QCOW2_AT_L1_ENTRIES, 4, 0xffffffff, "L1 table has"},
    {QCOW2_AT_L1_ENTRIES, 4, 2 * CLUSTER / 8 + 1, "L1 table lies beyond the end"},
    {QCOW2_AT_L1_OFFSET, 8, 3 * CLUSTER + 8, "L1 table is misaligned"},
    {QCOW2_AT_L1_OFFSET, 8, 5 * CLUSTER, "L1 table lies beyond the end"},
    {QCOW2_AT_L1_OFFSET, 8, G_MAXUINT64 - CLUSTER + 1, "L1 table lies beyond the end"},
    {QCOW2_AT_L1_OFFSET, 8, 0, "L1 table overlaps the header"},
    {QCOW2_AT_REFCOUNT_TABLE_OFFSET, 8, CLUSTER + 512, "refcount table is misaligned"},
    {QCOW2_AT_REFCOUNT_TABLE_OFFSET, 8, 5 * CLUSTER, "refcount table lies beyond the end"},
    {QCOW2_AT_REFCOUNT_TABLE_OFFSET, 8, 0, "refcount table overlaps the header"},
    {QCOW2_AT_REFCOUNT_TABLE_OFFSET, 8, 3 * CLUSTER, "refcount table overlaps the L1 table"},
    {QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 4, 0, "refcount table has 0 clusters"},
    {QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 4, 5, "refcount table lies beyond the end"},
    {QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 4, 3, "refcount table overlaps the L1 table"},
    {QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 4, 129, "refcount table has 129 clusters"},
    {QCOW2_AT_REFCOUNT_TABLE_CLUSTERS, 4, 0xffffffff, "refcount table has"},
    {QCOW2_AT_SNAPSHOT_COUNT, 4, 65537, "65537 snapshots"},
    {QCOW2_AT_SNAPSHOT_COUNT, 4, 1, "snapshot table overlaps the header"},
    {QCOW2_AT_SNAPSHOT_COUNT, 4, 65536, "snapshot table lies beyond the end"},
};

static void every_lie_about_a_number_is_refused(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_auto(Builder) builder = {0};
        make_sound(&builder);
        if (lies[i].bytes == 4)
            builder_put32(&builder, lies[i].at, (guint32)lies[i].value);
        else
            builder_put64(&builder, lies[i].at, lies[i].value);
        assert_invalid(&builder, lies[i].finding);
    }
}

static void a_snapshot_table_must_lie_in_the_file_at_a_cluster(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    builder_put32(&builder, QCOW2_AT_SNAPSHOT_COUNT, 2);
    builder_put64(&builder, QCOW2_AT_SNAPSHOTS_OFFSET, builder_append_data(&builder, 0));
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    assert_int_equal(header.snapshot_count, 2);
    builder_put64(&builder, QCOW2_AT_SNAPSHOTS_OFFSET, 5 * CLUSTER + 8);
    assert_invalid(&builder, "snapshot table is misaligned");
    builder_put64(&builder, QCOW2_AT_SNAPSHOTS_OFFSET, 3 * CLUSTER);
    assert_invalid(&builder, "snapshot table overlaps the L1 table");
}

static void subclusters_need_clusters_of_16_kib(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, 13, TRUE, CAPACITY);
    assert_invalid(&builder, "subclusters in clusters of 2^13");
    g_auto(Builder) larger = {0};
    builder_init(&larger, 3, 14, TRUE, CAPACITY);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&larger, &header, NULL));
}

static void a_backing_name_outside_the_header_is_refused(void **state)
{
    (void)state;
    static const guint64 offsets[] = {4, 72, 111, CLUSTER - 9, CLUSTER, G_MAXUINT64 - 4};
    for (gsize i = 0; i < G_N_ELEMENTS(offsets); i++) {
        g_auto(Builder) builder = {0};
        make_sound(&builder);
        put_texts(&builder, "0123456789");
        builder_put64(&builder, QCOW2_AT_BACKING_OFFSET, offsets[i]);
        assert_invalid(&builder, "backing file lies outside the header");
    }
}

static void a_backing_name_longer_than_a_small_cluster_is_refused(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, 9, FALSE, 512);
    builder_put64(&builder, QCOW2_AT_BACKING_OFFSET, 112);
    builder_put32(&builder, QCOW2_AT_BACKING_BYTES, 600);
    assert_invalid(&builder, "backing file lies outside the header");
}

static void a_zero_byte_in_a_name_is_refused(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    put_texts(&builder, "ok.qcow2xevil");
    guint64 at = builder_get64(&builder, QCOW2_AT_BACKING_OFFSET);
    builder.bytes->data[at + 8] = '\0';
    assert_invalid(&builder, "holds a zero byte");
}

/* One extension of `type` with `length` said and `content` there. */
static void make_with_extension(Builder *builder, guint32 type, guint32 length, const void *content,
                                guint32 content_length)
{
    guint32 at = EXTENSIONS;
    make_sound(builder);
    builder_put_extension(builder, &at, type, content, content_length);
    builder_put32(builder, EXTENSIONS + 4, length);
}

static void an_extension_that_leaves_the_header_is_refused(void **state)
{
    (void)state;
    static const guint32 lengths[] = {CLUSTER - EXTENSIONS - 7, CLUSTER, 0x7fffffff, 0xfffffff8,
                                      0xffffffff};
    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_auto(Builder) builder = {0};
        make_with_extension(&builder, 0x12345678, lengths[i], "x", 1);
        assert_invalid(&builder, "0x12345678 does not fit");
    }
}

static void a_list_of_extensions_without_an_end_is_refused(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_with_extension(&builder, 0x12345678, CLUSTER - EXTENSIONS - 8 - 4, "x", 1);
    g_auto(Qcow2Header) header = {0};
    assert_true(read_header(&builder, &header, NULL));
    builder_put32(&builder, EXTENSIONS + 4, 8);
    builder_put64(&builder, QCOW2_AT_BACKING_OFFSET, EXTENSIONS + 8 + 8 + 4);
    builder_put32(&builder, QCOW2_AT_BACKING_BYTES, 1);
    builder_put32(&builder, EXTENSIONS + 8 + 8 + 4, 0x78787878);
    assert_invalid(&builder, "list of extensions is cut off");
}

static void extensions_may_not_come_twice(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    guint32 at = EXTENSIONS;
    make_sound(&builder);
    builder_put_extension(&builder, &at, QCOW2_EXTENSION_BACKING_FORMAT, "raw", 3);
    builder_put_extension(&builder, &at, QCOW2_EXTENSION_BACKING_FORMAT, "qcow2", 5);
    assert_invalid(&builder, "format of its backing file is there twice");
}

static void texts_that_are_too_long_or_no_text_are_refused(void **state)
{
    (void)state;
    g_autofree char *longest = g_strnfill(5000, 'x');
    g_auto(Builder) format = {0};
    make_with_extension(&format, QCOW2_EXTENSION_BACKING_FORMAT, 16, longest, 16);
    assert_invalid(&format, "format of its backing file has 16 bytes");
    g_auto(Builder) data_file = {0};
    make_with_extension(&data_file, QCOW2_EXTENSION_DATA_FILE, 1024, longest, 1024);
    assert_invalid(&data_file, "name of its data file has 1024 bytes");
    g_auto(Builder) identity = {0};
    make_with_extension(&identity, QCOW2_IDENTITY_MAGIC, 4097, longest, 4097);
    assert_invalid(&identity, "its identity has 4097 bytes");
    g_auto(Builder) zero = {0};
    make_with_extension(&zero, QCOW2_IDENTITY_MAGIC, 3, "a\0b", 3);
    assert_invalid(&zero, "its identity is not text");
    g_auto(Builder) bytes = {0};
    make_with_extension(&bytes, QCOW2_IDENTITY_MAGIC, 2, "\xff\xfe", 2);
    assert_invalid(&bytes, "its identity is not text");
}

static void put_bitmaps(Builder *builder, guint32 count, guint64 bytes, guint64 offset)
{
    guint8 content[24] = {0};
    qcow2_store32(content, count);
    qcow2_store64(content + 8, bytes);
    qcow2_store64(content + 16, offset);
    make_with_extension(builder, QCOW2_EXTENSION_BITMAPS, sizeof content, content, sizeof content);
}

static void the_bitmap_directory_is_checked(void **state)
{
    (void)state;
    static const struct {
        guint32 count;
        guint64 bytes, offset;
        const char *finding; /* NULL: sound */
    } cases[] = {
        {2, 64, 4 * CLUSTER, NULL},
        {0, 64, 4 * CLUSTER, "claims to have 0 bitmaps"},
        {65536, 64, 4 * CLUSTER, "claims to have 65536 bitmaps"},
        {1, 64, 4 * CLUSTER + 8, "bitmap directory is misaligned"},
        {1, CLUSTER + 1, 4 * CLUSTER, "bitmap directory lies beyond the end"},
        {1, G_MAXUINT64, 4 * CLUSTER, "bitmap directory lies beyond the end"},
        {1, 64, 3 * CLUSTER, "bitmap directory overlaps the L1 table"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Builder) builder = {0};
        put_bitmaps(&builder, cases[i].count, cases[i].bytes, cases[i].offset);
        if (cases[i].finding != NULL) {
            assert_invalid(&builder, cases[i].finding);
            continue;
        }
        g_auto(Qcow2Header) header = {0};
        assert_true(read_header(&builder, &header, NULL));
        assert_int_equal(header.bitmap_count, cases[i].count);
    }
    g_auto(Builder) malformed = {0};
    make_with_extension(&malformed, QCOW2_EXTENSION_BITMAPS, 23, "", 1);
    assert_invalid(&malformed, "list of bitmaps is malformed");
}

static void the_place_of_an_empty_table_does_not_matter(void **state)
{
    (void)state;
    static const guint64 offsets[] = {4 * CLUSTER + 8, 3 * CLUSTER, 99 * CLUSTER, G_MAXUINT64};
    for (gsize i = 0; i < G_N_ELEMENTS(offsets); i++) {
        g_auto(Builder) builder = {0};
        put_bitmaps(&builder, 1, 64, 4 * CLUSTER);
        builder_put64(&builder, QCOW2_AT_SNAPSHOTS_OFFSET, offsets[i]);
        g_auto(Qcow2Header) header = {0};
        assert_true(read_header(&builder, &header, NULL));
    }
}

static void files_that_are_cut_off_are_refused_at_every_length(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, 9, FALSE, 512);
    for (guint length = 0; length < builder.bytes->len; length++) {
        int fd = memfd_create("cut", MFD_CLOEXEC);
        assert_int_equal(pwrite(fd, builder.bytes->data, length, 0), length);
        g_auto(Qcow2Header) header = {0};
        g_autoptr(GError) error = NULL;
        gboolean is_read = qcow2_header_read(fd, "cut", &header, &error);
        gboolean has_l1 = length >= 3 * 512 + 8; /* the L2 table is not the header's business */
        assert_int_equal(is_read, has_l1);
        close(fd);
    }
}

static void the_magic_tells_qcow2_from_the_rest(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make_sound(&builder);
    int fd = builder_open(&builder);
    assert_true(qcow2_has_magic(fd));
    assert_int_equal(pwrite(fd, "X", 1, 0), 1);
    assert_false(qcow2_has_magic(fd));
    assert_int_equal(ftruncate(fd, 3), 0);
    assert_false(qcow2_has_magic(fd));
    close(fd);
}

static void a_pipe_is_no_image(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_auto(Qcow2Header) header = {0};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_false(qcow2_header_read(pipes[0], "pipe", &header, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    assert_non_null(strstr(error->message, "'pipe'"));
    close(pipes[0]);
    close(pipes[1]);
}

static void assert_not_plain(const Qcow2Header *header, gboolean allow_dirty, const char *finding)
{
    g_autoptr(GError) error = NULL;
    assert_false(qcow2_header_check_plain(header, "disk", allow_dirty, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error->message, finding));
    assert_non_null(error_hint(error));
}

static void what_is_not_plain_is_refused_with_the_finding(void **state)
{
    (void)state;
    assert_not_plain(&(Qcow2Header){.backing_file = (char *)"b"}, FALSE, "the backing file 'b'");
    assert_not_plain(&(Qcow2Header){.has_data_file = TRUE}, FALSE, "data file");
    assert_not_plain(&(Qcow2Header){.data_file = (char *)"d"}, FALSE, "data file 'd'");
    assert_not_plain(&(Qcow2Header){.is_encrypted = TRUE}, FALSE, "encrypted");
    assert_not_plain(&(Qcow2Header){.is_corrupt = TRUE}, TRUE, "corrupt");
    assert_not_plain(&(Qcow2Header){.is_dirty = TRUE}, FALSE, "not closed cleanly");
    assert_not_plain(&(Qcow2Header){.snapshot_count = 1}, FALSE, "internal snapshots");
    assert_true(qcow2_header_check_plain(&(Qcow2Header){.is_dirty = TRUE}, "disk", TRUE, NULL));
    assert_true(qcow2_header_check_plain(&(Qcow2Header){.version = 3}, "disk", FALSE, NULL));
}

static void hostile_names_are_shown_escaped(void **state)
{
    (void)state;
    const Qcow2Header header = {.backing_file = (char *)"a\n\033[2Jb\xff"};
    g_autoptr(GError) error = NULL;
    assert_false(qcow2_header_check_plain(&header, "disk", FALSE, &error));
    assert_null(strpbrk(error->message, "\n\033"));
    assert_true(g_utf8_validate(error->message, -1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_of_a_version_3_image_are_read),
        cmocka_unit_test(version_2_has_its_fixed_values),
        cmocka_unit_test(the_flags_are_read),
        cmocka_unit_test(names_and_extensions_are_read),
        cmocka_unit_test(json_and_protocol_names_are_just_text),
        cmocka_unit_test(a_backing_name_of_1023_bytes_is_the_longest),
        cmocka_unit_test(every_lie_about_a_number_is_refused),
        cmocka_unit_test(a_snapshot_table_must_lie_in_the_file_at_a_cluster),
        cmocka_unit_test(subclusters_need_clusters_of_16_kib),
        cmocka_unit_test(a_backing_name_outside_the_header_is_refused),
        cmocka_unit_test(a_backing_name_longer_than_a_small_cluster_is_refused),
        cmocka_unit_test(a_zero_byte_in_a_name_is_refused),
        cmocka_unit_test(an_extension_that_leaves_the_header_is_refused),
        cmocka_unit_test(a_list_of_extensions_without_an_end_is_refused),
        cmocka_unit_test(extensions_may_not_come_twice),
        cmocka_unit_test(texts_that_are_too_long_or_no_text_are_refused),
        cmocka_unit_test(the_bitmap_directory_is_checked),
        cmocka_unit_test(the_place_of_an_empty_table_does_not_matter),
        cmocka_unit_test(files_that_are_cut_off_are_refused_at_every_length),
        cmocka_unit_test(the_magic_tells_qcow2_from_the_rest),
        cmocka_unit_test(a_pipe_is_no_image),
        cmocka_unit_test(what_is_not_plain_is_refused_with_the_finding),
        cmocka_unit_test(hostile_names_are_shown_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
