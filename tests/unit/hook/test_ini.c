/* The INI reader against what GKeyFile writes. */
#include "hook/ini.h"
#include "scratch.h"

#include <string.h>

static bool read_one(const char *root, const char *key, char *value, size_t size)
{
    g_autofree char *path = g_build_filename(root, "file.ini", NULL);
    const IniField field = {key, value, size};
    return ini_read(path, &field, 1);
}

static void reads_what_gkeyfile_writes(void **state)
{
    static const char *const values[] = {"plain",   " leading", "a\\b", "tab\tline\nend\r",
                                         "a=b;c#d", "\xc3\xa9"};
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        char value[64];
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_key_file_set_string(file, "machine", "id", "before");
        g_key_file_set_string(file, "machine", "name", values[i]);
        g_autofree char *text = g_key_file_to_data(file, NULL, NULL);
        scratch_write(*state, "file.ini", text);
        assert_true(read_one(*state, "name", value, sizeof value));
        assert_string_equal(value, values[i]);
    }
}

static void takes_the_first_line_of_a_key(void **state)
{
    char value[16];
    scratch_write(*state, "file.ini", "# name=comment\nnames=no\nname = one \nname=two\nlast=3");
    assert_true(read_one(*state, "name", value, sizeof value));
    assert_string_equal(value, "one");
    assert_true(read_one(*state, "last", value, sizeof value));
    assert_string_equal(value, "3");
    assert_true(read_one(*state, "other", value, sizeof value));
    assert_string_equal(value, "");
}

static void refuses_what_is_no_small_text_file(void **state)
{
    char value[8];
    g_autofree char *path = g_build_filename(*state, "file.ini", NULL);
    assert_false(read_one(*state, "name", value, sizeof value));
    scratch_write(*state, "file.ini", "name=12345678\n");
    assert_false(read_one(*state, "name", value, sizeof value));
    scratch_write(*state, "file.ini", "name=1234567\n");
    assert_true(read_one(*state, "name", value, sizeof value));
    assert_true(g_file_set_contents(path, "name=x\0y\n", 9, NULL));
    assert_false(read_one(*state, "name", value, sizeof value));
    g_autofree char *large = g_strnfill(4 * 1024 * 1024, '\n');
    scratch_write(*state, "file.ini", large);
    assert_false(read_one(*state, "name", value, sizeof value));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_false(read_one(*state, "name", value, sizeof value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_gkeyfile_writes, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(takes_the_first_line_of_a_key, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_small_text_file, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
