/*
 * The connections of one HTTP server: whose each is, and how long its client may take.
 *
 * The library's own limit begins anew with every byte; a client that sends one byte at a time would
 * never meet it.
 */
#pragma once

#include "http/peer.h"

typedef struct ConnectionWatch ConnectionWatch;

typedef struct {
    Peer peer; /* does not change */
    /* private to the watch */
    int fd;
    gint64 until_us; /* G_MAXINT64: no bound */
} WatchedConnection;

typedef enum {
    CONNECTION_OWES_REQUEST, /* the client a whole request, from now on */
    CONNECTION_OWES_READING, /* the client to take the answer */
    CONNECTION_OWES_NOTHING, /* it is our turn, or there is no end to it */
} ConnectionDebt;
#define CONNECTION_DEBT_COUNT (CONNECTION_OWES_NOTHING + 1)

/* Zero seconds: no bound; neither: no thread. NULL where that cannot be started. */
ConnectionWatch *connection_watch_new(guint request_seconds, guint answer_seconds, GError **error);
/* All connections must be gone. NULL is fine. */
void connection_watch_free(ConnectionWatch *watch);
/* A client that owes a request. `fd` must stay open until the connection is removed: overdue, it is
 * shut down. */
WatchedConnection *connection_watch_add(ConnectionWatch *watch, int fd, const Peer *peer);
void connection_watch_remove(ConnectionWatch *watch, WatchedConnection *connection);
void connection_watch_expect(ConnectionWatch *watch, WatchedConnection *connection,
                             ConnectionDebt debt);
