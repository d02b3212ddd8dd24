/* The reader of HTTP responses: what is well formed is read however it is cut, everything else is
 * an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/http_response.h"
#include "foundation/error.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* Feeds in pieces of `step` bytes, then the end. NULL where it was refused, else the body. */
static char *read_in_steps(const char *text, gsize step, unsigned *status_out)
{
    g_autoptr(HttpResponse) response = http_response_new();
    g_autoptr(GError) error = NULL;
    gsize length = strlen(text);
    for (gsize at = 0; at < length; at += step) {
        if (!http_response_feed(response, text + at, MIN(step, length - at), &error))
            break;
    }
    if (error == NULL)
        http_response_end(response, &error);
    if (error != NULL) {
        assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
        return NULL;
    }
    assert_true(http_response_is_complete(response));
    *status_out = http_response_status(response);
    GByteArray *body = http_response_take_body(response);
    return (char *)g_byte_array_free(body, FALSE);
}

static void response_is_the_same_however_it_is_cut(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        unsigned status;
        const char *body;
    } cases[] = {
        {OK "Content-Length: 5\r\n\r\nhello", 200, "hello"},
        {OK "content-length:  5 \r\nX-Other: a:b\r\n\r\nhello", 200, "hello"},
        {OK "Content-Length: 0\r\n\r\n", 200, ""},
        {OK "\r\nuntil the end", 200, "until the end"},
        {OK "\r\n", 200, ""},
        {"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404, "no"},
        {"HTTP/1.1 204\r\n\r\n", 204, ""},
        {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", 200,
         "hello!"},
        {OK "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200,
         "0123456789"},
        {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\nok", 200, "ok"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize step = 1; step <= strlen(cases[i].text); step++) {
            unsigned status = 0;
            g_autofree char *body = read_in_steps(cases[i].text, step, &status);
            assert_non_null(body);
            assert_string_equal(body, cases[i].body);
            assert_int_equal(status, cases[i].status);
        }
    }
}

static void response_that_is_not_well_formed_is_refused(void **state G_GNUC_UNUSED)
{
    static const char *const cases[] = {
        "",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        OK "Content-Length: 5\r\n\r\nhell",
        OK "Content-Length: 5\r\n\r\nhello!",
        OK "Content-Length: -1\r\n\r\n",
        OK "Content-Length: +5\r\n\r\nhello",
        OK "Content-Length: 5, 5\r\n\r\nhello",
        OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK "Content-Length: 99999999999999999999\r\n\r\n",
        OK "Content-Length: 268435457\r\n\r\n",
        OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK "Transfer-Encoding: gzip\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n123456789\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
        OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        OK "No colon here\r\n\r\n",
        OK ": empty\r\n\r\n",
        OK "Space : x\r\n\r\n",
        OK " folded: x\r\n\r\n",
        OK "Control: a\033b\r\n\r\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        unsigned status = 0;
        g_autofree char *whole = read_in_steps(cases[i], 4096, &status);
        g_autofree char *bytes = read_in_steps(cases[i], 1, &status);
        if (whole != NULL || bytes != NULL)
            fail_msg("accepted: %s", cases[i]);
    }
}

static void head_without_an_end_is_refused(void **state G_GNUC_UNUSED)
{
    g_autoptr(HttpResponse) response = http_response_new();
    g_autoptr(GError) error = NULL;
    gsize fed = 0;
    assert_true(http_response_feed(response, OK, strlen(OK), NULL));
    while (http_response_feed(response, "X-Again: and again\r\n", 20, &error))
        fed += 20;
    assert_in_range(fed, HTTP_HEAD_LIMIT - 100, HTTP_HEAD_LIMIT);
}

static void body_without_an_end_is_refused(void **state G_GNUC_UNUSED)
{
    g_autoptr(HttpResponse) response = http_response_new();
    g_autofree char *megabyte = g_strnfill(1024 * 1024, 'x');
    guint64 fed = 0;
    assert_true(http_response_feed(response, OK "\r\n", strlen(OK "\r\n"), NULL));
    while (http_response_feed(response, megabyte, 1024 * 1024, NULL)) {
        fed += 1024 * 1024;
        g_byte_array_unref(http_response_take_body(response));
    }
    assert_int_equal(fed, HTTP_BODY_LIMIT);
}

static void event_stream_may_last_for_ever(void **state G_GNUC_UNUSED)
{
    static const char head[] = OK "Content-Type: text/event-stream\r\n\r\n";
    g_autoptr(HttpResponse) response = http_response_new();
    g_autofree char *megabyte = g_strnfill(1024 * 1024, 'x');
    assert_true(http_response_feed(response, head, strlen(head), NULL));
    for (guint i = 0; i <= HTTP_BODY_LIMIT / (1024 * 1024); i++) {
        assert_true(http_response_feed(response, megabyte, 1024 * 1024, NULL));
        g_byte_array_unref(http_response_take_body(response));
    }
}

static void body_is_taken_piece_by_piece_while_it_arrives(void **state G_GNUC_UNUSED)
{
    static const char head[] = OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel";
    g_autoptr(HttpResponse) response = http_response_new();
    assert_false(http_response_has_head(response));
    assert_true(http_response_feed(response, head, strlen(head), NULL));
    assert_true(http_response_has_head(response));
    assert_false(http_response_is_complete(response));
    GByteArray *first = http_response_take_body(response);
    assert_string_equal((char *)first->data, "hel");
    g_byte_array_unref(first);
    assert_true(http_response_feed(response, "lo\r\n0\r\n\r\n", 9, NULL));
    GByteArray *second = http_response_take_body(response);
    assert_string_equal((char *)second->data, "lo");
    g_byte_array_unref(second);
    assert_true(http_response_is_complete(response));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response_is_the_same_however_it_is_cut),
        cmocka_unit_test(response_that_is_not_well_formed_is_refused),
        cmocka_unit_test(head_without_an_end_is_refused),
        cmocka_unit_test(body_without_an_end_is_refused),
        cmocka_unit_test(event_stream_may_last_for_ever),
        cmocka_unit_test(body_is_taken_piece_by_piece_while_it_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
