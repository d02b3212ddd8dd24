/*
 * Peer credentials are the login: the kernel vouches for them, and no password can leak.
 *
 * Whoever may administer is as good as root on this host (it can read any image and replace any
 * system), so the answer is one yes or no for everything that changes or shows machines.
 */
#include "http/peer.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <string.h>

#include "foundation/error.h"

#define DATABASE_BUFFER_MAX (1024 * 1024)
#define GROUPS_MAX          65536

Peer peer_from_socket(int fd)
{
    struct ucred credentials = {0};
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0 ||
        length != sizeof credentials || credentials.uid == (uid_t)-1)
        return (Peer){.is_unix = TRUE};
    return (Peer){.is_unix = TRUE,
                  .is_known = TRUE,
                  .uid = credentials.uid,
                  .gid = credentials.gid,
                  .pid = credentials.pid};
}

Peer peer_from_address(const struct sockaddr *address, socklen_t length, gboolean is_secure)
{
    static const char wrapped_ipv4[] = "::ffff:";
    Peer peer = {.is_secure = is_secure};
    char text[PEER_ADDRESS_SIZE] = "";
    if (getnameinfo(address, length, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
        return peer;
    gboolean is_wrapped = g_str_has_prefix(text, wrapped_ipv4) && strchr(text, '.');
    g_strlcpy(peer.address, is_wrapped ? text + sizeof wrapped_ipv4 - 1 : text,
              sizeof peer.address);
    return peer;
}

static gboolean group_find(const char *name, gid_t *gid_out)
{
    for (gsize size = 4096; size <= DATABASE_BUFFER_MAX; size *= 2) {
        g_autofree char *buffer = g_malloc(size);
        struct group entry, *found = NULL;
        int result = getgrnam_r(name, &entry, buffer, size, &found);
        if (found)
            *gid_out = entry.gr_gid;
        if (result != ERANGE)
            return found != NULL;
    }
    return FALSE;
}

/* NULL where the user database has no such user. */
static char *user_find(uid_t uid, gid_t *gid_out)
{
    for (gsize size = 4096; size <= DATABASE_BUFFER_MAX; size *= 2) {
        g_autofree char *buffer = g_malloc(size);
        struct passwd entry, *found = NULL;
        int result = getpwuid_r(uid, &entry, buffer, size, &found);
        if (found) {
            *gid_out = entry.pw_gid;
            return g_strdup(entry.pw_name);
        }
        if (result != ERANGE)
            return NULL;
    }
    return NULL;
}

static gboolean user_is_member(uid_t uid, gid_t group)
{
    gid_t primary = 0;
    g_autofree char *name = user_find(uid, &primary);
    if (!name)
        return FALSE;
    for (int count = 64; count <= GROUPS_MAX; count *= 2) {
        g_autofree gid_t *groups = g_new0(gid_t, (gsize)count);
        int found = count;
        if (getgrouplist(name, primary, groups, &found) < 0)
            continue;
        for (int i = 0; i < found; i++) {
            if (groups[i] == group)
                return TRUE;
        }
        return FALSE;
    }
    return FALSE;
}

gboolean peer_check_administrator(const Peer *peer, const char *group, GError **error)
{
    gid_t gid = 0;
    gboolean is_known = peer->is_unix && peer->is_known;
    if (is_known && peer->uid == 0)
        return TRUE;
    if (is_known && group && group[0] != '\0' && group_find(group, &gid) &&
        (peer->gid == gid || user_is_member(peer->uid, gid)))
        return TRUE;
    g_autofree char *who = peer_describe(peer);
    g_autofree char *hint =
        group && group[0] != '\0'
            ? g_strdup_printf("run it as root, or let root add you to the group '%s' "
                              "(its members are as powerful as root)",
                              group)
            : g_strdup("run it as root");
    return error_set(error, UNDERPIN_ERROR_DENIED, hint, "'%s' may not administer machines", who);
}

char *peer_describe(const Peer *peer)
{
    gid_t gid = 0;
    if (!peer->is_known)
        return g_strdup(peer->address[0] != '\0' ? peer->address : "unknown");
    if (peer->uid == 0)
        return g_strdup("root");
    char *name = user_find(peer->uid, &gid);
    return name ? name : g_strdup_printf("uid %lu", (unsigned long)peer->uid);
}
