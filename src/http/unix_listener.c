/* The socket file outlives a daemon that was killed; only a connect tells a stale one from a living
 * one. */
#include "http/unix_listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "foundation/error.h"

#define BACKLOG 256

static gboolean address_fill(const char *path, struct sockaddr_un *address, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return error_set(error, UNDERPIN_ERROR_INVALID, "choose a shorter run directory",
                         "the socket's path '%s' is longer than %zu bytes", path,
                         sizeof address->sun_path - 1);
    memcpy(address->sun_path, path, strlen(path) + 1);
    return TRUE;
}

static int socket_new(GError **error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        error_set_errno(error, errno, "making a socket");
    return fd;
}

static gboolean remove_stale(const char *path, const struct sockaddr_un *address, GError **error)
{
    int fd = socket_new(error);
    if (fd < 0)
        return FALSE;
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int problem = errno;
    close(fd);
    if (result == 0 || problem == EAGAIN)
        return error_set(error, UNDERPIN_ERROR_BUSY,
                         "stop the other daemon, or choose another run directory",
                         "another daemon answers at '%s'", path);
    if (problem == ECONNREFUSED && unlink(path) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "removing the old socket '%s'", path);
    return TRUE;
}

int unix_listener_open(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!address_fill(path, &address, error) || !remove_stale(path, &address, error))
        return -1;
    int fd = socket_new(error);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0) {
        error_set_errno(error, errno, "listening at '%s'", path);
        close(fd);
        return -1;
    }
    return fd;
}
