/* Names of assets carry the digest of their content, so they are good for ever; the page that names
 * them is asked for each time. */
#include "http/static_files.h"

#include <string.h>

#include "foundation/error.h"
#include "http/accept_encoding.h"
#include "http/page_files.h"

#define INDEX "/index.html"

static const struct {
    const char *name;   /* in Accept-Encoding and Content-Encoding; NULL: as it is */
    const char *suffix; /* in the entity tag: each coding is a representation of its own */
} codings[] = {
    [CODING_IDENTITY] = {NULL, ""},
    [CODING_GZIP] = {"gzip", "-gzip"},
    [CODING_BROTLI] = {"br", "-br"},
};
G_STATIC_ASSERT(G_N_ELEMENTS(codings) == PAGE_CODING_COUNT);

gboolean static_files_have_page(void)
{
    return page_file_count > 0;
}

static const PageFile *find_file(const char *name)
{
    for (gsize i = 0; i < page_file_count; i++) {
        if (g_str_equal(page_files[i].name, name))
            return &page_files[i];
    }
    return NULL;
}

/* An address within the page: what a browser opens, and nothing that looks like data of ours. */
static gboolean is_within_page(const HttpRequest *request)
{
    static const char *const others[] = {"/api/", "/assets/", "/console/"};
    const char *accept = http_request_header(request, "Accept");
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        if (g_str_has_prefix(request->path, others[i]))
            return FALSE;
    }
    return accept && strstr(accept, "text/html");
}

/* The best that both sides have. */
static PageCoding choose_coding(const PageFile *file, const char *accept_encoding)
{
    for (guint coding = CODING_BROTLI; coding > CODING_IDENTITY; coding--) {
        if (file->codings[coding].length > 0 &&
            accept_encoding_has(accept_encoding, codings[coding].name))
            return (PageCoding)coding;
    }
    return CODING_IDENTITY;
}

static gboolean is_known_to_client(const HttpRequest *request, const char *tag)
{
    const char *known = http_request_header(request, "If-None-Match");
    return known && (strstr(known, tag) || g_str_equal(known, "*"));
}

static HttpResponse *file_answer(const PageFile *file, const HttpRequest *request)
{
    PageCoding coding = choose_coding(file, http_request_header(request, "Accept-Encoding"));
    const PageSlice *slice = &file->codings[coding];
    g_autofree char *tag = g_strdup_printf("\"%s%s\"", file->digest, codings[coding].suffix);
    gboolean is_known = is_known_to_client(request, tag);
    GBytes *body = is_known ? NULL : g_bytes_new_static(page_blob + slice->offset, slice->length);
    HttpResponse *response =
        http_response_bytes(is_known ? 304 : 200, is_known ? NULL : file->type, body);
    gboolean is_asset = g_str_has_prefix(file->name, "/assets/");
    http_response_add_header(response, "ETag", tag);
    http_response_add_header(response, "Vary", "Accept-Encoding");
    http_response_add_header(response, "Cache-Control",
                             is_asset ? "public, max-age=31536000, immutable" : "no-cache");
    if (codings[coding].name && !is_known)
        http_response_add_header(response, "Content-Encoding", codings[coding].name);
    return response;
}

static HttpResponse *refuse_without_page(void)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_NOT_FOUND,
              "use the command 'underpin', or build with -Dpage=true",
              "this underpind is built without the web page");
    return http_response_problem(error);
}

HttpResponse *static_files_answer(const HttpRequest *request)
{
    if (!g_str_equal(request->method, "GET"))
        return NULL;
    const PageFile *file = find_file(request->path);
    gboolean is_page = g_str_equal(request->path, "/") || is_within_page(request);
    if (!file && is_page)
        file = find_file(INDEX);
    if (file)
        return file_answer(file, request);
    return is_page && !static_files_have_page() ? refuse_without_page() : NULL;
}
