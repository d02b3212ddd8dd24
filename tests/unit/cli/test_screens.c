/*
 * Every screen of the command line against its golden file: what it prints in a pipe and on a
 * terminal, its exit status, and what it asked the daemon for.
 *
 * UPDATE_GOLDEN=1 writes the files anew; they are reviewed like code. In them ␛ stands for escape,
 * ␍ for a return to the beginning of the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

#include "fake_server.h"
#include "screen_cases.h"

static char *directory; /* of this run's socket */
static char *socket_path;

/* --- running -----------------------------------------------------------------------------------
 */

typedef struct {
    pid_t pid;
    int input;  /* to write to */
    int output; /* to read from; the terminal's both */
    int errors; /* -1 on a terminal */
} Child;

typedef struct {
    GString *output;
    GString *errors;
    int status;
} Result;

static void set_environment(const ScreenCase *screen)
{
    g_setenv("LC_ALL", screen->locale != NULL ? screen->locale : "C.UTF-8", TRUE);
    g_setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", TRUE);
    g_setenv("TERM", screen->terminal != NULL ? screen->terminal : "xterm", TRUE);
    g_setenv("UNDERPIN_SOCKET", screen->no_server ? "/nonexistent/underpin.sock" : socket_path,
             TRUE);
    g_setenv("UNDERPIN", UNDERPIN_PROGRAM, TRUE);
    if (screen->no_colour)
        g_setenv("NO_COLOR", "1", TRUE);
    else
        g_unsetenv("NO_COLOR");
    g_unsetenv("COLUMNS");
    if (chdir("/srv") != 0)
        _exit(99);
}

/* Never returns. */
static void become(const ScreenCase *screen)
{
    g_auto(GStrv) words = NULL;
    set_environment(screen);
    if (screen->script != NULL) {
        execlp("bash", "bash", "--norc", "-c", screen->script, (char *)NULL);
        _exit(98);
    }
    g_autofree char *line = g_strconcat("underpin ", screen->arguments, NULL);
    if (!g_shell_parse_argv(line, NULL, &words, NULL))
        _exit(97);
    execv(UNDERPIN_PROGRAM, words);
    _exit(98);
}

static Child start_in_pipe(const ScreenCase *screen)
{
    int input[2], output[2], errors[2];
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        dup2(errors[1], STDERR_FILENO);
        become(screen);
    }
    close(input[0]);
    close(output[1]);
    close(errors[1]);
    return (Child){pid, input[1], output[0], errors[0]};
}

/* The terminal does not echo: otherwise the echo of an answer could stand anywhere. */
static Child start_on_terminal(const ScreenCase *screen)
{
    int master = -1, slave = -1;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)screen->width};
    struct termios settings;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
    tcgetattr(slave, &settings);
    settings.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(slave, TCSANOW, &settings);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        login_tty(slave);
        become(screen);
    }
    close(slave);
    return (Child){pid, master, master, -1};
}

static void give_input(const ScreenCase *screen, Child *child)
{
    gsize length = screen->input != NULL ? strlen(screen->input) : 0;
    if (length > 0)
        assert_int_equal(write(child->input, screen->input, length), length);
    if (child->errors >= 0) {
        close(child->input);
        child->input = -1;
    }
}

/* Reads once; FALSE at the end (a terminal whose last user is gone says EIO). */
static gboolean read_into(int fd, GString *text)
{
    char buffer[4096];
    ssize_t length = read(fd, buffer, sizeof(buffer));
    if (length <= 0)
        return FALSE;
    g_string_append_len(text, buffer, length);
    return TRUE;
}

static void converse(const ScreenCase *screen, Child *child, Result *result)
{
    gboolean is_given = FALSE, has_output = TRUE, has_errors = child->errors >= 0;
    while (has_output || has_errors) {
        if (!is_given &&
            (screen->after == NULL || strstr(result->output->str, screen->after) != NULL)) {
            give_input(screen, child);
            is_given = TRUE;
        }
        struct pollfd waiting[] = {{.fd = has_output ? child->output : -1, .events = POLLIN},
                                   {.fd = has_errors ? child->errors : -1, .events = POLLIN}};
        poll(waiting, G_N_ELEMENTS(waiting), -1);
        if (waiting[0].revents != 0)
            has_output = read_into(child->output, result->output);
        if (waiting[1].revents != 0)
            has_errors = read_into(child->errors, result->errors);
    }
}

static Result run(const ScreenCase *screen)
{
    Result result = {g_string_new(NULL), g_string_new(NULL), 0};
    int status = 0;
    Child child = screen->width > 0 ? start_on_terminal(screen) : start_in_pipe(screen);
    converse(screen, &child, &result);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    close(child.output);
    if (child.errors >= 0)
        close(child.errors);
    return result;
}

/* --- comparing ---------------------------------------------------------------------------------
 */

/* Makes what moves the cursor visible. */
static void append_visible(GString *text, const char *raw)
{
    for (const char *at = raw; *at != '\0'; at++) {
        if (*at == '\r' && at[1] == '\n')
            continue;
        if (*at == '\033')
            g_string_append(text, "␛");
        else if (*at == '\r')
            g_string_append(text, "\n␍");
        else
            g_string_append_c(text, *at);
    }
}

static char *portrait(const ScreenCase *screen, const Result *result, const char *requests)
{
    GString *text = g_string_new(NULL);
    if (screen->script != NULL)
        g_string_append_printf(text, "$ %s\n", screen->script);
    else
        g_string_append_printf(text, "$ underpin %s%s", screen->arguments,
                               *screen->arguments ? "\n" : "\n");
    append_visible(text, result->output->str);
    if (text->str[text->len - 1] != '\n')
        g_string_append(text, "\n(no line feed)\n");
    if (result->errors->len > 0)
        g_string_append(text, "--- standard error\n");
    append_visible(text, result->errors->str);
    g_string_append_printf(text, "--- exit status %d\n%s", result->status, requests);
    g_autofree char *whole = g_string_free(text, FALSE);
    g_auto(GStrv) parts = g_strsplit(whole, socket_path, -1);
    return g_strjoinv("SOCKET", parts);
}

static void compare(const ScreenCase *screen, const char *seen)
{
    g_autofree char *name = g_strconcat(screen->name, ".txt", NULL);
    g_autofree char *path = g_build_filename(GOLDEN_DIRECTORY, name, NULL);
    g_autofree char *golden = NULL;
    if (g_getenv("UPDATE_GOLDEN") != NULL) {
        assert_true(g_file_set_contents(path, seen, -1, NULL));
        return;
    }
    if (!g_file_get_contents(path, &golden, NULL, NULL))
        fail_msg("no golden file '%s': UPDATE_GOLDEN=1 writes it", path);
    if (!g_str_equal(golden, seen))
        fail_msg("'%s' differs; expected:\n%s\nseen:\n%s", path, golden, seen);
}

static const char *const default_routes[] = {
    "GET /api/v1/machines => machines.json",
    "GET /api/v1/machines?view=list&limit=10000 => machine-rows.json",
    "GET /api/v1/machines/demo-1 => machine-demo-1.json",
    "GET /api/v1/machines/demo-v1 => machine-demo-v1.json",
    "GET /api/v1/machines/demo-1/history => history.json",
    "GET /api/v1/status => status.json",
    "GET /api/v1/layers => layers.json",
    "GET /api/v1/storage => storage.json",
    "GET /api/v1/machines/demo-1/space => space-demo-1.json",
    "GET /api/v1/layers/6f1c2a9be01d4c55-vda => layer-why.json",
    "GET /api/v1/kept-volumes => kept.json",
    "GET /api/v1/domains => domains.json",
    "GET /api/v1/doctor => doctor.json",
    "GET /api/v1/jobs => jobs.json",
    "GET /api/v1/accounts => accounts.json",
    "GET /api/v1/tokens => tokens.json",
    "GET /api/v1/audit => audit.json",
    NULL,
};

static void screen_is_as_its_golden_file(void **state)
{
    const ScreenCase *screen = *state;
    g_autoptr(GPtrArray) routes = g_ptr_array_new();
    for (gsize i = 0; i < G_N_ELEMENTS(screen->routes) && screen->routes[i] != NULL; i++)
        g_ptr_array_add(routes, (gpointer)screen->routes[i]);
    for (gsize i = 0; default_routes[i] != NULL; i++)
        g_ptr_array_add(routes, (gpointer)default_routes[i]);
    g_ptr_array_add(routes, NULL);
    FakeServer *server =
        fake_server_start(socket_path, FIXTURE_DIRECTORY, (const char *const *)routes->pdata, 0);
    Result result = run(screen);
    g_autofree char *requests = fake_server_stop(server);
    g_autofree char *seen = portrait(screen, &result, requests);
    g_string_free(result.output, TRUE);
    g_string_free(result.errors, TRUE);
    compare(screen, seen);
}

int main(void)
{
    g_autofree struct CMUnitTest *tests = g_new0(struct CMUnitTest, screen_case_count);
    signal(SIGPIPE, SIG_IGN);
    directory = g_dir_make_tmp("underpin-cli-XXXXXX", NULL);
    socket_path = g_build_filename(directory, "socket", NULL);
    for (gsize i = 0; i < screen_case_count; i++)
        tests[i] = (struct CMUnitTest){.name = screen_cases[i].name,
                                       .test_func = screen_is_as_its_golden_file,
                                       .initial_state = (void *)&screen_cases[i]};
    int failures = _cmocka_run_group_tests("screens", tests, screen_case_count, NULL, NULL);
    g_unlink(socket_path);
    g_rmdir(directory);
    g_free(socket_path);
    g_free(directory);
    return failures;
}
