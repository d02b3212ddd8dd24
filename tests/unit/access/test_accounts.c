/* Accounts: names, roles, assignments, and the administrator who must be left. */
#include "cmocka_prelude.h"

#include <string.h>

#include "fixture.h"
#include "foundation/error.h"

static void names_are_plain(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "anna", "anna.smith@example.org", "0x", "a_b-c"};
    static const char *const bad[] = {"",         "Anna", "-a",   ".a",   "a b", "a/b",
                                      "\xc3\xa4", "a\n",  "root", "a\"b", "_a"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        assert_true(account_name_check(good[i], NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(account_name_check(bad[i], &error));
        assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_INVALID));
    }
    g_autofree char *longest = g_strnfill(64, 'a'), *too_long = g_strnfill(65, 'a');
    assert_true(account_name_check(longest, NULL));
    assert_false(account_name_check(too_long, NULL));
}

static void an_account_is_kept_with_its_machines(void **state)
{
    Fixture *fixture = *state;
    char *token = NULL;
    g_autoptr(GPtrArray) machines = g_ptr_array_new();
    g_ptr_array_add(machines, (gpointer) "m2");
    g_ptr_array_add(machines, (gpointer) "m1");
    g_ptr_array_add(machines, (gpointer) "m1");
    g_autoptr(Account) made =
        access_add_account(fixture->access, "anna", ACCOUNT_OPERATOR, NULL, machines, &token, NULL);
    assert_non_null(made);
    assert_true(strlen(token) >= 22);
    g_free(token);
    fixture_reopen(fixture);
    g_autoptr(Account) account = access_get_account(fixture->access, "anna", NULL);
    assert_int_equal(account->role, ACCOUNT_OPERATOR);
    assert_true(account->invited);
    assert_false(account->disabled);
    assert_int_equal(account->created_at, 1700000000);
    assert_int_equal(account->last_login_at, 0);
    assert_int_equal(account->machines->len, 2);
    assert_string_equal(account->machines->pdata[0], "m1");
}

static void a_name_is_given_once(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    char *token = NULL;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    assert_null(
        access_add_account(fixture->access, "anna", ACCOUNT_USER, NULL, NULL, &token, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_EXISTS));
    assert_null(access_get_account(fixture->access, "berta", &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_NOT_FOUND));
}

static void accounts_are_listed_by_name(void **state)
{
    Fixture *fixture = *state;
    static const char *const names[] = {"carl", "anna", "bert"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        fixture_add(fixture, names[i], ACCOUNT_USER);
    g_autoptr(GPtrArray) accounts = access_list_accounts(fixture->access, NULL);
    assert_int_equal(accounts->len, 3);
    assert_string_equal(((Account *)accounts->pdata[0])->name, "anna");
    assert_string_equal(((Account *)accounts->pdata[2])->name, "carl");
}

static void what_is_not_named_in_a_change_stays(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) machines = g_ptr_array_new();
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_ptr_array_add(machines, (gpointer) "m1");
    fixture_add(fixture, "adam", ACCOUNT_ADMINISTRATOR);
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Account) assigned = access_change_account(
        fixture->access, "anna", &(AccountChange){.machines = machines}, NULL);
    assert_int_equal(assigned->role, ACCOUNT_USER);
    assert_int_equal(assigned->machines->len, 1);
    g_autoptr(Account) promoted =
        access_change_account(fixture->access, "anna",
                              &(AccountChange){.sets_role = TRUE, .role = ACCOUNT_OPERATOR}, NULL);
    assert_int_equal(promoted->role, ACCOUNT_OPERATOR);
    assert_int_equal(promoted->machines->len, 1);
    g_autoptr(Account) emptied =
        access_change_account(fixture->access, "anna", &(AccountChange){.machines = none}, NULL);
    assert_int_equal(emptied->machines->len, 0);
}

static const AccountChange demotion = {.sets_role = TRUE, .role = ACCOUNT_OPERATOR};
static const AccountChange disabling = {.sets_disabled = TRUE, .disabled = TRUE};

static void assert_adam_stays(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    assert_null(access_change_account(fixture->access, "adam", &demotion, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_REFUSED));
    assert_null(access_change_account(fixture->access, "adam", &disabling, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_REFUSED));
    assert_null(access_remove_account(fixture->access, "adam", &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_REFUSED));
    g_autoptr(Account) adam = access_get_account(fixture->access, "adam", NULL);
    assert_int_equal(adam->role, ACCOUNT_ADMINISTRATOR);
    assert_false(adam->disabled);
}

static void the_last_administrator_stays(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "adam", ACCOUNT_ADMINISTRATOR);
    fixture_add(fixture, "otto", ACCOUNT_OPERATOR);
    assert_adam_stays(fixture);
}

static void one_who_cannot_log_in_does_not_count(void **state)
{
    Fixture *fixture = *state;
    char *token = NULL;
    fixture_add(fixture, "adam", ACCOUNT_ADMINISTRATOR);
    fixture_add(fixture, "eve", ACCOUNT_ADMINISTRATOR);
    g_autoptr(Account) disabled = access_change_account(fixture->access, "eve", &disabling, NULL);
    assert_non_null(disabled);
    assert_adam_stays(fixture);
    g_autoptr(Account) invited =
        access_add_account(fixture->access, "ivy", ACCOUNT_ADMINISTRATOR, NULL, NULL, &token, NULL);
    assert_non_null(invited);
    g_free(token);
    assert_adam_stays(fixture);
}

static void with_another_one_he_may_go(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "adam", ACCOUNT_ADMINISTRATOR);
    fixture_add(fixture, "eve", ACCOUNT_ADMINISTRATOR);
    g_autoptr(Account) gone = access_remove_account(fixture->access, "adam", NULL);
    assert_string_equal(gone->name, "adam");
    assert_null(access_get_account(fixture->access, "adam", NULL));
}

static void users_can_be_changed_while_there_is_no_administrator_yet(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Account) disabled = access_change_account(fixture->access, "anna", &disabling, NULL);
    assert_non_null(disabled);
    g_autoptr(Account) gone = access_remove_account(fixture->access, "anna", NULL);
    assert_non_null(gone);
}

static void a_removed_machine_is_forgotten_for_all(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) machines = g_ptr_array_new();
    g_ptr_array_add(machines, (gpointer) "m1");
    g_ptr_array_add(machines, (gpointer) "m2");
    static const char *const names[] = {"anna", "bert"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        fixture_add(fixture, names[i], ACCOUNT_USER);
        g_autoptr(Account) changed = access_change_account(
            fixture->access, names[i], &(AccountChange){.machines = machines}, NULL);
        assert_non_null(changed);
    }
    assert_true(access_forget_machine(fixture->access, "m1", NULL));
    assert_true(access_forget_machine(fixture->access, "m9", NULL));
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(Account) account = access_get_account(fixture->access, names[i], NULL);
        assert_int_equal(account->machines->len, 1);
        assert_string_equal(account->machines->pdata[0], "m2");
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        CASE(an_account_is_kept_with_its_machines),
        CASE(a_name_is_given_once),
        CASE(accounts_are_listed_by_name),
        CASE(what_is_not_named_in_a_change_stays),
        CASE(the_last_administrator_stays),
        CASE(one_who_cannot_log_in_does_not_count),
        CASE(with_another_one_he_may_go),
        CASE(users_can_be_changed_while_there_is_no_administrator_yet),
        CASE(a_removed_machine_is_forgotten_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
