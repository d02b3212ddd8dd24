/* See load_client.h. */
#include "load_client.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "foundation/error.h"

#define EVENTS_AT_A_TIME 64
#define GIVE_UP_SECONDS  30

typedef struct {
    LoadClient *owner;
    int fd;
    gnutls_session_t session;
    gboolean is_listener, is_ready, is_asking;
    GQueue waiting;     /* due times (boxed doubles) of requests that have not been sent */
    double due;         /* of the one that is asked */
    guint kind;         /* the same */
    GString *answer;    /* what has come of it */
    gsize head, length; /* of the answer; head 0: not known yet */
} Connection;

struct LoadClient {
    LoadPlan plan;
    int epoll;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    Connection *connections; /* askers first */
    guint count, ready;
    guint next_connection, next_target, outstanding;
    LoadResult *result; /* of the run */
};

void load_result_init(LoadResult *result)
{
    *result = (LoadResult){0};
    samples_init(&result->latency);
    samples_init(&result->lateness);
    for (guint i = 0; i < LOAD_KINDS_MAX; i++)
        samples_init(&result->by_kind[i]);
}

void load_result_clear(LoadResult *result)
{
    samples_clear(&result->latency);
    samples_clear(&result->lateness);
    for (guint i = 0; i < LOAD_KINDS_MAX; i++)
        samples_clear(&result->by_kind[i]);
}

/* --- one connection -----------------------------------------------------------------------------
 */

static gboolean bind_to_own_address(int fd, guint number)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x10000 + number)};
    return bind(fd, (struct sockaddr *)&here, sizeof here) == 0;
}

static gboolean connection_open(LoadClient *client, Connection *connection, guint number,
                                GError **error)
{
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons(client->plan.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->owner = client;
    connection->answer = g_string_new(NULL);
    g_queue_init(&connection->waiting);
    connection->is_listener = number >= client->plan.clients;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    gnutls_init(&connection->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_priority_set(connection->session, client->priorities);
    gnutls_credentials_set(connection->session, GNUTLS_CRD_CERTIFICATE, client->credentials);
    gnutls_transport_set_int(connection->session, connection->fd);
    if (connection->fd < 0 || !bind_to_own_address(connection->fd, number) ||
        connect(connection->fd, (struct sockaddr *)&there, sizeof there) != 0 ||
        fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        return error_set_errno(error, errno, "connecting a client");
    return TRUE;
}

static void connection_close(Connection *connection)
{
    if (connection->session)
        gnutls_deinit(connection->session);
    if (connection->fd > 0)
        close(connection->fd);
    connection->session = NULL;
    connection->fd = -1;
}

/* A request fits into one record, and the socket's buffer is empty: it is sent whole. */
static void send_request(Connection *connection, const char *target)
{
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n\r\n", target,
                        connection->owner->plan.authorization);
    gssize sent = gnutls_record_send(connection->session, request, strlen(request));
    while (sent == GNUTLS_E_AGAIN)
        sent = gnutls_record_send(connection->session, NULL, 0);
}

static void ask_next(Connection *connection)
{
    const LoadPlan *plan = &connection->owner->plan;
    double *due = g_queue_pop_head(&connection->waiting);
    connection->is_asking = due != NULL;
    if (!due)
        return;
    connection->due = *due;
    g_free(due);
    g_string_truncate(connection->answer, 0);
    connection->head = connection->length = 0;
    const LoadTarget *target =
        &plan->targets[connection->owner->next_target++ % plan->target_count];
    connection->kind = target->kind;
    send_request(connection, target->path);
}

static void note_answer(Connection *connection, gboolean is_good)
{
    LoadClient *client = connection->owner;
    double latency = seconds_now() - connection->due;
    samples_add(&client->result->latency, latency);
    samples_add(&client->result->by_kind[connection->kind], latency);
    client->outstanding--;
    if (!is_good)
        client->result->failed++;
    ask_next(connection);
}

static void note_end(Connection *connection)
{
    LoadClient *client = connection->owner;
    guint lost = g_queue_get_length(&connection->waiting) + (connection->is_asking ? 1 : 0);
    client->outstanding -= lost;
    if (client->result)
        client->result->failed += MAX(lost, 1);
    g_queue_clear_full(&connection->waiting, g_free);
    connection->is_asking = FALSE;
    connection_close(connection);
}

static void find_length(Connection *connection)
{
    const char *end = strstr(connection->answer->str, "\r\n\r\n");
    const char *header = end ? strstr(connection->answer->str, "Content-Length: ") : NULL;
    if (!header)
        return;
    connection->head = (gsize)(end - connection->answer->str) + 4;
    connection->length = g_ascii_strtoull(header + strlen("Content-Length: "), NULL, 10);
}

static void take_bytes(Connection *connection, const char *bytes, gsize length)
{
    LoadClient *client = connection->owner;
    if (connection->is_listener) {
        if (client->result)
            client->result->event_bytes += length;
        return;
    }
    g_string_append_len(connection->answer, bytes, (gssize)length);
    if (connection->head == 0)
        find_length(connection);
    if (connection->head > 0 && connection->answer->len >= connection->head + connection->length)
        note_answer(connection, g_str_has_prefix(connection->answer->str, "HTTP/1.1 200"));
}

static void read_all(Connection *connection)
{
    char buffer[16384];
    gssize length;
    do {
        length = gnutls_record_recv(connection->session, buffer, sizeof buffer);
        if (length > 0)
            take_bytes(connection, buffer, (gsize)length);
    } while (length > 0 || length == GNUTLS_E_INTERRUPTED);
    if (length != GNUTLS_E_AGAIN)
        note_end(connection);
}

static void shake_hands(Connection *connection)
{
    LoadClient *client = connection->owner;
    int code = gnutls_handshake(connection->session);
    if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED)
        return;
    if (code < 0) {
        note_end(connection);
        return;
    }
    connection->is_ready = TRUE;
    client->ready++;
    if (connection->is_listener)
        send_request(connection, "/api/v1/events");
}

static void run_connection(Connection *connection)
{
    if (connection->session && !connection->is_ready)
        shake_hands(connection);
    if (connection->session && connection->is_ready)
        read_all(connection);
}

/* --- all of them --------------------------------------------------------------------------------
 */

static void wait_until(LoadClient *client, double until)
{
    struct epoll_event events[EVENTS_AT_A_TIME];
    double left = MAX(until - seconds_now(), 0);
    struct timespec timeout = {.tv_sec = (time_t)left, .tv_nsec = (long)(fmod(left, 1) * 1e9)};
    int count = epoll_pwait2(client->epoll, events, EVENTS_AT_A_TIME, &timeout, NULL);
    for (int i = 0; i < count; i++)
        run_connection(events[i].data.ptr);
}

static gboolean connect_all(LoadClient *client, GError **error)
{
    double give_up = seconds_now() + GIVE_UP_SECONDS;
    for (guint i = 0; i < client->count; i++) {
        if (!connection_open(client, &client->connections[i], i, error))
            return FALSE;
        run_connection(&client->connections[i]);
        wait_until(client, seconds_now());
    }
    while (client->ready < client->count && seconds_now() < give_up)
        wait_until(client, seconds_now() + 0.1);
    return client->ready == client->count ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "only %u of %u clients get in",
                     client->ready, client->count);
}

LoadClient *load_client_new(const LoadPlan *plan, GError **error)
{
    LoadClient *client = g_new0(LoadClient, 1);
    client->plan = *plan;
    client->count = plan->clients + plan->listeners;
    client->connections = g_new0(Connection, client->count);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    gnutls_certificate_allocate_credentials(&client->credentials);
    gnutls_priority_init(&client->priorities, "NORMAL", NULL);
    if (connect_all(client, error))
        return client;
    load_client_free(client);
    return NULL;
}

void load_client_free(LoadClient *client)
{
    if (!client)
        return;
    for (guint i = 0; i < client->count; i++) {
        connection_close(&client->connections[i]);
        g_queue_clear_full(&client->connections[i].waiting, g_free);
        if (client->connections[i].answer)
            g_string_free(client->connections[i].answer, TRUE);
    }
    gnutls_priority_deinit(client->priorities);
    gnutls_certificate_free_credentials(client->credentials);
    close(client->epoll);
    g_free(client->connections);
    g_free(client);
}

static void begin_request(LoadClient *client, double due)
{
    Connection *connection = &client->connections[client->next_connection++ % client->plan.clients];
    if (!connection->session) {
        client->result->failed++;
        return;
    }
    client->outstanding++;
    samples_add(&client->result->lateness, seconds_now() - due);
    g_queue_push_tail(&connection->waiting, g_memdup2(&due, sizeof due));
    if (!connection->is_asking)
        ask_next(connection);
}

gboolean load_client_run(LoadClient *client, double rate, double seconds, LoadResult *result,
                         GError **error)
{
    double begin = seconds_now(), give_up = begin + seconds + GIVE_UP_SECONDS;
    guint total = (guint)(rate * seconds), begun = 0;
    client->result = result;
    while (begun < total || client->outstanding > 0) {
        double now = seconds_now();
        while (begun < total && begin + begun / rate <= now)
            begin_request(client, begin + begun++ / rate);
        wait_until(client, begun < total ? begin + begun / rate : now + 0.1);
        if (now > give_up)
            break;
    }
    result->rate = result->latency.values->len / (seconds_now() - begin);
    client->result = NULL;
    return client->outstanding == 0 ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "%u requests are not answered",
                     client->outstanding);
}
