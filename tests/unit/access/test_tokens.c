/* API tokens: shown once, kept as a hash, over when they should be. */
#include "cmocka_prelude.h"

#include "fixture.h"
#include "foundation/error.h"

static char *add(Fixture *fixture, const char *account, const char *name, gint64 seconds)
{
    char *secret = NULL;
    g_autoptr(Token) token =
        access_add_token(fixture->access, account, name, seconds, &secret, NULL);
    assert_non_null(token);
    return secret;
}

static IdentityKind kind_of(Fixture *fixture, const char *secret)
{
    g_autoptr(Identity) identity = access_token(fixture->access, secret, NULL);
    assert_non_null(identity);
    return identity->kind;
}

static void a_token_acts_in_its_accounts_name(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "otto", ACCOUNT_OPERATOR);
    g_autofree char *secret = add(fixture, "otto", "monitoring", 0);
    assert_true(g_str_has_prefix(secret, "underpin_"));
    fixture_reopen(fixture);
    g_autoptr(Identity) identity = access_token(fixture->access, secret, NULL);
    assert_int_equal(identity->kind, IDENTITY_TOKEN);
    assert_int_equal(identity->role, ACCOUNT_OPERATOR);
    assert_string_equal(identity->name, "otto");
    assert_null(identity->csrf);
    assert_int_equal(kind_of(fixture, "underpin_wrong"), IDENTITY_NONE);
    assert_int_equal(kind_of(fixture, ""), IDENTITY_NONE);
}

static void a_token_expires(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "otto", ACCOUNT_OPERATOR);
    g_autofree char *day = add(fixture, "otto", "day", 24 * 3600);
    g_autofree char *ever = add(fixture, "otto", "ever", 0);
    clock_advance(fixture->clock, 24 * 3600 - 1);
    assert_int_equal(kind_of(fixture, day), IDENTITY_TOKEN);
    clock_advance(fixture->clock, 1);
    assert_int_equal(kind_of(fixture, day), IDENTITY_NONE);
    assert_int_equal(kind_of(fixture, ever), IDENTITY_TOKEN);
}

static void a_token_of_a_disabled_or_removed_account_is_nobodys(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "adam", ACCOUNT_ADMINISTRATOR);
    fixture_add(fixture, "otto", ACCOUNT_OPERATOR);
    g_autofree char *secret = add(fixture, "otto", "x", 0);
    AccountChange change = {.sets_disabled = TRUE, .disabled = TRUE};
    g_autoptr(Account) disabled = access_change_account(fixture->access, "otto", &change, NULL);
    assert_non_null(disabled);
    assert_int_equal(kind_of(fixture, secret), IDENTITY_NONE);
    change.disabled = FALSE;
    g_autoptr(Account) enabled = access_change_account(fixture->access, "otto", &change, NULL);
    assert_non_null(enabled);
    assert_int_equal(kind_of(fixture, secret), IDENTITY_TOKEN);
    g_autoptr(Account) removed = access_remove_account(fixture->access, "otto", NULL);
    assert_non_null(removed);
    assert_int_equal(kind_of(fixture, secret), IDENTITY_NONE);
}

static gint64 last_used(Fixture *fixture)
{
    g_autoptr(GPtrArray) tokens = access_list_tokens(fixture->access, NULL, NULL);
    return ((Token *)tokens->pdata[0])->last_used_at;
}

static void its_last_use_is_noted_once_a_minute(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "otto", ACCOUNT_OPERATOR);
    g_autofree char *secret = add(fixture, "otto", "x", 0);
    assert_int_equal(last_used(fixture), 0);
    kind_of(fixture, secret);
    gint64 first = last_used(fixture);
    assert_int_equal(first, clock_now(fixture->clock));
    clock_advance(fixture->clock, 59);
    kind_of(fixture, secret);
    assert_int_equal(last_used(fixture), first);
    clock_advance(fixture->clock, 1);
    kind_of(fixture, secret);
    assert_int_equal(last_used(fixture), first + 60);
}

static void tokens_are_listed_and_revoked_by_their_owner(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    fixture_add(fixture, "bert", ACCOUNT_USER);
    g_autofree char *annas = add(fixture, "anna", "a", 0), *berts = add(fixture, "bert", "b", 0);
    g_autoptr(GPtrArray) own = access_list_tokens(fixture->access, "anna", NULL);
    g_autoptr(GPtrArray) all = access_list_tokens(fixture->access, NULL, NULL);
    assert_int_equal(own->len, 1);
    assert_int_equal(all->len, 2);
    const char *id = ((Token *)own->pdata[0])->id;
    assert_null(access_revoke_token(fixture->access, id, "bert", &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_NOT_FOUND));
    assert_int_equal(kind_of(fixture, annas), IDENTITY_TOKEN);
    g_autoptr(Token) revoked = access_revoke_token(fixture->access, id, "anna", NULL);
    assert_string_equal(revoked->name, "a");
    assert_int_equal(kind_of(fixture, annas), IDENTITY_NONE);
    assert_int_equal(kind_of(fixture, berts), IDENTITY_TOKEN);
}

static void names_and_numbers_of_tokens_are_bounded(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *long_name = g_strnfill(65, 'n');
    const char *const bad[] = {"", "a\nb", "\xff", long_name};
    char *secret = NULL;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_null(access_add_token(fixture->access, "anna", bad[i], 0, &secret, &error));
        assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_INVALID));
    }
    for (guint i = 0; i < 100; i++)
        g_free(add(fixture, "anna", "n", 0));
    assert_null(access_add_token(fixture->access, "anna", "n", 0, &secret, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_REFUSED));
    assert_null(access_add_token(fixture->access, "nobody", "n", 0, &secret, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_NOT_FOUND));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_token_acts_in_its_accounts_name),
        CASE(a_token_expires),
        CASE(a_token_of_a_disabled_or_removed_account_is_nobodys),
        CASE(its_last_use_is_noted_once_a_minute),
        CASE(tokens_are_listed_and_revoked_by_their_owner),
        CASE(names_and_numbers_of_tokens_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
