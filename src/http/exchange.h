/* One request and its answer on a connection of libmicrohttpd. Private to the server. */
#pragma once

#include <microhttpd.h>

#include "http/api.h"

/* What an exchange needs of its server. */
typedef struct {
    const Api *api;
    const Route *routes;
    gsize route_count;
    /* Hands the exchange to a worker, which calls exchange_run(). FALSE: the server is stopping. */
    gboolean (*submit)(gpointer exchange, Waits waits, gpointer user_data);
    /* Every exchange that begins ends once, with its answer taken or its connection gone. */
    void (*begun)(gpointer user_data);
    void (*ended)(gpointer user_data);
    gpointer user_data;
} ExchangeHost;

/* The callbacks for MHD_start_daemon(); the closure is the ExchangeHost. The connection's socket
 * context is its Peer. */
void *exchange_on_target(void *host, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_on_access(void *host, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_size, void **context);
void exchange_on_completed(void *host, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code);

/* On a worker: makes the answer and wakes the connection. */
void exchange_run(gpointer exchange);
