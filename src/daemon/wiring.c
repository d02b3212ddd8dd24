/*
 * Start and stop, in the order that keeps machines safe:
 *
 *     run directory ─▶ catalog ─▶ store (its lock: one daemon a store) ─▶ host (connects by itself) ─▶ engine
 *         ─▶ hook socket ─▶ engine_open: settle what a crash left ─▶ queue ─▶ API ─▶ the hook in libvirt's directory
 *
 * The hook socket is there before anything is settled. Without it a hook decides by marks alone; with it, one that asks
 * while the engine opens waits in the socket's queue for its answer, and refuses the start where that takes too long.
 * A stop goes the other way round: hooks are answered until the last machine has been left alone.
 */
#include "daemon/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "daemon/hook_install.h"
#include "daemon/hook_socket.h"
#include "foundation/error.h"
#include "http/event_bridge.h"
#include "http/routes.h"
#include "http/server.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "storage/directory/directory_storage.h"

struct Wiring {
    Config *config; /* borrowed from main, constant */
    int run_lock;   /* -1: not held */
    Engine *engine; /* owns the ports once it is made */
    Storage *storage;
    Hypervisor *hypervisor;
    Catalog *catalog;
    Claims *claims;
    Clock *clock;
    Jobs *jobs;
    HookSocket *hook_socket;
    HttpServer *server;
    Api api;
    char *hook_path;

    GMutex events_lock; /* protects the next two; a leaf */
    Jobs *events_to;    /* NULL: nobody takes events of the host (yet, or any more) */
    gboolean found;     /* the host was there before somebody took events */

    GThread *stopper;
    WiringDone done;
    gpointer done_data;
};
