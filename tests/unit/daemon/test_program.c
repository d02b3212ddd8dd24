/* The real underpind in a private place, on libvirt's test driver: start, second start, stop, kill,
 * and start again. */
#include "cmocka_prelude.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw_client.h"

typedef struct {
    char *directory, *api, *hook, *ready;
    int ready_fd;
    pid_t daemon; /* 0: none runs */
} Fixture;

static char *below(const Fixture *fixture, const char *name)
{
    return g_build_filename(fixture->directory, name, NULL);
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-daemon-XXXXXX", NULL);
    chmod(fixture->directory, 0755);
    fixture->api = below(fixture, "run/underpin.sock");
    fixture->hook = below(fixture, "run/hook.sock");
    fixture->ready = below(fixture, "ready");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, fixture->ready, sizeof address.sun_path);
    fixture->ready_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *state = fixture;
    g_autofree char *config = below(fixture, "underpin.ini");
    g_file_set_contents(config, "[daemon]\nlog_level = warning\n", -1, NULL);
    return bind(fixture->ready_fd, (struct sockaddr *)&address, sizeof address);
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) entries =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        g_autofree char *entry = g_build_filename(path, name, NULL);
        remove_tree(entry);
    }
    g_remove(path);
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    if (fixture->daemon > 0) {
        kill(fixture->daemon, SIGKILL);
        waitpid(fixture->daemon, NULL, 0);
    }
    close(fixture->ready_fd);
    remove_tree(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->api);
    g_free(fixture->hook);
    g_free(fixture->ready);
    g_free(fixture);
    return 0;
}

/* The command line; `store`, `catalog` and `run` are names below the fixture's directory. */
static GPtrArray *arguments_for(const Fixture *fixture, const char *store, const char *catalog,
                                const char *run)
{
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(arguments, g_strdup(UNDERPIND));
    g_ptr_array_add(arguments, g_strconcat("--config=", fixture->directory, "/underpin.ini", NULL));
    g_ptr_array_add(arguments, g_strconcat("--store=", fixture->directory, "/", store, NULL));
    g_ptr_array_add(arguments, g_strconcat("--catalog=", fixture->directory, "/", catalog, NULL));
    g_ptr_array_add(arguments, g_strconcat("--run-dir=", fixture->directory, "/", run, NULL));
    g_ptr_array_add(arguments, g_strconcat("--hooks-dir=", fixture->directory, "/hooks", NULL));
    g_ptr_array_add(arguments, g_strdup("--uri=test:///default"));
    g_ptr_array_add(arguments, g_strdup("--set=libvirt.require_hook=no"));
    g_ptr_array_add(arguments, g_strdup("--set=web.enabled=no"));
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static void wait_until_ready(const Fixture *fixture)
{
    char state[256] = "";
    while (!g_str_has_prefix(state, "READY=1")) {
        memset(state, 0, sizeof state);
        assert_true(recv(fixture->ready_fd, state, sizeof state - 1, 0) > 0);
    }
}

static void start(Fixture *fixture)
{
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, "store", "catalog.sqlite", "run");
    fixture->daemon = fork();
    if (fixture->daemon == 0) {
        g_setenv("NOTIFY_SOCKET", fixture->ready, TRUE);
        execv(UNDERPIND, (char **)arguments->pdata);
        _exit(127);
    }
    wait_until_ready(fixture);
}

/* The daemon's exit status, once it has ended. */
static int end(Fixture *fixture)
{
    int status = -1;
    assert_int_equal(waitpid(fixture->daemon, &status, 0), fixture->daemon);
    fixture->daemon = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Runs to its end; what it wrote on standard error. */
static char *run(GPtrArray *arguments, int *exit_out)
{
    char *errors = NULL;
    int status = 0;
    assert_true(g_spawn_sync(NULL, (char **)arguments->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                             NULL, &errors, &status, NULL));
    *exit_out = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return errors;
}

static void assert_answers(const Fixture *fixture, const char *target, const char *text)
{
    g_auto(RawAnswer) answer = raw_request(fixture->api, "GET", target, NULL, NULL);
    assert_int_equal(answer.status, 200);
    if (!strstr(answer.body->str, text))
        fail_msg("'%s' is not in %s", text, answer.body->str);
}

static void it_answers_when_it_says_that_it_is_ready(void **state)
{
    Fixture *fixture = *state;
    start(fixture);
    assert_answers(fixture, "/healthz", "\"store\":\"ok\"");
    assert_answers(fixture, "/api/v1/status", "\"machines\":0");
    assert_answers(fixture, "/api/v1/domains", "\"name\":\"test\"");
    struct stat status;
    assert_int_equal(stat(fixture->hook, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_stop_removes_the_sockets_and_exits_with_zero(void **state)
{
    Fixture *fixture = *state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++) {
        start(fixture);
        assert_int_equal(kill(fixture->daemon, signals[i]), 0);
        assert_int_equal(end(fixture), 0);
        assert_int_equal(access(fixture->api, F_OK), -1);
        assert_int_equal(access(fixture->hook, F_OK), -1);
    }
}

static void a_stop_ends_streams_and_does_not_wait_for_idle_clients(void **state)
{
    Fixture *fixture = *state;
    start(fixture);
    int stream = raw_connect(fixture->api), idle = raw_connect(fixture->api);
    raw_send_text(stream, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autoptr(GString) seen = g_string_new(NULL);
    assert_true(raw_receive_until(stream, seen, "event: hello"));
    kill(fixture->daemon, SIGTERM);
    g_autoptr(GString) rest = g_string_new(NULL);
    assert_true(raw_receive_until(stream, rest, "0\r\n\r\n"));
    assert_int_equal(end(fixture), 0);
    close(stream);
    close(idle);
}

static void it_starts_again_after_a_kill(void **state)
{
    Fixture *fixture = *state;
    start(fixture);
    kill(fixture->daemon, SIGKILL);
    assert_int_equal(end(fixture), -SIGKILL);
    assert_int_equal(access(fixture->api, F_OK), 0);
    start(fixture);
    assert_answers(fixture, "/healthz", "\"store\":\"ok\"");
}

static void assert_refused(const Fixture *fixture, const char *store, const char *catalog,
                           const char *run_name, const char *text)
{
    int status;
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, store, catalog, run_name);
    g_autofree char *errors = run(arguments, &status);
    assert_int_equal(status, 4);
    if (!strstr(errors, text))
        fail_msg("'%s' is not in: %s", text, errors);
}

static void a_second_daemon_is_refused_whatever_it_shares(void **state)
{
    Fixture *fixture = *state;
    start(fixture);
    assert_refused(fixture, "store2", "catalog2.sqlite", "run", "another underpind runs");
    assert_refused(fixture, "store", "catalog2.sqlite", "run2", "store' is in use");
    assert_refused(fixture, "store2", "catalog.sqlite", "run2", "catalog.sqlite'");
    assert_answers(fixture, "/healthz", "\"store\":\"ok\"");
}

static void a_store_that_is_not_there_is_not_made_anew(void **state)
{
    Fixture *fixture = *state;
    start(fixture);
    kill(fixture->daemon, SIGTERM);
    assert_int_equal(end(fixture), 0);
    g_autofree char *store = below(fixture, "store"), *away = below(fixture, "away");
    assert_int_equal(rename(store, away), 0);
    int status;
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, "store", "catalog.sqlite", "run");
    g_autofree char *errors = run(arguments, &status);
    assert_int_equal(status, 1);
    assert_non_null(strstr(errors, store));
    assert_int_equal(access(store, F_OK), -1);
}

static void users_are_told_to_be_root(void **state)
{
    const Fixture *fixture = *state;
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, "store", "catalog.sqlite", "run");
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        if (setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
            setresuid(65534, 65534, 65534) == 0)
            execv(UNDERPIND, (char **)arguments->pdata);
        _exit(127);
    }
    close(pipe_ends[1]);
    char text[1024] = "";
    assert_true(read(pipe_ends[0], text, sizeof text - 1) > 0);
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WEXITSTATUS(status) == 127)
        skip(); /* the build directory is closed to others */
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(text, "needs to be root"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_when_it_says_that_it_is_ready),
        TEST(a_stop_removes_the_sockets_and_exits_with_zero),
        TEST(a_stop_ends_streams_and_does_not_wait_for_idle_clients),
        TEST(it_starts_again_after_a_kill),
        TEST(a_second_daemon_is_refused_whatever_it_shares),
        TEST(a_store_that_is_not_there_is_not_made_anew),
        TEST(users_are_told_to_be_root),
    };
    if (geteuid() != 0) {
        print_message("1..0 # SKIP: the daemon runs as root only\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
