/*
 * GnuTLS behind a small interface: never blocking, and its many results folded into five.
 *
 * A session holds the credentials that it began with, so a reload exchanges them under the lock and
 * the old ones go with the last session.
 */
#include "http/tls_context.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <sys/socket.h>

#include "foundation/error.h"
#include "http/lock.h"

/* Forward secrecy and authenticated encryption only. */
#define PRIORITIES                                                                                 \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"                   \
    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1"
#define FINGERPRINT_BYTES 32

typedef struct {
    gnutls_certificate_credentials_t handle;
    guint8 fingerprint[FINGERPRINT_BYTES];
} Credentials; /* counted by g_atomic_rc_box */

struct TlsContext {
    char *certificate_path, *key_path;
    gnutls_priority_t priorities;
    gnutls_datum_t ticket_key;
    pthread_mutex_t lock;     /* protects what follows; a leaf */
    Credentials *credentials; /* for sessions to come */
};

struct TlsSession {
    gnutls_session_t handle;
    Credentials *credentials;
    int fd;
    gboolean is_blocked; /* the socket has said "later" since this was cleared */
    gboolean is_unsent;  /* a record that the socket has not taken whole */
};

static void credentials_clear(gpointer data)
{
    Credentials *credentials = data;
    if (credentials->handle)
        gnutls_certificate_free_credentials(credentials->handle);
}

static void credentials_unref(Credentials *credentials)
{
    g_atomic_rc_box_release_full(credentials, credentials_clear);
}

static gboolean refuse(const char *path, int code, GError **error)
{
    return error_set(
        error, UNDERPIN_ERROR_INVALID,
        "name a certificate and its key, both PEM files, in section [web]; or neither, "
        "and one is made",
        "the certificate '%s' with its key cannot be used: %s", path, gnutls_strerror(code));
}

static int take_fingerprint(Credentials *credentials)
{
    gnutls_datum_t raw;
    gsize size = FINGERPRINT_BYTES;
    int code = gnutls_certificate_get_crt_raw(credentials->handle, 0, 0, &raw);
    return code < 0 ? code
                    : gnutls_fingerprint(GNUTLS_DIG_SHA256, &raw, credentials->fingerprint, &size);
}

static Credentials *credentials_new(const char *certificate_path, const char *key_path,
                                    GError **error)
{
    Credentials *credentials = g_atomic_rc_box_new0(Credentials);
    int code = gnutls_certificate_allocate_credentials(&credentials->handle);
    if (code >= 0)
        code = gnutls_certificate_set_x509_key_file(credentials->handle, certificate_path, key_path,
                                                    GNUTLS_X509_FMT_PEM);
    if (code >= 0)
        code = take_fingerprint(credentials);
    if (code >= 0)
        return credentials;
    credentials_unref(credentials);
    refuse(certificate_path, code, error);
    return NULL;
}

TlsContext *tls_context_new(const char *certificate_path, const char *key_path, GError **error)
{
    Credentials *credentials = credentials_new(certificate_path, key_path, error);
    if (!credentials)
        return NULL;
    TlsContext *context = g_new0(TlsContext, 1);
    context->credentials = credentials;
    context->certificate_path = g_strdup(certificate_path);
    context->key_path = g_strdup(key_path);
    pthread_mutex_init(&context->lock, NULL);
    int code = gnutls_priority_init(&context->priorities, PRIORITIES, NULL);
    if (code >= 0)
        code = gnutls_session_ticket_key_generate(&context->ticket_key);
    if (code >= 0)
        return context;
    error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "TLS cannot be set up: %s",
              gnutls_strerror(code));
    tls_context_free(context);
    return NULL;
}

void tls_context_free(TlsContext *context)
{
    if (!context)
        return;
    credentials_unref(context->credentials);
    if (context->priorities)
        gnutls_priority_deinit(context->priorities);
    gnutls_memset(context->ticket_key.data, 0, context->ticket_key.size);
    gnutls_free(context->ticket_key.data);
    pthread_mutex_destroy(&context->lock);
    g_free(context->certificate_path);
    g_free(context->key_path);
    g_free(context);
}

gboolean tls_context_reload(TlsContext *context, GError **error)
{
    Credentials *fresh = credentials_new(context->certificate_path, context->key_path, error);
    if (!fresh)
        return FALSE;
    {
        LOCK_FOR_SCOPE(&context->lock);
        Credentials *old = context->credentials;
        context->credentials = fresh;
        fresh = old;
    }
    credentials_unref(fresh);
    return TRUE;
}

static Credentials *current_credentials(TlsContext *context)
{
    LOCK_FOR_SCOPE(&context->lock);
    return g_atomic_rc_box_acquire(context->credentials);
}

char *tls_context_fingerprint(TlsContext *context)
{
    Credentials *credentials = current_credentials(context);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < FINGERPRINT_BYTES; i++)
        g_string_append_printf(text, "%s%02X", i > 0 ? ":" : "", credentials->fingerprint[i]);
    credentials_unref(credentials);
    return g_string_free(text, FALSE);
}

/* --- sessions ------------------------------------------------------------------------------- */

/* The library says "again" after each record that is none of the peer's data, too (new keys), when
 * the socket has more to read: only the socket itself tells whether there is an event to wait for.
 */
static gssize note_blocked(TlsSession *session, gssize length)
{
    if (length < 0) {
        session->is_blocked |= errno == EAGAIN;
        gnutls_transport_set_errno(session->handle, errno);
    }
    return length;
}

static ssize_t pull(gnutls_transport_ptr_t data, void *buffer, size_t size)
{
    TlsSession *session = data;
    return note_blocked(session, recv(session->fd, buffer, size, 0));
}

static ssize_t push(gnutls_transport_ptr_t data, const void *bytes, size_t length)
{
    TlsSession *session = data;
    return note_blocked(session, send(session->fd, bytes, length, MSG_NOSIGNAL));
}

static int session_prepare(TlsSession *session, const TlsContext *context)
{
    static const gnutls_datum_t http = {(unsigned char *)"http/1.1", sizeof "http/1.1" - 1};
    int code = gnutls_priority_set(session->handle, context->priorities);
    if (code >= 0)
        code = gnutls_credentials_set(session->handle, GNUTLS_CRD_CERTIFICATE,
                                      session->credentials->handle);
    if (code >= 0)
        code = gnutls_session_ticket_enable_server(session->handle, &context->ticket_key);
    if (code >= 0)
        code = gnutls_alpn_set_protocols(session->handle, &http, 1, 0);
    gnutls_transport_set_ptr(session->handle, session);
    gnutls_transport_set_pull_function(session->handle, pull);
    gnutls_transport_set_push_function(session->handle, push);
    return code;
}

TlsSession *tls_session_new(TlsContext *context, int fd)
{
    TlsSession *session = g_new0(TlsSession, 1);
    session->fd = fd;
    session->credentials = current_credentials(context);
    int code = gnutls_init(&session->handle, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (code >= 0)
        code = session_prepare(session, context);
    if (code >= 0)
        return session;
    tls_session_free(session);
    return NULL;
}

void tls_session_free(TlsSession *session)
{
    if (!session)
        return;
    if (session->handle)
        gnutls_deinit(session->handle);
    credentials_unref(session->credentials);
    g_free(session);
}

static TlsResult waiting(const TlsSession *session)
{
    return gnutls_record_get_direction(session->handle) ? TLS_WANTS_WRITE : TLS_WANTS_READ;
}

static gboolean is_again(gssize code)
{
    return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
}

TlsResult tls_session_handshake(TlsSession *session)
{
    int code;
    session->is_blocked = FALSE;
    do
        code = gnutls_handshake(session->handle);
    while (code < 0 && !session->is_blocked && !gnutls_error_is_fatal(code));
    if (code >= 0)
        return TLS_DONE;
    if (is_again(code))
        return waiting(session);
    gnutls_alert_send_appropriate(session->handle, code);
    return TLS_BROKEN;
}

TlsResult tls_session_receive(TlsSession *session, void *buffer, gsize size, gsize *length_out)
{
    gssize code;
    session->is_blocked = FALSE;
    do
        code = gnutls_record_recv(session->handle, buffer, size);
    while ((is_again(code) && !session->is_blocked) || code == GNUTLS_E_WARNING_ALERT_RECEIVED);
    if (code > 0) {
        *length_out = (gsize)code;
        return TLS_DONE;
    }
    if (code == 0 || code == GNUTLS_E_PREMATURE_TERMINATION)
        return TLS_ENDED;
    if (is_again(code))
        return waiting(session);
    return TLS_BROKEN;
}

/* The library keeps a record that the socket has not taken; nothing but the rest of it may be sent
 * next. */
static TlsResult note_sent(TlsSession *session, gssize code)
{
    session->is_unsent = is_again(code);
    if (code >= 0)
        return TLS_DONE;
    return session->is_unsent ? TLS_WANTS_WRITE : TLS_BROKEN;
}

TlsResult tls_session_send(TlsSession *session, const void *bytes, gsize length)
{
    g_assert(!session->is_unsent && length <= TLS_RECORD_BYTES);
    return note_sent(session, gnutls_record_send(session->handle, bytes, length));
}

TlsResult tls_session_flush(TlsSession *session)
{
    if (!session->is_unsent)
        return TLS_DONE;
    return note_sent(session, gnutls_record_send(session->handle, NULL, 0));
}

gboolean tls_session_is_unsent(const TlsSession *session)
{
    return session->is_unsent;
}

TlsResult tls_session_finish(TlsSession *session)
{
    int code = gnutls_bye(session->handle, GNUTLS_SHUT_WR);
    if (code >= 0)
        return TLS_DONE;
    return is_again(code) ? TLS_WANTS_WRITE : TLS_BROKEN;
}
