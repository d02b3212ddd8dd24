/* A real underpind for the benchmark: see daemon.h. */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foundation/error.h"
#include "foundation/process.h"

#define START_SECONDS 60
#define POLL_US       1000

/* --- asking
 * ------------------------------------------------------------------------------------------------
 */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static char *ask(const Daemon *daemon, const char *request)
{
    enum { STEP = 64 * 1024 };
    int fd = connect_to(daemon->socket);
    if (fd < 0)
        return NULL;
    GString *answer = g_string_sized_new(STEP);
    gssize got = send(fd, request, strlen(request), MSG_NOSIGNAL);
    while (got > 0) {
        gsize length = answer->len;
        g_string_set_size(answer, length + STEP);
        got = recv(fd, answer->str + length, STEP, 0);
        g_string_set_size(answer, length + (gsize)MAX(got, 0));
    }
    close(fd);
    return g_string_free(answer, answer->len == 0);
}

char *daemon_get(const Daemon *daemon, const char *path)
{
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return ask(daemon, request);
}

char *daemon_post(const Daemon *daemon, const char *path, const char *body)
{
    g_autofree char *request =
        g_strdup_printf("POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        path, strlen(body), body);
    return ask(daemon, request);
}

guint64 daemon_memory(const Daemon *daemon)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)daemon->pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    const char *line = strstr(text, "VmRSS:");
    return line ? g_ascii_strtoull(line + strlen("VmRSS:"), NULL, 10) * 1024 : 0;
}

gboolean daemon_cli(const Daemon *daemon, char **output_out, GError **error, const char *argument,
                    ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    va_list arguments;
    g_ptr_array_add(argv, daemon->cli);
    g_ptr_array_add(argv, (gpointer) "--socket");
    g_ptr_array_add(argv, daemon->socket);
    va_start(arguments, argument);
    for (; argument; argument = va_arg(arguments, const char *))
        g_ptr_array_add(argv, (gpointer)argument);
    va_end(arguments);
    g_ptr_array_add(argv, NULL);
    return process_run((const char *const *)argv->pdata, NULL, output_out, error);
}

/* --- life
 * --------------------------------------------------------------------------------------------------
 */

static gboolean spawn(Daemon *daemon, char **argv, GError **error)
{
    GSpawnFlags flags =
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
    GPid pid = 0;
    if (!g_spawn_async(NULL, argv, NULL, flags, NULL, NULL, &pid, error))
        return FALSE;
    daemon->pid = pid;
    return TRUE;
}

static gboolean wait_for_answer(Daemon *daemon, double begin, GError **error)
{
    while (seconds_now() - begin < START_SECONDS) {
        g_autofree char *answer = daemon_get(daemon, "/healthz");
        if (answer)
            return TRUE;
        if (waitpid(daemon->pid, NULL, WNOHANG) == daemon->pid) {
            daemon->pid = 0;
            return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "underpind ended at once");
        }
        g_usleep(POLL_US);
    }
    return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "underpind does not answer");
}

gboolean daemon_start(Daemon *daemon, const Bench *bench, const char *directory, const char *uri,
                      gboolean with_hook, double *seconds_out, GError **error)
{
    daemon->run_directory = g_build_filename("/run", "underpin-bench", NULL);
    daemon->socket = g_build_filename(daemon->run_directory, "underpin.sock", NULL);
    daemon->cli = g_build_filename(bench->build, "src/cli/underpin", NULL);
    daemon->hook = g_build_filename(bench->build, "src/hook/underpin-hook", NULL);
    g_autofree char *program = g_build_filename(bench->build, "src/daemon/underpind", NULL);
    g_autofree char *store = g_strdup_printf("--store=%s/store", directory);
    g_autofree char *catalog = g_strdup_printf("--catalog=%s/catalog.sqlite", directory);
    g_autofree char *run = g_strdup_printf("--run-dir=%s", daemon->run_directory);
    g_autofree char *libvirt = g_strdup_printf("--uri=%s", uri);
    g_autofree char *hook = g_strdup_printf("--hook-program=%s", daemon->hook);
    g_autofree char *imports = g_strdup_printf("store.import_directories=%s", directory);
    g_autofree char *web_listen = g_strdup_printf("web.listen=127.0.0.1:%u", daemon->web_port);
    g_autofree char *web_directory = g_strdup_printf("web.directory=%s/web", directory);
    const char *argv[] = {
        program, store,
        catalog, run,
        libvirt, hook,
        "--set", imports,
        "--set", daemon->web_port ? "web.enabled=yes" : "web.enabled=no",
        "--set", web_listen,
        "--set", web_directory,
        "--set", with_hook ? "libvirt.require_hook=yes" : "libvirt.require_hook=no",
        NULL};
    double begin = seconds_now();
    if (!spawn(daemon, (char **)argv, error) || !wait_for_answer(daemon, begin, error))
        return FALSE;
    if (seconds_out)
        *seconds_out = seconds_now() - begin;
    return TRUE;
}

void daemon_stop(Daemon *daemon)
{
    if (daemon->pid) {
        kill(daemon->pid, SIGTERM);
        waitpid(daemon->pid, NULL, 0);
    }
    g_free(daemon->run_directory);
    g_free(daemon->socket);
    g_free(daemon->cli);
    g_free(daemon->hook);
    *daemon = (Daemon){0};
}

gboolean daemon_wait_hook(const Daemon *daemon, GError **error)
{
    for (guint i = 0; i < 10 * START_SECONDS; i++) {
        g_autofree char *answer = daemon_get(daemon, "/healthz");
        if (answer && strstr(answer, "\"hook\":\"in force\""))
            return TRUE;
        g_usleep(G_USEC_PER_SEC / 10);
    }
    return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "the start hook does not get in force");
}
