/* Progress: counting, and the line that fits every width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/progress.h"
#include "cli/words.h"

static void take_job(Progress *progress, const char *text)
{
    json_t *job = json_loads(text, 0, NULL);
    assert_non_null(job);
    progress_take_job(progress, job);
    json_decref(job);
}

static void take_item(Progress *progress, const char *machine, const char *state)
{
    json_t *item =
        json_pack("{s:s, s:s, s:s}", "machine_id", machine, "machine", machine, "state", state);
    progress_take_item(progress, item);
    json_decref(item);
}

static void assert_counted(const Progress *progress, guint finished, guint machines)
{
    assert_int_equal(progress_finished(progress), finished);
    assert_int_equal(progress_machines(progress), machines);
}

static void event_that_comes_twice_counts_once(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = progress_new("rebase");
    take_item(progress, "a", "waiting");
    take_item(progress, "b", "waiting");
    take_item(progress, "a", "done");
    take_item(progress, "a", "done");
    assert_counted(progress, 1, 2);
}

static void counts_of_the_job_serve_only_while_no_machine_is_known(void **state G_GNUC_UNUSED)
{
    static const char job[] = "{\"state\":\"running\",\"counts\":{\"waiting\":3,\"done\":7}}";
    g_autoptr(Progress) progress = progress_new("rebase");
    take_job(progress, job);
    assert_counted(progress, 7, 10);
    take_item(progress, "a", "running");
    assert_counted(progress, 7, 10);
    take_item(progress, "a", "done");
    take_item(progress, "b", "done");
    assert_counted(progress, 9, 10);
    take_job(progress, job);
    assert_counted(progress, 9, 10);
}

static void a_list_of_the_machines_takes_the_place_of_the_counts(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = progress_new("rebase");
    take_job(progress, "{\"state\":\"running\",\"counts\":{\"waiting\":3,\"done\":7}}");
    take_job(progress,
             "{\"state\":\"running\",\"items\":[{\"machine_id\":\"a\",\"state\":\"done\"},"
             "{\"machine_id\":\"b\",\"state\":\"waiting\"}]}");
    assert_counted(progress, 1, 2);
}

static void nonsense_changes_nothing(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = progress_new("rebase");
    take_item(progress, "a", "done");
    take_item(progress, "b", "exploded");
    take_job(progress, "{\"state\":\"odd\",\"done\":-4,\"total\":\"x\",\"items\":7,\"phase\":3}");
    take_job(progress, "[]");
    assert_counted(progress, 1, 1);
    assert_int_equal(progress_state(progress), JOB_QUEUED);
}

static void count_failure(const char *machine G_GNUC_UNUSED, const char *message G_GNUC_UNUSED,
                          gpointer user_data)
{
    ++*(guint *)user_data;
}

static void failure_is_told_once(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = progress_new("rebase");
    guint failures = 0;
    progress_listen(progress, count_failure, &failures);
    take_item(progress, "a", "running");
    take_item(progress, "a", "failed");
    take_item(progress, "a", "failed");
    take_item(progress, "b", "failed");
    assert_int_equal(failures, 2);
}

/* 24 of 50 done, one pending, one failed. */
static Progress *busy_progress(void)
{
    Progress *progress = progress_new("rebase");
    take_job(progress, "{\"state\":\"running\",\"phase\":\"settling\",\"done\":1,\"total\":2,"
                       "\"estimate_seconds\":3,"
                       "\"counts\":{\"waiting\":24,\"done\":24,\"pending\":1,\"failed\":1}}");
    return progress;
}

static void a_pending_job_says_what_it_waits_for(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = progress_new("rebase");
    take_job(progress, "{\"state\":\"pending\",\"waits_for\":\"2 machines to stop\","
                       "\"counts\":{\"done\":1,\"pending\":2}}");
    g_autofree char *line = progress_to_line(progress, 80, FALSE);
    g_autofree char *log = progress_to_log(progress);
    assert_non_null(strstr(line, "waits for 2 machines to stop"));
    assert_string_equal(log, "rebase: waits for 2 machines to stop, 3 of 3, 2 pending");
    assert_string_equal(progress_phase(progress), "pending");
}

static void line_fits_every_width(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = busy_progress();
    for (guint width = 1; width < 200; width++) {
        g_autofree char *unicode = progress_to_line(progress, width, TRUE);
        g_autofree char *ascii = progress_to_line(progress, width, FALSE);
        assert_in_range(text_width(unicode), 1, width);
        assert_true(g_str_is_ascii(ascii));
        assert_in_range(text_width(ascii), 1, width);
    }
}

static void narrow_line_drops_what_matters_least(void **state G_GNUC_UNUSED)
{
    static const struct {
        guint width;
        const char *line;
    } cases[] = {
        {100, "rebase  ###############...............  26/50  settling  1 pending  1 failed  about "
              "3 s left"},
        {62, "rebase  #####.....  26/50  1 pending  1 failed  about 3 s left"},
        {50, "rebase  #######.......  26/50  1 pending  1 failed"},
        {30, "rebase  ########.......  26/50"},
        {14, "rebase  26/50"},
        {10, "rebase  2."},
    };
    g_autoptr(Progress) progress = busy_progress();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *line = progress_to_line(progress, cases[i].width, FALSE);
        assert_string_equal(line, cases[i].line);
    }
}

static void log_line_says_the_phase_and_what_is_odd(void **state G_GNUC_UNUSED)
{
    g_autoptr(Progress) progress = busy_progress();
    g_autoptr(Progress) empty = progress_new("backup");
    g_autofree char *busy_line = progress_to_log(progress);
    g_autofree char *empty_line = progress_to_log(empty);
    assert_string_equal(busy_line, "rebase: settling, 26 of 50, 1 pending, 1 failed");
    assert_string_equal(empty_line, "backup: queued");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_that_comes_twice_counts_once),
        cmocka_unit_test(counts_of_the_job_serve_only_while_no_machine_is_known),
        cmocka_unit_test(a_list_of_the_machines_takes_the_place_of_the_counts),
        cmocka_unit_test(nonsense_changes_nothing),
        cmocka_unit_test(failure_is_told_once),
        cmocka_unit_test(a_pending_job_says_what_it_waits_for),
        cmocka_unit_test(line_fits_every_width),
        cmocka_unit_test(narrow_line_drops_what_matters_least),
        cmocka_unit_test(log_line_says_the_phase_and_what_is_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
