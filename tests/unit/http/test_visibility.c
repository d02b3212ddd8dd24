/* What exists for a user: his machines, his jobs, the events about them, and nothing else. */
#include "cmocka_prelude.h"

#include <string.h>

#include "http/event_bridge.h"
#include "web_client.h"

#define LAB_1 "c000000000000001"
#define LAB_2 "c000000000000002"
#define LAB_3 "c000000000000003"

static int make_world(void **state)
{
    FakeWorld *world = fake_world_new(5);
    *state = world;
    assert_true(event_bridge_connect(&world->api, NULL));
    web_add_account(world, "adam", "administrator", NULL);
    web_add_account(world, "otto", "operator", "lab-1");
    web_add_account(world, "anna", "user", "lab-1,lab-3");
    web_add_account(world, "bert", "user", "lab-1");
    web_add_account(world, "carl", "user", NULL);
    return 0;
}

static int drop_world(void **state)
{
    fake_world_free(*state);
    return 0;
}

/* The names (or whatever `member` is) of a list, joined by ','. Caller frees. */
static char *list_of(WebClient *client, const char *target, const char *member)
{
    gsize index;
    json_t *item;
    g_auto(WebAnswer) answer = web_ask(client, "GET", target, NULL);
    assert_int_equal(answer.status, 200);
    GString *text = g_string_new(NULL);
    json_array_foreach(json_object_get(answer.json, "items"), index, item)
    {
        g_string_append_printf(text, "%s%s", index ? "," : "",
                               json_string_value(json_object_get(item, member)));
    }
    return g_string_free(text, FALSE);
}

static void assert_list(WebClient *client, const char *target, const char *member,
                        const char *expected)
{
    g_autofree char *list = list_of(client, target, member);
    assert_string_equal(list, expected);
}

static guint problems_seen_by(WebClient *client)
{
    g_auto(WebAnswer) answer = web_ask(client, "GET", "/healthz", NULL);
    assert_string_equal(web_text(&answer, "status"), "degraded");
    return (guint)json_array_size(json_object_get(answer.json, "problems"));
}

static void what_is_wrong_is_told_to_those_who_can_mend_it(void **state)
{
    g_autoptr(WebClient) root = web_client_new_root(*state);
    g_autoptr(WebClient) stranger = web_client_new(*state);
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    fake_world_set_libvirt_away(*state, TRUE);
    assert_int_equal(problems_seen_by(root), 1);
    assert_int_equal(problems_seen_by(stranger), 0);
    assert_int_equal(problems_seen_by(anna), 0);
}

/* --- machines --------------------------------------------------------------------------------- */

static void a_user_is_shown_his_machines(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) carl = web_client_logged_in(*state, "carl");
    g_autoptr(WebClient) otto = web_client_logged_in(*state, "otto");
    assert_list(anna, "/api/v1/machines", "name", "lab-1,lab-3");
    assert_list(anna, "/api/v1/machines?view=list", "name", "lab-1,lab-3");
    assert_list(anna, "/api/v1/machines?limit=1&after=lab-1", "name", "lab-3");
    assert_list(anna, "/api/v1/machines?kind=base", "name", "");
    assert_list(carl, "/api/v1/machines", "name", "");
    assert_list(otto, "/api/v1/machines", "name", "demo-v1,lab-1,lab-2,lab-3,lab-4,lab-5,plain");
}

static void a_page_of_a_user_does_not_tell_of_others(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    g_auto(WebAnswer) answer = web_ask(anna, "GET", "/api/v1/machines?limit=2", NULL);
    assert_true(json_is_null(json_object_get(answer.json, "next")));
}

static void a_base_exists_for_him_who_has_a_clone_of_it(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) carl = web_client_logged_in(*state, "carl");
    assert_list(anna, "/api/v1/machines?base=demo-v1", "name", "lab-1,lab-3");
    web_expect(carl, "GET", "/api/v1/machines?base=demo-v1", NULL, 404);
    web_expect(carl, "GET", "/api/v1/machines?base=nothing", NULL, 404);
}

static void another_machine_is_as_unknown_as_one_that_is_not_there(void **state)
{
    static const char *const others[] = {"lab-2", LAB_2, "00000000-0000-4000-8000-000000010002",
                                         "demo-v1", "plain"};
    static const char *const rests[] = {"", "/history", "/space"};
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    for (guint i = 0; i < G_N_ELEMENTS(others) * G_N_ELEMENTS(rests); i++) {
        const char *name = others[i / 3], *rest = rests[i % 3];
        g_autofree char *target = g_strdup_printf("/api/v1/machines/%s%s", name, rest);
        g_autofree char *nowhere = g_strdup_printf("/api/v1/machines/%s", "nowhere");
        g_auto(WebAnswer) answer = web_ask(anna, "GET", target, NULL);
        g_auto(WebAnswer) unknown = web_ask(anna, "GET", nowhere, NULL);
        assert_int_equal(answer.status, 404);
        assert_string_equal(web_text(&answer, "hint"), web_text(&unknown, "hint"));
    }
    web_expect(anna, "GET", "/api/v1/machines/lab-1", NULL, 200);
    web_expect(anna, "GET", "/api/v1/machines/" LAB_3 "/history", NULL, 200);
}

static void an_assignment_counts_at_once_both_ways(void **state)
{
    g_autoptr(WebClient) adam = web_client_logged_in(*state, "adam");
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"machines\":[\"lab-2\"]}", 200);
    assert_list(anna, "/api/v1/machines", "name", "lab-2");
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"role\":\"operator\"}", 200);
    web_expect(anna, "GET", "/api/v1/machines/lab-4", NULL, 200);
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"disabled\":true}", 200);
    web_expect(anna, "GET", "/api/v1/machines", NULL, 401);
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"machines\":[\"lab-9\"]}", 404);
}

static void a_removed_machine_is_nobodys(void **state)
{
    FakeWorld *world = *state;
    fake_world_emit_engine(world, ENGINE_MACHINE_REMOVED, LAB_1);
    g_autoptr(Account) anna = access_get_account(world->api.access, "anna", NULL);
    g_autoptr(Account) bert = access_get_account(world->api.access, "bert", NULL);
    assert_int_equal(anna->machines->len, 1);
    assert_string_equal(anna->machines->pdata[0], LAB_3);
    assert_int_equal(bert->machines->len, 0);
}

/* --- plans and jobs --------------------------------------------------------------------------- */

static void a_user_names_machines_of_his_own_one_by_one(void **state)
{
    static const struct {
        const char *body;
        unsigned plan, job;
    } cases[] = {
        {"{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}", 200, 202},
        {"{\"verb\":\"restore\",\"machines\":[\"lab-1\",\"lab-3\"]}", 200, 202},
        {"{\"verb\":\"restore\",\"machines\":[\"lab-2\"]}", 404, 404},
        {"{\"verb\":\"restore\",\"machines\":[\"lab-1\",\"lab-2\"]}", 404, 404},
        {"{\"verb\":\"restore\",\"machines\":[\"nowhere\"]}", 404, 404},
        {"{\"verb\":\"restore\",\"all_of\":\"demo-v1\"}", 403, 403},
        {"{\"verb\":\"start\",\"all_of\":\"demo-v1\",\"match\":\"lab-1\"}", 403, 403},
    };
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        web_expect(anna, "POST", "/api/v1/plans", cases[i].body, cases[i].plan);
        web_expect(anna, "POST", "/api/v1/jobs", cases[i].body, cases[i].job);
    }
}

/* A machine that takes a name later must not get what was asked for another. */
static void a_users_job_holds_on_to_the_machine_and_not_to_its_name(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    web_expect(anna, "POST", "/api/v1/jobs", "{\"verb\":\"start\",\"machines\":[\"lab-1\"]}", 202);
    const Job *job = fake_world_job(world, 0);
    assert_string_equal(job->request->machines->pdata[0], LAB_1);
    assert_string_equal(job->requested_by, "anna");
}

static char *submit(WebClient *client, const char *machine)
{
    g_autofree char *body = g_strdup_printf("{\"verb\":\"start\",\"machines\":[\"%s\"]}", machine);
    g_auto(WebAnswer) answer = web_ask(client, "POST", "/api/v1/jobs", body);
    assert_int_equal(answer.status, 202);
    return g_strdup(web_text(&answer, "id"));
}

static void a_user_sees_the_jobs_that_he_has_asked_for(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) bert = web_client_logged_in(*state, "bert");
    g_autofree char *job = submit(anna, "lab-1");
    g_autofree char *target = g_strconcat("/api/v1/jobs/", job, NULL);
    g_autofree char *cancel = g_strconcat(target, "/cancel", NULL);
    assert_list(anna, "/api/v1/jobs", "id", job);
    assert_list(bert, "/api/v1/jobs", "id", "");
    web_expect(anna, "GET", target, NULL, 200);
    web_expect(bert, "GET", target, NULL, 404);
    web_expect(bert, "POST", cancel, NULL, 404);
    web_expect(anna, "GET", "/api/v1/jobs/0000000000000002", NULL, 404);
    web_expect(anna, "POST", cancel, NULL, 202);
}

static void the_pages_of_jobs_skip_those_of_others(void **state)
{
    g_autoptr(WebClient) anna = web_client_logged_in(*state, "anna");
    g_autoptr(WebClient) bert = web_client_logged_in(*state, "bert");
    g_autofree char *one = submit(anna, "lab-1"), *others = submit(bert, "lab-1");
    g_autofree char *two = submit(anna, "lab-3");
    g_autofree char *rest = g_strconcat("/api/v1/jobs?limit=1&after=", two, NULL);
    (void)others;
    assert_list(anna, "/api/v1/jobs?limit=1", "id", two);
    assert_list(anna, rest, "id", one);
}

static void a_job_disappears_with_the_machine(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) adam = web_client_logged_in(world, "adam");
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    g_autofree char *job = submit(anna, "lab-1");
    g_autofree char *target = g_strconcat("/api/v1/jobs/", job, NULL);
    g_ptr_array_add(fake_world_job(world, 0)->items, job_item_new(LAB_1, "lab-1"));
    web_expect(anna, "GET", target, NULL, 200);
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"machines\":[\"lab-3\"]}", 200);
    web_expect(anna, "GET", target, NULL, 404);
}

static void an_account_made_anew_does_not_inherit_jobs(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_autoptr(WebClient) anna = web_client_logged_in(world, "anna");
    g_autofree char *job = submit(anna, "lab-1");
    g_autofree char *target = g_strconcat("/api/v1/jobs/", job, NULL);
    web_expect(root, "DELETE", "/api/v1/accounts/anna", NULL, 204);
    web_expect(anna, "GET", "/api/v1/machines", NULL, 401);
    clock_advance(world->clock, 1);
    web_add_account(world, "anna", "user", "lab-1");
    g_autoptr(WebClient) other = web_client_logged_in(world, "anna");
    web_expect(other, "GET", target, NULL, 404);
}

/* --- events ----------------------------------------------------------------------------------- */

static void stay(gpointer data)
{
    (void)data;
}

static EventReader *listen_as(FakeWorld *world, const char *name, const char *last)
{
    g_autoptr(WebClient) client = web_client_logged_in(world, name);
    g_autoptr(Identity) identity =
        access_session(world->api.access, strchr(client->cookie, '=') + 1, NULL);
    /* The stream goes by the host's clock, the accounts by the test's. */
    identity->expires_at = 0;
    return event_reader_new(world->api.events, identity, last, stay, stay, NULL, NULL);
}

/* What has come since the last call: the types, joined by ','. Caller frees. */
static char *heard(EventReader *reader)
{
    char buffer[65536] = "";
    gssize length = event_reader_read(reader, buffer, sizeof buffer - 1);
    if (length < 0)
        return g_strdup("end");
    GString *types = g_string_new(NULL);
    for (const char *at = buffer; (at = strstr(at, "event: ")); at++) {
        gsize size = strcspn(at + 7, "\n");
        g_string_append_printf(types, "%s%.*s", types->len ? "," : "", (int)size, at + 7);
    }
    return g_string_free(types, FALSE);
}

static void assert_heard(EventReader *reader, const char *expected)
{
    g_autofree char *types = heard(reader);
    assert_string_equal(types, expected);
}

static void a_user_hears_of_his_machines_only(void **state)
{
    FakeWorld *world = *state;
    EventReader *anna = listen_as(world, "anna", NULL), *otto = listen_as(world, "otto", NULL);
    assert_heard(anna, "hello");
    assert_heard(otto, "hello");
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_2);
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_1);
    fake_world_emit_engine(world, ENGINE_LAYERS_CHANGED, "x");
    fake_world_emit_engine(world, ENGINE_HOST_CHANGED, NULL);
    fake_world_emit_engine(world, ENGINE_MACHINE_REMOVED, LAB_3);
    assert_heard(anna, "machine,machine-removed");
    assert_heard(otto, "machine,machine,layers,host,machine-removed");
    event_reader_free(anna);
    event_reader_free(otto);
}

static void a_user_hears_of_his_jobs_only(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) client = web_client_logged_in(world, "anna");
    g_autofree char *id = submit(client, "lab-1");
    EventReader *anna = listen_as(world, "anna", NULL), *bert = listen_as(world, "bert", NULL);
    assert_heard(anna, "hello");
    assert_heard(bert, "hello");
    Job *job = fake_world_job(world, 0), *roots = fake_world_job(world, 1);
    JobItem *his = job_item_new(LAB_1, "lab-1"), *other = job_item_new(LAB_2, "lab-2");
    fake_world_emit_job(world, JOBS_JOB_CHANGED, job, NULL);
    fake_world_emit_job(world, JOBS_ITEM_CHANGED, job, his);
    fake_world_emit_job(world, JOBS_ITEM_CHANGED, job, other);
    fake_world_emit_job(world, JOBS_JOB_CHANGED, roots, NULL);
    fake_world_emit_job(world, JOBS_ITEM_CHANGED, roots, his);
    job_item_free(his);
    job_item_free(other);
    assert_heard(anna, "job,item");
    assert_heard(bert, "");
    event_reader_free(anna);
    event_reader_free(bert);
}

static void a_change_of_the_account_ends_its_streams_and_begins_anew(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) adam = web_client_logged_in(world, "adam");
    EventReader *anna = listen_as(world, "anna", NULL), *bert = listen_as(world, "bert", NULL);
    assert_heard(anna, "hello");
    assert_heard(bert, "hello");
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_1);
    assert_heard(anna, "machine");
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"machines\":[\"lab-2\"]}", 200);
    assert_heard(anna, "end");
    assert_heard(bert, "machine");
    event_reader_free(anna);
    anna = listen_as(world, "anna", "1");
    assert_heard(anna, "reset");
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_1);
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_2);
    assert_heard(anna, "machine");
    event_reader_free(anna);
    event_reader_free(bert);
}

static void what_was_not_his_before_is_not_resumed(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) adam = web_client_logged_in(world, "adam");
    EventReader *before = listen_as(world, "anna", NULL);
    char buffer[256] = "";
    assert_true(event_reader_read(before, buffer, sizeof buffer - 1) > 0);
    g_autofree char *last = g_strndup(buffer + strlen("id: "), strcspn(buffer + 4, "\n"));
    event_reader_free(before);
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, LAB_1);
    EventReader *resumed = listen_as(world, "anna", last);
    assert_heard(resumed, "hello,machine");
    event_reader_free(resumed);
    web_expect(adam, "PATCH", "/api/v1/accounts/anna", "{\"machines\":[\"lab-2\"]}", 200);
    EventReader *changed = listen_as(world, "anna", last);
    assert_heard(changed, "reset");
    event_reader_free(changed);
}

static void a_logout_ends_the_streams_of_that_session(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(WebClient) client = web_client_logged_in(world, "anna");
    g_autoptr(Identity) identity =
        access_session(world->api.access, strchr(client->cookie, '=') + 1, NULL);
    identity->expires_at = 0;
    EventReader *here = event_reader_new(world->api.events, identity, NULL, stay, stay, NULL, NULL);
    EventReader *elsewhere = listen_as(world, "anna", NULL);
    assert_heard(here, "hello");
    assert_heard(elsewhere, "hello");
    web_expect(client, "DELETE", "/api/v1/session", NULL, 204);
    assert_heard(here, "end");
    assert_heard(elsewhere, "");
    event_reader_free(here);
    event_reader_free(elsewhere);
}

static void a_stream_ends_with_the_session(void **state)
{
    FakeWorld *world = *state;
    g_autoptr(Identity) identity = identity_new_peer("root");
    identity->expires_at = 1;
    EventReader *reader =
        event_reader_new(world->api.events, identity, NULL, stay, stay, NULL, NULL);
    assert_heard(reader, "end");
    event_reader_free(reader);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)
    const struct CMUnitTest tests[] = {
        CASE(what_is_wrong_is_told_to_those_who_can_mend_it),
        CASE(a_user_is_shown_his_machines),
        CASE(a_page_of_a_user_does_not_tell_of_others),
        CASE(a_base_exists_for_him_who_has_a_clone_of_it),
        CASE(another_machine_is_as_unknown_as_one_that_is_not_there),
        CASE(an_assignment_counts_at_once_both_ways),
        CASE(a_removed_machine_is_nobodys),
        CASE(a_user_names_machines_of_his_own_one_by_one),
        CASE(a_users_job_holds_on_to_the_machine_and_not_to_its_name),
        CASE(a_user_sees_the_jobs_that_he_has_asked_for),
        CASE(the_pages_of_jobs_skip_those_of_others),
        CASE(a_job_disappears_with_the_machine),
        CASE(an_account_made_anew_does_not_inherit_jobs),
        CASE(a_user_hears_of_his_machines_only),
        CASE(a_user_hears_of_his_jobs_only),
        CASE(a_change_of_the_account_ends_its_streams_and_begins_anew),
        CASE(what_was_not_his_before_is_not_resumed),
        CASE(a_logout_ends_the_streams_of_that_session),
        CASE(a_stream_ends_with_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
