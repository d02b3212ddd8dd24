/* Plain HTTP where TLS is expected. */
#include "cmocka_prelude.h"

#include <string.h>

#include "http/tls_greeting.h"

static void the_first_byte_tells_tls_from_http(void **state)
{
    (void)state;
    assert_int_equal(greeting_of(0x16), GREETING_TLS);
    assert_int_equal(greeting_of('G'), GREETING_HTTP);
    assert_int_equal(greeting_of(0x80), GREETING_UNKNOWN);
    assert_int_equal(greeting_of('\n'), GREETING_UNKNOWN);
}

static void the_answer_waits_for_the_whole_head(void **state)
{
    (void)state;
    static const char head[] = "GET /x HTTP/1.1\r\nHost: a.example:8443\r\n\r\n";
    for (gsize length = 0; length < strlen(head); length++)
        assert_null(greeting_answer(head, length));
    g_autofree char *answer = greeting_answer(head, strlen(head));
    assert_true(g_str_has_prefix(answer, "HTTP/1.1 308 "));
    assert_non_null(strstr(answer, "\r\nLocation: https://a.example:8443/x\r\n"));
}

static void what_is_not_plain_is_not_repeated(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\"b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET //\n HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /<b> HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "\r\n\r\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
        g_autofree char *answer = greeting_answer(heads[i], strlen(heads[i]));
        assert_true(g_str_has_prefix(answer, "HTTP/1.1 400 "));
        assert_null(strstr(answer, "Location"));
    }
}

static void a_head_without_end_is_answered_at_the_limit(void **state)
{
    (void)state;
    g_autofree char *head = g_strnfill(GREETING_LIMIT_BYTES, 'G');
    assert_null(greeting_answer(head, GREETING_LIMIT_BYTES - 1));
    g_autofree char *answer = greeting_answer(head, GREETING_LIMIT_BYTES);
    assert_true(g_str_has_prefix(answer, "HTTP/1.1 400 "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_byte_tells_tls_from_http),
        cmocka_unit_test(the_answer_waits_for_the_whole_head),
        cmocka_unit_test(what_is_not_plain_is_not_repeated),
        cmocka_unit_test(a_head_without_end_is_answered_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
