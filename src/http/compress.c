/* A body that does not shrink is left as it is. */
#include "http/compress.h"

#include <gio/gio.h>
#include <string.h>

#include "http/accept_encoding.h"

#define LEAST_BYTES ((gsize)32 * 1024)
#define LEVEL       1

/* NULL where the result is no smaller. */
static GBytes *zip(GBytes *bytes)
{
    gsize length, read = 0, written = 0;
    const void *data = g_bytes_get_data(bytes, &length);
    g_autofree void *output = g_malloc(length);
    g_autoptr(GConverter) converter =
        G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, LEVEL));
    GConverterResult result = g_converter_convert(converter, data, length, output, length,
                                                  G_CONVERTER_INPUT_AT_END, &read, &written, NULL);
    if (result != G_CONVERTER_FINISHED)
        return NULL;
    return g_bytes_new_take(g_realloc(g_steal_pointer(&output), written), written);
}

static gboolean pays(const HttpResponse *response, const HttpRequest *request)
{
    return !request->peer.is_unix && response->body &&
           g_bytes_get_size(response->body) >= LEAST_BYTES &&
           g_strcmp0(response->content_type, "application/json") == 0 &&
           accept_encoding_has(http_request_header(request, "Accept-Encoding"), "gzip");
}

void response_compress(HttpResponse *response, const HttpRequest *request)
{
    GBytes *zipped = pays(response, request) ? zip(response->body) : NULL;
    if (!zipped)
        return;
    g_bytes_unref(response->body);
    response->body = zipped;
    http_response_add_header(response, "Content-Encoding", "gzip");
    http_response_add_header(response, "Vary", "Accept-Encoding");
}
