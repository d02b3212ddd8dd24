/* One request and its answer on a connection of libmicrohttpd. Private to the server. */
#pragma once

#include <microhttpd.h>

#include "http/api.h"
#include "http/connection_watch.h"
#include "http/security_headers.h"

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
    /* What the connection's client owes from now on. */
    void (*expect)(struct MHD_Connection *connection, ConnectionDebt debt, gpointer user_data);
    /* The answer where no route is; NULL where there is none either. NULL: no such answers. */
    HttpResponse *(*find_other)(const HttpRequest *request);
    const NamedHeader *headers; /* in every answer; ends with NULL. NULL: none */
    gpointer user_data;
} ExchangeHost;

/* The callbacks for MHD_start_daemon(); the closure is the ExchangeHost. The connection's socket
 * context is its WatchedConnection. */
void *exchange_on_target(void *host, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_on_access(void *host, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_size, void **context);
void exchange_on_completed(void *host, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code);

/* On a worker: makes the answer and wakes the connection. */
void exchange_run(gpointer exchange);
