/* The address that everybody hears is "[::]", for both families; a host without IPv6 is told apart
 * by what socket and bind say. */
#include "http/tcp_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "foundation/error.h"

#define BACKLOG 1024

static const char address_hint[] =
    "write it as 127.0.0.1:8443, 0.0.0.0:8443, [::1]:8443 or [::]:8443";

/* "host" and "port" of "host:port" or "[host]:port". */
static gboolean split(const char *text, char **host_out, guint16 *port_out)
{
    const char *colon = strrchr(text, ':');
    guint64 port;
    if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT16, &port, NULL))
        return FALSE;
    gboolean is_bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
    *host_out = is_bracketed ? g_strndup(text + 1, (gsize)(colon - text) - 2)
                             : g_strndup(text, (gsize)(colon - text));
    *port_out = (guint16)port;
    return is_bracketed || !strchr(*host_out, ':');
}

gboolean listen_address_parse(const char *text, ListenAddress *address_out, GError **error)
{
    g_autofree char *host = NULL;
    guint16 port = 0;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (!split(text, &host, &port))
        return error_set(error, UNDERPIN_ERROR_INVALID, address_hint,
                         "'%s' is no address with a port", text);
    six.sin6_port = four.sin_port = htons(port);
    *address_out = (ListenAddress){0};
    if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1) {
        memcpy(&address_out->address, &six, address_out->length = sizeof six);
        return TRUE;
    }
    if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
        memcpy(&address_out->address, &four, address_out->length = sizeof four);
        return TRUE;
    }
    return error_set(error, UNDERPIN_ERROR_INVALID, address_hint, "'%s' is no numeric address",
                     host);
}

gboolean listen_address_is_loopback(const ListenAddress *address)
{
    const void *raw = &address->address;
    const struct sockaddr_in6 *six = raw;
    const struct sockaddr_in *four = raw;
    return address->address.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                                                  : ntohl(four->sin_addr.s_addr) >> 24 == 127;
}

guint16 listen_address_port(const ListenAddress *address)
{
    const void *raw = &address->address;
    const struct sockaddr_in6 *six = raw;
    const struct sockaddr_in *four = raw;
    return ntohs(address->address.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
}

static int try_listen(const ListenAddress *address)
{
    const int on = 1, off = 0;
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr *)&address->address, address->length) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

/* 0.0.0.0 for a "[::]" that this host cannot have. */
static gboolean find_fallback(const ListenAddress *address, int problem, ListenAddress *other_out)
{
    const void *raw = &address->address;
    const struct sockaddr_in6 *six = raw;
    if (address->address.ss_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr) ||
        (problem != EAFNOSUPPORT && problem != EADDRNOTAVAIL))
        return FALSE;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six->sin6_port};
    *other_out = (ListenAddress){.length = sizeof four};
    memcpy(&other_out->address, &four, sizeof four);
    return TRUE;
}

int tcp_listener_open(const ListenAddress *address, GError **error)
{
    ListenAddress other;
    int fd = try_listen(address);
    if (fd < 0 && find_fallback(address, errno, &other))
        fd = try_listen(&other);
    if (fd >= 0)
        return fd;
    guint16 port = listen_address_port(address);
    if (errno == EADDRINUSE)
        error_set(error, UNDERPIN_ERROR_BUSY,
                  "stop the other program, or choose another port (listen in section [web])",
                  "another program listens at port %u", port);
    else if (errno == EADDRNOTAVAIL)
        error_set(error, UNDERPIN_ERROR_UNAVAILABLE,
                  "bring the address up, or choose another (listen in section [web])",
                  "this host has not the address to listen at");
    else
        error_set_errno(error, errno, "listening at port %u", port);
    return -1;
}

guint16 tcp_listener_port(int fd)
{
    ListenAddress address = {.length = sizeof address.address};
    if (getsockname(fd, (struct sockaddr *)&address.address, &address.length) != 0)
        return 0;
    return listen_address_port(&address);
}
