/* The real underpind in a private place, on libvirt's test driver: start, second start, stop, kill,
 * start again, and what a backup brings back. */
#include "cmocka_prelude.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw_client.h"

typedef struct {
    char *directory, *api, *hook, *ready;
    char *log; /* NULL: what it logs is seen with the test's own output */
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
    g_free(fixture->log);
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

/* Without a reader the datagram that says that it is ready waits, and the daemon with it. */
static void fill_ready_socket(const Fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, fixture->ready, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address) > 0)
        ;
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

static void spawn(Fixture *fixture)
{
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, "store", "catalog.sqlite", "run");
    fixture->daemon = fork();
    if (fixture->daemon == 0) {
        g_setenv("NOTIFY_SOCKET", fixture->ready, TRUE);
        if (fixture->log)
            dup2(open(fixture->log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDERR_FILENO);
        execv(UNDERPIND, (char **)arguments->pdata);
        _exit(127);
    }
}

static void start(Fixture *fixture)
{
    spawn(fixture);
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

/* Signals that a program catches are listed in hexadecimal. */
static gboolean catches(pid_t process, int number)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", process), *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    const char *mask = strstr(text, "\nSigCgt:");
    assert_non_null(mask);
    return (g_ascii_strtoull(mask + strlen("\nSigCgt:\t"), NULL, 16) >> (number - 1)) & 1;
}

/* By the thread that says that it is ready, and by no other: another would end the main loop before
 * it has begun, and then nothing would end it. */
static void a_stop_before_it_is_ready_is_obeyed_then(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *config = below(fixture, "underpin.ini"), *logged = NULL;
    g_file_set_contents(config, "[daemon]\nlog_level = message\n", -1, NULL);
    fixture->log = below(fixture, "log");
    fill_ready_socket(fixture);
    spawn(fixture);
    while (!catches(fixture->daemon, SIGTERM))
        g_usleep(1000);
    assert_int_equal(kill(fixture->daemon, SIGTERM), 0);
    for (guint i = 0; i < 100; i++)
        assert_answers(fixture, "/healthz", "version");
    assert_true(g_file_get_contents(fixture->log, &logged, NULL, NULL));
    assert_null(strstr(logged, "stopping"));
    wait_until_ready(fixture);
    assert_int_equal(end(fixture), 0);
    assert_int_equal(access(fixture->api, F_OK), -1);
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

/* --- jobs, accounts and backups --------------------------------------------------------------- */

static void kill_it(Fixture *fixture)
{
    kill(fixture->daemon, SIGKILL);
    assert_int_equal(end(fixture), -SIGKILL);
}

static json_t *ask(const Fixture *fixture, const char *method, const char *target, const char *body,
                   unsigned status)
{
    g_auto(RawAnswer) answer =
        raw_request(fixture->api, method, target, body ? "application/json" : NULL, body);
    if (answer.status != status)
        fail_msg("%s %s: %u, %s", method, target, answer.status, answer.body->str);
    return json_loads(answer.body->str, 0, NULL);
}

static void add_account(const Fixture *fixture, const char *name)
{
    g_autofree char *body = g_strdup_printf("{\"name\":\"%s\",\"role\":\"administrator\","
                                            "\"password\":\"correct horse\"}",
                                            name);
    json_decref(ask(fixture, "POST", "/api/v1/accounts", body, 201));
}

/* The job of a backup to that file, once it has ended. */
static json_t *back_up(const Fixture *fixture, const char *path)
{
    g_autofree char *body = g_strdup_printf("{\"verb\":\"backup\",\"path\":\"%s\"}", path);
    json_t *job = ask(fixture, "POST", "/api/v1/jobs", body, 202);
    g_autofree char *target =
        g_strconcat("/api/v1/jobs/", json_string_value(json_object_get(job, "id")), NULL);
    while (!json_is_string(json_object_get(job, "finished_at"))) {
        json_decref(job);
        g_usleep(1000);
        job = ask(fixture, "GET", target, NULL, 200);
    }
    return job;
}

static void assert_ended(json_t *job, const char *state, const char *text)
{
    g_autofree char *told = json_dumps(job, 0);
    assert_string_equal(json_string_value(json_object_get(job, "state")), state);
    if (!strstr(told, text))
        fail_msg("'%s' is not in %s", text, told);
    json_decref(job);
}

static void put_back(const Fixture *fixture, const char *copy, const char *name)
{
    g_autofree char *file = below(fixture, name), *log = g_strconcat(file, "-wal", NULL);
    assert_int_equal(g_remove(log), 0);
    assert_int_equal(g_rename(copy, file), 0);
}

static void a_backup_brings_back_catalog_and_accounts(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy"), *accounts = below(fixture, "copy.accounts");
    start(fixture);
    add_account(fixture, "anna");
    assert_ended(back_up(fixture, copy), "done", "copy.accounts'");
    add_account(fixture, "bert");
    kill_it(fixture);
    put_back(fixture, copy, "catalog.sqlite");
    put_back(fixture, accounts, "access.sqlite");
    start(fixture);
    json_t *answer = ask(fixture, "GET", "/api/v1/accounts", NULL, 200);
    const json_t *list = json_object_get(answer, "items");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")),
                        "anna");
    json_decref(answer);
    assert_answers(fixture, "/healthz", "\"store\":\"ok\"");
}

static void half_a_backup_is_none(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy"), *accounts = below(fixture, "copy.accounts");
    assert_true(g_file_set_contents(accounts, "precious", -1, NULL));
    start(fixture);
    assert_ended(back_up(fixture, copy), "failed", "copy.accounts' already");
    assert_false(g_file_test(copy, G_FILE_TEST_EXISTS));
    g_autofree char *content = NULL;
    assert_true(g_file_get_contents(accounts, &content, NULL, NULL));
    assert_string_equal(content, "precious");
}

static void a_backup_says_what_keeps_it_from_being_made(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy"), *nowhere = below(fixture, "gone/copy");
    g_autofree char *accounts = below(fixture, "copy.accounts");
    g_autofree char *gone = g_strdup_printf("there is no directory '%s/gone'", fixture->directory);
    start(fixture);
    assert_ended(back_up(fixture, nowhere), "failed", gone);
    assert_true(g_file_set_contents(copy, "precious", -1, NULL));
    assert_ended(back_up(fixture, copy), "failed", "copy' already");
    assert_false(g_file_test(accounts, G_FILE_TEST_EXISTS));
    assert_int_equal(g_remove(copy), 0);
    assert_ended(back_up(fixture, copy), "done", "copy.accounts'");
    assert_ended(back_up(fixture, copy), "failed", "copy' already");
    assert_true(g_file_test(accounts, G_FILE_TEST_EXISTS));
}

/* A file system of its own that the daemon sees and that is full. */
static gboolean mount_full_disk(const char *path)
{
    assert_int_equal(g_mkdir(path, 0755), 0);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("full", path, "tmpfs", 0, "size=16k") != 0)
        return FALSE;
    return TRUE;
}

static void a_backup_onto_a_full_disk_leaves_nothing_and_says_so(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *disk = below(fixture, "full"), *copy = below(fixture, "full/copy");
    if (geteuid() != 0 || !mount_full_disk(disk))
        skip();
    start(fixture);
    json_t *job = back_up(fixture, copy);
    g_autoptr(GDir) left = g_dir_open(disk, 0, NULL);
    const char *first = g_dir_read_name(left);
    umount2(disk, MNT_DETACH);
    assert_null(first);
    assert_ended(job, "failed", "no-space");
}

static void accounts_that_were_not_put_back_are_missed(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy"), *file = below(fixture, "access.sqlite");
    start(fixture);
    add_account(fixture, "anna");
    assert_answers(fixture, "/api/v1/doctor", "\"items\"");
    assert_ended(back_up(fixture, copy), "done", "copy.accounts'");
    kill_it(fixture);
    put_back(fixture, copy, "catalog.sqlite");
    assert_int_equal(g_remove(file), 0);
    start(fixture);
    assert_answers(fixture, "/api/v1/doctor", "accounts-missing");
    add_account(fixture, "bert");
    g_auto(RawAnswer) answer = raw_request(fixture->api, "GET", "/api/v1/doctor", NULL, NULL);
    assert_null(strstr(answer.body->str, "accounts-missing"));
}

static void damaged_accounts_do_not_keep_the_catalog_from_being_backed_up(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy"), *accounts = below(fixture, "copy.accounts");
    g_autofree char *damaged = below(fixture, "access.sqlite");
    assert_true(g_file_set_contents(damaged, "this is no database", -1, NULL));
    start(fixture);
    assert_ended(back_up(fixture, copy), "done", "without the accounts");
    assert_true(g_file_test(copy, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(accounts, G_FILE_TEST_EXISTS));
}

/* What stood there before the daemon was killed between a job's end and its note. */
static void forget_ends(const Fixture *fixture)
{
    sqlite3 *handle = NULL;
    g_autofree char *path = below(fixture, "access.sqlite");
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle,
                                  "DELETE FROM audit WHERE job IS NOT NULL"
                                  " AND result <> 'accepted'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_changes(handle), 1);
    sqlite3_close(handle);
}

static void assert_trail(const Fixture *fixture, const char *const *results)
{
    json_t *answer = ask(fixture, "GET", "/api/v1/audit", NULL, 200);
    const json_t *items = json_object_get(answer, "items");
    assert_int_equal(json_array_size(items), g_strv_length((char **)results));
    for (guint i = 0; results[i]; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, i), "result")),
                            results[i]);
    json_decref(answer);
}

static void a_kill_before_the_note_of_a_jobs_end_loses_it_not(void **state)
{
    static const char *const whole[] = {"done", "accepted", NULL};
    Fixture *fixture = *state;
    g_autofree char *copy = below(fixture, "copy");
    start(fixture);
    assert_ended(back_up(fixture, copy), "done", "copy.accounts'");
    kill(fixture->daemon, SIGTERM);
    assert_int_equal(end(fixture), 0);
    forget_ends(fixture);
    for (guint starts = 0; starts < 2; starts++) {
        start(fixture);
        assert_trail(fixture, whole);
        kill_it(fixture);
    }
}

static void users_are_told_to_be_root(void **state)
{
    const Fixture *fixture = *state;
    g_autoptr(GPtrArray) arguments = arguments_for(fixture, "store", "catalog.sqlite", "run");
    int program = open(UNDERPIND, O_RDONLY); /* its directory may be closed to others */
    assert_true(program >= 0);
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        if (setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
            setresuid(65534, 65534, 65534) == 0)
            fexecve(program, (char **)arguments->pdata, environ);
        _exit(127);
    }
    close(program);
    close(pipe_ends[1]);
    char text[1024] = "";
    assert_true(read(pipe_ends[0], text, sizeof text - 1) > 0);
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(text, "needs to be root"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_when_it_says_that_it_is_ready),
        TEST(a_stop_removes_the_sockets_and_exits_with_zero),
        TEST(a_stop_before_it_is_ready_is_obeyed_then),
        TEST(a_stop_ends_streams_and_does_not_wait_for_idle_clients),
        TEST(it_starts_again_after_a_kill),
        TEST(a_second_daemon_is_refused_whatever_it_shares),
        TEST(a_store_that_is_not_there_is_not_made_anew),
        TEST(a_backup_brings_back_catalog_and_accounts),
        TEST(half_a_backup_is_none),
        TEST(a_backup_says_what_keeps_it_from_being_made),
        TEST(accounts_that_were_not_put_back_are_missed),
        TEST(damaged_accounts_do_not_keep_the_catalog_from_being_backed_up),
        TEST(a_kill_before_the_note_of_a_jobs_end_loses_it_not),
        TEST(a_backup_onto_a_full_disk_leaves_nothing_and_says_so),
        TEST(users_are_told_to_be_root),
    };
    if (geteuid() != 0) {
        print_message("1..0 # SKIP: the daemon runs as root only\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
