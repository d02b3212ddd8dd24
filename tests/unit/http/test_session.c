/* Logging in by the web: cookies, forgery, ends of sessions, set-up tokens. */
#include "cmocka_prelude.h"

#include <string.h>

#include "web_client.h"

#define SESSION  "/api/v1/session"
#define PASSWORD "/api/v1/session/password"
#define MACHINES "/api/v1/machines"
#define ACCOUNTS "/api/v1/accounts"
#define CORRECT  "{\"name\":\"anna\",\"password\":\"correct horse\"}"
#define WRONG    "{\"name\":\"anna\",\"password\":\"wrong horse\"}"

static int make_world(void **state)
{
    FakeWorld *world = fake_world_new(3);
    *state = world;
    web_add_account(world, "root2", "administrator", NULL);
    web_add_account(world, "anna", "user", "lab-1");
    return 0;
}

static int drop_world(void **state)
{
    fake_world_free(*state);
    return 0;
}

/* --- the session ------------------------------------------------------------------------------ */

static void who_is_nobody_may_only_log_in(void **state)
{
    g_autoptr(WebClient) client = web_client_new(*state);
    web_expect(client, "GET", MACHINES, NULL, 401);
    g_auto(WebAnswer) answer = web_ask(client, "GET", SESSION, NULL);
    assert_int_equal(answer.status, 200);
    assert_true(json_is_null(json_object_get(answer.json, "account")));
    assert_true(json_is_null(json_object_get(answer.json, "csrf")));
    assert_true(json_is_false(json_object_get(answer.json, "setup_needed")));
}

static void a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get(void **state)
{
    g_autoptr(WebClient) client = web_client_new(*state);
    g_auto(WebAnswer) answer = web_ask(client, "POST", SESSION, CORRECT);
    assert_int_equal(answer.status, 200);
    assert_true(g_str_has_prefix(answer.set_cookie, "__Host-underpin="));
    static const char *const parts[] = {"; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        assert_non_null(strstr(answer.set_cookie, parts[i]));
    assert_null(strstr(answer.set_cookie, "Domain"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(answer.json, "account"), "name")),
        "anna");
    web_expect(client, "GET", MACHINES, NULL, 200);
}

static void without_tls_the_cookie_has_another_name_and_is_not_taken_by_tls(void **state)
{
    g_autoptr(WebClient) client = web_client_new(*state);
    client->peer.is_secure = FALSE;
    g_auto(WebAnswer) answer = web_ask(client, "POST", SESSION, CORRECT);
    assert_true(g_str_has_prefix(answer.set_cookie, "underpin="));
    assert_null(strstr(answer.set_cookie, "Secure"));
    web_expect(client, "GET", MACHINES, NULL, 200);
    client->peer.is_secure = TRUE;
    web_expect(client, "GET", MACHINES, NULL, 401);
}

static void the_reason_of_a_failed_login_is_not_told(void **state)
{
    g_autoptr(WebClient) client = web_client_new(*state);
    g_auto(WebAnswer) wrong = web_ask(client, "POST", SESSION, WRONG);
    g_auto(WebAnswer) unknown =
        web_ask(client, "POST", SESSION, "{\"name\":\"berta\",\"password\":\"correct horse\"}");
    assert_int_equal(wrong.status, 401);
    assert_true(json_equal(wrong.json, unknown.json));
    assert_string_equal(web_text(&wrong, "code"), "denied");
    assert_null(wrong.set_cookie);
}

static void a_logout_ends_the_session_on_the_server(void **state)
{
    g_autoptr(WebClient) client = web_client_logged_in(*state, "anna");
    g_autofree char *kept = g_strdup(client->cookie);
    web_expect(client, "DELETE", SESSION, NULL, 204);
    assert_string_equal(client->cookie, "__Host-underpin=");
    g_free(client->cookie);
    client->cookie = g_steal_pointer(&kept);
    web_expect(client, "GET", MACHINES, NULL, 401);
}

static void a_new_login_ends_the_session_that_the_browser_had(void **state)
{
    g_autoptr(WebClient) client = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) thief = web_client_new(*state);
    thief->cookie = g_strdup(client->cookie);
    web_expect(client, "POST", SESSION, CORRECT, 200);
    web_expect(client, "GET", MACHINES, NULL, 200);
    web_expect(thief, "GET", MACHINES, NULL, 401);
}

static void a_session_ends_when_nobody_uses_it(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) client = web_client_logged_in(world, "anna");
    clock_advance(world->clock, ACCESS_SESSION_IDLE_SECONDS - 1);
    web_expect(client, "GET", MACHINES, NULL, 200);
    clock_advance(world->clock, ACCESS_SESSION_IDLE_SECONDS - 1);
    web_expect(client, "GET", MACHINES, NULL, 200);
    clock_advance(world->clock, ACCESS_SESSION_IDLE_SECONDS);
    web_expect(client, "GET", MACHINES, NULL, 401);
}

static void a_session_ends_after_a_week_however_it_is_used(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) client = web_client_logged_in(world, "anna");
    for (guint hours = 11; hours < 7 * 24; hours += 11) {
        clock_advance(world->clock, 11 * 3600);
        web_expect(client, "GET", MACHINES, NULL, 200);
    }
    clock_advance(world->clock, 11 * 3600);
    web_expect(client, "GET", MACHINES, NULL, 401);
}

static void a_cookie_that_makes_no_sense_is_nobodys(void **state)
{
    static const char *const cookies[] = {"",
                                          ";",
                                          "=",
                                          "__Host-underpin",
                                          "__Host-underpin=",
                                          "__Host-underpin=x",
                                          "x__Host-underpin=1; y",
                                          "__Host-underpin=' OR 1=1; --"};
    for (guint i = 0; i < G_N_ELEMENTS(cookies); i++) {
        g_autoptr(WebClient) client = web_client_new(*state);
        client->cookie = g_strdup(cookies[i]);
        web_expect(client, "GET", MACHINES, NULL, 401);
        web_expect(client, "GET", SESSION, NULL, 200);
    }
}

/* --- forgery ---------------------------------------------------------------------------------- */

static void a_change_by_cookie_needs_the_token_of_the_page(void **state)
{
    g_autoptr(WebClient) client = web_client_logged_in(*state, "root2");
    g_autofree char *csrf = g_steal_pointer(&client->csrf);
    static const char body[] = "{\"name\":\"script\"}";
    web_expect(client, "POST", "/api/v1/tokens", body, 403);
    client->csrf = g_strdup("wrong");
    web_expect(client, "POST", "/api/v1/tokens", body, 403);
    g_free(client->csrf);
    client->csrf = g_steal_pointer(&csrf);
    web_expect(client, "POST", "/api/v1/tokens", body, 201);
}

static void the_token_of_another_session_does_not_do(void **state)
{
    g_autoptr(WebClient) one = web_client_logged_in(*state, "root2");
    g_autoptr(WebClient) other = web_client_logged_in(*state, "anna");
    g_free(one->csrf);
    one->csrf = g_strdup(other->csrf);
    web_expect(one, "POST", "/api/v1/tokens", "{\"name\":\"x\"}", 403);
}

static void pages_of_other_origins_change_nothing(void **state)
{
    static const struct {
        const char *origin;
        gboolean is_ours;
    } cases[] = {
        {"https://underpin.example:8443", TRUE},
        {"HTTPS://Underpin.Example:8443", TRUE},
        {"http://underpin.example:8443", FALSE},
        {"https://underpin.example", FALSE},
        {"https://evil.example", FALSE},
        {"null", FALSE},
        {"", FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(WebClient) client = web_client_logged_in(*state, "anna");
        client->origin = g_strdup(cases[i].origin);
        web_expect(client, "GET", MACHINES, NULL, 200);
        web_expect(client, "POST", "/api/v1/tokens", "{\"name\":\"x\"}",
                   cases[i].is_ours ? 201 : 403);
        g_autoptr(WebClient) stranger = web_client_new(*state);
        stranger->origin = g_strdup(cases[i].origin);
        web_expect(stranger, "POST", SESSION, CORRECT, cases[i].is_ours ? 200 : 401);
    }
}

/* A proxy before a daemon that listens on a loopback address may speak TLS itself. */
static void without_tls_a_page_by_tls_is_ours_if_its_host_is(void **state)
{
    static const struct {
        const char *origin;
        unsigned status;
    } cases[] = {{"https://underpin.example:8443", 201},
                 {"http://underpin.example:8443", 201},
                 {"https://evil.example", 403},
                 {"ftp://underpin.example:8443", 403}};
    g_autoptr(WebClient) client = web_client_new(*state);
    client->peer.is_secure = FALSE;
    web_expect(client, "POST", SESSION, CORRECT, 200);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_free(client->origin);
        client->origin = g_strdup(cases[i].origin);
        web_expect(client, "POST", "/api/v1/tokens", "{\"name\":\"x\"}", cases[i].status);
    }
}

static void tokens_and_the_unix_socket_need_no_such_proof(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    root->origin = g_strdup("https://evil.example");
    g_auto(WebAnswer) made =
        web_ask(root, "POST", "/api/v1/tokens", "{\"name\":\"x\",\"account\":\"root2\"}");
    assert_int_equal(made.status, 201);
    g_autoptr(WebClient) program = web_client_new(world);
    program->bearer = g_strdup(web_text(&made, "token"));
    program->origin = g_strdup("https://other.example");
    web_expect(program, "POST", ACCOUNTS, "{\"name\":\"carl\",\"role\":\"user\"}", 201);
}

/* --- passwords and set-up tokens -------------------------------------------------------------- */

static void a_new_password_ends_the_other_sessions(void **state)
{
    g_autoptr(WebClient) here = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) elsewhere = web_client_logged_in(*state, "anna");
    web_expect(here, "PUT", PASSWORD,
               "{\"old_password\":\"wrong\",\"new_password\":\"battery staple\"}", 403);
    web_expect(here, "PUT", PASSWORD,
               "{\"old_password\":\"correct horse\",\"new_password\":\"short\"}", 400);
    web_expect(elsewhere, "GET", MACHINES, NULL, 200);
    web_expect(here, "PUT", PASSWORD,
               "{\"old_password\":\"correct horse\",\"new_password\":\"battery staple\"}", 204);
    web_expect(here, "GET", MACHINES, NULL, 200);
    web_expect(elsewhere, "GET", MACHINES, NULL, 401);
    web_expect(elsewhere, "POST", SESSION, CORRECT, 401);
    web_expect(elsewhere, "POST", SESSION, "{\"name\":\"anna\",\"password\":\"battery staple\"}",
               200);
}

static void an_invited_account_sets_its_password_once(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) guest = web_client_new(world);
    g_auto(WebAnswer) invited =
        web_ask(root, "POST", ACCOUNTS, "{\"name\":\"carl\",\"role\":\"user\"}");
    const char *token = web_text(&invited, "setup_token");
    g_autofree char *path = g_strconcat("/setup#", token, NULL);
    assert_string_equal(web_text(&invited, "setup_path"), path);
    g_autofree char *body =
        g_strdup_printf("{\"token\":\"%s\",\"password\":\"battery staple\"}", token);
    web_expect(guest, "POST", "/api/v1/setup", body, 200);
    web_expect(guest, "GET", MACHINES, NULL, 200);
    web_expect(guest, "POST", "/api/v1/setup", body, 401);
}

static void a_set_up_token_gets_too_old(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) guest = web_client_new(world);
    g_auto(WebAnswer) reset = web_ask(root, "POST", ACCOUNTS "/anna/reset", NULL);
    g_autofree char *body = g_strdup_printf("{\"token\":\"%s\",\"password\":\"battery staple\"}",
                                            web_text(&reset, "setup_token"));
    clock_advance(world->clock, ACCESS_SETUP_SECONDS);
    web_expect(guest, "POST", "/api/v1/setup", body, 401);
}

static void a_reset_ends_sessions_and_the_old_password(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(root, "POST", ACCOUNTS "/anna/reset", NULL, 200);
    web_expect(anna, "GET", MACHINES, NULL, 401);
    web_expect(anna, "POST", SESSION, CORRECT, 401);
}

static void the_first_administrator_is_made_by_a_set_up_token(void **state)
{
    (void)state;
    FakeWorld *world = fake_world_new(1);
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) first = web_client_new(world);
    g_auto(WebAnswer) before = web_ask(first, "GET", SESSION, NULL);
    assert_true(json_is_true(json_object_get(before.json, "setup_needed")));
    g_auto(WebAnswer) stale = web_ask(root, "POST", "/api/v1/setup-link", NULL);
    g_auto(WebAnswer) link = web_ask(root, "POST", "/api/v1/setup-link", NULL);
    g_autofree char *old_body =
        g_strdup_printf("{\"token\":\"%s\",\"name\":\"eve\",\"password\":\"battery staple\"}",
                        web_text(&stale, "setup_token"));
    g_autofree char *nameless = g_strdup_printf(
        "{\"token\":\"%s\",\"password\":\"battery staple\"}", web_text(&link, "setup_token"));
    g_autofree char *body =
        g_strdup_printf("{\"token\":\"%s\",\"name\":\"adam\",\"password\":\"battery staple\"}",
                        web_text(&link, "setup_token"));
    web_expect(first, "POST", "/api/v1/setup", old_body, 401);
    web_expect(first, "POST", "/api/v1/setup", nameless, 400);
    web_expect(first, "POST", "/api/v1/setup", body, 200);
    web_expect(first, "GET", ACCOUNTS, NULL, 200);
    web_expect(root, "POST", "/api/v1/setup-link", NULL, 409);
    fake_world_free(world);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void too_many_failed_logins_have_to_wait(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) guesser = web_client_new(world);
    web_client_set_address(guesser, "203.0.113.9");
    g_auto(WebAnswer) answer = {0};
    for (guint i = 0; i < 20 && answer.status != 429; i++) {
        web_answer_clear(&answer);
        answer = web_ask(guesser, "POST", SESSION, WRONG);
    }
    assert_int_equal(answer.status, 429);
    guint64 seconds = g_ascii_strtoull(answer.retry_after, NULL, 10);
    assert_in_range(seconds, 1, 60);
    web_expect(guesser, "POST", SESSION, CORRECT, 429);
    clock_advance(world->clock, (gint64)seconds);
    web_expect(guesser, "POST", SESSION, CORRECT, 200);
}

static void strangers_do_not_lock_the_owner_out(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    g_autoptr(WebClient) stranger = web_client_new(world);
    guint limited = 0;
    for (guint i = 0; i < 400; i++) {
        g_autofree char *address = g_strdup_printf("203.0.113.%u", i % 250);
        web_client_set_address(stranger, address);
        g_auto(WebAnswer) answer = web_ask(stranger, "POST", SESSION, WRONG);
        limited += answer.status == 429 ? 1 : 0;
    }
    assert_true(limited > 300);
    web_expect(anna, "POST", SESSION, CORRECT, 200);
    g_autoptr(WebClient) other = web_client_new(world);
    web_expect(other, "POST", SESSION, "{\"name\":\"root2\",\"password\":\"correct horse\"}", 200);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)
    const struct CMUnitTest tests[] = {
        CASE(who_is_nobody_may_only_log_in),
        CASE(a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get),
        CASE(without_tls_the_cookie_has_another_name_and_is_not_taken_by_tls),
        CASE(the_reason_of_a_failed_login_is_not_told),
        CASE(a_logout_ends_the_session_on_the_server),
        CASE(a_new_login_ends_the_session_that_the_browser_had),
        CASE(a_session_ends_when_nobody_uses_it),
        CASE(a_session_ends_after_a_week_however_it_is_used),
        CASE(a_cookie_that_makes_no_sense_is_nobodys),
        CASE(a_change_by_cookie_needs_the_token_of_the_page),
        CASE(the_token_of_another_session_does_not_do),
        CASE(pages_of_other_origins_change_nothing),
        CASE(without_tls_a_page_by_tls_is_ours_if_its_host_is),
        CASE(tokens_and_the_unix_socket_need_no_such_proof),
        CASE(a_new_password_ends_the_other_sessions),
        CASE(an_invited_account_sets_its_password_once),
        CASE(a_set_up_token_gets_too_old),
        CASE(a_reset_ends_sessions_and_the_old_password),
        CASE(the_first_administrator_is_made_by_a_set_up_token),
        CASE(too_many_failed_logins_have_to_wait),
        CASE(strangers_do_not_lock_the_owner_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
