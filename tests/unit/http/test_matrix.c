/*
 * Every role at every route and every verb, through dispatch.
 *
 * The expectations are written here a second time, on purpose: a route or verb that is new, or that
 * becomes open to others, must be entered here by somebody who has thought about it.
 */
#include "cmocka_prelude.h"

#include <string.h>

#include "http/routes.h"
#include "model/verb.h"
#include "web_client.h"

typedef enum { ANYONE, USER, OPERATOR, ADMINISTRATOR } Least;

static const struct {
    const char *method, *pattern;
    Least least;
} expected_routes[] = {
    {"GET", "/healthz", ANYONE},
    {"GET", "/metrics", ADMINISTRATOR},
    {"GET", "/api/v1/openapi.json", ANYONE},
    {"GET", "/api/v1/verbs", ANYONE},
    {"GET", "/api/v1/session", ANYONE},
    {"POST", "/api/v1/session", ANYONE},
    {"DELETE", "/api/v1/session", USER},
    {"PUT", "/api/v1/session/password", USER},
    {"POST", "/api/v1/setup", ANYONE},
    {"POST", "/api/v1/setup-link", ADMINISTRATOR},
    {"GET", "/api/v1/accounts", ADMINISTRATOR},
    {"POST", "/api/v1/accounts", ADMINISTRATOR},
    {"PATCH", "/api/v1/accounts/{account}", ADMINISTRATOR},
    {"DELETE", "/api/v1/accounts/{account}", ADMINISTRATOR},
    {"POST", "/api/v1/accounts/{account}/reset", ADMINISTRATOR},
    {"GET", "/api/v1/tokens", USER},
    {"POST", "/api/v1/tokens", USER},
    {"DELETE", "/api/v1/tokens/{token}", USER},
    {"GET", "/api/v1/audit", ADMINISTRATOR},
    {"GET", "/api/v1/status", OPERATOR},
    {"GET", "/api/v1/machines", USER},
    {"GET", "/api/v1/machines/{machine}", USER},
    {"GET", "/api/v1/machines/{machine}/history", USER},
    {"GET", "/api/v1/machines/{machine}/space", USER},
    {"POST", "/api/v1/machines/{machine}/console", USER},
    {"GET", "/api/v1/machines/{machine}/console.vv", USER},
    {"GET", "/console/{ticket}", ANYONE},
    {"POST", "/api/v1/plans", USER},
    {"GET", "/api/v1/jobs", USER},
    {"POST", "/api/v1/jobs", USER},
    {"GET", "/api/v1/jobs/{job}", USER},
    {"POST", "/api/v1/jobs/{job}/cancel", USER},
    {"GET", "/api/v1/storage", OPERATOR},
    {"GET", "/api/v1/layers", OPERATOR},
    {"GET", "/api/v1/layers/{layer}", OPERATOR},
    {"GET", "/api/v1/kept-volumes", ADMINISTRATOR},
    {"GET", "/api/v1/domains", ADMINISTRATOR},
    {"GET", "/api/v1/doctor", ADMINISTRATOR},
    {"GET", "/api/v1/events", USER},
};

static const struct {
    const char *name;
    Least least;
} expected_verbs[] = {
    {"import", ADMINISTRATOR},
    {"prepare", ADMINISTRATOR},
    {"unprepare", ADMINISTRATOR},
    {"clone", ADMINISTRATOR},
    {"start", USER},
    {"shutdown", USER},
    {"poweroff", OPERATOR},
    {"reboot", OPERATOR},
    {"restore", USER},
    {"rebase", ADMINISTRATOR},
    {"undo", OPERATOR},
    {"hold", ADMINISTRATOR},
    {"release", ADMINISTRATOR},
    {"detach", ADMINISTRATOR},
    {"remove", ADMINISTRATOR},
    {"export", ADMINISTRATOR},
    {"volume-add", ADMINISTRATOR},
    {"volume-attach", ADMINISTRATOR},
    {"volume-set-role", ADMINISTRATOR},
    {"volume-resize", ADMINISTRATOR},
    {"backup", ADMINISTRATOR},
    {"repair", ADMINISTRATOR},
    {"reclaim", ADMINISTRATOR},
    {"flatten", ADMINISTRATOR},
    {"purge", ADMINISTRATOR},
    {"forget", ADMINISTRATOR},
};

/* Who asks: what he may, and the answer where he may not. */
typedef struct {
    const char *account; /* NULL: no account */
    gboolean by_token, is_root, is_stranger;
    Least role;
    unsigned denied;
} Asker;

static const Asker askers[] = {
    {NULL, .role = ANYONE, .denied = 401},
    {NULL, .is_stranger = TRUE, .role = ANYONE, .denied = 403},
    {"user", .role = USER, .denied = 403},
    {"user", .by_token = TRUE, .role = USER, .denied = 403},
    {"operator", .role = OPERATOR, .denied = 403},
    {"operator", .by_token = TRUE, .role = OPERATOR, .denied = 403},
    {"administrator", .role = ADMINISTRATOR, .denied = 403},
    {"administrator", .by_token = TRUE, .role = ADMINISTRATOR, .denied = 403},
    {NULL, .is_root = TRUE, .role = ADMINISTRATOR, .denied = 403},
};

static FakeWorld *world;
static char *tokens[ADMINISTRATOR + 1];

static char *make_token(const char *account)
{
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autofree char *body = g_strdup_printf("{\"name\":\"t\",\"account\":\"%s\"}", account);
    g_auto(WebAnswer) answer = web_ask(root, "POST", "/api/v1/tokens", body);
    return g_strdup(web_text(&answer, "token"));
}

static int make_world(void **state)
{
    (void)state;
    static const char *const names[] = {
        [USER] = "user", [OPERATOR] = "operator", [ADMINISTRATOR] = "administrator"};
    world = fake_world_new(3);
    for (guint i = USER; i < G_N_ELEMENTS(names); i++) {
        web_add_account(world, names[i], names[i], i == USER ? "lab-1" : NULL);
        tokens[i] = make_token(names[i]);
    }
    return 0;
}

static int drop_world(void **state)
{
    (void)state;
    for (guint i = USER; i < G_N_ELEMENTS(tokens); i++)
        g_clear_pointer(&tokens[i], g_free);
    fake_world_free(world);
    return 0;
}

static WebClient *client_of(const Asker *asker)
{
    if (asker->is_root)
        return web_client_new_root(world);
    if (asker->account && !asker->by_token)
        return web_client_logged_in(world, asker->account);
    WebClient *client = web_client_new(world);
    if (asker->by_token)
        client->bearer = g_strdup(tokens[asker->role]);
    if (asker->is_stranger)
        client->peer = (Peer){.is_unix = TRUE, .is_known = TRUE, .uid = 4000000000u};
    return client;
}

static void check(const Asker *asker, const char *method, const char *target, const char *body,
                  Least least)
{
    g_autoptr(WebClient) client = client_of(asker);
    g_auto(WebAnswer) answer = web_ask(client, method, target, body);
    gboolean is_denied = answer.status == 401 || answer.status == 403;
    if (is_denied != (asker->role < least) || (is_denied && answer.status != asker->denied))
        fail_msg("%s %s %s by %s%s: %u", method, target, body ? body : "",
                 asker->account   ? asker->account
                 : asker->is_root ? "root"
                                  : "a stranger",
                 asker->by_token ? " (token)" : "", answer.status);
    if (is_denied)
        assert_string_equal(web_text(&answer, "code"), "denied");
}

static Least least_of_route(const Route *route)
{
    for (guint i = 0; i < G_N_ELEMENTS(expected_routes); i++) {
        if (g_str_equal(expected_routes[i].method, route->method) &&
            g_str_equal(expected_routes[i].pattern, route->pattern))
            return expected_routes[i].least;
    }
    fail_msg("%s %s is expected of nobody: say in this test who may", route->method,
             route->pattern);
    return ADMINISTRATOR;
}

static void every_role_at_every_route(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        Least least = least_of_route(&routes[i]);
        for (guint j = 0; j < G_N_ELEMENTS(askers); j++)
            check(&askers[j], routes[i].method, routes[i].pattern,
                  routes[i].takes_body ? "{}" : NULL, least);
    }
    assert_int_equal(count, G_N_ELEMENTS(expected_routes));
}

static Least least_of_verb(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(expected_verbs); i++) {
        if (g_str_equal(expected_verbs[i].name, name))
            return expected_verbs[i].least;
    }
    fail_msg("the verb '%s' is expected of nobody: say in this test who may", name);
    return ADMINISTRATOR;
}

static void every_role_with_every_verb(void **state)
{
    (void)state;
    static const char *const targets[] = {"/api/v1/plans", "/api/v1/jobs"};
    for (guint verb = 0; verb < VERB_COUNT; verb++) {
        const char *name = verb_name((Verb)verb);
        g_autofree char *body = g_strdup_printf("{\"verb\":\"%s\",\"machines\":[\"lab-1\"]}", name);
        Least least = least_of_verb(name);
        for (guint i = 0; i < G_N_ELEMENTS(askers) * G_N_ELEMENTS(targets); i++)
            check(&askers[i / 2], "POST", targets[i % 2], body, least);
    }
}

/* What a permission is for is to let something through, too. */
static void what_is_allowed_is_done(void **state)
{
    (void)state;
    static const struct {
        guint asker;
        const char *verb;
    } cases[] = {{2, "start"},  {3, "shutdown"}, {2, "restore"},
                 {4, "reboot"}, {5, "undo"},     {6, "hold"}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(WebClient) client = client_of(&askers[cases[i].asker]);
        g_autofree char *body =
            g_strdup_printf("{\"verb\":\"%s\",\"machines\":[\"lab-1\"]}", cases[i].verb);
        web_expect(client, "POST", "/api/v1/plans", body, 200);
        web_expect(client, "POST", "/api/v1/jobs", body, 202);
    }
}

static void whatever_changes_something_is_noted_but_plans(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        gboolean changes = !g_str_equal(routes[i].method, "GET") &&
                           !g_str_equal(routes[i].pattern, "/api/v1/plans");
        if (changes && !routes[i].audit)
            fail_msg("%s %s is not audited", routes[i].method, routes[i].pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_at_every_route),
        cmocka_unit_test(every_role_with_every_verb),
        cmocka_unit_test(what_is_allowed_is_done),
        cmocka_unit_test(whatever_changes_something_is_noted_but_plans),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
