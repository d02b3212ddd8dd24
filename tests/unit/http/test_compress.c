/* Which answers are compressed, and to what. */
#include "cmocka_prelude.h"

#include <gio/gio.h>
#include <string.h>

#include "http/compress.h"

static HttpRequest *request_by_tcp(const char *accept_encoding)
{
    HttpRequest *request = http_request_new("GET", "/");
    g_strlcpy(request->peer.address, "192.0.2.1", sizeof request->peer.address);
    if (accept_encoding)
        http_request_add_header(request, "Accept-Encoding", accept_encoding);
    return request;
}

static HttpResponse *list_of(guint rows)
{
    json_t *items = json_array();
    for (guint i = 0; i < rows; i++)
        json_array_append_new(items, json_pack("{s:s, s:i}", "name", "lab", "number", i));
    json_t *json = json_object();
    json_object_set_new(json, "items", items);
    return http_response_json(200, json);
}

static void a_large_list_shrinks_and_is_the_same(void **state)
{
    (void)state;
    g_autoptr(HttpRequest) request = request_by_tcp("gzip, br");
    g_autoptr(HttpResponse) response = list_of(5000);
    g_autoptr(GBytes) plain = g_bytes_ref(response->body);
    gsize size = g_bytes_get_size(plain), read, written;
    response_compress(response, request);
    assert_string_equal(http_response_header(response, "Content-Encoding"), "gzip");
    assert_string_equal(http_response_header(response, "Vary"), "Accept-Encoding");
    assert_true(g_bytes_get_size(response->body) < size / 4);
    g_autofree char *output = g_malloc(size + 1);
    g_autoptr(GConverter) converter =
        G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    assert_int_equal(g_converter_convert(converter, g_bytes_get_data(response->body, NULL),
                                         g_bytes_get_size(response->body), output, size + 1,
                                         G_CONVERTER_INPUT_AT_END, &read, &written, NULL),
                     G_CONVERTER_FINISHED);
    assert_int_equal(written, size);
    assert_memory_equal(output, g_bytes_get_data(plain, NULL), size);
}

static void assert_left_alone(HttpResponse *response, HttpRequest *request)
{
    g_autoptr(GBytes) before = response->body ? g_bytes_ref(response->body) : NULL;
    response_compress(response, request);
    assert_ptr_equal(response->body, before);
    assert_null(http_response_header(response, "Content-Encoding"));
    http_response_free(response);
    http_request_free(request);
}

static void what_would_gain_nothing_is_left_alone(void **state)
{
    (void)state;
    HttpRequest *by_socket = request_by_tcp("gzip");
    by_socket->peer.is_unix = TRUE;
    g_autofree guint32 *noise = g_new(guint32, 20000);
    for (guint i = 0; i < 20000; i++)
        noise[i] = g_random_int();
    assert_left_alone(list_of(5000), by_socket);
    assert_left_alone(list_of(5000), request_by_tcp(NULL));
    assert_left_alone(list_of(5000), request_by_tcp("gzip;q=0, br"));
    assert_left_alone(list_of(10), request_by_tcp("gzip"));
    assert_left_alone(http_response_bytes(204, NULL, NULL), request_by_tcp("gzip"));
    assert_left_alone(
        http_response_bytes(200, "application/octet-stream", g_bytes_new_static(noise, 80000)),
        request_by_tcp("gzip"));
    assert_left_alone(
        http_response_bytes(200, "application/json", g_bytes_new_static(noise, 80000)),
        request_by_tcp("gzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_list_shrinks_and_is_the_same),
        cmocka_unit_test(what_would_gain_nothing_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
