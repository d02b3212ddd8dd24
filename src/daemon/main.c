/* underpind: reads its configuration, runs what wiring.c puts together, stops on a signal. */
#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/wiring.h"
#include "foundation/error.h"

#define FILE_LIMIT ((rlim_t)65536)

typedef struct {
    GMainLoop *loop;
    Wiring *wiring;
    gboolean stopping;
} Daemon;

static int fail(const GError *error)
{
    g_printerr("underpind: %s\n", error->message);
    if (error_hint(error))
        g_printerr("underpind: %s\n", error_hint(error));
    return error_code_exit_status(error_code(error));
}

static void on_stopped(gpointer user_data)
{
    Daemon *daemon = user_data;
    g_main_loop_quit(daemon->loop);
}

static gboolean on_end_signal(gpointer user_data)
{
    Daemon *daemon = user_data;
    if (daemon->stopping) {
        g_message("still stopping: what runs is brought to a safe point");
        return G_SOURCE_CONTINUE;
    }
    daemon->stopping = TRUE;
    g_message("stopping");
    notify_manager("STOPPING=1\nSTATUS=Bringing what runs to a safe point");
    wiring_stop(daemon->wiring, on_stopped, daemon);
    return G_SOURCE_CONTINUE;
}

static gboolean on_hangup(gpointer user_data)
{
    Daemon *daemon = user_data;
    g_message("reading the certificate anew; the rest of the configuration is read at the start");
    wiring_reload(daemon->wiring);
    return G_SOURCE_CONTINUE;
}

/* libvirt's event thread turns the default context: what this thread does needs one of its own. */
static void watch_signal(int number, GSourceFunc function, Daemon *daemon)
{
    g_autoptr(GSource) source = g_unix_signal_source_new(number);
    g_source_set_callback(source, function, daemon, NULL);
    g_source_attach(source, g_main_loop_get_context(daemon->loop));
}

static gboolean check_root(GError **error)
{
    if (geteuid() == 0)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_DENIED,
                     "start it by 'systemctl start underpind', or with sudo; the command "
                     "'underpin' is for users",
                     "the daemon needs to be root: it owns the images and protects them from QEMU");
}

/* Answers of megabytes go back to the system when they are sent; threads share two heaps instead of
 * keeping one each (measured: docs/PERFORMANCE.md). */
static void bound_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

/* A web client takes three descriptors; the usual soft limit is for programs that use select(). */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, FILE_LIMIT);
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(const Config *config)
{
    g_autoptr(GError) error = NULL;
    if (!check_root(&error))
        return fail(error);
    umask(0022);
    bound_memory();
    raise_file_limit();
    signal(SIGPIPE, SIG_IGN);
    log_open(config->log_level);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_main_context_push_thread_default(context);
    Daemon daemon = {.loop = g_main_loop_new(context, FALSE)};
    g_autoptr(Wiring) wiring = daemon.wiring = wiring_new(config, &error);
    int status = 0;
    if (wiring) {
        watch_signal(SIGTERM, on_end_signal, &daemon);
        watch_signal(SIGINT, on_end_signal, &daemon);
        watch_signal(SIGHUP, on_hangup, &daemon);
        g_autofree char *socket_path = config_api_socket(config);
        g_message("underpind " UNDERPIN_VERSION " answers at '%s'", socket_path);
        notify_manager("READY=1\nSTATUS=Answering");
        g_main_loop_run(daemon.loop);
    } else {
        status = fail(error);
    }
    g_main_loop_unref(daemon.loop);
    g_main_context_pop_thread_default(context);
    return status;
}

static int print_config(char *text)
{
    fputs(text, stdout);
    g_free(text);
    return 0;
}

int main(int argument_count, char **arguments)
{
    setlocale(LC_ALL, "");
    g_autoptr(GError) error = NULL;
    OptionsAction action;
    g_autoptr(Config) config = options_read(&argument_count, &arguments, &action, &error);
    if (!config)
        return fail(error);
    switch (action) {
    case OPTIONS_VERSION:
        puts("underpind " UNDERPIN_VERSION);
        return 0;
    case OPTIONS_DUMP_CONFIG:
        return print_config(config_dump(config));
    case OPTIONS_EXAMPLE_CONFIG:
        return print_config(config_example());
    case OPTIONS_RUN:
        break;
    }
    return run(config);
}
