/* The daemon put together: the only place that names concrete adapters. */
#pragma once

#include "daemon/config.h"

typedef struct Wiring Wiring;

/*
 * Opens catalog and store, answers hooks, settles what a crash left, starts the queue and the API,
 * in this order; on return everything answers. Never waits for libvirt. Must be called on the
 * thread of the default main context, which is to be run afterwards: it accepts the hooks. BUSY
 * where another daemon has store, catalog or sockets.
 */
Wiring *wiring_new(const Config *config, GError **error);
/* Reads anew what can be changed while the daemon runs: the web server's certificate. */
void wiring_reload(Wiring *wiring);
/* Takes no more requests, and begins to bring what runs to a safe point. `done` is called on the
 * caller's thread-default context, which must go on running until then: hooks are answered as long
 * as machines may be changed. */
typedef void (*WiringDone)(gpointer user_data);
void wiring_stop(Wiring *wiring, WiringDone done, gpointer user_data);
/* After wiring_stop() is done, or where nothing was stopped: ends what is left, removes the
 * sockets. NULL is fine. */
void wiring_free(Wiring *wiring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wiring, wiring_free)
