/* What proves to the client that its key was read by a server of WebSockets. */
#include "http/websocket.h"

#include <string.h>

#include "foundation/error.h"

#define KEY_BYTES      16
#define SHA1_BYTES     20
#define ACCEPT_SUFFIX  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define STATUS_UPGRADE 101

/* Whether a list as "keep-alive, Upgrade" has `word`. */
static gboolean has_word(const char *list, const char *word, gboolean with_case)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", 16);
    for (guint i = 0; words[i]; i++) {
        const char *each = g_strstrip(words[i]);
        if (with_case ? strcmp(each, word) == 0 : g_ascii_strcasecmp(each, word) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean is_key(const char *text)
{
    gsize length = 0;
    g_autofree guchar *bytes = text ? g_base64_decode(text, &length) : NULL;
    return bytes && length == KEY_BYTES && strlen(text) == 24;
}

gboolean websocket_check(const HttpRequest *request, const char *protocol, GError **error)
{
    const char *version = http_request_header(request, "Sec-WebSocket-Version");
    g_autofree char *hint = g_strdup_printf("version 13, with the protocol '%s'", protocol);
    gboolean is_right =
        has_word(http_request_header(request, "Connection"), "upgrade", FALSE) &&
        has_word(http_request_header(request, "Upgrade"), "websocket", FALSE) &&
        g_strcmp0(version, "13") == 0 &&
        is_key(http_request_header(request, "Sec-WebSocket-Key")) &&
        has_word(http_request_header(request, "Sec-WebSocket-Protocol"), protocol, TRUE);
    return is_right || error_set(error, UNDERPIN_ERROR_INVALID, hint,
                                 "this address is for a WebSocket of the page");
}

static char *accept_value(const char *key)
{
    guint8 digest[SHA1_BYTES];
    gsize length = sizeof digest;
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(sha1, (const guchar *)key, -1);
    g_checksum_update(sha1, (const guchar *)ACCEPT_SUFFIX, -1);
    g_checksum_get_digest(sha1, digest, &length);
    return g_base64_encode(digest, length);
}

HttpResponse *websocket_accept(const HttpRequest *request, const char *protocol)
{
    g_autofree char *accept = accept_value(http_request_header(request, "Sec-WebSocket-Key"));
    HttpResponse *response = http_response_bytes(STATUS_UPGRADE, NULL, NULL);
    http_response_add_header(response, "Upgrade", "websocket");
    http_response_add_header(response, "Sec-WebSocket-Accept", accept);
    http_response_add_header(response, "Sec-WebSocket-Protocol", protocol);
    return response;
}
