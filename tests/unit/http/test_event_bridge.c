/* What engine and queue report, as events. */
#include "cmocka_prelude.h"

#include <string.h>

#include "fake_world.h"
#include "http/event_bridge.h"
#include "schema.h"

static void stay(gpointer data)
{
    (void)data;
}

typedef struct {
    FakeWorld *world;
    EventReader *reader;
} Listening;

static Listening listen_to_world(void)
{
    Listening listening = {.world = fake_world_new(3)};
    assert_true(event_bridge_connect(&listening.world->api, NULL));
    listening.reader =
        event_reader_new(listening.world->api.events, NULL, NULL, stay, stay, NULL, NULL);
    char greeting[256];
    assert_true(event_reader_read(listening.reader, greeting, sizeof greeting) > 0);
    return listening;
}

static void stop_listening(Listening *listening)
{
    event_reader_free(listening->reader);
    fake_world_free(listening->world);
}

/* The data of the next event, which must be of this type. */
static json_t *expect_event(Listening *listening, const char *type)
{
    char buffer[8192] = "";
    gssize length = event_reader_read(listening->reader, buffer, sizeof buffer - 1);
    assert_true(length > 0);
    g_autofree char *line = g_strdup_printf("\nevent: %s\ndata: ", type);
    const char *data = strstr(buffer, line);
    if (!data)
        fail_msg("no event '%s' in: %s", type, buffer);
    json_t *json = json_loads(data + strlen(line), JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(json);
    return json;
}

static void expect_nothing(Listening *listening)
{
    char buffer[64];
    assert_int_equal(event_reader_read(listening->reader, buffer, sizeof buffer), 0);
}

static void assert_fits(const json_t *json, const char *schema)
{
    json_t *document = schema_document();
    g_autofree char *reference = g_strdup_printf("#/components/schemas/%s", schema);
    g_autofree char *mismatch = schema_mismatch(document, schema_follow(document, reference), json);
    if (mismatch)
        fail_msg("%s: %s", schema, mismatch);
    json_decref(document);
}

static void a_changed_machine_is_sent_as_the_list_shows_it(void **state)
{
    (void)state;
    Listening listening = listen_to_world();
    static const EngineEvent events[] = {ENGINE_MACHINE_CHANGED, ENGINE_MACHINE_SETTLED};
    for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
        fake_world_emit_engine(listening.world, events[i], "c000000000000001");
        json_t *json = expect_event(&listening, "machine");
        assert_fits(json, "Machine");
        assert_string_equal(json_string_value(json_object_get(json, "name")), "lab-1");
        assert_string_equal(json_string_value(json_object_get(json, "base")), "demo-v1");
        assert_string_equal(json_string_value(json_object_get(json, "power")), "running");
        json_decref(json);
    }
    stop_listening(&listening);
}

static void a_machine_that_has_gone_meanwhile_is_not_sent(void **state)
{
    (void)state;
    Listening listening = listen_to_world();
    fake_world_emit_engine(listening.world, ENGINE_MACHINE_CHANGED, "ffffffffffffffff");
    expect_nothing(&listening);
    fake_world_emit_engine(listening.world, ENGINE_MACHINE_REMOVED, "ffffffffffffffff");
    json_t *json = expect_event(&listening, "machine-removed");
    assert_string_equal(json_string_value(json_object_get(json, "id")), "ffffffffffffffff");
    json_decref(json);
    stop_listening(&listening);
}

static void layers_and_host_are_announced_and_inner_affairs_are_not(void **state)
{
    (void)state;
    Listening listening = listen_to_world();
    fake_world_emit_engine(listening.world, ENGINE_LAYERS_CHANGED, "x");
    json_decref(expect_event(&listening, "layers"));
    fake_world_emit_engine(listening.world, ENGINE_HOST_CHANGED, NULL);
    json_decref(expect_event(&listening, "host"));
    fake_world_emit_engine(listening.world, ENGINE_WANTS_SETTLE, "x");
    expect_nothing(&listening);
    stop_listening(&listening);
}

static void jobs_and_items_are_sent_apart(void **state)
{
    (void)state;
    Listening listening = listen_to_world();
    const Job *job = fake_world_job(listening.world, 0);
    fake_world_emit_job(listening.world, JOBS_JOB_CHANGED, job, NULL);
    json_t *json = expect_event(&listening, "job");
    assert_fits(json, "Job");
    assert_null(json_object_get(json, "items"));
    json_decref(json);
    fake_world_emit_job(listening.world, JOBS_ITEM_CHANGED, job, job->items->pdata[0]);
    json = expect_event(&listening, "item");
    assert_string_equal(json_string_value(json_object_get(json, "job")), job->id);
    assert_fits(json_object_get(json, "item"), "Item");
    json_decref(json);
    stop_listening(&listening);
}

static void the_tally_knows_open_jobs_of_before_and_counts_ends_once(void **state)
{
    (void)state;
    Listening listening = listen_to_world();
    guint64 counts[JOB_STATE_COUNT];
    job_tally_read(listening.world->api.tally, counts);
    assert_int_equal(counts[JOB_RUNNING], 1);
    assert_int_equal(counts[JOB_DONE], 0);
    Job *job = fake_world_job(listening.world, 0);
    job->state = JOB_PENDING;
    fake_world_emit_job(listening.world, JOBS_JOB_CHANGED, job, NULL);
    job_tally_read(listening.world->api.tally, counts);
    assert_int_equal(counts[JOB_RUNNING], 0);
    assert_int_equal(counts[JOB_PENDING], 1);
    job->state = JOB_DONE;
    fake_world_emit_job(listening.world, JOBS_JOB_CHANGED, job, NULL);
    fake_world_emit_job(listening.world, JOBS_JOB_CHANGED, job, NULL);
    job_tally_read(listening.world->api.tally, counts);
    assert_int_equal(counts[JOB_PENDING], 0);
    assert_int_equal(counts[JOB_DONE], 1);
    stop_listening(&listening);
}

static void nothing_is_rendered_while_nobody_listens(void **state)
{
    (void)state;
    FakeWorld *world = fake_world_new(3);
    assert_true(event_bridge_connect(&world->api, NULL));
    guint reads = fake_world_reads(world);
    fake_world_emit_engine(world, ENGINE_MACHINE_CHANGED, "c000000000000001");
    assert_int_equal(fake_world_reads(world), reads);
    fake_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_machine_is_sent_as_the_list_shows_it),
        cmocka_unit_test(a_machine_that_has_gone_meanwhile_is_not_sent),
        cmocka_unit_test(layers_and_host_are_announced_and_inner_affairs_are_not),
        cmocka_unit_test(jobs_and_items_are_sent_apart),
        cmocka_unit_test(the_tally_knows_open_jobs_of_before_and_counts_ends_once),
        cmocka_unit_test(nothing_is_rendered_while_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
