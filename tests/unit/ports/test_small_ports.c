/* The small ports that live in this layer: the clock and the claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "ports/claims.h"
#include "ports/clock.h"

static void a_manual_clock_stands_still_until_told(void **state)
{
    (void)state;
    g_autoptr(Clock) clock = clock_new_manual(1000);
    assert_int_equal(clock_now(clock), 1000);
    assert_int_equal(clock_now(clock), 1000);
    clock_advance(clock, 60);
    assert_int_equal(clock_now(clock), 1060);
}

static void the_system_clock_tells_the_seconds_of_the_epoch(void **state)
{
    (void)state;
    g_autoptr(Clock) clock = clock_new_system();
    gint64 before = g_get_real_time() / G_USEC_PER_SEC;
    gint64 now = clock_now(clock);
    assert_true(now >= before && now <= g_get_real_time() / G_USEC_PER_SEC);
}

static void claims_in_memory_are_what_the_test_says(void **state)
{
    (void)state;
    g_autoptr(Claims) claims = claims_new_memory();
    assert_int_equal(claims_state(claims, "a"), CLAIM_NONE);
    claims_memory_set(claims, "a", CLAIM_STARTED);
    assert_int_equal(claims_state(claims, "a"), CLAIM_STARTED);
    assert_int_equal(claims_state(claims, "b"), CLAIM_NONE);
    claims_drop(claims, "a");
    assert_int_equal(claims_state(claims, "a"), CLAIM_NONE);
}

static int make_directory(void **state)
{
    *state = g_dir_make_tmp("underpin-claims-XXXXXX", NULL);
    return 0;
}

static int remove_directory(void **state)
{
    g_autoptr(GDir) directory = g_dir_open(*state, 0, NULL);
    for (const char *name; (name = g_dir_read_name(directory)) != NULL;) {
        g_autofree char *path = g_build_filename(*state, name, NULL);
        g_remove(path);
    }
    g_rmdir(*state);
    g_free(*state);
    return 0;
}

static ClaimState claim_of(const char *directory, const char *content)
{
    g_autoptr(Claims) claims = claims_new_directory(directory);
    g_autofree char *path = g_build_filename(directory, "0123456789abcdef", NULL);
    assert_true(g_file_set_contents(path, content, -1, NULL));
    return claims_state(claims, "0123456789abcdef");
}

static void claims_in_a_directory_say_what_the_hook_has_written(void **state)
{
    assert_int_equal(claim_of(*state, "claimed\n"), CLAIM_CLAIMED);
    assert_int_equal(claim_of(*state, "started\n"), CLAIM_STARTED);
    assert_int_equal(claim_of(*state, "refused"), CLAIM_REFUSED);
}

/* Settling a machine that may be starting corrupts it; waiting does not. */
static void a_claim_that_cannot_be_understood_counts_as_one(void **state)
{
    assert_int_equal(claim_of(*state, ""), CLAIM_CLAIMED);
    assert_int_equal(claim_of(*state, "star"), CLAIM_CLAIMED);
    g_autoptr(Claims) claims = claims_new_directory(*state);
    g_autofree char *directory = g_build_filename(*state, "aaaaaaaaaaaaaaaa", NULL);
    g_autofree char *link = g_build_filename(*state, "bbbbbbbbbbbbbbbb", NULL);
    assert_int_equal(g_mkdir(directory, 0700), 0);
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_int_equal(claims_state(claims, "aaaaaaaaaaaaaaaa"), CLAIM_CLAIMED);
    assert_int_equal(claims_state(claims, "bbbbbbbbbbbbbbbb"), CLAIM_CLAIMED);
}

static void a_dropped_claim_is_gone_and_dropping_it_again_is_fine(void **state)
{
    g_autoptr(Claims) claims = claims_new_directory(*state);
    assert_int_equal(claim_of(*state, "started"), CLAIM_STARTED);
    claims_drop(claims, "0123456789abcdef");
    claims_drop(claims, "0123456789abcdef");
    assert_int_equal(claims_state(claims, "0123456789abcdef"), CLAIM_NONE);
}

static void an_id_cannot_lead_out_of_the_directory(void **state)
{
    g_autofree char *outside = g_strconcat(*state, "-outside", NULL);
    g_autofree char *inner = g_build_filename(*state, "inner", NULL);
    g_autofree char *name = g_path_get_basename(outside);
    g_autofree char *id = g_strconcat("../", name, NULL);
    g_autoptr(Claims) claims = claims_new_directory(inner);
    assert_true(g_file_set_contents(outside, "started", -1, NULL));
    assert_int_equal(claims_state(claims, id), CLAIM_NONE);
    claims_drop(claims, id);
    assert_int_equal(g_unlink(outside), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manual_clock_stands_still_until_told),
        cmocka_unit_test(the_system_clock_tells_the_seconds_of_the_epoch),
        cmocka_unit_test(claims_in_memory_are_what_the_test_says),
        CASE(claims_in_a_directory_say_what_the_hook_has_written),
        CASE(a_claim_that_cannot_be_understood_counts_as_one),
        CASE(a_dropped_claim_is_gone_and_dropping_it_again_is_fine),
        CASE(an_id_cannot_lead_out_of_the_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
