/* The reader of server-sent events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/event_stream.h"

/* "type|id|data;" of each event, fed in pieces of `step` bytes. */
static char *read_events(const char *text, gsize step)
{
    g_autoptr(EventReader) reader = event_reader_new();
    GString *seen = g_string_new(NULL);
    gsize length = strlen(text);
    for (gsize at = 0; at < length; at += step) {
        assert_true(event_reader_feed(reader, text + at, MIN(step, length - at), NULL));
        for (;;) {
            g_autoptr(StreamEvent) event = event_reader_next(reader);
            if (event == NULL)
                break;
            g_string_append_printf(seen, "%s|%s|%s;", event->type,
                                   event->id != NULL ? event->id : "-", event->data);
        }
    }
    return g_string_free(seen, FALSE);
}

static void events_are_the_same_however_they_are_cut(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text, *events;
    } cases[] = {
        {"", ""},
        {"data: a\n\n", "message|-|a;"},
        {"id: 7\nevent: job\ndata: {}\n\n", "job|7|{};"},
        {"data:a\ndata: b\n\n", "message|-|a\nb;"},
        {"event: x\r\ndata: 1\r\n\r\ndata: 2\r\r", "x|-|1;message|-|2;"},
        {": keep-alive\n\n: again\n\ndata: a\n\n", "message|-|a;"},
        {"id: 1\ndata: a\n\ndata: b\n\n", "message|1|a;message|1|b;"},
        {"event: only\n\ndata: b\n\n", "message|-|b;"},
        {"data\n\n", "message|-|;"},
        {"retry: 10\nunknown: x\ndata: a:b: c\n\n", "message|-|a:b: c;"},
        {"data: unfinished\n", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize step = 1; step <= strlen(cases[i].text) + 1; step++) {
            g_autofree char *events = read_events(cases[i].text, step);
            assert_string_equal(events, cases[i].events);
        }
    }
}

static void event_without_an_end_is_refused(void **state G_GNUC_UNUSED)
{
    g_autoptr(EventReader) reader = event_reader_new();
    g_autofree char *megabyte = g_strnfill(1024 * 1024, 'x');
    guint64 fed = 0;
    while (event_reader_feed(reader, megabyte, 1024 * 1024, NULL))
        fed += 1024 * 1024;
    assert_int_equal(fed, EVENT_SIZE_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_they_are_cut),
        cmocka_unit_test(event_without_an_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
