/*
 * One client of the web server: its TCP connection, with or without TLS, relayed to a socket of the
 * HTTP server. Private to front.c.
 *
 *     client ──TCP──▶ greeting, handshake, decryption ──socket pair──▶ libmicrohttpd
 *            ◀──────  encryption                      ◀──────────────
 *
 * At most one record waits in each direction: who does not take what was sent to him stops the
 * other side, and nothing grows. Nothing blocks; one thread at a time touches a relay.
 */
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include "http/tls_context.h"

typedef struct Relay Relay;

/* Gives `fd` to the HTTP server, which closes it, or closes it at once. */
typedef void (*RelayDeliver)(int fd, const struct sockaddr *address, socklen_t length,
                             gpointer user_data);

typedef struct {
    guint handshake_seconds; /* from the connection until the HTTP server gets it */
    guint stall_seconds;     /* for what was sent: without any progress, and at most so long once
                                nothing more comes */
    guint linger_seconds;    /* for the client's end after ours */
    TlsContext *tls;         /* NULL: without TLS */
    RelayDeliver deliver;
    gpointer user_data;
} RelayHost;

/* A socket that a loop watches for the relay, edge-triggered. */
typedef struct {
    Relay *relay;
    int fd; /* -1: none (yet) */
    gboolean can_read, can_write;
} RelayEnd;

/* Takes the connected, non-blocking `fd`; `epoll` watches its ends, with the RelayEnd as data. NULL
 * where the kernel has no room: the descriptor is closed then. */
Relay *relay_new(const RelayHost *host, int epoll, int fd, const struct sockaddr *address,
                 socklen_t length, gint64 now_us);
/* Closes both ends. */
void relay_free(Relay *relay);
const struct sockaddr *relay_address(const Relay *relay);

/* What the loop has seen at one of the ends. relay_run() is to follow. */
void relay_note(RelayEnd *end, guint32 events);
typedef enum {
    RELAY_WAITS,    /* for an event */
    RELAY_HAS_MORE, /* others first, then again */
    RELAY_IS_OVER,  /* to be freed */
} RelayState;
/* Moves what can be moved now, bounded. */
RelayState relay_run(Relay *relay, gint64 now_us);
/* Whether its client has had all the time it gets. */
gboolean relay_is_overdue(const Relay *relay, gint64 now_us);
