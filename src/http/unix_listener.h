/* A listening unix socket: made where a stale one may lie, never where a living one does. */
#pragma once

#include <glib.h>

/*
 * Binds and listens at `path` with mode 0666: who may do what is decided by peer credentials, so
 * that those who may not are told how they could. A socket file that nobody answers is replaced.
 * BUSY where somebody does. INVALID for a path longer than a socket address takes. Returns the
 * descriptor (close-on-exec, non-blocking), or -1.
 */
int unix_listener_open(const char *path, GError **error);
