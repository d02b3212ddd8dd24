/* The audit trail: in order, in pages, filtered, and cut at its old end. */
#include "cmocka_prelude.h"

#include "fixture.h"

static void free_entry(gpointer entry)
{
    audit_entry_free(entry);
}

static void note(Fixture *fixture, const char *account, const char *machine, const char *result)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    AuditEntry *entry = audit_entry_new("start", result);
    entry->account = g_strdup(account);
    entry->machine = g_strdup(machine);
    g_ptr_array_add(entries, entry);
    assert_true(access_note(fixture->access, entries, NULL));
}

/* The results of a query, joined. Caller frees. */
static char *results(Fixture *fixture, const AuditQuery *query)
{
    g_autoptr(GPtrArray) entries = access_list_audit(fixture->access, query, NULL);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < entries->len; i++)
        g_string_append(text, ((AuditEntry *)entries->pdata[i])->result);
    return g_string_free(text, FALSE);
}

static void assert_results(Fixture *fixture, AuditQuery query, const char *expected)
{
    query.limit = query.limit ? query.limit : 100;
    g_autofree char *text = results(fixture, &query);
    assert_string_equal(text, expected);
}

static void the_newest_comes_first_and_pages_follow(void **state)
{
    Fixture *fixture = *state;
    note(fixture, "anna", "lab-1", "a");
    note(fixture, "bert", "lab-1", "b");
    note(fixture, NULL, NULL, "c");
    fixture_reopen(fixture);
    note(fixture, "anna", "lab-2", "d");
    assert_results(fixture, (AuditQuery){0}, "dcba");
    assert_results(fixture, (AuditQuery){.limit = 2}, "dc");
    assert_results(fixture, (AuditQuery){.before = 3}, "ba");
    assert_results(fixture, (AuditQuery){.before = 3, .limit = 1}, "b");
}

static void it_is_filtered_by_machine_and_account(void **state)
{
    Fixture *fixture = *state;
    note(fixture, "anna", "lab-1", "a");
    note(fixture, "bert", "lab-1", "b");
    note(fixture, NULL, "lab-1", "c");
    note(fixture, "anna", NULL, "d");
    assert_results(fixture, (AuditQuery){.machine = "lab-1"}, "cba");
    assert_results(fixture, (AuditQuery){.account = "anna"}, "da");
    assert_results(fixture, (AuditQuery){.machine = "lab-1", .account = "bert"}, "b");
    assert_results(fixture, (AuditQuery){.machine = "lab-1' OR 1=1 --"}, "");
}

static void an_entry_keeps_all_it_was_told(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    AuditEntry *told = audit_entry_new("restore", "failed");
    told->account = g_strdup("anna");
    told->address = g_strdup("192.0.2.1");
    told->machine = g_strdup("lab-1");
    told->detail = g_strdup("the disk is full");
    told->job = g_strdup("0000000000000001");
    g_ptr_array_add(entries, told);
    assert_true(access_note(fixture->access, entries, NULL));
    g_autoptr(GPtrArray) found =
        access_list_audit(fixture->access, &(AuditQuery){.limit = 1}, NULL);
    const AuditEntry *entry = found->pdata[0];
    assert_int_equal(entry->sequence, 1);
    assert_int_equal(entry->at, 1700000000);
    assert_string_equal(entry->account, "anna");
    assert_string_equal(entry->address, "192.0.2.1");
    assert_string_equal(entry->action, "restore");
    assert_string_equal(entry->machine, "lab-1");
    assert_string_equal(entry->result, "failed");
    assert_string_equal(entry->detail, "the disk is full");
    assert_string_equal(entry->job, "0000000000000001");
}

static void what_is_older_than_the_retention_goes(void **state)
{
    Fixture *fixture = *state;
    note(fixture, "anna", NULL, "a");
    clock_advance(fixture->clock, (gint64)364 * 24 * 3600);
    note(fixture, "anna", NULL, "b");
    assert_results(fixture, (AuditQuery){0}, "ba");
    clock_advance(fixture->clock, (gint64)2 * 24 * 3600);
    note(fixture, "anna", NULL, "c");
    assert_results(fixture, (AuditQuery){0}, "cb");
}

static void note_of_job(Fixture *fixture, const char *action, const char *result, const char *job)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    AuditEntry *entry = audit_entry_new(action, result);
    entry->job = g_strdup(job);
    g_ptr_array_add(entries, entry);
    assert_true(access_note(fixture->access, entries, NULL));
}

static void jobs_whose_end_is_missing_are_found_after_a_restart(void **state)
{
    Fixture *fixture = *state;
    note_of_job(fixture, "start", AUDIT_ACCEPTED, "ended");
    note_of_job(fixture, "start", "failed", "ended");
    note_of_job(fixture, "rebase", AUDIT_ACCEPTED, "unended");
    note_of_job(fixture, "rebase", AUDIT_ACCEPTED, "unended"); /* asked for once more */
    note_of_job(fixture, "job-cancel", "ok", "unended");
    note_of_job(fixture, "login", "ok", NULL);
    fixture_reopen(fixture);
    g_autoptr(GPtrArray) jobs = access_list_unended(fixture->access, NULL);
    assert_int_equal(jobs->len, 1);
    assert_string_equal(jobs->pdata[0], "unended");
}

static void only_late_requests_are_looked_at(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    for (guint i = 0; i < 1001; i++) {
        AuditEntry *entry = audit_entry_new("start", AUDIT_ACCEPTED);
        entry->job = g_strdup_printf("%u", i);
        g_ptr_array_add(entries, entry);
    }
    assert_true(access_note(fixture->access, entries, NULL));
    g_autoptr(GPtrArray) jobs = access_list_unended(fixture->access, NULL);
    assert_int_equal(jobs->len, 1000);
    for (guint i = 0; i < jobs->len; i++)
        assert_string_not_equal(jobs->pdata[i], "0");
}

static void what_has_happened_before_keeps_its_time(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    g_ptr_array_add(entries, audit_entry_new("start", "done"));
    ((AuditEntry *)entries->pdata[0])->at = 1699999999;
    assert_true(access_note(fixture->access, entries, NULL));
    g_autoptr(GPtrArray) found =
        access_list_audit(fixture->access, &(AuditQuery){.limit = 1}, NULL);
    assert_int_equal(((AuditEntry *)found->pdata[0])->at, 1699999999);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_newest_comes_first_and_pages_follow),
        CASE(it_is_filtered_by_machine_and_account),
        CASE(an_entry_keeps_all_it_was_told),
        CASE(what_is_older_than_the_retention_goes),
        CASE(jobs_whose_end_is_missing_are_found_after_a_restart),
        CASE(only_late_requests_are_looked_at),
        CASE(what_has_happened_before_keeps_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
