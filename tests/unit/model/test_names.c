/* Names of enum values: every value has one, and it leads back to the value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/inventory.h"
#include "model/plan.h"

/* Every value of an enum, its name unlike all others, and back. */
#define WALK(noun, Type, count)                                                                    \
    static void noun##_names_lead_back(void **state)                                               \
    {                                                                                              \
        (void)state;                                                                               \
        Type found;                                                                                \
        for (guint i = 0; i < (count); i++) {                                                      \
            const char *name = noun##_name((Type)i);                                               \
            assert_non_null(name);                                                                 \
            assert_true(noun##_from_name(name, &found));                                           \
            assert_int_equal(found, i);                                                            \
        }                                                                                          \
        assert_false(noun##_from_name("no such name", &found));                                    \
        assert_false(noun##_from_name("", &found));                                                \
        assert_false(noun##_from_name(NULL, &found));                                              \
    }

WALK(account_role, AccountRole, ACCOUNT_ROLE_COUNT)
WALK(role, Role, ROLE_COUNT)
WALK(place, Place, PLACE_COUNT)
WALK(cause, Cause, CAUSE_COUNT)
WALK(head_source, HeadSource, HEAD_SOURCE_COUNT)
WALK(nvram_source, NvramSource, NVRAM_SOURCE_COUNT)
WALK(reclaim_kind, ReclaimKind, RECLAIM_KIND_COUNT)
WALK(job_state, JobState, JOB_STATE_COUNT)
WALK(item_state, ItemState, ITEM_STATE_COUNT)
WALK(running_policy, RunningPolicy, RUNNING_POLICY_COUNT)
WALK(verb, Verb, VERB_COUNT)

static void fates_and_decisions_have_names_of_their_own(void **state)
{
    (void)state;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < FATE_COUNT; i++)
        assert_true(g_hash_table_add(seen, (char *)fate_name((Fate)i)));
    for (guint i = 0; i < DECISION_COUNT; i++)
        assert_true(g_hash_table_add(seen, (char *)decision_name((Decision)i)));
    assert_string_equal(fate_name(FATE_TRASHED), "TO TRASH");
}

static void verbs_that_take_many_machines_need_names(void **state)
{
    (void)state;
    for (guint i = 0; i < VERB_COUNT; i++) {
        const VerbInfo *info = verb_info((Verb)i);
        assert_true(info->needs_names || !info->many);
        assert_true(*info->title != '\0' && *info->progress != '\0');
    }
    assert_true(verb_info(VERB_RESTORE)->replaces && verb_info(VERB_REBASE)->replaces);
    assert_true(verb_info(VERB_REMOVE)->destroys);
    assert_false(verb_info(VERB_HOLD)->replaces || verb_info(VERB_HOLD)->destroys);
}

static void final_states_are_done_failed_and_cancelled(void **state)
{
    (void)state;
    const gboolean final[] = {FALSE, FALSE, FALSE, TRUE, TRUE, TRUE};
    for (guint i = 0; i < JOB_STATE_COUNT; i++)
        assert_int_equal(job_state_is_final((JobState)i), final[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_role_names_lead_back),
        cmocka_unit_test(role_names_lead_back),
        cmocka_unit_test(place_names_lead_back),
        cmocka_unit_test(cause_names_lead_back),
        cmocka_unit_test(head_source_names_lead_back),
        cmocka_unit_test(nvram_source_names_lead_back),
        cmocka_unit_test(reclaim_kind_names_lead_back),
        cmocka_unit_test(job_state_names_lead_back),
        cmocka_unit_test(item_state_names_lead_back),
        cmocka_unit_test(running_policy_names_lead_back),
        cmocka_unit_test(verb_names_lead_back),
        cmocka_unit_test(fates_and_decisions_have_names_of_their_own),
        cmocka_unit_test(verbs_that_take_many_machines_need_names),
        cmocka_unit_test(final_states_are_done_failed_and_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
