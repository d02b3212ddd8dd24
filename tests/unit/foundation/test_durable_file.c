/* Tests of replacing and reading files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/durable_file.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "scratch.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static gboolean replace(const Scratch *scratch, const char *text, GError **error)
{
    return durable_file_replace(scratch->fd, "file", text, strlen(text), 0640, error);
}

static void assert_content(const Scratch *scratch, const char *expected)
{
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    g_autofree char *content = file_read_bounded(scratch->fd, "file", 1000, &length, &error);
    assert_null(error);
    assert_string_equal(content, expected);
    assert_int_equal(length, strlen(expected));
}

static unsigned count_names(const Scratch *scratch)
{
    g_autoptr(GDir) directory = g_dir_open(scratch->path, 0, NULL);
    unsigned count = 0;
    while (g_dir_read_name(directory) != NULL)
        count++;
    return count;
}

static void replacing_makes_the_file_and_then_a_new_one_with_the_mode_asked_for(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    mode_t umask_before = umask(077);
    assert_true(replace(&scratch, "one", NULL));
    assert_content(&scratch, "one");
    assert_true(replace(&scratch, "two, longer", NULL));
    umask(umask_before);
    assert_content(&scratch, "two, longer");
    struct stat status;
    assert_int_equal(fstatat(scratch.fd, "file", &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_names(&scratch), 1);
}

static void a_failure_before_the_rename_leaves_the_old_file_alone(void **state)
{
    (void)state;
    static const FaultPoint points[] = {FAULT_FILE_WRITE, FAULT_FILE_SYNC, FAULT_FILE_RENAME};
    for (gsize i = 0; i < G_N_ELEMENTS(points); i++) {
        g_auto(Scratch) scratch = {0};
        scratch_init(&scratch);
        assert_true(replace(&scratch, "old", NULL));
        fault_point_arm(points[i], 1, FAULT_ERROR, ENOSPC);
        g_autoptr(GError) error = NULL;
        assert_false(replace(&scratch, "new", &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
        assert_content(&scratch, "old");
        assert_int_equal(count_names(&scratch), 1);
    }
}

static void a_failed_directory_sync_is_reported_with_the_new_file_in_place(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(replace(&scratch, "old", NULL));
    fault_point_arm(FAULT_DIRECTORY_SYNC, 1, FAULT_ERROR, EIO);
    g_autoptr(GError) error = NULL;
    assert_false(replace(&scratch, "new", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_content(&scratch, "new");
    assert_int_equal(count_names(&scratch), 1);
}

static void replacing_visits_its_four_fault_points_once_each(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    fault_point_count(TRUE);
    assert_true(replace(&scratch, "x", NULL));
    fault_point_count(FALSE);
    assert_int_equal(fault_point_visits(FAULT_FILE_WRITE), 1);
    assert_int_equal(fault_point_visits(FAULT_FILE_SYNC), 1);
    assert_int_equal(fault_point_visits(FAULT_FILE_RENAME), 1);
    assert_int_equal(fault_point_visits(FAULT_DIRECTORY_SYNC), 1);
}

static void replacing_in_a_directory_that_is_gone_is_an_error(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(durable_file_replace(-1, "file", "x", 1, 0600, &error));
    assert_non_null(error);
}

static void syncing_works_and_names_what_it_cannot_sync(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(durable_file_sync(scratch.fd, scratch.path, NULL));
    assert_true(durable_directory_sync(scratch.fd, ".", NULL));
    g_autoptr(GError) error = NULL;
    assert_false(durable_directory_sync(scratch.fd, "absent", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
    assert_non_null(strstr(error->message, "'absent'"));
    g_autoptr(GError) bad = NULL;
    assert_false(durable_file_sync(-1, "the file", &bad));
    assert_non_null(strstr(bad->message, "'the file'"));
}

static void assert_unreadable(const Scratch *scratch, const char *name, UnderpinErrorCode code)
{
    g_autoptr(GError) error = NULL;
    gsize length = 4711;
    assert_null(file_read_bounded(scratch->fd, name, 8, &length, &error));
    assert_int_equal(error_code(error), code);
    assert_int_equal(length, 4711);
}

static void reading_refuses_all_but_regular_files_within_the_limit(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(replace(&scratch, "12345678", NULL));
    assert_content(&scratch, "12345678");
    assert_int_equal(symlinkat("file", scratch.fd, "link"), 0);
    assert_int_equal(mkfifoat(scratch.fd, "pipe", 0600), 0);
    assert_int_equal(mkdirat(scratch.fd, "directory", 0700), 0);
    assert_unreadable(&scratch, "link", UNDERPIN_ERROR_INVALID);
    assert_unreadable(&scratch, "pipe", UNDERPIN_ERROR_INVALID);
    assert_unreadable(&scratch, "directory", UNDERPIN_ERROR_INVALID);
    assert_unreadable(&scratch, "absent", UNDERPIN_ERROR_NOT_FOUND);
    assert_true(replace(&scratch, "123456789", NULL));
    assert_unreadable(&scratch, "file", UNDERPIN_ERROR_INVALID);
}

static void reading_takes_empty_files_inner_zero_bytes_and_proc(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    assert_true(replace(&scratch, "", NULL));
    assert_content(&scratch, "");
    assert_true(durable_file_replace(scratch.fd, "file", "a\0b", 3, 0600, NULL));
    gsize length = 0;
    g_autofree char *content = file_read_bounded(scratch.fd, "file", 3, &length, NULL);
    assert_int_equal(length, 3);
    assert_memory_equal(content, "a\0b\0", 4);
    g_autofree char *version = file_read_bounded(AT_FDCWD, "/proc/version", 4096, NULL, NULL);
    assert_true(g_str_has_prefix(version, "Linux"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replacing_makes_the_file_and_then_a_new_one_with_the_mode_asked_for),
        cmocka_unit_test(a_failure_before_the_rename_leaves_the_old_file_alone),
        cmocka_unit_test(a_failed_directory_sync_is_reported_with_the_new_file_in_place),
        cmocka_unit_test(replacing_visits_its_four_fault_points_once_each),
        cmocka_unit_test(replacing_in_a_directory_that_is_gone_is_an_error),
        cmocka_unit_test(syncing_works_and_names_what_it_cannot_sync),
        cmocka_unit_test(reading_refuses_all_but_regular_files_within_the_limit),
        cmocka_unit_test(reading_takes_empty_files_inner_zero_bytes_and_proc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
