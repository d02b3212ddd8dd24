/*
 * Many TLS clients of the web server, on one thread: an open loop. Requests begin when their time
 * has come, whether earlier ones have been answered or not, and wait from then: a server that
 * stalls cannot slow down who measures it.
 */
#pragma once

#include "figures.h"

typedef struct LoadClient LoadClient;

typedef struct {
    guint16 port;
    guint clients;              /* connections that ask */
    guint listeners;            /* connections that hear events */
    const char *authorization;  /* header value */
    const char *const *targets; /* asked in turn */
    guint target_count;
} LoadPlan;

typedef struct {
    Samples latency; /* seconds, one a request */
    guint failed;    /* answers other than 200, and connections that ended */
    guint64 event_bytes;
    double rate; /* answers a second */
} LoadResult;
void load_result_clear(LoadResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoadResult, load_result_clear)

/* Connects all, each from an address of its own in 127.0.0.0/8, and opens the event streams. */
LoadClient *load_client_new(const LoadPlan *plan, GError **error);
void load_client_free(LoadClient *client);
/* `rate` requests a second for so long; returns when all are answered. `result` is initialised. */
gboolean load_client_run(LoadClient *client, double rate, double seconds, LoadResult *result,
                         GError **error);
