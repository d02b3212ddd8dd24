/* Durations, times and foreign text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "cli/words.h"
#include "foundation/error.h"

static void duration_is_written_in_two_units_at_most(void **state G_GNUC_UNUSED)
{
    static const struct {
        gint64 seconds;
        const char *text;
    } cases[] = {{-5, "under 1 s"},  {0, "under 1 s"}, {59, "59 s"},        {60, "1 min"},
                 {125, "2 min 5 s"}, {3600, "1 h"},    {3900, "1 h 5 min"}, {100000, "1 d 3 h"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = duration_to_text(cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void duration_is_read_as_people_write_it(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        int seconds; /* -1: none */
    } cases[] = {
        {"0", 0},        {"120", 120},   {"120s", 120}, {"2m", 120},  {"2min", 120},
        {"1h30m", 5400}, {"2d", 172800}, {"", -1},      {"s", -1},    {"-1s", -1},
        {"1x", -1},      {"1.5h", -1},   {"1 h", -1},   {"400d", -1}, {"99999999999999999999", -1}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint seconds = 0;
        gboolean is_read = duration_from_text(cases[i].text, &seconds, NULL);
        assert_int_equal(is_read, cases[i].seconds >= 0);
        assert_int_equal(seconds, MAX(cases[i].seconds, 0));
    }
}

static void estimate_is_silent_where_nothing_is_known(void **state G_GNUC_UNUSED)
{
    g_autofree char *soon = estimate_to_text(0.2);
    g_autofree char *later = estimate_to_text(61);
    assert_string_equal(soon, "under 1 s");
    assert_string_equal(later, "about 1 min 1 s");
    assert_null(estimate_to_text(-1));
    assert_null(estimate_to_text(1e12));
}

static void time_is_relative_while_that_says_something(void **state G_GNUC_UNUSED)
{
    enum { NOW = 1772366400 }; /* 2026-03-01 12:00 UTC */
    static const struct {
        const char *time, *text;
    } cases[] = {
        {"2026-03-01T12:00:00Z", "just now"},
        {"2026-03-01T11:59:30Z", "30 s ago"},
        {"2026-03-01T11:15:00Z", "45 min ago"},
        {"2026-03-01T09:30:00Z", "2 h ago"},
        {"2026-02-26T12:00:00Z", "3 d ago"},
        {"2026-03-08T12:00:00Z", "in 7 d"},
        {"2025-01-01T12:00:00Z", "2025-01-01"},
        {"yesterday", "-"},
        {NULL, "-"},
    };
    g_setenv("TZ", "UTC0", TRUE);
    tzset();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = time_to_relative_text(cases[i].time, NOW);
        assert_string_equal(text, cases[i].text);
    }
    g_autofree char *full = time_to_full_text("2026-03-01T09:30:00Z", NOW);
    assert_string_equal(full, "2026-03-01 09:30 (2 h ago)");
}

static void foreign_text_cannot_steer_the_terminal(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        gboolean keep_lines;
        const char *printable;
    } cases[] = {
        {"büro-größe", FALSE, "büro-größe"},
        {"\033[2J\007", FALSE, "?[2J?"},
        {"a\nb\tc", FALSE, "a?b?c"},
        {"a\nb\tc", TRUE, "a\nb\tc"},
        {"\xc2\x9b"
         "31m",
         TRUE, "?31m"},
        {"\xe2\x80\xae"
         "evil",
         TRUE, "?evil"},
        {"\xff\xfe", TRUE, "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *printable = text_to_printable(cases[i].text, cases[i].keep_lines);
        assert_string_equal(printable, cases[i].printable);
    }
}

static void text_is_cut_by_columns_not_by_bytes(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        guint width;
        const char *cut;
    } cases[] = {{"größe", 5, "größe"},  {"größer", 5, "größ…"}, {"日本語", 6, "日本語"},
                 {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},   {"abc", 1, "…"},
                 {"abc", 0, ""}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *cut = text_to_width(cases[i].text, cases[i].width, TRUE);
        assert_string_equal(cut, cases[i].cut);
        assert_true(text_width(cut) <= cases[i].width);
    }
    g_autofree char *ascii = text_to_width("abcdef", 4, FALSE);
    assert_string_equal(ascii, "abc.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration_is_written_in_two_units_at_most),
        cmocka_unit_test(duration_is_read_as_people_write_it),
        cmocka_unit_test(estimate_is_silent_where_nothing_is_known),
        cmocka_unit_test(time_is_relative_while_that_says_something),
        cmocka_unit_test(foreign_text_cannot_steer_the_terminal),
        cmocka_unit_test(text_is_cut_by_columns_not_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
