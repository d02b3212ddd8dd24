/* A TLS client behind a plain socket, so that what speaks HTTP need not know. */
#pragma once

#include <glib.h>

/* Shakes hands with 127.0.0.1 from 127.0.0.`from` and returns a socket that speaks plain text; -1
 * where the handshake fails. `priorities` NULL: the library's. */
int secure_connect(guint16 port, guint8 from, const char *priorities);
/* Waits for the ends of all such connections; their sockets must be closed. */
void secure_join(void);
