/* The server over a real unix socket: clients that are slow, wrong, many, or gone. */
#include "cmocka_prelude.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_world.h"
#include "foundation/error.h"
#include "http/routes.h"
#include "http/server.h"
#include "raw_client.h"

#define RESTORE        "{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}"
#define RESTORE_LENGTH "39"
G_STATIC_ASSERT(sizeof RESTORE - 1 == 39);
#define JSON "application/json"

typedef struct {
    char *directory;
    char *path;
    FakeWorld *world;
    HttpServer *server;
} Fixture;

static HttpServer *start(const Fixture *fixture, GError **error)
{
    gsize count;
    const Route *routes = routes_all(&count);
    HttpServerConfig config;
    http_server_config_init(&config);
    config.socket_path = fixture->path;
    config.connection_limit = 600;
    config.user_limit = 4;
    config.quick_workers = 1;
    return http_server_start(&config, &fixture->world->api, routes, count, error);
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-http-XXXXXX", NULL);
    chmod(fixture->directory, 0755);
    fixture->path = g_build_filename(fixture->directory, "api.sock", NULL);
    fixture->world = fake_world_new(200);
    fixture->server = start(fixture, NULL);
    *state = fixture;
    return fixture->server ? 0 : -1;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    http_server_free(fixture->server);
    fake_world_free(fixture->world);
    rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture);
    return 0;
}

static void assert_status(const char *path, const char *method, const char *target,
                          const char *type, const char *body, unsigned status)
{
    g_auto(RawAnswer) answer = raw_request(path, method, target, type, body);
    if (answer.status != status)
        fail_msg("%s %s: %u instead of %u\n%s\n%s", method, target, answer.status, status,
                 answer.head, answer.body->str);
}

static void assert_header(const RawAnswer *answer, const char *name, const char *expected)
{
    g_autofree char *value = raw_header(answer, name);
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void a_list_is_answered(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) answer =
        raw_request(fixture->path, "GET", "/api/v1/machines?limit=2", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_header(&answer, "Content-Type", JSON);
    assert_header(&answer, "Cache-Control", "no-store");
    assert_header(&answer, "X-Content-Type-Options", "nosniff");
    assert_true(g_str_has_prefix(answer.body->str, "{\"items\":[{\"id\":"));
}

static void head_is_get_without_a_body(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) get = raw_request(fixture->path, "GET", "/api/v1/verbs", NULL, NULL);
    g_auto(RawAnswer) head = raw_request(fixture->path, "HEAD", "/api/v1/verbs", NULL, NULL);
    assert_int_equal(head.status, 200);
    g_autofree char *length = raw_header(&get, "Content-Length");
    assert_header(&head, "Content-Length", length);
}

static void an_encoded_slash_reaches_the_handler(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) answer =
        raw_request(fixture->path, "GET", "/api/v1/machines/a%2Fb%2e%2e", NULL, NULL);
    assert_int_equal(answer.status, 404);
    assert_non_null(strstr(answer.body->str, "no machine 'a/b..'"));
    assert_status(fixture->path, "GET", "/api/v1/machines/a/b", NULL, NULL, 404);
    assert_status(fixture->path, "GET", "/api/v1/machines/%zz", NULL, NULL, 400);
    assert_status(fixture->path, "GET", "/api/v1/machines/lab%2d1", NULL, NULL, 200);
}

static void wrong_methods_are_told_the_right_ones(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) answer = raw_request(fixture->path, "DELETE", "/api/v1/jobs", NULL, NULL);
    assert_int_equal(answer.status, 405);
    assert_header(&answer, "Allow", "GET, HEAD, POST");
    assert_header(&answer, "Content-Type", "application/problem+json");
    assert_status(fixture->path, "PUT", "/api/v1/jobs", JSON, RESTORE, 405);
    assert_status(fixture->path, "OPTIONS", "/healthz", NULL, NULL, 405);
    assert_status(fixture->path, "BREW", "/healthz", NULL, NULL, 405);
}

static void bodies_must_be_json(void **state)
{
    const Fixture *fixture = *state;
    assert_status(fixture->path, "POST", "/api/v1/plans", JSON, RESTORE, 200);
    assert_status(fixture->path, "POST", "/api/v1/plans", "Application/JSON; charset=utf-8",
                  RESTORE, 200);
    assert_status(fixture->path, "POST", "/api/v1/plans", "text/plain", RESTORE, 415);
    assert_status(fixture->path, "POST", "/api/v1/plans", "application/jsonp", RESTORE, 415);
    assert_status(fixture->path, "POST", "/api/v1/plans", NULL, RESTORE, 415);
    assert_status(fixture->path, "POST", "/api/v1/plans", NULL, NULL, 415);
    assert_status(fixture->path, "POST", "/api/v1/plans", JSON, "{", 400);
    assert_status(fixture->path, "POST", "/api/v1/plans", JSON, "", 400);
}

static void where_no_body_belongs_none_is_taken(void **state)
{
    const Fixture *fixture = *state;
    assert_status(fixture->path, "POST", "/api/v1/jobs/0000000000000002/cancel", JSON, "{}", 400);
    assert_status(fixture->path, "POST", "/api/v1/jobs/0000000000000002/cancel", NULL, "", 202);
    assert_status(fixture->path, "GET", "/healthz", JSON, "{}", 400);
}

static void a_job_has_its_address_in_the_location(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) answer = raw_request(fixture->path, "POST", "/api/v1/jobs", JSON, RESTORE);
    assert_int_equal(answer.status, 202);
    assert_header(&answer, "Location", "/api/v1/jobs/0000000000000003");
}

/* POST with `length` bytes of spaces in front of the JSON. */
static RawAnswer post_padded(const char *path, gsize length)
{
    g_autofree char *padding = g_strnfill(length - strlen(RESTORE), ' ');
    g_autofree char *body = g_strconcat(padding, RESTORE, NULL);
    return raw_request(path, "POST", "/api/v1/plans", JSON, body);
}

static void bodies_are_taken_up_to_one_mebibyte(void **state)
{
    const Fixture *fixture = *state;
    g_auto(RawAnswer) most = post_padded(fixture->path, HTTP_BODY_LIMIT_BYTES);
    g_auto(RawAnswer) more = post_padded(fixture->path, HTTP_BODY_LIMIT_BYTES + 1);
    assert_int_equal(most.status, 200);
    assert_int_equal(more.status, 413);
    assert_header(&more, "Content-Type", "application/problem+json");
}

static void an_enormous_body_is_refused_before_it_comes(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Content-Length: 1000000000000\r\n\r\n");
    g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
    assert_int_equal(answer.status, 413);
    close(fd);
}

static void a_client_that_asks_first_is_told_before_it_sends(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n");
    g_auto(RawAnswer) refused = raw_receive(fd, FALSE);
    assert_int_equal(refused.status, 413);
    close(fd);
    fd = raw_connect(fixture->path);
    g_autofree char *head = g_strdup_printf(
        "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
        strlen(RESTORE));
    raw_send_text(fd, head);
    g_auto(RawAnswer) go_on = raw_receive(fd, FALSE);
    assert_int_equal(go_on.status, 100);
    raw_send_text(fd, RESTORE);
    g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
    assert_int_equal(answer.status, 200);
    close(fd);
}

static void chunks_are_joined_and_bounded(void **state)
{
    const Fixture *fixture = *state;
    static const char head[] =
        "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, head);
    for (const char *byte = RESTORE; *byte; byte++) {
        char chunk[] = {'1', '\r', '\n', *byte, '\r', '\n'};
        raw_send(fd, chunk, sizeof chunk);
    }
    raw_send_text(fd, "0\r\n\r\n");
    g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
    assert_int_equal(answer.status, 200);
    close(fd);

    fd = raw_connect(fixture->path);
    raw_send_text(fd, head);
    g_autofree char *blanks = g_strnfill(0x10000, ' ');
    for (guint i = 0; i < 20; i++) {
        raw_send_text(fd, "10000\r\n");
        raw_send(fd, blanks, 0x10000);
        raw_send_text(fd, "\r\n");
    }
    raw_send_text(fd, "0\r\n\r\n");
    g_auto(RawAnswer) refused = raw_receive(fd, FALSE);
    assert_int_equal(refused.status, 413);
    close(fd);
}

static void endless_chunks_are_cut_off(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n");
    g_autofree char *blanks = g_strnfill(0x10000, ' ');
    guint sent = 0;
    while (sent < 1000 && raw_try_send(fd, "10000\r\n", 7) && raw_try_send(fd, blanks, 0x10000) &&
           raw_try_send(fd, "\r\n", 2))
        sent++;
    assert_true(sent < 1000);
    close(fd);
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
}

static void garbage_ends_one_connection_only(void **state)
{
    const Fixture *fixture = *state;
    static const struct {
        const char *bytes;
        unsigned status; /* 0: nothing that deserves an answer */
    } garbage[] = {
        {"\r\n\r\n\r\n", 0},
        {"\x16\x03\x01\x02", 0},
        {"GET /healthz", 0},
        {"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400},
        {"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
    };
    for (guint i = 0; i < G_N_ELEMENTS(garbage); i++) {
        int fd = raw_connect(fixture->path);
        raw_send_text(fd, garbage[i].bytes);
        if (garbage[i].status) {
            g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
            assert_int_equal(answer.status, garbage[i].status);
        }
        close(fd);
        assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
    }
}

static void headers_that_never_end_are_refused(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
    g_autofree char *line = g_strdup_printf("X-Long: %01000d\r\n", 0);
    guint sent = 0;
    while (sent < 1000 && raw_try_send(fd, line, strlen(line)))
        sent++;
    assert_true(sent < 1000);
    close(fd);
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
}

static void a_slow_sender_is_served_and_holds_nobody_up(void **state)
{
    const Fixture *fixture = *state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    int slow[4];
    for (guint i = 0; i < G_N_ELEMENTS(slow); i++)
        slow[i] = raw_connect(fixture->path);
    for (gsize byte = 0; byte < strlen(request); byte++) {
        for (guint i = 0; i < G_N_ELEMENTS(slow); i++)
            raw_send(slow[i], request + byte, 1);
        if (byte % 8 == 0)
            assert_status(fixture->path, "GET", "/api/v1/verbs", NULL, NULL, 200);
    }
    for (guint i = 0; i < G_N_ELEMENTS(slow); i++) {
        g_auto(RawAnswer) answer = raw_receive(slow[i], FALSE);
        assert_int_equal(answer.status, 200);
        close(slow[i]);
    }
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    const Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "GET /api/v1/verbs HTTP/1.1\r\nHost: x\r\n\r\n"
                      "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                      "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Content-Length: " RESTORE_LENGTH "\r\n\r\n" RESTORE
                      "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    static const unsigned statuses[] = {200, 404, 200, 200};
    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
        g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
        assert_int_equal(answer.status, statuses[i]);
    }
    close(fd);
}

/* --- many at once --------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    guint answered;
} Client;

static void *run_client(void *data)
{
    Client *client = data;
    int fd = raw_connect(client->path);
    for (guint i = 0; i < 10; i++) {
        raw_send_text(fd,
                      "GET /api/v1/machines?limit=50 HTTP/1.1\r\nHost: x\r\n\r\n"
                      "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Content-Length: " RESTORE_LENGTH "\r\n\r\n" RESTORE);
        for (guint half = 0; half < 2; half++) {
            g_auto(RawAnswer) answer = raw_receive(fd, FALSE);
            client->answered += answer.status == 200 ? 1 : 0;
        }
    }
    close(fd);
    return NULL;
}

static void two_hundred_clients_are_all_answered(void **state)
{
    const Fixture *fixture = *state;
    static Client clients[200];
    static pthread_t threads[G_N_ELEMENTS(clients)];
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++) {
        clients[i] = (Client){.path = fixture->path};
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
    }
    guint answered = 0;
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++) {
        pthread_join(threads[i], NULL);
        answered += clients[i].answered;
    }
    assert_int_equal(answered, 200 * 20);
}

/* A POST that waits in the engine until the gate opens. */
static int post_waiting(const char *path)
{
    int fd = raw_connect(path);
    raw_send_text(fd, "POST /api/v1/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      "Content-Length: " RESTORE_LENGTH "\r\n\r\n" RESTORE);
    return fd;
}

static void lists_are_read_while_every_waiting_worker_waits(void **state)
{
    const Fixture *fixture = *state;
    fake_world_shut_gate(fixture->world);
    int waiting[20];
    for (guint i = 0; i < G_N_ELEMENTS(waiting); i++)
        waiting[i] = post_waiting(fixture->path);
    fake_world_await(fixture->world, 8);
    assert_status(fixture->path, "GET", "/api/v1/machines", NULL, NULL, 200);
    assert_status(fixture->path, "GET", "/api/v1/verbs", NULL, NULL, 200);
    fake_world_open_gate(fixture->world);
    for (guint i = 0; i < G_N_ELEMENTS(waiting); i++) {
        g_auto(RawAnswer) answer = raw_receive(waiting[i], FALSE);
        assert_int_equal(answer.status, 200);
        close(waiting[i]);
    }
}

static void clients_that_leave_before_their_answer_cost_nothing(void **state)
{
    const Fixture *fixture = *state;
    fake_world_shut_gate(fixture->world);
    for (guint i = 0; i < 8; i++)
        close(post_waiting(fixture->path));
    fake_world_open_gate(fixture->world);
    assert_status(fixture->path, "POST", "/api/v1/plans", JSON, RESTORE, 200);
}

/* --- permissions ---------------------------------------------------------------------------- */

/* Runs `function` in a child that is user and group 65534; its result is the exit status. */
static int run_as_nobody(int (*function)(const char *), const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
            setresuid(65534, 65534, 65534) != 0)
            _exit(99);
        _exit(function(path));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int ask_as_stranger(const char *path)
{
    g_auto(RawAnswer) list = raw_request(path, "GET", "/api/v1/machines", NULL, NULL);
    g_auto(RawAnswer) job = raw_request(path, "POST", "/api/v1/jobs", JSON, RESTORE);
    g_auto(RawAnswer) health = raw_request(path, "GET", "/healthz", NULL, NULL);
    if (list.status != 403 || job.status != 403 || health.status != 200)
        return 1;
    return strstr(list.body->str, "\"hint\":") ? 0 : 2;
}

static void strangers_are_told_why_they_may_not(void **state)
{
    const Fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_as_nobody(ask_as_stranger, fixture->path), 0);
}

static int connect_too_often(const char *path)
{
    int connections[5];
    guint answered = 0;
    for (guint i = 0; i < G_N_ELEMENTS(connections); i++) {
        connections[i] = raw_connect(path);
        if (raw_try_send(connections[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 34)) {
            g_auto(RawAnswer) answer = raw_receive(connections[i], FALSE);
            answered += answer.status == 200 ? 1 : 0;
        }
    }
    return (int)answered;
}

static void one_user_cannot_take_all_connections(void **state)
{
    const Fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(run_as_nobody(connect_too_often, fixture->path), 4);
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
}

/* --- events --------------------------------------------------------------------------------- */

static int open_events(const char *path, const char *last_event_id)
{
    int fd = raw_connect(path);
    g_autofree char *request =
        g_strdup_printf("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n",
                        last_event_id ? "Last-Event-ID: " : "", last_event_id ? last_event_id : "",
                        last_event_id ? "\r\n" : "");
    raw_send_text(fd, request);
    return fd;
}

static void assert_stream_says(int fd, const char *text)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    if (!raw_receive_until(fd, seen, text))
        fail_msg("the stream ended without '%s': %s", text, seen->str);
}

static void publish(const Fixture *fixture, int number)
{
    event_stream_publish(fixture->world->api.events, "machine",
                         json_pack("{s:i}", "number", number), NULL);
}

static void events_arrive_as_they_happen(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_events(fixture->path, NULL);
    g_autoptr(GString) head = g_string_new(NULL);
    assert_true(raw_receive_until(fd, head, "event: hello"));
    assert_non_null(strstr(head->str, "Content-Type: text/event-stream\r\n"));
    for (int i = 0; i < 50; i++) {
        publish(fixture, i);
        g_autofree char *expected = g_strdup_printf("data: {\"number\":%d}\n\n", i);
        assert_stream_says(fd, expected);
    }
    event_stream_beat(fixture->world->api.events);
    assert_stream_says(fd, "event: heartbeat\ndata: {}\n\n");
    close(fd);
}

static void a_broken_stream_is_resumed(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_events(fixture->path, NULL);
    assert_stream_says(fd, "event: hello");
    publish(fixture, 1);
    g_autoptr(GString) seen = g_string_new(NULL);
    assert_true(raw_receive_until(fd, seen, "{\"number\":1}"));
    g_autofree char *last = g_strndup(strstr(seen->str, "id: ") + 4,
                                      strspn(strstr(seen->str, "id: ") + 4, "0123456789"));
    close(fd);
    publish(fixture, 2);
    fd = open_events(fixture->path, last);
    assert_stream_says(fd, "event: hello");
    assert_stream_says(fd, "{\"number\":2}");
    close(fd);
    fd = open_events(fixture->path, "1");
    assert_stream_says(fd, "event: reset");
    close(fd);
}

static void a_new_stream_goes_on_after_the_number_in_its_address(void **state)
{
    const Fixture *fixture = *state;
    int fd = open_events(fixture->path, NULL);
    assert_stream_says(fd, "event: hello");
    publish(fixture, 1);
    publish(fixture, 2);
    g_autoptr(GString) seen = g_string_new(NULL);
    assert_true(raw_receive_until(fd, seen, "{\"number\":2}"));
    guint64 first = g_ascii_strtoull(strstr(seen->str, "id: ") + 4, NULL, 10);
    close(fd);
    fd = raw_connect(fixture->path);
    g_autofree char *request = g_strdup_printf(
        "GET /api/v1/events?after=%" G_GUINT64_FORMAT " HTTP/1.1\r\nHost: x\r\n\r\n", first);
    raw_send_text(fd, request);
    assert_stream_says(fd, "event: hello");
    assert_stream_says(fd, "{\"number\":2}");
    close(fd);
}

static void streams_are_bounded_and_freed(void **state)
{
    const Fixture *fixture = *state;
    int streams[8];
    for (guint i = 0; i < G_N_ELEMENTS(streams); i++) {
        streams[i] = open_events(fixture->path, NULL);
        assert_stream_says(streams[i], "event: hello");
    }
    assert_status(fixture->path, "GET", "/api/v1/events", NULL, NULL, 503);
    close(streams[0]);
    /* The refusal makes the server write to all, and so find out who has gone. */
    for (unsigned status = 503; status != 200;) {
        streams[0] = open_events(fixture->path, NULL);
        g_autoptr(GString) seen = g_string_new(NULL);
        assert_true(raw_receive_until(streams[0], seen, "\r\n\r\n"));
        status = (unsigned)g_ascii_strtoull(seen->str + strlen("HTTP/1.1 "), NULL, 10);
        if (status != 200)
            close(streams[0]);
    }
    assert_stream_says(streams[0], "event: hello");
    for (guint i = 0; i < G_N_ELEMENTS(streams); i++)
        close(streams[i]);
}

static void a_reader_that_does_not_read_blocks_nobody(void **state)
{
    const Fixture *fixture = *state;
    int stuck = open_events(fixture->path, NULL), reading = open_events(fixture->path, NULL);
    assert_stream_says(reading, "event: hello");
    g_autofree char *padding = g_strnfill(4096, 'x');
    for (int i = 0; i < 4000; i++) { /* 16 MiB: more than ring and socket hold */
        event_stream_publish(fixture->world->api.events, "machine",
                             json_pack("{s:i, s:s}", "number", i, "padding", padding), NULL);
        if (i % 500 == 499) {
            g_autofree char *expected = g_strdup_printf("{\"number\":%d,", i);
            assert_stream_says(reading, expected);
        }
    }
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
    /* What it finds when it reads at last is the end. */
    g_autoptr(GString) rest = g_string_new(NULL);
    char buffer[65536];
    ssize_t length;
    while ((length = recv(stuck, buffer, sizeof buffer, 0)) > 0) {
        g_string_append_len(rest, buffer, length);
        if (g_str_has_suffix(rest->str, "0\r\n\r\n"))
            break;
    }
    assert_null(strstr(rest->str, "\"number\":3999,"));
    close(stuck);
    close(reading);
}

typedef struct {
    const Fixture *fixture;
    int first;
} Publisher;

static void *run_publisher(void *data)
{
    const Publisher *publisher = data;
    for (int i = 0; i < 500; i++)
        publish(publisher->fixture, publisher->first + i);
    return NULL;
}

/* Streams that were closed count until the server finds out: one that is refused makes it look. */
static void *run_listener(void *data)
{
    const Fixture *fixture = data;
    for (guint heard = 0; heard < 20;) {
        int fd = open_events(fixture->path, heard % 2 ? "1" : NULL);
        g_autoptr(GString) seen = g_string_new(NULL);
        assert_true(raw_receive_until(fd, seen, "\r\n\r\n"));
        if (g_str_has_prefix(seen->str, "HTTP/1.1 200 ")) {
            assert_stream_says(fd, "data: ");
            heard++;
        }
        close(fd);
    }
    return NULL;
}

static void publishers_and_listeners_come_and_go(void **state)
{
    Fixture *fixture = *state;
    Publisher publishers[4];
    pthread_t threads[8];
    int steady = open_events(fixture->path, NULL);
    assert_stream_says(steady, "event: hello");
    for (int i = 0; i < 4; i++) {
        publishers[i] = (Publisher){.fixture = fixture, .first = i * 1000};
        pthread_create(&threads[i], NULL, run_publisher, &publishers[i]);
    }
    for (int i = 4; i < 6; i++)
        pthread_create(&threads[i], NULL, run_listener, fixture);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    publish(fixture, 424242);
    assert_stream_says(steady, "{\"number\":424242}");
    close(steady);
}

/* --- start and stop ------------------------------------------------------------------------- */

static void *run_stop(void *data)
{
    Fixture *fixture = data;
    http_server_free(g_steal_pointer(&fixture->server));
    return NULL;
}

static void a_stop_answers_what_runs_and_ends_the_streams(void **state)
{
    Fixture *fixture = *state;
    int idle = raw_connect(fixture->path), stream = open_events(fixture->path, NULL);
    assert_stream_says(stream, "event: hello");
    fake_world_shut_gate(fixture->world);
    int waiting = post_waiting(fixture->path);
    fake_world_await(fixture->world, 1);
    http_server_quiesce(fixture->server);
    assert_int_equal(access(fixture->path, F_OK), -1);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, run_stop, fixture), 0);
    fake_world_open_gate(fixture->world);
    g_auto(RawAnswer) answer = raw_receive(waiting, FALSE);
    assert_int_equal(answer.status, 200);
    g_autoptr(GString) rest = g_string_new(NULL);
    assert_true(raw_receive_until(stream, rest, "0\r\n\r\n"));
    pthread_join(stopper, NULL);
    char byte;
    assert_true(recv(idle, &byte, 1, 0) <= 0);
    close(idle);
    close(stream);
    close(waiting);
}

static void a_request_after_the_quiesce_is_told_so(void **state)
{
    Fixture *fixture = *state;
    int fd = raw_connect(fixture->path);
    raw_send_text(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    g_auto(RawAnswer) before = raw_receive(fd, FALSE);
    assert_int_equal(before.status, 200);
    http_server_quiesce(fixture->server);
    raw_send_text(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    g_auto(RawAnswer) after = raw_receive(fd, FALSE);
    assert_int_equal(after.status, 503);
    assert_header(&after, "Connection", "close");
    close(fd);
}

static void a_stop_does_not_wait_for_clients_that_send_nothing(void **state)
{
    Fixture *fixture = *state;
    int idle[5];
    for (guint i = 0; i < G_N_ELEMENTS(idle); i++)
        idle[i] = raw_connect(fixture->path);
    raw_send_text(idle[0], "GET /heal");
    http_server_free(g_steal_pointer(&fixture->server));
    for (guint i = 0; i < G_N_ELEMENTS(idle); i++)
        close(idle[i]);
}

static void a_second_server_is_refused_and_the_first_goes_on(void **state)
{
    const Fixture *fixture = *state;
    FakeWorld *other = fake_world_new(1);
    Fixture second = {.path = fixture->path, .world = other};
    g_autoptr(GError) error = NULL;
    assert_null(start(&second, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    fake_world_free(other);
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
}

static void a_stale_socket_is_replaced(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *saved = g_strconcat(fixture->path, ".old", NULL);
    assert_int_equal(link(fixture->path, saved), 0);
    http_server_free(g_steal_pointer(&fixture->server));
    fake_world_free(fixture->world);
    fixture->world = fake_world_new(1);
    assert_int_equal(rename(saved, fixture->path), 0);
    fixture->server = start(fixture, NULL);
    assert_non_null(fixture->server);
    assert_status(fixture->path, "GET", "/healthz", NULL, NULL, 200);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *name = g_strnfill(200, 'x');
    FakeWorld *other = fake_world_new(1);
    Fixture second = {.path = g_build_filename(fixture->directory, name, NULL), .world = other};
    g_autoptr(GError) error = NULL;
    assert_null(start(&second, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    g_free(second.path);
    fake_world_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_answered),
        TEST(head_is_get_without_a_body),
        TEST(an_encoded_slash_reaches_the_handler),
        TEST(wrong_methods_are_told_the_right_ones),
        TEST(bodies_must_be_json),
        TEST(where_no_body_belongs_none_is_taken),
        TEST(a_job_has_its_address_in_the_location),
        TEST(bodies_are_taken_up_to_one_mebibyte),
        TEST(an_enormous_body_is_refused_before_it_comes),
        TEST(a_client_that_asks_first_is_told_before_it_sends),
        TEST(chunks_are_joined_and_bounded),
        TEST(endless_chunks_are_cut_off),
        TEST(garbage_ends_one_connection_only),
        TEST(headers_that_never_end_are_refused),
        TEST(a_slow_sender_is_served_and_holds_nobody_up),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(two_hundred_clients_are_all_answered),
        TEST(lists_are_read_while_every_waiting_worker_waits),
        TEST(clients_that_leave_before_their_answer_cost_nothing),
        TEST(strangers_are_told_why_they_may_not),
        TEST(one_user_cannot_take_all_connections),
        TEST(events_arrive_as_they_happen),
        TEST(a_broken_stream_is_resumed),
        TEST(a_new_stream_goes_on_after_the_number_in_its_address),
        TEST(streams_are_bounded_and_freed),
        TEST(a_reader_that_does_not_read_blocks_nobody),
        TEST(publishers_and_listeners_come_and_go),
        TEST(a_stop_answers_what_runs_and_ends_the_streams),
        TEST(a_request_after_the_quiesce_is_told_so),
        TEST(a_stop_does_not_wait_for_clients_that_send_nothing),
        TEST(a_second_server_is_refused_and_the_first_goes_on),
        TEST(a_stale_socket_is_replaced),
        TEST(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
