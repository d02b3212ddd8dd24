/* The file of accounts: its mode, what is not in it, and what happens where it cannot be used. */
#include "cmocka_prelude.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "foundation/error.h"

static void only_its_owner_reads_it(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *log = g_strconcat(fixture->path, "-wal", NULL);
    struct stat facts;
    assert_int_equal(stat(fixture->path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
}

static gboolean file_holds(const char *path, const char *text)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    return g_file_get_contents(path, &bytes, &length, NULL) &&
           memmem(bytes, length, text, strlen(text)) != NULL;
}

static void no_secret_stands_in_it(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *secret = NULL, *setup = NULL;
    g_autofree char *log = g_strconcat(fixture->path, "-wal", NULL);
    g_autofree char *first = access_new_setup_token(fixture->access, NULL);
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = fixture_log_in(fixture, "anna", PASSWORD, "192.0.2.1", NULL);
    g_autoptr(Token) token = access_add_token(fixture->access, "anna", "x", 0, &secret, NULL);
    g_autoptr(Account) reset = access_reset_account(fixture->access, "anna", &setup, NULL);
    assert_non_null(token);
    assert_non_null(reset);
    const char *const secrets[] = {PASSWORD, login->key, secret, setup, first};
    for (guint i = 0; i < G_N_ELEMENTS(secrets); i++) {
        assert_false(file_holds(fixture->path, secrets[i]));
        assert_false(file_holds(log, secrets[i]));
    }
    assert_true(file_holds(log, "anna"));
}

static void assert_unusable(Fixture *fixture, UnderpinErrorCode code, const char *remedy)
{
    g_autoptr(GError) error = NULL;
    gboolean needed = FALSE;
    guint retry = 0;
    const GError *problem = access_problem(fixture->access);
    assert_non_null(problem);
    assert_int_equal(error_code(problem), code);
    assert_non_null(strstr(problem->message, fixture->path));
    assert_non_null(strstr(error_hint(problem), remedy));
    assert_false(access_needs_setup(fixture->access, &needed, &error));
    assert_true(fixture_failed_with(&error, (int)code));
    assert_null(access_session(fixture->access, "x", &error));
    assert_true(fixture_failed_with(&error, (int)code));
    assert_null(access_log_in(fixture->access, "anna", PASSWORD, "", &retry, &error));
    assert_true(fixture_failed_with(&error, (int)code));
}

static void close_file(Fixture *fixture)
{
    access_free(g_steal_pointer(&fixture->access));
}

static void a_damaged_file_is_said_with_the_remedy(void **state)
{
    Fixture *fixture = *state;
    close_file(fixture);
    g_autofree char *garbage = g_strnfill(8192, 'x');
    assert_true(g_file_set_contents(fixture->path, garbage, 8192, NULL));
    fixture_reopen(fixture);
    assert_unusable(fixture, UNDERPIN_ERROR_BACKEND, "setup-link");
    g_autofree char *after = NULL;
    assert_true(g_file_get_contents(fixture->path, &after, NULL, NULL));
    assert_string_equal(after, garbage);
}

static void the_file_of_another_program_is_left_alone(void **state)
{
    Fixture *fixture = *state;
    close_file(fixture);
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA application_id = 7", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(handle);
    fixture_reopen(fixture);
    assert_unusable(fixture, UNDERPIN_ERROR_INVALID, "path");
}

static void a_newer_file_is_not_touched(void **state)
{
    Fixture *fixture = *state;
    close_file(fixture);
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    fixture_reopen(fixture);
    assert_unusable(fixture, UNDERPIN_ERROR_UNSUPPORTED, "newer version");
}

static void a_file_that_is_lost_begins_anew(void **state)
{
    Fixture *fixture = *state;
    gboolean needed = TRUE;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    assert_false(needed);
    close_file(fixture);
    assert_int_equal(remove(fixture->path), 0);
    fixture_reopen(fixture);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    assert_true(needed);
}

/* --- backup ----------------------------------------------------------------------------------- */

static char *backup_path(const Fixture *fixture)
{
    return g_build_filename(fixture->directory, "copy", NULL);
}

/* As the guide says it: the copy in the place of the file, whose log goes. */
static void put_back(Fixture *fixture, const char *copy)
{
    g_autofree char *log = g_strconcat(fixture->path, "-wal", NULL);
    close_file(fixture);
    remove(log);
    assert_int_equal(rename(copy, fixture->path), 0);
    fixture_reopen(fixture);
    assert_null(access_problem(fixture->access));
}

static void a_backup_that_is_put_back_knows_who_may_come_in(void **state)
{
    Fixture *fixture = *state;
    struct stat facts;
    g_autofree char *copy = backup_path(fixture), *secret = NULL;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Token) token = access_add_token(fixture->access, "anna", "x", 0, &secret, NULL);
    assert_true(access_backup(fixture->access, copy, NULL));
    assert_int_equal(stat(copy, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    fixture_add(fixture, "bert", ACCOUNT_USER); /* after the backup */
    g_autoptr(Account) gone = access_remove_account(fixture->access, "anna", NULL);
    assert_non_null(gone);
    put_back(fixture, copy);
    g_autoptr(Login) login = fixture_log_in(fixture, "anna", PASSWORD, "192.0.2.1", NULL);
    g_autoptr(Identity) identity = access_token(fixture->access, secret, NULL);
    assert_non_null(login);
    assert_string_equal(identity->name, "anna");
    assert_null(access_get_account(fixture->access, "bert", NULL));
}

static void a_backup_replaces_no_file(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *copy = backup_path(fixture), *content = NULL;
    assert_true(g_file_set_contents(copy, "precious", -1, NULL));
    assert_false(access_backup(fixture->access, copy, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_EXISTS));
    assert_true(g_file_get_contents(copy, &content, NULL, NULL));
    assert_string_equal(content, "precious");
}

/* In a process of its own: the limit is for all files that it writes. */
static int back_up_without_room(Fixture *fixture, const char *copy)
{
    g_autoptr(GError) error = NULL;
    const struct rlimit limit = {4096, 4096};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    gboolean done = access_backup(fixture->access, copy, &error);
    return !done && strstr(error->message, "the file of accounts") ? 0 : 1;
}

static void a_backup_that_finds_no_room_says_so_and_leaves_nothing(void **state)
{
    Fixture *fixture = *state;
    int status = 0;
    g_autofree char *copy = backup_path(fixture);
    g_autofree char *partial = g_strconcat(copy, ".partial", NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(back_up_without_room(fixture, copy));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(g_file_test(copy, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(partial, G_FILE_TEST_EXISTS));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(only_its_owner_reads_it),
        CASE(no_secret_stands_in_it),
        CASE(a_damaged_file_is_said_with_the_remedy),
        CASE(the_file_of_another_program_is_left_alone),
        CASE(a_newer_file_is_not_touched),
        CASE(a_file_that_is_lost_begins_anew),
        CASE(a_backup_that_is_put_back_knows_who_may_come_in),
        CASE(a_backup_replaces_no_file),
        CASE(a_backup_that_finds_no_room_says_so_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
