/* Staging, switching, putting aside: what happens to a machine's heads. Real images, checked by
 * qemu-img. */
#include "prelude.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "storage/directory/store.h"

static Scratch *scratch;
static Site *site;

static int make_site(void **state)
{
    (void)state;
    site = site_new(scratch, "site");
    return 0;
}

static int drop_site(void **state)
{
    (void)state;
    fault_point_disarm();
    site_free(site);
    return 0;
}

/* A base and a clone of it, whose guest has written to all three volumes. */
static Machine *written_clone(void)
{
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    Machine *clone = site_make_clone(site, CLONE_ID, "lab-1", BASE_SET, BASE_ID);
    const char *const files[] = {"vda.qcow2", "vdb.qcow2", "vdc.qcow2"};
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
        assert_true(shell_ok("qemu-io -f qcow2 -c 'write -P 0x%x 64k 64k' '%s/machines/%s/now/%s'",
                             0x41 + (int)i, site->root, CLONE_ID, files[i]));
    return clone;
}

static char read_byte(const Machine *machine, const char *target, guint64 offset)
{
    char byte = 0;
    assert_ok(storage_read(site->storage, machine, target, offset, &byte, 1, &error) == 1);
    return byte;
}

static gboolean images_are_sound(const char *directory)
{
    return shell_ok("for f in %s/%s/*.qcow2; do qemu-img check -q -f qcow2 $f || exit 1; done",
                    site->root, directory);
}

static void want_rebase(Machine *clone)
{
    g_autoptr(Machine) other = site_make_base(site, OTHER_ID, "golden-2", OTHER_SET);
    machine_want(clone, generation_on_set(clone, 2, OTHER_SET, OTHER_ID, TRUE));
}

static void rebase_replaces_system_resets_temporary_and_keeps_data(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    guint64 data = site_inode(site, "machines/" CLONE_ID "/now/vdc.qcow2");
    want_rebase(clone);
    assert_true(site_settle(site, clone, TRUE));
    assert_int_equal(site_inode(site, "machines/" CLONE_ID "/now/vdc.qcow2"), data);
    assert_int_equal(read_byte(clone, "vda", 65536), 0);
    assert_int_equal(read_byte(clone, "vdb", 65536), 0);
    assert_int_equal(read_byte(clone, "vdc", 65536), 0x43);
    assert_int_equal(read_byte(clone, "vdc", 4096), 'g');
    assert_true(site_has(site, "machines/" CLONE_ID "/undo-1/vda.qcow2"));
    assert_false(site_has(site, "machines/" CLONE_ID "/undo-1/vdb.qcow2"));
    assert_false(site_has(site, "machines/" CLONE_ID "/undo-1/vdc.qcow2"));
    assert_false(site_has(site, "machines/" CLONE_ID "/next"));
    assert_true(images_are_sound("machines/" CLONE_ID "/now"));
    assert_true(images_are_sound("machines/" CLONE_ID "/undo-1"));
}

static void fresh_heads_name_their_layer_and_qemu_reads_the_same_through_them(void **state)
{
    (void)state;
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    g_autoptr(Machine) clone = site_make_clone(site, CLONE_ID, "lab-1", BASE_SET, BASE_ID);
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_head_facts(site->storage, clone, 0, "vdc", &facts, &error));
    assert_string_equal(facts.backing, "../../../layers/" BASE_SET "/sealed/vdc.raw");
    assert_false(facts.written);
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    assert_true(shell_ok("qemu-img compare -q -f qcow2 -F raw %s/machines/%s/now/vdc.qcow2 "
                         "%s/layers/%s/sealed/vdc.raw",
                         site->root, CLONE_ID, site->root, BASE_SET));
}

static void undo_brings_the_entry_back_to_the_byte(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    want_rebase(clone);
    site_settle(site, clone, TRUE);
    guint64 old_system = site_inode(site, "machines/" CLONE_ID "/undo-1/vda.qcow2");
    Generation *undo = generation_clean(clone, 3, BASE_SET, BASE_ID);
    Head *head = g_ptr_array_index(undo->heads, 0);
    head->source = HEAD_ENTRY;
    head->source_generation = 1;
    head_set_layer(head, BASE_SET "-vda", "qcow2");
    machine_want(clone, undo);
    site_settle(site, clone, TRUE);
    assert_int_equal(site_inode(site, "machines/" CLONE_ID "/now/vda.qcow2"), old_system);
    assert_int_equal(read_byte(clone, "vda", 65536), 0x41);
    assert_int_equal(read_byte(clone, "vdc", 65536), 0x43);
}

static void a_clean_keeps_system_and_data_and_leaves_no_entry(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    guint64 system = site_inode(site, "machines/" CLONE_ID "/now/vda.qcow2");
    machine_want(clone, generation_clean(clone, 2, BASE_SET, BASE_ID));
    assert_ok(storage_mark(site->storage, CLONE_ID, TRUE, &error));
    assert_false(site_settle(site, clone, TRUE));
    assert_int_equal(site_inode(site, "machines/" CLONE_ID "/now/vda.qcow2"), system);
    assert_int_equal(read_byte(clone, "vda", 65536), 0x41);
    assert_int_equal(read_byte(clone, "vdb", 65536), 0);
    assert_false(site_has(site, "machines/" CLONE_ID "/undo-1"));
    assert_false(site_has(site, "machines/" CLONE_ID "/unsettled"));
}

static void switching_and_putting_aside_twice_changes_nothing(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 held = 0, held_again = 0;
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(result.switched && result.old == 1 && result.old_written);
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(!result.switched && result.old == 1 && result.old_written);
    assert_ok(storage_put_aside(site->storage, clone, TRUE, &kept, &held, &error));
    assert_true(kept && held > 0);
    assert_ok(storage_put_aside(site->storage, clone, TRUE, &kept, &held_again, &error));
    assert_true(kept);
    assert_int_equal(held, held_again);
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(!result.switched && result.old == 0);
}

static void a_never_written_head_is_reported_as_such(void **state)
{
    (void)state;
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    g_autoptr(Machine) clone = site_make_clone(site, CLONE_ID, "lab-1", BASE_SET, BASE_ID);
    SwitchResult result = {0};
    gboolean kept = TRUE;
    guint64 held = 1;
    machine_want(clone, generation_on_set(clone, 2, BASE_SET, BASE_ID, TRUE));
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_false(result.old_written);
    assert_ok(storage_put_aside(site->storage, clone, FALSE, &kept, &held, &error));
    assert_true(!kept && held == 0);
    assert_false(site_has(site, "machines/" CLONE_ID "/undo-1"));
    assert_false(site_has(site, "machines/" CLONE_ID "/next"));
}

static void a_head_that_a_qemu_has_open_is_not_switched(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    g_autofree char *path = site_path(site, "machines/" CLONE_ID "/now/vdc.qcow2");
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 201, .l_len = 1};
    int fd = open(path, O_RDONLY);
    SwitchResult result = {0};
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_fails(UNDERPIN_ERROR_BUSY, storage_switch(site->storage, clone, 2, &result, &error));
    close(fd);
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
}

static void a_kept_head_that_was_replaced_after_staging_is_not_switched_to(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    SwitchResult result = {0};
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_true(shell_ok("cd %s/machines/%s/now && cp vdc.qcow2 new && mv new vdc.qcow2",
                         site->root, CLONE_ID));
    assert_fails(UNDERPIN_ERROR_NOT_FOUND,
                 storage_switch(site->storage, clone, 2, &result, &error));
}

static void keeping_a_head_on_another_layer_than_recorded_is_a_bug(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    Generation *wrong = generation_on_set(clone, 2, BASE_SET, BASE_ID, TRUE);
    head_set_layer(g_ptr_array_index(wrong->heads, 2), OTHER_SET "-vdc", "raw");
    machine_want(clone, wrong);
    assert_fails(UNDERPIN_ERROR_BUG, storage_stage(site->storage, clone, wrong, NULL, &error));
    assert_false(site_has(site, "machines/" CLONE_ID "/next"));
}

static void putting_aside_refuses_a_data_head_that_is_not_the_same_file(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 held = 0;
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(shell_ok("cd %s/machines/%s/next && cp vdc.qcow2 new && mv new vdc.qcow2",
                         site->root, CLONE_ID));
    assert_fails(UNDERPIN_ERROR_BUG,
                 storage_put_aside(site->storage, clone, TRUE, &kept, &held, &error));
    assert_true(site_has(site, "machines/" CLONE_ID "/next/vdc.qcow2"));
    assert_fails(UNDERPIN_ERROR_BUSY, storage_abandon(site->storage, CLONE_ID, &error));
    assert_fails(UNDERPIN_ERROR_BUSY,
                 storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_true(site_has(site, "machines/" CLONE_ID "/next/vdc.qcow2"));
}

static void abandoning_a_clone_that_was_never_committed_leaves_nothing(void **state)
{
    (void)state;
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    g_autoptr(Machine) clone = machine_sample(CLONE_ID, "lab-1", "qcow2");
    machine_want(clone, generation_on_set(clone, 1, BASE_SET, BASE_ID, FALSE));
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_true(site_has(site, "machines/" CLONE_ID "/next/generation.ini"));
    assert_ok(storage_abandon(site->storage, CLONE_ID, &error));
    assert_false(site_has(site, "machines/" CLONE_ID));
    assert_ok(storage_abandon(site->storage, CLONE_ID, &error));
    assert_ok(storage_abandon(site->storage, BASE_ID, &error));
    assert_true(site_has(site, "machines/" BASE_ID "/machine.ini"));
}

static void a_next_without_a_whole_record_is_broken_and_never_switched_to(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    g_auto(MachineFacts) facts = {0};
    SwitchResult result = {0};
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    g_autofree char *record = site_path(site, "machines/" CLONE_ID "/next/generation.ini");
    assert_int_equal(truncate(record, 60), 0);
    assert_ok(storage_machine_facts(site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.exists && facts.now == 1 && facts.next == 0 && facts.next_broken);
    assert_fails(UNDERPIN_ERROR_NOT_FOUND,
                 storage_switch(site->storage, clone, 2, &result, &error));
}

static void a_new_head_takes_the_owner_of_before_libvirt_labelled_the_old_one(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    struct stat status;
    g_autofree char *path = site_path(site, "machines/" CLONE_ID "/now/vda.qcow2");
    assert_int_equal(chown(path, 64055, 107), 0);
    if (setxattr(path, "trusted.libvirt.security.dac", "+11:+12", 7, 0) != 0)
        skip();
    want_rebase(clone);
    assert_true(site_settle(site, clone, TRUE));
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_uid == 11 && status.st_gid == 12 && (status.st_mode & 07777) == 0600);
    g_autofree char *old = site_path(site, "machines/" CLONE_ID "/undo-1/vda.qcow2");
    char value[16];
    assert_int_equal(stat(old, &status), 0);
    assert_true(status.st_uid == 0 && status.st_gid == 0);
    assert_true(getxattr(old, "trusted.libvirt.security.dac", value, sizeof value) < 0);
}

static void a_resized_data_volume_is_a_copy_and_the_original_goes_last(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    guint64 data = site_inode(site, "machines/" CLONE_ID "/now/vdc.qcow2");
    Generation *change = generation_clean(clone, 2, BASE_SET, BASE_ID);
    Head *head = g_ptr_array_index(change->heads, 2);
    head->source = HEAD_COPY;
    head->capacity_bytes = 2 * CAPACITY;
    machine_want(clone, change);
    assert_false(site_settle(site, clone, FALSE));
    assert_int_not_equal(site_inode(site, "machines/" CLONE_ID "/now/vdc.qcow2"), data);
    assert_int_equal(read_byte(clone, "vdc", 65536), 0x43);
    assert_int_equal(read_byte(clone, "vdc", 4096), 'g');
    assert_int_equal(read_byte(clone, "vdc", CAPACITY + 4096), 0);
    assert_true(images_are_sound("machines/" CLONE_ID "/now"));
}

static void detaching_gives_standalone_heads_with_the_same_content(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    Generation *change = generation_clean(clone, 2, BASE_SET, NULL);
    for (guint i = 0; i < change->heads->len; i++) {
        Head *head = g_ptr_array_index(change->heads, i);
        head->source = HEAD_FLATTEN;
        head_set_layer(head, NULL, NULL);
    }
    machine_want(clone, change);
    site_settle(site, clone, FALSE);
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_head_facts(site->storage, clone, 0, "vdc", &facts, &error));
    assert_null(facts.backing);
    assert_int_equal(read_byte(clone, "vda", 65536), 0x41);
    assert_int_equal(read_byte(clone, "vdc", 65536), 0x43);
    assert_int_equal(read_byte(clone, "vdc", 4096), 'g');
    assert_true(images_are_sound("machines/" CLONE_ID "/now"));
}

static void a_copy_that_does_not_fit_says_so_and_leaves_nothing(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    StoreStatus status = {0};
    Generation *change = generation_clean(clone, 2, BASE_SET, BASE_ID);
    Head *head = g_ptr_array_index(change->heads, 2);
    head->source = HEAD_COPY;
    machine_want(clone, change);
    assert_true(shell_ok("qemu-io -f qcow2 -c 'write 0 8M' %s/machines/%s/now/vdc.qcow2",
                         site->root, CLONE_ID));
    assert_ok(storage_status(site->storage, &status, &error));
    assert_true(shell_ok("fallocate -l %" G_GUINT64_FORMAT " %s/filler",
                         status.free_bytes - 4 * 1024 * 1024, site->path));
    GError *error = NULL;
    assert_false(storage_stage(site->storage, clone, change, NULL, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
    assert_non_null(strstr(error->message, "'vdc' of machine 'lab-1'"));
    g_clear_error(&error);
    assert_false(site_has(site, "machines/" CLONE_ID "/next"));
}

static void without_exchange_two_renames_do_and_a_cut_one_is_finished(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 held = 0;
    want_rebase(clone);
    directory_store(site->storage)->exchanges = FALSE;
    for (unsigned nth = 2; nth <= 3; nth++) {
        assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
        fault_point_arm(FAULT_SWITCH_EXCHANGE, nth, FAULT_ERROR, EIO);
        assert_fails(UNDERPIN_ERROR_BACKEND,
                     storage_switch(site->storage, clone, 2, &result, &error));
        assert_true(site_has(site, "machines/" CLONE_ID "/aside"));
        assert_int_equal(site_has(site, "machines/" CLONE_ID "/now"), nth == 3);
        if (nth == 2) {
            assert_ok(storage_abandon(site->storage, CLONE_ID, &error));
            assert_true(site_has(site, "machines/" CLONE_ID "/now/vda.qcow2"));
            assert_int_equal(read_byte(clone, "vda", 65536), 0x41);
        }
    }
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(!result.switched && result.old == 1);
    assert_ok(storage_put_aside(site->storage, clone, TRUE, &kept, &held, &error));
    assert_true(site_has(site, "machines/" CLONE_ID "/undo-1/vda.qcow2"));
    assert_int_equal(read_byte(clone, "vdc", 65536), 0x43);
}

static void a_cut_switch_without_exchange_goes_forward_when_asked_again(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    SwitchResult result = {0};
    want_rebase(clone);
    directory_store(site->storage)->exchanges = FALSE;
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    fault_point_arm(FAULT_SWITCH_EXCHANGE, 2, FAULT_ERROR, EIO);
    assert_false(storage_switch(site->storage, clone, 2, &result, NULL));
    assert_false(site_has(site, "machines/" CLONE_ID "/now"));
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
    assert_true(result.old == 1 && site_has(site, "machines/" CLONE_ID "/now/vda.qcow2"));
    assert_int_equal(read_byte(clone, "vda", 65536), 0);
}

static void the_guest_s_variables_follow_the_system(void **state)
{
    (void)state;
    g_autofree char *nvram = g_build_filename(site->import, "vars.fd", NULL);
    assert_true(g_file_set_contents(nvram, "first", -1, NULL));
    g_autoptr(Machine) machine = machine_sample(CLONE_ID, "lab-1", "raw");
    Generation *first = generation_blank(machine, 1);
    first->nvram = NVRAM_ADOPT;
    first->nvram_path = g_strdup(nvram);
    machine_want(machine, first);
    site_settle(site, machine, FALSE);
    Generation *second = generation_clean(machine, 2, BASE_SET, NULL);
    for (guint i = 0; i < second->heads->len; i++)
        ((Head *)g_ptr_array_index(second->heads, i))->source = i == 1 ? HEAD_BLANK : HEAD_KEEP;
    head_set_layer(g_ptr_array_index(second->heads, 1), NULL, NULL);
    second->nvram = NVRAM_KEEP;
    machine_want(machine, second);
    assert_ok(storage_stage(site->storage, machine, second, NULL, &error));
    g_autofree char *now = site_path(site, "machines/" CLONE_ID "/now/nvram.fd");
    assert_true(g_file_set_contents(now, "written by the guest since", -1, NULL));
    SwitchResult result = {0};
    assert_ok(storage_switch(site->storage, machine, 2, &result, &error));
    g_autofree char *text = site_text(site, "machines/" CLONE_ID "/now/nvram.fd");
    assert_string_equal(text, "written by the guest since");
}

static void a_sync_that_fails_spoils_what_was_staged(void **state)
{
    (void)state;
    g_autoptr(Machine) clone = written_clone();
    const char *ids[] = {CLONE_ID, NULL};
    SwitchResult result = {0};
    want_rebase(clone);
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    fault_point_arm(FAULT_STAGE_SYNC, 1, FAULT_ERROR, EIO);
    assert_fails(UNDERPIN_ERROR_BACKEND, storage_sync(site->storage, ids, &error));
    assert_fails(UNDERPIN_ERROR_NOT_FOUND,
                 storage_switch(site->storage, clone, 2, &result, &error));
    assert_ok(storage_stage(site->storage, clone, machine_desired(clone), NULL, &error));
    assert_ok(storage_switch(site->storage, clone, 2, &result, &error));
}

#define IN_SITE(test) cmocka_unit_test_setup_teardown(test, make_site, drop_site)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_SITE(rebase_replaces_system_resets_temporary_and_keeps_data),
        IN_SITE(fresh_heads_name_their_layer_and_qemu_reads_the_same_through_them),
        IN_SITE(undo_brings_the_entry_back_to_the_byte),
        IN_SITE(a_clean_keeps_system_and_data_and_leaves_no_entry),
        IN_SITE(switching_and_putting_aside_twice_changes_nothing),
        IN_SITE(a_never_written_head_is_reported_as_such),
        IN_SITE(a_head_that_a_qemu_has_open_is_not_switched),
        IN_SITE(a_kept_head_that_was_replaced_after_staging_is_not_switched_to),
        IN_SITE(keeping_a_head_on_another_layer_than_recorded_is_a_bug),
        IN_SITE(putting_aside_refuses_a_data_head_that_is_not_the_same_file),
        IN_SITE(abandoning_a_clone_that_was_never_committed_leaves_nothing),
        IN_SITE(a_next_without_a_whole_record_is_broken_and_never_switched_to),
        IN_SITE(a_new_head_takes_the_owner_of_before_libvirt_labelled_the_old_one),
        IN_SITE(a_resized_data_volume_is_a_copy_and_the_original_goes_last),
        IN_SITE(detaching_gives_standalone_heads_with_the_same_content),
        IN_SITE(a_copy_that_does_not_fit_says_so_and_leaves_nothing),
        IN_SITE(without_exchange_two_renames_do_and_a_cut_one_is_finished),
        IN_SITE(a_cut_switch_without_exchange_goes_forward_when_asked_again),
        IN_SITE(the_guest_s_variables_follow_the_system),
        IN_SITE(a_sync_that_fails_spoils_what_was_staged),
    };
    const char *type = argc > 1 ? argv[1] : "ext4";
    scratch = scratch_mount(type, strcmp(type, "xfs") == 0 ? 320 : 160);
    if (!scratch)
        return 77; /* skipped: not root, or no such file system here */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_unmount(scratch);
    return failed;
}
