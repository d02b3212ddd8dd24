/* Tests of the process runner, with the shell as the program that is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include "foundation/process.h"
#include "scratch.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

static gboolean run_shell(const char *script, char **output_out, GError **error)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    return process_run(argv, NULL, output_out, error);
}

static unsigned count_descriptors(void)
{
    g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned count = 0;
    while (g_dir_read_name(directory) != NULL)
        count++;
    return count;
}

static void output_is_handed_back_on_success(void **state)
{
    (void)state;
    g_autofree char *output = NULL;
    assert_true(run_shell("echo one; echo noise >&2; echo two", &output, NULL));
    assert_string_equal(output, "one\ntwo\n");
}

static void arguments_are_not_interpreted(void **state)
{
    (void)state;
    const char *const argv[] = {"printf", "%s", "$HOME; *", NULL};
    g_autofree char *output = NULL;
    assert_true(process_run(argv, NULL, &output, NULL));
    assert_string_equal(output, "$HOME; *");
}

static void standard_input_is_empty(void **state)
{
    (void)state;
    g_autofree char *output = NULL;
    assert_true(run_shell("cat; echo end", &output, NULL));
    assert_string_equal(output, "end\n");
}

static void the_last_line_of_standard_error_explains_a_failure(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    assert_false(run_shell("echo out; echo first >&2; printf 'the cause\\n\\n' >&2; exit 3",
                           &output, &error));
    assert_null(output);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_string_equal(error->message, "'sh' failed: the cause");
}

static void a_silent_failure_is_told_by_its_status(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(run_shell("exit 7", NULL, &error));
    assert_string_equal(error->message, "'sh' failed with exit status 7");
}

static void standard_error_that_is_not_text_becomes_text(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(run_shell("printf 'bad \\377 byte\\n' >&2; exit 1", NULL, &error));
    assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void death_by_a_signal_is_a_failure(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(run_shell("kill -9 $$", NULL, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_non_null(strstr(error->message, "signal 9"));
}

static void a_missing_program_is_unavailable_and_named(void **state)
{
    (void)state;
    const char *const argv[] = {"no-such-program-at-all", NULL};
    g_autoptr(GError) error = NULL;
    assert_false(process_run(argv, NULL, NULL, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_UNAVAILABLE);
    assert_non_null(strstr(error->message, "'no-such-program-at-all'"));
    assert_non_null(strstr(error_hint(error), "install"));
}

static void output_of_up_to_one_mebibyte_is_whole_and_more_is_an_error(void **state)
{
    (void)state;
    g_autofree char *output = NULL;
    assert_true(run_shell("head -c 1048576 /dev/zero | tr '\\0' x", &output, NULL));
    assert_int_equal(strlen(output), 1048576);
    g_autoptr(GError) error = NULL;
    assert_false(run_shell("head -c 1048577 /dev/zero | tr '\\0' x", &output, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_true(run_shell("head -c 3000000 /dev/zero", NULL, NULL));
}

static void much_on_standard_error_neither_blocks_nor_hides_the_end(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_false(run_shell("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2;"
                           "exit 1",
                           NULL, &error));
    assert_string_equal(error->message, "'sh' failed: last");
}

static void a_grandchild_that_keeps_the_pipes_open_is_not_waited_for(void **state)
{
    (void)state;
    g_autofree char *output = NULL;
    assert_true(run_shell("sleep 1000 & echo $!", &output, NULL));
    assert_int_equal(kill((pid_t)atoi(output), SIGKILL), 0);
}

typedef struct {
    const char *pipe_path;
    GCancellable *cancellable;
    pid_t pid;
} Canceller;

/* Reading returns when the child has said that it runs. */
static gpointer cancel_once_it_runs(gpointer data)
{
    Canceller *canceller = data;
    g_autofree char *text = NULL;
    if (g_file_get_contents(canceller->pipe_path, &text, NULL, NULL))
        canceller->pid = (pid_t)atoi(text);
    g_cancellable_cancel(canceller->cancellable);
    return NULL;
}

static void cancelling_kills_and_reaps_the_child(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    g_autofree char *pipe_path = scratch_path(&scratch, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Canceller canceller = {.pipe_path = pipe_path, .cancellable = cancellable};
    GThread *thread = g_thread_new("canceller", cancel_once_it_runs, &canceller);
    const char *const argv[] = {"sh", "-c",      "echo $$ > \"$1\"; exec sleep 1000",
                                "sh", pipe_path, NULL};
    g_autoptr(GError) error = NULL;
    assert_false(process_run(argv, cancellable, NULL, &error));
    g_thread_join(thread);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_CANCELLED);
    assert_true(canceller.pid > 0);
    assert_int_equal(kill(canceller.pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void nothing_is_run_once_cancelled(void **state)
{
    (void)state;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    const char *const argv[] = {"no-such-program-at-all", NULL};
    g_autoptr(GError) error = NULL;
    assert_false(process_run(argv, cancellable, NULL, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_CANCELLED);
}

static void the_child_dies_with_its_parent(void **state)
{
    (void)state;
    g_auto(Scratch) scratch = {0};
    scratch_init(&scratch);
    g_autofree char *pipe_path = scratch_path(&scratch, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        const char *const argv[] = {"sh", "-c",      "echo $$ > \"$1\"; exec sleep 1000",
                                    "sh", pipe_path, NULL};
        process_run(argv, NULL, NULL, NULL);
        _exit(1);
    }
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(pipe_path, &text, NULL, NULL));
    int child = pidfd_open((pid_t)atoi(text), 0);
    assert_true(child >= 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    struct pollfd ended = {.fd = child, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 60000), 1);
    close(child);
}

static void no_descriptor_is_left_open(void **state)
{
    (void)state;
    unsigned before = count_descriptors();
    for (int i = 0; i < 5; i++) {
        run_shell("exit 1", NULL, NULL);
        run_shell("true", NULL, NULL);
        const char *const argv[] = {"no-such-program-at-all", NULL};
        process_run(argv, NULL, NULL, NULL);
    }
    assert_int_equal(count_descriptors(), before);
}

static gboolean answer(const char *const *argv, char **output_out, gpointer user_data,
                       GError **error)
{
    (void)error;
    *output_out = g_strdup_printf("%s %s", (const char *)user_data, argv[0]);
    return TRUE;
}

static void a_hook_answers_instead_of_the_program(void **state)
{
    (void)state;
    const char *const argv[] = {"qemu-img", NULL};
    g_autofree char *output = NULL;
    process_set_hook(answer, (gpointer) "instead of");
    gboolean is_done = process_run(argv, NULL, &output, NULL);
    process_set_hook(NULL, NULL);
    assert_true(is_done);
    assert_string_equal(output, "instead of qemu-img");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_handed_back_on_success),
        cmocka_unit_test(arguments_are_not_interpreted),
        cmocka_unit_test(standard_input_is_empty),
        cmocka_unit_test(the_last_line_of_standard_error_explains_a_failure),
        cmocka_unit_test(a_silent_failure_is_told_by_its_status),
        cmocka_unit_test(standard_error_that_is_not_text_becomes_text),
        cmocka_unit_test(death_by_a_signal_is_a_failure),
        cmocka_unit_test(a_missing_program_is_unavailable_and_named),
        cmocka_unit_test(output_of_up_to_one_mebibyte_is_whole_and_more_is_an_error),
        cmocka_unit_test(much_on_standard_error_neither_blocks_nor_hides_the_end),
        cmocka_unit_test(a_grandchild_that_keeps_the_pipes_open_is_not_waited_for),
        cmocka_unit_test(cancelling_kills_and_reaps_the_child),
        cmocka_unit_test(nothing_is_run_once_cancelled),
        cmocka_unit_test(the_child_dies_with_its_parent),
        cmocka_unit_test(no_descriptor_is_left_open),
        cmocka_unit_test(a_hook_answers_instead_of_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
