/* The delay: it grows, it ends, it forgives, and it takes a bounded memory. */
#include "cmocka_prelude.h"

#include "access/login_limit.h"

static const gint64 start = 1700000000;

/* Fails at once whenever it may, until `until`; how often that was. */
static guint hammer(LoginLimit *limit, const char *key, gint64 from, gint64 until)
{
    guint attempts = 0;
    for (gint64 now = from; now < until;) {
        guint wait = login_limit_take(limit, key, now);
        attempts += wait == 0 ? 1 : 0;
        now += wait;
    }
    return attempts;
}

static void the_first_attempts_are_free_and_then_it_doubles(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(3, 10);
    for (guint i = 0; i < 3; i++)
        assert_int_equal(login_limit_take(limit, "a", start), 0);
    assert_int_equal(login_limit_take(limit, "a", start), 0);
    static const guint waits[] = {1, 2, 4, 8, 16, 32};
    gint64 now = start;
    for (guint i = 0; i < G_N_ELEMENTS(waits); i++) {
        assert_int_equal(login_limit_take(limit, "a", now), waits[i]);
        now += waits[i];
        assert_int_equal(login_limit_take(limit, "a", now), 0);
    }
    assert_int_equal(login_limit_take(limit, "b", start), 0);
    login_limit_free(limit);
}

static void it_never_waits_longer_than_a_minute(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(3, 10);
    gint64 now = start;
    for (guint i = 0; i < 10000; i++) {
        guint wait = login_limit_take(limit, "a", now);
        assert_in_range(wait, 0, LOGIN_LIMIT_DELAY_MAX_SECONDS);
        now += wait;
    }
    assert_in_range(hammer(limit, "a", now, now + 3600), 55, 65);
    login_limit_free(limit);
}

static void time_forgives(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(3, 10);
    hammer(limit, "a", start, start + 600);
    gint64 later = start + 600 + 3600;
    for (guint i = 0; i < 3; i++)
        assert_int_equal(login_limit_take(limit, "a", later), 0);
    login_limit_free(limit);
}

static void an_attempt_that_is_given_back_does_not_count(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(3, 10);
    for (guint i = 0; i < 1000; i++) {
        assert_int_equal(login_limit_take(limit, "a", start), 0);
        login_limit_give_back(limit, "a");
    }
    login_limit_give_back(limit, "never heard of");
    login_limit_free(limit);
}

static void a_clock_that_is_set_back_locks_nobody_out(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(1, 10);
    hammer(limit, "a", start, start + 600);
    guint wait = login_limit_take(limit, "a", start - 1000000);
    assert_in_range(wait, 0, LOGIN_LIMIT_DELAY_MAX_SECONDS);
    assert_int_equal(login_limit_take(limit, "a", start - 1000000 + wait), 0);
    login_limit_free(limit);
}

static void memory_is_bounded_and_the_oldest_goes(void **state)
{
    (void)state;
    LoginLimit *limit = login_limit_new(1, 100);
    for (guint i = 0; i < 10000; i++) {
        g_autofree char *key = g_strdup_printf("key-%u", i);
        login_limit_take(limit, "kept", start);
        login_limit_take(limit, key, start);
        assert_true(login_limit_size(limit) <= 100);
    }
    assert_true(login_limit_take(limit, "kept", start) > 0);
    assert_int_equal(login_limit_take(limit, "key-0", start), 0);
    login_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_attempts_are_free_and_then_it_doubles),
        cmocka_unit_test(it_never_waits_longer_than_a_minute),
        cmocka_unit_test(time_forgives),
        cmocka_unit_test(an_attempt_that_is_given_back_does_not_count),
        cmocka_unit_test(a_clock_that_is_set_back_locks_nobody_out),
        cmocka_unit_test(memory_is_bounded_and_the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
