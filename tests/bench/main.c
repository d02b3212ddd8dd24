/* underpin-bench: measures, row by row, what docs/PERFORMANCE.md holds against its goals. `./bench`
 * runs it where it can. */
#include <locale.h>
#include <stdio.h>

#include "bench.h"

const BenchImages bench_small_images = {.system_bytes = 64 << 20,
                                        .temporary_bytes = 64 << 20,
                                        .data_bytes = 64 << 20,
                                        .system_content = 1 << 20,
                                        .data_content = 64 << 10};

static const struct {
    const char *name;
    BenchRow run;
    const char *help;
} rows[] = {
    {"rebase", row_rebase, "1,000 stopped clones, beside the script and the lower bound"},
    {"rebase-many", row_rebase_many, "10,000 clones against 1,000"},
    {"daemon", row_daemon, "start, memory and lists with 10,000 machines"},
    {"load", row_load, "1,000 clients by TLS, and hostile ones beside them"},
    {"page", row_page, "the web page in a real browser, with 10,000 machines"},
    {"clones", row_libvirt, "1,000 clones through the API, beside libvirt's own definitions"},
    {"hook", row_hook, "what the start hook adds"},
    {"reboot", row_reboot, "the wait at the reboot that moves a running clone"},
    {"data-size", row_data_size, "ten clones with little and with much data"},
    {"prepare", row_prepare, "a base with 4 GiB allocated"},
    {"restore", row_restore, "one stopped clone"},
    {"reads", row_reads, "a clone after 20 rebases and base generations"},
    {"first-write", row_first_write, "copy on write, by cluster size"},
    {"space", row_space, "what a fresh head occupies"},
};

typedef struct {
    char *directory, *build, *source, *json;
    char **only;
    gint clones;
    gboolean quick, keep, list;
} Options;

static void options_clear(Options *options)
{
    g_free(options->directory);
    g_free(options->build);
    g_free(options->source);
    g_free(options->json);
    g_strfreev(options->only);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

BenchWorld *bench_world_begin(Bench *bench, const char *name, GError **error)
{
    g_autofree char *directory = g_build_filename(bench->directory, name, NULL);
    bench_erase(directory);
    return bench_world_open(directory, error);
}

void bench_world_done(BenchWorld *world)
{
    if (!world)
        return;
    g_autofree char *directory = g_strdup(world->directory);
    bench_world_close(world);
    bench_erase(directory);
}

static gboolean is_wanted(const Options *options, const char *row)
{
    return !options->only || g_strv_contains((const char *const *)options->only, row);
}

static void run_rows(Bench *bench, const Options *options)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        if (is_wanted(options, rows[i].name) && !rows[i].run(bench, &error))
            report_add_failure(bench->report, rows[i].name, error ? error->message : "it failed");
    }
}

static int list_rows(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        printf("%-16s %s\n", rows[i].name, rows[i].help);
    return 0;
}

static int fail(const char *message)
{
    g_printerr("underpin-bench: %s\n", message);
    return 1;
}

static gboolean options_read(Options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &options->directory,
         "where to measure; all below is removed", "DIR"},
        {"build", 0, 0, G_OPTION_ARG_FILENAME, &options->build, "build directory of the programs",
         "DIR"},
        {"source", 0, 0, G_OPTION_ARG_FILENAME, &options->source, "the sources", "DIR"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &options->json, "write the figures there", "FILE"},
        {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->only,
         "measure this row; may be repeated", "ROW"},
        {"clones", 0, 0, G_OPTION_ARG_INT, &options->clones,
         "so many machines, and ten times as many, in place of 1,000 and 10,000", "N"},
        {"quick", 0, 0, G_OPTION_ARG_NONE, &options->quick, "a tenth of the machines, three rounds",
         NULL},
        {"keep", 0, 0, G_OPTION_ARG_NONE, &options->keep,
         "leave the worlds behind, to look at them", NULL},
        {"list", 0, 0, G_OPTION_ARG_NONE, &options->list, "the rows, and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- measure Underpin");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

/* The library's messages would stand in the middle of the table. */
static void drop_message(const char *domain, GLogLevelFlags level, const char *message,
                         gpointer user_data)
{
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_auto(Options) options = {0};
    setlocale(LC_ALL, "");
    if (!options_read(&options, &argc, &argv, &error))
        return fail(error->message);
    if (options.list)
        return list_rows();
    if (!options.directory || !options.build || !options.source)
        return fail("--directory, --build and --source are required");
    guint clones = options.clones > 0 ? (guint)options.clones : options.quick ? 100 : 1000;
    g_log_set_handler(NULL, G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG,
                      drop_message, NULL);
    g_autoptr(Report) report = report_new();
    Bench bench = {.report = report,
                   .directory = options.directory,
                   .build = options.build,
                   .source = options.source,
                   .quick = options.quick,
                   .rounds = options.quick ? 3 : 5,
                   .clones = clones,
                   .many = 10 * clones};
    bench_keep = options.keep;
    g_mkdir_with_parents(options.directory, 0711);
    run_rows(&bench, &options);
    report_print(report);
    if (options.json && !report_write_json(report, options.json, options.quick, &error))
        return fail(error->message);
    return 0;
}
