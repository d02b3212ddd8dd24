/* Options, disks and remarks: what is typed, and what is said about many machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/disk_spec.h"
#include "cli/notes.h"
#include "cli/options.h"
#include "foundation/error.h"

static const OptionSpec specs[] = {
    {"tree", 't', OPTION_FLAG, NULL, NAMES_NOTHING, "a flag"},
    {"yes", 'y', OPTION_FLAG, NULL, NAMES_NOTHING, "another"},
    {"onto", 'o', OPTION_TEXT, "BASE", NAMES_BASES, "a text"},
    {"disk", 'D', OPTION_LIST, "DISK", NAMES_FILES, "a list"},
    {"count", 'c', OPTION_COUNT, "N", NAMES_NOTHING, "a number"},
    {"size", 0, OPTION_SIZE, "SIZE", NAMES_NOTHING, "a size"},
    {"grace", 0, OPTION_DURATION, "TIME", NAMES_NOTHING, "a duration"},
    {"running", 0, OPTION_CHOICE, "stop|force", NAMES_NOTHING, "a choice"},
    {0},
};
static const OptionSpec *const tables[] = {specs, NULL};

static Options *parse(const char *line, GError **error)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    return options_parse(tables, (const char *const *)words, error);
}

static void options_may_stand_anywhere(void **state G_GNUC_UNUSED)
{
    g_autoptr(Options) options =
        parse("a --onto base b -ty -Dx --disk=y --count 7 --size=2K --grace 2m -- --tree", NULL);
    assert_non_null(options);
    const GPtrArray *arguments = options_arguments(options);
    assert_int_equal(arguments->len, 3);
    assert_string_equal(g_ptr_array_index(arguments, 2), "--tree");
    assert_true(options_has(options, "tree") && options_has(options, "yes"));
    assert_string_equal(options_text(options, "onto"), "base");
    assert_int_equal(options_list(options, "disk")->len, 2);
    assert_int_equal(options_count(options, "count", 1), 7);
    assert_int_equal(options_size(options, "size", 1), 2048);
    assert_int_equal(options_seconds(options, "grace", 1), 120);
}

static void absent_options_have_their_defaults(void **state G_GNUC_UNUSED)
{
    g_autoptr(Options) options = parse("a -", NULL);
    assert_string_equal(g_ptr_array_index(options_arguments(options), 1), "-");
    assert_false(options_has(options, "tree"));
    assert_null(options_text(options, "onto"));
    assert_int_equal(options_list(options, "disk")->len, 0);
    assert_int_equal(options_count(options, "count", 5), 5);
    assert_int_equal(options_size(options, "size", 5), 5);
    assert_int_equal(options_seconds(options, "grace", 5), 5);
}

static void option_that_is_wrong_is_named(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"--tee", "unknown option '--tee'"},
        {"-z", "unknown option '-z'"},
        {"-tz", "unknown option '-z'"},
        {"--onto", "the option '--onto' needs a value: BASE"},
        {"--onto=", "the option '--onto' is empty"},
        {"--yes=1", "the option '--yes' takes no value"},
        {"--count 0", "the option '--count' takes a number, not '0'"},
        {"--count 1000001", "the option '--count' takes a number, not '1000001'"},
        {"--count 1x", "the option '--count' takes a number, not '1x'"},
        {"--size 1Q", "the option '--size': '1Q' is no size"},
        {"--grace 1y", "the option '--grace': '1y' is no duration"},
        {"--running sto", "the option '--running' does not know 'sto'"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(parse(cases[i].line, &error));
        assert_string_equal(error->message, cases[i].message);
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    }
}

static void disk_is_read_by_its_parts(void **state G_GNUC_UNUSED)
{
    RequestDisk *target = disk_spec_from_text("vda,role=system", TRUE, NULL);
    assert_string_equal(target->target, "vda");
    assert_int_equal(target->role, ROLE_SYSTEM);
    assert_null(target->path);
    request_disk_free(target);
    RequestDisk *file = disk_spec_from_text("/srv/../srv/a.raw,format=raw,target=vdb", FALSE, NULL);
    assert_string_equal(file->path, "/srv/a.raw");
    assert_string_equal(file->format, "raw");
    assert_int_equal(file->role, -1);
    g_autofree char *option = disk_spec_to_option(file, ROLE_DATA);
    assert_string_equal(option, "--disk /srv/a.raw,role=data,target=vdb,format=raw");
    request_disk_free(file);
    RequestDisk *fresh = disk_spec_from_text("size=1G,role=temporary", FALSE, NULL);
    assert_int_equal(fresh->capacity_bytes, 1 << 30);
    request_disk_free(fresh);
}

static void disk_that_makes_no_sense_is_refused(void **state G_GNUC_UNUSED)
{
    static const char *const cases[] = {"",     "role=data",  "vda,role=",      "vda,role=root",
                                        "vda,", "vda,size=x", "vda,colour=red", "vda,role"};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        if (disk_spec_from_text(cases[i], TRUE, &error) != NULL)
            fail_msg("accepted: '%s'", cases[i]);
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    }
}

static void remark_about_many_is_made_once(void **state G_GNUC_UNUSED)
{
    g_autoptr(Notes) notes = notes_new();
    assert_true(notes_is_empty(notes));
    for (guint i = 1; i <= 6; i++) {
        g_autofree char *name = g_strdup_printf("lab-%u", i);
        notes_add(notes, name, "is locked", "stop it\nthen again");
    }
    notes_add(notes, NULL, "all is well", NULL);
    notes_add(notes, "x", NULL, "never seen");
    g_autofree char *text = notes_to_text(notes, "- ");
    assert_string_equal(text, "- lab-1, lab-2, lab-3, lab-4 and 2 more: is locked\n"
                              "      stop it\n      then again\n"
                              "- all is well");
}

static void every_verb_is_complete_and_no_word_means_two(void **state G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (gsize i = 0; commands[i] != NULL; i++) {
        const Command *command = commands[i];
        assert_non_null(command->summary);
        assert_non_null(command->usage);
        assert_non_null(command->examples);
        assert_non_null(command->run);
        assert_true(g_hash_table_add(words, g_strdup(command->name)));
        assert_true(command->least_arguments <= command->most_arguments);
        assert_int_equal((command->flags & COMMAND_CHANGES) != 0, command->done != NULL);
        g_auto(GStrv) others =
            g_strsplit(command->also_known_as != NULL ? command->also_known_as : "", ", ", -1);
        for (gsize j = 0; others[j] != NULL; j++) {
            if (!g_hash_table_add(words, g_strdup(others[j])))
                fail_msg("'%s' means two verbs", others[j]);
        }
    }
}

static void no_verb_has_two_options_of_one_name_or_letter(void **state G_GNUC_UNUSED)
{
    for (gsize i = 0; commands[i] != NULL; i++) {
        g_autofree const OptionSpec **lists = command_option_tables(commands[i]);
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        gboolean letters[128] = {FALSE};
        for (gsize list = 0; lists[list] != NULL; list++) {
            for (const OptionSpec *spec = lists[list]; spec->name != NULL; spec++) {
                assert_true(g_hash_table_add(names, (gpointer)spec->name));
                assert_int_equal(spec->kind == OPTION_FLAG, spec->value == NULL);
                if (spec->letter != 0 && letters[(guchar)spec->letter])
                    fail_msg("%s: two options are -%c", commands[i]->name, spec->letter);
                letters[(guchar)spec->letter] = TRUE;
            }
        }
    }
}

static char *read_text(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        fail_msg("cannot read '%s'", path);
    return text;
}

static void manual_names_every_verb_with_its_summary(void **state G_GNUC_UNUSED)
{
    g_autofree char *page = read_text(SOURCE_ROOT, "docs/man/underpin.1");
    g_auto(GStrv) hyphens = g_strsplit(page, "\\-", -1);
    g_autofree char *text = g_strjoinv("-", hyphens);
    for (gsize i = 0; commands[i] != NULL; i++) {
        g_autofree char *entry =
            g_strdup_printf(".B %s\n%s\n", commands[i]->name, commands[i]->summary);
        if (!(commands[i]->flags & COMMAND_HIDDEN) && strstr(text, entry) == NULL)
            fail_msg("the manual does not say: %s", entry);
    }
}

static void installed_completions_are_those_that_are_printed(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *file, *golden;
    } files[] = {{"packaging/completion/underpin.bash", "completion-bash.txt"},
                 {"packaging/completion/_underpin", "completion-zsh.txt"},
                 {"packaging/completion/underpin.fish", "completion-fish.txt"}};
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *script = read_text(SOURCE_ROOT, files[i].file);
        g_autofree char *golden = read_text(GOLDEN_DIRECTORY, files[i].golden);
        assert_true(strlen(script) > 100);
        assert_non_null(strstr(golden, script));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_anywhere),
        cmocka_unit_test(absent_options_have_their_defaults),
        cmocka_unit_test(option_that_is_wrong_is_named),
        cmocka_unit_test(disk_is_read_by_its_parts),
        cmocka_unit_test(disk_that_makes_no_sense_is_refused),
        cmocka_unit_test(remark_about_many_is_made_once),
        cmocka_unit_test(every_verb_is_complete_and_no_word_means_two),
        cmocka_unit_test(no_verb_has_two_options_of_one_name_or_letter),
        cmocka_unit_test(manual_names_every_verb_with_its_summary),
        cmocka_unit_test(installed_completions_are_those_that_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
