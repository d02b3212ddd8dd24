/* Tests of the identifiers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/ids.h"
#include <string.h>

static void new_ids_are_valid_and_differ(void **state)
{
    (void)state;
    g_autofree char *first = id_new();
    g_autofree char *second = id_new();
    assert_int_equal(strlen(first), 16);
    assert_true(id_is_valid(first) && id_is_valid(second));
    assert_string_not_equal(first, second);
}

static void texts_that_are_no_ids_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "0123456789abcde",
                                        "0123456789abcdef0",
                                        "0123456789ABCDEF",
                                        "0123456789abcdeg",
                                        "../4567890abcdef",
                                        "0123456789abcde\n"};
    assert_true(id_is_valid("0123456789abcdef"));
    assert_false(id_is_valid(NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
        assert_false(id_is_valid(wrong[i]));
}

static void new_uuids_are_version_4_and_differ(void **state)
{
    (void)state;
    for (int i = 0; i < 64; i++) {
        g_autofree char *first = uuid_new();
        g_autofree char *second = uuid_new();
        assert_true(uuid_is_valid(first));
        assert_int_equal(first[14], '4');
        assert_non_null(strchr("89ab", first[19]));
        assert_string_not_equal(first, second);
    }
}

static void texts_that_are_no_uuids_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "11111111-2222-3333-4444-55555555555",
                                        "11111111-2222-3333-4444-5555555555555",
                                        "11111111-2222-3333-4444-55555555555G",
                                        "11111111-2222-3333-4444-55555555555A",
                                        "11111111+2222-3333-4444-555555555555",
                                        "1111111122223333444455555555555555-5"};
    assert_true(uuid_is_valid("11111111-2222-3333-4444-55555555555a"));
    assert_false(uuid_is_valid(NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
        assert_false(uuid_is_valid(wrong[i]));
}

static void new_mac_addresses_have_qemus_prefix_and_differ(void **state)
{
    (void)state;
    g_autofree char *first = mac_new();
    g_autofree char *second = mac_new();
    assert_int_equal(strlen(first), 17);
    assert_true(g_str_has_prefix(first, "52:54:00:"));
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_are_valid_and_differ),
        cmocka_unit_test(texts_that_are_no_ids_are_refused),
        cmocka_unit_test(new_uuids_are_version_4_and_differ),
        cmocka_unit_test(texts_that_are_no_uuids_are_refused),
        cmocka_unit_test(new_mac_addresses_have_qemus_prefix_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
