/* Consoles through the whole web server, TLS and all: who gets in, what goes through, how it ends.
 */
#include "cmocka_prelude.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_screens.h"
#include "fake_world.h"
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/routes.h"
#include "http/web_server.h"
#include "raw_client.h"
#include "secure_client.h"
#include "ws_client.h"

typedef struct {
    char *directory;
    FakeWorld *world;
    WebServer *web;
    gint may_stay; /* atomic */
} Fixture;

static gboolean may_stay(const ConsoleGrant *grant, gpointer user_data)
{
    Fixture *fixture = user_data;
    assert_string_equal(grant->machine_id, "c000000000000001");
    return g_atomic_int_get(&fixture->may_stay);
}

static void use_consoles(Fixture *fixture, guint limit, guint ticket_seconds)
{
    ConsolesConfig config;
    consoles_config_init(&config);
    config.limit = limit;
    config.ticket_seconds = ticket_seconds;
    config.recheck_seconds = 0;
    config.may_stay = may_stay;
    config.user_data = fixture;
    consoles_free(fixture->world->api.consoles);
    fixture->world->api.consoles = consoles_new(&config, NULL);
    assert_non_null(fixture->world->api.consoles);
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    gsize count;
    const Route *routes = routes_all(&count);
    fixture->directory = g_dir_make_tmp("underpin-console-XXXXXX", NULL);
    fixture->world = fake_world_new(5);
    fixture->may_stay = TRUE;
    use_consoles(fixture, 3, 60);
    const WebServerConfig config = {.listen = "127.0.0.1:0",
                                    .tls = TRUE,
                                    .certificate = "",
                                    .key = "",
                                    .directory = fixture->directory,
                                    .connection_limit = 64,
                                    .address_limit = 32};
    fixture->web = web_server_new(&config, NULL);
    assert_true(web_server_start(fixture->web, &fixture->world->api, routes, count, NULL));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    web_server_free(fixture->web);
    secure_join();
    fake_world_free(fixture->world);
    static const char *const names[] = {"certificate.pem", "key.pem"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(fixture->directory, names[i], NULL);
        g_remove(path);
    }
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

/* The address of a console of `machine`, as the handler gives it. Caller frees. */
static char *ask_ticket(const Fixture *fixture, const char *machine, GError **error)
{
    g_autoptr(HttpRequest) request = http_request_new("POST", "/");
    request->parameters[0] = g_strdup(machine);
    request->peer = (Peer){.is_unix = TRUE, .is_known = TRUE};
    identity_unref(request->identity);
    request->identity = identity_new_peer("root");
    g_autoptr(HttpResponse) response = handle_console_open(&fixture->world->api, request, error);
    if (!response)
        return NULL;
    gsize length;
    const char *text = g_bytes_get_data(response->body, &length);
    json_t *json = json_loadb(text, length, 0, NULL);
    char *path = g_strdup(json_string_value(json_object_get(json, "path")));
    json_decref(json);
    return path;
}

static int dial(const Fixture *fixture)
{
    int fd = secure_connect(web_server_port(fixture->web), 1, NULL);
    assert_true(fd >= 0);
    return fd;
}

static unsigned ask(int fd, const char *path, const char *extra)
{
    g_autofree char *request = ws_request(path, extra);
    raw_send_text(fd, request);
    g_auto(RawAnswer) answer = raw_receive(fd, TRUE);
    return answer.status;
}

/* A console that is open: the client's end, and the guest's in *screen_out. */
static int open_console(const Fixture *fixture, int *screen_out)
{
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    int fd = dial(fixture);
    assert_int_equal(ask(fd, path, ""), 101);
    *screen_out = fake_screen_take();
    return fd;
}

/* --- getting in ---------------------------------------------------------------------------------
 */

static void the_handshake_is_as_the_specification_has_it(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    g_autofree char *request = ws_request(path, "Origin: https://x\r\n");
    int fd = dial(fixture);
    raw_send_text(fd, request);
    g_auto(RawAnswer) answer = raw_receive(fd, TRUE);
    assert_int_equal(answer.status, 101);
    static const struct {
        const char *name, *value;
    } headers[] = {{"Upgrade", "websocket"},
                   {"Connection", "Upgrade"},
                   {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
                   {"Sec-WebSocket-Protocol", "binary"}};
    for (guint i = 0; i < G_N_ELEMENTS(headers); i++) {
        g_autofree char *value = raw_header(&answer, headers[i].name);
        assert_string_equal(value, headers[i].value);
    }
    close(fake_screen_take());
    close(fd);
}

static void a_ticket_lets_one_in_once(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    int first = dial(fixture), second = dial(fixture);
    assert_int_equal(ask(first, path, ""), 101);
    assert_int_equal(ask(second, path, ""), 404);
    close(fake_screen_take());
    close(first);
    close(second);
}

static void a_ticket_ends(void **state)
{
    Fixture *fixture = *state;
    use_consoles(fixture, 3, 0);
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    int fd = dial(fixture);
    assert_int_equal(ask(fd, path, ""), 404);
    close(fd);
}

static void only_a_websocket_of_the_page_gets_in(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    int fd = dial(fixture);
    g_auto(RawAnswer) plain = raw_get(fd, path, "");
    assert_int_equal(plain.status, 400);
    close(fd);
    fd = dial(fixture);
    assert_int_equal(ask(fd, path, "Origin: https://evil.example\r\n"), 401);
    close(fd);
    fd = dial(fixture);
    assert_int_equal(ask(fd, "/console/guessed", ""), 404);
    close(fd);
    fd = dial(fixture);
    assert_int_equal(ask(fd, path, ""), 101);
    close(fake_screen_take());
    close(fd);
}

static void what_has_no_screen_is_said_before_the_websocket(void **state)
{
    const Fixture *fixture = *state;
    static const struct {
        const char *machine;
        int code;
    } cases[] = {{"lab-2", UNDERPIN_ERROR_REFUSED},
                 {"lab-3", UNDERPIN_ERROR_REFUSED},
                 {"nobody", UNDERPIN_ERROR_NOT_FOUND}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(ask_ticket(fixture, cases[i].machine, &error));
        assert_int_equal(error_code(error), cases[i].code);
        assert_non_null(error_hint(error));
    }
}

static void there_are_so_many_at_the_same_time(void **state)
{
    const Fixture *fixture = *state;
    int clients[3], screens[3];
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        clients[i] = open_console(fixture, &screens[i]);
    g_autofree char *path = ask_ticket(fixture, "lab-1", NULL);
    int fd = dial(fixture);
    assert_int_equal(ask(fd, path, ""), 503);
    close(fake_screen_take());
    close(fd);
    close(screens[0]);
    assert_int_equal(ws_receive_close(clients[0]), 1000);
    close(clients[0]);
    while (consoles_count(fixture->world->api.consoles) > 2)
        g_thread_yield();
    clients[0] = open_console(fixture, &screens[0]);
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++) {
        close(clients[i]);
        close(screens[i]);
    }
}

/* A grant as a browser with the login of `key` would get it. */
static ConsoleGrant *grant_by_cookie(const char *machine_id, const char *key)
{
    g_autoptr(HttpRequest) request = http_request_new("POST", "/");
    g_autofree char *cookie = g_strconcat("underpin=", key, NULL);
    g_strlcpy(request->peer.address, "192.0.2.1", sizeof request->peer.address);
    http_request_add_header(request, "Cookie", cookie);
    http_request_add_header(request, "X-Other", "is not kept");
    return console_grant_new(machine_id, "uuid", request);
}

static void a_user_may_stay_while_logged_in_and_the_machine_is_his(void **state)
{
    const Fixture *fixture = *state;
    Api *api = &fixture->world->api;
    guint retry = 0;
    g_autofree char *unused = NULL;
    g_autoptr(GPtrArray) machines = g_ptr_array_new();
    g_ptr_array_add(machines, (gpointer) "c000000000000001");
    g_autoptr(Account) account = access_add_account(
        api->access, "anna", ACCOUNT_USER, "correct horse battery", machines, &unused, NULL);
    assert_non_null(account);
    g_autoptr(Login) login =
        access_log_in(api->access, "anna", "correct horse battery", "192.0.2.1", &retry, NULL);
    assert_non_null(login);
    g_autoptr(ConsoleGrant) own = grant_by_cookie("c000000000000001", login->key);
    g_autoptr(ConsoleGrant) other = grant_by_cookie("c000000000000004", login->key);
    g_autoptr(ConsoleGrant) nobody = grant_by_cookie("c000000000000001", "guessed");
    assert_true(console_may_stay(own, api));
    assert_false(console_may_stay(other, api));
    assert_false(console_may_stay(nobody, api));
    assert_null(http_request_header(own->request, "X-Other"));
    assert_true(access_log_out(api->access, login->identity->session_id, NULL));
    assert_false(console_may_stay(own, api));
}

/* --- going through ------------------------------------------------------------------------------
 */

#define BULK_BYTES ((gsize)3 * 1024 * 1024)

static guint8 pattern(gsize position)
{
    return (guint8)(position * 7 + (position >> 11));
}

static void *send_bulk(void *data)
{
    int fd = GPOINTER_TO_INT(data);
    g_autofree char *bytes = g_malloc(BULK_BYTES);
    for (gsize i = 0; i < BULK_BYTES; i++)
        bytes[i] = (char)pattern(i);
    assert_true(raw_try_send(fd, bytes, BULK_BYTES));
    return NULL;
}

static void what_the_guest_draws_arrives_unchanged(void **state)
{
    const Fixture *fixture = *state;
    int screen, fd = open_console(fixture, &screen);
    pthread_t sender;
    assert_int_equal(pthread_create(&sender, NULL, send_bulk, GINT_TO_POINTER(screen)), 0);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    for (gsize position = 0; position < BULK_BYTES;) {
        assert_int_equal(ws_receive(fd, payload), WS_BINARY);
        for (guint i = 0; i < payload->len; i++)
            assert_int_equal(payload->data[i], pattern(position++));
    }
    pthread_join(sender, NULL);
    close(fd);
    close(screen);
}

static void what_the_user_types_arrives_unchanged(void **state)
{
    const Fixture *fixture = *state;
    static const gsize lengths[] = {1, 125, 126, 65535, 65536, 300000};
    int screen, fd = open_console(fixture, &screen);
    for (guint k = 0; k < G_N_ELEMENTS(lengths); k++) {
        g_autofree guint8 *bytes = g_malloc(lengths[k]), *seen = g_malloc(lengths[k]);
        for (gsize i = 0; i < lengths[k]; i++)
            bytes[i] = pattern(i);
        assert_true(ws_send(fd, WS_BINARY, bytes, lengths[k]));
        assert_int_equal(recv(screen, seen, lengths[k], MSG_WAITALL), lengths[k]);
        assert_memory_equal(seen, bytes, lengths[k]);
    }
    close(fd);
    close(screen);
}

static void a_ping_is_answered(void **state)
{
    const Fixture *fixture = *state;
    int screen, fd = open_console(fixture, &screen);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    assert_true(ws_send(fd, WS_PING, "hello", 5));
    assert_int_equal(ws_receive(fd, payload), WS_PONG);
    assert_memory_equal(payload->data, "hello", 5);
    close(fd);
    close(screen);
}

/* --- ends ---------------------------------------------------------------------------------------
 */

static void it_ends_with_the_machine(void **state)
{
    const Fixture *fixture = *state;
    int screen, fd = open_console(fixture, &screen);
    assert_true(raw_try_send(screen, "last", 4));
    close(screen);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    assert_int_equal(ws_receive(fd, payload), WS_BINARY);
    assert_memory_equal(payload->data, "last", 4);
    assert_int_equal(ws_receive_close(fd), 1000);
    close(fd);
}

static void it_ends_with_the_client(void **state)
{
    const Fixture *fixture = *state;
    char byte;
    int screen, fd = open_console(fixture, &screen);
    assert_true(ws_send(fd, WS_CLOSE, "\x03\xe8", 2));
    assert_int_equal(ws_receive_close(fd), 1000);
    assert_int_equal(recv(screen, &byte, 1, 0), 0);
    close(fd);
    close(screen);
    fd = open_console(fixture, &screen);
    close(fd);
    assert_int_equal(recv(screen, &byte, 1, 0), 0);
    close(screen);
}

static void it_ends_with_the_login(void **state)
{
    Fixture *fixture = *state;
    int screen, fd = open_console(fixture, &screen);
    g_atomic_int_set(&fixture->may_stay, FALSE);
    assert_int_equal(ws_receive_close(fd), 1008);
    close(fd);
    close(screen);
}

static void it_ends_with_the_daemon(void **state)
{
    Fixture *fixture = *state;
    int screen, fd = open_console(fixture, &screen);
    web_server_free(g_steal_pointer(&fixture->web));
    assert_int_equal(ws_receive_close(fd), 1001);
    close(fd);
    close(screen);
}

/* --- hostile clients ----------------------------------------------------------------------------
 */

static void what_is_wrong_ends_it(void **state)
{
    const Fixture *fixture = *state;
    char byte;
    int screen, fd = open_console(fixture, &screen);
    assert_true(ws_send(fd, WS_TEXT, "text", 4));
    assert_int_equal(ws_receive_close(fd), 1003);
    close(fd);
    close(screen);
    fd = open_console(fixture, &screen);
    assert_true(ws_send_unmasked(fd, WS_BINARY, "x", 1));
    ws_receive_close(fd);
    close(fd);
    assert_int_equal(recv(screen, &byte, 1, 0), 0);
    close(screen);
    g_autofree char *huge = g_malloc0((gsize)2 * 1024 * 1024);
    fd = open_console(fixture, &screen);
    ws_send(fd, WS_BINARY, huge, (gsize)2 * 1024 * 1024);
    close(fd);
    assert_int_equal(recv(screen, &byte, 1, 0), 0);
    close(screen);
}

static void assert_carries(int fd, int screen)
{
    char byte = 0;
    assert_true(ws_send(fd, WS_BINARY, "k", 1));
    assert_int_equal(recv(screen, &byte, 1, 0), 1);
    assert_int_equal(byte, 'k');
}

static void who_does_not_read_stops_his_own_guest_only(void **state)
{
    const Fixture *fixture = *state;
    int screen, other_screen;
    int fd = open_console(fixture, &screen), other = open_console(fixture, &other_screen);
    g_autofree char *block = g_malloc0(65536);
    gsize taken = 0;
    fcntl(screen, F_SETFL, O_NONBLOCK);
    /* Until nothing has gone through while the other console did its work many times. */
    for (guint idle = 0; idle < 100; idle++) {
        for (ssize_t sent; (sent = send(screen, block, 65536, MSG_NOSIGNAL)) > 0; idle = 0) {
            taken += (gsize)sent;
            assert_true(taken < (gsize)64 * 1024 * 1024);
        }
        assert_carries(other, other_screen);
    }
    close(fd);
    close(screen);
    close(other);
    close(other_screen);
}

static void pings_without_end_stop_nobody_else(void **state)
{
    const Fixture *fixture = *state;
    int screen, other_screen;
    int fd = open_console(fixture, &screen), other = open_console(fixture, &other_screen);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    g_autofree char *text = g_strnfill(100, 'p');
    for (guint i = 0; i < 200000 && ws_send(fd, WS_PING, text, 100); i++)
        continue;
    for (guint i = 0; i < 100; i++)
        assert_carries(other, other_screen);
    close(fd);
    close(screen);
    close(other);
    close(other_screen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_handshake_is_as_the_specification_has_it),
        TEST(a_ticket_lets_one_in_once),
        TEST(a_ticket_ends),
        TEST(only_a_websocket_of_the_page_gets_in),
        TEST(what_has_no_screen_is_said_before_the_websocket),
        TEST(there_are_so_many_at_the_same_time),
        TEST(a_user_may_stay_while_logged_in_and_the_machine_is_his),
        TEST(what_the_guest_draws_arrives_unchanged),
        TEST(what_the_user_types_arrives_unchanged),
        TEST(a_ping_is_answered),
        TEST(it_ends_with_the_machine),
        TEST(it_ends_with_the_client),
        TEST(it_ends_with_the_login),
        TEST(it_ends_with_the_daemon),
        TEST(what_is_wrong_ends_it),
        TEST(who_does_not_read_stops_his_own_guest_only),
        TEST(pings_without_end_stop_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
