/*
 * An HTTP/1.1 response (RFC 9112), read piece by piece and strictly: what is not well formed or
 * larger than its bounds is an error, never a guess. No I/O.
 */
#pragma once

#include <glib.h>

enum {
    HTTP_HEAD_LIMIT = 32 * 1024,
    HTTP_BODY_LIMIT = 256 * 1024 * 1024,
};

typedef struct HttpResponse HttpResponse;

HttpResponse *http_response_new(void);
void http_response_free(HttpResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpResponse, http_response_free)

/*
 * Takes the next bytes of the connection. BACKEND where they are no HTTP response or exceed a
 * bound. Interim responses (1xx) are passed over. Bytes after the end of the response are an error.
 */
gboolean http_response_feed(HttpResponse *response, const char *bytes, gsize length,
                            GError **error);
/* The connection has ended: BACKEND where the response is not complete. */
gboolean http_response_end(HttpResponse *response, GError **error);

/* The status line and headers are complete; the accessors below hold from then on. */
gboolean http_response_has_head(const HttpResponse *response);
/* The whole body is there. One that ends with the connection is complete only after
 * http_response_end(). */
gboolean http_response_is_complete(const HttpResponse *response);
unsigned http_response_status(const HttpResponse *response);
/* A header's value by its lower-case name, or NULL. Borrowed. */
const char *http_response_header(const HttpResponse *response, const char *name);
/* The part of the body that has arrived and was not yet taken. The caller owns it; it is
 * NUL-terminated behind its end. */
GByteArray *http_response_take_body(HttpResponse *response);
