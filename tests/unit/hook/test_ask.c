/* The hook's words with the daemon, over a real socket. */
#include "hook/ask.h"
#include "listener.h"

static void understands_answers(void **state)
{
    static const struct {
        const char *text;
        Answer answer;
        const char *reason;
    } cases[] = {
        {"ok\n", ANSWER_ALLOWED, ""},
        {"refuse\tno way\n", ANSWER_REFUSED, "no way"},
        {"refuse\t\n", ANSWER_REFUSED, ""},
        {"refuse\n", ANSWER_NONE, ""},
        {"okay\n", ANSWER_NONE, ""},
        {"\n", ANSWER_NONE, ""},
        {"ok", ANSWER_NONE, ""}, /* cut off before its line end */
        {NULL, ANSWER_NONE, ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char reason[32] = "";
        g_autofree char *path = g_strdup_printf("%s/%zu.sock", (char *)*state, i);
        Listener *listener = listener_start(path, cases[i].text);
        Answer answer = ask_daemon(path, "prepare\tx\ty\n", 60000, reason, sizeof reason);
        g_autofree char *lines = listener_stop(listener);
        assert_int_equal(answer, cases[i].answer);
        assert_string_equal(reason, cases[i].reason);
        assert_string_equal(lines, "prepare\tx\ty\n");
    }
}

static void gives_up_on_endless_answers(void **state)
{
    char reason[32] = "";
    g_autofree char *text = g_strnfill(5000, 'x');
    g_autofree char *path = g_build_filename(*state, "s", NULL);
    Listener *listener = listener_start(path, text);
    assert_int_equal(ask_daemon(path, "q\n", 60000, reason, sizeof reason), ANSWER_NONE);
    g_free(listener_stop(listener));
}

static void sees_that_nobody_listens(void **state)
{
    char reason[32] = "";
    g_autofree char *path = g_build_filename(*state, "s", NULL);
    assert_int_equal(ask_daemon(path, "q\n", 60000, reason, sizeof reason), ANSWER_ABSENT);
    struct sockaddr_un address;
    int fd = listener_address(path, &address);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(ask_daemon(path, "q\n", 60000, reason, sizeof reason), ANSWER_ABSENT);
    tell_daemon(path, "q\n");
}

/* Connected by the kernel, never accepted: a daemon that hangs. */
static void gives_up_on_a_silent_daemon(void **state)
{
    char reason[32] = "";
    struct sockaddr_un address;
    g_autofree char *path = g_build_filename(*state, "s", NULL);
    int fd = listener_address(path, &address);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(ask_daemon(path, "q\n", 10, reason, sizeof reason), ANSWER_NONE);
    for (int i = 0; i < 4; i++) /* fills the queue: connect(2) itself would wait */
        assert_int_equal(ask_daemon(path, "q\n", 10, reason, sizeof reason), ANSWER_NONE);
    close(fd);
}

static void tells_without_waiting_for_an_answer(void **state)
{
    g_autofree char *path = g_build_filename(*state, "s", NULL);
    Listener *listener = listener_start(path, NULL);
    tell_daemon(path, "started\tx\ty\n");
    tell_daemon(path, "released\tx\ty\n");
    g_autofree char *lines = listener_stop(listener);
    assert_string_equal(lines, "started\tx\ty\nreleased\tx\ty\n");
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(understands_answers),
        SCRATCH_TEST(gives_up_on_endless_answers),
        SCRATCH_TEST(sees_that_nobody_listens),
        SCRATCH_TEST(gives_up_on_a_silent_daemon),
        SCRATCH_TEST(tells_without_waiting_for_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
