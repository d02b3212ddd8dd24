/* Tests of the deep check and of "never written", on crafted images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builder.h"
#include "foundation/error.h"
#include "qcow2/format.h"
#include <string.h>
#include <unistd.h>

enum { CLUSTER_BITS = 16, CLUSTER = 1 << CLUSTER_BITS, CAPACITY = 1024 * 1024 };

static gboolean check(const Builder *builder, GError **error)
{
    int fd = builder_open(builder);
    g_auto(Qcow2Header) header = {0};
    gboolean is_sound = qcow2_header_read(fd, "disk", &header, error) &&
                        qcow2_check_tables(fd, &header, "disk", error);
    close(fd);
    return is_sound;
}

static void assert_sound(const Builder *builder)
{
    g_autoptr(GError) error = NULL;
    if (!check(builder, &error))
        fail_msg("%s", error->message);
}

static void assert_unsound(const Builder *builder, const char *finding)
{
    g_autoptr(GError) error = NULL;
    if (check(builder, &error))
        fail_msg("accepted although: %s", finding);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    if (strstr(error->message, finding) == NULL)
        fail_msg("'%s' instead of '%s'", error->message, finding);
}

static void make(Builder *builder, gboolean has_extended_l2)
{
    builder_init(builder, 3, CLUSTER_BITS, has_extended_l2, CAPACITY);
}

static void sound_images_of_all_kinds_pass(void **state)
{
    (void)state;
    g_auto(Builder) plain = {0};
    make(&plain, FALSE);
    builder_put_l2(&plain, 0, builder_append_data(&plain, 1) | QCOW2_ENTRY_COPIED, 0);
    builder_put_l2(&plain, 1, QCOW2_L2_ZERO, 0);
    builder_put_l2(&plain, 2, builder_append_data(&plain, 1) | QCOW2_L2_ZERO, 0);
    builder_put_l2(&plain, 3, builder_append_compressed(&plain, 1), 0);
    assert_sound(&plain);
    g_auto(Builder) extended = {0};
    make(&extended, TRUE);
    builder_put_l2(&extended, 0, builder_append_data(&extended, 1),
                   G_GUINT64_CONSTANT(0xf00000000f));
    builder_put_l2(&extended, 1, 0, G_GUINT64_CONSTANT(0xffff) << 32);
    builder_put_l2(&extended, 2, builder_append_compressed(&extended, 1), 0);
    assert_sound(&extended);
    g_auto(Builder) old = {0};
    builder_init(&old, 2, CLUSTER_BITS, FALSE, CAPACITY);
    builder_put_l2(&old, 0, builder_append_data(&old, 1) | QCOW2_ENTRY_COPIED, 0);
    assert_sound(&old);
}

static void compressed_clusters_may_share_a_host_cluster_but_with_their_like_only(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    guint64 descriptor = builder_append_compressed(&builder, 1);
    builder_put_l2(&builder, 0, descriptor, 0);
    builder_put_l2(&builder, 1, descriptor, 0);
    assert_sound(&builder);
    builder_put_l2(&builder, 2, 5 * CLUSTER, 0);
    assert_unsound(&builder, "guest byte 131072 names a cluster that something else uses");
    builder_put_l2(&builder, 2, 0, 0);
    builder_put_l2(&builder, 3, QCOW2_L2_COMPRESSED | BUILDER_L2 * CLUSTER, 0);
    assert_unsound(&builder, "guest byte 196608 names a cluster that something else uses");
}

/* Two sectors and 100 bytes of a third, up to the last byte of the cluster and not one further. */
static void the_size_of_a_compressed_cluster_is_exact(void **state)
{
    (void)state;
    const guint64 one_more_sector = G_GUINT64_CONSTANT(1) << (62 - (CLUSTER_BITS - 8));
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    builder_append_data(&builder, 1);
    builder_put_l2(&builder, 1, builder_append_data(&builder, 2), 0);
    builder_put_l2(&builder, 0,
                   QCOW2_L2_COMPRESSED | 2 * one_more_sector | (6 * CLUSTER - 1024 - 100), 0);
    assert_sound(&builder);
    builder_put_l2(&builder, 0,
                   QCOW2_L2_COMPRESSED | 3 * one_more_sector | (6 * CLUSTER - 1024 - 100), 0);
    assert_unsound(&builder, "something else uses");
}

static void half_a_cluster_at_the_end_is_sound(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 1), 0);
    g_byte_array_set_size(builder.bytes, builder.bytes->len - CLUSTER + 512);
    assert_sound(&builder);
    g_byte_array_set_size(builder.bytes, builder.bytes->len - 512);
    assert_unsound(&builder, "points beyond the end");
}

typedef struct {
    gboolean has_extended_l2;
    guint64 descriptor, bitmap;
    const char *finding;
} BadEntry;

static void every_bad_l2_entry_is_found(void **state)
{
    (void)state;
    static const BadEntry entries[] = {
        {FALSE, 5 * CLUSTER + 512, 0, "is misaligned"},
        {FALSE, 6 * CLUSTER, 0, "points beyond the end"},
        {FALSE, G_GUINT64_CONSTANT(0x00ffffffffff0000), 0, "points beyond the end"},
        {FALSE, 5 * CLUSTER | 2, 0, "reserved bits"},
        {FALSE, 5 * CLUSTER | 1 << 8, 0, "reserved bits"},
        {FALSE, 5 * CLUSTER | G_GUINT64_CONSTANT(1) << 56, 0, "reserved bits"},
        {FALSE, 5 * CLUSTER | G_GUINT64_CONSTANT(1) << 61, 0, "reserved bits"},
        {FALSE, BUILDER_L2 * CLUSTER, 0, "something else uses"},
        {FALSE, BUILDER_L1 * CLUSTER, 0, "something else uses"},
        {FALSE, BUILDER_REFCOUNT_BLOCK * CLUSTER, 0, "something else uses"},
        {FALSE, BUILDER_REFCOUNT_TABLE * CLUSTER, 0, "something else uses"},
        {FALSE, BUILDER_REFCOUNT_TABLE * CLUSTER | 1, 0, "something else uses"},
        {FALSE, QCOW2_L2_COMPRESSED | 6 * CLUSTER, 0, "points beyond the end"},
        {FALSE, QCOW2_L2_COMPRESSED | QCOW2_ENTRY_COPIED | 5 * CLUSTER, 0, "reserved bits"},
        {FALSE, QCOW2_L2_COMPRESSED | G_GUINT64_CONSTANT(0xff) << 54 | (6 * CLUSTER - 1), 0,
         "points beyond the end"},
        {TRUE, 5 * CLUSTER | 1, 1, "reserved bits"},
        {TRUE, 5 * CLUSTER, 1 | G_GUINT64_CONSTANT(1) << 32, "both data and zeroes"},
        {TRUE, 0, 1, "has data but no place"},
        {TRUE, QCOW2_L2_COMPRESSED | 5 * CLUSTER, 1, "reserved bits"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_auto(Builder) builder = {0};
        make(&builder, entries[i].has_extended_l2);
        builder_append_data(&builder, 1);
        builder_put_l2(&builder, 3, entries[i].descriptor, entries[i].bitmap);
        assert_unsound(&builder, entries[i].finding);
    }
}

static void version_2_knows_no_zero_clusters(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 2, CLUSTER_BITS, FALSE, CAPACITY);
    builder_put_l2(&builder, 0, QCOW2_L2_ZERO, 0);
    assert_unsound(&builder, "reserved bits");
}

static void two_guest_clusters_may_not_share_a_host_cluster(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    guint64 offset = builder_append_data(&builder, 1);
    builder_put_l2(&builder, 0, offset, 0);
    builder_put_l2(&builder, 9, offset, 0);
    assert_unsound(&builder, "guest byte 589824 names a cluster that something else uses");
}

static void every_bad_l1_entry_is_found(void **state)
{
    (void)state;
    static const struct {
        guint64 entry;
        const char *finding;
    } cases[] = {
        {4 * CLUSTER + 512, "is misaligned"},
        {4 * CLUSTER | 1, "reserved bits"},
        {4 * CLUSTER | G_GUINT64_CONSTANT(1) << 62, "reserved bits"},
        {5 * CLUSTER, "points beyond the end"},
        {G_GUINT64_CONSTANT(0x00ffffffffff0000), "points beyond the end"},
        {3 * CLUSTER, "something else uses"},
        {2 * CLUSTER, "something else uses"},
        {1 * CLUSTER, "something else uses"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Builder) builder = {0};
        make(&builder, FALSE);
        builder_put64(&builder, BUILDER_L1 * CLUSTER, cases[i].entry);
        assert_unsound(&builder, cases[i].finding);
    }
}

static void one_l2_table_may_not_serve_two_l1_entries(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    builder_put32(&builder, QCOW2_AT_L1_ENTRIES, 2);
    builder_put64(&builder, BUILDER_L1 * CLUSTER + 8, BUILDER_L2 * CLUSTER);
    assert_unsound(&builder, "L1 entry 1 names a cluster that something else uses");
}

static void every_bad_refcount_block_is_found(void **state)
{
    (void)state;
    static const struct {
        guint64 entry;
        const char *finding;
    } cases[] = {
        {2 * CLUSTER + 512, "is misaligned"},       {2 * CLUSTER + 1, "is misaligned"},
        {5 * CLUSTER, "lies beyond the end"},       {G_MAXUINT64 << 16, "lies beyond the end"},
        {3 * CLUSTER, "lies where something else"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Builder) builder = {0};
        make(&builder, FALSE);
        builder_put64(&builder, BUILDER_REFCOUNT_TABLE * CLUSTER, cases[i].entry);
        assert_unsound(&builder, cases[i].finding);
    }
    g_auto(Builder) twice = {0};
    make(&twice, FALSE);
    builder_put64(&twice, BUILDER_REFCOUNT_TABLE * CLUSTER + 8, 2 * CLUSTER);
    assert_unsound(&twice, "refcount block 1 lies where something else");
}

static void a_file_with_too_many_clusters_is_unsupported(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, 9, FALSE, 512);
    int fd = builder_open(&builder);
    if (ftruncate(fd, (off_t)600 << 30) != 0)
        fail_msg("no sparse files");
    g_auto(Qcow2Header) header = {0};
    g_autoptr(GError) error = NULL;
    assert_true(qcow2_header_read(fd, "disk", &header, &error));
    assert_false(qcow2_check_tables(fd, &header, "disk", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_UNSUPPORTED);
    close(fd);
}

static gboolean is_unwritten(const Builder *builder)
{
    int fd = builder_open(builder);
    g_auto(Qcow2Header) header = {0};
    gboolean unwritten = FALSE;
    assert_true(qcow2_header_read(fd, "disk", &header, NULL));
    assert_true(qcow2_is_unwritten(fd, &header, &unwritten, NULL));
    close(fd);
    return unwritten;
}

static void an_image_is_unwritten_while_its_l1_table_is_empty(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    make(&builder, FALSE);
    assert_false(is_unwritten(&builder));
    builder_put64(&builder, BUILDER_L1 * CLUSTER, 0);
    assert_true(is_unwritten(&builder));
    builder_put32(&builder, QCOW2_AT_L1_ENTRIES, 8192);
    assert_true(is_unwritten(&builder));
    builder_put64(&builder, BUILDER_L1 * CLUSTER + 8191 * 8, 4 * CLUSTER);
    assert_false(is_unwritten(&builder));
}

static void snapshots_and_bitmaps_count_as_written(void **state)
{
    (void)state;
    g_auto(Builder) snapshots = {0};
    make(&snapshots, FALSE);
    builder_put64(&snapshots, BUILDER_L1 * CLUSTER, 0);
    builder_put32(&snapshots, QCOW2_AT_SNAPSHOT_COUNT, 1);
    builder_put64(&snapshots, QCOW2_AT_SNAPSHOTS_OFFSET, 4 * CLUSTER);
    assert_false(is_unwritten(&snapshots));
    g_auto(Builder) bitmaps = {0};
    make(&bitmaps, FALSE);
    builder_put64(&bitmaps, BUILDER_L1 * CLUSTER, 0);
    guint8 content[24] = {0};
    guint32 at = 112;
    qcow2_store32(content, 1);
    builder_put_extension(&bitmaps, &at, QCOW2_EXTENSION_BITMAPS, content, sizeof content);
    assert_false(is_unwritten(&bitmaps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_images_of_all_kinds_pass),
        cmocka_unit_test(compressed_clusters_may_share_a_host_cluster_but_with_their_like_only),
        cmocka_unit_test(the_size_of_a_compressed_cluster_is_exact),
        cmocka_unit_test(half_a_cluster_at_the_end_is_sound),
        cmocka_unit_test(every_bad_l2_entry_is_found),
        cmocka_unit_test(version_2_knows_no_zero_clusters),
        cmocka_unit_test(two_guest_clusters_may_not_share_a_host_cluster),
        cmocka_unit_test(every_bad_l1_entry_is_found),
        cmocka_unit_test(one_l2_table_may_not_serve_two_l1_entries),
        cmocka_unit_test(every_bad_refcount_block_is_found),
        cmocka_unit_test(a_file_with_too_many_clusters_is_unsupported),
        cmocka_unit_test(an_image_is_unwritten_while_its_l1_table_is_empty),
        cmocka_unit_test(snapshots_and_bitmaps_count_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
