/* The ring of events and its readers. */
#include "cmocka_prelude.h"

#include <string.h>

#include "foundation/error.h"
#include "http/event_stream.h"

/* What a reader's switch saw: whether it sleeps, and how often it was woken. */
typedef struct {
    gboolean parked;
    gint woken; /* atomic: the stream's keeper wakes, too */
} Sleeper;

static void park(gpointer data)
{
    ((Sleeper *)data)->parked = TRUE;
}

static void wake(gpointer data)
{
    Sleeper *sleeper = data;
    assert_true(sleeper->parked);
    sleeper->parked = FALSE;
    g_atomic_int_inc(&sleeper->woken);
}

static EventStream *stream_with(guint events, gsize bytes, guint linger_seconds)
{
    EventStreamConfig config = {.event_limit = events,
                                .byte_limit = bytes,
                                .reader_limit = 2,
                                .linger_seconds = linger_seconds,
                                .first_sequence = 100};
    return event_stream_new(&config);
}

static void publish(EventStream *stream, const char *name)
{
    event_stream_publish(stream, "machine", json_pack("{s:s}", "id", name), NULL);
}

/* Everything that is to be read now, in reads of `size` bytes. */
static char *read_all(EventReader *reader, gsize size)
{
    GString *text = g_string_new(NULL);
    g_autofree char *buffer = g_malloc(size);
    gssize length;
    while ((length = event_reader_read(reader, buffer, size)) > 0)
        g_string_append_len(text, buffer, length);
    if (length < 0)
        g_string_append(text, "END");
    return g_string_free(text, FALSE);
}

static void assert_reads(EventReader *reader, const char *expected)
{
    g_autofree char *text = read_all(reader, 4096);
    assert_string_equal(text, expected);
}

static void a_reader_is_greeted_and_hears_what_follows(void **state)
{
    (void)state;
    EventStream *stream = stream_with(8, 4096, 0);
    publish(stream, "before");
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    assert_reads(reader, "id: 100\nevent: hello\ndata: {\"sequence\":100}\n\n");
    assert_true(sleeper.parked);
    publish(stream, "a");
    assert_false(sleeper.parked);
    publish(stream, "b");
    assert_int_equal(sleeper.woken, 1);
    assert_reads(reader, "id: 101\nevent: machine\ndata: {\"id\":\"a\"}\n\n"
                         "id: 102\nevent: machine\ndata: {\"id\":\"b\"}\n\n");
    event_reader_free(reader);
    event_stream_free(stream);
}

static void events_come_whole_through_the_smallest_buffer(void **state)
{
    (void)state;
    EventStream *stream = stream_with(8, 4096, 0);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    publish(stream, "a");
    g_autofree char *text = read_all(reader, 1);
    assert_string_equal(text, "id: 99\nevent: hello\ndata: {\"sequence\":99}\n\n"
                              "id: 100\nevent: machine\ndata: {\"id\":\"a\"}\n\n");
    event_reader_free(reader);
    event_stream_free(stream);
}

static void a_reader_resumes_after_the_last_event_it_saw(void **state)
{
    (void)state;
    EventStream *stream = stream_with(8, 4096, 60);
    for (guint i = 0; i < 4; i++)
        publish(stream, "x");
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, "102", park, wake, &sleeper, NULL);
    assert_reads(reader, "id: 102\nevent: hello\ndata: {\"sequence\":102}\n\n"
                         "id: 103\nevent: machine\ndata: {\"id\":\"x\"}\n\n");
    event_reader_free(reader);
    reader = event_reader_new(stream, NULL, "103", park, wake, &sleeper, NULL);
    assert_reads(reader, "id: 103\nevent: hello\ndata: {\"sequence\":103}\n\n");
    event_reader_free(reader);
    event_stream_free(stream);
}

static void assert_reset(EventStream *stream, const char *last_event_id, const char *expected)
{
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, last_event_id, park, wake, &sleeper, NULL);
    assert_reads(reader, expected);
    event_reader_free(reader);
}

static void what_the_ring_has_lost_is_a_reset(void **state)
{
    (void)state;
    EventStream *stream = stream_with(4, 4096, 60);
    for (guint i = 0; i < 10; i++) /* 100 … 109; 106 … 109 are held */
        publish(stream, "x");
    static const char reset[] = "id: 109\nevent: reset\ndata: {\"sequence\":109}\n\n";
    assert_reset(stream, "104", reset);
    assert_reset(stream, "99", reset);
    assert_reset(stream, "110", reset); /* from a later run: not ours */
    assert_reset(stream, "", reset);
    assert_reset(stream, "x", reset);
    assert_reset(stream, "-1", reset);
    assert_reset(stream, "18446744073709551615", reset);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, "105", park, wake, &sleeper, NULL);
    g_autofree char *text = read_all(reader, 4096);
    assert_true(g_str_has_prefix(text, "id: 105\nevent: hello\n"));
    assert_non_null(strstr(text, "id: 106\n"));
    event_reader_free(reader);
    event_stream_free(stream);
}

static void the_ring_is_bounded_by_bytes_too(void **state)
{
    (void)state;
    EventStream *stream = stream_with(1000, 100, 60); /* an event has 41 bytes: two are held */
    for (guint i = 0; i < 10; i++)
        publish(stream, "x");
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, "107", park, wake, &sleeper, NULL);
    assert_reads(reader, "id: 107\nevent: hello\ndata: {\"sequence\":107}\n\n"
                         "id: 108\nevent: machine\ndata: {\"id\":\"x\"}\n\n"
                         "id: 109\nevent: machine\ndata: {\"id\":\"x\"}\n\n");
    event_reader_free(reader);
    assert_reset(stream, "106", "id: 109\nevent: reset\ndata: {\"sequence\":109}\n\n");
    event_stream_free(stream);
}

static void a_slow_reader_is_ended_and_blocks_nobody(void **state)
{
    (void)state;
    EventStream *stream = stream_with(4, 4096, 0);
    Sleeper slow = {0}, quick = {0};
    EventReader *slow_reader = event_reader_new(stream, NULL, NULL, park, wake, &slow, NULL);
    EventReader *quick_reader = event_reader_new(stream, NULL, NULL, park, wake, &quick, NULL);
    char beginning[8];
    assert_int_equal(event_reader_read(slow_reader, beginning, sizeof beginning), sizeof beginning);
    for (guint i = 0; i < 10; i++) {
        publish(stream, "x");
        g_autofree char *text = read_all(quick_reader, 4096);
        assert_non_null(strstr(text, "event: machine"));
    }
    g_autofree char *rest = read_all(slow_reader, 4096);
    assert_string_equal(rest, "vent: hello\ndata: {\"sequence\":99}\n\nEND");
    assert_false(slow.parked);
    event_reader_free(slow_reader);
    event_reader_free(quick_reader);
    event_stream_free(stream);
}

static void idle_readers_get_a_heartbeat(void **state)
{
    (void)state;
    EventStream *stream = stream_with(4, 4096, 0);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    g_autofree char *greeting = read_all(reader, 4096);
    event_stream_beat(stream);
    assert_false(sleeper.parked);
    assert_reads(reader, "event: heartbeat\ndata: {}\n\n");
    assert_true(sleeper.parked);
    event_reader_free(reader);
    event_stream_free(stream);
}

static void readers_are_bounded(void **state)
{
    (void)state;
    EventStream *stream = stream_with(4, 4096, 0);
    Sleeper sleeper = {0};
    g_autoptr(GError) error = NULL;
    EventReader *one = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    EventReader *two = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    assert_null(event_reader_new(stream, NULL, NULL, park, wake, &sleeper, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_UNAVAILABLE);
    event_reader_free(one);
    one = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    assert_non_null(one);
    event_reader_free(one);
    event_reader_free(two);
    assert_int_equal(event_stream_readers(stream), 0);
    event_stream_free(stream);
}

static void wait_until_woken(const Sleeper *sleeper, gint times)
{
    while (g_atomic_int_get(&sleeper->woken) < times)
        g_usleep(1000);
}

static void what_comes_in_quick_succession_wakes_once(void **state)
{
    (void)state;
    const EventStreamConfig config = {.event_limit = 8,
                                      .byte_limit = 4096,
                                      .reader_limit = 2,
                                      .pace_ms = 3600 * 1000,
                                      .first_sequence = 100};
    EventStream *stream = event_stream_new(&config);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    g_free(read_all(reader, 4096));
    publish(stream, "a");
    assert_int_equal(sleeper.woken, 1);
    g_free(read_all(reader, 4096));
    publish(stream, "b");
    publish(stream, "c");
    assert_int_equal(sleeper.woken, 1);
    event_stream_beat(stream);
    assert_reads(reader, "id: 101\nevent: machine\ndata: {\"id\":\"b\"}\n\n"
                         "id: 102\nevent: machine\ndata: {\"id\":\"c\"}\n\n");
    event_reader_free(reader);
    event_stream_free(stream);
}

static void what_the_pace_holds_back_wakes_later(void **state)
{
    (void)state;
    const EventStreamConfig config = {
        .event_limit = 8, .byte_limit = 4096, .reader_limit = 2, .pace_ms = 200};
    EventStream *stream = event_stream_new(&config);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    for (gint i = 0; i < 3; i++) {
        g_free(read_all(reader, 4096));
        publish(stream, "x");
        wait_until_woken(&sleeper, i + 1);
    }
    event_reader_free(reader);
    event_stream_free(stream);
}

static void closing_wakes_and_ends_every_reader(void **state)
{
    (void)state;
    EventStream *stream = stream_with(4, 4096, 0);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    g_autofree char *greeting = read_all(reader, 4096);
    event_stream_close(stream);
    assert_false(sleeper.parked);
    assert_reads(reader, "END");
    EventReader *late = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    assert_reads(late, "END");
    event_reader_free(reader);
    event_reader_free(late);
    event_stream_free(stream);
}

static void without_an_audience_events_may_be_left_out_but_not_unnoticed(void **state)
{
    (void)state;
    EventStream *stream = stream_with(8, 4096, 0);
    assert_false(event_stream_is_heard(stream));
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    assert_true(event_stream_is_heard(stream));
    assert_reads(reader, "id: 100\nevent: hello\ndata: {\"sequence\":100}\n\n");
    event_reader_free(reader);
    assert_false(event_stream_is_heard(stream));
    assert_reset(stream, "100", "id: 101\nevent: reset\ndata: {\"sequence\":101}\n\n");
    event_stream_free(stream);

    stream = stream_with(8, 4096, 3600);
    reader = event_reader_new(stream, NULL, NULL, park, wake, &sleeper, NULL);
    event_reader_free(reader);
    assert_true(event_stream_is_heard(stream));
    event_stream_free(stream);
}

static void numbers_of_a_later_run_are_higher(void **state)
{
    (void)state;
    EventStreamConfig config;
    event_stream_config_init(&config);
    EventStream *stream = event_stream_new(&config);
    Sleeper sleeper = {0};
    EventReader *reader = event_reader_new(stream, NULL, "105", park, wake, &sleeper, NULL);
    g_autofree char *text = read_all(reader, 4096);
    assert_non_null(strstr(text, "event: reset\n"));
    /* Exact in the doubles of a browser. */
    assert_true(g_ascii_strtoull(text + strlen("id: "), NULL, 10) < ((guint64)1 << 53));
    event_reader_free(reader);
    event_stream_free(stream);
}

static Identity *identity_of(const char *account)
{
    Identity *identity = identity_new_none();
    identity->kind = IDENTITY_SESSION;
    identity->account_id = g_strdup(account);
    return identity;
}

static EventReader *reader_of(EventStream *stream, const Identity *identity)
{
    return event_reader_new(stream, identity, NULL, park, wake, NULL, NULL);
}

static void no_account_takes_all_streams_and_all_accounts_not_the_sockets(void **state)
{
    (void)state;
    EventStreamConfig config;
    event_stream_config_init(&config);
    config.reader_limit = 8;
    config.account_limit = 4;
    config.heartbeat_seconds = 0;
    EventStream *stream = event_stream_new(&config);
    g_autoptr(Identity) anna = identity_of("anna"), bert = identity_of("bert");
    g_autoptr(Identity) root = identity_new_peer("root");
    g_autoptr(GPtrArray) readers =
        g_ptr_array_new_with_free_func((GDestroyNotify)event_reader_free);
    for (guint i = 0; i < 4; i++)
        g_ptr_array_add(readers, reader_of(stream, anna));
    assert_null(reader_of(stream, anna));
    for (guint i = 0; i < 3; i++)
        g_ptr_array_add(readers, reader_of(stream, bert));
    assert_null(reader_of(stream, bert));
    EventReader *last = reader_of(stream, root);
    assert_non_null(last);
    g_ptr_array_add(readers, last);
    assert_null(reader_of(stream, root));
    assert_int_equal(event_stream_readers(stream), 8);
    g_ptr_array_set_size(readers, 0);
    event_stream_free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_is_greeted_and_hears_what_follows),
        cmocka_unit_test(events_come_whole_through_the_smallest_buffer),
        cmocka_unit_test(a_reader_resumes_after_the_last_event_it_saw),
        cmocka_unit_test(what_the_ring_has_lost_is_a_reset),
        cmocka_unit_test(the_ring_is_bounded_by_bytes_too),
        cmocka_unit_test(a_slow_reader_is_ended_and_blocks_nobody),
        cmocka_unit_test(idle_readers_get_a_heartbeat),
        cmocka_unit_test(readers_are_bounded),
        cmocka_unit_test(what_comes_in_quick_succession_wakes_once),
        cmocka_unit_test(what_the_pace_holds_back_wakes_later),
        cmocka_unit_test(closing_wakes_and_ends_every_reader),
        cmocka_unit_test(without_an_audience_events_may_be_left_out_but_not_unnoticed),
        cmocka_unit_test(numbers_of_a_later_run_are_higher),
        cmocka_unit_test(no_account_takes_all_streams_and_all_accounts_not_the_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
