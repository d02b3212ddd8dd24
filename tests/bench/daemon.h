/* A real underpind for rows that need one: started, asked, stopped. */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

#include "bench.h"

typedef struct {
    pid_t pid;
    char *run_directory, *socket, *cli, *hook;
    guint16 web_port; /* of the loopback; 0: no web server. To be set before the start */
} Daemon;

/* Starts underpind on DIRECTORY/store and DIRECTORY/catalog.sqlite and waits until /healthz
 * answers; `seconds_out` (may be NULL): how long that took. `uri`: its libvirt; with_hook: the
 * barrier must be in force. */
gboolean daemon_start(Daemon *daemon, const Bench *bench, const char *directory, const char *uri,
                      gboolean with_hook, double *seconds_out, GError **error);
/* The daemon proves its hook while it comes up: waits until it is in force. */
gboolean daemon_wait_hook(const Daemon *daemon, GError **error);
void daemon_stop(Daemon *daemon);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Daemon, daemon_stop)
/* One GET, until the answer is whole. Its bytes (caller frees); NULL where nobody answers. */
char *daemon_get(const Daemon *daemon, const char *path);
/* The same with a JSON body. */
char *daemon_post(const Daemon *daemon, const char *path, const char *body);
/* Resident memory in bytes; 0: not known. */
guint64 daemon_memory(const Daemon *daemon);
/* underpin ARGUMENT…; the list ends with NULL. Caller frees *output_out, which may be NULL. */
gboolean daemon_cli(const Daemon *daemon, char **output_out, GError **error, const char *argument,
                    ...) G_GNUC_NULL_TERMINATED;
