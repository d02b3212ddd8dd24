/* The daemon's socket and the hook's words, each against the other; the engine is played by the
 * test. */
#include "daemon/hook_socket.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/error.h"
#include "hook/ask.h"
#include "listener.h"

#define ID       "0123456789abcdef"
#define OTHER_ID "00000000000000aa"
#define UUID     "6695eb01-f6a4-8304-79aa-97f2502e193f"

/* --- the engine, as the socket sees it
 * ------------------------------------------------------------------------- */

static struct {
    GMutex mutex;
    GCond changed;
    GString *calls; /* what was called, a line a call */
    const char *refusal;
    gboolean is_held; /* may_start waits while it is set */
    guint waiting;
} engine;

static void note(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_mutex_lock(&engine.mutex);
    g_string_append_vprintf(engine.calls, format, arguments);
    g_cond_broadcast(&engine.changed);
    g_mutex_unlock(&engine.mutex);
    va_end(arguments);
}

gboolean engine_hook_may_start(Engine *unused, const char *machine_id, const char *uuid,
                               const char *memory, GError **error)
{
    (void)unused;
    g_mutex_lock(&engine.mutex);
    engine.waiting++;
    g_cond_broadcast(&engine.changed);
    while (engine.is_held)
        g_cond_wait(&engine.changed, &engine.mutex);
    engine.waiting--;
    g_mutex_unlock(&engine.mutex);
    note("may-start %s %s %s%s\n", machine_id, uuid, memory ? "resume" : "cold",
         memory ? memory : "");
    return !engine.refusal || error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "%s", engine.refusal);
}

void engine_hook_started(Engine *unused, const char *machine_id)
{
    (void)unused;
    note("started %s\n", machine_id);
}

void engine_hook_released(Engine *unused, const char *machine_id)
{
    (void)unused;
    note("released %s\n", machine_id);
}

static void hold_engine(gboolean is_held)
{
    g_mutex_lock(&engine.mutex);
    engine.is_held = is_held;
    g_cond_broadcast(&engine.changed);
    g_mutex_unlock(&engine.mutex);
}

static void wait_until_held(guint count)
{
    g_mutex_lock(&engine.mutex);
    while (engine.waiting < count)
        g_cond_wait(&engine.changed, &engine.mutex);
    g_mutex_unlock(&engine.mutex);
}

static void wait_for_calls(const char *expected)
{
    g_mutex_lock(&engine.mutex);
    while (engine.calls->len < strlen(expected))
        g_cond_wait(&engine.changed, &engine.mutex);
    assert_string_equal(engine.calls->str, expected);
    g_string_truncate(engine.calls, 0);
    g_mutex_unlock(&engine.mutex);
}

/* --- the daemon: a main loop in a thread of its own
 * --------------------------------------------------------------- */

typedef struct {
    void *root;
    char *path;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    HookSocket *socket;
} Daemon;

static gpointer run_loop(gpointer data)
{
    Daemon *daemon = data;
    g_main_context_push_thread_default(daemon->context);
    g_main_loop_run(daemon->loop);
    g_main_context_pop_thread_default(daemon->context);
    return NULL;
}

static HookSocket *open_socket(Daemon *daemon, GError **error)
{
    g_main_context_push_thread_default(daemon->context);
    HookSocket *opened = hook_socket_new(daemon->path, NULL, error);
    g_main_context_pop_thread_default(daemon->context);
    return opened;
}

static void start_daemon(Daemon *daemon)
{
    daemon->socket = open_socket(daemon, NULL);
    assert_non_null(daemon->socket);
    daemon->loop = g_main_loop_new(daemon->context, FALSE);
    daemon->thread = g_thread_new("daemon", run_loop, daemon);
}

static gboolean quit_loop(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* The loop ends itself: told from here, it might not have begun to run. */
static void stop_daemon(Daemon *daemon)
{
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, quit_loop, daemon->loop, NULL);
    g_source_attach(source, daemon->context);
    g_thread_join(daemon->thread);
    g_main_loop_unref(daemon->loop);
    hook_socket_free(daemon->socket);
    daemon->socket = NULL;
}

static int setup(void **state)
{
    Daemon *daemon = g_new0(Daemon, 1);
    scratch_setup(&daemon->root);
    daemon->path = g_build_filename(daemon->root, "run", "underpin", "hook.sock", NULL);
    daemon->context = g_main_context_new();
    engine.calls = g_string_new(NULL);
    engine.refusal = NULL;
    *state = daemon;
    return 0;
}

static int teardown(void **state)
{
    Daemon *daemon = *state;
    g_string_free(engine.calls, TRUE);
    scratch_teardown(&daemon->root);
    g_main_context_unref(daemon->context);
    g_free(daemon->path);
    g_free(daemon);
    return 0;
}

/* --- cases
 * ----------------------------------------------------------------------------------------------------------
 */

static void questions_reach_the_engine_and_its_answer_the_hook(void **state)
{
    static const char *const long_line = "x\ny\tz \xff";
    Daemon *daemon = *state;
    char reason[512] = "";
    start_daemon(daemon);
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_ALLOWED);
    wait_for_calls("may-start " ID " " UUID " cold\n");
    assert_int_equal(
        ask_daemon(daemon->path, "restore\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_ALLOWED);
    wait_for_calls("may-start " ID " " UUID " resume\n");
    assert_int_equal(
        ask_daemon(daemon->path, "restore\t" ID "\t" UUID "\t0011\n", 60000, reason, sizeof reason),
        ANSWER_ALLOWED);
    wait_for_calls("may-start " ID " " UUID " resume0011\n");
    engine.refusal = long_line;
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_REFUSED);
    assert_string_equal(reason, "x y z \xef\xbf\xbd");
    stop_daemon(daemon);
}

static void long_refusals_are_cut(void **state)
{
    Daemon *daemon = *state;
    char reason[512] = "";
    g_autoptr(GString) text = g_string_new("a");
    for (int i = 0; i < 500; i++)
        g_string_append(text, "é");
    start_daemon(daemon);
    engine.refusal = text->str;
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_REFUSED);
    assert_true(strlen(reason) < 310);
    assert_true(g_utf8_validate(reason, -1, NULL));
    assert_true(g_str_has_suffix(reason, "é…"));
    stop_daemon(daemon);
}

static void notices_reach_the_engine_without_an_answer(void **state)
{
    Daemon *daemon = *state;
    start_daemon(daemon);
    tell_daemon(daemon->path, "started\t" ID "\t" UUID "\n");
    wait_for_calls("started " ID "\n");
    tell_daemon(daemon->path, "released\t" ID "\t" UUID "\n");
    wait_for_calls("released " ID "\n");
    tell_daemon(daemon->path, "dropped\t" ID "\t" UUID "\n");
    wait_for_calls("released " ID "\n");
    stop_daemon(daemon);
}

static void nonsense_never_reaches_the_engine(void **state)
{
    static const char *const lines[] = {
        "\n",
        "prepare\n",
        "prepare\t" ID "\n",
        "prepare\t../etc\t" UUID "\n",
        "restore\t" ID "\t" UUID "\tmore\tand more\n",
        "what\t" ID "\t" UUID "\n",
    };
    Daemon *daemon = *state;
    char reason[512] = "";
    start_daemon(daemon);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        assert_int_equal(ask_daemon(daemon->path, lines[i], 60000, reason, sizeof reason),
                         ANSWER_REFUSED);
    g_autofree char *endless = g_strnfill(4096, 'x');
    assert_int_equal(ask_daemon(daemon->path, endless, 60000, reason, sizeof reason), ANSWER_NONE);
    stop_daemon(daemon);
    assert_int_equal(engine.calls->len, 0);
}

/* A hook that gives up while the engine is still thinking: the start that it was granted is taken
 * back. */
static void a_grant_that_nobody_hears_is_taken_back(void **state)
{
    Daemon *daemon = *state;
    char reason[64] = "";
    start_daemon(daemon);
    hold_engine(TRUE);
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 100, reason, sizeof reason),
        ANSWER_NONE);
    wait_until_held(1);
    hold_engine(FALSE);
    wait_for_calls("may-start " ID " " UUID " cold\nreleased " ID "\n");
    stop_daemon(daemon);
}

static void a_machine_is_served_in_order_and_others_meanwhile(void **state)
{
    Daemon *daemon = *state;
    char reason[64] = "";
    start_daemon(daemon);
    hold_engine(TRUE);
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 100, reason, sizeof reason),
        ANSWER_NONE);
    wait_until_held(1);
    tell_daemon(daemon->path, "dropped\t" ID "\t" UUID "\n");
    tell_daemon(daemon->path, "started\t" OTHER_ID "\t" UUID "\n");
    wait_for_calls("started " OTHER_ID "\n");
    hold_engine(FALSE);
    wait_for_calls("may-start " ID " " UUID " cold\nreleased " ID "\nreleased " ID "\n");
    stop_daemon(daemon);
}

static void the_socket_is_private_and_goes_with_the_daemon(void **state)
{
    Daemon *daemon = *state;
    GStatBuf status;
    start_daemon(daemon);
    assert_int_equal(g_stat(daemon->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    stop_daemon(daemon);
    assert_int_equal(g_access(daemon->path, F_OK), -1);
}

static void a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    Daemon *daemon = *state;
    struct sockaddr_un address;
    char reason[64] = "";
    start_daemon(daemon);
    g_autoptr(GError) error = NULL;
    assert_null(open_socket(daemon, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_EXISTS);
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_ALLOWED);
    stop_daemon(daemon);
    int fd = listener_address(daemon->path, &address);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* a daemon that was killed */
    start_daemon(daemon);
    assert_int_equal(
        ask_daemon(daemon->path, "prepare\t" ID "\t" UUID "\n", 60000, reason, sizeof reason),
        ANSWER_ALLOWED);
    stop_daemon(daemon);
}

static void nothing_but_a_socket_is_replaced(void **state)
{
    Daemon *daemon = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) length_error = NULL;
    scratch_write(daemon->root, "run/underpin/hook.sock", "mine");
    assert_null(open_socket(daemon, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_EXISTS);
    scratch_assert_text(daemon->root, "run/underpin/hook.sock", "mine");
    g_autofree char *longer = g_strnfill(200, 'x');
    g_free(daemon->path);
    daemon->path = g_build_filename(daemon->root, longer, NULL);
    assert_null(open_socket(daemon, &length_error));
    assert_int_equal(error_code(length_error), UNDERPIN_ERROR_INVALID);
}

#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SOCKET_TEST(questions_reach_the_engine_and_its_answer_the_hook),
        SOCKET_TEST(long_refusals_are_cut),
        SOCKET_TEST(notices_reach_the_engine_without_an_answer),
        SOCKET_TEST(nonsense_never_reaches_the_engine),
        SOCKET_TEST(a_grant_that_nobody_hears_is_taken_back),
        SOCKET_TEST(a_machine_is_served_in_order_and_others_meanwhile),
        SOCKET_TEST(the_socket_is_private_and_goes_with_the_daemon),
        SOCKET_TEST(a_stale_socket_is_replaced_and_a_live_one_is_not),
        SOCKET_TEST(nothing_but_a_socket_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
