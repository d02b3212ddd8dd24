/* The port's promises, one test each; what they leave behind is removed again, so that they run on
 * a real host too. */
#include "contract/hypervisor/hypervisor_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "foundation/error.h"
#include "foundation/ids.h"

static const HypervisorContract *contract; /* of this process */

/* --- helpers ---------------------------------------------------------------------------------- */

static char *build_machine(Hypervisor *host, TestMachine *machine, const char *machine_id)
{
    g_autoptr(GPtrArray) disks =
        g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_spec_free);
    g_ptr_array_add(disks, domain_disk_spec_new("vda", machine->disk, "qcow2"));
    const DomainSpec spec = {.uuid = machine->uuid,
                             .name = machine->name,
                             .machine_id = machine_id,
                             .disks = disks,
                             .memory_mib = 32,
                             .cpus = 1};
    g_autoptr(GError) error = NULL;
    char *xml = hypervisor_build_xml(host, &spec, &error);
    if (xml == NULL)
        fail_msg("%s", error->message);
    return xml;
}

TestMachine *test_machine_new(Hypervisor *hypervisor, const char *directory, const char *name)
{
    TestMachine *machine = g_new0(TestMachine, 1);
    machine->uuid = uuid_new();
    machine->id = id_new();
    machine->name = g_strdup_printf("%s-%s", name, machine->id);
    machine->disk = g_strdup_printf("%s/%s.qcow2", directory, machine->name);
    machine->xml = build_machine(hypervisor, machine, machine->id);
    return machine;
}

void test_machine_free(TestMachine *machine)
{
    if (machine == NULL)
        return;
    g_free(machine->uuid);
    g_free(machine->name);
    g_free(machine->id);
    g_free(machine->disk);
    g_free(machine->xml);
    g_free(machine);
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        if (!(call))                                                                               \
            fail_msg("%s", error_->message);                                                       \
    } while (0)

#define assert_fails(expected, call)                                                               \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        assert_false(call);                                                                        \
        if (error_code(error_) != (expected))                                                      \
            fail_msg("%s: %s", error_code_name(error_code(error_)), error_->message);              \
    } while (0)

static TestMachine *defined_machine(Hypervisor *host, const char *name)
{
    TestMachine *machine = test_machine_new(host, contract->disk_directory, name);
    if (contract->make_disk != NULL)
        contract->make_disk(machine->disk);
    assert_ok(hypervisor_define(host, machine->xml, error));
    return machine;
}

static DomainFacts *inspect(Hypervisor *host, const char *uuid)
{
    g_autoptr(GError) error = NULL;
    DomainFacts *facts = hypervisor_inspect(host, uuid, &error);
    if (facts == NULL)
        fail_msg("%s", error->message);
    return facts;
}

static Power power_of(Hypervisor *host, const char *uuid)
{
    Power power = POWER_UNKNOWN;
    assert_ok(hypervisor_power(host, uuid, &power, error));
    return power;
}

/* NULL: not listed. */
static const DomainState *find_state(const GPtrArray *states, const char *uuid)
{
    for (guint i = 0; i < states->len; i++) {
        const DomainState *state = states->pdata[i];
        if (strcmp(state->uuid, uuid) == 0)
            return state;
    }
    return NULL;
}

static void undefine(Hypervisor *host, const TestMachine *machine)
{
    assert_ok(hypervisor_undefine(host, machine->uuid, error));
}

/* --- being there ------------------------------------------------------------------------------ */

static void the_host_answers(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    assert_ok(hypervisor_ping(host, error));
}

static void a_defined_machine_is_listed_and_inspected_as_ours(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "listed");
    g_autoptr(GPtrArray) states = hypervisor_list(host, NULL);
    const DomainState *listed = find_state(states, machine->uuid);
    assert_non_null(listed);
    assert_string_equal(listed->name, machine->name);
    assert_string_equal(listed->machine_id, machine->id);
    assert_int_equal(listed->power, POWER_OFF);
    assert_true(listed->persistent);
    assert_false(listed->autostart);

    g_autoptr(DomainFacts) by_uuid = inspect(host, machine->uuid);
    g_autoptr(DomainFacts) by_name = inspect(host, machine->name);
    assert_string_equal(by_uuid->state->machine_id, machine->id);
    assert_string_equal(by_name->state->uuid, machine->uuid);
    assert_int_equal(by_uuid->disks->len, 1);
    const DomainDisk *disk = by_uuid->disks->pdata[0];
    assert_string_equal(disk->path, machine->disk);
    assert_string_equal(disk->format, "qcow2");
    assert_false(disk->stored_chain);
    assert_false(by_uuid->block_job || by_uuid->managed_save || by_uuid->saved_to_file);
    assert_int_equal(by_uuid->snapshots + by_uuid->checkpoints, 0);
    undefine(host, machine);
}

static void what_is_not_there_is_not_found_but_undefining_it_is_success(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autofree char *uuid = uuid_new();
    Power power = POWER_SAVED;
    assert_fails(UNDERPIN_ERROR_NOT_FOUND, hypervisor_inspect(host, uuid, error) != NULL);
    assert_fails(UNDERPIN_ERROR_NOT_FOUND, hypervisor_inspect(host, "no-such", error) != NULL);
    assert_fails(UNDERPIN_ERROR_NOT_FOUND, hypervisor_power(host, uuid, &power, error));
    assert_fails(UNDERPIN_ERROR_NOT_FOUND, hypervisor_start(host, uuid, error));
    assert_int_equal(power, POWER_SAVED);
    assert_ok(hypervisor_undefine(host, uuid, error));
}

static void a_definition_is_what_inspect_says_but_for_the_state(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "stored");
    g_autoptr(DomainFacts) whole = inspect(host, machine->uuid);
    g_autoptr(DomainFacts) facts = hypervisor_definition(host, machine->uuid, NULL);
    assert_non_null(facts);
    assert_string_equal(facts->state->name, machine->name);
    assert_string_equal(facts->state->machine_id, machine->id);
    assert_string_equal(facts->xml, whole->xml);
    assert_int_equal(facts->disks->len, whole->disks->len);
    assert_string_equal(((DomainDisk *)facts->disks->pdata[0])->path, machine->disk);
    assert_int_equal(facts->state->power, POWER_UNKNOWN);
    assert_false(facts->state->persistent);
    undefine(host, machine);
    assert_fails(UNDERPIN_ERROR_NOT_FOUND,
                 hypervisor_definition(host, machine->uuid, error) != NULL);
}

/* --- definitions ------------------------------------------------------------------------------ */

static void names_are_listed_and_a_name_that_is_free_is_defined_without_a_look(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = test_machine_new(host, contract->disk_directory, "unseen");
    g_autoptr(TestMachine) namesake = test_machine_new(host, contract->disk_directory, "unseen");
    if (contract->make_disk != NULL)
        contract->make_disk(machine->disk);
    g_autoptr(GHashTable) before = hypervisor_names(host, NULL);
    assert_false(g_hash_table_contains(before, machine->name));
    assert_ok(hypervisor_define_new(host, machine->xml, error));
    g_autoptr(GHashTable) after = hypervisor_names(host, NULL);
    assert_string_equal(g_hash_table_lookup(after, machine->name), machine->uuid);
    g_free(namesake->name);
    namesake->name = g_strdup(machine->name);
    g_autofree char *xml = build_machine(host, namesake, namesake->id);
    assert_fails(UNDERPIN_ERROR_EXISTS, hypervisor_define_new(host, xml, error));
    undefine(host, machine);
}

static void defining_twice_is_one_domain_and_the_second_counts(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(EventLog) log = event_log_new(host);
    g_autoptr(TestMachine) machine = defined_machine(host, "twice");
    assert_true(event_log_wait(log, DOMAIN_DEFINED, machine->uuid));
    g_free(machine->disk);
    machine->disk = g_strdup_printf("%s/other.qcow2", contract->disk_directory);
    g_autofree char *second = build_machine(host, machine, machine->id);
    assert_ok(hypervisor_define(host, second, error));
    assert_ok(hypervisor_define(host, second, error));
    g_autoptr(DomainFacts) facts = inspect(host, machine->uuid);
    assert_string_equal(((DomainDisk *)facts->disks->pdata[0])->path, machine->disk);
    undefine(host, machine);
    assert_true(event_log_wait(log, DOMAIN_UNDEFINED, machine->uuid));
    assert_fails(UNDERPIN_ERROR_NOT_FOUND, hypervisor_inspect(host, machine->uuid, error) != NULL);
}

static void a_name_that_exists_is_refused(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) first = defined_machine(host, "first");
    g_autoptr(TestMachine) second = test_machine_new(host, contract->disk_directory, "second");
    g_free(second->name);
    second->name = g_strdup(first->name);
    g_autofree char *xml = build_machine(host, second, second->id);
    assert_fails(UNDERPIN_ERROR_EXISTS, hypervisor_define(host, xml, error));
    undefine(host, first);
}

static void hostile_or_incomplete_xml_is_invalid(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "<domain", "<network/>", "<domain/>",
                                        "<!DOCTYPE domain><domain><name>x</name></domain>"};
    g_autoptr(Hypervisor) host = contract->open();
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_fails(UNDERPIN_ERROR_INVALID, hypervisor_define(host, texts[i], error));
}

static void a_clone_of_a_stored_definition_can_be_defined_beside_it(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) base = defined_machine(host, "base");
    g_autoptr(DomainFacts) stored = inspect(host, base->uuid);
    g_autoptr(TestMachine) clone = test_machine_new(host, contract->disk_directory, "clone");
    g_autoptr(GPtrArray) disks =
        g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_spec_free);
    g_ptr_array_add(disks, domain_disk_spec_new("vda", clone->disk, "qcow2"));
    const DomainSpec spec = {.uuid = clone->uuid,
                             .name = clone->name,
                             .machine_id = clone->id,
                             .template_xml = stored->xml,
                             .is_clone = TRUE,
                             .disks = disks,
                             .instance_id = "i-1"};
    g_autoptr(GError) failure = NULL;
    g_autofree char *xml = hypervisor_build_xml(host, &spec, &failure);
    assert_null(failure);
    assert_ok(hypervisor_define(host, xml, error));
    g_autoptr(DomainFacts) facts = inspect(host, clone->uuid);
    assert_string_equal(facts->state->machine_id, clone->id);
    assert_string_equal(facts->state->name, clone->name);
    undefine(host, clone);
    undefine(host, base);
}

/* --- whose domain ----------------------------------------------------------------------------- */

static void domains_of_others_are_never_changed(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) other = test_machine_new(host, contract->disk_directory, "other");
    g_autofree char *foreign = build_machine(host, other, NULL);
    assert_ok(hypervisor_define(host, foreign, error));
    const char *uuid = other->uuid;
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_start(host, uuid, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_shutdown(host, uuid, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_poweroff(host, uuid, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_reboot(host, uuid, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_set_reboot_stops(host, uuid, TRUE, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_set_autostart(host, uuid, TRUE, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_undefine(host, uuid, error));
    assert_ok(hypervisor_define(host, other->xml, error)); /* import: now it is ours */
    undefine(host, other);
}

static void import_and_export_change_whose_it_is_and_may_be_repeated(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = test_machine_new(host, contract->disk_directory, "import");
    g_autofree char *foreign = build_machine(host, machine, NULL);
    g_autofree char *disk = g_steal_pointer(&machine->disk);
    machine->disk = g_strdup_printf("%s/elsewhere.qcow2", contract->disk_directory);
    g_autofree char *foreign_elsewhere = build_machine(host, machine, NULL);
    for (int i = 0; i < 2; i++)
        assert_ok(hypervisor_define(host, foreign, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_define(host, foreign_elsewhere, error));
    for (int i = 0; i < 2; i++)
        assert_ok(hypervisor_define(host, machine->xml, error));
    for (int i = 0; i < 2; i++)
        assert_ok(hypervisor_define(host, foreign, error));
    g_autoptr(DomainFacts) facts = inspect(host, machine->uuid);
    assert_null(facts->state->machine_id);
    assert_ok(hypervisor_define(host, machine->xml, error));
    undefine(host, machine);
}

static void a_domain_of_another_machine_of_ours_is_not_taken_over(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "taken");
    g_autofree char *other_id = id_new();
    g_autofree char *xml = build_machine(host, machine, other_id);
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_define(host, xml, error));
    undefine(host, machine);
}

/* --- power ------------------------------------------------------------------------------------ */

static void power_calls_reach_the_state_and_repeating_them_is_success(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "power");
    g_autoptr(EventLog) log = event_log_new(host);
    for (int i = 0; i < 2; i++)
        assert_ok(hypervisor_start(host, machine->uuid, error));
    assert_true(event_log_wait(log, DOMAIN_STARTED, machine->uuid));
    assert_int_equal(power_of(host, machine->uuid), POWER_RUNNING);
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_undefine(host, machine->uuid, error));
    for (int i = 0; i < 2; i++)
        assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    assert_true(event_log_wait(log, DOMAIN_STOPPED, machine->uuid));
    assert_false(event_log_has(log, DOMAIN_STOPPED, machine->uuid));
    assert_int_equal(power_of(host, machine->uuid), POWER_OFF);
    assert_ok(hypervisor_shutdown(host, machine->uuid, error));
    undefine(host, machine);
}

static void a_guest_that_shut_itself_down_is_told_from_one_that_was_cut_off(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "clean-end");
    assert_ok(hypervisor_start(host, machine->uuid, error));
    g_autoptr(DomainFacts) running = inspect(host, machine->uuid);
    assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    g_autoptr(DomainFacts) cut_off = inspect(host, machine->uuid);
    assert_false(running->shut_down || cut_off->shut_down);
    if (contract->guests_obey) {
        assert_ok(hypervisor_start(host, machine->uuid, error));
        assert_ok(hypervisor_shutdown(host, machine->uuid, error));
        g_autoptr(DomainFacts) shut_down = inspect(host, machine->uuid);
        assert_true(shut_down->shut_down);
    }
    undefine(host, machine);
}

static void the_reboot_action_is_of_the_run_not_of_the_definition(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "reboot");
    const char *uuid = machine->uuid;
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_set_reboot_stops(host, uuid, TRUE, error));
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_reboot(host, uuid, error));
    assert_ok(hypervisor_start(host, uuid, error));
    g_autoptr(DomainFacts) before = inspect(host, uuid);
    assert_ok(hypervisor_set_reboot_stops(host, uuid, TRUE, error));
    g_autoptr(DomainFacts) after = inspect(host, uuid);
    assert_string_equal(before->xml, after->xml);
    assert_ok(hypervisor_set_reboot_stops(host, uuid, FALSE, error));
    assert_ok(hypervisor_poweroff(host, uuid, error));
    undefine(host, machine);
}

static void autostart_is_listed(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "autostart");
    static const gboolean wishes[] = {TRUE, TRUE, FALSE};
    for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
        assert_ok(hypervisor_set_autostart(host, machine->uuid, wishes[i], error));
        g_autoptr(GPtrArray) states = hypervisor_list(host, NULL);
        assert_int_equal(find_state(states, machine->uuid)->autostart, wishes[i]);
    }
    undefine(host, machine);
}

/* A person knows machines by their names. */
static void assert_readable(const GError *error, const char *uuid, const char *text)
{
    assert_non_null(error);
    if (strstr(error->message, uuid) || !strstr(error->message, text))
        fail_msg("'%s'", error->message);
    assert_non_null(error_hint(error));
}

static void what_fails_names_no_uuid(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "named");
    g_autofree char *unknown = uuid_new();
    g_autoptr(GError) no_screen = NULL, gone = NULL, no_facts = NULL, no_power = NULL;
    Power power = POWER_OFF;
    assert_null(hypervisor_display(host, machine->uuid, &no_screen));
    assert_readable(no_screen, machine->uuid, machine->name);
    assert_false(hypervisor_start(host, unknown, &gone));
    assert_readable(gone, unknown, "does not know it any more");
    assert_null(hypervisor_inspect(host, unknown, &no_facts));
    assert_readable(no_facts, unknown, "its domain");
    assert_false(hypervisor_power(host, unknown, &power, &no_power));
    assert_readable(no_power, unknown, "its domain");
    undefine(host, machine);
}

static void a_running_machine_has_the_screen_of_its_definition(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "screen");
    const char *uuid = machine->uuid;
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_display(host, uuid, error) != NULL);
    assert_fails(UNDERPIN_ERROR_REFUSED, hypervisor_open_screen(host, uuid, error) >= 0);
    assert_ok(hypervisor_start(host, uuid, error));
    g_autoptr(DomainDisplay) display = hypervisor_display(host, uuid, NULL);
    assert_non_null(display);
    assert_int_equal(display->kind, DISPLAY_VNC);
    assert_int_equal(display->port, 0);
    if (contract->has_screens) {
        int fd = hypervisor_open_screen(host, uuid, NULL);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_ok(hypervisor_poweroff(host, uuid, error));
    undefine(host, machine);
}

/* The machine's definition without its screen, or with another. Caller frees. */
static char *with_graphics(const TestMachine *machine, const char *graphics)
{
    const char *begin = strstr(machine->xml, "<graphics"), *end = strstr(begin, "</graphics>");
    g_autofree char *head = g_strndup(machine->xml, (gsize)(begin - machine->xml));
    return g_strconcat(head, graphics, end + strlen("</graphics>"), NULL);
}

static void a_machine_without_a_screen_is_told_how_to_get_one(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "blind");
    g_autoptr(GError) failure = NULL;
    g_autofree char *xml = with_graphics(machine, "");
    assert_ok(hypervisor_define(host, xml, error));
    assert_ok(hypervisor_start(host, machine->uuid, error));
    assert_int_equal(hypervisor_open_screen(host, machine->uuid, &failure), -1);
    assert_int_equal(error_code(failure), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error_hint(failure), "<listen type='socket'/>"));
    assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    undefine(host, machine);
}

static void machines_without_anything_special_have_no_marks(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = contract->open();
    g_autoptr(TestMachine) machine = defined_machine(host, "marks");
    g_autoptr(GHashTable) marks = hypervisor_marks(host, NULL);
    assert_non_null(marks);
    assert_false(g_hash_table_contains(marks, machine->uuid));
    undefine(host, machine);
}

int hypervisor_contract_run(const HypervisorContract *the_contract)
{
    contract = the_contract;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_answers),
        cmocka_unit_test(a_defined_machine_is_listed_and_inspected_as_ours),
        cmocka_unit_test(what_is_not_there_is_not_found_but_undefining_it_is_success),
        cmocka_unit_test(a_definition_is_what_inspect_says_but_for_the_state),
        cmocka_unit_test(names_are_listed_and_a_name_that_is_free_is_defined_without_a_look),
        cmocka_unit_test(defining_twice_is_one_domain_and_the_second_counts),
        cmocka_unit_test(a_name_that_exists_is_refused),
        cmocka_unit_test(hostile_or_incomplete_xml_is_invalid),
        cmocka_unit_test(a_clone_of_a_stored_definition_can_be_defined_beside_it),
        cmocka_unit_test(domains_of_others_are_never_changed),
        cmocka_unit_test(import_and_export_change_whose_it_is_and_may_be_repeated),
        cmocka_unit_test(a_domain_of_another_machine_of_ours_is_not_taken_over),
        cmocka_unit_test(power_calls_reach_the_state_and_repeating_them_is_success),
        cmocka_unit_test(a_guest_that_shut_itself_down_is_told_from_one_that_was_cut_off),
        cmocka_unit_test(the_reboot_action_is_of_the_run_not_of_the_definition),
        cmocka_unit_test(autostart_is_listed),
        cmocka_unit_test(what_fails_names_no_uuid),
        cmocka_unit_test(a_running_machine_has_the_screen_of_its_definition),
        cmocka_unit_test(a_machine_without_a_screen_is_told_how_to_get_one),
        cmocka_unit_test(machines_without_anything_special_have_no_marks),
    };
    return cmocka_run_group_tests_name(contract->name, tests, NULL, NULL);
}
