/* How many connections one client address has, up to a limit. Thread-safe. */
#pragma once

#include <sys/socket.h>

#include <glib.h>

typedef struct AddressLimit AddressLimit;

AddressLimit *address_limit_new(guint limit);
void address_limit_free(AddressLimit *limit);
/* Counts one more; FALSE, and nothing counted, where that is one too many. An IPv6 client is its
 * /64: a single host has as many addresses there as it likes. */
gboolean address_limit_enter(AddressLimit *limit, const struct sockaddr *address);
/* For each that entered, once. */
void address_limit_leave(AddressLimit *limit, const struct sockaddr *address);
