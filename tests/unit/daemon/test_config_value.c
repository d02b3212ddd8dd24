/* Sizes, durations, percentages, paths. */
#include "cmocka_prelude.h"

#include "daemon/config_value.h"
#include "foundation/error.h"

typedef gboolean (*NumberParser)(const char *, guint64 *, GError **);

static void assert_parses(NumberParser parse, const char *text, guint64 expected)
{
    guint64 value = 0;
    if (!parse(text, &value, NULL))
        fail_msg("'%s' is not understood", text);
    assert_int_equal(value, expected);
}

static void assert_refuses(NumberParser parse, const char *text)
{
    guint64 value = 77;
    g_autoptr(GError) error = NULL;
    if (parse(text, &value, &error))
        fail_msg("'%s' is taken as %" G_GUINT64_FORMAT, text, value);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    assert_non_null(error_hint(error));
    assert_int_equal(value, 77);
}

static void sizes_have_units(void **state)
{
    (void)state;
    assert_parses(config_parse_size, "0", 0);
    assert_parses(config_parse_size, "4096", 4096);
    assert_parses(config_parse_size, "10 GiB", (guint64)10 << 30);
    assert_parses(config_parse_size, "10GiB", (guint64)10 << 30);
    assert_parses(config_parse_size, "512 M", (guint64)512 << 20);
    assert_parses(config_parse_size, "1.5 tib", (guint64)3 << 39);
    assert_parses(config_parse_size, "2PiB", (guint64)2 << 50);
    static const char *const bad[] = {
        "",      "GiB",   "-1",     "+1",   "1e3",         "0x10", "1.2.3", "1.1",
        "1 QiB", "1GiBs", "1 Gi B", "1,5G", "9999999 PiB", ".",    "inf",   "nan"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_refuses(config_parse_size, bad[i]);
}

static void durations_have_units(void **state)
{
    (void)state;
    assert_parses(config_parse_duration, "90", 90);
    assert_parses(config_parse_duration, "90 s", 90);
    assert_parses(config_parse_duration, "30 min", 1800);
    assert_parses(config_parse_duration, "1.5h", 5400);
    assert_parses(config_parse_duration, "7d", 7 * 86400);
    assert_parses(config_parse_duration, "2 weeks", 14 * 86400);
    assert_refuses(config_parse_duration, "7 m");
    assert_refuses(config_parse_duration, "-7d");
    assert_refuses(config_parse_duration, "d");
    assert_refuses(config_parse_duration, "forever");
}

static void percentages_need_their_sign(void **state)
{
    (void)state;
    assert_parses(config_parse_percent, "0%", 0);
    assert_parses(config_parse_percent, "10 %", 10);
    assert_parses(config_parse_percent, "100%", 100);
    static const char *const bad[] = {"10", "101%", "-1%", "%", "", "1.5%", "10%%"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_refuses(config_parse_percent, bad[i]);
}

static void whole_numbers_are_whole(void **state)
{
    (void)state;
    assert_parses(config_parse_number, "12", 12);
    assert_refuses(config_parse_number, "1.0");
    assert_refuses(config_parse_number, " 1");
    assert_refuses(config_parse_number, "");
    assert_refuses(config_parse_number, "18446744073709551615");
}

static void booleans_are_words(void **state)
{
    (void)state;
    gboolean value = FALSE;
    assert_true(config_parse_boolean("Yes", &value, NULL) && value);
    assert_true(config_parse_boolean("off", &value, NULL) && !value);
    value = 5;
    assert_false(config_parse_boolean("1", &value, NULL));
    assert_int_equal(value, 5);
}

static void paths_are_whole_and_plain(void **state)
{
    (void)state;
    g_autofree char *path = config_parse_path("/srv/images/", NULL),
                    *root = config_parse_path("/", NULL);
    assert_string_equal(path, "/srv/images");
    assert_string_equal(root, "/");
    static const char *const bad[] = {"",         "images", "./x",     "/srv/../etc",
                                      "/srv/./x", "//srv",  "/srv//x", "~"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_null(config_parse_path(bad[i], NULL));
    g_auto(GStrv) paths = config_parse_paths("/a; /b/c ;", NULL);
    assert_int_equal(g_strv_length(paths), 2);
    assert_string_equal(paths[1], "/b/c");
    assert_null(config_parse_paths("", NULL));
    assert_null(config_parse_paths(";", NULL));
    assert_null(config_parse_paths("/a;b", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(percentages_need_their_sign),
        cmocka_unit_test(whole_numbers_are_whole),
        cmocka_unit_test(booleans_are_words),
        cmocka_unit_test(paths_are_whole_and_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
