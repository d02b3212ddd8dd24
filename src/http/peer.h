/* A peer: who is at the other end of a connection, and whether he may administer. */
#pragma once

#include <sys/types.h>

#include <glib.h>

typedef struct {
    gboolean is_known; /* FALSE: the transport could not say; such a peer may do nothing */
    uid_t uid;
    gid_t gid;
    pid_t pid; /* at the time of the connect; for the log only */
} Peer;

/* The credentials that the kernel noted when the other end of the unix socket `fd` connected
 * (SO_PEERCRED). */
Peer peer_from_socket(int fd);

/*
 * Root may, and so may members of `group`: by the peer's own group or by the user database, so that
 * someone who was added to the group need not log in again. DENIED with the remedy for others; a
 * group that does not exist (or NULL) has no members. May be slow where users come from a directory
 * service.
 */
gboolean peer_check_administrator(const Peer *peer, const char *group, GError **error);

/* For records: "root", the user's name, or "uid 1000" where it has none. Caller frees. */
char *peer_describe(const Peer *peer);
