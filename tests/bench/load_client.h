/*
 * Many TLS clients of the web server, on one thread: an open loop. Requests begin when their time
 * has come, whether earlier ones have been answered or not, and wait from then: a server that
 * stalls cannot slow down who measures it.
 */
#pragma once

#include "figures.h"

#define LOAD_KINDS_MAX 8

typedef struct LoadClient LoadClient;

typedef struct {
    const char *path;
    guint kind; /* what its latency is told apart by; below LOAD_KINDS_MAX */
} LoadTarget;

typedef struct {
    guint16 port;
    guint clients;             /* connections that ask */
    guint listeners;           /* connections that hear events */
    const char *authorization; /* header value */
    const LoadTarget *targets; /* asked in turn */
    guint target_count;
} LoadPlan;

typedef struct {
    Samples latency;                 /* seconds, one a request */
    Samples by_kind[LOAD_KINDS_MAX]; /* the same, by the kind of its target */
    Samples lateness;                /* from when a request was due until the client came to it */
    guint failed;                    /* answers other than 200, and connections that ended */
    guint64 event_bytes;
    double rate; /* answers a second */
} LoadResult;
void load_result_init(LoadResult *result);
void load_result_clear(LoadResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoadResult, load_result_clear)

/* Connects all, each from an address of its own in 127.0.0.0/8, and opens the event streams. */
LoadClient *load_client_new(const LoadPlan *plan, GError **error);
void load_client_free(LoadClient *client);
/* `rate` requests a second for so long; returns when all are answered. `result` is initialised. */
gboolean load_client_run(LoadClient *client, double rate, double seconds, LoadResult *result,
                         GError **error);
