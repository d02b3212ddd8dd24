/*
 * The web server: certificate, front and an HTTP server of its own, put together.
 *
 *     browser ══HTTPS══▶ front (TCP, TLS, limits) ──▶ HTTP server ──▶ page, API, console
 *
 * That it cannot answer stops nothing else: machines matter more than the page.
 */
#pragma once

#include "http/api.h"

typedef struct {
    const char *listen;            /* "[::]:8443" */
    gboolean tls;                  /* FALSE: on a loopback address only */
    const char *certificate, *key; /* PEM files; both "": made in `directory` at the first start */
    const char *directory;
    guint connection_limit; /* of all clients */
    guint address_limit;    /* of one client address */
    guint retry_seconds;    /* between attempts to get the address; 0: the front's default */
} WebServerConfig;

/* Not answering yet; copies config. INVALID for an address that is none, for doing without TLS
 * where others could listen, and for a certificate without a key. */
WebServer *web_server_new(const WebServerConfig *config, GError **error);
/*
 * Answers from now on, or from when it can: what keeps it from that is a warning and in its status.
 * `api` and `routes` are borrowed and must outlive the server. FALSE where threads cannot be
 * started.
 */
gboolean web_server_start(WebServer *web, const Api *api, const Route *routes, gsize route_count,
                          GError **error);
/* Reads the certificate anew, for connections that begin from now on. Warns where that fails. */
void web_server_reload(WebServer *web);
/* Takes no new connection and no new request. Idempotent. */
void web_server_quiesce(WebServer *web);
/* Quiesces; lets what runs be answered, bounded. NULL is fine. */
void web_server_free(WebServer *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebServer, web_server_free)

/* "https://host:8443", without a slash at the end: by the host's name where it listens at every
 * address. Caller frees. */
char *web_server_address(WebServer *web);
/* SHA-256 of the certificate as browsers show it; NULL without TLS, or where there is none. Caller
 * frees. */
char *web_server_fingerprint(WebServer *web);
/* Why it does not answer; FALSE with the reason, else TRUE. Thread-safe, as those above. */
gboolean web_server_check(WebServer *web, GError **error);
/* The port it has. 0: none. */
guint16 web_server_port(WebServer *web);
