/* A daemon's socket for tests: a thread that notes each line it gets and answers all with the same
 * text. */
#pragma once

#include "scratch.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct {
    int fd;
    char *path;
    const char *answer; /* NULL: closes without a word */
    char *watched;      /* a file whose text is noted before each line; NULL: none */
    GString *lines;     /* to be read after listener_stop() */
    GThread *thread;
} Listener;

#define LISTENER_END "end\n"

static inline int listener_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_strlcpy(address->sun_path, path, sizeof address->sun_path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static inline bool listener_serve(Listener *listener)
{
    char line[256] = "";
    int peer = accept(listener->fd, NULL, NULL);
    assert_true(peer >= 0);
    ssize_t length = recv(peer, line, sizeof line - 1, 0);
    bool goes_on = length >= 0 && strcmp(line, LISTENER_END) != 0;
    g_autofree char *seen = NULL;
    if (goes_on && listener->watched && g_file_get_contents(listener->watched, &seen, NULL, NULL))
        g_string_append(listener->lines, seen);
    if (goes_on)
        g_string_append(listener->lines, line);
    if (goes_on && listener->answer && length > 0)
        send(peer, listener->answer, strlen(listener->answer), MSG_NOSIGNAL);
    close(peer);
    return goes_on;
}

static inline gpointer listener_run(gpointer data)
{
    while (listener_serve(data))
        continue;
    return NULL;
}

static inline Listener *listener_start_watching(const char *path, const char *answer,
                                                const char *watched)
{
    struct sockaddr_un address;
    Listener *listener = g_new0(Listener, 1);
    listener->path = g_strdup(path);
    listener->answer = answer;
    listener->watched = g_strdup(watched);
    listener->lines = g_string_new(NULL);
    listener->fd = listener_address(path, &address);
    assert_int_equal(bind(listener->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener->fd, 16), 0);
    listener->thread = g_thread_new("listener", listener_run, listener);
    return listener;
}

static inline Listener *listener_start(const char *path, const char *answer)
{
    return listener_start_watching(path, answer, NULL);
}

/* Ends the thread and the socket; returns what came in. Caller frees. */
static inline char *listener_stop(Listener *listener)
{
    struct sockaddr_un address;
    int fd = listener_address(listener->path, &address);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, LISTENER_END, strlen(LISTENER_END), MSG_NOSIGNAL),
                     strlen(LISTENER_END));
    g_thread_join(listener->thread);
    close(fd);
    close(listener->fd);
    char *lines = g_string_free(listener->lines, FALSE);
    g_free(listener->path);
    g_free(listener->watched);
    g_free(listener);
    return lines;
}
