/*
 * Implements the reader of HTTP responses as a machine of a few states.
 *
 * Lines (status, headers, chunk sizes, trailers) are gathered in `line`; everything else goes to
 * `body`.
 *
 *     STATUS -> HEADERS -> BODY_LENGTH | BODY_CHUNK_SIZE | BODY_TO_END | COMPLETE
 *     BODY_CHUNK_SIZE -> BODY_CHUNK -> BODY_CHUNK_END -> BODY_CHUNK_SIZE ... -> TRAILERS ->
 * COMPLETE
 */
#include "cli/http_response.h"

#include <string.h>

#include "foundation/error.h"

typedef enum {
    STATE_STATUS,
    STATE_HEADERS,
    STATE_BODY_LENGTH,
    STATE_BODY_CHUNK_SIZE,
    STATE_BODY_CHUNK,
    STATE_BODY_CHUNK_END,
    STATE_TRAILERS,
    STATE_BODY_TO_END,
    STATE_COMPLETE,
} State;
#define STATE_COUNT (STATE_COMPLETE + 1)

struct HttpResponse {
    State state;
    unsigned status;
    GHashTable *headers; /* lower-case name -> value */
    GString *line;
    gsize head_bytes;   /* of all lines, bounded */
    guint64 remaining;  /* of the body or the chunk */
    guint64 body_bytes; /* seen in all, bounded unless it is a stream */
    gboolean is_stream; /* text/event-stream: has no end */
    GByteArray *body;
};

HttpResponse *http_response_new(void)
{
    HttpResponse *response = g_new0(HttpResponse, 1);
    response->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    response->line = g_string_new(NULL);
    response->body = g_byte_array_new();
    return response;
}

void http_response_free(HttpResponse *response)
{
    if (response == NULL)
        return;
    g_hash_table_unref(response->headers);
    g_string_free(response->line, TRUE);
    g_byte_array_unref(response->body);
    g_free(response);
}

static gboolean malformed(const char *what, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_BACKEND,
                     "is the program behind the socket 'underpind', and of this version?",
                     "the answer on the socket is no HTTP: %s", what);
}

/* --- lines -------------------------------------------------------------------------------------
 */

static gboolean read_status(HttpResponse *response, const char *line, GError **error)
{
    gboolean is_sound =
        (g_str_has_prefix(line, "HTTP/1.1 ") || g_str_has_prefix(line, "HTTP/1.0 ")) &&
        g_ascii_isdigit(line[9]) && g_ascii_isdigit(line[10]) && g_ascii_isdigit(line[11]) &&
        (line[12] == ' ' || line[12] == '\0');
    if (!is_sound)
        return malformed("bad status line", error);
    response->status = (unsigned)g_ascii_strtoull(line + 9, NULL, 10);
    if (response->status < 100 || response->status > 599)
        return malformed("bad status", error);
    response->state = STATE_HEADERS;
    return TRUE;
}

static gboolean is_token(const char *text, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(text[i]) && strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
            return FALSE;
    }
    return length > 0;
}

static gboolean read_length(const char *text, guint64 *length_out)
{
    return g_ascii_string_to_unsigned(text, 10, 0, HTTP_BODY_LIMIT, length_out, NULL);
}

static void begin_body(HttpResponse *response, guint64 length)
{
    response->remaining = length;
    response->state = length > 0 ? STATE_BODY_LENGTH : STATE_COMPLETE;
}

/* What the headers say about the body's length (RFC 9112, section 6.3). */
static gboolean end_headers(HttpResponse *response, GError **error)
{
    const char *encoding = http_response_header(response, "transfer-encoding");
    const char *length_text = http_response_header(response, "content-length");
    const char *type = http_response_header(response, "content-type");
    guint64 length = 0;
    if (encoding != NULL && length_text != NULL)
        return malformed("two statements of the length", error);
    if (encoding != NULL && g_ascii_strcasecmp(encoding, "chunked") != 0)
        return malformed("unknown transfer encoding", error);
    if (length_text != NULL && !read_length(length_text, &length))
        return malformed("bad or excessive length", error);
    response->is_stream = type != NULL && g_str_has_prefix(type, "text/event-stream");
    if (response->status < 200) {
        g_hash_table_remove_all(response->headers);
        response->state = STATE_STATUS;
    } else if (encoding != NULL) {
        response->state = STATE_BODY_CHUNK_SIZE;
    } else if (length_text != NULL || response->status == 204 || response->status == 304) {
        begin_body(response, length);
    } else {
        response->state = STATE_BODY_TO_END;
    }
    return TRUE;
}

static gboolean read_header(HttpResponse *response, const char *line, GError **error)
{
    if (*line == '\0')
        return end_headers(response, error);
    const char *colon = strchr(line, ':');
    if (colon == NULL || !is_token(line, (gsize)(colon - line)))
        return malformed("bad header", error);
    g_autofree char *name = g_ascii_strdown(line, colon - line);
    if (g_hash_table_contains(response->headers, name) &&
        (g_str_equal(name, "content-length") || g_str_equal(name, "transfer-encoding")))
        return malformed("two statements of the length", error);
    char *value = g_strstrip(g_strdup(colon + 1));
    g_hash_table_replace(response->headers, g_steal_pointer(&name), value);
    return TRUE;
}

static gboolean read_chunk_size(HttpResponse *response, const char *line, GError **error)
{
    gsize digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 8 || (line[digits] != '\0' && line[digits] != ';'))
        return malformed("bad chunk size", error);
    response->remaining = g_ascii_strtoull(line, NULL, 16);
    if (response->remaining > HTTP_BODY_LIMIT)
        return malformed("excessive chunk", error);
    response->head_bytes = 0;
    response->state = response->remaining > 0 ? STATE_BODY_CHUNK : STATE_TRAILERS;
    return TRUE;
}

static gboolean read_chunk_end(HttpResponse *response, const char *line, GError **error)
{
    if (*line != '\0')
        return malformed("a chunk does not end where it says", error);
    response->state = STATE_BODY_CHUNK_SIZE;
    return TRUE;
}

static gboolean read_trailer(HttpResponse *response, const char *line, GError **error G_GNUC_UNUSED)
{
    if (*line == '\0')
        response->state = STATE_COMPLETE;
    return TRUE;
}

typedef gboolean (*LineReader)(HttpResponse *response, const char *line, GError **error);

/* The states that read lines; NULL: bytes of the body, or nothing more. */
static const LineReader line_readers[] = {
    [STATE_STATUS] = read_status,
    [STATE_HEADERS] = read_header,
    [STATE_BODY_CHUNK_SIZE] = read_chunk_size,
    [STATE_BODY_CHUNK_END] = read_chunk_end,
    [STATE_TRAILERS] = read_trailer,
    [STATE_COMPLETE] = NULL,
};
G_STATIC_ASSERT(G_N_ELEMENTS(line_readers) == STATE_COUNT);

/* Takes bytes up to the end of a line; sets the number taken. A line ends with CR LF and holds no
 * other control byte. */
static gboolean feed_line(HttpResponse *response, const char *bytes, gsize length, gsize *taken_out,
                          GError **error)
{
    const char *end = memchr(bytes, '\n', length);
    gsize taken = end != NULL ? (gsize)(end - bytes) + 1 : length;
    response->head_bytes += taken;
    if (response->head_bytes > HTTP_HEAD_LIMIT)
        return malformed("excessive headers", error);
    g_string_append_len(response->line, bytes, (gssize)taken);
    *taken_out = taken;
    if (end == NULL)
        return TRUE;
    GString *line = response->line;
    if (line->len < 2 || line->str[line->len - 2] != '\r')
        return malformed("a line ends without CR LF", error);
    g_string_truncate(line, line->len - 2);
    for (gsize i = 0; i < line->len; i++) {
        if (g_ascii_iscntrl(line->str[i]) && line->str[i] != '\t')
            return malformed("control characters in the head", error);
    }
    g_autofree char *text = g_strdup(line->str);
    g_string_truncate(line, 0);
    return line_readers[response->state](response, text, error);
}

/* --- body --------------------------------------------------------------------------------------
 */

static gboolean feed_body(HttpResponse *response, const char *bytes, gsize length, gsize *taken_out,
                          GError **error)
{
    gsize taken = length;
    if (response->state != STATE_BODY_TO_END)
        taken = MIN(length, response->remaining);
    response->body_bytes += taken;
    if (!response->is_stream && response->body_bytes > HTTP_BODY_LIMIT)
        return malformed("excessive body", error);
    g_byte_array_append(response->body, (const guint8 *)bytes, (guint)taken);
    *taken_out = taken;
    if (response->state == STATE_BODY_TO_END)
        return TRUE;
    response->remaining -= taken;
    if (response->remaining == 0)
        response->state =
            response->state == STATE_BODY_CHUNK ? STATE_BODY_CHUNK_END : STATE_COMPLETE;
    return TRUE;
}

gboolean http_response_feed(HttpResponse *response, const char *bytes, gsize length, GError **error)
{
    while (length > 0) {
        gsize taken = 0;
        if (response->state == STATE_COMPLETE)
            return malformed("bytes after its end", error);
        gboolean is_fed = line_readers[response->state] != NULL
                              ? feed_line(response, bytes, length, &taken, error)
                              : feed_body(response, bytes, length, &taken, error);
        if (!is_fed)
            return FALSE;
        bytes += taken;
        length -= taken;
    }
    return TRUE;
}

gboolean http_response_end(HttpResponse *response, GError **error)
{
    if (response->state == STATE_BODY_TO_END)
        response->state = STATE_COMPLETE;
    if (response->state != STATE_COMPLETE)
        return error_set(error, UNDERPIN_ERROR_BACKEND,
                         "look at the daemon: journalctl -u underpind",
                         "the daemon closed the connection in the middle of its answer");
    return TRUE;
}

gboolean http_response_has_head(const HttpResponse *response)
{
    return response->state > STATE_HEADERS;
}

gboolean http_response_is_complete(const HttpResponse *response)
{
    return response->state == STATE_COMPLETE;
}

unsigned http_response_status(const HttpResponse *response)
{
    return response->status;
}

const char *http_response_header(const HttpResponse *response, const char *name)
{
    return g_hash_table_lookup(response->headers, name);
}

GByteArray *http_response_take_body(HttpResponse *response)
{
    GByteArray *body = response->body;
    response->body = g_byte_array_new();
    g_byte_array_append(body, (const guint8 *)"", 1);
    g_byte_array_set_size(body, body->len - 1);
    return body;
}
