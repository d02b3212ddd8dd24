/* Accounts, tokens and the audit trail through the API; and the API where accounts cannot be used.
 */
#include "cmocka_prelude.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "http/event_bridge.h"
#include "web_client.h"

#define ACCOUNTS "/api/v1/accounts"
#define TOKENS   "/api/v1/tokens"
#define AUDIT    "/api/v1/audit"
#define LAB_1    "c000000000000001"

static int make_world(void **state)
{
    FakeWorld *world = fake_world_new(3);
    *state = world;
    assert_true(event_bridge_connect(&world->api, NULL));
    web_add_account(world, "adam", "administrator", NULL);
    web_add_account(world, "anna", "user", "lab-1");
    return 0;
}

static int drop_world(void **state)
{
    fake_world_free(*state);
    return 0;
}

/* --- accounts --------------------------------------------------------------------------------- */

static void an_account_is_shown_with_the_names_of_its_machines(void **state)
{
    g_autoptr(WebClient) adam = web_client_logged_in(*state, "adam");
    g_auto(WebAnswer) answer = web_ask(adam, "GET", ACCOUNTS, NULL);
    const json_t *anna = json_array_get(json_object_get(answer.json, "items"), 1);
    const json_t *machine = json_array_get(json_object_get(anna, "machines"), 0);
    assert_string_equal(json_string_value(json_object_get(anna, "name")), "anna");
    assert_string_equal(json_string_value(json_object_get(machine, "name")), "lab-1");
    assert_string_equal(json_string_value(json_object_get(machine, "id")), LAB_1);
}

static void bodies_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *method, *target, *body;
        unsigned status;
    } cases[] = {
        {"POST", ACCOUNTS, "{\"name\":\"bert\"}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"Bert\",\"role\":\"user\"}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"god\"}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":7}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"user\",\"admin\":true}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"user\",\"password\":\"short\"}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"user\",\"machines\":\"lab-1\"}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"user\",\"machines\":[7]}", 400},
        {"POST", ACCOUNTS, "{\"name\":\"bert\",\"role\":\"user\",\"machines\":[\"no\"]}", 404},
        {"POST", ACCOUNTS, "{\"name\":\"anna\",\"role\":\"user\"}", 409},
        {"PATCH", ACCOUNTS "/anna", "{\"disabled\":\"yes\"}", 400},
        {"PATCH", ACCOUNTS "/anna", "{\"role\":\"god\"}", 400},
        {"PATCH", ACCOUNTS "/nobody", "{}", 404},
        {"PATCH", ACCOUNTS "/adam", "{\"disabled\":true}", 409},
        {"DELETE", ACCOUNTS "/adam", NULL, 409},
        {"DELETE", ACCOUNTS "/nobody", NULL, 404},
        {"POST", ACCOUNTS "/nobody/reset", NULL, 404},
        {"POST", TOKENS, "{\"name\":\"x\",\"expires_days\":0}", 400},
        {"POST", TOKENS, "{\"name\":\"x\",\"expires_days\":3651}", 400},
        {"POST", TOKENS, "{\"name\":\"x\",\"expires_days\":1.5}", 400},
        {"POST", TOKENS, "{\"name\":\"x\",\"account\":\"nobody\"}", 404},
        {"DELETE", TOKENS "/nothing", NULL, 404},
        {"GET", AUDIT "?after=x", NULL, 400},
        {"PUT", "/api/v1/session/password", "{\"old_password\":\"x\"}", 400},
    };
    g_autoptr(WebClient) adam = web_client_logged_in(*state, "adam");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        web_expect(adam, cases[i].method, cases[i].target, cases[i].body, cases[i].status);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static guint count_items(WebClient *client, const char *target)
{
    g_auto(WebAnswer) answer = web_ask(client, "GET", target, NULL);
    return (guint)json_array_size(json_object_get(answer.json, "items"));
}

static void a_user_sees_his_own_tokens_and_an_administrator_all(void **state)
{
    g_autoptr(WebClient) adam = web_client_logged_in(*state, "adam");
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    web_expect(adam, "POST", TOKENS, "{\"name\":\"his\"}", 201);
    g_auto(WebAnswer) made =
        web_ask(anna, "POST", TOKENS, "{\"name\":\"hers\",\"expires_days\":1}");
    assert_string_equal(web_text(&made, "expires_at"), "2023-11-15T22:13:20Z");
    assert_int_equal(count_items(anna, TOKENS), 1);
    assert_int_equal(count_items(adam, TOKENS), 2);
    web_expect(anna, "POST", TOKENS, "{\"name\":\"x\",\"account\":\"adam\"}", 403);
    g_autofree char *target = g_strconcat(TOKENS "/", web_text(&made, "id"), NULL);
    web_expect(adam, "DELETE", target, NULL, 204);
    web_expect(anna, "DELETE", target, NULL, 404);
}

static void a_token_logs_in_and_nothing_more(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    g_auto(WebAnswer) made = web_ask(anna, "POST", TOKENS, "{\"name\":\"x\"}");
    g_autoptr(WebClient) program = web_client_new(world);
    program->bearer = g_strdup(web_text(&made, "token"));
    web_expect(program, "GET", "/api/v1/machines/lab-1", NULL, 200);
    web_expect(program, "GET", "/api/v1/machines/lab-2", NULL, 404);
    web_expect(program, "DELETE", "/api/v1/session", NULL, 409);
    web_expect(program, "PUT", "/api/v1/session/password",
               "{\"old_password\":\"correct horse\",\"new_password\":\"battery staple\"}", 409);
    g_free(program->bearer);
    program->bearer = g_strdup("underpin_wrong");
    web_expect(program, "GET", "/api/v1/machines/lab-1", NULL, 401);
}

static void a_bad_token_is_not_helped_by_a_good_cookie(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    anna->bearer = g_strdup("underpin_wrong");
    web_expect(anna, "GET", "/api/v1/machines", NULL, 401);
}

static void root_makes_tokens_for_accounts_only(void **state)
{
    g_autoptr(WebClient) root = web_client_new_root(*state);
    web_expect(root, "POST", TOKENS, "{\"name\":\"x\"}", 400);
    web_expect(root, "POST", TOKENS, "{\"name\":\"x\",\"account\":\"anna\"}", 201);
}

/* --- audit ------------------------------------------------------------------------------------ */

/* "account address action machine result" of each entry, newest first; ';' between. Caller frees.
 */
static char *trail(FakeWorld *world, const char *query)
{
    static const char *const members[] = {"account", "address", "action", "machine", "result"};
    gsize index;
    json_t *entry;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autofree char *target = g_strconcat(AUDIT, query, NULL);
    g_auto(WebAnswer) answer = web_ask(root, "GET", target, NULL);
    GString *text = g_string_new(NULL);
    json_array_foreach(json_object_get(answer.json, "items"), index, entry)
    {
        for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
            const char *value = json_string_value(json_object_get(entry, members[i]));
            g_string_append_printf(text, "%s%s", i ? " " : "", value ? value : "-");
        }
        g_string_append_c(text, ';');
    }
    return g_string_free(text, FALSE);
}

static void assert_trail(FakeWorld *world, const char *query, const char *expected)
{
    g_autofree char *text = trail(world, query);
    assert_string_equal(text, expected);
}

static void logins_are_noted_and_failed_ones_in_the_name_that_was_tried(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(anna, "DELETE", "/api/v1/session", NULL, 204);
    web_expect(anna, "POST", "/api/v1/session", "{\"name\":\"anna\",\"password\":\"x\"}", 401);
    web_expect(anna, "POST", "/api/v1/session", "{\"name\":\"My Password!\",\"password\":\"x\"}",
               401);
    assert_trail(world, "?limit=4",
                 "- 192.0.2.1 login - denied;anna 192.0.2.1 login - denied;"
                 "anna 192.0.2.1 logout - ok;anna 192.0.2.1 login - ok;");
}

static void strangers_cannot_fill_the_trail(void **state)
{
    FakeWorld *world = *state;
    g_autofree char *before = trail(world, "");
    g_autoptr(WebClient) stranger = web_client_new(world);
    web_expect(stranger, "POST", "/api/v1/jobs", "{\"verb\":\"start\",\"machines\":[\"x\"]}", 401);
    web_expect(stranger, "DELETE", ACCOUNTS "/anna", NULL, 401);
    web_expect(stranger, "POST", "/api/v1/session", "{}", 400);
    stranger->bearer = g_strdup("wrong");
    web_expect(stranger, "DELETE", ACCOUNTS "/anna", NULL, 401);
    assert_trail(world, "", before);
}

static void attempts_that_come_too_early_are_not_noted(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) guesser = web_client_new(world);
    web_client_set_address(guesser, "203.0.113.9");
    for (guint i = 0; i < 100; i++) {
        g_auto(WebAnswer) answer =
            web_ask(guesser, "POST", "/api/v1/session", "{\"name\":\"anna\",\"password\":\"x\"}");
    }
    g_autoptr(WebClient) root = web_client_new_root(world);
    assert_in_range(count_items(root, AUDIT "?account=anna"), 10, 12);
}

static void changes_of_accounts_are_noted_refused_ones_too(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) adam = web_client_logged_in(world, "adam");
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(adam, "PATCH", ACCOUNTS "/anna", "{\"machines\":[]}", 200);
    web_expect(adam, "PATCH", ACCOUNTS "/adam", "{\"role\":\"user\"}", 409);
    web_expect(anna, "DELETE", ACCOUNTS "/adam", NULL, 403);
    assert_trail(world, "?limit=3",
                 "anna 192.0.2.1 account-remove - denied;adam 192.0.2.1 account-change - refused;"
                 "adam 192.0.2.1 account-change - ok;");
    g_auto(WebAnswer) answer = web_ask(adam, "GET", AUDIT "?limit=3", NULL);
    const json_t *change = json_array_get(json_object_get(answer.json, "items"), 2);
    assert_string_equal(json_string_value(json_object_get(change, "detail")),
                        "anna, 0 machines assigned");
}

static void a_password_that_cannot_be_taken_is_not_noted_as_changed(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    web_expect(anna, "PUT", "/api/v1/session/password",
               "{\"old_password\":\"correct horse\",\"new_password\":\"short\"}", 400);
    assert_trail(*state, "?limit=1", "anna 192.0.2.1 password - invalid;");
}

static void a_job_is_noted_when_asked_for_and_when_it_ends_machine_by_machine(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(anna, "POST", "/api/v1/jobs", "{\"verb\":\"start\",\"machines\":[\"lab-1\"]}", 202);
    Job *job = fake_world_job(world, 0);
    fake_world_emit_job(world, JOBS_JOB_CHANGED, job, NULL);
    JobItem *done = job_item_new(LAB_1, "lab-1"), *failed = job_item_new("x", "lab-9");
    done->state = ITEM_DONE;
    failed->state = ITEM_FAILED;
    failed->message = g_strdup("the disk is full");
    g_ptr_array_add(job->items, done);
    g_ptr_array_add(job->items, failed);
    job->state = JOB_DONE;
    fake_world_emit_job(world, JOBS_JOB_CHANGED, job, NULL);
    fake_world_emit_job(world, JOBS_JOB_CHANGED, job, NULL);
    assert_trail(world, "?limit=3",
                 "anna - start lab-9 failed;anna - start lab-1 done;"
                 "anna 192.0.2.1 start lab-1 accepted;");
    assert_trail(world, "?machine=lab-9", "anna - start lab-9 failed;");
}

static void ask_to_start_lab_1(FakeWorld *world)
{
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(anna, "POST", "/api/v1/jobs", "{\"verb\":\"start\",\"machines\":[\"lab-1\"]}", 202);
}

/* It ends, and the daemon is killed before anybody hears of it. */
static void end_unheard(FakeWorld *world)
{
    Job *job = fake_world_job(world, 0);
    JobItem *item = job_item_new(LAB_1, "lab-1");
    item->state = ITEM_DONE;
    g_ptr_array_add(job->items, item);
    job->state = JOB_DONE;
    job->finished_at = 1700000007;
}

static void the_end_of_a_job_that_was_not_noted_is_noted_once_at_the_next_start(void **state)
{
    static const char whole[] = "anna - start lab-1 done;anna 192.0.2.1 start lab-1 accepted;"
                                "anna 192.0.2.1 login - ok;";
    FakeWorld *world = *state;
    ask_to_start_lab_1(world);
    assert_true(event_bridge_connect(&world->api, NULL));
    assert_trail(world, "?limit=1", "anna 192.0.2.1 start lab-1 accepted;");
    end_unheard(world);
    for (guint starts = 0; starts < 2; starts++) {
        assert_true(event_bridge_connect(&world->api, NULL));
        assert_trail(world, "?limit=3", whole);
    }
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_auto(WebAnswer) answer = web_ask(root, "GET", AUDIT "?limit=1", NULL);
    const json_t *entry = json_array_get(json_object_get(answer.json, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "at")), "2023-11-14T22:13:27Z");
}

static void what_root_does_is_noted_without_an_address(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    web_expect(root, "POST", "/api/v1/jobs", "{\"verb\":\"hold\",\"machines\":[\"lab-2\"]}", 202);
    web_expect(root, "POST", "/api/v1/plans", "{\"verb\":\"hold\",\"machines\":[\"lab-2\"]}", 200);
    assert_trail(world, "?limit=1", "root - hold lab-2 accepted;");
}

static void the_trail_comes_in_pages(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_auto(WebAnswer) first = web_ask(root, "GET", AUDIT "?limit=1", NULL);
    g_autofree char *target = g_strconcat(AUDIT "?limit=1&after=", web_text(&first, "next"), NULL);
    g_auto(WebAnswer) second = web_ask(root, "GET", target, NULL);
    const json_t *entry = json_array_get(json_object_get(second.json, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "detail")), "adam, administrator");
    assert_true(json_is_null(json_object_get(second.json, "next")));
}

/* --- where accounts cannot be used ------------------------------------------------------------ */

static Access *open_damaged(FakeWorld *world)
{
    AccessConfig config;
    access_config_init(&config);
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("underpin-damaged-XXXXXX", &path, NULL);
    assert_true(write(fd, "this is no database, whatever its name says", 43) == 43);
    close(fd);
    config.path = path;
    Access *access = access_open(&config, world->clock);
    g_unlink(path);
    return access;
}

static void damaged_accounts_keep_nobody_from_the_unix_socket(void **state)
{
    FakeWorld *world = *state;
    access_free(world->api.access);
    world->api.access = open_damaged(world);
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) anna = web_client_new(world);
    web_expect(root, "GET", "/api/v1/machines", NULL, 200);
    web_expect(root, "POST", "/api/v1/jobs", "{\"verb\":\"hold\",\"machines\":[\"lab-1\"]}", 202);
    fake_world_emit_engine(world, ENGINE_MACHINE_REMOVED, LAB_1);
    anna->cookie = g_strdup("__Host-underpin=x");
    web_expect(anna, "GET", "/healthz", NULL, 200);
    web_expect(anna, "GET", "/api/v1/machines", NULL, 500);
    web_expect(anna, "GET", "/api/v1/session", NULL, 500);
    web_expect(root, "GET", ACCOUNTS, NULL, 500);
}

static void assert_tells_nothing_of_the_host(const WebAnswer *answer)
{
    g_autofree char *text = json_dumps(answer->json, JSON_ENCODE_ANY);
    assert_int_equal(answer->status, 500);
    assert_null(strstr(text, "underpin-damaged"));
    assert_string_equal(web_text(answer, "detail"), "accounts cannot be read");
    assert_non_null(strstr(web_text(answer, "hint"), "an administrator of the host"));
}

static void where_damaged_accounts_lie_is_for_administrators_of_the_host(void **state)
{
    static const struct {
        const char *method, *target, *body;
    } requests[] = {
        {"GET", "/api/v1/session", NULL},
        {"POST", "/api/v1/session", "{\"name\":\"anna\",\"password\":\"correct horse\"}"},
        {"POST", "/api/v1/setup", "{\"token\":\"x\",\"password\":\"correct horse\"}"},
        {"GET", "/api/v1/machines", NULL},
    };
    FakeWorld *world = *state;
    access_free(world->api.access);
    world->api.access = open_damaged(world);
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) stranger = web_client_new(world);
    stranger->cookie = g_strdup("__Host-underpin=x");
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_auto(WebAnswer) answer =
            web_ask(stranger, requests[i].method, requests[i].target, requests[i].body);
        assert_tells_nothing_of_the_host(&answer);
    }
    g_auto(WebAnswer) told = web_ask(root, "GET", "/api/v1/session", NULL);
    assert_non_null(strstr(web_text(&told, "detail"), "underpin-damaged"));
    assert_non_null(strstr(web_text(&told, "hint"), "setup-link"));
}

/* The file may not be ours to write: "denied" is not to be taken for a wrong password then. */
static void a_file_of_accounts_that_cannot_be_opened_is_no_wrong_password(void **state)
{
    FakeWorld *world = *state;
    AccessConfig config;
    access_config_init(&config);
    config.path = "/sys/underpin-damaged";
    access_free(world->api.access);
    world->api.access = access_open(&config, world->clock);
    g_autoptr(WebClient) anna = web_client_new(world);
    g_auto(WebAnswer) answer = web_ask(anna, "POST", "/api/v1/session",
                                       "{\"name\":\"anna\",\"password\":\"correct horse\"}");
    assert_tells_nothing_of_the_host(&answer);
}

static void the_doctor_says_that_accounts_cannot_be_used(void **state)
{
    FakeWorld *world = *state;
    access_free(world->api.access);
    world->api.access = open_damaged(world);
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_auto(WebAnswer) answer = web_ask(root, "GET", "/api/v1/doctor", NULL);
    const json_t *items = json_object_get(answer.json, "items");
    const json_t *last = json_array_get(items, json_array_size(items) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "id")), "accounts-unusable");
    assert_non_null(strstr(json_string_value(json_object_get(last, "remedy")), "setup-link"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)
    const struct CMUnitTest tests[] = {
        CASE(an_account_is_shown_with_the_names_of_its_machines),
        CASE(bodies_that_make_no_sense_are_refused),
        CASE(a_user_sees_his_own_tokens_and_an_administrator_all),
        CASE(a_token_logs_in_and_nothing_more),
        CASE(a_bad_token_is_not_helped_by_a_good_cookie),
        CASE(root_makes_tokens_for_accounts_only),
        CASE(logins_are_noted_and_failed_ones_in_the_name_that_was_tried),
        CASE(strangers_cannot_fill_the_trail),
        CASE(attempts_that_come_too_early_are_not_noted),
        CASE(changes_of_accounts_are_noted_refused_ones_too),
        CASE(a_password_that_cannot_be_taken_is_not_noted_as_changed),
        CASE(a_job_is_noted_when_asked_for_and_when_it_ends_machine_by_machine),
        CASE(the_end_of_a_job_that_was_not_noted_is_noted_once_at_the_next_start),
        CASE(what_root_does_is_noted_without_an_address),
        CASE(the_trail_comes_in_pages),
        CASE(damaged_accounts_keep_nobody_from_the_unix_socket),
        CASE(where_damaged_accounts_lie_is_for_administrators_of_the_host),
        CASE(a_file_of_accounts_that_cannot_be_opened_is_no_wrong_password),
        CASE(the_doctor_says_that_accounts_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
