/*
 * The life of a relay:
 *
 *     greeting ─▶ handshake ─▶ open ─▶ closing ─▶ over
 *         │                              ▲
 *         └─▶ misled (plain HTTP) ───────┘
 *
 * Each direction of an open relay ends by itself: when its source has ended and what it sent is
 * delivered, the sink is told so (a half close). "Closing" is an open relay whose answer is
 * complete: what the client still sends is dropped, because a socket that is closed with unread
 * bytes in it takes back the answer on its way.
 */
#include "http/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "http/tls_greeting.h"

#define ROUNDS_AT_A_TIME  8 /* records each way before others have their turn */
#define PAIR_BUFFER_BYTES (64 * 1024)

typedef enum { PHASE_GREETING, PHASE_HANDSHAKE, PHASE_MISLED, PHASE_OPEN, PHASE_OVER } Phase;

/* What has come and not been taken yet, in one direction. */
typedef struct {
    guint8 *bytes; /* NULL: nothing */
    gsize begin, end;
    gboolean ended;  /* the source sends no more */
    gboolean closed; /* and the sink knows, or takes no more */
} Flow;

struct Relay {
    const RelayHost *host;
    int epoll;
    struct sockaddr_storage address;
    socklen_t address_length;
    Phase phase;
    TlsSession *tls; /* NULL: none */
    RelayEnd client, server;
    Flow up, down; /* client to server, server to client */
    gint64 begun_us;
    gint64 moved_us;  /* when the client last took something, or began to owe it */
    gint64 ended_us;  /* when the server's answer was complete; 0: not yet */
    gint64 closed_us; /* when the client had all of it; 0: not yet */
};

/* --- life ------------------------------------------------------------------------------------- */

static gboolean watch(Relay *relay, RelayEnd *end)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = end};
    return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

/* A client that is gone without a word is noticed, also where nothing is sent to it. */
static void tune(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 60}, {IPPROTO_TCP, TCP_KEEPINTVL, 20},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},   {IPPROTO_TCP, TCP_USER_TIMEOUT, 120 * 1000},
    };
    for (guint i = 0; i < G_N_ELEMENTS(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                   sizeof options[i].value);
}

Relay *relay_new(const RelayHost *host, int epoll, int fd, const struct sockaddr *address,
                 socklen_t length, gint64 now_us)
{
    Relay *relay = g_new0(Relay, 1);
    relay->host = host;
    relay->epoll = epoll;
    memcpy(&relay->address, address, length);
    relay->address_length = length;
    relay->phase = host->tls ? PHASE_GREETING : PHASE_HANDSHAKE;
    relay->client = (RelayEnd){.relay = relay, .fd = fd};
    relay->server = (RelayEnd){.relay = relay, .fd = -1};
    relay->begun_us = relay->moved_us = now_us;
    tune(fd);
    if (watch(relay, &relay->client))
        return relay;
    relay_free(relay);
    return NULL;
}

void relay_free(Relay *relay)
{
    tls_session_free(relay->tls);
    close(relay->client.fd);
    if (relay->server.fd >= 0)
        close(relay->server.fd);
    g_free(relay->up.bytes);
    g_free(relay->down.bytes);
    g_free(relay);
}

const struct sockaddr *relay_address(const Relay *relay)
{
    return (const struct sockaddr *)&relay->address;
}

void relay_note(RelayEnd *end, guint32 events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        end->can_read = TRUE;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        end->can_write = TRUE;
}

/* --- the ends --------------------------------------------------------------------------------- */

typedef enum { MOVED, BLOCKED, ENDED } Moved;

static Moved socket_receive(RelayEnd *end, void *buffer, gsize size, gsize *length_out)
{
    ssize_t length;
    if (!end->can_read)
        return BLOCKED;
    do
        length = recv(end->fd, buffer, size, 0);
    while (length < 0 && errno == EINTR);
    if (length > 0) {
        *length_out = (gsize)length;
        return MOVED;
    }
    if (length == 0 || errno != EAGAIN)
        return ENDED;
    end->can_read = FALSE;
    return BLOCKED;
}

static Moved socket_send(RelayEnd *end, const void *bytes, gsize length, gsize *sent_out)
{
    ssize_t sent;
    if (!end->can_write)
        return BLOCKED;
    do
        sent = send(end->fd, bytes, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        *sent_out = (gsize)sent;
        return MOVED;
    }
    if (errno != EAGAIN)
        return ENDED;
    end->can_write = FALSE;
    return BLOCKED;
}

/* What a result of TLS means for the client's end. BROKEN ends the relay. */
static Moved take_result(Relay *relay, TlsResult result)
{
    if (result == TLS_DONE)
        return MOVED;
    if (result == TLS_ENDED)
        return ENDED;
    if (result == TLS_WANTS_READ)
        relay->client.can_read = FALSE;
    else if (result == TLS_WANTS_WRITE)
        relay->client.can_write = FALSE;
    else
        relay->phase = PHASE_OVER;
    return result == TLS_BROKEN ? ENDED : BLOCKED;
}

static Moved client_receive(Relay *relay, void *buffer, gsize size, gsize *length_out)
{
    if (!relay->tls)
        return socket_receive(&relay->client, buffer, size, length_out);
    if (!relay->client.can_read)
        return BLOCKED;
    return take_result(relay, tls_session_receive(relay->tls, buffer, size, length_out));
}

/* With TLS the session takes all of it, or nothing while it has not sent what it took before. */
static Moved client_send(Relay *relay, const void *bytes, gsize length, gsize *sent_out)
{
    if (!relay->tls)
        return socket_send(&relay->client, bytes, length, sent_out);
    if (!relay->client.can_write)
        return BLOCKED;
    Moved flushed = take_result(relay, tls_session_flush(relay->tls));
    if (flushed != MOVED)
        return flushed;
    Moved moved = take_result(relay, tls_session_send(relay->tls, bytes, length));
    if (moved == ENDED)
        return ENDED;
    *sent_out = length;
    return MOVED;
}

/* --- before it is open ------------------------------------------------------------------------ */

static void deliver(Relay *relay)
{
    int pair[2];
    const int size = PAIR_BUFFER_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        relay->phase = PHASE_OVER;
        return;
    }
    relay->server.fd = pair[0];
    for (guint i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    relay->phase = watch(relay, &relay->server) ? PHASE_OPEN : PHASE_OVER;
    relay->server.can_write = TRUE;
    relay->host->deliver(pair[1], relay_address(relay), relay->address_length,
                         relay->host->user_data);
}

static void shake_hands(Relay *relay)
{
    if (!relay->host->tls || take_result(relay, tls_session_handshake(relay->tls)) == MOVED)
        deliver(relay);
}

static void take_greeting(Relay *relay)
{
    guint8 first;
    ssize_t length = recv(relay->client.fd, &first, 1, MSG_PEEK);
    if (length < 0 && errno == EAGAIN) {
        relay->client.can_read = FALSE;
        return;
    }
    Greeting greeting = length == 1 ? greeting_of(first) : GREETING_UNKNOWN;
    relay->phase = greeting == GREETING_HTTP ? PHASE_MISLED : PHASE_OVER;
    if (greeting != GREETING_TLS)
        return;
    relay->tls = tls_session_new(relay->host->tls, relay->client.fd);
    relay->phase = relay->tls ? PHASE_HANDSHAKE : PHASE_OVER;
}

/* The answer is short: a fresh socket takes it whole. */
static void answer_misled(Relay *relay, const char *answer, gint64 now_us)
{
    gsize sent;
    relay->client.can_write = TRUE;
    socket_send(&relay->client, answer, strlen(answer), &sent);
    shutdown(relay->client.fd, SHUT_WR);
    g_clear_pointer(&relay->up.bytes, g_free);
    relay->down.ended = relay->down.closed = relay->up.closed = TRUE;
    relay->ended_us = relay->closed_us = now_us;
    relay->phase = PHASE_OPEN;
}

/* A client that talks plain HTTP: its request's head is kept in the flow upwards. */
static void read_misled(Relay *relay, gint64 now_us)
{
    gsize length = 0;
    Flow *flow = &relay->up;
    if (!flow->bytes)
        flow->bytes = g_malloc(GREETING_LIMIT_BYTES);
    Moved moved = socket_receive(&relay->client, flow->bytes + flow->end,
                                 GREETING_LIMIT_BYTES - flow->end, &length);
    if (moved == ENDED)
        relay->phase = PHASE_OVER;
    if (moved != MOVED)
        return;
    flow->end += length;
    g_autofree char *answer = greeting_answer((const char *)flow->bytes, flow->end);
    if (answer)
        answer_misled(relay, answer, now_us);
}

/* --- open ------------------------------------------------------------------------------------- */

static gboolean flow_is_empty(const Flow *flow)
{
    return flow->begin == flow->end;
}

/* Keeps what the sink has not taken. */
static void flow_keep(Flow *flow, const guint8 *bytes, gsize length)
{
    g_assert(flow_is_empty(flow));
    flow->bytes = g_memdup2(bytes, length);
    flow->begin = 0;
    flow->end = length;
}

static void flow_took(Flow *flow, gsize length)
{
    flow->begin += length;
    if (!flow_is_empty(flow))
        return;
    g_clear_pointer(&flow->bytes, g_free);
    flow->begin = flow->end = 0;
}

static void flow_drop(Flow *flow)
{
    flow_took(flow, flow->end - flow->begin);
    flow->closed = TRUE;
}

/* The server takes no more where it has closed: what still comes up is dropped. */
static Moved send_up(Relay *relay, const guint8 *bytes, gsize length, gsize *sent_out)
{
    Moved moved = relay->up.closed ? ENDED : socket_send(&relay->server, bytes, length, sent_out);
    if (moved != ENDED)
        return moved;
    flow_drop(&relay->up);
    *sent_out = length;
    return MOVED;
}

static gboolean move_up(Relay *relay)
{
    Flow *flow = &relay->up;
    guint8 record[TLS_RECORD_BYTES];
    gsize length = 0, sent = 0;
    if (!flow_is_empty(flow)) {
        Moved moved = send_up(relay, flow->bytes + flow->begin, flow->end - flow->begin, &sent);
        if (moved == MOVED && !flow_is_empty(flow))
            flow_took(flow, sent);
        return moved == MOVED;
    }
    if (flow->ended)
        return FALSE;
    Moved moved = client_receive(relay, record, sizeof record, &length);
    flow->ended = moved == ENDED;
    if (moved != MOVED)
        return moved == ENDED;
    if (send_up(relay, record, length, &sent) != MOVED)
        sent = 0;
    if (sent < length)
        flow_keep(flow, record + sent, length - sent);
    return TRUE;
}

static gboolean send_kept_down(Relay *relay)
{
    Flow *flow = &relay->down;
    gsize sent = 0;
    Moved moved = client_send(relay, flow->bytes + flow->begin, flow->end - flow->begin, &sent);
    if (moved == ENDED)
        relay->phase = PHASE_OVER;
    else if (moved == MOVED)
        flow_took(flow, sent);
    return moved == MOVED;
}

/* A record that the session holds is something that the client has not taken, as kept bytes are. */
static gboolean client_owes(const Relay *relay)
{
    return !flow_is_empty(&relay->down) || (relay->tls && tls_session_is_unsent(relay->tls));
}

static gboolean flush_down(Relay *relay)
{
    if (!relay->client.can_write)
        return FALSE;
    Moved moved = take_result(relay, tls_session_flush(relay->tls));
    if (moved == ENDED)
        relay->phase = PHASE_OVER;
    return moved == MOVED;
}

static gboolean move_down(Relay *relay)
{
    Flow *flow = &relay->down;
    guint8 record[TLS_RECORD_BYTES];
    gsize length = 0, sent = 0;
    if (!flow_is_empty(flow))
        return send_kept_down(relay);
    if (client_owes(relay))
        return flush_down(relay);
    if (flow->ended)
        return FALSE;
    Moved moved = socket_receive(&relay->server, record, sizeof record, &length);
    flow->ended = moved == ENDED;
    if (moved != MOVED)
        return moved == ENDED;
    moved = client_send(relay, record, length, &sent);
    if (moved == ENDED)
        relay->phase = PHASE_OVER;
    else if (sent < length)
        flow_keep(flow, record + sent, length - sent);
    return TRUE;
}

/* The client has ended: the server reads so, and may still answer. */
static void close_up(Relay *relay)
{
    if (relay->up.closed || !relay->up.ended || !flow_is_empty(&relay->up))
        return;
    shutdown(relay->server.fd, SHUT_WR);
    relay->up.closed = TRUE;
}

/* The server has ended, and the client has all of it. */
static void close_down(Relay *relay, gint64 now_us)
{
    if (relay->down.ended && relay->ended_us == 0)
        relay->ended_us = now_us;
    if (relay->down.closed || !relay->down.ended || client_owes(relay))
        return;
    if (relay->tls && take_result(relay, tls_session_finish(relay->tls)) == BLOCKED)
        return;
    shutdown(relay->client.fd, SHUT_WR);
    relay->down.closed = TRUE;
    relay->closed_us = now_us;
}

static gboolean move(Relay *relay, gint64 now_us)
{
    gboolean owed = client_owes(relay);
    gboolean moved_down = move_down(relay);
    if (moved_down || !owed)
        relay->moved_us = now_us;
    gboolean moved_up = relay->phase == PHASE_OPEN && move_up(relay);
    if (relay->phase != PHASE_OPEN)
        return FALSE;
    close_up(relay);
    close_down(relay, now_us);
    if (relay->down.closed && relay->up.ended)
        relay->phase = PHASE_OVER;
    return moved_down || moved_up;
}

static void begin(Relay *relay, gint64 now_us)
{
    if (relay->phase == PHASE_GREETING && relay->client.can_read)
        take_greeting(relay);
    while (relay->phase == PHASE_MISLED && relay->client.can_read)
        read_misled(relay, now_us);
    if (relay->phase == PHASE_HANDSHAKE)
        shake_hands(relay);
}

RelayState relay_run(Relay *relay, gint64 now_us)
{
    begin(relay, now_us);
    gboolean moved = relay->phase == PHASE_OPEN;
    for (guint round = 0; round < ROUNDS_AT_A_TIME && moved && relay->phase == PHASE_OPEN; round++)
        moved = move(relay, now_us);
    if (relay->phase == PHASE_OVER)
        return RELAY_IS_OVER;
    return moved ? RELAY_HAS_MORE : RELAY_WAITS;
}

/* --- deadlines -------------------------------------------------------------------------------- */

static gboolean is_past(gint64 since_us, guint seconds, gint64 now_us)
{
    return now_us > since_us + (gint64)seconds * G_USEC_PER_SEC;
}

gboolean relay_is_overdue(const Relay *relay, gint64 now_us)
{
    const RelayHost *host = relay->host;
    if (relay->phase < PHASE_OPEN)
        return is_past(relay->begun_us, host->handshake_seconds, now_us);
    if (relay->closed_us)
        return is_past(relay->closed_us, host->linger_seconds, now_us);
    if (relay->ended_us)
        return is_past(relay->ended_us, host->stall_seconds, now_us);
    return client_owes(relay) && is_past(relay->moved_us, host->stall_seconds, now_us);
}
