/*
 * Implements the client: connect, send, read until the response is whole.
 *
 * A connection serves one request; the daemon is on the same host and a connect costs microseconds,
 * while reuse would cost the question whether a connection that broke had carried the request.
 */
#include "cli/client.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/http_response.h"
#include "foundation/error.h"

enum { READ_SIZE = 64 * 1024 };

struct Client {
    char *socket_path;
    int timeout_ms;
    gboolean is_unreachable;
};

struct EventStream {
    int fd;
    HttpResponse *response;
    EventReader *reader;
    gboolean has_ended;
};

Client *client_new(const char *socket_path, int timeout_ms)
{
    Client *client = g_new0(Client, 1);
    client->socket_path = g_strdup(socket_path);
    client->timeout_ms = timeout_ms;
    return client;
}

void client_free(Client *client)
{
    if (client == NULL)
        return;
    g_free(client->socket_path);
    g_free(client);
}

gboolean client_is_unreachable(const Client *client)
{
    return client->is_unreachable;
}

const char *client_socket_path(const Client *client)
{
    return client->socket_path;
}

void answer_free(Answer *answer)
{
    if (answer == NULL)
        return;
    g_free(answer->body);
    json_decref(answer->json);
    g_free(answer);
}

/* --- connecting --------------------------------------------------------------------------------
 */

/* Who may use the socket, in words. */
static char *hint_of_denied(const char *socket_path)
{
    struct stat status = {0};
    struct group *group = NULL;
    if (stat(socket_path, &status) == 0)
        group = getgrgid(status.st_gid);
    if (group == NULL || status.st_gid == 0)
        return g_strdup("use sudo, or ask for membership of the group 'underpin'");
    return g_strdup_printf(
        "the group '%s' may: sudo usermod -aG %s %s, then log in again; or use sudo",
        group->gr_name, group->gr_name, g_get_user_name());
}

static gboolean fail_to_connect(Client *client, int errno_value, GError **error)
{
    client->is_unreachable = TRUE;
    if (errno_value == EACCES || errno_value == EPERM) {
        g_autofree char *hint = hint_of_denied(client->socket_path);
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, hint,
                         "you may not talk to the daemon at '%s'", client->socket_path);
    }
    gboolean is_absent = errno_value == ENOENT || errno_value == ECONNREFUSED;
    return error_set(error, UNDERPIN_ERROR_UNAVAILABLE,
                     "start it: sudo systemctl start underpind (or run underpind as root); "
                     "another socket is named by --socket or UNDERPIN_SOCKET",
                     is_absent ? "no daemon answers at '%s'" : "no daemon answers at '%s': %s",
                     client->socket_path, g_strerror(errno_value));
}

static int client_connect(Client *client, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(client->socket_path) >= sizeof(address.sun_path)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "a socket's path has at most 107 bytes",
                  "the path '%s' is too long", client->socket_path);
        return -1;
    }
    g_strlcpy(address.sun_path, client->socket_path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a socket");
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        fail_to_connect(client, errno, error);
        close(fd);
        return -1;
    }
    client->is_unreachable = FALSE;
    return fd;
}

/* --- sending and receiving ---------------------------------------------------------------------
 */

static gboolean send_all(int fd, const char *bytes, gsize length, GError **error)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return error_set_errno(error, errno, "cannot send the request to the daemon");
        bytes += sent;
        length -= (gsize)sent;
    }
    return TRUE;
}

static gboolean send_request(int fd, const char *method, const char *path, const char *accept,
                             const json_t *body, const char *idempotency_key, GError **error)
{
    g_autofree char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    GString *request = g_string_new(NULL);
    g_string_printf(request,
                    "%s %s HTTP/1.1\r\nHost: underpin\r\nUser-Agent: underpin/" UNDERPIN_VERSION
                    "\r\nAccept: %s\r\nConnection: close\r\n",
                    method, path, accept);
    if (idempotency_key != NULL)
        g_string_append_printf(request, "Idempotency-Key: %s\r\n", idempotency_key);
    if (text != NULL)
        g_string_append_printf(
            request, "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n",
            strlen(text));
    else if (g_str_equal(method, "POST"))
        g_string_append(request, "Content-Length: 0\r\n");
    g_string_append(request, "\r\n");
    if (text != NULL)
        g_string_append(request, text);
    gboolean is_sent = send_all(fd, request->str, request->len, error);
    g_string_free(request, TRUE);
    return is_sent;
}

/* Waits and reads once. FALSE with an error where the daemon is silent; the end of the connection
 * is fed as such. */
static gboolean receive_some(int fd, int timeout_ms, HttpResponse *response, gboolean *ended_out,
                             GError **error)
{
    char buffer[READ_SIZE];
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready = poll(&waiting, 1, timeout_ms);
    if (ready < 0 && errno == EINTR)
        return TRUE;
    if (ready == 0)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE,
                         "it may be busy; look at it: journalctl -u underpind",
                         "the daemon has not answered for %d s", timeout_ms / 1000);
    ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
    if (length < 0 && errno == EINTR)
        return TRUE;
    if (length < 0)
        return error_set_errno(error, errno, "cannot read the daemon's answer");
    *ended_out = length == 0;
    return length == 0 || http_response_feed(response, buffer, (gsize)length, error);
}

static gboolean receive_all(int fd, int timeout_ms, HttpResponse *response, GError **error)
{
    gboolean has_ended = FALSE;
    while (!http_response_is_complete(response) && !has_ended) {
        if (!receive_some(fd, timeout_ms, response, &has_ended, error))
            return FALSE;
    }
    return http_response_end(response, error);
}

static Answer *answer_take(HttpResponse *response)
{
    Answer *answer = g_new0(Answer, 1);
    GByteArray *body = http_response_take_body(response);
    answer->status = http_response_status(response);
    answer->length = body->len;
    answer->body = (char *)g_byte_array_free(body, FALSE);
    answer->json = json_loadb(answer->body, answer->length, JSON_REJECT_DUPLICATES, NULL);
    return answer;
}

static Answer *call_once(Client *client, const char *method, const char *path, const json_t *body,
                         const char *idempotency_key, GError **error)
{
    int fd = client_connect(client, error);
    if (fd < 0)
        return NULL;
    g_autoptr(HttpResponse) response = http_response_new();
    gboolean is_whole =
        send_request(fd, method, path, "application/json", body, idempotency_key, error) &&
        receive_all(fd, client->timeout_ms, response, error);
    close(fd);
    return is_whole ? answer_take(response) : NULL;
}

Answer *client_call(Client *client, const char *method, const char *path, const json_t *body,
                    const char *idempotency_key, GError **error)
{
    g_autoptr(GError) first = NULL;
    Answer *answer = call_once(client, method, path, body, idempotency_key, &first);
    if (answer != NULL)
        return answer;
    if (idempotency_key == NULL || client->is_unreachable) {
        g_propagate_error(error, g_steal_pointer(&first));
        return NULL;
    }
    g_autoptr(GError) second = NULL;
    answer = call_once(client, method, path, body, idempotency_key, &second);
    if (answer == NULL)
        error_set(error, error_code(second), "when it is back, 'underpin job list' says",
                  "whether the daemon has taken this is not known: %s", second->message);
    return answer;
}

/* --- answers that say no -----------------------------------------------------------------------
 */

static UnderpinErrorCode code_of_status(unsigned status)
{
    for (unsigned code = 0; code < UNDERPIN_ERROR_COUNT; code++) {
        if (error_code_http_status(code) == status)
            return code;
    }
    return UNDERPIN_ERROR_BACKEND;
}

gboolean answer_to_error(const Answer *answer, GError **error)
{
    UnderpinErrorCode code = code_of_status(answer->status);
    error_code_from_name(json_string_value(json_object_get(answer->json, "code")), &code);
    const char *detail = json_string_value(json_object_get(answer->json, "detail"));
    const char *title = json_string_value(json_object_get(answer->json, "title"));
    const char *hint = json_string_value(json_object_get(answer->json, "hint"));
    if (detail == NULL && title == NULL)
        return error_set(error, code, "look at the daemon: journalctl -u underpind",
                         "the daemon answered with status %u", answer->status);
    return error_set(error, code, hint, "%s", detail != NULL ? detail : title);
}

Answer *client_get(Client *client, const char *path, GError **error)
{
    g_autoptr(Answer) answer = client_call(client, "GET", path, NULL, NULL, error);
    if (answer == NULL)
        return NULL;
    if (answer->status >= 400) {
        answer_to_error(answer, error);
        return NULL;
    }
    return g_steal_pointer(&answer);
}

/* --- the event stream --------------------------------------------------------------------------
 */

static gboolean receive_head(int fd, int timeout_ms, HttpResponse *response, GError **error)
{
    gboolean has_ended = FALSE;
    while (!http_response_has_head(response)) {
        if (!receive_some(fd, timeout_ms, response, &has_ended, error))
            return FALSE;
        if (has_ended)
            return http_response_end(response, error);
    }
    if (http_response_status(response) != 200)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, NULL,
                         "the daemon has no event stream to give (status %u)",
                         http_response_status(response));
    return TRUE;
}

EventStream *client_events(Client *client, GError **error)
{
    int fd = client_connect(client, error);
    if (fd < 0)
        return NULL;
    g_autoptr(HttpResponse) response = http_response_new();
    if (!send_request(fd, "GET", "/api/v1/events", "text/event-stream", NULL, NULL, error) ||
        !receive_head(fd, client->timeout_ms, response, error)) {
        close(fd);
        return NULL;
    }
    EventStream *stream = g_new0(EventStream, 1);
    stream->fd = fd;
    stream->response = g_steal_pointer(&response);
    stream->reader = event_reader_new();
    return stream;
}

void event_stream_free(EventStream *stream)
{
    if (stream == NULL)
        return;
    close(stream->fd);
    http_response_free(stream->response);
    event_reader_free(stream->reader);
    g_free(stream);
}

/* Hands what has arrived of the body to the reader of events. */
static void pass_on(EventStream *stream)
{
    GByteArray *body = http_response_take_body(stream->response);
    if (!event_reader_feed(stream->reader, (const char *)body->data, body->len, NULL) ||
        http_response_is_complete(stream->response))
        stream->has_ended = TRUE;
    g_byte_array_unref(body);
}

static void receive_events(EventStream *stream)
{
    gboolean has_ended = FALSE;
    if (!receive_some(stream->fd, 0, stream->response, &has_ended, NULL) || has_ended)
        stream->has_ended = TRUE;
}

StreamOutcome event_stream_wait(EventStream *stream, int timeout_ms, int interrupt_fd,
                                StreamEvent **event_out)
{
    for (;;) {
        pass_on(stream);
        *event_out = event_reader_next(stream->reader);
        if (*event_out != NULL)
            return STREAM_EVENT;
        if (stream->has_ended)
            return STREAM_ENDED;
        struct pollfd waiting[] = {{.fd = stream->fd, .events = POLLIN},
                                   {.fd = interrupt_fd, .events = POLLIN}};
        int ready = poll(waiting, G_N_ELEMENTS(waiting), timeout_ms);
        if (ready < 0 && errno != EINTR)
            return STREAM_ENDED;
        if (waiting[1].revents != 0)
            return STREAM_INTERRUPTED;
        if (ready == 0)
            return STREAM_TIMEOUT;
        if (waiting[0].revents != 0)
            receive_events(stream);
    }
}
