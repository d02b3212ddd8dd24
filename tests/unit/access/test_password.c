/* Passwords, and the gate that lets few be hashed at a time. */
#include "cmocka_prelude.h"

#include <sodium.h>
#include <string.h>

#include "access/password.h"
#include "access/secret.h"
#include "foundation/error.h"

#define SMALL ((gsize)64 * 1024)

static int start_library(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

static void a_password_matches_its_own_hash(void **state)
{
    (void)state;
    gboolean matches = FALSE;
    PasswordGate *gate = password_gate_new(SMALL);
    g_autofree char *hash = password_hash(gate, "correct horse", NULL);
    g_autofree char *again = password_hash(gate, "correct horse", NULL);
    assert_true(g_str_has_prefix(hash, "$argon2id$"));
    assert_string_not_equal(hash, again);
    assert_true(password_verify(gate, hash, "correct horse", &matches, NULL));
    assert_true(matches);
    static const char *const wrong[] = {"", "correct hors", "correct horse ", "Correct horse"};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        assert_true(password_verify(gate, hash, wrong[i], &matches, NULL));
        assert_false(matches);
    }
    assert_true(password_verify(gate, NULL, "nobody has this password", &matches, NULL));
    assert_false(matches);
    password_gate_free(gate);
}

static void the_shipped_cost_is_what_the_notes_say(void **state)
{
    (void)state;
    PasswordGate *gate = password_gate_new(PASSWORD_MEMORY_BYTES);
    g_autofree char *hash = password_hash(gate, "correct horse", NULL);
    assert_non_null(strstr(hash, "m=47104,t=1,p=1"));
    password_gate_free(gate);
}

static void passwords_have_a_least_and_a_greatest_length(void **state)
{
    (void)state;
    g_autofree char *longest = g_strnfill(1024, 'a'), *too_long = g_strnfill(1025, 'a');
    assert_true(password_check("12345678", NULL));
    assert_true(password_check(longest, NULL));
    /* Eight characters of two bytes; seven are not eight. */
    assert_true(
        password_check("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", NULL));
    static const char *const bad[] = {"", "1234567", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
                                      "\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(password_check(bad[i], NULL));
    assert_false(password_check(too_long, NULL));
}

typedef struct {
    PasswordGate *gate;
    GMutex lock;
    guint done, refused;
} Crowd;

static gpointer push(gpointer data)
{
    Crowd *crowd = data;
    gboolean matches = FALSE;
    g_autoptr(GError) error = NULL;
    gboolean passed = password_verify(crowd->gate, NULL, "correct horse", &matches, &error);
    assert_true(passed || error_code(error) == UNDERPIN_ERROR_BUSY);
    g_mutex_lock(&crowd->lock);
    *(passed ? &crowd->done : &crowd->refused) += 1;
    g_mutex_unlock(&crowd->lock);
    return NULL;
}

/* All get an answer; how many are refused is a matter of luck, that they all are is not. */
static void a_crowd_is_served_or_refused_and_nobody_hangs(void **state)
{
    (void)state;
    Crowd crowd = {.gate = password_gate_new(16 * 1024 * 1024)};
    GThread *threads[40];
    g_mutex_init(&crowd.lock);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("login", push, &crowd);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_int_equal(crowd.done + crowd.refused, G_N_ELEMENTS(threads));
    assert_true(crowd.done >= 6);
    g_mutex_clear(&crowd.lock);
    password_gate_free(crowd.gate);
}

static void guessing_leaves_half_of_the_processors_to_others(void **state)
{
    (void)state;
    assert_int_equal(password_gate_width(1), 1);
    assert_int_equal(password_gate_width(2), 1);
    assert_int_equal(password_gate_width(3), 1);
    assert_int_equal(password_gate_width(4), 2);
    assert_int_equal(password_gate_width(64), 2);
}

static void secrets_are_long_different_and_plain(void **state)
{
    (void)state;
    g_autofree char *one = secret_new(), *other = secret_new();
    assert_int_equal(strlen(one), 43);
    assert_int_equal(
        strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_string_not_equal(one, other);
    g_autofree char *hash = secret_hash(one), *again = secret_hash(one);
    assert_int_equal(strlen(hash), 64);
    assert_string_equal(hash, again);
    assert_true(secret_is_equal(one, one));
    assert_false(secret_is_equal(one, other));
    assert_false(secret_is_equal(one, NULL));
    assert_false(secret_is_equal(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_matches_its_own_hash),
        cmocka_unit_test(the_shipped_cost_is_what_the_notes_say),
        cmocka_unit_test(passwords_have_a_least_and_a_greatest_length),
        cmocka_unit_test(a_crowd_is_served_or_refused_and_nobody_hangs),
        cmocka_unit_test(guessing_leaves_half_of_the_processors_to_others),
        cmocka_unit_test(secrets_are_long_different_and_plain),
    };
    return cmocka_run_group_tests(tests, start_library, NULL);
}
