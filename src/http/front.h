/*
 * The front of the web server: listens by TCP, bounds what clients can take, speaks TLS, and hands
 * each client on as a socket that speaks plain HTTP.
 *
 *     clients ══TCP══▶ front: accept, limits, TLS (a few threads, epoll) ──socket pair──▶ HTTP
 * server
 *
 * libmicrohttpd could listen and speak TLS itself, but in its version 0.9 an upgraded TLS
 * connection is too slow for a console, and its only time limit starts again with each byte.
 */
#pragma once

#include <sys/socket.h>

#include "http/relay.h"
#include "http/tcp_listener.h"

typedef struct Front Front;

typedef struct {
    ListenAddress listen;
    TlsContext *tls;         /* borrowed; NULL: without TLS */
    guint threads;           /* default 2 */
    guint connection_limit;  /* default 2048 */
    guint address_limit;     /* connections of one client address; default 256 */
    guint handshake_seconds; /* default 15 */
    guint stall_seconds;     /* default 30 */
    guint linger_seconds;    /* default 5 */
    guint retry_seconds;     /* between attempts to get the address; default 30 */
    RelayDeliver deliver;    /* called on the front's threads */
    gpointer user_data;
} FrontConfig;
void front_config_init(FrontConfig *config);

/*
 * Listens from now on, or from when the address can be had: that it cannot is a warning and no
 * failure, and tried again every retry_seconds. NULL where threads cannot be started.
 */
Front *front_start(const FrontConfig *config, GError **error);
/* Takes no new connection; those that are there go on. Idempotent. */
void front_quiesce(Front *front);
/* Waits, bounded by linger_seconds, until clients have taken what the HTTP server has sent them,
 * and closes all. NULL is fine. */
void front_free(Front *front);

/* The port that it listens at; 0: it does not, and *problem_out says why (caller frees). */
guint16 front_port(Front *front, GError **problem_out);
guint front_connections(Front *front);
