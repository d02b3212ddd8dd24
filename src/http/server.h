/*
 * The HTTP server: sockets on libmicrohttpd's threads, handlers on workers of its own.
 *
 *     socket threads ──request──▶ suspended ──▶ worker: dispatch() ──▶ resumed ──▶ answer
 *
 * So a handler that waits for a disk or for libvirt delays nobody but its caller, and two kinds of
 * workers keep reading possible while those that wait are all waiting.
 */
#pragma once

#include "http/api.h"

typedef struct HttpServer HttpServer;

typedef struct {
    const char *socket_path;
    guint socket_threads;   /* default 2 */
    guint quick_workers;    /* for handlers that wait for nothing; default 2 */
    guint waiting_workers;  /* for the others; default 8 */
    guint connection_limit; /* default 512 */
    guint user_limit;       /* connections of one user other than root; default 128 */
    guint idle_seconds;     /* a connection that neither sends nor takes a byte so long is closed;
                               default 30 */
    guint drain_seconds;    /* how long a stop waits for answers to be taken; default 5 */
} HttpServerConfig;
void http_server_config_init(HttpServerConfig *config);

/*
 * Listens and answers from now on. `api` and `routes` are borrowed and must outlive the server;
 * config is copied. BUSY where another daemon answers at the path.
 */
HttpServer *http_server_start(const HttpServerConfig *config, const Api *api, const Route *routes,
                              gsize route_count, GError **error);
/* Takes no new connection and no new request; removes the socket file. Requests that run are
 * answered. Idempotent. */
void http_server_quiesce(HttpServer *server);
/* Quiesces, ends the event streams, waits for what runs (bounded by drain_seconds once the handlers
 * are done), and closes every connection. NULL is fine. */
void http_server_free(HttpServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpServer, http_server_free)
