/* Every handler, through dispatch, its answers held against the document. */
#include "cmocka_prelude.h"

#include <string.h>

#include "fake_world.h"
#include "foundation/error.h"
#include "http/dispatch.h"
#include "http/routes.h"
#include "schema.h"

static FakeWorld *world;
static json_t *document;

static int make_world(void **state)
{
    (void)state;
    world = fake_world_new(12);
    document = schema_document();
    return 0;
}

static int drop_world(void **state)
{
    (void)state;
    fake_world_free(world);
    json_decref(document);
    return 0;
}

typedef struct {
    unsigned status;
    json_t *json; /* NULL: no JSON */
    char *text;
    char *location;
} Answer;

static void answer_clear(Answer *answer)
{
    json_decref(answer->json);
    g_free(answer->text);
    g_free(answer->location);
}

static void check_against_document(const Route *route, const HttpResponse *response,
                                   const json_t *json)
{
    const char *content_type = NULL;
    const json_t *schema =
        schema_of_answer(document, route->method, route->pattern, response->status, &content_type);
    assert_non_null(schema);
    assert_true(g_str_has_prefix(response->content_type, content_type));
    g_autofree char *mismatch = json ? schema_mismatch(document, schema, json) : NULL;
    if (mismatch)
        fail_msg("%s %s, %u: %s", route->method, route->pattern, response->status, mismatch);
}

static Answer ask_as(Peer peer, const char *method, const char *target, const char *key,
                     const char *body)
{
    gsize count;
    const Route *routes = routes_all(&count);
    g_autoptr(HttpRequest) request = http_request_new(method, target);
    HttpResponse *refusal = NULL;
    const char *query = strchr(target, '?');
    const Route *route = router_match(routes, count, request, query ? query + 1 : NULL, &refusal);
    request->peer = peer;
    if (key)
        http_request_add_header(request, "Idempotency-Key", key);
    if (body)
        g_byte_array_append(request->body, (const guint8 *)body, (guint)strlen(body));
    g_autoptr(HttpResponse) response = route ? dispatch(&world->api, route, request) : refusal;
    gsize length = 0;
    const char *bytes = response->body ? g_bytes_get_data(response->body, &length) : "";
    Answer answer = {.status = response->status,
                     .text = g_strndup(bytes, length),
                     .json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL),
                     .location = g_strdup(http_response_header(response, "Location"))};
    if (route)
        check_against_document(route, response, answer.json);
    return answer;
}

static Answer ask(const char *method, const char *target, const char *body)
{
    return ask_as((Peer){.is_unix = TRUE, .is_known = TRUE}, method, target, NULL, body);
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    assert_non_null(text);
    return text;
}

static void assert_problem(const char *method, const char *target, const char *body,
                           unsigned status, const char *code)
{
    Answer answer = ask(method, target, body);
    assert_int_equal(answer.status, status);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "status")), status);
    assert_string_equal(text_of(answer.json, "code"), code);
    assert_true(strlen(text_of(answer.json, "detail")) > 0);
    answer_clear(&answer);
}

/* The names on a page, joined; and its cursor. */
static char *names_at(const char *target, char **next_out)
{
    Answer answer = ask("GET", target, NULL);
    assert_int_equal(answer.status, 200);
    GString *names = g_string_new(NULL);
    gsize index;
    json_t *item;
    json_array_foreach(json_object_get(answer.json, "items"), index, item)
        g_string_append_printf(names, "%s%s", index ? " " : "", text_of(item, "name"));
    const char *next = json_string_value(json_object_get(answer.json, "next"));
    if (next_out)
        *next_out = g_strdup(next);
    answer_clear(&answer);
    return g_string_free(names, FALSE);
}

static void assert_names(const char *target, const char *expected)
{
    g_autofree char *names = names_at(target, NULL);
    assert_string_equal(names, expected);
}

static void machines_are_listed_by_name_with_numbers_by_value(void **state)
{
    (void)state;
    assert_names("/api/v1/machines",
                 "demo-v1 lab-1 lab-2 lab-3 lab-4 lab-5 lab-6 lab-7 lab-8 lab-9 lab-10 "
                 "lab-11 lab-12 plain");
}

static void pages_join_to_the_whole_list(void **state)
{
    (void)state;
    g_autofree char *target = g_strdup("/api/v1/machines?limit=5");
    g_autoptr(GString) all = g_string_new(NULL);
    guint pages = 0;
    while (target) {
        g_autofree char *next = NULL;
        g_autofree char *names = names_at(target, &next);
        g_string_append_printf(all, "%s ", names);
        g_free(target);
        target = next ? g_strdup_printf("/api/v1/machines?limit=5&after=%s", next) : NULL;
        pages++;
    }
    assert_int_equal(pages, 3);
    assert_string_equal(all->str,
                        "demo-v1 lab-1 lab-2 lab-3 lab-4 lab-5 lab-6 lab-7 lab-8 lab-9 lab-10 "
                        "lab-11 lab-12 plain ");
}

static void a_cursor_whose_machine_has_gone_still_works(void **state)
{
    (void)state;
    assert_names("/api/v1/machines?after=lab-9-gone&limit=2", "lab-10 lab-11");
    assert_names("/api/v1/machines?after=zzz", "");
}

/* Page by page, the same members but for the volumes. */
static void the_view_for_lists_says_what_volumes_come_to(void **state)
{
    (void)state;
    Answer whole = ask("GET", "/api/v1/machines?kind=clone&limit=5", NULL);
    Answer rows = ask("GET", "/api/v1/machines?kind=clone&limit=5&view=list", NULL);
    json_t *items = json_object_get(rows.json, "items");
    gsize index;
    json_t *machine;
    assert_int_equal(json_array_size(items), 5);
    json_array_foreach(json_object_get(whole.json, "items"), index, machine)
    {
        json_t *row = json_array_get(items, index);
        json_t *roles = json_object_get(row, "roles");
        gsize volumes = json_array_size(json_object_get(machine, "volumes"));
        assert_int_equal(json_integer_value(json_object_get(roles, "system")) +
                             json_integer_value(json_object_get(roles, "temporary")) +
                             json_integer_value(json_object_get(roles, "data")),
                         volumes);
        json_object_del(machine, "volumes");
        json_object_del(row, "capacity_bytes");
        json_object_del(row, "roles");
    }
    assert_true(json_equal(whole.json, rows.json));
    answer_clear(&whole);
    answer_clear(&rows);
}

static void machines_are_filtered(void **state)
{
    (void)state;
    assert_names("/api/v1/machines?kind=base", "demo-v1");
    assert_names("/api/v1/machines?kind=machine", "plain");
    assert_names("/api/v1/machines?match=lab-1%2A", "lab-1 lab-10 lab-11 lab-12");
    assert_names("/api/v1/machines?base=demo-v1&match=*-%5B12%5D", "lab-1 lab-2");
    assert_names("/api/v1/machines?pending=true", "lab-3");
    assert_names("/api/v1/machines?power=running", "lab-1");
    assert_names("/api/v1/machines?power=stalled", "");
    assert_names("/api/v1/machines?pending=false&kind=clone&limit=3", "lab-1 lab-2 lab-4");
}

static void senseless_filters_are_refused(void **state)
{
    (void)state;
    assert_problem("GET", "/api/v1/machines?kind=thing", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?pending=maybe", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?power=asleep", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?limit=0", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?limit=10001", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?limit=1x", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?after=", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?view=tree", NULL, 400, "invalid");
    assert_problem("GET", "/api/v1/machines?base=nobody", NULL, 404, "not-found");
    assert_problem("GET", "/api/v1/machines?colour=red", NULL, 400, "invalid");
}

static void a_listed_machine_says_what_it_is(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/machines?match=lab-1", NULL);
    const json_t *machine = json_array_get(json_object_get(answer.json, "items"), 0);
    assert_string_equal(text_of(machine, "kind"), "clone");
    assert_string_equal(text_of(machine, "base"), "demo-v1");
    assert_string_equal(text_of(machine, "power"), "running");
    answer_clear(&answer);
}

static void one_machine_is_found_by_name_uuid_and_id(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/api/v1/machines/lab-1", "/api/v1/machines/c000000000000001",
        "/api/v1/machines/00000000-0000-4000-8000-000000010001", "/api/v1/machines/%6cab-1"};
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        Answer answer = ask("GET", targets[i], NULL);
        assert_int_equal(answer.status, 200);
        assert_string_equal(text_of(answer.json, "name"), "lab-1");
        assert_true(json_is_array(json_object_get(answer.json, "undo")));
        answer_clear(&answer);
    }
    assert_problem("GET", "/api/v1/machines/a%2Fb", NULL, 404, "not-found");
}

static void a_base_names_its_clones(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/machines/demo-v1", NULL);
    assert_int_equal(json_array_size(json_object_get(answer.json, "clones")), 12);
    answer_clear(&answer);
}

static gint64 number_at(const json_t *json, const char *member, const char *name)
{
    const json_t *object = member ? json_object_get(json, member) : json;
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void a_machine_says_what_it_takes_in_the_store(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/machines/lab-1/space", NULL);
    assert_int_equal(answer.status, 200);
    const json_t *volumes = json_object_get(answer.json, "volumes");
    gsize count = json_array_size(volumes);
    assert_true(count > 0);
    assert_string_equal(text_of(json_array_get(volumes, 0), "role"), "system");
    assert_int_equal(number_at(json_array_get(volumes, 0), NULL, "allocated_bytes"), 4096);
    assert_int_equal(number_at(answer.json, NULL, "total_bytes"), 1000 + 4096 * count);
    answer_clear(&answer);
    assert_problem("GET", "/api/v1/machines/nobody/space", NULL, 404, "not-found");
}

static void the_storage_says_where_the_room_goes(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/storage", NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(number_at(answer.json, "undo", "bytes"), 3000);
    assert_int_equal(number_at(answer.json, "undo", "budget_percent"), 10);
    assert_int_equal(number_at(answer.json, "trash", "count"), 2);
    assert_int_equal(number_at(answer.json, "kept", "bytes"), 100);
    const json_t *releases = json_object_get(answer.json, "releases");
    assert_int_equal(json_array_size(releases), 2);
    assert_string_equal(text_of(json_array_get(releases, 0), "what"), "undo");
    assert_string_equal(text_of(json_array_get(releases, 1), "what"), "trash");
    assert_string_equal(text_of(json_array_get(releases, 0), "at"), "2023-11-14T22:13:20Z");
    assert_int_equal(json_array_size(json_object_get(answer.json, "samples")), 1);
    assert_int_equal(number_at(answer.json, "forecast", "bytes_per_day"), -512);
    assert_true(json_is_null(json_object_get(json_object_get(answer.json, "forecast"), "full_at")));
    answer_clear(&answer);
}

static void without_history_there_is_no_forecast(void **state)
{
    (void)state;
    fake_world_set_no_history(world, TRUE);
    Answer answer = ask("GET", "/api/v1/storage", NULL);
    fake_world_set_no_history(world, FALSE);
    assert_int_equal(answer.status, 200);
    assert_true(json_is_null(json_object_get(answer.json, "forecast")));
    answer_clear(&answer);
    fake_world_set_status_fails(world, TRUE);
    assert_problem("GET", "/api/v1/storage", NULL, 503, "unavailable");
    fake_world_set_status_fails(world, FALSE);
}

static void the_history_has_the_receipt_as_an_object(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/machines/lab-1/history?limit=5", NULL);
    const json_t *entry = json_array_get(json_object_get(answer.json, "items"), 0);
    assert_string_equal(text_of(entry, "verb"), "restore");
    assert_string_equal(text_of(entry, "state"), "done");
    assert_true(json_is_object(json_object_get(json_object_get(entry, "receipt"), "vdc")));
    answer_clear(&answer);
    assert_problem("GET", "/api/v1/machines/nobody/history", NULL, 404, "not-found");
}

static void a_plan_is_answered_and_changes_nothing(void **state)
{
    (void)state;
    Answer answer = ask("POST", "/api/v1/plans", "{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_of(answer.json, "verb"), "restore");
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
    answer_clear(&answer);
}

static void bad_requests_say_where_they_are_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"verb\":\"restore\",\"verb\":\"undo\"}",
        "{\"verb\":\"fly\"}",
        "{\"verb\":\"restore\",\"machines\":\"lab-1\"}",
        "{\"verb\":\"restore\",\"machines\":[\"lab-1\"],\"fast\":true}",
        "{\"verb\":\"restore\",\"machines\":[\"\xff\"]}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_problem("POST", "/api/v1/plans", bad[i], 400, "invalid");
        assert_problem("POST", "/api/v1/jobs", bad[i], 400, "invalid");
    }
}

static void a_deep_body_is_refused_and_not_recursed_into(void **state)
{
    (void)state;
    g_autoptr(GString) body = g_string_new(NULL);
    for (guint i = 0; i < 100000; i++)
        g_string_append_c(body, '[');
    assert_problem("POST", "/api/v1/plans", body->str, 400, "invalid");
}

static void bugs_show_no_internals(void **state)
{
    (void)state;
    Answer answer = ask("POST", "/api/v1/plans", "{\"verb\":\"reclaim\"}");
    assert_int_equal(answer.status, 500);
    assert_string_equal(text_of(answer.json, "code"), "bug");
    assert_null(strstr(answer.text, "of ours"));
    answer_clear(&answer);
}

static void a_job_is_accepted_with_its_address(void **state)
{
    (void)state;
    Answer answer = ask("POST", "/api/v1/jobs", "{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}");
    assert_int_equal(answer.status, 202);
    g_autofree char *address = g_strdup_printf("/api/v1/jobs/%s", text_of(answer.json, "id"));
    assert_string_equal(answer.location, address);
    assert_string_equal(text_of(answer.json, "requested_by"), "root");
    Answer shown = ask("GET", address, NULL);
    assert_int_equal(shown.status, 200);
    answer_clear(&answer);
    answer_clear(&shown);
}

static void the_same_key_is_the_same_job(void **state)
{
    (void)state;
    static const char body[] = "{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}";
    Peer root = {.is_unix = TRUE, .is_known = TRUE};
    Answer one = ask_as(root, "POST", "/api/v1/jobs", "key-1", body);
    Answer two = ask_as(root, "POST", "/api/v1/jobs", "key-1", body);
    Answer three = ask_as(root, "POST", "/api/v1/jobs", "key-2", body);
    assert_string_equal(text_of(one.json, "id"), text_of(two.json, "id"));
    assert_string_not_equal(text_of(one.json, "id"), text_of(three.json, "id"));
    answer_clear(&one);
    answer_clear(&two);
    answer_clear(&three);
}

static void keys_that_cannot_be_kept_are_refused(void **state)
{
    (void)state;
    g_autofree char *long_key = g_strnfill(129, 'k');
    const char *const bad[] = {"", "a b", "\x7f", "\xc3\xa4", long_key};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        Answer answer = ask_as((Peer){.is_unix = TRUE, .is_known = TRUE}, "POST", "/api/v1/jobs",
                               bad[i], "{\"verb\":\"restore\",\"machines\":[\"lab-1\"]}");
        assert_int_equal(answer.status, 400);
        answer_clear(&answer);
    }
}

static void jobs_are_listed_in_pages(void **state)
{
    (void)state;
    Answer first = ask("GET", "/api/v1/jobs?limit=1", NULL);
    const char *next = text_of(first.json, "next");
    g_autofree char *target = g_strdup_printf("/api/v1/jobs?limit=1000&after=%s", next);
    Answer rest = ask("GET", target, NULL);
    assert_true(json_array_size(json_object_get(rest.json, "items")) >= 1);
    assert_true(json_is_null(json_object_get(rest.json, "next")));
    answer_clear(&first);
    answer_clear(&rest);
}

static void a_running_job_has_an_estimate_and_a_finished_one_none(void **state)
{
    (void)state;
    Answer running = ask("GET", "/api/v1/jobs/0000000000000002", NULL);
    Answer done = ask("GET", "/api/v1/jobs/0000000000000001", NULL);
    assert_true(json_is_number(json_object_get(running.json, "estimate_seconds")));
    assert_null(json_object_get(done.json, "estimate_seconds"));
    assert_int_equal(json_array_size(json_object_get(done.json, "items")), 1);
    answer_clear(&running);
    answer_clear(&done);
}

static void cancelling_answers_the_job_or_the_refusal(void **state)
{
    (void)state;
    Answer answer = ask("POST", "/api/v1/jobs/0000000000000002/cancel", NULL);
    assert_int_equal(answer.status, 202);
    assert_string_equal(text_of(answer.json, "state"), "cancelled");
    answer_clear(&answer);
    assert_problem("POST", "/api/v1/jobs/0000000000000001/cancel", NULL, 409, "refused");
    assert_problem("POST", "/api/v1/jobs/nothing/cancel", NULL, 404, "not-found");
    assert_problem("GET", "/api/v1/jobs/nothing", NULL, 404, "not-found");
}

static void layers_are_listed_and_explained(void **state)
{
    (void)state;
    Answer list = ask("GET", "/api/v1/layers?limit=2", NULL);
    assert_int_equal(json_array_size(json_object_get(list.json, "items")), 2);
    g_autofree char *target =
        g_strdup_printf("/api/v1/layers?after=%s", text_of(list.json, "next"));
    Answer rest = ask("GET", target, NULL);
    assert_int_equal(json_array_size(json_object_get(rest.json, "items")), 1);
    g_autofree char *address = g_strdup_printf(
        "/api/v1/layers/%s", text_of(json_array_get(json_object_get(rest.json, "items"), 0), "id"));
    Answer layer = ask("GET", address, NULL);
    assert_int_equal(json_array_size(json_object_get(layer.json, "reasons")), 1);
    answer_clear(&list);
    answer_clear(&rest);
    answer_clear(&layer);
    assert_problem("GET", "/api/v1/layers/none", NULL, 404, "not-found");
}

static void kept_volumes_are_listed(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/kept-volumes", NULL);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 1);
    answer_clear(&answer);
}

static void domains_that_are_ours_are_left_out(void **state)
{
    (void)state;
    assert_names("/api/v1/domains", "db web");
    assert_names("/api/v1/domains?limit=1", "db");
    assert_names("/api/v1/domains?after=db", "web");
}

static void roles_are_proposed_by_boot_order(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/api/v1/domains", NULL);
    const json_t *items = json_object_get(answer.json, "items");
    const json_t *db = json_object_get(json_array_get(items, 0), "disks");
    const json_t *web = json_object_get(json_array_get(items, 1), "disks");
    assert_true(json_is_null(json_object_get(json_array_get(db, 0), "proposed_role")));
    assert_string_equal(text_of(json_array_get(db, 1), "proposed_role"), "data");
    assert_string_equal(text_of(json_array_get(db, 2), "proposed_role"), "system");
    assert_string_equal(text_of(json_array_get(web, 1), "proposed_role"), "system");
    assert_string_equal(text_of(json_array_get(web, 2), "proposed_role"), "data");
    answer_clear(&answer);
}

static void status_doctor_and_verbs_are_answered(void **state)
{
    (void)state;
    Answer status = ask("GET", "/api/v1/status", NULL), doctor = ask("GET", "/api/v1/doctor", NULL);
    Answer verbs = ask("GET", "/api/v1/verbs", NULL);
    assert_int_equal(json_integer_value(json_object_get(status.json, "machines")), 14);
    assert_string_equal(text_of(json_object_get(status.json, "store"), "path"), "/srv/store");
    assert_null(json_object_get(status.json, "question"));
    assert_int_equal(json_array_size(json_object_get(doctor.json, "items")), 1);
    assert_int_equal(json_array_size(json_object_get(verbs.json, "items")), VERB_COUNT);
    answer_clear(&status);
    answer_clear(&doctor);
    answer_clear(&verbs);
}

static void a_hook_that_was_not_tried_yet_is_not_called_missing(void **state)
{
    (void)state;
    fake_world_set_hook_untried(world, TRUE);
    Answer status = ask("GET", "/api/v1/status", NULL), health = ask("GET", "/healthz", NULL);
    assert_string_equal(text_of(status.json, "hook"), "not tried yet");
    assert_null(json_object_get(status.json, "hook_problem"));
    assert_string_equal(text_of(health.json, "hook"), "not tried yet");
    assert_string_equal(text_of(health.json, "status"), "degraded");
    answer_clear(&status);
    answer_clear(&health);
    fake_world_set_hook_untried(world, FALSE);
}

static void health_tells_well_from_degraded_from_questioned(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/healthz", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_of(answer.json, "status"), "ok");
    answer_clear(&answer);
    fake_world_set_libvirt_away(world, TRUE);
    answer = ask("GET", "/healthz", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_of(answer.json, "status"), "degraded");
    assert_string_equal(text_of(answer.json, "libvirt"), "away");
    answer_clear(&answer);
    fake_world_set_libvirt_away(world, FALSE);
    fake_world_set_question(world, "the catalog is older than the store");
    answer = ask("GET", "/healthz", NULL);
    assert_int_equal(answer.status, 503);
    assert_string_equal(text_of(answer.json, "store"), "questioned");
    assert_non_null(strstr(answer.text, "older than the store"));
    answer_clear(&answer);
    answer = ask("GET", "/api/v1/status", NULL);
    assert_string_equal(text_of(json_object_get(answer.json, "question"), "code"), "refused");
    answer_clear(&answer);
    fake_world_set_question(world, NULL);
    fake_world_set_status_fails(world, TRUE);
    answer = ask("GET", "/healthz", NULL);
    assert_int_equal(answer.status, 503);
    answer_clear(&answer);
    assert_problem("GET", "/api/v1/status", NULL, 503, "unavailable");
    fake_world_set_status_fails(world, FALSE);
}

static void metrics_count_machines_jobs_and_say_when_the_store_is_away(void **state)
{
    (void)state;
    Answer answer = ask("GET", "/metrics", NULL);
    assert_non_null(strstr(answer.text, "\nunderpin_machines 14\n"));
    assert_non_null(strstr(answer.text, "\nunderpin_hook_in_force 1\n"));
    assert_non_null(strstr(answer.text, "\nunderpin_reclaimable_bytes 4096\n"));
    assert_non_null(strstr(answer.text, "\nunderpin_up 1\n"));
    answer_clear(&answer);
    fake_world_set_status_fails(world, TRUE);
    answer = ask("GET", "/metrics", NULL);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.text, "\nunderpin_up 0\n"));
    assert_null(strstr(answer.text, "underpin_machines"));
    answer_clear(&answer);
    fake_world_set_status_fails(world, FALSE);
}

static void strangers_see_no_machine(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    const Peer stranger = {
        .is_unix = TRUE, .is_known = TRUE, .uid = 4000000000u, .gid = 4000000000u};
    guint open = 0;
    for (gsize i = 0; i < count; i++) {
        assert_null(routes[i].query[ROUTE_QUERY_MAX]);
        Answer answer = ask_as(stranger, routes[i].method, routes[i].pattern, NULL, "{}");
        if (routes[i].permission == ALLOW_ANYONE) {
            /* A body that says nothing is a bad one, and so is a WebSocket without its headers. */
            gboolean is_bad =
                routes[i].takes_body || g_str_has_prefix(routes[i].pattern, "/console/");
            assert_int_equal(answer.status, is_bad ? 400 : 200);
            open++;
        } else {
            assert_int_equal(answer.status, 403);
            assert_string_equal(text_of(answer.json, "code"), "denied");
            assert_true(strlen(text_of(answer.json, "hint")) > 0);
        }
        answer_clear(&answer);
    }
    assert_int_equal(open, 7);
}

/* How long the handler takes, without the check of its answer. For the log: machines differ. */
static void print_duration(const char *target)
{
    gsize count;
    const Route *routes = routes_all(&count);
    g_autoptr(HttpRequest) request = http_request_new("GET", target);
    g_autoptr(HttpResponse) refusal = NULL;
    const Route *route = router_match(routes, count, request, strchr(target, '?') + 1, &refusal);
    request->peer = (Peer){.is_unix = TRUE, .is_known = TRUE};
    gint64 start = g_get_monotonic_time();
    g_autoptr(HttpResponse) response = dispatch(&world->api, route, request);
    double milliseconds = (double)(g_get_monotonic_time() - start) / 1000;
    print_message("%s: %.1f ms, %zu bytes\n", target, milliseconds,
                  g_bytes_get_size(response->body));
}

static void ten_thousand_machines_come_in_one_page(void **state)
{
    (void)state;
    FakeWorld *small = world;
    world = fake_world_new(9998);
    guint reads = fake_world_reads(world);
    Answer answer = ask("GET", "/api/v1/machines?limit=10000", NULL);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 10000);
    assert_true(json_is_null(json_object_get(answer.json, "next")));
    assert_int_equal(fake_world_reads(world) - reads, 1);
    answer_clear(&answer);
    print_duration("/api/v1/machines?limit=10000");
    print_duration("/api/v1/machines?limit=100&after=lab-5000");
    fake_world_free(world);
    world = small;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_are_listed_by_name_with_numbers_by_value),
        cmocka_unit_test(pages_join_to_the_whole_list),
        cmocka_unit_test(a_cursor_whose_machine_has_gone_still_works),
        cmocka_unit_test(the_view_for_lists_says_what_volumes_come_to),
        cmocka_unit_test(machines_are_filtered),
        cmocka_unit_test(senseless_filters_are_refused),
        cmocka_unit_test(a_listed_machine_says_what_it_is),
        cmocka_unit_test(one_machine_is_found_by_name_uuid_and_id),
        cmocka_unit_test(a_base_names_its_clones),
        cmocka_unit_test(a_machine_says_what_it_takes_in_the_store),
        cmocka_unit_test(the_storage_says_where_the_room_goes),
        cmocka_unit_test(without_history_there_is_no_forecast),
        cmocka_unit_test(the_history_has_the_receipt_as_an_object),
        cmocka_unit_test(a_plan_is_answered_and_changes_nothing),
        cmocka_unit_test(bad_requests_say_where_they_are_bad),
        cmocka_unit_test(a_deep_body_is_refused_and_not_recursed_into),
        cmocka_unit_test(bugs_show_no_internals),
        cmocka_unit_test(a_job_is_accepted_with_its_address),
        cmocka_unit_test(the_same_key_is_the_same_job),
        cmocka_unit_test(keys_that_cannot_be_kept_are_refused),
        cmocka_unit_test(jobs_are_listed_in_pages),
        cmocka_unit_test(a_running_job_has_an_estimate_and_a_finished_one_none),
        cmocka_unit_test(cancelling_answers_the_job_or_the_refusal),
        cmocka_unit_test(layers_are_listed_and_explained),
        cmocka_unit_test(kept_volumes_are_listed),
        cmocka_unit_test(domains_that_are_ours_are_left_out),
        cmocka_unit_test(roles_are_proposed_by_boot_order),
        cmocka_unit_test(status_doctor_and_verbs_are_answered),
        cmocka_unit_test(a_hook_that_was_not_tried_yet_is_not_called_missing),
        cmocka_unit_test(health_tells_well_from_degraded_from_questioned),
        cmocka_unit_test(metrics_count_machines_jobs_and_say_when_the_store_is_away),
        cmocka_unit_test(strangers_see_no_machine),
        cmocka_unit_test(ten_thousand_machines_come_in_one_page),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
