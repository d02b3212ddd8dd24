/* Tests of the fault points; what would end the process runs in a forked child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int disarm(void **state)
{
    (void)state;
    fault_point_count(FALSE);
    fault_point_disarm();
    return 0;
}

/* Runs `body` in a child and returns its wait status; the child exits 0 if `body` returns. */
static int in_child(void (*body)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        body();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_point_passes_when_nothing_is_armed(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_true(fault_point(FAULT_FILE_WRITE, &error));
    assert_null(error);
}

static void an_armed_error_fires_once_at_its_nth_visit(void **state)
{
    (void)state;
    fault_point_arm(FAULT_FILE_SYNC, 2, FAULT_ERROR, ENOSPC);
    assert_true(fault_point(FAULT_FILE_SYNC, NULL));
    assert_true(fault_point(FAULT_FILE_RENAME, NULL));
    g_autoptr(GError) error = NULL;
    assert_false(fault_point(FAULT_FILE_SYNC, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
    assert_true(fault_point(FAULT_FILE_SYNC, NULL));
}

static void an_error_armed_for_any_point_counts_all_of_them(void **state)
{
    (void)state;
    fault_point_arm(FAULT_POINT_COUNT, 3, FAULT_ERROR, EIO);
    assert_true(fault_point(FAULT_FILE_WRITE, NULL));
    assert_true(fault_point(FAULT_CATALOG_COMMIT, NULL));
    g_autoptr(GError) error = NULL;
    assert_false(fault_point(FAULT_SEAL_RENAME, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
}

static void the_point_that_fires_is_noted(void **state)
{
    (void)state;
    int fired = -1;
    fault_point_note(&fired);
    fault_point_arm(FAULT_POINT_COUNT, 2, FAULT_ERROR, EIO);
    fault_point(FAULT_FILE_WRITE, NULL);
    assert_int_equal(fired, -1);
    fault_point(FAULT_FILE_SYNC, NULL);
    assert_int_equal(fired, FAULT_FILE_SYNC);
    fault_point_note(NULL);
}

static void disarming_takes_the_fault_away(void **state)
{
    (void)state;
    fault_point_arm(FAULT_FILE_WRITE, 1, FAULT_ERROR, EIO);
    fault_point_disarm();
    assert_true(fault_point(FAULT_FILE_WRITE, NULL));
}

static void visits_are_counted_only_while_counting_is_on(void **state)
{
    (void)state;
    fault_point_count(TRUE);
    fault_point(FAULT_STAGE_HEAD, NULL);
    fault_point(FAULT_STAGE_HEAD, NULL);
    fault_point_count(FALSE);
    fault_point(FAULT_STAGE_HEAD, NULL);
    assert_int_equal(fault_point_visits(FAULT_STAGE_HEAD), 2);
    assert_int_equal(fault_point_visits(FAULT_STAGE_COPY), 0);
    fault_point_count(TRUE);
    assert_int_equal(fault_point_visits(FAULT_STAGE_HEAD), 0);
}

static void every_point_is_found_by_its_own_name(void **state)
{
    (void)state;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned point = 0; point < FAULT_POINT_COUNT; point++) {
        const char *name = fault_point_name(point);
        assert_true(g_hash_table_add(seen, (gpointer)name));
        FaultPoint found = FAULT_POINT_COUNT;
        assert_true(fault_point_from_name(name, &found));
        assert_int_equal(found, point);
    }
    FaultPoint untouched = FAULT_FILE_WRITE;
    assert_false(fault_point_from_name("no-such-point", &untouched));
    assert_int_equal(untouched, FAULT_FILE_WRITE);
}

static void visit_armed_for_kill(void)
{
    fault_point_arm(FAULT_MARK_REMOVE, 1, FAULT_KILL, 0);
    fault_point(FAULT_MARK_REMOVE, NULL);
}

static void a_kill_ends_the_process_at_once(void **state)
{
    (void)state;
    int status = in_child(visit_armed_for_kill);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Exit status: the bit 1 << i is set where the i-th visit of file-write failed. */
static void visit_three_times(void)
{
    int failures = 0;
    for (int i = 0; i < 3; i++)
        failures |= !fault_point(FAULT_FILE_WRITE, NULL) << i;
    _exit(failures);
}

static char *own_path;

/* The environment is read at a process's first visit, so each case is a program of its own. */
static int run_with_environment(const char *specification)
{
    g_autofree char *variable = g_strdup_printf("UNDERPIN_FAULT=%s", specification);
    const char *const argv[] = {own_path, "--visit", NULL};
    const char *const environment[] = {variable, NULL};
    int status = 0;
    g_autoptr(GError) error = NULL;
    gboolean ran =
        g_spawn_sync(NULL, (char **)argv, (char **)environment, G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                     NULL, NULL, NULL, &status, &error);
    assert_true(ran);
    return status;
}

static void the_environment_arms_a_named_point(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(run_with_environment("file-write:2:EIO")), 1 << 1);
    assert_int_equal(WEXITSTATUS(run_with_environment("any:3:ENOSPC")), 1 << 2);
    assert_int_equal(run_with_environment("file-sync:1:EIO"), 0);
    assert_int_equal(run_with_environment(""), 0);
    int status = run_with_environment("file-write:1:kill");
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_misspelt_environment_ends_the_process(void **state)
{
    (void)state;
    static const char *const wrong[] = {"file-write",          "nowhere:1:kill",  "any:0:kill",
                                        "any:1:explode",       "any:1:kill:more", "any:x:kill",
                                        "any:99999999999:kill"};
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        int status = run_with_environment(wrong[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && g_str_equal(argv[1], "--visit"))
        visit_three_times();
    own_path = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_passes_when_nothing_is_armed),
        cmocka_unit_test_teardown(an_armed_error_fires_once_at_its_nth_visit, disarm),
        cmocka_unit_test_teardown(an_error_armed_for_any_point_counts_all_of_them, disarm),
        cmocka_unit_test_teardown(the_point_that_fires_is_noted, disarm),
        cmocka_unit_test_teardown(disarming_takes_the_fault_away, disarm),
        cmocka_unit_test_teardown(visits_are_counted_only_while_counting_is_on, disarm),
        cmocka_unit_test(every_point_is_found_by_its_own_name),
        cmocka_unit_test(a_kill_ends_the_process_at_once),
        cmocka_unit_test(the_environment_arms_a_named_point),
        cmocka_unit_test(a_misspelt_environment_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
