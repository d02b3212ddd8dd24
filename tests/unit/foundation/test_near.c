/* Words near to a mistyped one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/near.h"

static void distance_counts_what_a_typist_gets_wrong(void **state G_GNUC_UNUSED)
{
    assert_int_equal(near_distance("rebase", "rebase"), 0);
    assert_int_equal(near_distance("REBASE", "rebase"), 0);
    assert_int_equal(near_distance("rebse", "rebase"), 1);
    assert_int_equal(near_distance("reabse", "rebase"), 1);
    assert_int_equal(near_distance("", "abc"), 3);
    g_autofree char *long_word = g_strnfill(500, 'x');
    assert_int_equal(near_distance(long_word, "abc"), 500);
}

static void only_near_words_are_proposed(void **state G_GNUC_UNUSED)
{
    static const char *const words[] = {"restore", "rebase", "release", "remove", NULL};
    g_autofree char *typo = near_words("restor", words, "");
    g_autofree char *beginning = near_words("re", words, "--");
    assert_string_equal(typo, "'restore'");
    assert_string_equal(beginning, "'--rebase', '--release' or '--remove'");
    assert_null(near_words("frobnicate", words, ""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_what_a_typist_gets_wrong),
        cmocka_unit_test(only_near_words_are_proposed),
    };
    return cmocka_run_group_tests_name("near words", tests, NULL, NULL);
}
