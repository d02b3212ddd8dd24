/* libwslay frames; here is only who may send how much. */
#include "http/console_line.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define BLOCK_BYTES       ((gsize)32 * 1024)
#define UP_LIMIT_BYTES    ((gsize)64 * 1024)  /* what the guest has not taken */
#define DOWN_LIMIT_BYTES  ((gsize)256 * 1024) /* what the client has not taken */
#define DOWN_LIMIT_FRAMES 1024                /* answers to its pings among them */
#define MESSAGE_MAX_BYTES                                                                          \
    ((guint64)1024 * 1024) /* a clipboard is the largest that VNC sends up                         \
                            */

struct ConsoleLine {
    int screen, socket;
    wslay_event_context_ptr frames;
    GByteArray *extra; /* read before anything from the socket */
    GByteArray *up;    /* for the screen */
    gint64 ending_since_us;
};

/* A client that takes nothing is not listened to either: each ping of it would be answered. */
static gboolean is_full(const ConsoleLine *line)
{
    return wslay_event_get_queued_msg_length(line->frames) >= DOWN_LIMIT_BYTES ||
           wslay_event_get_queued_msg_count(line->frames) >= DOWN_LIMIT_FRAMES;
}

static gboolean wants_client(const ConsoleLine *line)
{
    return line->up->len < UP_LIMIT_BYTES && !is_full(line);
}

/* --- what the library asks for ------------------------------------------------------------------
 */

static ssize_t take_extra(ConsoleLine *line, uint8_t *buffer, size_t size)
{
    gsize length = MIN(size, line->extra->len);
    memcpy(buffer, line->extra->data, length);
    g_byte_array_remove_range(line->extra, 0, (guint)length);
    return (ssize_t)length;
}

static ssize_t on_receive(wslay_event_context_ptr frames, uint8_t *buffer, size_t size, int flags,
                          void *data)
{
    ConsoleLine *line = data;
    (void)flags;
    if (!wants_client(line)) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (line->extra->len > 0)
        return take_extra(line, buffer, size);
    ssize_t length = recv(line->socket, buffer, size, 0);
    if (length > 0)
        return length;
    gboolean is_later = length < 0 && (errno == EAGAIN || errno == EINTR);
    wslay_event_set_error(frames, is_later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *bytes, size_t size, int flags,
                       void *data)
{
    ConsoleLine *line = data;
    (void)flags;
    ssize_t length = send(line->socket, bytes, size, MSG_NOSIGNAL);
    if (length >= 0)
        return length;
    gboolean is_later = errno == EAGAIN || errno == EINTR;
    wslay_event_set_error(frames, is_later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message, void *data)
{
    ConsoleLine *line = data;
    (void)frames;
    if (message->opcode == WSLAY_BINARY_FRAME)
        g_byte_array_append(line->up, message->msg, (guint)message->msg_length);
    else if (message->opcode == WSLAY_TEXT_FRAME)
        console_line_end(line, WSLAY_CODE_UNSUPPORTED_DATA, "a screen is no text");
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_receive,
    .send_callback = on_send,
    .on_msg_recv_callback = on_message,
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void make_non_blocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

ConsoleLine *console_line_new(int screen, int socket, const void *extra, gsize extra_length)
{
    ConsoleLine *line = g_new0(ConsoleLine, 1);
    line->screen = screen;
    line->socket = socket;
    line->up = g_byte_array_new();
    line->extra = g_byte_array_new();
    g_byte_array_append(line->extra, extra, (guint)extra_length);
    make_non_blocking(screen);
    make_non_blocking(socket);
    int result = wslay_event_context_server_init(&line->frames, &callbacks, line);
    g_assert(result == 0);
    wslay_event_config_set_max_recv_msg_length(line->frames, MESSAGE_MAX_BYTES);
    return line;
}

void console_line_free(ConsoleLine *line)
{
    wslay_event_context_free(line->frames);
    g_byte_array_unref(line->up);
    g_byte_array_unref(line->extra);
    close(line->screen);
    g_free(line);
}

void console_line_end(ConsoleLine *line, guint16 code, const char *reason)
{
    if (line->ending_since_us)
        return;
    line->ending_since_us = g_get_monotonic_time();
    wslay_event_queue_close(line->frames, code, (const uint8_t *)reason, strlen(reason));
}

gint64 console_line_ending_since(const ConsoleLine *line)
{
    return line->ending_since_us;
}

/* --- moving -------------------------------------------------------------------------------------
 */

static gboolean wants_screen(const ConsoleLine *line)
{
    return !line->ending_since_us && !is_full(line);
}

void console_line_watch(const ConsoleLine *line, struct pollfd ends[2])
{
    short socket_events = 0, screen_events = 0;
    if (wslay_event_want_read(line->frames) && wants_client(line))
        socket_events |= POLLIN;
    if (wslay_event_want_write(line->frames))
        socket_events |= POLLOUT;
    if (wants_screen(line))
        screen_events |= POLLIN;
    if (line->up->len > 0)
        screen_events |= POLLOUT;
    ends[0] = (struct pollfd){.fd = line->socket, .events = socket_events};
    /* One that is only watched for its end would wake the thread again and again. */
    ends[1] = (struct pollfd){.fd = screen_events ? line->screen : -1, .events = screen_events};
}

static void send_up(ConsoleLine *line)
{
    ssize_t length = send(line->screen, line->up->data, line->up->len, MSG_NOSIGNAL);
    if (length > 0)
        g_byte_array_remove_range(line->up, 0, (guint)length);
    else if (length < 0 && errno != EAGAIN && errno != EINTR)
        console_line_end(line, WSLAY_CODE_NORMAL_CLOSURE, "the machine has stopped");
}

static void read_screen(ConsoleLine *line)
{
    uint8_t block[BLOCK_BYTES];
    ssize_t length = recv(line->screen, block, sizeof block, 0);
    const struct wslay_event_msg message = {
        .opcode = WSLAY_BINARY_FRAME, .msg = block, .msg_length = (size_t)MAX(length, 0)};
    if (length > 0)
        wslay_event_queue_msg(line->frames, &message);
    else if (length == 0 || (errno != EAGAIN && errno != EINTR))
        console_line_end(line, WSLAY_CODE_NORMAL_CLOSURE, "the machine has stopped");
}

static void run_screen(ConsoleLine *line, short events)
{
    if (line->up->len > 0)
        send_up(line);
    if ((events & (POLLIN | POLLHUP | POLLERR)) && wants_screen(line))
        read_screen(line);
}

gboolean console_line_run(ConsoleLine *line, const struct pollfd ends[2])
{
    if (ends[0].revents & (POLLHUP | POLLERR) || wslay_event_recv(line->frames) != 0)
        return FALSE;
    run_screen(line, ends[1].revents);
    if (wslay_event_send(line->frames) != 0)
        return FALSE;
    return wslay_event_want_read(line->frames) || wslay_event_want_write(line->frames);
}
