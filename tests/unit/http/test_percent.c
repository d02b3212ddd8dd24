/* Percent-decoding and queries. */
#include "cmocka_prelude.h"

#include <string.h>

#include "foundation/error.h"
#include "http/percent.h"

static void assert_decodes(const char *text, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *decoded = percent_decode(text, strlen(text), &error);
    assert_null(error);
    assert_string_equal(decoded, expected);
}

static void encoded_bytes_become_text(void **state)
{
    (void)state;
    assert_decodes("", "");
    assert_decodes("lab-1", "lab-1");
    assert_decodes("a%2Fb", "a/b");
    assert_decodes("%25", "%");
    assert_decodes("%c3%A4", "ä");
    assert_decodes("a+b", "a+b");
}

static void what_is_no_encoding_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"%",   "%2",    "a%",  "%zz", "%2g",
                                      "%00", "a%00b", "%ff", "%c3", "\xff"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(percent_decode(bad[i], strlen(bad[i]), &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    }
}

static void decoding_stops_at_the_given_length(void **state)
{
    (void)state;
    g_autofree char *decoded = percent_decode("abc%2F", 3, NULL);
    assert_string_equal(decoded, "abc");
    assert_null(percent_decode("abc%2F", 5, NULL));
}

static void a_query_becomes_a_table(void **state)
{
    (void)state;
    g_autoptr(GHashTable) query = query_parse("limit=5&match=lab-%2A&flag&empty=&&x=a=b", NULL);
    assert_non_null(query);
    assert_int_equal(g_hash_table_size(query), 5);
    assert_string_equal(g_hash_table_lookup(query, "limit"), "5");
    assert_string_equal(g_hash_table_lookup(query, "match"), "lab-*");
    assert_string_equal(g_hash_table_lookup(query, "flag"), "");
    assert_string_equal(g_hash_table_lookup(query, "empty"), "");
    assert_string_equal(g_hash_table_lookup(query, "x"), "a=b");
    g_autoptr(GHashTable) none = query_parse(NULL, NULL);
    assert_int_equal(g_hash_table_size(none), 0);
}

static void a_query_that_says_things_twice_is_refused(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_null(query_parse("limit=1&%6cimit=2", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    assert_non_null(strstr(error->message, "'limit'"));
    assert_null(query_parse("=1", NULL));
    assert_null(query_parse("a=%", NULL));
    assert_null(query_parse("%=a", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_bytes_become_text),
        cmocka_unit_test(what_is_no_encoding_is_refused),
        cmocka_unit_test(decoding_stops_at_the_given_length),
        cmocka_unit_test(a_query_becomes_a_table),
        cmocka_unit_test(a_query_that_says_things_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
