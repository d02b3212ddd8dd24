/* Front and HTTP server as the web has them, with and without TLS: what clients may expect, and
 * what hostile ones cannot do to the others. */
#include "cmocka_prelude.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_world.h"
#include "foundation/error.h"
#include "http/front.h"
#include "http/routes.h"
#include "http/server.h"
#include "http/tls_certificate.h"
#include "raw_client.h"
#include "secure_client.h"

#define ADDRESS_LIMIT 8
#define HEALTH        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

typedef struct {
    char *directory, *certificate, *key;
    FakeWorld *world;
    HttpServer *server;
    TlsContext *tls; /* NULL: without */
    Front *front;
    guint16 port;
} Fixture;

static void deliver(int fd, const struct sockaddr *address, socklen_t length, gpointer user_data)
{
    Fixture *fixture = user_data;
    http_server_adopt(fixture->server, fd, address, length);
}

/* Limits that are reached soon, and far above what a good client needs. */
static void start_server(Fixture *fixture, guint request_seconds)
{
    gsize count;
    const Route *routes = routes_all(&count);
    HttpServerConfig config;
    http_server_config_init(&config);
    config.is_secure = fixture->tls != NULL;
    config.request_seconds = request_seconds;
    fixture->server = http_server_start(&config, &fixture->world->api, routes, count, NULL);
    assert_non_null(fixture->server);
}

static void start_front(Fixture *fixture, guint patience_seconds)
{
    FrontConfig config;
    front_config_init(&config);
    assert_true(listen_address_parse("127.0.0.1:0", &config.listen, NULL));
    config.tls = fixture->tls;
    config.address_limit = ADDRESS_LIMIT;
    config.handshake_seconds = config.stall_seconds = patience_seconds;
    config.deliver = deliver;
    config.user_data = fixture;
    fixture->front = front_start(&config, NULL);
    assert_non_null(fixture->front);
    fixture->port = front_port(fixture->front, NULL);
    assert_true(fixture->port > 0);
}

static Fixture *fixture_new(gboolean is_tls, guint patience_seconds)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-front-XXXXXX", NULL);
    fixture->world = fake_world_new(200);
    assert_true(
        tls_certificate_ensure(fixture->directory, &fixture->certificate, &fixture->key, NULL));
    if (is_tls)
        fixture->tls = tls_context_new(fixture->certificate, fixture->key, NULL);
    start_server(fixture, patience_seconds);
    start_front(fixture, patience_seconds);
    return fixture;
}

static int set_up_plain(void **state)
{
    *state = fixture_new(FALSE, 60);
    return 0;
}

static int set_up_tls(void **state)
{
    *state = fixture_new(TRUE, 60);
    return 0;
}

static int set_up_impatient_plain(void **state)
{
    *state = fixture_new(FALSE, 1);
    return 0;
}

static int set_up_impatient_tls(void **state)
{
    *state = fixture_new(TRUE, 1);
    return 0;
}

static void *run_stop(void *data)
{
    Fixture *fixture = data;
    front_quiesce(fixture->front);
    http_server_free(g_steal_pointer(&fixture->server));
    front_free(g_steal_pointer(&fixture->front));
    return NULL;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    if (fixture->front)
        run_stop(fixture);
    secure_join();
    tls_context_free(fixture->tls);
    fake_world_free(fixture->world);
    g_remove(fixture->certificate);
    g_remove(fixture->key);
    g_rmdir(fixture->directory);
    g_free(fixture->certificate);
    g_free(fixture->key);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

static int open_client(const Fixture *fixture, guint8 from)
{
    int fd = fixture->tls ? secure_connect(fixture->port, from, NULL)
                          : raw_connect_tcp(fixture->port, from);
    assert_true(fd >= 0);
    return fd;
}

/* A good client, at another address than the bad ones. */
static void assert_served(const Fixture *fixture)
{
    int fd = open_client(fixture, 2);
    g_auto(RawAnswer) answer = raw_get(fd, "/healthz", "");
    assert_int_equal(answer.status, 200);
    close(fd);
}

/* Good clients are served until the others' connections are over. */
static void serve_until_alone(const Fixture *fixture)
{
    do
        assert_served(fixture);
    while (front_connections(fixture->front) > 1);
}

/* --- what clients may expect --------------------------------------------------------------------
 */

static void requests_are_answered_on_one_connection(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_client(fixture, 1);
    raw_send_text(fd, HEALTH "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" HEALTH);
    static const unsigned statuses[] = {200, 404, 200};
    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
        g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
        assert_int_equal(answer.status, statuses[i]);
    }
    close(fd);
}

static void a_client_by_tcp_is_no_administrator(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_client(fixture, 3);
    g_auto(RawAnswer) answer = raw_get(fd, "/api/v1/machines", "");
    assert_true(answer.status == 401 || answer.status == 403);
    close(fd);
}

static void large_answers_arrive_whole(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_client(fixture, 1);
    g_autofree char *first = NULL;
    for (guint i = 0; i < 50; i++) {
        g_auto(RawAnswer) answer = raw_get(fd, "/api/v1/openapi.json", "");
        assert_int_equal(answer.status, 200);
        if (!first)
            first = g_strdup(answer.body->str);
        assert_true(strlen(first) > 50000);
        assert_string_equal(answer.body->str, first);
    }
    close(fd);
}

static void large_bodies_arrive_and_larger_are_refused(void **state)
{
    const Fixture *fixture = *state;
    static const struct {
        gsize length;
        const char *says;
    } bodies[] = {{HTTP_BODY_LIMIT_BYTES, "takes no body"}, {4 * HTTP_BODY_LIMIT_BYTES, "1 MiB"}};
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autofree char *body = g_strnfill(bodies[i].length, 'x');
        g_autofree char *head = g_strdup_printf(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", bodies[i].length);
        int fd = open_client(fixture, 1);
        raw_send_text(fd, head);
        raw_send(fd, body, bodies[i].length);
        g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
        assert_non_null(strstr(answer.body->str, bodies[i].says));
        close(fd);
    }
}

static void who_has_sent_all_is_still_answered(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_client(fixture, 1);
    raw_send_text(fd, HEALTH);
    shutdown(fd, SHUT_WR);
    g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
    assert_int_equal(answer.status, 200);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

/* --- hostile clients ----------------------------------------------------------------------------
 */

static void garbage_ends_one_connection_only(void **state)
{
    const Fixture *fixture = *state;
    static const char *const garbage[] = {"\x16\x03\x01\xff\xff garbage", "\x80\x01", "\r\n\r\n",
                                          "GET / HTTP/9.9\r\n\r\n"};
    for (guint i = 0; i < G_N_ELEMENTS(garbage); i++) {
        int fd = raw_connect_tcp(fixture->port, 1);
        raw_send_text(fd, garbage[i]);
        close(fd);
        assert_served(fixture);
    }
    serve_until_alone(fixture);
}

static void one_address_has_its_share_only(void **state)
{
    const Fixture *fixture = *state;
    int fds[ADDRESS_LIMIT];
    for (guint i = 0; i < ADDRESS_LIMIT; i++)
        fds[i] = open_client(fixture, 1);
    for (guint i = 0; i < 100; i++) {
        char byte;
        int fd = raw_connect_tcp(fixture->port, 1);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
    }
    assert_served(fixture);
    for (guint i = 0; i < ADDRESS_LIMIT; i++) {
        g_auto(RawAnswer) answer = raw_get(fds[i], "/healthz", "");
        assert_int_equal(answer.status, 200);
        close(fds[i]);
    }
    serve_until_alone(fixture);
    fds[0] = open_client(fixture, 1);
    g_auto(RawAnswer) answer = raw_get(fds[0], "/healthz", "");
    assert_int_equal(answer.status, 200);
    close(fds[0]);
}

static void who_says_nothing_is_sent_away(void **state)
{
    const Fixture *fixture = *state;
    int fds[ADDRESS_LIMIT];
    for (guint i = 0; i < ADDRESS_LIMIT; i++) {
        fds[i] = raw_connect_tcp(fixture->port, 1);
        raw_send(fds[i], "\x16\x03\x01", i % 4);
    }
    serve_until_alone(fixture);
    for (guint i = 0; i < ADDRESS_LIMIT; i++)
        close(fds[i]);
}

/* Sends `text` again and again, a byte a time, beside good clients, until it is cut off. */
static void send_slowly(const Fixture *fixture, const char *start, const char *text)
{
    int fd = open_client(fixture, 1);
    raw_send_text(fd, start);
    for (gsize i = 0; raw_try_send(fd, &text[i % strlen(text)], 1); i++) {
        if (i % 64 == 0)
            assert_served(fixture);
    }
    close(fd);
    serve_until_alone(fixture);
}

static void headers_that_come_by_the_byte_are_cut_off(void **state)
{
    send_slowly(*state, "GET /healthz HTTP/1.1\r\n", "X: y\r\n");
}

static void bodies_that_come_by_the_byte_are_cut_off(void **state)
{
    send_slowly(*state,
                "POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Content-Length: 1000000\r\n\r\n",
                " ");
}

static void who_does_not_read_is_cut_off(void **state)
{
    const Fixture *fixture = *state;
    static const char request[] = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    int fds[4];
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = open_client(fixture, 1);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        for (guint k = 0; k < 2000 && raw_try_send(fds[i], request, strlen(request)); k++)
            continue;
    }
    serve_until_alone(fixture);
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
}

/* --- TLS ----------------------------------------------------------------------------------------
 */

static void plain_http_is_told_the_way(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect_tcp(fixture->port, 1);
    raw_send_text(fd, "GET /machines?x=%20 HTTP/1.1\r\n");
    raw_send_text(fd, "Host: host.example:8443\r\n\r\n");
    g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
    assert_int_equal(answer.status, 308);
    g_autofree char *location = raw_header(&answer, "Location");
    assert_string_equal(location, "https://host.example:8443/machines?x=%20");
    close(fd);
    assert_served(fixture);
}

static void old_versions_are_refused(void **state)
{
    const Fixture *fixture = *state;
    static const char *const old[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.1",
                                      "NORMAL:-VERS-ALL:+VERS-TLS1.0",
                                      "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC"};
    for (guint i = 0; i < G_N_ELEMENTS(old); i++)
        assert_int_equal(secure_connect(fixture->port, 1, old[i]), -1);
    int fd = secure_connect(fixture->port, 1, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    g_auto(RawAnswer) answer = raw_get(fd, "/healthz", "");
    assert_int_equal(answer.status, 200);
    close(fd);
}

/* One request by a client of its own; `ticket` is used, and replaced by what the server gives. */
typedef struct {
    gnutls_datum_t ticket;
    gboolean is_resumed;
    char *fingerprint;
    char *protocol;
} Seen;

static char *fingerprint_of(gnutls_session_t session)
{
    guint8 digest[32];
    gsize size = sizeof digest;
    unsigned count;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
    gnutls_fingerprint(GNUTLS_DIG_SHA256, &certificates[0], digest, &size);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < size; i++)
        g_string_append_printf(text, "%s%02X", i > 0 ? ":" : "", digest[i]);
    return g_string_free(text, FALSE);
}

static void note_session(gnutls_session_t session, Seen *seen)
{
    gnutls_datum_t protocol = {0};
    seen->is_resumed = gnutls_session_is_resumed(session);
    g_free(seen->fingerprint);
    seen->fingerprint = fingerprint_of(session);
    g_free(seen->protocol);
    gnutls_alpn_get_selected_protocol(session, &protocol);
    seen->protocol = g_strndup((char *)protocol.data, protocol.size);
    gnutls_free(seen->ticket.data);
    assert_int_equal(gnutls_session_get_data2(session, &seen->ticket), 0);
}

static gssize receive(gnutls_session_t session, char *buffer, gsize size)
{
    gssize length;
    do
        length = gnutls_record_recv(session, buffer, size);
    while (length == GNUTLS_E_AGAIN); /* tickets and keys */
    return length;
}

static void look(const Fixture *fixture, Seen *seen)
{
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    char answer[4096];
    const gnutls_datum_t protocols[] = {{(unsigned char *)"h2", 2},
                                        {(unsigned char *)"http/1.1", 8}};
    int fd = raw_connect_tcp(fixture->port, 1);
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_alpn_set_protocols(session, protocols, 2, 0);
    if (seen->ticket.data)
        gnutls_session_set_data(session, seen->ticket.data, seen->ticket.size);
    gnutls_transport_set_int(session, fd);
    assert_int_equal(gnutls_handshake(session), 0);
    assert_int_equal(gnutls_record_send(session, HEALTH, strlen(HEALTH)), strlen(HEALTH));
    assert_true(receive(session, answer, sizeof answer) > 0);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    note_session(session, seen);
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
}

static void seen_clear(Seen *seen)
{
    g_free(seen->fingerprint);
    g_free(seen->protocol);
    gnutls_free(seen->ticket.data);
}

static void sessions_are_resumed_by_ticket(void **state)
{
    const Fixture *fixture = *state;
    Seen seen = {0};
    look(fixture, &seen);
    assert_false(seen.is_resumed);
    assert_string_equal(seen.protocol, "http/1.1");
    look(fixture, &seen);
    assert_true(seen.is_resumed);
    seen_clear(&seen);
}

/* A connection with the latest TLS, for what an ordinary client does not do. */
static gnutls_session_t open_session(int fd, gnutls_certificate_credentials_t credentials)
{
    gnutls_session_t session;
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    assert_int_equal(gnutls_handshake(session), 0);
    return session;
}

/* In one segment: the new keys must not hide the request behind them. */
static void new_keys_and_a_request_may_come_together(void **state)
{
    const Fixture *fixture = *state;
    const int on = 1, off = 0;
    char answer[4096];
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_allocate_credentials(&credentials);
    int fd = raw_connect_tcp(fixture->port, 1);
    gnutls_session_t session = open_session(fd, credentials);
    assert_int_equal(gnutls_protocol_get_version(session), GNUTLS_TLS1_3);
    for (guint i = 0; i < 4; i++) {
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        assert_int_equal(gnutls_session_key_update(session, 0), 0);
        assert_int_equal(gnutls_record_send(session, HEALTH, strlen(HEALTH)), strlen(HEALTH));
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
        assert_true(receive(session, answer, sizeof answer) > 0);
        assert_memory_equal(answer, "HTTP/1.1 200", 12);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
}

static void a_new_certificate_is_for_new_connections(void **state)
{
    const Fixture *fixture = *state;
    Seen before = {0}, after = {0};
    g_autofree char *old = tls_context_fingerprint(fixture->tls);
    g_autofree char *certificate = NULL, *key = NULL;
    int fd = open_client(fixture, 1);
    look(fixture, &before);
    assert_string_equal(before.fingerprint, old);
    g_remove(fixture->key);
    assert_true(tls_certificate_ensure(fixture->directory, &certificate, &key, NULL));
    assert_true(tls_context_reload(fixture->tls, NULL));
    look(fixture, &after);
    g_autofree char *new = tls_context_fingerprint(fixture->tls);
    assert_string_equal(after.fingerprint, new);
    assert_string_not_equal(new, old);
    g_auto(RawAnswer) answer = raw_get(fd, "/healthz", "");
    assert_int_equal(answer.status, 200);
    close(fd);
    seen_clear(&before);
    seen_clear(&after);
}

static void a_broken_certificate_changes_nothing(void **state)
{
    const Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *old = tls_context_fingerprint(fixture->tls);
    assert_true(g_file_set_contents(fixture->certificate, "nonsense", -1, NULL));
    assert_false(tls_context_reload(fixture->tls, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    g_autofree char *new = tls_context_fingerprint(fixture->tls);
    assert_string_equal(new, old);
    assert_served(fixture);
}

/* --- start and stop -----------------------------------------------------------------------------
 */

static void a_stop_answers_what_runs(void **state)
{
    Fixture *fixture = *state;
    int idle = open_client(fixture, 1), half = raw_connect_tcp(fixture->port, 1);
    int fd = open_client(fixture, 1);
    g_auto(RawAnswer) before = raw_get(fd, "/healthz", "");
    assert_int_equal(before.status, 200);
    pthread_t stopper;
    raw_send_text(half, "G");
    assert_int_equal(pthread_create(&stopper, NULL, run_stop, fixture), 0);
    char byte;
    assert_true(recv(idle, &byte, 1, 0) <= 0);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(idle);
    close(fd);
    close(half);
    pthread_join(stopper, NULL);
}

static void an_address_that_is_taken_is_had_when_it_is_free(void **state)
{
    Fixture *fixture = *state;
    FrontConfig config;
    front_config_init(&config);
    g_autofree char *text = g_strdup_printf("127.0.0.1:%u", fixture->port);
    assert_true(listen_address_parse(text, &config.listen, NULL));
    config.retry_seconds = 1;
    config.deliver = deliver;
    config.user_data = fixture;
    Front *second = front_start(&config, NULL);
    g_autoptr(GError) problem = NULL;
    assert_non_null(second);
    assert_int_equal(front_port(second, &problem), 0);
    assert_int_equal(error_code(problem), UNDERPIN_ERROR_BUSY);
    front_free(g_steal_pointer(&fixture->front));
    while (front_port(second, NULL) != fixture->port)
        g_thread_yield();
    fixture->front = second;
    assert_served(fixture);
}

#define BOTH(name)                                                                                 \
    {#name " plain", name, set_up_plain, tear_down, NULL},                                         \
    {                                                                                              \
#name " tls", name, set_up_tls, tear_down, NULL                                            \
    }
#define BOTH_IMPATIENT(name)                                                                       \
    {#name " plain", name, set_up_impatient_plain, tear_down, NULL},                               \
    {                                                                                              \
#name " tls", name, set_up_impatient_tls, tear_down, NULL                                  \
    }
#define TLS(name)                                                                                  \
    {                                                                                              \
#name, name, set_up_tls, tear_down, NULL                                                   \
    }
#define PLAIN(name)                                                                                \
    {                                                                                              \
#name, name, set_up_plain, tear_down, NULL                                                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(requests_are_answered_on_one_connection),
        BOTH(a_client_by_tcp_is_no_administrator),
        BOTH(large_answers_arrive_whole),
        BOTH(large_bodies_arrive_and_larger_are_refused),
        BOTH(who_has_sent_all_is_still_answered),
        BOTH(garbage_ends_one_connection_only),
        BOTH(one_address_has_its_share_only),
        BOTH_IMPATIENT(who_says_nothing_is_sent_away),
        BOTH_IMPATIENT(headers_that_come_by_the_byte_are_cut_off),
        BOTH_IMPATIENT(bodies_that_come_by_the_byte_are_cut_off),
        BOTH_IMPATIENT(who_does_not_read_is_cut_off),
        TLS(plain_http_is_told_the_way),
        TLS(old_versions_are_refused),
        TLS(sessions_are_resumed_by_ticket),
        TLS(new_keys_and_a_request_may_come_together),
        TLS(a_new_certificate_is_for_new_connections),
        TLS(a_broken_certificate_changes_nothing),
        BOTH(a_stop_answers_what_runs),
        PLAIN(an_address_that_is_taken_is_had_when_it_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
