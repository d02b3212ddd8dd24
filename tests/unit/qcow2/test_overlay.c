/* Tests of the images that we write, with qemu-img as the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include "qcow2/header.h"
#include "qcow2/overlay.h"
#include "qemu.h"
#include "scratch.h"
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((guint64)1024 * 1024)
#define GIB (1024 * MIB)

static gboolean write_image(const Scratch *scratch, const char *name, const OverlaySpec *spec,
                            GError **error)
{
    int fd = openat(scratch->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    gboolean is_written = qcow2_overlay_write(fd, spec, name, error);
    close(fd);
    return is_written;
}

static void read_header(const Scratch *scratch, const char *name, Qcow2Header *header)
{
    g_autoptr(GError) error = NULL;
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
    if (!qcow2_header_read(fd, name, header, &error) ||
        !qcow2_check_tables(fd, header, name, &error))
        fail_msg("%s", error->message);
    close(fd);
}

static void assert_unwritten(const Scratch *scratch, const char *name, gboolean expected)
{
    g_auto(Qcow2Header) header = {0};
    read_header(scratch, name, &header);
    gboolean unwritten = !expected;
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(qcow2_is_unwritten(fd, &header, &unwritten, NULL));
    close(fd);
    assert_int_equal(unwritten, expected);
}

static void qemu_finds_no_fault_at_any_cluster_size_and_capacity(void **state)
{
    (void)state;
    qemu_require();
    static const guint64 capacities[] = {512, MIB + 512, 40 * GIB, 2000 * GIB};
    for (guint bits = 9; bits <= 21; bits++) {
        for (gsize i = 0; i < G_N_ELEMENTS(capacities); i++) {
            g_auto(Scratch) scratch = {0};
            scratch_init(&scratch);
            const OverlaySpec spec = {.capacity_bytes = capacities[i],
                                      .cluster_bits = bits,
                                      .no_extended_l2 = bits < 14 || i % 2 == 1};
            g_autoptr(GError) error = NULL;
            if (bits <= 11 && capacities[i] > GIB) {
                gboolean fits = write_image(&scratch, "image", &spec, &error);
                assert_int_equal(fits, capacities[i] <= (guint64)4096 * 1024 << (2 * bits - 3));
                if (!fits)
                    continue;
            } else if (!write_image(&scratch, "image", &spec, &error)) {
                fail_msg("%s", error->message);
            }
            g_free(qemu_run("qemu-img check -q -f qcow2 %s/image", scratch.path));
            g_auto(Qcow2Header) header = {0};
            read_header(&scratch, "image", &header);
            assert_int_equal(header.capacity_bytes, capacities[i]);
            assert_unwritten(&scratch, "image", TRUE);
        }
    }
}

static void the_default_has_subclusters_in_clusters_of_64_kib_and_takes_three_blocks(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(write_image(&scratch, "image", &(OverlaySpec){.capacity_bytes = 40 * GIB}, NULL));
    g_auto(Qcow2Header) header = {0};
    read_header(&scratch, "image", &header);
    assert_int_equal(header.version, 3);
    assert_int_equal(header.cluster_bits, 16);
    assert_true(header.has_extended_l2);
    struct stat status;
    assert_int_equal(fstatat(scratch.fd, "image", &status, 0), 0);
    assert_int_equal(status.st_size, 4 * 65536);
    assert_in_range(status.st_blocks * 512, 1, 3 * (guint64)status.st_blksize);
}

static void qemu_reads_the_backing_file_its_format_and_the_capacity(void **state)
{
    (void)state;
    qemu_require();
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    const OverlaySpec base = {.capacity_bytes = MIB};
    const OverlaySpec spec = {.capacity_bytes = 2 * MIB,
                              .backing_file = "base.qcow2",
                              .backing_format = "qcow2",
                              .identity = "machine=1 target=vda"};
    assert_true(write_image(&scratch, "base.qcow2", &base, NULL));
    assert_true(write_image(&scratch, "top.qcow2", &spec, NULL));
    g_autofree char *text =
        qemu_run("qemu-img info -f qcow2 --output=json %s/top.qcow2", scratch.path);
    json_t *info = json_loads(text, 0, NULL);
    json_t *specific = json_object_get(json_object_get(info, "format-specific"), "data");
    assert_string_equal(json_string_value(json_object_get(info, "backing-filename")), "base.qcow2");
    assert_string_equal(json_string_value(json_object_get(info, "backing-filename-format")),
                        "qcow2");
    assert_int_equal(json_integer_value(json_object_get(info, "virtual-size")), 2 * MIB);
    assert_true(json_is_true(json_object_get(specific, "extended-l2")));
    assert_true(json_is_false(json_object_get(specific, "corrupt")));
    json_decref(info);
}

static void a_guest_can_write_to_it_and_reads_the_backing_file_elsewhere(void **state)
{
    (void)state;
    qemu_require();
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    const OverlaySpec spec = {.capacity_bytes = 4 * MIB,
                              .backing_file = "base.raw",
                              .backing_format = "raw",
                              .identity = "machine=1"};
    g_free(qemu_run("qemu-img create -q -f raw %s/base.raw 4M", scratch.path));
    g_free(qemu_run("qemu-io -f raw -c 'write -q -P 7 0 4M' %s/base.raw", scratch.path));
    assert_true(write_image(&scratch, "top", &spec, NULL));
    assert_unwritten(&scratch, "top", TRUE);
    g_free(qemu_run("qemu-img compare -q -f qcow2 -F raw %s/top %s/base.raw", scratch.path,
                    scratch.path));
    g_free(qemu_run("qemu-io -f qcow2 -c 'write -q -P 9 1M 4k' %s/top", scratch.path));
    assert_true(qemu_accepts("qemu-io -f qcow2 -c 'read -q -P 9 1M 4k' -c 'read -q -P 7 0 1M' "
                             "-c 'read -q -P 7 1028k 3068k' %s/top",
                             scratch.path));
    g_free(qemu_run("qemu-img check -q -f qcow2 %s/top", scratch.path));
    assert_unwritten(&scratch, "top", FALSE);
}

static void reading_discarding_and_lazy_refcounts_keep_an_overlay_unwritten(void **state)
{
    (void)state;
    qemu_require();
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(write_image(&scratch, "image", &(OverlaySpec){.capacity_bytes = MIB}, NULL));
    g_free(qemu_run("qemu-io -f qcow2 -c 'read -q 0 1M' %s/image", scratch.path));
    assert_unwritten(&scratch, "image", TRUE);
    g_free(qemu_run("qemu-img amend -q -f qcow2 -o lazy_refcounts=on %s/image", scratch.path));
    assert_unwritten(&scratch, "image", TRUE);
    g_free(qemu_run("qemu-img bitmap -f qcow2 --add %s/image b0", scratch.path));
    assert_unwritten(&scratch, "image", FALSE);
}

static void the_identity_survives_what_qemu_does_to_the_header(void **state)
{
    (void)state;
    qemu_require();
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    const OverlaySpec spec = {.capacity_bytes = MIB, .identity = "machine=1 target=vda"};
    assert_true(write_image(&scratch, "image", &spec, NULL));
    g_free(qemu_run("qemu-img bitmap -f qcow2 --add %s/image b0", scratch.path));
    g_free(qemu_run("qemu-img snapshot -c one %s/image", scratch.path));
    g_free(qemu_run("qemu-img resize -q -f qcow2 %s/image 2M", scratch.path));
    g_free(qemu_run("qemu-img rebase -q -u -f qcow2 -F raw -b other.raw %s/image", scratch.path));
    g_auto(Qcow2Header) header = {0};
    read_header(&scratch, "image", &header);
    assert_string_equal(header.identity, spec.identity);
    assert_string_equal(header.backing_file, "other.raw");
    assert_string_equal(header.backing_format, "raw");
    assert_int_equal(header.bitmap_count, 1);
    assert_int_equal(header.snapshot_count, 1);
    assert_int_equal(header.capacity_bytes, 2 * MIB);
}

static void specifications_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    g_autofree char *name = g_strnfill(1024, 'x');
    g_autofree char *identity = g_strnfill(4097, 'x');
    const OverlaySpec wrong[] = {
        {.capacity_bytes = 0},
        {.capacity_bytes = 513},
        {.capacity_bytes = G_MAXUINT64 - 511},
        {.capacity_bytes = (guint64)1 << 56},
        {.capacity_bytes = ((guint64)1 << 50) + 512},
        {.capacity_bytes = MIB, .cluster_bits = 8},
        {.capacity_bytes = MIB, .cluster_bits = 22},
        {.capacity_bytes = MIB, .cluster_bits = 13},
        {.capacity_bytes = MIB, .backing_file = "base"},
        {.capacity_bytes = MIB, .backing_format = "raw"},
        {.capacity_bytes = MIB, .backing_file = "", .backing_format = "raw"},
        {.capacity_bytes = MIB, .backing_file = name, .backing_format = "raw"},
        {.capacity_bytes = MIB, .backing_file = "b", .backing_format = "sixteen-letters-"},
        {.capacity_bytes = MIB, .identity = identity},
        {.capacity_bytes = MIB, .identity = "\xff"},
        {.capacity_bytes = MIB, .identity = name, .cluster_bits = 9, .no_extended_l2 = TRUE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        if (write_image(&scratch, "image", &wrong[i], &error))
            fail_msg("specification %zu was accepted", i);
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
        struct stat status;
        assert_int_equal(fstatat(scratch.fd, "image", &status, 0), 0);
        assert_int_equal(status.st_size, 0);
    }
}

static void a_file_with_content_is_never_overwritten(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    int fd = openat(scratch.fd, "image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    g_autoptr(GError) error = NULL;
    assert_false(qcow2_overlay_write(fd, &(OverlaySpec){.capacity_bytes = MIB}, "image", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_EXISTS);
    assert_int_equal(lseek(fd, 0, SEEK_END), 1);
    close(fd);
}

static void a_descriptor_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    int fd = openat(scratch.fd, "image", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    g_autoptr(GError) error = NULL;
    assert_false(qcow2_overlay_write(fd, &(OverlaySpec){.capacity_bytes = MIB}, "image", &error));
    assert_non_null(strstr(error->message, "'image'"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qemu_finds_no_fault_at_any_cluster_size_and_capacity),
        cmocka_unit_test(the_default_has_subclusters_in_clusters_of_64_kib_and_takes_three_blocks),
        cmocka_unit_test(qemu_reads_the_backing_file_its_format_and_the_capacity),
        cmocka_unit_test(a_guest_can_write_to_it_and_reads_the_backing_file_elsewhere),
        cmocka_unit_test(reading_discarding_and_lazy_refcounts_keep_an_overlay_unwritten),
        cmocka_unit_test(the_identity_survives_what_qemu_does_to_the_header),
        cmocka_unit_test(specifications_that_make_no_sense_are_refused),
        cmocka_unit_test(a_file_with_content_is_never_overwritten),
        cmocka_unit_test(a_descriptor_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
