/* Clients that mean ill, beside those that are measured. */
#pragma once

#include <glib.h>

typedef struct LoadHostile LoadHostile;

/*
 * Until they are stopped: handshakes that never end, headers and bodies by the byte, clients that
 * ask for much and read nothing, connections that come and go, bad logins; each kind from an
 * address of its own.
 */
LoadHostile *load_hostile_start(guint16 port);
/* What they have done, for a note: "… connections, … bad logins". Caller frees. */
char *load_hostile_stop(LoadHostile *hostile);
