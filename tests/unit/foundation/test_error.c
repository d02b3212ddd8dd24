/* Tests of the error domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include <errno.h>
#include <gio/gio.h>

static void setting_an_error_returns_false_and_keeps_message_and_hint(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(error_set(&error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin list'",
                           "no machine '%s'", "red"));
    assert_true(g_error_matches(error, UNDERPIN_ERROR, UNDERPIN_ERROR_NOT_FOUND));
    assert_string_equal(error->message, "no machine 'red'");
    assert_string_equal(error_hint(error), "see 'underpin list'");
}

static void an_error_may_be_ignored_by_the_caller(void **state)
{
    (void)state;
    assert_false(error_set(NULL, UNDERPIN_ERROR_BUSY, NULL, "busy"));
    assert_false(error_set_errno(NULL, EIO, "reading"));
}

static void the_hint_survives_copying_and_prefixing(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_BUSY, "wait", "locked");
    g_autoptr(GError) copy = g_error_copy(error);
    g_clear_error(&error);
    g_prefix_error(&copy, "rebasing 'a': ");
    assert_string_equal(copy->message, "rebasing 'a': locked");
    assert_string_equal(error_hint(copy), "wait");
}

static void the_hint_can_be_replaced_even_by_itself(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_BUSY, "first", "locked");
    error_set_hint(error, "second");
    assert_string_equal(error_hint(error), "second");
    error_set_hint(error, error_hint(error));
    assert_string_equal(error_hint(error), "second");
    error_set_hint(error, NULL);
    assert_null(error_hint(error));
}

static void foreign_errors_have_no_hint_and_take_none(void **state)
{
    (void)state;
    g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "odd");
    error_set_hint(error, "ignored");
    assert_null(error_hint(error));
    assert_null(error_hint(NULL));
}

static void errno_values_become_fitting_codes(void **state)
{
    (void)state;
    static const struct {
        int errno_value;
        UnderpinErrorCode code;
    } cases[] = {
        {ENOSPC, UNDERPIN_ERROR_NO_SPACE},  {EDQUOT, UNDERPIN_ERROR_NO_SPACE},
        {ENOENT, UNDERPIN_ERROR_NOT_FOUND}, {EEXIST, UNDERPIN_ERROR_EXISTS},
        {EACCES, UNDERPIN_ERROR_DENIED},    {EPERM, UNDERPIN_ERROR_DENIED},
        {EROFS, UNDERPIN_ERROR_DENIED},     {EBUSY, UNDERPIN_ERROR_BUSY},
        {EAGAIN, UNDERPIN_ERROR_BUSY},      {EIO, UNDERPIN_ERROR_BACKEND},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(error_set_errno(&error, cases[i].errno_value, "writing '%s'", "x"));
        assert_int_equal(error_code(error), cases[i].code);
        g_autofree char *expected =
            g_strdup_printf("writing 'x': %s", g_strerror(cases[i].errno_value));
        assert_string_equal(error->message, expected);
        assert_int_equal(error_hint(error) != NULL, cases[i].code == UNDERPIN_ERROR_NO_SPACE);
    }
}

static void foreign_errors_are_mapped_and_unknown_ones_are_the_backends(void **state)
{
    (void)state;
    static const struct {
        GQuark (*domain)(void);
        int foreign_code;
        UnderpinErrorCode code;
    } cases[] = {
        {g_io_error_quark, G_IO_ERROR_NOT_FOUND, UNDERPIN_ERROR_NOT_FOUND},
        {g_io_error_quark, G_IO_ERROR_CANCELLED, UNDERPIN_ERROR_CANCELLED},
        {g_io_error_quark, G_IO_ERROR_NO_SPACE, UNDERPIN_ERROR_NO_SPACE},
        {g_io_error_quark, G_IO_ERROR_CONNECTION_REFUSED, UNDERPIN_ERROR_UNAVAILABLE},
        {g_io_error_quark, G_IO_ERROR_FAILED, UNDERPIN_ERROR_BACKEND},
        {g_file_error_quark, G_FILE_ERROR_ACCES, UNDERPIN_ERROR_DENIED},
        {g_key_file_error_quark, G_KEY_FILE_ERROR_PARSE, UNDERPIN_ERROR_INVALID},
        {g_option_error_quark, G_OPTION_ERROR_BAD_VALUE, UNDERPIN_ERROR_INVALID},
        {g_spawn_error_quark, G_SPAWN_ERROR_FAILED, UNDERPIN_ERROR_BACKEND},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error =
            g_error_new_literal(cases[i].domain(), cases[i].foreign_code, "foreign");
        assert_int_equal(error_code(error), cases[i].code);
    }
    assert_int_equal(error_code(NULL), UNDERPIN_ERROR_BUG);
}

static void every_code_has_its_own_name_and_is_found_by_it(void **state)
{
    (void)state;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned code = 0; code < UNDERPIN_ERROR_COUNT; code++) {
        const char *name = error_code_name(code);
        assert_true(g_hash_table_add(seen, (gpointer)name));
        UnderpinErrorCode found = UNDERPIN_ERROR_COUNT;
        assert_true(error_code_from_name(name, &found));
        assert_int_equal(found, code);
    }
    UnderpinErrorCode untouched = UNDERPIN_ERROR_BUSY;
    assert_false(error_code_from_name("no-such-code", &untouched));
    assert_false(error_code_from_name(NULL, &untouched));
    assert_int_equal(untouched, UNDERPIN_ERROR_BUSY);
}

static void every_code_has_the_documented_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned http_status;
        int exit_status;
    } cases[UNDERPIN_ERROR_COUNT] = {
        {"invalid", 400, 2},   {"not-found", 404, 3},   {"exists", 409, 4},
        {"busy", 409, 4},      {"refused", 409, 4},     {"denied", 403, 1},
        {"no-space", 507, 1},  {"unsupported", 501, 1}, {"unavailable", 503, 1},
        {"cancelled", 409, 1}, {"backend", 500, 1},     {"bug", 500, 1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        UnderpinErrorCode code = UNDERPIN_ERROR_COUNT;
        assert_true(error_code_from_name(cases[i].name, &code));
        assert_int_equal(error_code_http_status(code), cases[i].http_status);
        assert_int_equal(error_code_exit_status(code), cases[i].exit_status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_returns_false_and_keeps_message_and_hint),
        cmocka_unit_test(an_error_may_be_ignored_by_the_caller),
        cmocka_unit_test(the_hint_survives_copying_and_prefixing),
        cmocka_unit_test(the_hint_can_be_replaced_even_by_itself),
        cmocka_unit_test(foreign_errors_have_no_hint_and_take_none),
        cmocka_unit_test(errno_values_become_fitting_codes),
        cmocka_unit_test(foreign_errors_are_mapped_and_unknown_ones_are_the_backends),
        cmocka_unit_test(every_code_has_its_own_name_and_is_found_by_it),
        cmocka_unit_test(every_code_has_the_documented_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
