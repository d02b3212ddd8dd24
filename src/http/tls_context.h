/* What all TLS sessions of the server share: certificate and key, which can be exchanged while
 * sessions run, ticket key, priorities. Thread-safe. */
#pragma once

#include <glib.h>

typedef struct TlsContext TlsContext;
typedef struct TlsSession TlsSession;

/* INVALID where the files (PEM) cannot be read or do not belong together. */
TlsContext *tls_context_new(const char *certificate_path, const char *key_path, GError **error);
/* Every session must be gone. NULL is fine. */
void tls_context_free(TlsContext *context);
/* Reads both files anew, for sessions that begin from now on. Nothing changes where that fails. */
gboolean tls_context_reload(TlsContext *context, GError **error);
/* "AB:CD:…", SHA-256 of the certificate, as browsers show it. Caller frees. */
char *tls_context_fingerprint(TlsContext *context);

/*
 * One server side session on the connected, non-blocking socket `fd`, which stays the caller's. TLS
 * 1.2 or later, HTTP/1.1 by ALPN, tickets. Never blocks. NULL where memory or the library fails.
 */
TlsSession *tls_session_new(TlsContext *context, int fd);
void tls_session_free(TlsSession *session);

typedef enum {
    TLS_DONE,
    TLS_WANTS_READ,  /* again when the socket can be read */
    TLS_WANTS_WRITE, /* again when it can be written */
    TLS_ENDED,       /* the other side has sent all that it will */
    TLS_BROKEN,
} TlsResult;

TlsResult tls_session_handshake(TlsSession *session);
/* Up to `size` decrypted bytes. A close that was not announced counts as ENDED: HTTP says itself
 * where a message ends. */
TlsResult tls_session_receive(TlsSession *session, void *buffer, gsize size, gsize *length_out);
/* Takes all of `length` bytes (at most TLS_RECORD_BYTES) unless BROKEN; WANTS_WRITE: they are
 * taken, and tls_session_flush() must be DONE before the next. */
#define TLS_RECORD_BYTES ((gsize)16384)
TlsResult tls_session_send(TlsSession *session, const void *bytes, gsize length);
TlsResult tls_session_flush(TlsSession *session);
gboolean tls_session_is_unsent(const TlsSession *session);
/* Announces that nothing more will be sent. */
TlsResult tls_session_finish(TlsSession *session);
