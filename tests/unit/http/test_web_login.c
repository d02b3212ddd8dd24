/* A login over real TLS: what a browser sends and gets, to the end of the session. */
#include "cmocka_prelude.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "http/event_bridge.h"
#include "http/routes.h"
#include "http/web_server.h"
#include "raw_client.h"
#include "secure_client.h"
#include "web_client.h"

#define LAB_1 "c000000000000001"
#define LAB_2 "c000000000000002"

typedef struct {
    char *directory;
    FakeWorld *world;
    WebServer *web;
    char *cookie; /* "Cookie: …\r\n" */
    char *csrf;
} Fixture;

static int set_up(void **state)
{
    gsize count;
    const Route *routes = routes_all(&count);
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-login-XXXXXX", NULL);
    fixture->world = fake_world_new(3);
    /* Streams end by the host's clock, so sessions must begin by it. */
    clock_advance(fixture->world->clock,
                  g_get_real_time() / G_USEC_PER_SEC - clock_now(fixture->world->clock));
    assert_true(event_bridge_connect(&fixture->world->api, NULL));
    web_add_account(fixture->world, "adam", "administrator", NULL);
    web_add_account(fixture->world, "anna", "user", "lab-1");
    const WebServerConfig config = {.listen = "127.0.0.1:0",
                                    .tls = TRUE,
                                    .certificate = "",
                                    .key = "",
                                    .directory = fixture->directory,
                                    .connection_limit = 64,
                                    .address_limit = 32};
    fixture->web = web_server_new(&config, NULL);
    *state = fixture;
    return web_server_start(fixture->web, &fixture->world->api, routes, count, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"certificate.pem", "key.pem"};
    Fixture *fixture = *state;
    web_server_free(fixture->web);
    secure_join();
    fake_world_free(fixture->world);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename(fixture->directory, files[i], NULL);
        g_remove(path);
    }
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->cookie);
    g_free(fixture->csrf);
    g_free(fixture);
    return 0;
}

/* One request on a connection of its own; `headers` are whole lines. */
static RawAnswer ask(const Fixture *fixture, const char *method, const char *target,
                     const char *headers, const char *body)
{
    int fd = secure_connect(web_server_port(fixture->web), 1, NULL);
    g_autofree char *text = g_strdup_printf(
        "%s %s HTTP/1.1\r\nHost: underpin.example\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n%s\r\n%s",
        method, target, strlen(body), headers, body);
    raw_send_text(fd, text);
    RawAnswer answer = raw_receive(fd, FALSE);
    close(fd);
    return answer;
}

static void log_in(Fixture *fixture, const char *name)
{
    g_autofree char *body =
        g_strdup_printf("{\"name\":\"%s\",\"password\":\"correct horse\"}", name);
    g_auto(RawAnswer) answer = ask(fixture, "POST", "/api/v1/session", "", body);
    assert_int_equal(answer.status, 200);
    g_autofree char *set = raw_header(&answer, "Set-Cookie");
    assert_true(g_str_has_prefix(set, "__Host-underpin="));
    json_t *json = json_loads(answer.body->str, 0, NULL);
    fixture->cookie = g_strdup_printf("Cookie: other=1; %.*s\r\n", (int)strcspn(set, ";"), set);
    fixture->csrf =
        g_strdup_printf("X-CSRF-Token: %s\r\n", json_string_value(json_object_get(json, "csrf")));
    json_decref(json);
}

static void a_login_lets_in_and_a_logout_lets_out(void **state)
{
    Fixture *fixture = *state;
    g_auto(RawAnswer) before = ask(fixture, "GET", "/api/v1/machines", "", "");
    assert_int_equal(before.status, 401);
    log_in(fixture, "anna");
    g_auto(RawAnswer) list = ask(fixture, "GET", "/api/v1/machines", fixture->cookie, "");
    assert_int_equal(list.status, 200);
    assert_non_null(strstr(list.body->str, "\"lab-1\""));
    assert_null(strstr(list.body->str, "\"lab-2\""));
    g_auto(RawAnswer) forged = ask(fixture, "DELETE", "/api/v1/session", fixture->cookie, "");
    assert_int_equal(forged.status, 403);
    g_autofree char *proved = g_strconcat(fixture->cookie, fixture->csrf, NULL);
    g_auto(RawAnswer) out = ask(fixture, "DELETE", "/api/v1/session", proved, "");
    assert_int_equal(out.status, 204);
    g_auto(RawAnswer) after = ask(fixture, "GET", "/api/v1/machines", fixture->cookie, "");
    assert_int_equal(after.status, 401);
}

static void a_page_of_another_origin_is_refused(void **state)
{
    Fixture *fixture = *state;
    log_in(fixture, "adam");
    g_autofree char *own =
        g_strconcat(fixture->cookie, fixture->csrf, "Origin: https://underpin.example\r\n", NULL);
    g_autofree char *other =
        g_strconcat(fixture->cookie, fixture->csrf, "Origin: https://evil.example\r\n", NULL);
    g_auto(RawAnswer) refused = ask(fixture, "POST", "/api/v1/tokens", other, "{\"name\":\"x\"}");
    g_auto(RawAnswer) taken = ask(fixture, "POST", "/api/v1/tokens", own, "{\"name\":\"x\"}");
    assert_int_equal(refused.status, 403);
    assert_int_equal(taken.status, 201);
}

static void a_users_stream_is_his_and_ends_with_the_session(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) seen = g_string_new(NULL);
    log_in(fixture, "anna");
    int fd = secure_connect(web_server_port(fixture->web), 1, NULL);
    g_autofree char *text = g_strdup_printf(
        "GET /api/v1/events HTTP/1.1\r\nHost: underpin.example\r\n%s\r\n", fixture->cookie);
    raw_send_text(fd, text);
    assert_true(raw_receive_until(fd, seen, "event: hello"));
    fake_world_emit_engine(fixture->world, ENGINE_MACHINE_CHANGED, LAB_2);
    fake_world_emit_engine(fixture->world, ENGINE_MACHINE_CHANGED, LAB_1);
    assert_true(raw_receive_until(fd, seen, "\"lab-1\""));
    assert_null(strstr(seen->str, "\"lab-2\""));
    g_autofree char *proved = g_strconcat(fixture->cookie, fixture->csrf, NULL);
    g_auto(RawAnswer) out = ask(fixture, "DELETE", "/api/v1/session", proved, "");
    assert_int_equal(out.status, 204);
    assert_true(raw_receive_until(fd, seen, "\r\n0\r\n\r\n"));
    close(fd);
}

static void a_bearer_token_needs_no_cookie(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *secret = NULL;
    g_autoptr(Token) token =
        access_add_token(fixture->world->api.access, "anna", "x", 0, &secret, NULL);
    assert_non_null(token);
    g_autofree char *header = g_strdup_printf("authorization: bearer %s\r\n", secret);
    g_auto(RawAnswer) list = ask(fixture, "GET", "/api/v1/machines", header, "");
    assert_int_equal(list.status, 200);
    g_auto(RawAnswer) plan = ask(fixture, "POST", "/api/v1/plans", header,
                                 "{\"verb\":\"start\",\"machines\":[\"lab-1\"]}");
    assert_int_equal(plan.status, 200);
}

static void guessing_is_told_when_to_come_again(void **state)
{
    Fixture *fixture = *state;
    for (guint i = 0; i < 20; i++) {
        g_auto(RawAnswer) answer = ask(fixture, "POST", "/api/v1/session", "",
                                       "{\"name\":\"anna\",\"password\":\"wrong\"}");
        g_autofree char *retry = raw_header(&answer, "Retry-After");
        if (answer.status == 401)
            continue;
        assert_int_equal(answer.status, 429);
        assert_non_null(retry);
        return;
    }
    fail_msg("twenty wrong passwords were tried at once");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_login_lets_in_and_a_logout_lets_out),
        CASE(a_page_of_another_origin_is_refused),
        CASE(a_users_stream_is_his_and_ends_with_the_session),
        CASE(a_bearer_token_needs_no_cookie),
        CASE(guessing_is_told_when_to_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
