/* The web page with ten thousand machines: a real browser (tests/ui/trace.mjs) tells how long its
 * user waits. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "foundation/error.h"
#include "foundation/process.h"

#define WEB_PORT 18444
#define ACCOUNT  "bench"
#define PASSWORD "correct horse battery"

static const struct {
    const char *word, *before, *after; /* the number of machines in between, where there is one */
    double goal;                       /* seconds; 0: none */
} quantities[] = {
    {"paint", "bases screen with ", " machines, until rows are painted", 0},
    {"open", "a base with ", " clones is opened: longest event", 0.1},
    {"scroll", "scrolling from end to end: longest frame", NULL, 0.1},
    {"select", "a row is selected: longest event", NULL, 0.1},
    {"select-all", "all are selected: longest event", NULL, 0.1},
    {"filter", "typing in the filter: longest event", NULL, 0.1},
};

static gboolean add_account(const Daemon *daemon, GError **error)
{
    g_autofree char *answer = daemon_post(daemon, "/api/v1/accounts",
                                          "{\"name\":\"" ACCOUNT "\",\"role\":\"administrator\","
                                          "\"password\":\"" PASSWORD "\"}");
    return (answer && strstr(answer, " 201 ")) ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "there is no account for the browser: %s",
                     answer ? answer : "no answer");
}

/* Caller frees *output_out: lines "WHAT SECONDS". */
static gboolean run_browser(const Bench *bench, char **output_out, GError **error)
{
    g_autofree char *script = g_build_filename(bench->source, "tests/ui/trace.mjs", NULL);
    g_autofree char *address = g_strdup_printf("https://127.0.0.1:%u", WEB_PORT);
    g_autofree char *rounds = g_strdup_printf("%u", MAX(bench->rounds, 5));
    const char *argv[] = {"node", script, address, ACCOUNT, PASSWORD, rounds, NULL};
    return process_run(argv, NULL, output_out, error);
}

static char *quantity_name(const Bench *bench, gsize quantity)
{
    const char *before = quantities[quantity].before, *after = quantities[quantity].after;
    return after ? g_strdup_printf("%s%u%s", before, bench->many, after) : g_strdup(before);
}

static void report_quantity(Bench *bench, gsize quantity, char **lines)
{
    g_auto(Samples) samples = {0};
    samples_init(&samples);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(*line, " ", 2);
        if (g_strv_length(words) == 2 && strcmp(words[0], quantities[quantity].word) == 0)
            samples_add(&samples, g_ascii_strtod(words[1], NULL));
    }
    double goal = quantities[quantity].goal;
    g_autofree char *what = quantity_name(bench, quantity);
    report_add(bench->report, "page", what, &samples, UNIT_SECONDS,
               goal > 0 ? GOAL_AT_MOST : GOAL_NONE, goal, NULL);
}

static gboolean measure_page(Bench *bench, const char *directory, GError **error)
{
    g_auto(Daemon) daemon = {.web_port = WEB_PORT};
    g_autofree char *output = NULL;
    if (!daemon_start(&daemon, bench, directory, "test:///default", FALSE, NULL, error) ||
        !add_account(&daemon, error) || !run_browser(bench, &output, error))
        return FALSE;
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    for (gsize i = 0; i < G_N_ELEMENTS(quantities); i++)
        report_quantity(bench, i, lines);
    return TRUE;
}

gboolean row_page(Bench *bench, GError **error)
{
    BenchWorld *world = bench_world_begin(bench, "page", error);
    gboolean ok = world && bench_base(world, "base-0", &bench_small_images, error) &&
                  bench_clones(world, "base-0", "lab", bench->many, NULL, error);
    g_autofree char *directory = world ? g_strdup(world->directory) : NULL;
    bench_world_close(world);
    ok = ok && measure_page(bench, directory, error);
    if (directory)
        bench_erase(directory);
    return ok;
}
