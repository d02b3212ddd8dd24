/* Tests of reading through chains of crafted images: each kind of cluster, each way to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "builder.h"
#include "foundation/error.h"
#include "qcow2/format.h"
#include "qcow2/guest_view.h"
#include "qemu.h"
#include "scratch.h"
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CLUSTER_BITS = 16, CLUSTER = 1 << CLUSTER_BITS, SUBCLUSTER = CLUSTER / 32 };

static GuestView *view_one(const Builder *builder, GError **error)
{
    int fd = builder_open(builder);
    GuestView *view = guest_view_new(&fd, (const char *const[]){"qcow2"}, 1, error);
    close(fd);
    return view;
}

static GuestView *view_two(const Builder *top, const Builder *bottom)
{
    const int fds[] = {builder_open(top), builder_open(bottom)};
    g_autoptr(GError) error = NULL;
    GuestView *view = guest_view_new(fds, (const char *const[]){"qcow2", "qcow2"}, 2, &error);
    close(fds[0]);
    close(fds[1]);
    if (view == NULL)
        fail_msg("%s", error->message);
    return view;
}

/* All of the bytes from `offset` on are `fill`. */
static void assert_bytes(GuestView *view, guint64 offset, gsize length, guint8 fill)
{
    g_autofree guint8 *bytes = g_malloc(length);
    memset(bytes, ~fill, length);
    g_autoptr(GError) error = NULL;
    gssize count = guest_view_read(view, offset, bytes, length, &error);
    if (count < 0)
        fail_msg("%s", error->message);
    assert_int_equal(count, length);
    for (gsize i = 0; i < length; i++) {
        if (bytes[i] != fill)
            fail_msg("byte %" G_GUINT64_FORMAT " is %u, not %u", offset + i, bytes[i], fill);
    }
}

static void assert_extent(const GArray *map, guint index, guint64 offset, guint64 length,
                          ExtentKind kind)
{
    assert_true(index < map->len);
    const Extent *extent = &g_array_index(map, Extent, index);
    assert_int_equal(extent->offset, offset);
    assert_int_equal(extent->length, length);
    assert_int_equal(extent->kind, kind);
}

static void each_kind_of_cluster_reads_as_what_it_is(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, 6 * CLUSTER);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 1) | QCOW2_ENTRY_COPIED, 0);
    builder_put_l2(&builder, 1, QCOW2_L2_ZERO, 0);
    builder_put_l2(&builder, 2, builder_append_data(&builder, 2) | QCOW2_L2_ZERO, 0);
    builder_put_l2(&builder, 3, builder_append_compressed(&builder, 3), 0);
    builder_put_l2(&builder, 5, builder_append_data(&builder, 5), 0);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    assert_int_equal(guest_view_capacity(view), 6 * CLUSTER);
    assert_bytes(view, 0, CLUSTER, 1);
    assert_bytes(view, CLUSTER, 2 * CLUSTER, 0);
    assert_bytes(view, 3 * CLUSTER, CLUSTER, 3);
    assert_bytes(view, 3 * CLUSTER + 700, 100, 3);
    assert_bytes(view, 4 * CLUSTER, CLUSTER, 0);
    assert_bytes(view, 5 * CLUSTER, CLUSTER, 5);
    g_autoptr(GArray) map = guest_view_map(view, NULL);
    assert_int_equal(map->len, 5);
    assert_extent(map, 0, 0, CLUSTER, EXTENT_DATA);
    assert_extent(map, 1, CLUSTER, 2 * CLUSTER, EXTENT_ZERO);
    assert_extent(map, 2, 3 * CLUSTER, CLUSTER, EXTENT_DATA);
    assert_extent(map, 3, 4 * CLUSTER, CLUSTER, EXTENT_BACKING);
    assert_extent(map, 4, 5 * CLUSTER, CLUSTER, EXTENT_DATA);
}

static void subclusters_are_told_apart(void **state)
{
    (void)state;
    g_auto(Builder) top = {0};
    g_auto(Builder) bottom = {0};
    builder_init(&top, 3, CLUSTER_BITS, TRUE, 3 * CLUSTER);
    builder_init(&bottom, 3, CLUSTER_BITS, TRUE, 3 * CLUSTER);
    for (guint i = 0; i < 3; i++)
        builder_put_l2(&bottom, i, builder_append_data(&bottom, 9), G_MAXUINT32);
    builder_put_l2(&top, 0, builder_append_data(&top, 1), 0x3 | G_GUINT64_CONSTANT(0xc) << 32);
    builder_put_l2(&top, 1, builder_append_compressed(&top, 2), 0);
    builder_put_l2(&top, 2, 0, G_GUINT64_CONSTANT(1) << 63);
    g_autoptr(GuestView) view = view_two(&top, &bottom);
    assert_bytes(view, 0, 2 * SUBCLUSTER, 1);
    assert_bytes(view, 2 * SUBCLUSTER, 2 * SUBCLUSTER, 0);
    assert_bytes(view, 4 * SUBCLUSTER, 28 * SUBCLUSTER, 9);
    assert_bytes(view, CLUSTER, CLUSTER, 2);
    assert_bytes(view, 2 * CLUSTER, 31 * SUBCLUSTER, 9);
    assert_bytes(view, 2 * CLUSTER + 31 * SUBCLUSTER, SUBCLUSTER, 0);
    guint64 allocated = 0;
    assert_true(guest_view_allocated(view, &allocated, NULL));
    assert_int_equal(allocated, 4 * SUBCLUSTER + CLUSTER + SUBCLUSTER);
}

static void neighbours_of_one_kind_are_one_extent_wherever_they_lie(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, 4 * CLUSTER);
    builder_put_l2(&builder, 1, builder_append_data(&builder, 1), 0);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 2), 0);
    builder_put_l2(&builder, 2, builder_append_compressed(&builder, 3), 0);
    builder_put_l2(&builder, 3, builder_append_compressed(&builder, 4), 0);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    g_autoptr(GArray) map = guest_view_map(view, NULL);
    assert_int_equal(map->len, 1);
    assert_extent(map, 0, 0, 4 * CLUSTER, EXTENT_DATA);
    assert_bytes(view, 0, CLUSTER, 2);
    assert_bytes(view, CLUSTER, CLUSTER, 1);
    assert_bytes(view, 2 * CLUSTER, CLUSTER, 3);
    assert_bytes(view, 3 * CLUSTER, CLUSTER, 4);
}

static void reading_is_short_at_the_end_only(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER + 512);
    builder_put_l2(&builder, 1, builder_append_data(&builder, 7), 0);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    guint8 bytes[1024];
    assert_int_equal(guest_view_read(view, CLUSTER + 500, bytes, sizeof bytes, NULL), 12);
    assert_int_equal(bytes[11], 7);
    assert_int_equal(guest_view_read(view, CLUSTER + 512, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(guest_view_read(view, G_MAXUINT64, bytes, sizeof bytes, NULL), 0);
    assert_int_equal(guest_view_read(view, 0, bytes, 0, NULL), 0);
}

static void capacity_counts_whole_sectors(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER + 700);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    assert_int_equal(guest_view_capacity(view), CLUSTER + 512);
    int fd = memfd_create("raw", MFD_CLOEXEC);
    assert_int_equal(pwrite(fd, "abc", 3, 0), 3);
    g_autoptr(GuestView) raw = guest_view_new(&fd, (const char *const[]){"raw"}, 1, NULL);
    close(fd);
    assert_int_equal(guest_view_capacity(raw), 512);
    guint8 bytes[512];
    assert_int_equal(guest_view_read(raw, 0, bytes, sizeof bytes, NULL), 512);
    assert_memory_equal(bytes, "abc\0\0", 5);
}

static void a_shorter_backing_image_reads_as_zeroes_beyond_its_end(void **state)
{
    (void)state;
    g_auto(Builder) top = {0};
    g_auto(Builder) bottom = {0};
    builder_init(&top, 3, CLUSTER_BITS, FALSE, 2 * CLUSTER);
    builder_init(&bottom, 3, CLUSTER_BITS, FALSE, 512);
    builder_put_l2(&bottom, 0, builder_append_data(&bottom, 4), 0);
    g_autoptr(GuestView) view = view_two(&top, &bottom);
    assert_bytes(view, 0, 512, 4);
    assert_bytes(view, 512, 2 * CLUSTER - 512, 0);
}

static void a_data_cluster_cut_off_by_the_end_of_the_file_reads_as_zeroes_there(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 4), 0);
    g_byte_array_set_size(builder.bytes, builder.bytes->len - CLUSTER + 1000);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    assert_bytes(view, 0, 1000, 4);
    assert_bytes(view, 1000, CLUSTER - 1000, 0);
}

static void explicit_zeroes_count_as_allocated_only_over_a_backing_image(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, 4 * CLUSTER);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 1), 0);
    builder_put_l2(&builder, 1, QCOW2_L2_ZERO, 0);
    g_autoptr(GuestView) alone = view_one(&builder, NULL);
    g_autoptr(GuestView) over = view_two(&builder, &builder);
    guint64 bytes = 0;
    assert_true(guest_view_allocated(alone, &bytes, NULL));
    assert_int_equal(bytes, CLUSTER);
    assert_true(guest_view_allocated(over, &bytes, NULL));
    assert_int_equal(bytes, 2 * CLUSTER);
}

static void the_holes_of_raw_images_are_mapped(void **state)
{
    (void)state;
    int fd = memfd_create("raw", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 64 * 4096), 0);
    assert_int_equal(pwrite(fd, "x", 1, 16 * 4096), 1);
    g_autoptr(GuestView) view = guest_view_new(&fd, (const char *const[]){"raw"}, 1, NULL);
    close(fd);
    g_autoptr(GArray) map = guest_view_map(view, NULL);
    assert_int_equal(map->len, 3);
    assert_extent(map, 1, 16 * 4096, 4096, EXTENT_DATA);
    assert_extent(map, 2, 17 * 4096, 47 * 4096, EXTENT_ZERO);
    guint64 bytes = 0;
    assert_true(guest_view_allocated(view, &bytes, NULL));
    assert_int_equal(bytes, 4096);
}

static void the_digest_is_that_of_the_content(void **state)
{
    (void)state;
    g_auto(Builder) top = {0};
    g_auto(Builder) bottom = {0};
    builder_init(&top, 3, CLUSTER_BITS, FALSE, 40 * CLUSTER);
    builder_init(&bottom, 3, CLUSTER_BITS, FALSE, 20 * CLUSTER);
    builder_put_l2(&top, 3, builder_append_data(&top, 1), 0);
    builder_put_l2(&bottom, 4, builder_append_compressed(&bottom, 2), 0);
    g_autoptr(GuestView) view = view_two(&top, &bottom);
    g_autofree guint8 *content = g_malloc0(40 * CLUSTER);
    memset(content + 3 * CLUSTER, 1, CLUSTER);
    memset(content + 4 * CLUSTER, 2, CLUSTER);
    g_autofree char *hex = g_compute_checksum_for_data(G_CHECKSUM_SHA256, content, 40 * CLUSTER);
    g_autofree char *expected = g_strconcat("sha256:", hex, NULL);
    g_autofree char *digest = guest_view_digest(view, NULL, NULL);
    assert_string_equal(digest, expected);
}

static void a_digest_can_be_cancelled(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER);
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    g_autoptr(GError) error = NULL;
    assert_null(guest_view_digest(view, cancellable, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_CANCELLED);
}

/* Bytes of 16 values in no order: they compress to about half, so clusters take many sectors. */
static char *write_compressible(const Scratch *scratch, gsize length)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    g_autofree char *content = g_malloc(length);
    for (gsize i = 0; i < length; i++)
        content[i] = (char)g_rand_int_range(random, 'a', 'a' + 16);
    g_autofree char *path = scratch_path(scratch, "raw");
    assert_true(g_file_set_contents(path, content, (gssize)length, NULL));
    g_autofree char *hex =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)content, length);
    return g_strconcat("sha256:", hex, NULL);
}

static gint64 count_compressed(const Scratch *scratch)
{
    g_autofree char *text =
        qemu_run("qemu-img check -f qcow2 --output=json %s/image", scratch->path);
    json_t *report = json_loads(text, 0, NULL);
    gint64 count = json_integer_value(json_object_get(report, "compressed-clusters"));
    json_decref(report);
    return count;
}

static void images_compressed_by_qemu_read_as_their_source(void **state)
{
    (void)state;
    qemu_require();
    static const char *const options[] = {"cluster_size=512",
                                          "cluster_size=4k",
                                          "cluster_size=64k",
                                          "cluster_size=2M",
                                          "cluster_size=64k,extended_l2=on",
                                          "cluster_size=64k,compat=0.10"};
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    g_autofree char *expected = write_compressible(&scratch, 5 * 1024 * 1024 + 512);
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        g_free(qemu_run("qemu-img convert -q -c -f raw -O qcow2 -o %s %s/raw %s/image", options[i],
                        scratch.path, scratch.path));
        int fd = openat(scratch.fd, "image", O_RDONLY | O_CLOEXEC);
        g_autoptr(GuestView) view = guest_view_new(&fd, (const char *const[]){"qcow2"}, 1, NULL);
        g_auto(Qcow2Header) header = {0};
        assert_true(qcow2_header_read(fd, "image", &header, NULL));
        assert_true(qcow2_check_tables(fd, &header, "image", NULL));
        assert_true(count_compressed(&scratch) > 0);
        close(fd);
        g_autofree char *digest = guest_view_digest(view, NULL, NULL);
        assert_string_equal(digest, expected);
    }
}

static void assert_read_fails(Builder *builder, UnderpinErrorCode code, const char *finding)
{
    guint8 byte = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GuestView) view = view_one(builder, &error);
    if (view == NULL)
        fail_msg("%s", error->message);
    assert_int_equal(guest_view_read(view, 0, &byte, 1, &error), -1);
    assert_int_equal(error_code(error), code);
    if (strstr(error->message, finding) == NULL)
        fail_msg("'%s' instead of '%s'", error->message, finding);
    g_clear_error(&error);
    g_autofree char *digest = guest_view_digest(view, NULL, &error);
    assert_null(digest);
}

static void bad_clusters_are_errors_and_not_content(void **state)
{
    (void)state;
    g_auto(Builder) beyond = {0};
    builder_init(&beyond, 3, CLUSTER_BITS, FALSE, CLUSTER);
    builder_put_l2(&beyond, 0, 99 * CLUSTER, 0);
    assert_read_fails(&beyond, UNDERPIN_ERROR_INVALID, "points beyond the end");
    g_auto(Builder) garbage = {0};
    builder_init(&garbage, 3, CLUSTER_BITS, FALSE, CLUSTER);
    builder_append_data(&garbage, 0xff);
    builder_put_l2(&garbage, 0, QCOW2_L2_COMPRESSED | 5 * CLUSTER, 0);
    assert_read_fails(&garbage, UNDERPIN_ERROR_INVALID, "cannot be read");
    g_auto(Builder) little = {0};
    builder_init(&little, 3, CLUSTER_BITS, FALSE, CLUSTER);
    guint64 offset = builder_append_data(&little, 0);
    memcpy(little.bytes->data + offset, "\x03\x00", 2); /* deflate: an empty last block */
    builder_put_l2(&little, 0, QCOW2_L2_COMPRESSED | offset, 0);
    assert_read_fails(&little, UNDERPIN_ERROR_INVALID, "holds too little");
}

static void zstd_is_unsupported_where_it_is_used(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, 2 * CLUSTER);
    builder_put64(&builder, QCOW2_AT_INCOMPATIBLE, QCOW2_INCOMPATIBLE_COMPRESSION);
    builder_put32(&builder, QCOW2_AT_COMPRESSION_TYPE, 1u << 24);
    builder_put_l2(&builder, 0, builder_append_compressed(&builder, 1), 0);
    builder_put_l2(&builder, 1, builder_append_data(&builder, 2), 0);
    assert_read_fails(&builder, UNDERPIN_ERROR_UNSUPPORTED, "zstd");
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    assert_bytes(view, CLUSTER, CLUSTER, 2);
}

static void assert_not_opened(const Builder *builder, UnderpinErrorCode code, const char *finding)
{
    g_autoptr(GError) error = NULL;
    assert_null(view_one(builder, &error));
    assert_int_equal(error_code(error), code);
    if (strstr(error->message, finding) == NULL)
        fail_msg("'%s' instead of '%s'", error->message, finding);
}

static void what_cannot_be_read_is_not_opened(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER);
    builder_put32(&builder, QCOW2_AT_CRYPT_METHOD, 2);
    assert_not_opened(&builder, UNDERPIN_ERROR_UNSUPPORTED, "encrypted");
    builder_put32(&builder, QCOW2_AT_CRYPT_METHOD, 0);
    builder_put64(&builder, QCOW2_AT_INCOMPATIBLE, QCOW2_INCOMPATIBLE_DATA_FILE);
    assert_not_opened(&builder, UNDERPIN_ERROR_UNSUPPORTED, "data file");
    builder_put64(&builder, QCOW2_AT_INCOMPATIBLE, 0);
    builder_put64(&builder, BUILDER_L1 * CLUSTER, 77 * CLUSTER);
    assert_not_opened(&builder, UNDERPIN_ERROR_INVALID, "L1 entry 0 points beyond the end");
}

static void an_l1_table_that_names_one_l2_table_again_and_again_is_refused(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER);
    builder_put32(&builder, QCOW2_AT_L1_ENTRIES, 8192);
    for (guint i = 0; i < 8192; i++)
        builder_put64(&builder, BUILDER_L1 * CLUSTER + i * 8, BUILDER_L2 * CLUSTER);
    assert_not_opened(&builder, UNDERPIN_ERROR_INVALID, "several L1 entries");
}

static void unknown_formats_and_empty_chains_are_refused(void **state)
{
    (void)state;
    int fd = memfd_create("image", MFD_CLOEXEC);
    g_autoptr(GError) error = NULL;
    assert_null(guest_view_new(&fd, (const char *const[]){"vmdk"}, 1, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    g_clear_error(&error);
    assert_null(guest_view_new(&fd, NULL, 0, &error));
    assert_non_null(error);
    g_clear_error(&error);
    close(fd);
    assert_null(guest_view_new(&fd, (const char *const[]){"raw"}, 1, &error));
    assert_non_null(error);
}

static void an_image_that_grows_while_it_is_looked_at_is_read_to_its_new_end(void **state)
{
    (void)state;
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, CLUSTER);
    int fd = builder_open(&builder);
    g_autoptr(GuestView) view = guest_view_new(&fd, (const char *const[]){"qcow2"}, 1, NULL);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 6), 0);
    assert_int_equal(pwrite(fd, builder.bytes->data, builder.bytes->len, 0), builder.bytes->len);
    close(fd);
    assert_bytes(view, 0, CLUSTER, 6);
}

/* Bytes that this process has read so far; 0 where the kernel does not count them. */
static guint64 bytes_read_so_far(void)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/io", &text, NULL, NULL))
        return 0;
    return g_ascii_strtoull(text + strlen("rchar: "), NULL, 10);
}

/* Planning looks at thousands of heads: what it reads of each is what it costs. A header without a
 * backing file is read to the end of its cluster; of each table and of the content, a page. */
static void a_look_at_a_few_bytes_reads_little_else(void **state)
{
    (void)state;
    enum { LOOK = 4096, MOST = CLUSTER + 6 * LOOK };
    g_auto(Builder) builder = {0};
    builder_init(&builder, 3, CLUSTER_BITS, FALSE, 6 * CLUSTER);
    builder_put_l2(&builder, 0, builder_append_data(&builder, 1), 0);
    guint64 before = bytes_read_so_far();
    if (before == 0)
        skip();
    g_autoptr(GuestView) view = view_one(&builder, NULL);
    assert_bytes(view, 0, LOOK, 1);
    assert_bytes(view, 2 * CLUSTER, LOOK, 0);
    assert_in_range(bytes_read_so_far() - before, LOOK, MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_cluster_reads_as_what_it_is),
        cmocka_unit_test(subclusters_are_told_apart),
        cmocka_unit_test(neighbours_of_one_kind_are_one_extent_wherever_they_lie),
        cmocka_unit_test(reading_is_short_at_the_end_only),
        cmocka_unit_test(capacity_counts_whole_sectors),
        cmocka_unit_test(a_shorter_backing_image_reads_as_zeroes_beyond_its_end),
        cmocka_unit_test(a_data_cluster_cut_off_by_the_end_of_the_file_reads_as_zeroes_there),
        cmocka_unit_test(explicit_zeroes_count_as_allocated_only_over_a_backing_image),
        cmocka_unit_test(the_holes_of_raw_images_are_mapped),
        cmocka_unit_test(the_digest_is_that_of_the_content),
        cmocka_unit_test(a_digest_can_be_cancelled),
        cmocka_unit_test(images_compressed_by_qemu_read_as_their_source),
        cmocka_unit_test(bad_clusters_are_errors_and_not_content),
        cmocka_unit_test(zstd_is_unsupported_where_it_is_used),
        cmocka_unit_test(what_cannot_be_read_is_not_opened),
        cmocka_unit_test(an_l1_table_that_names_one_l2_table_again_and_again_is_refused),
        cmocka_unit_test(unknown_formats_and_empty_chains_are_refused),
        cmocka_unit_test(an_image_that_grows_while_it_is_looked_at_is_read_to_its_new_end),
        cmocka_unit_test(a_look_at_a_few_bytes_reads_little_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
