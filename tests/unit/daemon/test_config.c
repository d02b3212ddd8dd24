/* The table of keys, files and drop-ins, and the command line on top. */
#include "cmocka_prelude.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/options.h"
#include "foundation/error.h"

typedef struct {
    char *directory, *path, *drop_ins;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-config-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "underpin.ini", NULL);
    fixture->drop_ins = g_build_filename(fixture->directory, "underpin.ini.d", NULL);
    g_mkdir(fixture->drop_ins, 0755);
    *state = fixture;
    return 0;
}

static void empty_directory(const char *path)
{
    g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        g_autofree char *entry = g_build_filename(path, name, NULL);
        g_remove(entry);
    }
    g_rmdir(path);
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    empty_directory(fixture->drop_ins);
    empty_directory(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture->drop_ins);
    g_free(fixture);
    return 0;
}

static void write_main(const Fixture *fixture, const char *text)
{
    assert_true(g_file_set_contents_full(fixture->path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                         0644, NULL));
}

static void write_drop_in(const Fixture *fixture, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->drop_ins, name, NULL);
    assert_true(
        g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, NULL));
}

static Config *load(const Fixture *fixture)
{
    g_autoptr(Config) config = config_new();
    g_autoptr(GError) error = NULL;
    if (!config_load(config, fixture->path, TRUE, &error))
        fail_msg("%s", error->message);
    return g_steal_pointer(&config);
}

/* Loading fails with this code; message and hint hold the texts. */
static void assert_load_fails(const Fixture *fixture, int code, const char *message,
                              const char *hint)
{
    g_autoptr(Config) config = config_new();
    g_autoptr(GError) error = NULL;
    assert_false(config_load(config, fixture->path, TRUE, &error));
    assert_int_equal(error_code(error), code);
    if (!strstr(error->message, message))
        fail_msg("'%s' is not in '%s'", message, error->message);
    if (hint && !strstr(error_hint(error), hint))
        fail_msg("'%s' is not in '%s'", hint, error_hint(error));
}

static void no_file_is_needed(void **state)
{
    (void)state;
    g_autoptr(Config) config = config_new();
    assert_true(config_load(config, "/nonexistent/underpin.ini", FALSE, NULL));
    assert_string_equal(config->store_directory, "/var/lib/libvirt/images/underpin");
    assert_string_equal(config->catalog_path, "/var/lib/underpin/catalog.sqlite");
    assert_string_equal(config->libvirt_uri, "qemu:///system");
    assert_string_equal(config->run_directory, "/run/underpin");
    assert_string_equal(config->administrators, "underpin");
    assert_int_equal(config->undo_retention_seconds, 7 * 86400);
    assert_int_equal(config->undo_budget_percent, 10);
    assert_int_equal(config->job_retention_seconds, 90 * 86400);
    assert_int_equal(config->job_limit, 10000);
    assert_int_equal(config->free_floor_bytes, (guint64)1 << 30);
    assert_int_equal(config->chain_limit, 5);
    assert_true(config->require_hook);
    assert_int_equal(config->log_level, G_LOG_LEVEL_INFO);
    g_autofree char *socket_path = config_api_socket(config);
    assert_string_equal(socket_path, "/run/underpin/underpin.sock");
}

static void a_file_that_was_asked_for_must_exist(void **state)
{
    (void)state;
    g_autoptr(Config) config = config_new();
    g_autoptr(GError) error = NULL;
    assert_false(config_load(config, "/nonexistent/underpin.ini", TRUE, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static void values_are_read(void **state)
{
    const Fixture *fixture = *state;
    write_main(
        fixture,
        "# a comment\n[store]\ndirectory = /srv/underpin/ \nimport_directories=/srv;/home/x\n"
        "free_floor=20 GiB\n\n[undo]\nretention = 2 weeks\nbudget=5%\n"
        "[libvirt]\nrequire_hook=no\n[daemon]\nlog_level=debug\nworkers=8\n");
    g_autoptr(Config) config = load(fixture);
    assert_string_equal(config->store_directory, "/srv/underpin");
    assert_string_equal(config->import_directories[1], "/home/x");
    assert_int_equal(config->free_floor_bytes, (guint64)20 << 30);
    assert_int_equal(config->undo_retention_seconds, 14 * 86400);
    assert_int_equal(config->undo_budget_percent, 5);
    assert_false(config->require_hook);
    assert_int_equal(config->log_level, G_LOG_LEVEL_DEBUG);
    assert_int_equal(config->workers, 8);
}

static void drop_ins_come_later_in_the_order_of_their_names(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "[daemon]\nworkers=1\n[undo]\nbudget=1%\n");
    write_drop_in(fixture, "20-b.ini", "[daemon]\nworkers=3\n");
    write_drop_in(fixture, "10-a.ini", "[daemon]\nworkers=2\n[undo]\nretention=1d\n");
    write_drop_in(fixture, "30-c.ini.bak", "[nonsense\n");
    write_drop_in(fixture, ".hidden.ini", "[nonsense\n");
    g_autoptr(Config) config = load(fixture);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->undo_retention_seconds, 86400);
    assert_int_equal(config->undo_budget_percent, 1);
}

static void drop_ins_count_without_the_main_file(void **state)
{
    const Fixture *fixture = *state;
    write_drop_in(fixture, "a.ini", "[daemon]\nworkers=9\n");
    g_autoptr(Config) config = config_new();
    assert_true(config_load(config, fixture->path, FALSE, NULL));
    assert_int_equal(config->workers, 9);
}

static void unknown_keys_name_the_file_and_what_was_meant(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "[store]\ndirectroy=/srv\n");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, "'directroy' in section [store]",
                      "'directory' in section [store]");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, fixture->path, NULL);
    write_main(fixture, "[store]\nretention=1d\n");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, "'retention'",
                      "'retention' in section [undo]");
    write_main(fixture, "[stoer]\ndirectory=/srv\n");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, "section [stoer]", "section [store]");
    write_main(fixture, "[empty]\n");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, "section [empty]", "--dump-config");
    write_main(fixture, "[store]\nbackground_colour=red\n");
    assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, "'background_colour'",
                      "see 'underpind --dump-config'");
}

static void bad_values_name_the_file_and_the_key(void **state)
{
    const Fixture *fixture = *state;
    static const char *const bad[] = {
        "[store]\ndirectory=images\n",     "[store]\nfree_floor=lots\n",
        "[store]\nchain_limit=0\n",        "[store]\nchain_limit=101\n",
        "[undo]\nretention=100000d\n",     "[undo]\nbudget=10\n",
        "[daemon]\nworkers=0\n",           "[daemon]\nlog_level=loud\n",
        "[libvirt]\nrequire_hook=maybe\n", "[libvirt]\nuri=\n",
        "[daemon]\nworkers=2 # two\n"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        write_main(fixture, bad[i]);
        g_autofree char *key =
            g_strndup(strchr(bad[i], '\n') + 1, strcspn(strchr(bad[i], '\n') + 1, "="));
        g_autofree char *named = g_strdup_printf("%s: '%s' in section", fixture->path, key);
        assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, named, NULL);
    }
}

static void what_is_no_ini_file_is_refused(void **state)
{
    const Fixture *fixture = *state;
    static const char *const bad[] = {"workers=2\n", "[daemon\n", "[daemon]\nworkers\n",
                                      "[daemon]\n\xff=1\n"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        write_main(fixture, bad[i]);
        assert_load_fails(fixture, UNDERPIN_ERROR_INVALID, fixture->path, NULL);
    }
    write_main(fixture, "");
    g_autoptr(Config) config = load(fixture);
    assert_int_equal(config->workers, 4);
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "[daemon]\nworkers=2\n");
    chmod(fixture->path, 0666);
    assert_load_fails(fixture, UNDERPIN_ERROR_DENIED, "others may change", "root");
    chmod(fixture->path, 0660);
    assert_load_fails(fixture, UNDERPIN_ERROR_DENIED, "others may change", "root");
    chmod(fixture->path, 0644);
    write_drop_in(fixture, "a.ini", "[daemon]\nworkers=9\n");
    g_autofree char *drop_in = g_build_filename(fixture->drop_ins, "a.ini", NULL);
    chmod(drop_in, 0646);
    assert_load_fails(fixture, UNDERPIN_ERROR_DENIED, drop_in, NULL);
}

static void a_dump_is_read_back_as_the_same(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "[daemon]\nworkers=7\n[undo]\nretention=3 days\n");
    g_autoptr(Config) config = load(fixture);
    g_autofree char *dump = config_dump(config);
    g_autofree char *origin = g_strdup_printf("# From %s.\nworkers = 7\n", fixture->path);
    assert_non_null(strstr(dump, origin));
    assert_non_null(strstr(dump, "# From the defaults.\nbudget = 10%\n"));
    write_main(fixture, dump);
    g_autoptr(Config) again = load(fixture);
    assert_int_equal(again->workers, 7);
    assert_int_equal(again->undo_retention_seconds, 3 * 86400);
    assert_string_equal(again->store_directory, config->store_directory);
}

/* Taking out the comment signs, every default is a value that is understood. */
static void the_shipped_file_is_the_table(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *shipped = NULL, *example = config_example();
    g_autoptr(Config) defaults = config_new();
    assert_true(g_file_get_contents(SHIPPED_CONFIG, &shipped, NULL, NULL));
    g_autoptr(GString) expected = g_string_new(example);
    g_string_replace(expected, defaults->hook_program, "/usr/libexec/underpin/underpin-hook", 0);
    assert_string_equal(shipped, expected->str);

    g_autoptr(GString) active = g_string_new(example);
    g_string_replace(active, "\n#", "\n", 0);
    g_string_replace(active, "\n ", "\n# ", 0);
    g_string_replace(active, "\n\n\n", "\n", 0);
    g_autoptr(GRegex) prose = g_regex_new("^ ", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *text = g_regex_replace_literal(prose, active->str, -1, 0, "# ", 0, NULL);
    write_main(fixture, text);
    g_autoptr(Config) config = load(fixture);
    g_autofree char *dump = config_dump(config);
    assert_null(strstr(dump, "From the defaults"));
}

/* --- the command line ----------------------------------------------------------------------- */

static Config *read_line(const char *line, OptionsAction *action, GError **error)
{
    int count = 0;
    g_auto(GStrv) arguments = NULL;
    assert_true(g_shell_parse_argv(line, &count, &arguments, NULL));
    g_autofree char **used = g_memdup2(arguments, sizeof(char *) * ((gsize)count + 1));
    char **passed = used;
    return options_read(&count, &passed, action, error);
}

static void the_command_line_wins_over_the_file(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "[daemon]\nworkers=2\nlog_level=error\n[store]\ndirectory=/srv/a\n");
    g_autofree char *line = g_strdup_printf(
        "underpind --config %s --store /srv/b --catalog /srv/c --uri test:///default "
        "--run-dir /run/d --hooks-dir /srv/e --log-level debug --set daemon.workers=5 "
        "--set undo.budget=3%%",
        fixture->path);
    OptionsAction action = OPTIONS_VERSION;
    g_autoptr(Config) config = read_line(line, &action, NULL);
    assert_int_equal(action, OPTIONS_RUN);
    assert_string_equal(config->store_directory, "/srv/b");
    assert_string_equal(config->catalog_path, "/srv/c");
    assert_string_equal(config->libvirt_uri, "test:///default");
    assert_string_equal(config->run_directory, "/run/d");
    assert_string_equal(config->hooks_directory, "/srv/e");
    assert_int_equal(config->log_level, G_LOG_LEVEL_DEBUG);
    assert_int_equal(config->workers, 5);
    assert_int_equal(config->undo_budget_percent, 3);
}

static void what_the_command_line_does_not_know_is_refused(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "");
    static const char *const bad[] = {"--bogus",          "word",         "--store relative",
                                      "--set workers=5",  "--set daemon", "--set daemon.x=1",
                                      "--log-level loud", "--set =.x",    "--set daemon=1.workers"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *line = g_strdup_printf("underpind --config %s %s", fixture->path, bad[i]);
        OptionsAction action;
        g_autoptr(GError) error = NULL;
        assert_null(read_line(line, &action, &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    }
}

static void printing_actions_are_told_apart(void **state)
{
    const Fixture *fixture = *state;
    write_main(fixture, "");
    static const struct {
        const char *option;
        OptionsAction action;
    } actions[] = {{"--version", OPTIONS_VERSION},
                   {"--dump-config", OPTIONS_DUMP_CONFIG},
                   {"--example-config", OPTIONS_EXAMPLE_CONFIG}};
    for (guint i = 0; i < G_N_ELEMENTS(actions); i++) {
        g_autofree char *line =
            g_strdup_printf("underpind --config %s %s", fixture->path, actions[i].option);
        OptionsAction action = OPTIONS_RUN;
        g_autoptr(Config) config = read_line(line, &action, NULL);
        assert_non_null(config);
        assert_int_equal(action, actions[i].action);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_is_needed),
        cmocka_unit_test(a_file_that_was_asked_for_must_exist),
        TEST(values_are_read),
        TEST(drop_ins_come_later_in_the_order_of_their_names),
        TEST(drop_ins_count_without_the_main_file),
        TEST(unknown_keys_name_the_file_and_what_was_meant),
        TEST(bad_values_name_the_file_and_the_key),
        TEST(what_is_no_ini_file_is_refused),
        TEST(a_file_that_others_may_write_is_refused),
        TEST(a_dump_is_read_back_as_the_same),
        TEST(the_shipped_file_is_the_table),
        TEST(the_command_line_wins_over_the_file),
        TEST(what_the_command_line_does_not_know_is_refused),
        TEST(printing_actions_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
