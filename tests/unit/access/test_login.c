/* Logging in: limits that stop guessing and nobody else, sessions that outlive a restart. */
#include "cmocka_prelude.h"

#include "fixture.h"
#include "foundation/error.h"

#define HOME "192.0.2.1"

static IdentityKind kind_of(Fixture *fixture, const char *key)
{
    g_autoptr(Identity) identity = access_session(fixture->access, key, NULL);
    assert_non_null(identity);
    return identity->kind;
}

static Login *log_in(Fixture *fixture, const char *name, const char *address)
{
    Login *login = fixture_log_in(fixture, name, PASSWORD, address, NULL);
    assert_non_null(login);
    return login;
}

static int code_of(Fixture *fixture, const char *name, const char *password, const char *address)
{
    int code = -1;
    g_autoptr(Login) login = fixture_log_in(fixture, name, password, address, &code);
    return code;
}

static void a_session_outlives_a_restart(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = log_in(fixture, "anna", HOME);
    fixture_reopen(fixture);
    g_autoptr(Identity) identity = access_session(fixture->access, login->key, NULL);
    assert_int_equal(identity->kind, IDENTITY_SESSION);
    assert_string_equal(identity->csrf, login->identity->csrf);
    assert_string_equal(identity->session_id, login->identity->session_id);
    assert_int_equal(identity->expires_at, 1700000000 + ACCESS_SESSION_IDLE_SECONDS);
    g_autoptr(Account) account = access_get_account(fixture->access, "anna", NULL);
    assert_int_equal(account->last_login_at, 1700000000);
}

static void capital_letters_of_a_name_do_not_matter(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = log_in(fixture, "Anna", HOME);
    assert_string_equal(login->identity->name, "anna");
}

static void who_is_disabled_or_invited_cannot_log_in(void **state)
{
    Fixture *fixture = *state;
    char *token = NULL;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) login = log_in(fixture, "anna", HOME);
    g_autoptr(Account) disabled = access_change_account(
        fixture->access, "anna", &(AccountChange){.sets_disabled = TRUE, .disabled = TRUE}, NULL);
    g_autoptr(Account) invited =
        access_add_account(fixture->access, "ivy", ACCOUNT_USER, NULL, NULL, &token, NULL);
    g_free(token);
    assert_non_null(disabled);
    assert_non_null(invited);
    assert_int_equal(kind_of(fixture, login->key), IDENTITY_NONE);
    assert_int_equal(code_of(fixture, "anna", PASSWORD, HOME), UNDERPIN_ERROR_DENIED);
    assert_int_equal(code_of(fixture, "ivy", PASSWORD, HOME), UNDERPIN_ERROR_DENIED);
    assert_int_equal(code_of(fixture, "ivy", "nobody has this password", HOME),
                     UNDERPIN_ERROR_DENIED);
}

static void an_account_has_a_bounded_number_of_sessions(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Login) oldest = log_in(fixture, "anna", HOME);
    g_autoptr(Login) newest = NULL;
    for (guint i = 0; i < 64; i++) {
        clock_advance(fixture->clock, 1);
        login_free(newest);
        newest = log_in(fixture, "anna", HOME);
    }
    assert_int_equal(kind_of(fixture, oldest->key), IDENTITY_NONE);
    assert_int_equal(kind_of(fixture, newest->key), IDENTITY_SESSION);
}

static void an_address_that_guesses_has_to_wait_at_any_name(void **state)
{
    Fixture *fixture = *state;
    guint denied = 0;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("name-%u", i);
        denied += code_of(fixture, name, "wrong", HOME) == UNDERPIN_ERROR_DENIED ? 1 : 0;
    }
    assert_in_range(denied, 10, 12);
    assert_int_equal(code_of(fixture, "anna", PASSWORD, HOME), UNDERPIN_ERROR_BUSY);
    assert_int_equal(code_of(fixture, "anna", PASSWORD, "192.0.2.2"), -1);
}

static void one_ipv6_network_is_one_address(void **state)
{
    Fixture *fixture = *state;
    guint denied = 0;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    for (guint i = 0; i < 100; i++) {
        g_autofree char *address = g_strdup_printf("2001:db8:0:1::%x", i + 1);
        denied += code_of(fixture, "anna", "wrong", address) == UNDERPIN_ERROR_DENIED ? 1 : 0;
    }
    assert_in_range(denied, 10, 12);
    assert_int_equal(code_of(fixture, "bert", "wrong", "2001:db8:0:2::1"), UNDERPIN_ERROR_DENIED);
}

/* Ten thousand from everywhere: the owner comes in from where he has been before, others from
 * anywhere, and from elsewhere he waits a minute at most. */
static void many_addresses_cannot_lock_the_owner_out(void **state)
{
    Fixture *fixture = *state;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    fixture_add(fixture, "bert", ACCOUNT_USER);
    g_autoptr(Login) before = log_in(fixture, "anna", HOME);
    for (guint i = 0; i < 10000; i++) {
        g_autofree char *address = g_strdup_printf("198.51.%u.%u", i / 250, i % 250);
        code_of(fixture, "anna", "wrong", address);
    }
    assert_int_equal(code_of(fixture, "anna", PASSWORD, HOME), -1);
    assert_int_equal(code_of(fixture, "bert", PASSWORD, "203.0.113.1"), -1);
    assert_int_equal(code_of(fixture, "anna", PASSWORD, "203.0.113.1"), UNDERPIN_ERROR_BUSY);
    clock_advance(fixture->clock, 60);
    assert_int_equal(code_of(fixture, "anna", PASSWORD, "203.0.113.1"), -1);
}

static void an_unknown_name_is_limited_like_a_known_one(void **state)
{
    Fixture *fixture = *state;
    static const char *const names[] = {"anna", "nobody"};
    guint denied[] = {0, 0};
    fixture_add(fixture, "anna", ACCOUNT_USER);
    for (guint i = 0; i < 60; i++) {
        g_autofree char *address = g_strdup_printf("198.51.100.%u", i / 2);
        denied[i % 2] += code_of(fixture, names[i % 2], "wrong", address) == UNDERPIN_ERROR_DENIED;
    }
    assert_int_equal(denied[0], denied[1]);
    assert_true(denied[0] < 30);
}

static void set_up_tokens_cannot_be_guessed_without_end(void **state)
{
    Fixture *fixture = *state;
    guint busy = 0;
    for (guint i = 0; i < 100; i++) {
        g_autoptr(GError) error = NULL;
        guint retry = 0;
        assert_null(
            access_set_up(fixture->access, "guess", "adam", PASSWORD, HOME, &retry, &error));
        busy += error_code(error) == UNDERPIN_ERROR_BUSY ? 1 : 0;
    }
    assert_true(busy > 80);
}

static void a_disabled_account_cannot_take_up_its_set_up_token(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *token = NULL;
    guint retry = 0;
    fixture_add(fixture, "anna", ACCOUNT_USER);
    g_autoptr(Account) reset = access_reset_account(fixture->access, "anna", &token, NULL);
    g_autoptr(Account) disabled = access_change_account(
        fixture->access, "anna", &(AccountChange){.sets_disabled = TRUE, .disabled = TRUE}, NULL);
    assert_non_null(reset);
    assert_non_null(disabled);
    assert_null(access_set_up(fixture->access, token, NULL, PASSWORD, HOME, &retry, &error));
    assert_true(fixture_failed_with(&error, UNDERPIN_ERROR_DENIED));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_session_outlives_a_restart),
        CASE(capital_letters_of_a_name_do_not_matter),
        CASE(who_is_disabled_or_invited_cannot_log_in),
        CASE(an_account_has_a_bounded_number_of_sessions),
        CASE(an_address_that_guesses_has_to_wait_at_any_name),
        CASE(one_ipv6_network_is_one_address),
        CASE(many_addresses_cannot_lock_the_owner_out),
        CASE(an_unknown_name_is_limited_like_a_known_one),
        CASE(set_up_tokens_cannot_be_guessed_without_end),
        CASE(a_disabled_account_cannot_take_up_its_set_up_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
