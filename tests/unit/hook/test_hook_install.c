/* Installing the hook program, and making libvirt read it. */
#include "daemon/hook_install.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "scratch.h"

#define INSTALLED "etc/hooks/qemu.d/underpin"

static gboolean install(const char *root, gboolean *changed, GError **error)
{
    g_autofree char *program = g_build_filename(root, "program", NULL);
    g_autofree char *hooks = g_build_filename(root, "etc", "hooks", NULL);
    return hook_install(program, hooks, changed, error);
}

/* All names in etc/hooks and below, sorted, as text. */
static char *names_below(const char *root)
{
    g_autofree char *command =
        g_strdup_printf("cd '%s/etc/hooks' && find . ! -type d | sort", root);
    const char *const argv[] = {"sh", "-c", command, NULL};
    char *output = NULL;
    assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                             NULL, NULL, NULL));
    return output;
}

static void installs_a_regular_executable_file(void **state)
{
    struct stat status;
    gboolean changed = FALSE;
    g_autofree char *path = g_build_filename(*state, INSTALLED, NULL);
    scratch_write(*state, "program", "first");
    assert_true(install(*state, &changed, NULL));
    assert_true(changed);
    scratch_assert_text(*state, INSTALLED, "first");
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0755);
    g_autofree char *names = names_below(*state);
    assert_string_equal(names, "./qemu.d/underpin\n");
}

static void does_nothing_where_it_is_installed(void **state)
{
    struct stat before, after;
    gboolean changed = TRUE;
    g_autofree char *path = g_build_filename(*state, INSTALLED, NULL);
    scratch_write(*state, "program", "first");
    assert_true(install(*state, &changed, NULL));
    assert_int_equal(stat(path, &before), 0);
    assert_true(install(*state, &changed, NULL));
    assert_false(changed);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void replaces_what_is_not_as_it_must_be(void **state)
{
    gboolean changed = FALSE;
    g_autofree char *path = g_build_filename(*state, INSTALLED, NULL);
    g_autofree char *elsewhere = g_build_filename(*state, "elsewhere", NULL);
    scratch_write(*state, "program", "first");
    assert_true(install(*state, &changed, NULL));
    scratch_write(*state, "program", "second");
    assert_true(install(*state, &changed, NULL) && changed);
    scratch_assert_text(*state, INSTALLED, "second");
    assert_int_equal(chmod(path, 0644), 0); /* libvirt would ignore it without a word */
    assert_true(install(*state, &changed, NULL) && changed);
    scratch_write(*state, "elsewhere", "second");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_true(install(*state, &changed, NULL) && changed);
    assert_true(g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) &&
                !g_file_test(path, G_FILE_TEST_IS_SYMLINK));
    scratch_assert_text(*state, "elsewhere", "second");
}

static void a_failure_leaves_the_old_program_and_nothing_else(void **state)
{
    static const FaultPoint points[] = {FAULT_FILE_WRITE, FAULT_FILE_SYNC, FAULT_FILE_RENAME};
    gboolean changed = FALSE;
    scratch_write(*state, "program", "first");
    assert_true(install(*state, &changed, NULL));
    scratch_write(*state, "program", "second");
    for (size_t i = 0; i < G_N_ELEMENTS(points); i++) {
        g_autoptr(GError) error = NULL;
        fault_point_arm(points[i], 1, FAULT_ERROR, ENOSPC);
        changed = FALSE;
        assert_false(install(*state, &changed, &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
        assert_false(changed);
        fault_point_disarm();
        scratch_assert_text(*state, INSTALLED, "first");
        g_autofree char *names = names_below(*state);
        assert_string_equal(names, "./qemu.d/underpin\n");
    }
}

static void a_missing_program_is_said(void **state)
{
    gboolean changed = FALSE;
    g_autoptr(GError) error = NULL;
    assert_false(install(*state, &changed, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

/* --- reloading
 * ----------------------------------------------------------------------------------------------------
 */

/* A process with this name that ends at SIGHUP. */
static GPid start_process(const char *root, const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    const char *const copy[] = {"cp", "/bin/sleep", path, NULL};
    char *const sleeper[] = {path, (char *)"600", NULL};
    GPid pid = 0;
    assert_true(g_spawn_sync(NULL, (char **)copy, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                             NULL, NULL));
    assert_true(g_spawn_async(NULL, (char **)sleeper, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                              &pid, NULL));
    return pid;
}

/* The signal that ended the process. */
static int ended_by(GPid pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void write_pid(const char *root, const char *file, GPid pid)
{
    g_autofree char *text = g_strdup_printf("%d\n", pid);
    scratch_write(root, file, text);
}

static void signals_the_daemons_that_run(void **state)
{
    GPid libvirtd = start_process(*state, "libvirtd");
    GPid virtqemud = start_process(*state, "virtqemud");
    write_pid(*state, "libvirtd.pid", libvirtd);
    write_pid(*state, "virtqemud.pid", virtqemud);
    assert_true(hook_reload_libvirt_in(*state, NULL));
    assert_int_equal(ended_by(libvirtd), SIGHUP);
    assert_int_equal(ended_by(virtqemud), SIGHUP);
    assert_true(hook_reload_libvirt_in(*state, NULL)); /* stale pid files */
}

static void never_signals_another_program(void **state)
{
    static const char *const broken[] = {"", "x\n", "-1\n", "0\n", "1x\n", "99999999999999\n"};
    GPid other = start_process(*state, "other");
    write_pid(*state, "libvirtd.pid", other);
    assert_true(hook_reload_libvirt_in(*state, NULL));
    assert_int_equal(kill(other, SIGTERM), 0);
    assert_int_equal(ended_by(other), SIGTERM);
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        scratch_write(*state, "libvirtd.pid", broken[i]);
        assert_true(hook_reload_libvirt_in(*state, NULL));
    }
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(installs_a_regular_executable_file),
        SCRATCH_TEST(does_nothing_where_it_is_installed),
        SCRATCH_TEST(replaces_what_is_not_as_it_must_be),
        SCRATCH_TEST(a_failure_leaves_the_old_program_and_nothing_else),
        SCRATCH_TEST(a_missing_program_is_said),
        SCRATCH_TEST(signals_the_daemons_that_run),
        SCRATCH_TEST(never_signals_another_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
