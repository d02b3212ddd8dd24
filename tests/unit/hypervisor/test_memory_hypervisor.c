/* What the in-memory host can do beyond the port: survive, fail on command, and play guest. */
#include <errno.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "foundation/fault_point.h"
#include "hypervisor/memory/memory_hypervisor.h"

#define UUID "33333333-3333-4333-8333-333333333333"

static const char ours[] =
    "<domain type='qemu'><name>m</name><uuid>" UUID "</uuid><metadata>"
    "<underpin:machine xmlns:underpin='https://underpin.org/domain/1' id='0123456789abcdef'/>"
    "</metadata></domain>";

static void note(HypervisorEvent event, const char *uuid, gpointer user_data)
{
    (void)uuid;
    g_string_append_printf(user_data, "%d ", (int)event);
}

static void domains_survive_the_process(void **state)
{
    (void)state;
    g_autofree char *directory = g_dir_make_tmp("underpin-hypervisor-XXXXXX", NULL);
    Hypervisor *first = memory_hypervisor_new(directory);
    assert_true(hypervisor_define(first, ours, NULL));
    assert_true(hypervisor_set_autostart(first, UUID, TRUE, NULL));
    assert_true(hypervisor_start(first, UUID, NULL));
    assert_true(hypervisor_set_reboot_stops(first, UUID, TRUE, NULL));
    hypervisor_free(first);

    g_autoptr(Hypervisor) second = memory_hypervisor_new(directory);
    Power power = POWER_OFF;
    assert_true(hypervisor_power(second, UUID, &power, NULL));
    assert_int_equal(power, POWER_RUNNING);
    assert_true(memory_hypervisor_reboot_stops(second, UUID));
    assert_true(memory_hypervisor_autostart(second, UUID));
    assert_true(hypervisor_poweroff(second, UUID, NULL));
    assert_true(hypervisor_undefine(second, UUID, NULL));

    g_autoptr(Hypervisor) third = memory_hypervisor_new(directory);
    g_autoptr(GPtrArray) domains = hypervisor_list(third, NULL);
    assert_int_equal(domains->len, 0);
    assert_int_equal(g_rmdir(directory), 0); /* no file is left */
}

static void the_next_call_fails_as_ordered_and_only_that_one(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    g_autoptr(GError) error = NULL;
    memory_hypervisor_fail_next(host, "define", UNDERPIN_ERROR_NO_SPACE, "full");
    assert_true(hypervisor_ping(host, NULL));
    assert_false(hypervisor_define(host, ours, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
    assert_true(hypervisor_define(host, ours, NULL));
    assert_int_equal(memory_hypervisor_calls(host, "define"), 2);
}

static void a_fault_before_define_or_undefine_leaves_everything_as_it_was(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    fault_point_arm(FAULT_DOMAIN_DEFINE, 1, FAULT_ERROR, ENOSPC);
    assert_false(hypervisor_define(host, ours, NULL));
    g_autoptr(GPtrArray) none = hypervisor_list(host, NULL);
    assert_int_equal(none->len, 0);
    assert_true(hypervisor_define(host, ours, NULL));
    fault_point_arm(FAULT_DOMAIN_UNDEFINE, 1, FAULT_ERROR, EIO);
    assert_false(hypervisor_undefine(host, UUID, NULL));
    g_autoptr(GPtrArray) one = hypervisor_list(host, NULL);
    assert_int_equal(one->len, 1);
    fault_point_disarm();
}

static void a_silent_host_says_unavailable_until_it_answers(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    g_autoptr(GString) heard = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    hypervisor_listen(host, note, heard);
    memory_hypervisor_set_answering(host, FALSE);
    assert_false(hypervisor_ping(host, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_UNAVAILABLE);
    assert_non_null(strstr(error_hint(error), "libvirtd"));
    memory_hypervisor_set_answering(host, TRUE);
    assert_true(hypervisor_ping(host, NULL));
    g_autofree char *expected =
        g_strdup_printf("%d %d ", (int)HYPERVISOR_LOST, (int)HYPERVISOR_FOUND);
    assert_string_equal(heard->str, expected);
}

static gboolean refuse(const char *uuid, const char *xml, gboolean resume, gpointer user_data,
                       GError **error)
{
    assert_string_equal(uuid, UUID);
    assert_string_equal(xml, ours);
    *(gboolean *)user_data = resume;
    return error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "underpin: being moved, try again");
}

static void the_start_hook_is_asked_and_can_refuse(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    g_autoptr(GError) error = NULL;
    gboolean resume = FALSE;
    Power power = POWER_UNKNOWN;
    assert_true(hypervisor_define(host, ours, NULL));
    assert_true(hypervisor_start(host, UUID, NULL));
    memory_hypervisor_save(host, UUID, TRUE);
    memory_hypervisor_set_start_hook(host, refuse, &resume);
    assert_false(hypervisor_start(host, UUID, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_true(resume);
    assert_true(hypervisor_power(host, UUID, &power, NULL));
    assert_int_equal(power, POWER_SAVED);
}

static void guests_stop_reboot_and_sleep_with_the_events_of_libvirt(void **state)
{
    (void)state;
    static const struct {
        void (*act)(Hypervisor *, const char *);
        gboolean reboot_stops;
        HypervisorEvent events[3]; /* DOMAIN_STARTED ends the row */
    } rows[] = {
        {memory_hypervisor_guest_stops, FALSE, {DOMAIN_STOPPED}},
        {memory_hypervisor_guest_reboots, FALSE, {DOMAIN_STARTED}},
        {memory_hypervisor_guest_reboots, TRUE, {DOMAIN_REBOOT_STOPPED, DOMAIN_STOPPED}},
        {memory_hypervisor_guest_suspends_to_disk,
         FALSE,
         {DOMAIN_SUSPENDED_TO_DISK, DOMAIN_STOPPED}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
        g_autoptr(GString) heard = g_string_new(NULL);
        g_autoptr(GString) expected = g_string_new(NULL);
        assert_true(hypervisor_define(host, ours, NULL));
        assert_true(hypervisor_start(host, UUID, NULL));
        assert_true(hypervisor_set_reboot_stops(host, UUID, rows[i].reboot_stops, NULL));
        hypervisor_listen(host, note, heard);
        rows[i].act(host, UUID);
        for (size_t e = 0; e < 3 && rows[i].events[e] != DOMAIN_STARTED; e++)
            note(rows[i].events[e], UUID, expected);
        assert_string_equal(heard->str, expected->str);
    }
}

static void a_stubborn_guest_ignores_requests_but_not_the_power_switch(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    Power power = POWER_OFF;
    assert_true(hypervisor_define(host, ours, NULL));
    assert_true(hypervisor_start(host, UUID, NULL));
    memory_hypervisor_set_stubborn(host, UUID, TRUE);
    assert_true(hypervisor_shutdown(host, UUID, NULL));
    assert_true(hypervisor_power(host, UUID, &power, NULL));
    assert_int_equal(power, POWER_RUNNING);
    assert_true(hypervisor_poweroff(host, UUID, NULL));
    assert_true(hypervisor_power(host, UUID, &power, NULL));
    assert_int_equal(power, POWER_OFF);
}

static void the_hook_probe_says_what_the_test_ordered(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = memory_hypervisor_new(NULL);
    g_autoptr(GError) error = NULL;
    assert_true(hypervisor_probe_hook(host, "/store", NULL));
    memory_hypervisor_set_hook(host, FALSE);
    assert_false(hypervisor_probe_hook(host, "/store", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_survive_the_process),
        cmocka_unit_test(the_next_call_fails_as_ordered_and_only_that_one),
        cmocka_unit_test(a_fault_before_define_or_undefine_leaves_everything_as_it_was),
        cmocka_unit_test(a_silent_host_says_unavailable_until_it_answers),
        cmocka_unit_test(the_start_hook_is_asked_and_can_refuse),
        cmocka_unit_test(guests_stop_reboot_and_sleep_with_the_events_of_libvirt),
        cmocka_unit_test(a_stubborn_guest_ignores_requests_but_not_the_power_switch),
        cmocka_unit_test(the_hook_probe_says_what_the_test_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
