/* Who was here a moment ago does not wait for the file, and is not taken for who he was. */
#include "cmocka_prelude.h"

#include "access/access_private.h"
#include "fixture.h"

static Identity *who(Fixture *fixture, const char *key)
{
    Identity *identity = access_session(fixture->access, key, NULL);
    assert_non_null(identity);
    return identity;
}

static IdentityKind kind_of(Fixture *fixture, const char *key)
{
    g_autoptr(Identity) identity = who(fixture, key);
    return identity->kind;
}

static void a_commit_that_takes_long_holds_up_nobody_who_is_known(void **state)
{
    Fixture *fixture = *state;
    char *token = NULL;
    gboolean needed = TRUE;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = fixture_log_in(fixture, "anna", PASSWORD, "192.0.2.1", NULL);
    g_autoptr(Token) made = access_add_token(fixture->access, "anna", "x", 0, &token, NULL);
    g_autofree char *secret = token;
    g_autoptr(Identity) first_token = access_token(fixture->access, secret, NULL);
    assert_int_equal(kind_of(fixture, login->key), IDENTITY_SESSION);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    g_mutex_lock(&fixture->access->lock); /* as a commit does */
    g_autoptr(Identity) again = access_token(fixture->access, secret, NULL);
    assert_ptr_equal(again, first_token);
    assert_int_equal(kind_of(fixture, login->key), IDENTITY_SESSION);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    assert_false(needed);
    g_mutex_unlock(&fixture->access->lock);
}

static void change(Fixture *fixture, const AccountChange *wanted)
{
    g_autoptr(Account) account = access_change_account(fixture->access, "anna", wanted, NULL);
    assert_non_null(account);
}

static void who_is_known_is_known_anew_after_each_change(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) machines = g_ptr_array_new();
    g_ptr_array_add(machines, (gpointer) "id-1");
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = fixture_log_in(fixture, "anna", PASSWORD, "192.0.2.1", NULL);
    g_autoptr(Identity) before = who(fixture, login->key);
    assert_false(identity_sees_machine(before, "id-1"));
    change(fixture, &(AccountChange){.machines = machines});
    g_autoptr(Identity) with_machine = who(fixture, login->key);
    assert_true(identity_sees_machine(with_machine, "id-1"));
    assert_true(access_forget_machine(fixture->access, "id-1", NULL));
    g_autoptr(Identity) without = who(fixture, login->key);
    assert_false(identity_sees_machine(without, "id-1"));
    change(fixture, &(AccountChange){.sets_role = TRUE, .role = ACCOUNT_OPERATOR});
    g_autoptr(Identity) promoted = who(fixture, login->key);
    assert_int_equal(promoted->role, ACCOUNT_OPERATOR);
    assert_true(access_log_out(fixture->access, promoted->session_id, NULL));
    assert_int_equal(kind_of(fixture, login->key), IDENTITY_NONE);
}

static void without_accounts_setting_up_is_needed_again(void **state)
{
    Fixture *fixture = *state;
    gboolean needed = TRUE;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    assert_false(needed);
    g_autoptr(Account) removed = access_remove_account(fixture->access, "anna", NULL);
    assert_non_null(removed);
    assert_true(access_needs_setup(fixture->access, &needed, NULL));
    assert_true(needed);
}

static void what_is_remembered_is_bounded(void **state)
{
    (void)state;
    IdentityCache *cache = identity_cache_new(2);
    g_autoptr(Identity) nobody = identity_new_none();
    const char *const hashes[] = {"a", "b", "c"};
    for (guint i = 0; i < G_N_ELEMENTS(hashes); i++)
        identity_cache_put(cache, hashes[i], nobody, 10);
    assert_null(identity_cache_find(cache, "a", 0));
    assert_null(identity_cache_find(cache, "c", 10));
    g_autoptr(Identity) found = identity_cache_find(cache, "c", 9);
    assert_ptr_equal(found, nobody);
    identity_cache_free(cache);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_commit_that_takes_long_holds_up_nobody_who_is_known),
        CASE(who_is_known_is_known_anew_after_each_change),
        CASE(without_accounts_setting_up_is_needed_again),
        CASE(what_is_remembered_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
