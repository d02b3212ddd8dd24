/* A peer: who is at the other end of a connection, and whether he may administer. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <glib.h>

#define PEER_ADDRESS_SIZE 64

/* Which fields mean something depends on the transport: the first three belong to the unix socket,
 * the last two to TCP. */
typedef struct {
    gboolean is_unix;  /* came by the unix socket: the credentials below are his login */
    gboolean is_known; /* FALSE: the kernel could not say who it is; such a peer may do nothing */
    uid_t uid;
    gid_t gid;
    pid_t pid;                       /* at the time of the connect; for the log only */
    gboolean is_secure;              /* came by TLS */
    char address[PEER_ADDRESS_SIZE]; /* numeric, without the port; "" by the unix socket */
} Peer;

/* The credentials that the kernel noted when the other end of the unix socket `fd` connected
 * (SO_PEERCRED). For connections that the unix socket has accepted, and no others: a socket pair
 * carries the daemon's own credentials. */
Peer peer_from_socket(int fd);
/* A peer by TCP: without credentials, so that he has to log in. An IPv4 address that IPv6 wraps is
 * written as IPv4. */
Peer peer_from_address(const struct sockaddr *address, socklen_t length, gboolean is_secure);

/*
 * Root may, and so may members of `group`: by the peer's own group or by the user database, so that
 * someone who was added to the group need not log in again. DENIED with the remedy for others; a
 * group that does not exist (or NULL) has no members. May be slow where users come from a directory
 * service.
 */
gboolean peer_check_administrator(const Peer *peer, const char *group, GError **error);

/* For records: "root", the user's name, or "uid 1000" where it has none; by TCP the address. Caller
 * frees. */
char *peer_describe(const Peer *peer);
