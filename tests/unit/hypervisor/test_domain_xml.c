/*
 * Definitions built from templates, compared with golden files: set UNDERPIN_REGENERATE_GOLDEN=1 to
 * write them anew, and review the difference like code. Random addresses and ids are replaced by
 * constants before comparing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_building.h"
#include "hypervisor/libvirt/domain_reading.h"

#define CLONE_UUID "22222222-2222-4222-8222-222222222222"
#define CLONE_ID   "bbbbbbbbbbbbbbbb"
#define CLONE_NOW  "/store/machines/" CLONE_ID "/now/"

static const DomainHost host = {"kvm", "host-model", "default"};

/* --- helpers ---------------------------------------------------------------------------------- */

static char *data_file(const char *directory, const char *name)
{
    return g_build_filename(g_getenv("UNDERPIN_TEST_DATA"), directory, name, NULL);
}

static char *read_template(const char *name)
{
    g_autofree char *path = data_file("templates", name);
    char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static GPtrArray *disks(const char *const *targets)
{
    GPtrArray *array = g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_spec_free);
    for (; *targets != NULL; targets++) {
        g_autofree char *path = g_strdup_printf(CLONE_NOW "%s.qcow2", *targets);
        g_ptr_array_add(array, domain_disk_spec_new(*targets, path, "qcow2"));
    }
    return array;
}

static DomainSpec clone_spec(const char *template_xml, GPtrArray *volumes)
{
    return (DomainSpec){.uuid = CLONE_UUID,
                        .name = "lab-1",
                        .machine_id = CLONE_ID,
                        .template_xml = template_xml,
                        .is_clone = TRUE,
                        .disks = volumes,
                        .nvram_path = CLONE_NOW "nvram.fd",
                        .instance_id = "i-0001"};
}

static char *build(const DomainSpec *spec)
{
    g_autoptr(GError) error = NULL;
    char *xml = domain_build(spec, &host, &error);
    if (xml == NULL)
        fail_msg("%s", error->message);
    return xml;
}

static void assert_build_fails(const DomainSpec *spec, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = domain_build(spec, &host, &error);
    assert_null(xml);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    if (strstr(error->message, why) == NULL)
        fail_msg("'%s' does not say '%s'", error->message, why);
}

static char *replace_pattern(const char *text, const char *pattern, const char *constant)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
    return g_regex_replace_literal(regex, text, -1, 0, constant, 0, NULL);
}

static char *without_random(const char *xml)
{
    g_autofree char *addresses = replace_pattern(xml, "52:54:00:[0-9a-f:]{8}", "52:54:00:RA:ND:OM");
    return replace_pattern(addresses, "(?<=<genid>)[^<]*", "RANDOM");
}

static void assert_golden(const char *xml, const char *name)
{
    g_autofree char *path = data_file("golden", name);
    g_autofree char *constant = without_random(xml);
    g_autofree char *expected = NULL;
    if (g_getenv("UNDERPIN_REGENERATE_GOLDEN") != NULL)
        assert_true(g_file_set_contents(path, constant, -1, NULL));
    assert_true(g_file_get_contents(path, &expected, NULL, NULL));
    assert_string_equal(constant, expected);
}

/* --- clones ----------------------------------------------------------------------------------- */

static void a_clone_has_its_own_identity_and_nothing_that_clashes(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vdb", "vdd", NULL});
    const DomainSpec spec = clone_spec(template, volumes);
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "desktop-clone.xml");
    assert_null(strstr(xml, "11111111-2222"));
    assert_null(strstr(xml, "52:54:00:11:22:33"));
    assert_null(strstr(xml, "52:54:00:44:55:66"));
    assert_null(strstr(xml, "backingStore"));
    assert_null(strstr(xml, "0a0a0a0a-0b0b"));
}

static void what_nobody_here_knows_survives_to_the_letter(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "<libosinfo:os id=\"http://debian.org/debian/12\"/>",
        "xml:space=\"preserve\">  keep   my\n    spaces </other:note>",
        "<future-feature level=\"11\"/>",
        "<future-child/>",
        "<qemu:arg value=\"name=opt/org.example,string=a&amp;b\"/>",
        "xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\"",
        "<label>libvirt-custom</label>",
        "<source file=\"/isos/tools.iso\" startupPolicy=\"optional\"/>",
        "<title>Desktop &amp; friends</title>",
    };
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vdb", "vdc", NULL});
    const DomainSpec spec = clone_spec(template, volumes);
    g_autofree char *clone = build(&spec);
    const DomainSpec second = clone_spec(clone, volumes);
    g_autofree char *clone_of_clone = build(&second);
    for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
        if (strstr(clone, unknown[i]) == NULL || strstr(clone_of_clone, unknown[i]) == NULL)
            fail_msg("lost: %s", unknown[i]);
    }
}

static void two_clones_share_no_address(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    const DomainSpec spec = clone_spec(template, volumes);
    g_autofree char *one = build(&spec);
    g_autofree char *other = build(&spec);
    assert_string_not_equal(one, other);
    g_autofree char *one_constant = without_random(one);
    g_autofree char *other_constant = without_random(other);
    assert_string_equal(one_constant, other_constant);
}

static void a_serial_number_that_a_person_chose_stays(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autofree char *chosen = replace_pattern(template, "ds=nocloud;i=old;h=golden", "INVENTORY-7");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    const DomainSpec spec = clone_spec(chosen, volumes);
    g_autofree char *xml = build(&spec);
    assert_non_null(strstr(xml, ">INVENTORY-7<"));
    assert_null(strstr(xml, "ds=nocloud"));
}

static void sleep_to_disk_stays_on_where_the_template_says_so(void **state)
{
    (void)state;
    g_autofree char *template = read_template("running.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    spec.nvram_path = NULL;
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "running-clone.xml");
    assert_non_null(strstr(xml, "<suspend-to-disk enabled=\"yes\"/>"));
}

static void a_clone_without_nvram_path_lets_libvirt_name_the_file(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    spec.nvram_path = NULL;
    g_autofree char *xml = build(&spec);
    assert_null(strstr(xml, "golden_VARS"));
    assert_non_null(strstr(xml, "OVMF_VARS_4M.ms.fd"));
}

static void an_nvdimm_file_cannot_be_shared_by_clones(void **state)
{
    (void)state;
    g_autofree char *template = read_template("running.xml");
    g_autofree char *with_memory = replace_pattern(
        template, "</devices>",
        "<memory model='nvdimm'><source><path>/srv/nv.img</path></source></memory></devices>");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    const DomainSpec spec = clone_spec(with_memory, volumes);
    assert_build_fails(&spec, "/srv/nv.img");
}

/* --- the machine's own definition ------------------------------------------------------------- */

static void redefining_changes_volumes_and_mark_alone(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vdb", "vdc", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    spec.uuid = "11111111-2222-4333-8444-555555555555";
    spec.name = "golden";
    spec.is_clone = FALSE;
    spec.instance_id = NULL;
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "desktop-import.xml");
    g_autofree char *twice = NULL;
    spec.template_xml = xml;
    twice = build(&spec);
    assert_string_equal(xml, twice);
}

static void a_dump_of_a_running_machine_loses_what_belongs_to_the_run(void **state)
{
    (void)state;
    g_autofree char *template = read_template("running.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    spec.is_clone = FALSE;
    spec.nvram_path = NULL;
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "running-redefined.xml");
    assert_null(strstr(xml, "vdz"));              /* it lay in the machine's directory */
    assert_non_null(strstr(xml, "/srv/own.img")); /* its owner's */
    assert_non_null(strstr(xml, "ua-lan"));
}

static void the_mark_can_be_taken_away_again(void **state)
{
    (void)state;
    g_autofree char *template = read_template("running.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    spec.is_clone = FALSE;
    spec.nvram_path = NULL;
    spec.instance_id = NULL;
    g_autofree char *marked = build(&spec);
    spec.template_xml = marked;
    spec.machine_id = NULL;
    g_autofree char *unmarked = build(&spec);
    assert_non_null(strstr(marked, DOMAIN_METADATA_NAMESPACE));
    assert_null(strstr(unmarked, "metadata"));
}

/* --- new hardware and from scratch ------------------------------------------------------------ */

static void new_hardware_leaves_disks_addresses_and_name(void **state)
{
    (void)state;
    g_autofree char *own = read_template("running.xml");
    g_autofree char *hardware = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vdb", NULL});
    DomainSpec spec = clone_spec(own, volumes);
    spec.is_clone = FALSE;
    spec.nvram_path = NULL;
    spec.hardware_xml = hardware;
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "new-hardware.xml");
    assert_non_null(strstr(xml, "52:54:00:aa:bb:cc"));
    assert_null(strstr(xml, "52:54:00:11:22:33"));
    assert_non_null(strstr(xml, "/isos/mine.iso"));
    assert_non_null(strstr(xml, "/srv/own.img"));
    assert_null(strstr(xml, "golden"));
}

static void a_machine_from_scratch_is_a_modern_pc(void **state)
{
    (void)state;
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vdb", NULL});
    DomainSpec spec = clone_spec(NULL, volumes);
    spec.is_clone = FALSE;
    spec.nvram_path = NULL;
    spec.memory_mib = 512;
    spec.cpus = 3;
    g_autofree char *xml = build(&spec);
    assert_golden(xml, "scratch.xml");
}

/* --- what cannot be built --------------------------------------------------------------------- */

static void specs_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(GPtrArray) volumes = disks((const char *[]){"vda", "vda", NULL});
    g_autoptr(GPtrArray) bad_target = disks((const char *[]){"vd/../a", NULL});
    g_autoptr(GPtrArray) on_cdrom = disks((const char *[]){"sda", NULL});
    g_autoptr(GPtrArray) good = disks((const char *[]){"vda", NULL});
    DomainSpec spec = clone_spec(template, volumes);
    assert_build_fails(&spec, "two volumes");
    spec.disks = bad_target;
    assert_build_fails(&spec, "no target");
    spec.disks = on_cdrom;
    assert_build_fails(&spec, "taken by a cdrom");
    spec.disks = good;
    spec.uuid = "not-a-uuid";
    assert_build_fails(&spec, "no UUID");
    spec.uuid = CLONE_UUID;
    spec.name = "../x";
    assert_build_fails(&spec, "../x");
    spec.name = "lab-1";
    spec.template_xml = "<network/>";
    assert_build_fails(&spec, "lab-1");
}

/* --- reading ---------------------------------------------------------------------------------- */

static char *resolve(const char *pool, const char *volume, gpointer user_data)
{
    return g_strdup_printf("%s/%s/%s", (const char *)user_data, pool, volume);
}

static const DomainDisk *disk_at(const DomainFacts *facts, const char *target)
{
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = facts->disks->pdata[i];
        if (strcmp(disk->target, target) == 0)
            return disk;
    }
    fail_msg("no disk '%s'", target);
    return NULL;
}

static void facts_are_read_from_the_definition(void **state)
{
    (void)state;
    g_autofree char *template = read_template("desktop.xml");
    g_autoptr(DomainFacts) facts = domain_read(template, resolve, (gpointer) "/pools", NULL);
    assert_string_equal(facts->state->name, "golden");
    assert_string_equal(facts->state->machine_id, "aaaaaaaaaaaaaaaa");
    assert_string_equal(facts->nvram_path, "/var/lib/libvirt/qemu/nvram/golden_VARS.fd");
    assert_true(facts->has_tpm_state);
    assert_false(facts->has_shared_memory_dirs);
    assert_false(facts->poweroff_restarts);
    assert_int_equal(facts->disks->len, 5);
    const DomainDisk *system = disk_at(facts, "vda");
    assert_string_equal(system->path, "/var/lib/libvirt/images/golden.img");
    assert_string_equal(system->format, "raw");
    assert_true(system->stored_chain);
    assert_int_equal(system->boot_order, 1);
    assert_string_equal(disk_at(facts, "vdb")->type, "volume");
    assert_string_equal(disk_at(facts, "vdb")->path, "/pools/default/data.qcow2");
    assert_string_equal(disk_at(facts, "vdc")->path, "/dev/vg/scratch");
    assert_string_equal(disk_at(facts, "sda")->device, "cdrom");
    assert_true(disk_at(facts, "sda")->readonly);
    assert_null(disk_at(facts, "fda")->path);
}

static void every_reason_against_an_import_is_seen(void **state)
{
    (void)state;
    g_autofree char *template = read_template("running.xml");
    g_autoptr(DomainFacts) facts = domain_read(template, NULL, NULL, NULL);
    assert_true(facts->poweroff_restarts);
    assert_true(facts->has_shared_memory_dirs);
    assert_null(facts->state->machine_id);
    g_autofree char *odd = replace_pattern(
        template, "<target dev='vdz' bus='virtio'/>",
        "<target dev='vdz'/><shareable/><transient/><encryption format='luks'/><backingStore/>");
    g_autoptr(DomainFacts) odd_facts = domain_read(odd, NULL, NULL, NULL);
    const DomainDisk *disk = disk_at(odd_facts, "vdz");
    assert_true(disk->shareable && disk->transient && disk->encrypted && disk->stored_chain);
    disk = disk_at(odd_facts, "vdy");
    assert_false(disk->shareable || disk->transient || disk->encrypted || disk->stored_chain);
}

static void only_a_sound_mark_of_our_namespace_makes_a_domain_ours(void **state)
{
    (void)state;
    static const struct {
        const char *element, *id;
    } rows[] = {
        {"<underpin:machine xmlns:underpin='https://underpin.org/domain/1' id='0123456789abcdef'/>",
         "0123456789abcdef"},
        {"<machine xmlns='https://underpin.org/domain/1' id='0123456789abcdef'/>",
         "0123456789abcdef"},
        {"<underpin:machine xmlns:underpin='urn:other' id='0123456789abcdef'/>", NULL},
        {"<underpin:machine xmlns:underpin='https://underpin.org/domain/1' id='../../etc'/>", NULL},
        {"<underpin:machine xmlns:underpin='https://underpin.org/domain/1'/>", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *xml = g_strdup_printf(
            "<domain><name>a</name><metadata>%s</metadata></domain>", rows[i].element);
        g_autoptr(DomainFacts) facts = domain_read(xml, NULL, NULL, NULL);
        if (g_strcmp0(facts->state->machine_id, rows[i].id) != 0)
            fail_msg("row %zu: '%s'", i, facts->state->machine_id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_has_its_own_identity_and_nothing_that_clashes),
        cmocka_unit_test(what_nobody_here_knows_survives_to_the_letter),
        cmocka_unit_test(two_clones_share_no_address),
        cmocka_unit_test(a_serial_number_that_a_person_chose_stays),
        cmocka_unit_test(sleep_to_disk_stays_on_where_the_template_says_so),
        cmocka_unit_test(a_clone_without_nvram_path_lets_libvirt_name_the_file),
        cmocka_unit_test(an_nvdimm_file_cannot_be_shared_by_clones),
        cmocka_unit_test(redefining_changes_volumes_and_mark_alone),
        cmocka_unit_test(a_dump_of_a_running_machine_loses_what_belongs_to_the_run),
        cmocka_unit_test(the_mark_can_be_taken_away_again),
        cmocka_unit_test(new_hardware_leaves_disks_addresses_and_name),
        cmocka_unit_test(a_machine_from_scratch_is_a_modern_pc),
        cmocka_unit_test(specs_that_make_no_sense_are_refused),
        cmocka_unit_test(facts_are_read_from_the_definition),
        cmocka_unit_test(every_reason_against_an_import_is_seen),
        cmocka_unit_test(only_a_sound_mark_of_our_namespace_makes_a_domain_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
