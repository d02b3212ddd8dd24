/* The page's files; which there are is up to the page, so the cases ask the table. */
#include "cmocka_prelude.h"

#include <gio/gio.h>
#include <string.h>

#include "http/page_files.h"
#include "http/static_files.h"

static HttpResponse *get(const char *path, const char *header, const char *value)
{
    g_autoptr(HttpRequest) request = http_request_new("GET", path);
    if (header)
        http_request_add_header(request, header, value);
    return static_files_answer(request);
}

static const PageFile *some_asset(void)
{
    for (gsize i = 0; i < page_file_count; i++) {
        if (g_str_has_prefix(page_files[i].name, "/assets/") &&
            page_files[i].codings[CODING_BROTLI].length > 0 &&
            page_files[i].codings[CODING_GZIP].length > 0)
            return &page_files[i];
    }
    skip();
    return NULL;
}

static void a_daemon_without_the_page_says_so(void **state)
{
    static const char *const addresses[] = {"/", "/setup", "/bases/office-1"};
    (void)state;
    if (static_files_have_page())
        skip();
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autoptr(HttpResponse) response = get(addresses[i], "Accept", "text/html");
        assert_int_equal(response->status, 404);
        const char *body = g_bytes_get_data(response->body, NULL);
        assert_non_null(strstr(body, "built without the web page"));
    }
    assert_null(get("/api/v1/nothing", "Accept", "text/html"));
}

static void the_page_is_asked_for_each_time(void **state)
{
    (void)state;
    some_asset();
    g_autoptr(HttpResponse) page = get("/", NULL, NULL);
    assert_int_equal(page->status, 200);
    assert_string_equal(page->content_type, "text/html; charset=utf-8");
    assert_string_equal(http_response_header(page, "Cache-Control"), "no-cache");
    g_autoptr(HttpResponse) again = get("/", "If-None-Match", http_response_header(page, "ETag"));
    assert_int_equal(again->status, 304);
    assert_null(again->body);
    g_autoptr(HttpResponse) other = get("/", "If-None-Match", "\"something else\"");
    assert_int_equal(other->status, 200);
}

static void assets_are_good_for_ever(void **state)
{
    (void)state;
    g_autoptr(HttpResponse) asset = get(some_asset()->name, NULL, NULL);
    assert_int_equal(asset->status, 200);
    assert_non_null(strstr(http_response_header(asset, "Cache-Control"), "immutable"));
}

static void every_asset_that_the_page_names_is_there(void **state)
{
    (void)state;
    some_asset();
    g_autoptr(HttpResponse) page = get("/", NULL, NULL);
    gsize length;
    const char *bytes = g_bytes_get_data(page->body, &length);
    g_autofree char *text = g_strndup(bytes, length);
    g_autoptr(GRegex) pattern = g_regex_new("/assets/[^\"]+", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    guint found = 0;
    for (g_regex_match(pattern, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL), found++) {
        g_autofree char *name = g_match_info_fetch(match, 0);
        g_autoptr(HttpResponse) asset = get(name, NULL, NULL);
        assert_non_null(asset);
        assert_int_equal(asset->status, 200);
    }
    assert_true(found >= 2);
}

/* Whether `bytes` unzip to `expected`. */
static gboolean unzips_to(GBytes *bytes, GBytes *expected)
{
    g_autoptr(GConverter) converter =
        G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    gsize size = g_bytes_get_size(expected), read, written;
    g_autofree char *output = g_malloc(size + 1);
    return g_converter_convert(converter, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                               output, size + 1, G_CONVERTER_INPUT_AT_END, &read, &written,
                               NULL) == G_CONVERTER_FINISHED &&
           written == size && memcmp(output, g_bytes_get_data(expected, NULL), size) == 0;
}

static void files_are_compressed_as_the_client_can(void **state)
{
    (void)state;
    const PageFile *file = some_asset();
    g_autoptr(HttpResponse) plain = get(file->name, NULL, NULL);
    g_autoptr(HttpResponse) gzip = get(file->name, "Accept-Encoding", "gzip");
    g_autoptr(HttpResponse) best = get(file->name, "Accept-Encoding", "gzip, br");
    assert_null(http_response_header(plain, "Content-Encoding"));
    assert_string_equal(http_response_header(gzip, "Content-Encoding"), "gzip");
    assert_string_equal(http_response_header(best, "Content-Encoding"), "br");
    assert_string_equal(http_response_header(gzip, "Vary"), "Accept-Encoding");
    assert_string_not_equal(http_response_header(gzip, "ETag"), http_response_header(best, "ETag"));
    assert_true(unzips_to(gzip->body, plain->body));
    assert_true(g_bytes_get_size(best->body) < g_bytes_get_size(plain->body));
}

static void addresses_within_the_page_are_the_page(void **state)
{
    (void)state;
    some_asset();
    static const struct {
        const char *path, *accept;
        gboolean is_page;
    } cases[] = {
        {"/bases", "text/html,application/xhtml+xml", TRUE},
        {"/machines/lab-1/console", "text/html", TRUE},
        {"/bases", "application/json", FALSE},
        {"/bases", "*/*", FALSE},
        {"/api/v1/nothing", "text/html", FALSE},
        {"/assets/gone-00000000.js", "text/html", FALSE},
        {"/console/ticket", "text/html", FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HttpResponse) response = get(cases[i].path, "Accept", cases[i].accept);
        assert_int_equal(response != NULL, cases[i].is_page);
    }
    g_autoptr(HttpRequest) post = http_request_new("POST", "/");
    assert_null(static_files_answer(post));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_daemon_without_the_page_says_so),
        cmocka_unit_test(the_page_is_asked_for_each_time),
        cmocka_unit_test(assets_are_good_for_ever),
        cmocka_unit_test(every_asset_that_the_page_names_is_there),
        cmocka_unit_test(files_are_compressed_as_the_client_can),
        cmocka_unit_test(addresses_within_the_page_are_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
