/*
 * The crash sweep: every operation, every fault point; two operations at a time. It fails where a
 * world is neither before nor after its operation, and where a fault point was visited by no kill.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep.h"

#define MEMORY_DIRECTORY "/dev/shm"

typedef struct {
    char *report, *operation, *directory;
    gint nth, seed, sample, jobs;
    gboolean list, keep;
} Arguments;

static gboolean parse(int *argc, char ***argv, Arguments *arguments)
{
    const GOptionEntry entries[] = {
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &arguments->report, "write the report to FILE too",
         "FILE"},
        {"operation", 0, 0, G_OPTION_ARG_STRING, &arguments->operation, "this operation alone",
         "NAME"},
        {"nth", 0, 0, G_OPTION_ARG_INT, &arguments->nth, "the Nth visit alone", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT, &arguments->seed, "of the sample of second kills",
         "NUMBER"},
        {"sample", 0, 0, G_OPTION_ARG_INT, &arguments->sample,
         "second kills after one of N first ones (0: none)", "N"},
        {"jobs", 0, 0, G_OPTION_ARG_INT, &arguments->jobs, "operations at a time", "N"},
        {"directory", 0, 0, G_OPTION_ARG_FILENAME, &arguments->directory, "make the worlds there",
         "DIRECTORY"},
        {"keep", 0, 0, G_OPTION_ARG_NONE, &arguments->keep, "leave the worlds of failures behind",
         NULL},
        {"list", 0, 0, G_OPTION_ARG_NONE, &arguments->list, "name the operations", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, argc, argv, &error))
        return TRUE;
    g_printerr("%s\n", error->message);
    return FALSE;
}

/* --- where ----------------------------------------------------------------------------- */

/* A file system in memory serves where it can protect layers: what is tested here is not the
 * disk's. */
static gboolean has_immutable_files(const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "underpin-sweep-probe-XXXXXX", NULL);
    int flags = 0;
    int fd = g_mkstemp(path);
    if (fd < 0)
        return FALSE;
    gboolean has = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
    flags |= FS_IMMUTABLE_FL;
    has = has && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
    flags &= ~FS_IMMUTABLE_FL;
    (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    close(fd);
    unlink(path);
    return has;
}

static const char *choose_directory(const Arguments *arguments)
{
    if (arguments->directory)
        return arguments->directory;
    return has_immutable_files(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : g_get_tmp_dir();
}

static gboolean is_asked_for(const Arguments *arguments, guint index)
{
    return !arguments->operation || strcmp(arguments->operation, OPERATIONS[index].name) == 0;
}

/* --- running --------------------------------------------------------------------------- */

static void start_one(guint index, const SweepOptions *options, guint32 seed, Tally *tallies)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        g_error("no child: %s", g_strerror(errno));
    if (child > 0)
        return;
    g_random_set_seed(seed + index);
    sweep_operation(&OPERATIONS[index], options, &tallies[index]);
    printf("%-24s %s (%.1f s)\n", OPERATIONS[index].name, tallies[index].failures ? "FAILED" : "ok",
           tallies[index].seconds);
    fflush(NULL);
    _exit(0);
}

static void run_all(const Arguments *arguments, const SweepOptions *options, Tally *tallies)
{
    gint running = 0;
    for (guint i = 0; i < OPERATION_COUNT; i++) {
        if (!is_asked_for(arguments, i))
            continue;
        if (running == arguments->jobs && wait(NULL) > 0)
            running--;
        start_one(i, options, (guint32)arguments->seed, tallies);
        running++;
    }
    while (wait(NULL) > 0)
        continue;
}

/* --- the verdict ----------------------------------------------------------------------- */

static gboolean write_report(const Arguments *arguments, const Tally *tallies)
{
    report_write(stdout, tallies, (guint32)arguments->seed);
    FILE *file = arguments->report ? fopen(arguments->report, "w") : NULL;
    if (!arguments->report)
        return TRUE;
    if (!file)
        return FALSE;
    report_write(file, tallies, (guint32)arguments->seed);
    report_unvisited(file, tallies);
    return fclose(file) == 0;
}

static gboolean all_is_well(const Arguments *arguments, const Tally *tallies)
{
    guint failures = 0, unfinished = 0;
    for (guint i = 0; i < OPERATION_COUNT; i++) {
        failures += tallies[i].failures;
        unfinished += is_asked_for(arguments, i) && !tallies[i].finished;
    }
    gboolean is_whole = !arguments->operation && !arguments->nth;
    guint unvisited = is_whole ? report_unvisited(stdout, tallies) : 0;
    printf("\n%u failures, %u unfinished operations, %u fault points unvisited\n", failures,
           unfinished, unvisited);
    return failures + unfinished + unvisited == 0;
}

static int list_operations(void)
{
    for (guint i = 0; i < OPERATION_COUNT; i++)
        printf("%s\n", OPERATIONS[i].name);
    return EXIT_SUCCESS;
}

static gboolean is_known(const char *name)
{
    for (guint i = 0; i < OPERATION_COUNT; i++)
        if (!name || strcmp(OPERATIONS[i].name, name) == 0)
            return TRUE;
    g_printerr("there is no operation '%s': see --list\n", name);
    return FALSE;
}

int main(int argc, char **argv)
{
    Arguments arguments = {.sample = 8, .jobs = 2, .seed = (gint)(g_random_int() & G_MAXINT)};
    if (!parse(&argc, &argv, &arguments) || !is_known(arguments.operation))
        return 2;
    if (arguments.list)
        return list_operations();
    gsize size = OPERATION_COUNT * sizeof(Tally);
    Tally *tallies = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SweepOptions options = {
        .directory = choose_directory(&arguments),
        .only_nth = (guint)arguments.nth,
        .sample = (guint)arguments.sample,
        .keep = arguments.keep,
    };
    printf("seed %d, worlds in '%s'\n", arguments.seed, options.directory);
    run_all(&arguments, &options, tallies);
    gboolean written = write_report(&arguments, tallies);
    return all_is_well(&arguments, tallies) && written ? EXIT_SUCCESS : EXIT_FAILURE;
}
