/*
 * The contract against real QEMU guests (emulated, without an operating system: they sit in their
 * firmware), and what only a real host has: saved memory, snapshots, chains, hooks, a libvirtd that
 * goes away.
 *
 * To be run inside tests/lab/private-libvirt; elsewhere it is skipped, so that no real host is ever
 * touched.
 */
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "contract/hypervisor/hypervisor_contract.h"
#include "foundation/error.h"
#include "foundation/process.h"
#include "hypervisor/libvirt/domain_session.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"

#define SKIPPED   77
#define IMAGES    "/var/lib/libvirt/images"
#define STORE     IMAGES "/store"
#define HOOKS     "/etc/libvirt/hooks/qemu.d"
#define HOOK      HOOKS "/underpin"
#define LAB_STATE "/run/underpin-lab"
#define STAMP_1   "0000000000000001"
#define STAMP_2   "0000000000000002"
#define STAMP_3   "0000000000000003"

/* --- helpers ---------------------------------------------------------------------------------- */

static Hypervisor *open_host(void)
{
    g_autoptr(GError) error = NULL;
    Hypervisor *host = libvirt_hypervisor_new("qemu:///system", &error);
    if (host == NULL)
        fail_msg("%s", error->message);
    return host;
}

static void run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    if (!process_run(argv, NULL, NULL, &error))
        fail_msg("%s", error->message);
}
#define RUN(...)   run((const char *const[]){__VA_ARGS__, NULL})
#define VIRSH(...) RUN("virsh", "-q", "-c", "qemu:///system", __VA_ARGS__)

static void make_disk(const char *path)
{
    RUN("qemu-img", "create", "-q", "-f", "qcow2", path, "1M");
}

static void control_libvirtd(const char *what)
{
    g_autofree char *program = g_build_filename(g_getenv("UNDERPIN_LAB"), "libvirtd-control", NULL);
    RUN(program, what);
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        g_autoptr(GError) error_ = NULL;                                                           \
        GError **error = &error_;                                                                  \
        if (!(call))                                                                               \
            fail_msg("%s", error_->message);                                                       \
    } while (0)

/* Takes the error of a call that must have failed so; returns message and hint. */
static char *take_failure(GError *error, UnderpinErrorCode code)
{
    assert_non_null(error);
    if (error_code(error) != code)
        fail_msg("%s: %s", error_code_name(error_code(error)), error->message);
    char *text = g_strdup_printf("%s (%s)", error->message, error_hint(error));
    g_error_free(error);
    return text;
}

/* An expression: the text of the failure that `call`, which uses `error`, must end in. */
#define FAILURE(code, call)                                                                        \
    ({                                                                                             \
        GError *failure_ = NULL;                                                                   \
        GError **error = &failure_;                                                                \
        assert_false(call);                                                                        \
        take_failure(failure_, code);                                                              \
    })

static void assert_says(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("'%s' does not say '%s'", text, what);
}

static TestMachine *defined(Hypervisor *host, const char *name)
{
    TestMachine *machine = test_machine_new(host, IMAGES, name);
    make_disk(machine->disk);
    assert_ok(hypervisor_define(host, machine->xml, error));
    return machine;
}

static TestMachine *started(Hypervisor *host, const char *name)
{
    TestMachine *machine = defined(host, name);
    assert_ok(hypervisor_start(host, machine->uuid, error));
    return machine;
}

static void end(Hypervisor *host, const TestMachine *machine)
{
    assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    assert_ok(hypervisor_undefine(host, machine->uuid, error));
    g_unlink(machine->disk);
}

static DomainFacts *inspect(Hypervisor *host, const TestMachine *machine)
{
    g_autoptr(GError) error = NULL;
    DomainFacts *facts = hypervisor_inspect(host, machine->uuid, &error);
    if (facts == NULL)
        fail_msg("%s", error->message);
    return facts;
}

static guint marks_of(Hypervisor *host, const TestMachine *machine)
{
    g_autoptr(GHashTable) marks = hypervisor_marks(host, NULL);
    assert_non_null(marks);
    return GPOINTER_TO_UINT(g_hash_table_lookup(marks, machine->uuid));
}

static void install_hook(const char *script)
{
    assert_int_equal(g_mkdir_with_parents(HOOKS, 0755), 0);
    assert_true(
        g_file_set_contents_full(HOOK, script, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0755, NULL));
    assert_int_equal(chmod(HOOK, 0755), 0);
}

/* --- paused ----------------------------------------------------------------------------------- */

static Power power_now(Hypervisor *host, const TestMachine *machine)
{
    Power power = POWER_UNKNOWN;
    assert_true(hypervisor_power(host, machine->uuid, &power, NULL));
    return power;
}

static void a_paused_machine_goes_on_by_a_start(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(EventLog) log = event_log_new(host);
    g_autoptr(TestMachine) machine = started(host, "paused");
    VIRSH("suspend", machine->name);
    assert_true(event_log_wait(log, DOMAIN_HALTED, machine->uuid));
    assert_int_equal(power_now(host, machine), POWER_PAUSED);
    g_free(FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_shutdown(host, machine->uuid, error)));
    assert_ok(hypervisor_start(host, machine->uuid, error));
    assert_true(event_log_wait(log, DOMAIN_RESUMED, machine->uuid));
    assert_int_equal(power_now(host, machine), POWER_RUNNING);
    end(host, machine);
}

/* --- saved memory ----------------------------------------------------------------------------- */

static void managed_save_is_seen_and_never_dropped_silently(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(EventLog) log = event_log_new(host);
    g_autoptr(TestMachine) machine = started(host, "managed-save");
    VIRSH("managedsave", machine->name);
    assert_true(event_log_wait(log, DOMAIN_SAVED, machine->uuid));
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    assert_int_equal(facts->state->power, POWER_SAVED);
    assert_true(facts->managed_save);
    assert_false(facts->saved_to_file);
    assert_int_equal(marks_of(host, machine), DOMAIN_HAS_MANAGED_SAVE);
    g_autofree char *text =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_undefine(host, machine->uuid, error));
    assert_says(text, "virsh managedsave-remove");
    VIRSH("managedsave-remove", machine->name);
    end(host, machine);
}

/* Memory that is saved carries the stamp, and so does what the hook is asked with. */
static void a_session_is_stamped_where_its_memory_carries_it(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = defined(host, "stamp");
    g_autofree char *off = FAILURE(UNDERPIN_ERROR_REFUSED,
                                   hypervisor_stamp(host, machine->uuid, NULL, STAMP_1, error));
    assert_says(off, "neither runs");
    assert_ok(hypervisor_start(host, machine->uuid, error));
    assert_ok(hypervisor_stamp(host, machine->uuid, NULL, STAMP_1, error));
    assert_ok(hypervisor_stamp(host, machine->uuid, STAMP_1, STAMP_2, error));
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    assert_null(strstr(facts->xml, STAMP_2));
    assert_string_equal(facts->state->machine_id, machine->id);
    VIRSH("managedsave", machine->name);
    g_autofree char *other = FAILURE(
        UNDERPIN_ERROR_REFUSED, hypervisor_stamp(host, machine->uuid, STAMP_1, STAMP_3, error));
    assert_says(other, "earlier session");
    assert_ok(hypervisor_stamp(host, machine->uuid, STAMP_2, STAMP_3, error));
    install_hook("#!/bin/sh\n[ \"$2\" != restore ] || cat >" IMAGES "/restored\n");
    control_libvirtd("restart");
    VIRSH("start", machine->name);
    g_autofree char *asked = NULL;
    assert_true(g_file_get_contents(IMAGES "/restored", &asked, NULL, NULL));
    assert_says(asked, "<underpin:session xmlns:underpin=\"" DOMAIN_SESSION_NAMESPACE
                       "\" stamp=\"" STAMP_3 "\"/>");
    g_unlink(HOOK);
    g_unlink(IMAGES "/restored");
    g_autoptr(Hypervisor) reopened = open_host();
    end(reopened, machine);
}

static void memory_saved_to_a_file_is_seen_by_the_reason_of_the_stop(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "save");
    VIRSH("save", machine->name, IMAGES "/saved");
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    g_autoptr(GPtrArray) states = hypervisor_list(host, NULL);
    Power power = POWER_OFF;
    assert_int_equal(facts->state->power, POWER_SAVED);
    assert_true(facts->saved_to_file);
    assert_false(facts->managed_save);
    assert_ok(hypervisor_power(host, machine->uuid, &power, error));
    assert_int_equal(power, POWER_SAVED);
    for (guint i = 0; i < states->len; i++) {
        const DomainState *listed = states->pdata[i];
        if (strcmp(listed->uuid, machine->uuid) == 0)
            assert_int_equal(listed->power, POWER_SAVED);
    }
    g_unlink(IMAGES "/saved");
    end(host, machine);
}

/* --- snapshots, chains, checkpoints, jobs ----------------------------------------------------- */

static void a_disk_only_snapshot_is_a_snapshot_and_a_stored_chain(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "snapshot");
    VIRSH("snapshot-create-as", machine->name, "before-update", "--disk-only");
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    const DomainDisk *disk = facts->disks->pdata[0];
    assert_int_equal(facts->snapshots, 1);
    assert_string_equal(facts->first_snapshot, "before-update");
    assert_true(disk->stored_chain);
    assert_string_not_equal(disk->path, machine->disk);
    assert_int_equal(marks_of(host, machine), DOMAIN_HAS_SNAPSHOT);
    assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    g_autofree char *text =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_undefine(host, machine->uuid, error));
    assert_says(text, "has snapshots");

    /* redefining strips the chain */
    g_autoptr(GPtrArray) disks =
        g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_spec_free);
    g_ptr_array_add(disks, domain_disk_spec_new("vda", machine->disk, "qcow2"));
    const DomainSpec spec = {.uuid = machine->uuid,
                             .name = machine->name,
                             .machine_id = machine->id,
                             .template_xml = facts->xml,
                             .disks = disks};
    g_autofree char *xml = hypervisor_build_xml(host, &spec, NULL);
    assert_ok(hypervisor_define(host, xml, error));
    g_autoptr(DomainFacts) repaired = inspect(host, machine);
    assert_false(((DomainDisk *)repaired->disks->pdata[0])->stored_chain);
    VIRSH("snapshot-delete", machine->name, "before-update", "--metadata");
    end(host, machine);
}

static void a_checkpoint_is_counted_and_its_metadata_goes_with_the_definition(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "checkpoint");
    VIRSH("checkpoint-create-as", machine->name, "backup-1");
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    assert_int_equal(facts->checkpoints, 1);
    assert_int_equal(facts->snapshots, 0);
    assert_int_equal(marks_of(host, machine), DOMAIN_HAS_CHECKPOINT);
    end(host, machine);
}

static void a_block_job_is_seen(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "job");
    /* a mirror that is in step stays, as a job, until somebody ends it */
    VIRSH("blockcopy", machine->name, "vda", IMAGES "/mirror.qcow2", "--transient-job", "--wait");
    g_autoptr(DomainFacts) facts = inspect(host, machine);
    assert_true(facts->block_job);
    VIRSH("blockjob", machine->name, "vda", "--abort");
    g_autoptr(DomainFacts) after = inspect(host, machine);
    assert_false(after->block_job);
    g_unlink(IMAGES "/mirror.qcow2");
    end(host, machine);
}

/* --- reboots ---------------------------------------------------------------------------------- */

/* QEMU may be gone before it has answered, which virsh takes for a failure. */
static void reset(const TestMachine *machine)
{
    const char *const argv[] = {"virsh", "-q",          "-c", "qemu:///system",
                                "reset", machine->name, NULL};
    process_run(argv, NULL, NULL, NULL);
}

static void a_reset_of_a_machine_whose_reboots_stop_is_told_from_a_stop(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(EventLog) log = event_log_new(host);
    g_autoptr(TestMachine) machine = started(host, "reset");
    assert_ok(hypervisor_set_reboot_stops(host, machine->uuid, TRUE, error));
    reset(machine);
    assert_true(event_log_wait(log, DOMAIN_REBOOT_STOPPED, machine->uuid));
    assert_true(event_log_wait(log, DOMAIN_STOPPED, machine->uuid));
    assert_ok(hypervisor_start(host, machine->uuid, error));
    assert_true(event_log_wait(log, DOMAIN_STARTED, machine->uuid));
    assert_ok(hypervisor_poweroff(host, machine->uuid, error));
    assert_false(event_log_has(log, DOMAIN_REBOOT_STOPPED, machine->uuid));
    assert_true(event_log_wait(log, DOMAIN_STOPPED, machine->uuid));
    assert_false(event_log_has(log, DOMAIN_REBOOT_STOPPED, machine->uuid));
    end(host, machine);
}

static void taken_back_a_reboot_is_a_reboot_again(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "again");
    Power power = POWER_OFF;
    assert_ok(hypervisor_set_reboot_stops(host, machine->uuid, TRUE, error));
    assert_ok(hypervisor_set_reboot_stops(host, machine->uuid, FALSE, error));
    reset(machine);
    assert_ok(hypervisor_power(host, machine->uuid, &power, error));
    assert_int_equal(power, POWER_RUNNING);
    end(host, machine);
}

/* --- hooks ------------------------------------------------------------------------------------ */

/* Answers the probe as the real hook does, and refuses everything whose name has "refused". */
static const char hook_script[] =
    "#!/bin/bash\n"
    "[ \"$2\" = prepare ] || exit 0\n"
    "nonce=$(sed -n 's|.*machines/probe/now/\\([0-9a-f]*\\)\\.raw.*|\\1|p')\n"
    "[ -z \"$nonce\" ] || { echo \"underpin: hook in force $nonce\" >&2; exit 1; }\n"
    "case $1 in refused*) printf 'noise\\nunderpin: being moved, try again' >&2; exit 1;; esac\n"
    "exit 0\n";

static void the_probe_knows_whether_the_hook_is_in_force(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autofree char *absent =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_probe_hook(host, STORE, error));
    assert_says(absent, "not in force");
    assert_says(absent, "reload");

    install_hook(hook_script);
    /* installed is not in force: libvirtd has not looked */
    g_autofree char *unread =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_probe_hook(host, STORE, error));
    control_libvirtd("restart");
    g_autoptr(Hypervisor) reopened = open_host();
    assert_ok(hypervisor_probe_hook(reopened, STORE, error));

    install_hook("#!/bin/bash\necho 'somebody else says no' >&2; exit 1\n");
    g_autofree char *other =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_probe_hook(reopened, STORE, error));
    assert_says(other, "somebody else says no");
    g_unlink(HOOK);
    g_autofree char *gone =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_probe_hook(reopened, STORE, error));
    g_autoptr(GPtrArray) states = hypervisor_list(reopened, NULL);
    for (guint i = 0; i < states->len; i++)
        assert_null(strstr(((DomainState *)states->pdata[i])->name, "probe"));
}

static const char *built_hook; /* of the command line; constant */

static const char store_ini[] = "[store]\nuuid=s\nhook-socket=/run/underpin/hook.sock\n"
                                "claims=/run/underpin/claims\n";

static void the_hook_that_we_ship_answers_the_probe(void **state)
{
    (void)state;
    assert_int_equal(g_mkdir_with_parents(STORE, 0711), 0);
    assert_true(g_file_set_contents(STORE "/store.ini", store_ini, -1, NULL));
    assert_int_equal(chmod(STORE "/store.ini", 0600), 0);
    assert_int_equal(g_mkdir_with_parents(HOOKS, 0755), 0);
    RUN("install", "-m", "0755", built_hook, HOOK);
    control_libvirtd("restart");
    g_autoptr(Hypervisor) host = open_host();
    assert_ok(hypervisor_probe_hook(host, STORE, error));
    g_autofree char *elsewhere =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_probe_hook(host, IMAGES "/no-store", error));
    assert_says(elsewhere, "not in force");
    g_unlink(HOOK);
}

static void a_refusing_hook_is_heard_in_its_own_last_line(void **state)
{
    (void)state;
    install_hook(hook_script);
    control_libvirtd("restart");
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = defined(host, "refused");
    g_autofree char *text =
        FAILURE(UNDERPIN_ERROR_REFUSED, hypervisor_start(host, machine->uuid, error));
    assert_says(text, ": underpin: being moved, try again (");
    assert_null(strstr(text, "noise"));
    assert_null(strstr(text, "Child process"));
    g_unlink(HOOK);
    end(host, machine);
}

static void a_missing_disk_is_named(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = defined(host, "missing");
    g_unlink(machine->disk);
    g_autofree char *text =
        FAILURE(UNDERPIN_ERROR_BACKEND, hypervisor_start(host, machine->uuid, error));
    assert_says(text, machine->disk);
    end(host, machine);
}

/* --- a libvirtd that goes away ---------------------------------------------------------------- */

/*
 * A new libvirtd calls a guest running before it has found its QEMU again. A destroy in between
 * kills it under the one that looks, says "domain is not running", and sends no event. Whatever
 * asks QEMU waits for the end of that.
 */
static void await_reconnected(const TestMachine *machine)
{
    VIRSH("domblkstat", machine->name, "vda");
}

static void a_lost_libvirtd_is_noticed_and_found_again_with_its_events(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "restart");
    g_autoptr(EventLog) log = event_log_new(host);
    Power power = POWER_OFF;
    control_libvirtd("kill");
    assert_true(event_log_wait(log, HYPERVISOR_LOST, NULL));
    g_autofree char *text =
        FAILURE(UNDERPIN_ERROR_UNAVAILABLE, hypervisor_power(host, machine->uuid, &power, error));
    assert_says(text, "start libvirtd");
    control_libvirtd("start");
    assert_true(event_log_wait(log, HYPERVISOR_FOUND, NULL));
    assert_ok(hypervisor_power(host, machine->uuid, &power, error));
    assert_int_equal(power, POWER_RUNNING);
    await_reconnected(machine);
    VIRSH("destroy", machine->name);
    assert_true(event_log_wait(log, DOMAIN_STOPPED, machine->uuid));
    end(host, machine);
}

static void an_adapter_may_be_made_while_libvirtd_is_away(void **state)
{
    (void)state;
    control_libvirtd("stop");
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(EventLog) log = event_log_new(host);
    g_autofree char *text = FAILURE(UNDERPIN_ERROR_UNAVAILABLE, hypervisor_ping(host, error));
    control_libvirtd("start");
    assert_true(event_log_wait(log, HYPERVISOR_FOUND, NULL));
    assert_ok(hypervisor_ping(host, error));
}

static gpointer ask_often(gpointer user_data)
{
    guint failures = 0;
    for (int i = 0; i < 20; i++) {
        g_autoptr(GPtrArray) states = hypervisor_list(user_data, NULL);
        failures += states == NULL;
    }
    return GUINT_TO_POINTER(failures);
}

static void many_threads_may_ask_at_once(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = defined(host, "threads");
    GThread *threads[16];
    guint failures = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("asking", ask_often, host);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        failures += GPOINTER_TO_UINT(g_thread_join(threads[i]));
    assert_int_equal(failures, 0);
    end(host, machine);
}

/* --- screens ------------------------------------------------------------------------------------
 */

static void a_screen_is_a_vnc_server_that_no_port_leads_to(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "vnc");
    g_autoptr(DomainDisplay) display = hypervisor_display(host, machine->uuid, NULL);
    assert_non_null(display);
    assert_non_null(display->socket);
    assert_int_equal(display->port, 0);
    for (int i = 0; i < 2; i++) {
        char greeting[12] = "";
        int fd = hypervisor_open_screen(host, machine->uuid, NULL);
        assert_true(fd >= 0);
        assert_int_equal(recv(fd, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
        assert_memory_equal(greeting, "RFB 003.", 8);
        close(fd);
    }
    end(host, machine);
}

static void an_open_screen_ends_with_its_machine(void **state)
{
    (void)state;
    g_autoptr(Hypervisor) host = open_host();
    g_autoptr(TestMachine) machine = started(host, "vnc-end");
    char byte;
    int fd = hypervisor_open_screen(host, machine->uuid, NULL);
    assert_true(fd >= 0);
    end(host, machine);
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
    close(fd);
}

int main(int argc, char **argv)
{
    if (g_getenv("UNDERPIN_LAB") == NULL || !g_file_test(LAB_STATE, G_FILE_TEST_IS_DIR)) {
        g_printerr("skipped: not inside private-libvirt\n");
        return SKIPPED;
    }
    if (argc != 2) {
        g_printerr("usage: %s HOOK\n", argv[0]);
        return 2;
    }
    built_hook = argv[1];
    const HypervisorContract contract = {.name = "libvirt with QEMU",
                                         .open = open_host,
                                         .make_disk = make_disk,
                                         .disk_directory = IMAGES,
                                         .has_screens = TRUE};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_screen_is_a_vnc_server_that_no_port_leads_to),
        cmocka_unit_test(an_open_screen_ends_with_its_machine),
        cmocka_unit_test(a_paused_machine_goes_on_by_a_start),
        cmocka_unit_test(managed_save_is_seen_and_never_dropped_silently),
        cmocka_unit_test(memory_saved_to_a_file_is_seen_by_the_reason_of_the_stop),
        cmocka_unit_test(a_disk_only_snapshot_is_a_snapshot_and_a_stored_chain),
        cmocka_unit_test(a_checkpoint_is_counted_and_its_metadata_goes_with_the_definition),
        cmocka_unit_test(a_block_job_is_seen),
        cmocka_unit_test(a_reset_of_a_machine_whose_reboots_stop_is_told_from_a_stop),
        cmocka_unit_test(taken_back_a_reboot_is_a_reboot_again),
        cmocka_unit_test(the_probe_knows_whether_the_hook_is_in_force),
        cmocka_unit_test(the_hook_that_we_ship_answers_the_probe),
        cmocka_unit_test(a_refusing_hook_is_heard_in_its_own_last_line),
        cmocka_unit_test(a_session_is_stamped_where_its_memory_carries_it),
        cmocka_unit_test(a_missing_disk_is_named),
        cmocka_unit_test(a_lost_libvirtd_is_noticed_and_found_again_with_its_events),
        cmocka_unit_test(an_adapter_may_be_made_while_libvirtd_is_away),
        cmocka_unit_test(many_threads_may_ask_at_once),
    };
    int failures = hypervisor_contract_run(&contract);
    return failures + cmocka_run_group_tests(tests, NULL, NULL);
}
