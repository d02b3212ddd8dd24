/* Identifiers: random, printable, safe as a file name. */
#pragma once

#include <glib.h>

/* A new machine, layer set, job … id: 16 lower-case hexadecimal digits of getrandom(). Caller
 * frees. */
char *id_new(void);
gboolean id_is_valid(const char *text);
/* A random UUID (RFC 9562 version 4) in lower case. Caller frees. */
char *uuid_new(void);
gboolean uuid_is_valid(const char *text);
/* A random unicast MAC address with QEMU's prefix 52:54:00. Caller frees. */
char *mac_new(void);
