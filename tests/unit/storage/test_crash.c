/*
 * The sweep: every operation of the store is killed at every fault point that it visits, and done
 * again as the engine would; then the same with an error instead of a kill. What must be true
 * afterwards is the same as without.
 */
#include "prelude.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/directory/store.h"

static Scratch *scratch;

typedef struct {
    Site *site;
    Machine *machine; /* that the operation changes */
    guint64 data;     /* inode of its data head */
} World;

/* One operation: what is there before, what is done (again, until it succeeds), what must be true
 * then. */
typedef struct {
    const char *name;
    void (*prepare)(World *world);
    gboolean (*act)(World *world, GError **error);
    void (*verify)(World *world);
    gboolean visits[FAULT_POINT_COUNT]; /* points that it must reach */
} Operation;

/* --- the worlds ------------------------------------------------------------------------------- */

static void prepare_clone(World *world)
{
    g_autoptr(Machine) base = site_make_base(world->site, BASE_ID, "golden", BASE_SET);
    g_autoptr(Machine) other = site_make_base(world->site, OTHER_ID, "golden-2", OTHER_SET);
    world->machine = site_make_clone(world->site, CLONE_ID, "lab-1", BASE_SET, BASE_ID);
    site_write(world->site, "machines/" CLONE_ID "/now/vdc.qcow2", 0, "QFI");
    world->data = site_inode(world->site, "machines/" CLONE_ID "/now/vdc.qcow2");
}

static void prepare_rebase(World *world)
{
    prepare_clone(world);
    machine_want(world->machine, generation_on_set(world->machine, 2, OTHER_SET, OTHER_ID, TRUE));
}

/* The data volume is replaced by name: a copy that is to be resized. */
static void prepare_resize(World *world)
{
    prepare_clone(world);
    Generation *change = generation_clean(world->machine, 2, BASE_SET, BASE_ID);
    ((Head *)g_ptr_array_index(change->heads, 2))->source = HEAD_COPY;
    machine_want(world->machine, change);
}

static void prepare_staged(World *world)
{
    prepare_rebase(world);
    assert_ok(storage_stage(world->site->storage, world->machine, machine_desired(world->machine),
                            NULL, &error));
}

static void prepare_new(World *world)
{
    g_autoptr(Machine) base = site_make_base(world->site, BASE_ID, "golden", BASE_SET);
    world->machine = machine_sample(CLONE_ID, "lab-1", "qcow2");
    machine_want(world->machine, generation_on_set(world->machine, 1, BASE_SET, BASE_ID, FALSE));
}

static void prepare_plain(World *world)
{
    world->machine = machine_sample(CLONE_ID, "lab-1", "raw");
    machine_want(world->machine, generation_blank(world->machine, 1));
    site_settle(world->site, world->machine, FALSE);
    site_write(world->site, "machines/" CLONE_ID "/now/vdc.raw", 4096, "precious");
    world->data = site_inode(world->site, "machines/" CLONE_ID "/now/vdc.raw");
    world->machine->set_id = g_strdup(BASE_SET);
    world->machine->desired_place = PLACE_SEALED;
}

static void prepare_sealed(World *world)
{
    prepare_plain(world);
    assert_ok(storage_seal(world->site->storage, world->machine, &error));
    world->machine->actual_place = PLACE_SEALED;
    world->machine->desired_place = PLACE_NOW;
}

static void prepare_gone(World *world)
{
    prepare_rebase(world);
    site_settle(world->site, world->machine, TRUE);
    world->machine->desired_place = PLACE_GONE;
}

static void prepare_import(World *world)
{
    g_autofree char *path = g_build_filename(world->site->import, "disk.raw", NULL);
    assert_true(shell_ok("truncate -s %d '%s'", CAPACITY, path));
    world->machine = machine_sample(CLONE_ID, "lab-1", "raw");
    g_ptr_array_set_size(world->machine->volumes, 0);
    g_ptr_array_add(world->machine->volumes, volume_new("vdc", ROLE_DATA, "raw", FALSE));
    Generation *generation = generation_new(1, CAUSE_IMPORT, NULL, 0);
    Head *head = head_new("vdc", ROLE_DATA, "raw", CAPACITY, HEAD_ADOPT);
    head->source_path = g_strdup(path);
    g_ptr_array_add(generation->heads, head);
    machine_want(world->machine, generation);
    g_autofree char *variables = g_build_filename(world->site->import, "vars.fd", NULL);
    assert_true(g_file_set_contents(variables, "as imported", -1, NULL));
    generation->nvram = NVRAM_ADOPT;
    generation->nvram_path = g_strdup(variables);
    world->machine->origin = g_strdup_printf(
        "{\"disks\":[{\"target\":\"vdc\",\"path\":\"%s\"}],\"nvram\":\"%s\"}", path, variables);
    world->data = site_inode(world->site, "../import/disk.raw");
    assert_int_not_equal(world->data, 0);
}

static void prepare_export(World *world)
{
    prepare_import(world);
    site_settle(world->site, world->machine, FALSE);
    assert_ok(storage_adopt_finish(world->site->storage, world->machine, &error));
    g_autofree char *now = storage_nvram_path(world->site->storage, world->machine->id);
    assert_true(g_file_set_contents(now, "changed", -1, NULL));
    world->machine->desired_place = PLACE_GONE;
    world->machine->export_out = TRUE;
}

static void prepare_chain(World *world)
{
    g_autoptr(Machine) base = site_make_base(world->site, BASE_ID, "golden", BASE_SET);
    world->machine = site_make_clone(world->site, OTHER_ID, "golden-2", BASE_SET, BASE_ID);
    world->machine->set_id = g_strdup(OTHER_SET);
    world->machine->desired_place = PLACE_SEALED;
    assert_ok(storage_seal(world->site->storage, world->machine, &error));
    world->machine->actual_place = PLACE_SEALED;
}

/* --- the operations --------------------------------------------------------------------------- */

static gboolean act_stage(World *world, GError **error)
{
    const char *ids[] = {world->machine->id, NULL};
    return storage_stage(world->site->storage, world->machine, machine_desired(world->machine),
                         NULL, error) &&
           storage_sync(world->site->storage, ids, error);
}

static gboolean act_abandon(World *world, GError **error)
{
    return storage_abandon(world->site->storage, world->machine->id, error);
}

/* As the engine settles: stage what is not there, switch, put aside. */
static gboolean settle(World *world, gboolean keep, GError **error)
{
    g_auto(MachineFacts) facts = {0};
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 held = 0;
    Storage *storage = world->site->storage;
    if (!storage_machine_facts(storage, world->machine->id, &facts, error))
        return FALSE;
    gboolean there = facts.now == world->machine->desired || facts.next == world->machine->desired;
    return (there || act_stage(world, error)) &&
           storage_switch(storage, world->machine, world->machine->desired, &result, error) &&
           storage_put_aside(storage, world->machine, keep, &kept, &held, error);
}

static gboolean act_settle(World *world, GError **error)
{
    return settle(world, TRUE, error);
}

static gboolean act_settle_without_exchange(World *world, GError **error)
{
    directory_store(world->site->storage)->exchanges = FALSE;
    return settle(world, TRUE, error);
}

static gboolean act_settle_without_entry(World *world, GError **error)
{
    return settle(world, FALSE, error);
}

static gboolean act_seal(World *world, GError **error)
{
    return storage_seal(world->site->storage, world->machine, error);
}

static gboolean act_unseal(World *world, GError **error)
{
    return storage_unseal(world->site->storage, world->machine, error);
}

static gboolean act_remove(World *world, GError **error)
{
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    g_ptr_array_add(kept,
                    kept_volume_new(KEPT_ID, "trash/" KEPT_ID "/data/vdc.qcow2", "vdc", "qcow2"));
    return storage_remove(world->site->storage, world->machine, kept, error);
}

static gboolean act_import(World *world, GError **error)
{
    const char *ids[] = {world->machine->id, NULL};
    return act_settle(world, error) && storage_sync(world->site->storage, ids, error) &&
           storage_adopt_finish(world->site->storage, world->machine, error);
}

static gboolean act_export(World *world, GError **error)
{
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    g_auto(MachineFacts) facts = {0};
    if (!storage_machine_facts(world->site->storage, world->machine->id, &facts, error) ||
        (facts.now && !storage_export(world->site->storage, world->machine, NULL, error)))
        return FALSE;
    return storage_export_finish(world->site->storage, world->machine, error) &&
           storage_remove(world->site->storage, world->machine, kept, error);
}

static gboolean act_flatten(World *world, GError **error)
{
    g_autoptr(GPtrArray) layers = storage_describe_set(world->site->storage, OTHER_SET, error);
    return layers &&
           storage_flatten_stage(world->site->storage, g_ptr_array_index(layers, 2), NULL, error) &&
           storage_flatten_switch(world->site->storage, g_ptr_array_index(layers, 2), error);
}

static gboolean act_reclaim(World *world, GError **error)
{
    static const char *const files[] = {"vda.qcow2", "vdb.qcow2", "vdc.raw"};
    guint64 freed = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_strconcat("layers/" BASE_SET "/sealed/", files[i], NULL);
        g_autoptr(ReclaimItem) item = reclaim_item_new("item", RECLAIM_LAYER, path, 0);
        if (!storage_reclaim(world->site->storage, item, &freed, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean act_raise(World *world, GError **error)
{
    return storage_raise_generation(world->site->storage, 7, error);
}

/* --- what must be true ------------------------------------------------------------------------ */

static void verify_data(const World *world, const char *path)
{
    assert_int_equal(site_inode(world->site, path), world->data);
}

static void verify_staged(World *world)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(world->site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.now == 1 && facts.next == 2 && !facts.next_broken);
    verify_data(world, "machines/" CLONE_ID "/now/vdc.qcow2");
    verify_data(world, "machines/" CLONE_ID "/next/vdc.qcow2");
}

static void verify_new(World *world)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(world->site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.now == 0 && facts.next == 1);
}

static void verify_abandoned(World *world)
{
    assert_false(site_has(world->site, "machines/" CLONE_ID "/next"));
    verify_data(world, "machines/" CLONE_ID "/now/vdc.qcow2");
    assert_true(site_has(world->site, "machines/" CLONE_ID "/now/vda.qcow2"));
}

static void verify_settled(World *world)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(world->site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.now == 2 && facts.next == 0 && !facts.next_broken);
    assert_int_equal(facts.entries->len, 1);
    verify_data(world, "machines/" CLONE_ID "/now/vdc.qcow2");
    assert_true(site_has(world->site, "machines/" CLONE_ID "/undo-1/vda.qcow2"));
    assert_false(site_has(world->site, "machines/" CLONE_ID "/undo-1/vdc.qcow2"));
    assert_false(site_has(world->site, "machines/" CLONE_ID "/undo-1/vdb.qcow2"));
}

static void verify_resized(World *world)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(world->site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.now == 2 && facts.next == 0 && !facts.next_broken);
    assert_int_equal(facts.entries->len, 0);
    assert_int_not_equal(site_inode(world->site, "machines/" CLONE_ID "/now/vdc.qcow2"),
                         world->data);
}

static void verify_settled_without_entry(World *world)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(world->site->storage, CLONE_ID, &facts, &error));
    assert_true(facts.now == 2 && facts.next == 0 && !facts.next_broken);
    assert_int_equal(facts.entries->len, 0);
    verify_data(world, "machines/" CLONE_ID "/now/vdc.qcow2");
}

static void verify_sealed(World *world)
{
    g_autoptr(GPtrArray) layers = NULL;
    assert_ok((layers = storage_describe_set(world->site->storage, BASE_SET, &error)) != NULL);
    assert_int_equal(layers->len, 3);
    for (guint i = 0; i < layers->len; i++) {
        g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
        assert_ok(storage_check_layer(world->site->storage, g_ptr_array_index(layers, i), findings,
                                      &error));
        assert_int_equal(findings->len, 0);
    }
    verify_data(world, "layers/" BASE_SET "/sealed/vdc.raw");
    assert_false(site_has(world->site, "machines/" CLONE_ID "/now"));
}

static void verify_unsealed(World *world)
{
    verify_data(world, "machines/" CLONE_ID "/now/vdc.raw");
    assert_false(site_has(world->site, "layers/" BASE_SET));
    site_write(world->site, "machines/" CLONE_ID "/now/vdc.raw", 0, "writable");
}

static void verify_removed(World *world)
{
    assert_false(site_has(world->site, "machines/" CLONE_ID));
    verify_data(world, "trash/" KEPT_ID "/data/vdc.qcow2");
}

static void verify_imported(World *world)
{
    verify_data(world, "machines/" CLONE_ID "/now/vdc.raw");
    assert_false(site_has(world->site, "../import/disk.raw"));
}

static void verify_exported(World *world)
{
    g_autofree char *path = g_build_filename(world->site->import, "vars.fd", NULL);
    g_autofree char *variables = NULL;
    verify_data(world, "../import/disk.raw");
    assert_false(site_has(world->site, "machines/" CLONE_ID));
    assert_true(g_file_get_contents(path, &variables, NULL, NULL));
    assert_string_equal(variables, "changed");
}

static void verify_flat(World *world)
{
    g_autoptr(GPtrArray) layers = NULL;
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    assert_ok((layers = storage_describe_set(world->site->storage, OTHER_SET, &error)) != NULL);
    assert_null(((Layer *)g_ptr_array_index(layers, 2))->parent_id);
    assert_ok(
        storage_check_layer(world->site->storage, g_ptr_array_index(layers, 2), findings, &error));
    assert_int_equal(findings->len, 0);
    assert_false(site_has(world->site, "layers/" OTHER_SET "/flat-vdc.qcow2"));
}

static void verify_reclaimed(World *world)
{
    assert_false(site_has(world->site, "layers/" BASE_SET));
}

static void verify_raised(World *world)
{
    StoreStatus status = {0};
    assert_ok(storage_status(world->site->storage, &status, &error));
    assert_int_equal(status.generation, 7);
}

#define REACHES(...) .visits = {__VA_ARGS__}
#define AT(point)    [FAULT_##point] = TRUE
static const Operation operations[] = {
    {"stage", prepare_rebase, act_stage, verify_staged,
     REACHES(AT(STAGE_DIRECTORY), AT(STAGE_HEAD), AT(STAGE_LINK), AT(STAGE_RECORD),
             AT(STAGE_SYNC))},
    {"stage-new", prepare_new, act_stage, verify_new, REACHES(AT(STAGE_DIRECTORY))},
    {"abandon", prepare_staged, act_abandon, verify_abandoned, REACHES(AT(STAGE_ABANDON))},
    {"settle", prepare_rebase, act_settle, verify_settled,
     REACHES(AT(SWITCH_EXCHANGE), AT(SWITCH_PUT_ASIDE), AT(SWITCH_CLEAN), AT(SWITCH_SYNC),
             AT(MARK_REMOVE))},
    {"settle-without-exchange", prepare_rebase, act_settle_without_exchange, verify_settled,
     REACHES(AT(SWITCH_EXCHANGE))},
    {"resize", prepare_resize, act_settle, verify_resized, REACHES(AT(STAGE_COPY))},
    {"settle-without-entry", prepare_staged, act_settle_without_entry, verify_settled_without_entry,
     REACHES(AT(SWITCH_CLEAN))},
    {"seal", prepare_plain, act_seal, verify_sealed,
     REACHES(AT(SEAL_RENAME), AT(SEAL_PROTECT), AT(FILE_SYNC))},
    {"unseal", prepare_sealed, act_unseal, verify_unsealed,
     REACHES(AT(UNSEAL_UNPROTECT), AT(UNSEAL_RENAME))},
    {"remove", prepare_gone, act_remove, verify_removed,
     REACHES(AT(TRASH_RENAME), AT(RECLAIM_UNLINK))},
    {"import", prepare_import, act_import, verify_imported, REACHES(AT(ADOPT_UNLINK))},
    {"export", prepare_export, act_export, verify_exported, REACHES(AT(EXPORT_LINK))},
    {"flatten", prepare_chain, act_flatten, verify_flat,
     REACHES(AT(STAGE_COPY), AT(FLATTEN_RENAME))},
    {"reclaim", prepare_plain, NULL, verify_reclaimed, REACHES(AT(RECLAIM_UNLINK))},
    {"raise", prepare_plain, act_raise, verify_raised, REACHES(AT(STORE_GENERATION))},
};

static void prepare(const Operation *operation, World *world)
{
    operation->prepare(world);
    if (!operation->act)
        assert_ok(storage_seal(world->site->storage, world->machine, &error));
}

static gboolean act(const Operation *operation, World *world, GError **error)
{
    return (operation->act ? operation->act : act_reclaim)(world, error);
}

static World *world_new(const Operation *operation)
{
    World *world = g_new0(World, 1);
    world->site = site_new(scratch, operation->name);
    prepare(operation, world);
    return world;
}

static void world_free(World *world)
{
    machine_unref(world->machine);
    site_free(world->site);
    g_free(world);
}

/* --- the sweeps ------------------------------------------------------------------------------- */

/* In a child, killed at the nth fault point that the operation visits. FALSE: it visits no nth. */
static gboolean act_and_die(const Operation *operation, World *world, unsigned nth)
{
    int status = 0;
    site_close(world->site);
    pid_t child = fork();
    if (child == 0) {
        site_open(world->site);
        fault_point_arm(FAULT_POINT_COUNT, nth, FAULT_KILL, 0);
        act(operation, world, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    site_open(world->site);
    return WIFSIGNALED(status);
}

static unsigned sweep_kill(const Operation *operation)
{
    for (unsigned nth = 1;; nth++) {
        World *world = world_new(operation);
        gboolean died = act_and_die(operation, world, nth);
        /* Recovery is killed too, somewhere. */
        if (died)
            act_and_die(operation, world, nth % 5 + 1);
        for (int again = 0; died && again < 2; again++) {
            GError *error = NULL;
            if (!act(operation, world, &error))
                fail_msg("%s killed at %u, then: %s", operation->name, nth, error->message);
        }
        operation->verify(world);
        world_free(world);
        if (!died)
            return nth;
    }
}

static unsigned sweep_error(const Operation *operation, int errno_value)
{
    for (unsigned nth = 1;; nth++) {
        World *world = world_new(operation);
        GError *error = NULL;
        fault_point_arm(FAULT_POINT_COUNT, nth, FAULT_ERROR, errno_value);
        gboolean ok = act(operation, world, &error);
        fault_point_disarm();
        g_clear_error(&error);
        if (!ok && !act(operation, world, &error))
            fail_msg("%s failed at %u, then: %s", operation->name, nth, error->message);
        operation->verify(world);
        world_free(world);
        if (ok)
            return nth;
    }
}

static void every_operation_killed_anywhere_is_done_again(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++)
        print_message("%-24s %3u moments killed\n", operations[i].name,
                      sweep_kill(&operations[i]) - 1);
}

static void every_operation_that_fails_anywhere_is_done_again(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        sweep_error(&operations[i], EIO);
        print_message("%-24s %3u moments failed\n", operations[i].name,
                      sweep_error(&operations[i], ENOSPC) - 1);
    }
}

static void every_operation_reaches_its_fault_points(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(operations); i++) {
        World *world = world_new(&operations[i]);
        GError *error = NULL;
        fault_point_count(TRUE);
        assert_true(act(&operations[i], world, &error));
        fault_point_count(FALSE);
        for (unsigned point = 0; point < FAULT_POINT_COUNT; point++)
            if (operations[i].visits[point] && fault_point_visits(point) == 0)
                fail_msg("%s does not reach %s", operations[i].name, fault_point_name(point));
        world_free(world);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_reaches_its_fault_points),
        cmocka_unit_test(every_operation_killed_anywhere_is_done_again),
        cmocka_unit_test(every_operation_that_fails_anywhere_is_done_again),
    };
    const char *type = argc > 1 ? argv[1] : "ext4";
    scratch = scratch_mount(type, strcmp(type, "xfs") == 0 ? 320 : 160);
    if (!scratch)
        return 77; /* skipped: not root, or no such file system here */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_unmount(scratch);
    return failed;
}
