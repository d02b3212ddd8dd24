/*
 * An HTTP server: sockets on libmicrohttpd's threads, handlers on workers of its own.
 *
 *     socket threads ──request──▶ suspended ──▶ worker: dispatch() ──▶ resumed ──▶ answer
 *
 * So a handler that waits for a disk or for libvirt delays nobody but its caller, and two kinds of
 * workers keep reading possible while those that wait are all waiting. The unix socket and the web
 * have a server each, so that web clients can take neither its connections nor its workers.
 */
#pragma once

#include "http/api.h"

typedef struct HttpServer HttpServer;

typedef struct {
    const char *socket_path; /* NULL: none; connections come by http_server_adopt() */
    gboolean is_secure;      /* those that are adopted come by TLS */
    gboolean serves_page;    /* the web page's files, and what browsers are told about them */
    guint socket_threads;    /* default 2 */
    guint quick_workers;     /* for handlers that wait for nothing; default 2 */
    guint waiting_workers;   /* for the others; default 8 */
    guint connection_limit;  /* default 512 */
    guint user_limit;        /* connections of one user other than root; default 128 */
    guint idle_seconds;      /* a connection that neither sends nor takes a byte so long is closed;
                                default 30 */
    guint request_seconds;   /* for a client to send a whole request; default 0: no bound */
    guint answer_seconds;    /* for it to take the answer; default 0: no bound */
    guint drain_seconds;     /* how long a stop waits for answers to be taken; default 5 */
} HttpServerConfig;
void http_server_config_init(HttpServerConfig *config);

/*
 * Listens and answers from now on. `api` and `routes` are borrowed and must outlive the server;
 * config is copied. BUSY where another daemon answers at the path.
 */
HttpServer *http_server_start(const HttpServerConfig *config, const Api *api, const Route *routes,
                              gsize route_count, GError **error);
/* Takes the connected socket `fd` of a client at `address`. Where that is too much, or the server
 * is stopping, the socket is closed. Thread-safe; until http_server_free(). */
void http_server_adopt(HttpServer *server, int fd, const struct sockaddr *address,
                       socklen_t length);
/* Takes no new connection and no new request; removes the socket file. Requests that run are
 * answered. Idempotent. */
void http_server_quiesce(HttpServer *server);
/* Quiesces, ends the event streams and consoles of all servers, waits for what runs (bounded by
 * drain_seconds once the handlers are done), and closes every connection. NULL is fine. */
void http_server_free(HttpServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpServer, http_server_free)
