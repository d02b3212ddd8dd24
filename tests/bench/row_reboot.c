/*
 * The wait at the reboot that moves a running clone, on a real guest: from the end of its QEMU to
 * the birth of the next. Beside it the same gap of a plain domain that virsh destroys and starts,
 * which is libvirt's and QEMU's own share.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "foundation/error.h"
#include "foundation/process.h"

#define HOST         "qemu:///system"
#define WAIT_SECONDS 120
#define POLL_US      500

/* --- guests
 * ------------------------------------------------------------------------------------------------
 */

static gboolean guest_do(const char *name, const char *verb, const char *command, GError **error)
{
    const char *program = g_getenv("GUESTCTL") ? g_getenv("GUESTCTL") : "guestctl";
    const char *argv[] = {program, "-t", "120", name, verb, command, NULL};
    return process_run(argv, NULL, NULL, error);
}

static gboolean virsh(const char *verb, const char *name, GError **error)
{
    const char *argv[] = {"virsh", "-q", verb, name, NULL};
    return process_run(argv, NULL, NULL, error);
}

static gboolean make_guest(const Bench *bench, const char *name, const char *directory,
                           GError **error)
{
    g_autofree char *build = g_build_filename(bench->source, "tests/lab/guest/build-guest", NULL);
    g_autofree char *make = g_build_filename(bench->source, "tests/lab/guest/make-domain", NULL);
    const char *build_argv[] = {build, NULL};
    const char *make_argv[] = {make, name, directory, NULL};
    return process_run(build_argv, NULL, NULL, error) && process_run(make_argv, NULL, NULL, error);
}

/* 0: none. */
static pid_t qemu_pid(const char *name)
{
    g_autofree char *path = g_strdup_printf("/run/libvirt/qemu/%s.pid", name);
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)atoi(text) : 0;
}

/* Not there, or dead and not yet reaped. */
static gboolean is_gone(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    const char *end = g_file_get_contents(path, &text, NULL, NULL) ? strrchr(text, ')') : NULL;
    return !end || end[2] == 'Z';
}

/* From the end of process `old` to the next one's birth. */
static gboolean time_gap(const char *name, pid_t old, Samples *gaps, GError **error)
{
    double deadline = seconds_now() + WAIT_SECONDS;
    while (!is_gone(old) && seconds_now() < deadline)
        g_usleep(POLL_US);
    double end = seconds_now();
    pid_t next = qemu_pid(name);
    while ((next == 0 || next == old) && seconds_now() < deadline) {
        g_usleep(POLL_US);
        next = qemu_pid(name);
    }
    samples_add(gaps, seconds_now() - end);
    return (next && next != old) || error_set(error, UNDERPIN_ERROR_BACKEND, NULL,
                                              "'%s' does not come back from its reboot", name);
}

/* --- ours and libvirt's own
 * -------------------------------------------------------------------------------- */

static gboolean reboot_round(const Daemon *daemon, guint round, Samples *gaps, GError **error)
{
    const char *onto = round % 2 ? "guest-0" : "guest-1";
    g_autoptr(GError) ignored = NULL;
    if (!guest_do("clone", "wait", NULL, error) ||
        !daemon_cli(daemon, NULL, error, "rebase", "clone", "--onto", onto, "--yes", "--no-wait",
                    NULL))
        return FALSE;
    g_usleep(G_USEC_PER_SEC); /* the job turns reboots into stops */
    pid_t old = qemu_pid("clone");
    (void)guest_do("clone", "run", "reboot", &ignored); /* the connection ends with the guest */
    return time_gap("clone", old, gaps, error);
}

typedef struct {
    const char *name;
    GError *error;
} Start;

static gpointer cycle(gpointer data)
{
    Start *start = data;
    if (virsh("destroy", start->name, &start->error))
        (void)virsh("start", start->name, &start->error);
    return NULL;
}

static gboolean plain_round(Samples *gaps, GError **error)
{
    Start start = {"plain", NULL};
    pid_t old = qemu_pid("plain");
    GThread *thread = g_thread_new("virsh", cycle, &start);
    gboolean ok = time_gap("plain", old, gaps, error);
    g_thread_join(thread);
    g_clear_error(&start.error);
    return ok;
}

static void report_gaps(Bench *bench, const Samples *ours, const Samples *plain)
{
    g_auto(Samples) added = {0};
    samples_init(&added);
    for (guint i = 0; i < ours->values->len; i++)
        samples_add(&added, g_array_index(ours->values, double, i) - samples_median(plain));
    report_add(bench->report, "reboot",
               "from QEMU's end to the next QEMU, at the reboot that moves a clone", ours,
               UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "reboot", "the same for a plain domain: virsh destroy, virsh start",
               plain, UNIT_SECONDS, GOAL_NONE, 0,
               "libvirt's own stop and start, and two starts of virsh");
    report_add(bench->report, "reboot", "what the move adds to the user's reboot", &added,
               UNIT_SECONDS, GOAL_AT_MOST, 0.1, NULL);
}

static gboolean make_world(const Bench *bench, const Daemon *daemon, const char *directory,
                           GError **error)
{
    return make_guest(bench, "guest-0", directory, error) &&
           make_guest(bench, "plain", directory, error) &&
           daemon_cli(daemon, NULL, error, "import", "guest-0", "--domain", "guest-0", "--disk",
                      "vda,role=system", "--disk", "vdb,role=temporary", "--disk", "vdc,role=data",
                      "--yes", NULL) &&
           daemon_cli(daemon, NULL, error, "prepare", "guest-0", "--yes", NULL) &&
           daemon_cli(daemon, NULL, error, "clone", "guest-0", "guest-1", "clone", NULL) &&
           daemon_cli(daemon, NULL, error, "prepare", "guest-1", "--yes", NULL) &&
           daemon_cli(daemon, NULL, error, "start", "clone", NULL) &&
           virsh("start", "plain", error);
}

static gboolean measure_reboots(Bench *bench, const Daemon *daemon, GError **error)
{
    g_auto(Samples) ours = {0}, plain = {0};
    samples_init(&ours);
    samples_init(&plain);
    for (guint round = 0; round < bench->rounds; round++)
        if (!reboot_round(daemon, round, &ours, error) || !plain_round(&plain, error))
            return FALSE;
    report_gaps(bench, &ours, &plain);
    return TRUE;
}

static void stop_guests(void)
{
    static const char *const names[] = {"clone", "plain"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) ignored = NULL;
        (void)virsh("destroy", names[i], &ignored);
    }
}

gboolean row_reboot(Bench *bench, GError **error)
{
    g_autofree char *directory = g_build_filename(bench->directory, "reboot", NULL);
    g_auto(Daemon) daemon = {0};
    bench_erase(directory);
    g_mkdir_with_parents(directory, 0711);
    gboolean ok = daemon_start(&daemon, bench, directory, HOST, TRUE, NULL, error) &&
                  daemon_wait_hook(&daemon, error) &&
                  make_world(bench, &daemon, directory, error) &&
                  measure_reboots(bench, &daemon, error);
    stop_guests();
    daemon_stop(&daemon);
    bench_erase(directory);
    return ok;
}
