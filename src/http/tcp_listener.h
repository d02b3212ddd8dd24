/* A listening TCP socket at an address as the configuration writes it. */
#pragma once

#include <sys/socket.h>

#include <glib.h>

typedef struct {
    struct sockaddr_storage address;
    socklen_t length;
} ListenAddress;

/* "[::]:8443", "0.0.0.0:8443", "127.0.0.1:0": numbers only, so that no name service is asked.
 * INVALID else. Port 0: the kernel chooses. */
gboolean listen_address_parse(const char *text, ListenAddress *address_out, GError **error);
gboolean listen_address_is_loopback(const ListenAddress *address);
guint16 listen_address_port(const ListenAddress *address);

/*
 * Listens without blocking; "[::]" takes IPv4, too, and becomes 0.0.0.0 where the host has no IPv6.
 * BUSY where another program listens there; UNAVAILABLE where the host has not this address (yet).
 * The descriptor, or -1.
 */
int tcp_listener_open(const ListenAddress *address, GError **error);
/* The port that a listening socket has. */
guint16 tcp_listener_port(int fd);
