/* Accept-Encoding. */
#include "cmocka_prelude.h"

#include "http/accept_encoding.h"

static void codings_are_found_by_name(void **state)
{
    (void)state;
    assert_true(accept_encoding_has("gzip, deflate, br", "gzip"));
    assert_true(accept_encoding_has("gzip, deflate, br", "br"));
    assert_true(accept_encoding_has("GZIP;q=0.5", "gzip"));
    assert_true(accept_encoding_has(" br ; q=1 ,gzip", "br"));
}

static void what_is_not_named_or_has_no_weight_is_not_accepted(void **state)
{
    (void)state;
    static const char *const values[] = {NULL,    "",  ",,",       "identity",      "xgzip",
                                         "gzipx", "*", "gzip;q=0", "gzip; q=0.000", "br"};
    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
        assert_false(accept_encoding_has(values[i], "gzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codings_are_found_by_name),
        cmocka_unit_test(what_is_not_named_or_has_no_weight_is_not_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
