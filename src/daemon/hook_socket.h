/* The daemon's end of the start barrier's socket: the hook program asks, the engine answers. */
#pragma once

#include "engine/engine.h"

typedef struct HookSocket HookSocket;

/*
 * Listens on the unix socket `path` (0600; its directory is made where missing) and serves requests
 * on threads of its own, accepted by the thread-default main context of the caller, which must not
 * be kept busy: a hook waits two seconds for its answer. Replaces a socket that nobody listens on;
 * EXISTS where somebody does, or where another file is in the way. Borrows the engine.
 *
 * One line a connection, WORD<TAB>MACHINE<TAB>UUID:
 *     prepare, restore            may it start (restore: from saved memory)?  "ok" or
 * "refuse<TAB>one short line" started, released, dropped  it runs; libvirt has let go; a start came
 * to nothing.  No answer.
 */
HookSocket *hook_socket_new(const char *path, Engine *engine, GError **error);
/* Removes the socket, so that hooks decide by marks from then on, and waits for requests in
 * progress. */
void hook_socket_free(HookSocket *hook_socket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HookSocket, hook_socket_free)
