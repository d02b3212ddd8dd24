/* Implements the hook's side of the socket. */
#include "hook/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_LIMIT = 1024, TELL_TIMEOUT_MS = 200 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* On a unix socket connect(2) honours the send timeout while the listener's queue is full. */
static int connect_to(const char *socket_path, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static bool send_line(int fd, const char *line)
{
    size_t length = strlen(line);
    return send(fd, line, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* Reads up to the line end, which is cut off. FALSE where none comes before the deadline. */
static bool receive_line(int fd, int64_t deadline, char line_out[ANSWER_LIMIT])
{
    size_t length = 0;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        if (left <= 0 || length == ANSWER_LIMIT - 1 || poll(&wait, 1, (int)left) <= 0)
            return false;
        ssize_t got = recv(fd, line_out + length, ANSWER_LIMIT - 1 - length, MSG_DONTWAIT);
        if (got <= 0)
            return false;
        length += (size_t)got;
        line_out[length] = '\0';
        char *end = strchr(line_out, '\n');
        if (end) {
            *end = '\0';
            return true;
        }
    }
}

static Answer understand(const char *line, char *reason_out, size_t size)
{
    static const char refusal[] = "refuse\t";
    if (strcmp(line, "ok") == 0)
        return ANSWER_ALLOWED;
    if (strncmp(line, refusal, strlen(refusal)) != 0)
        return ANSWER_NONE;
    snprintf(reason_out, size, "%s", line + strlen(refusal));
    return ANSWER_REFUSED;
}

Answer ask_daemon(const char *socket_path, const char *line, int timeout_ms, char *reason_out,
                  size_t size)
{
    char answer[ANSWER_LIMIT];
    int64_t deadline = now_ms() + timeout_ms;
    int fd = connect_to(socket_path, timeout_ms);
    if (fd < 0)
        return errno == ENOENT || errno == ECONNREFUSED ? ANSWER_ABSENT : ANSWER_NONE;
    bool answered = send_line(fd, line) && receive_line(fd, deadline, answer);
    close(fd);
    return answered ? understand(answer, reason_out, size) : ANSWER_NONE;
}

void tell_daemon(const char *socket_path, const char *line)
{
    int fd = connect_to(socket_path, TELL_TIMEOUT_MS);
    if (fd < 0)
        return;
    send_line(fd, line);
    close(fd);
}
