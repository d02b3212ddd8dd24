/* Sizes as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include "foundation/size.h"

#define KIB G_GUINT64_CONSTANT(1024)
#define GIB (KIB * KIB * KIB)

static void size_is_written_in_the_unit_a_person_would_take(void **state G_GNUC_UNUSED)
{
    static const struct {
        guint64 bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {KIB * KIB - 1, "1 MiB"},
        {GIB + GIB / 5, "1.2 GiB"},
        {40 * GIB, "40 GiB"},
        {100 * GIB + GIB / 2, "101 GiB"},
        {1023 * GIB, "1023 GiB"},
        {G_MAXUINT64, "16 EiB"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = size_to_text(cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

static void size_is_read_as_people_write_it(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        guint64 bytes;
    } cases[] = {
        {"1", 1},
        {"4096", 4096},
        {"10G", 10 * GIB},
        {"10g", 10 * GIB},
        {"10GiB", 10 * GIB},
        {"10 GiB", 10 * GIB},
        {"1.5T", 1536 * GIB},
        {"0.5K", 512},
        {"10GB", G_GUINT64_CONSTANT(10000000000)},
        {"1kB", 1000},
        {"7E", 0},
        {"", 0},
        {"G", 0},
        {"0", 0},
        {"-1G", 0},
        {"1.G", 0},
        {"1.5", 0},
        {"1..5G", 0},
        {"10Gi", 0},
        {"99999999999999999999", 0},
        {"9999999P", 0},
        {"0x10", 0},
        {"ten", 0},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 bytes = 0;
        gboolean is_read = size_from_text(cases[i].text, &bytes, &error);
        assert_int_equal(is_read, cases[i].bytes != 0);
        assert_int_equal(bytes, cases[i].bytes);
        assert_int_equal(error == NULL, is_read);
        if (!is_read)
            assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_is_written_in_the_unit_a_person_would_take),
        cmocka_unit_test(size_is_read_as_people_write_it),
    };
    return cmocka_run_group_tests_name("sizes", tests, NULL, NULL);
}
