/* The newest jobs in memory: pages without a gap, within bounds. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include "jobs/recent.h"
#include "model/job.h"

static Job *make_job(guint number, guint items)
{
    g_autofree char *id = g_strdup_printf("job-%u", number);
    g_autoptr(Request) request = request_new(VERB_HOLD);
    Job *job = job_new(id, request, "tester", 100 + number);
    for (guint i = 0; i < items; i++) {
        JobItem *item = job_item_new("id", "name");
        item->receipt = g_strdup("{}");
        g_ptr_array_add(job->items, item);
    }
    return job;
}

static void add(RecentJobs *recent, guint number, guint items)
{
    g_autoptr(Job) job = make_job(number, items);
    recent_jobs_add(recent, job);
}

/* "3 2 1" for a page of those jobs, or "?". */
static void assert_page(const RecentJobs *recent, const char *before_id, guint limit,
                        const char *expected)
{
    g_autoptr(GPtrArray) page = recent_jobs_page(recent, before_id, limit);
    g_autoptr(GString) text = g_string_new(page ? "" : "?");
    for (guint i = 0; page && i < page->len; i++) {
        const Job *job = page->pdata[i];
        g_string_append_printf(text, "%s%s", i ? " " : "", job->id + strlen("job-"));
    }
    assert_string_equal(text->str, expected);
}

static RecentJobs *recent_with(guint jobs)
{
    RecentJobs *recent = recent_jobs_new();
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    recent_jobs_load(recent, none, TRUE);
    for (guint i = 1; i <= jobs; i++)
        add(recent, i, 1);
    return recent;
}

static void pages_follow_one_another(void **state)
{
    (void)state;
    RecentJobs *recent = recent_with(3);
    assert_page(recent, NULL, 2, "3 2");
    assert_page(recent, "job-2", 2, "1");
    assert_page(recent, "job-1", 2, "");
    assert_page(recent, "job-7", 2, "?");
    recent_jobs_free(recent);
}

static void what_only_the_catalog_knows_is_not_made_up(void **state)
{
    (void)state;
    RecentJobs *recent = recent_jobs_new();
    g_autoptr(Job) known = make_job(1, 0);
    g_autoptr(GPtrArray) newest = g_ptr_array_new();
    assert_page(recent, NULL, 1, "?");
    g_ptr_array_add(newest, known);
    recent_jobs_load(recent, newest, FALSE);
    add(recent, 2, 0);
    assert_page(recent, NULL, 2, "2 1");
    assert_page(recent, NULL, 3, "?");
    recent_jobs_free(recent);
}

static void the_oldest_go_where_there_are_too_many(void **state)
{
    (void)state;
    guint limit = recent_jobs_limit();
    RecentJobs *recent = recent_with(limit + 1);
    assert_page(recent, "job-3", 1, "2");
    assert_page(recent, "job-3", 2, "?");
    add(recent, limit + 2, 1000000);
    assert_page(recent, NULL, 1, "?");
    recent_jobs_free(recent);
}

static void a_job_is_listed_as_what_it_has_become(void **state)
{
    (void)state;
    RecentJobs *recent = recent_with(2);
    g_autoptr(Job) ended = make_job(1, 2), unknown = make_job(9, 1);
    ended->state = JOB_DONE;
    recent_jobs_change(recent, ended);
    recent_jobs_change(recent, unknown);
    g_autoptr(GPtrArray) page = recent_jobs_page(recent, NULL, 5);
    assert_int_equal(page->len, 2);
    const Job *job = page->pdata[1];
    assert_int_equal(job->state, JOB_DONE);
    assert_int_equal(job->items->len, 2);
    assert_null(((const JobItem *)job->items->pdata[0])->receipt);
    recent_jobs_free(recent);
}

static void what_was_deleted_is_forgotten(void **state)
{
    (void)state;
    RecentJobs *recent = recent_with(4);
    g_autoptr(Job) ended = make_job(2, 1);
    ended->state = JOB_DONE;
    ended->finished_at = 50;
    recent_jobs_change(recent, ended);
    recent_jobs_cut(recent, 50, 0);
    assert_page(recent, NULL, 9, "4 3 2 1");
    recent_jobs_cut(recent, 51, 0);
    assert_page(recent, NULL, 2, "4 3");
    assert_page(recent, NULL, 3, "?");
    recent_jobs_cut(recent, 0, 1);
    assert_page(recent, NULL, 1, "4");
    assert_page(recent, NULL, 2, "?");
    recent_jobs_free(recent);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_follow_one_another),
        cmocka_unit_test(what_only_the_catalog_knows_is_not_made_up),
        cmocka_unit_test(the_oldest_go_where_there_are_too_many),
        cmocka_unit_test(a_job_is_listed_as_what_it_has_become),
        cmocka_unit_test(what_was_deleted_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
