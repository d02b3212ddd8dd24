/*
 * Implements the daemon that answers from files: one thread, one connection after another. Streams
 * that stay open are closed at the end.
 */
#include "fake_server.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    char *request; /* "GET /api/v1/machines" */
    char **answers;
    guint at;
} Route;

struct FakeServer {
    char *directory;
    GPtrArray *routes;
    guint pace_ms;
    int listening;
    int stopping;       /* eventfd */
    GArray *open;       /* descriptors of streams */
    GPtrArray *streams; /* GThread that sends each */
    GString *log;
    char *verb; /* of the last body that named one */
    GThread *thread;
};

static void route_free(gpointer data)
{
    Route *route = data;
    g_free(route->request);
    g_strfreev(route->answers);
    g_free(route);
}

static void add_route(FakeServer *server, const char *text)
{
    g_auto(GStrv) halves = g_strsplit(text, " => ", 2);
    Route *route = g_new0(Route, 1);
    g_assert(halves[1] != NULL);
    route->request = g_strdup(halves[0]);
    route->answers = g_strsplit(halves[1], ", ", -1);
    g_ptr_array_add(server->routes, route);
}

static Route *find_exactly(const FakeServer *server, const char *request)
{
    for (guint i = 0; i < server->routes->len; i++) {
        Route *route = g_ptr_array_index(server->routes, i);
        if (g_str_equal(route->request, request))
            return route;
    }
    return NULL;
}

static const char *next_answer(const FakeServer *server, const char *request)
{
    g_autofree char *bare = g_strndup(request, strcspn(request, "?"));
    Route *route = find_exactly(server, request);
    if (route == NULL)
        route = find_exactly(server, bare);
    if (route == NULL)
        return "404 problem-not-found.json";
    const char *answer = route->answers[route->at];
    if (route->answers[route->at + 1] != NULL)
        route->at++;
    return answer;
}

/* --- answering ---------------------------------------------------------------------------------
 */

static void send_text(int fd, const char *text, gsize length)
{
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        length -= (gsize)sent;
    }
}

static void send_chunk(int fd, const char *text, gsize length)
{
    g_autofree char *size = g_strdup_printf("%zx\r\n", length);
    send_text(fd, size, strlen(size));
    send_text(fd, text, length);
    send_text(fd, "\r\n", 2);
}

typedef struct {
    int fd;
    char *events;
    guint pace_ms;
    gboolean is_ended;
} Stream;

/* An event is sent in two chunks: it may arrive in pieces. */
static gpointer send_stream(gpointer data)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    Stream *stream = data;
    g_auto(GStrv) parts = g_strsplit(stream->events, "\n\n", -1);
    send_text(stream->fd, head, strlen(head));
    for (gsize i = 0; parts[i] != NULL && *parts[i] != '\0'; i++) {
        g_autofree char *event = g_strconcat(parts[i], "\n\n", NULL);
        gsize half = strlen(event) / 2;
        send_chunk(stream->fd, event, half);
        send_chunk(stream->fd, event + half, strlen(event) - half);
        if (stream->pace_ms > 0)
            g_usleep(stream->pace_ms * 1000);
    }
    if (stream->is_ended)
        send_text(stream->fd, "0\r\n\r\n", 5);
    g_free(stream->events);
    g_free(stream);
    return NULL;
}

static void start_stream(FakeServer *server, int fd, char *events, gboolean is_ended)
{
    Stream *stream = g_new0(Stream, 1);
    *stream = (Stream){fd, events, server->pace_ms, is_ended};
    g_ptr_array_add(server->streams, g_thread_new("fake-stream", send_stream, stream));
}

static void send_file(int fd, unsigned status, const char *body, gsize length)
{
    g_autofree char *head =
        g_strdup_printf("HTTP/1.1 %u Fake\r\nContent-Type: application/%s\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        status, status >= 400 ? "problem+json" : "json", length);
    send_text(fd, head, strlen(head));
    send_text(fd, body, length);
}

static char *read_fixture(const FakeServer *server, const char *name)
{
    g_autofree char *path = g_build_filename(server->directory, name, NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        g_error("no file '%s'", path);
    g_auto(GStrv) parts = g_strsplit(text, "@VERB@", -1);
    return g_strjoinv(server->verb != NULL ? server->verb : "none", parts);
}

/* Whoever connects from now on finds nobody. */
static void vanish(FakeServer *server)
{
    close(server->listening);
    server->listening = -1;
}

/* TRUE where the connection stays open. */
static gboolean send_answer(FakeServer *server, int fd, const char *answer)
{
    unsigned status = g_ascii_isdigit(*answer) ? (unsigned)g_ascii_strtoull(answer, NULL, 10) : 200;
    g_autofree char *name = g_strdup(g_ascii_isdigit(*answer) ? answer + 4 : answer);
    gboolean is_ended = g_str_has_suffix(name, "!");
    if (g_str_equal(name, "vanish"))
        vanish(server);
    if (g_str_equal(name, "hang-up") || g_str_equal(name, "vanish"))
        return FALSE;
    name[strlen(name) - is_ended] = '\0';
    g_autofree char *body = read_fixture(server, name);
    gsize length = strlen(body);
    if (g_str_has_suffix(name, ".events")) {
        start_stream(server, fd, g_steal_pointer(&body), is_ended);
        return TRUE;
    }
    if (g_str_has_suffix(name, ".raw"))
        send_text(fd, body, length);
    else
        send_file(fd, status, body, length);
    return FALSE;
}

/* --- listening ---------------------------------------------------------------------------------
 */

/* Reads a request whole: head and body. */
static char *read_request(int fd)
{
    GString *request = g_string_new(NULL);
    char buffer[4096];
    for (;;) {
        const char *end = strstr(request->str, "\r\n\r\n");
        const char *length = strstr(request->str, "Content-Length: ");
        gsize body = length != NULL ? (gsize)g_ascii_strtoull(length + 16, NULL, 10) : 0;
        if (end != NULL && request->len >= (gsize)(end + 4 - request->str) + body)
            break;
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got <= 0)
            break;
        g_string_append_len(request, buffer, got);
    }
    return g_string_free(request, FALSE);
}

static void remember_verb(FakeServer *server, const char *body)
{
    static const char key[] = "\"verb\":\"";
    const char *verb = strstr(body, key);
    if (verb == NULL)
        return;
    verb += strlen(key);
    g_free(server->verb);
    server->verb = g_strndup(verb, strcspn(verb, "\""));
}

static void serve(FakeServer *server, int fd)
{
    g_autofree char *request = read_request(fd);
    const char *version = strstr(request, " HTTP/1.1\r\n");
    const char *body = strstr(request, "\r\n\r\n");
    if (version == NULL || body == NULL) {
        close(fd);
        return;
    }
    g_autofree char *line = g_strndup(request, (gsize)(version - request));
    gboolean has_key = strstr(request, "\r\nIdempotency-Key: ") != NULL;
    g_string_append_printf(server->log, "%s%s%s%s\n", line, has_key ? " (key)" : "",
                           body[4] != '\0' ? " " : "", body + 4);
    remember_verb(server, body);
    if (send_answer(server, fd, next_answer(server, line)))
        g_array_append_val(server->open, fd);
    else
        close(fd);
}

static gpointer run(gpointer data)
{
    FakeServer *server = data;
    for (;;) {
        struct pollfd waiting[] = {{.fd = server->listening, .events = POLLIN},
                                   {.fd = server->stopping, .events = POLLIN}};
        poll(waiting, G_N_ELEMENTS(waiting), -1);
        if (waiting[1].revents != 0)
            return NULL;
        if (waiting[0].revents == 0)
            continue;
        int fd = accept(server->listening, NULL, NULL);
        if (fd >= 0)
            serve(server, fd);
    }
}

FakeServer *fake_server_start(const char *socket_path, const char *directory,
                              const char *const *routes, guint pace_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FakeServer *server = g_new0(FakeServer, 1);
    server->directory = g_strdup(directory);
    server->routes = g_ptr_array_new_with_free_func(route_free);
    server->pace_ms = pace_ms;
    server->open = g_array_new(FALSE, FALSE, sizeof(int));
    server->streams = g_ptr_array_new();
    server->log = g_string_new(NULL);
    for (gsize i = 0; routes[i] != NULL; i++)
        add_route(server, routes[i]);
    g_strlcpy(address.sun_path, socket_path, sizeof(address.sun_path));
    unlink(socket_path);
    server->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->stopping = eventfd(0, EFD_CLOEXEC);
    if (bind(server->listening, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server->listening, 16) != 0)
        g_error("cannot listen on '%s'", socket_path);
    server->thread = g_thread_new("fake-server", run, server);
    return server;
}

char *fake_server_stop(FakeServer *server)
{
    guint64 one = 1;
    if (write(server->stopping, &one, sizeof(one)) != sizeof(one))
        g_error("cannot stop the fake server");
    g_thread_join(server->thread);
    for (guint i = 0; i < server->streams->len; i++)
        g_thread_join(g_ptr_array_index(server->streams, i));
    for (guint i = 0; i < server->open->len; i++)
        close(g_array_index(server->open, int, i));
    if (server->listening >= 0)
        close(server->listening);
    close(server->stopping);
    g_free(server->verb);
    g_array_unref(server->open);
    g_ptr_array_unref(server->streams);
    g_ptr_array_unref(server->routes);
    g_free(server->directory);
    char *log = g_string_free(server->log, FALSE);
    g_free(server);
    return log;
}
