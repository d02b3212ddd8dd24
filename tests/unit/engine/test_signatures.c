/* Signatures and partition tables, hostile ones too, and what prepare makes of them. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/signatures.h"
#include "steps.h"
#include "storage/memory/memory_storage.h"

#define SECTOR 512
#define SIZE   (256 * 1024)

static void put32(guint8 *at, guint32 value)
{
    for (guint i = 0; i < 4; i++)
        at[i] = (guint8)(value >> (8 * i));
}

/* --- magic numbers
 * --------------------------------------------------------------------------------------------- */

static void each_signature_is_known_by_its_place(void **state)
{
    static const struct {
        Signature signature;
        gsize offset;
        const char *magic;
        gsize length;
    } CASES[] = {
        {SIGNATURE_LUKS, 0, "LUKS\xba\xbe", 6},   {SIGNATURE_BITLOCKER, 3, "-FVE-FS-", 8},
        {SIGNATURE_LVM, 536, "LVM2 001", 8},      {SIGNATURE_RAID, 4096, "\xfc\x4e\x2b\xa9", 4},
        {SIGNATURE_BTRFS, 65600, "_BHRfS_M", 8},  {SIGNATURE_SWAP_SUSPENDED, 4086, "S1SUSPEND", 9},
        {SIGNATURE_SWAP, 4086, "SWAPSPACE2", 10}, {SIGNATURE_NTFS, 3, "NTFS    ", 8},
        {SIGNATURE_EXT, 1080, "\x53\xef", 2},     {SIGNATURE_XFS, 0, "XFSB", 4},
    };
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autofree guint8 *bytes = g_malloc0(SIZE);
        memcpy(bytes + CASES[i].offset, CASES[i].magic, CASES[i].length);
        assert_int_equal(signature_of(bytes, SIZE), CASES[i].signature);
        assert_int_equal(signature_of(bytes, CASES[i].offset + CASES[i].length - 1),
                         SIGNATURE_NONE);
    }
}

static void nothing_is_found_in_nothing(void **state)
{
    g_autofree guint8 *bytes = g_malloc0(SIZE);
    guint64 starts[32];
    (void)state;
    assert_int_equal(signature_of(bytes, SIZE), SIGNATURE_NONE);
    assert_int_equal(signature_of(bytes, 0), SIGNATURE_NONE);
    assert_int_equal(signature_partitions(bytes, SIZE, starts), 0);
    assert_int_equal(signature_partitions(bytes, 0, starts), 0);
}

/* --- partition tables
 * ------------------------------------------------------------------------------------------- */

static void put_mbr(guint8 *bytes, guint index, guint8 type, guint32 first)
{
    bytes[446 + 16 * index + 4] = type;
    put32(bytes + 446 + 16 * index + 8, first);
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
}

static void an_mbr_names_up_to_four_partitions(void **state)
{
    g_autofree guint8 *bytes = g_malloc0(SIZE);
    guint64 starts[32];
    (void)state;
    put_mbr(bytes, 0, 0x83, 2048);
    put_mbr(bytes, 3, 0x8e, 0xffffffff);
    put_mbr(bytes, 1, 0, 4096); /* unused: no type */
    assert_int_equal(signature_partitions(bytes, SIZE, starts), 2);
    assert_int_equal(starts[0], 2048 * SECTOR);
    assert_int_equal(starts[1], (guint64)0xffffffff * SECTOR);
}

static void put_gpt(guint8 *bytes, guint32 table, guint32 entries, guint32 entry_bytes)
{
    memcpy(bytes + SECTOR, "EFI PART", 8);
    put32(bytes + SECTOR + 72, table);
    put32(bytes + SECTOR + 80, entries);
    put32(bytes + SECTOR + 84, entry_bytes);
}

static void a_gpt_names_its_partitions(void **state)
{
    g_autofree guint8 *bytes = g_malloc0(SIZE);
    guint64 starts[32];
    (void)state;
    put_gpt(bytes, 2, 128, 128);
    put32(bytes + 2 * SECTOR + 32, 2048);
    put32(bytes + 2 * SECTOR + 5 * 128 + 32, 4096);
    assert_int_equal(signature_partitions(bytes, SIZE, starts), 2);
    assert_int_equal(starts[1], 4096 * SECTOR);
}

static void hostile_tables_stay_within_their_bounds(void **state)
{
    static const guint32 VALUES[] = {0, 1, 2, 127, 128, 4096, 4097, 0x7fffffff, 0xffffffff};
    guint64 starts[32];
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(VALUES); i++)
        for (gsize j = 0; j < G_N_ELEMENTS(VALUES); j++)
            for (gsize length = 0; length <= 3 * SECTOR; length += SECTOR / 2) {
                g_autofree guint8 *bytes =
                    g_malloc(MAX(length, 1)); /* so that a sanitizer sees the first byte beyond */
                memset(bytes, 0xff, length);
                if (length >= 2 * SECTOR)
                    put_gpt(bytes, VALUES[i], VALUES[j], VALUES[(i + j) % G_N_ELEMENTS(VALUES)]);
                assert_true(signature_partitions(bytes, length, starts) <= 32);
                (void)signature_of(bytes, length);
            }
}

static void random_bytes_never_break_it(void **state)
{
    guint seed = g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    guint64 starts[32];
    (void)state;
    print_message("seed %u\n", seed);
    for (guint round = 0; round < 2000; round++) {
        gsize length = (gsize)g_rand_int_range(random, 0, 8 * SECTOR);
        g_autofree guint8 *bytes = g_malloc(length + 1);
        for (gsize i = 0; i < length; i++)
            bytes[i] = (guint8)g_rand_int(random);
        if (length >= 2 * SECTOR)
            memcpy(bytes + SECTOR, "EFI PART", 8);
        assert_true(signature_partitions(bytes, length, starts) <= 32);
        assert_true(signature_of(bytes, length) < SIGNATURE_COUNT);
    }
}

/* --- what prepare makes of it
 * ------------------------------------------------------------------------------------- */

static void put_bytes(World *world, const char *target, guint64 offset, const char *bytes,
                      gsize length)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(memory_storage_write(world->storage, machine->id, target, offset, bytes, length));
}

static int set_up(void **state)
{
    World *world = world_new(WORLD_MEMORY);
    world_base(world, "v1", "one");
    world_clone(world, "v1", "lab-1");
    *state = world;
    return 0;
}

static void an_encrypted_data_volume_is_warned_of(void **state)
{
    World *world = *state;
    put_bytes(world, "vdc", 0, "LUKS\xba\xbe", 6);
    g_autoptr(Request) request = world_request(VERB_PREPARE, "lab-1", NULL);
    g_autoptr(Plan) plan = engine_plan(world->engine, request, NULL);
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    assert_int_equal(item->decision, DECISION_NOW);
    assert_non_null(strstr(g_ptr_array_index(item->warnings, 0), "encrypted"));
}

static void lvm_on_system_and_data_is_refused_unless_forced(void **state)
{
    World *world = *state;
    guint8 sector[SECTOR] = {0};
    put_mbr(sector, 0, 0x8e, 2048);
    put_bytes(world, "vda", 0, (const char *)sector, SECTOR);
    put_bytes(world, "vda", 2048 * SECTOR + 536, "LVM2 001", 8);
    put_bytes(world, "vdc", 536, "LVM2 001", 8);
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "LVM lies on system and data");
    Request *forced = world_request(VERB_PREPARE, "lab-1", NULL);
    forced->force = TRUE;
    world_do(world, forced);
}

static void lvm_on_the_system_alone_is_fine(void **state)
{
    World *world = *state;
    put_bytes(world, "vda", 536, "LVM2 001", 8);
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
}

static void a_hibernated_guest_is_not_prepared(void **state)
{
    World *world = *state;
    put_bytes(world, "vda", 4086, "S1SUSPEND", 9);
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "hibernated");
}

/* --- what restore and rebase make of it
 * --------------------------------------------------------------------------------- */

static Plan *plan_of(World *world, Request *request)
{
    g_autoptr(GError) error = NULL;
    Plan *plan = engine_plan(world->engine, request, &error);
    request_free(request);
    if (!plan)
        fail_msg("%s", error->message);
    return plan;
}

static gboolean warns(const Plan *plan, const char *word)
{
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    for (guint i = 0; i < item->warnings->len; i++)
        if (strstr(g_ptr_array_index(item->warnings, i), word))
            return TRUE;
    return FALSE;
}

static void a_clone_that_encrypted_its_data_is_warned_of(void **state)
{
    World *world = *state;
    g_autoptr(Plan) before = plan_of(world, world_request(VERB_RESTORE, "lab-1", NULL));
    assert_false(warns(before, "encrypted"));
    put_bytes(world, "vdc", 0, "LUKS\xba\xbe", 6);
    for (int i = 0; i < 2; i++) { /* the second time it is remembered */
        g_autoptr(Plan) plan = plan_of(world, world_request(VERB_RESTORE, "lab-1", NULL));
        assert_true(warns(plan, "encrypted"));
    }
    put_bytes(world, "vdc", 0, "nothing", 7);
    g_autoptr(Plan) after = plan_of(world, world_request(VERB_RESTORE, "lab-1", NULL));
    assert_false(warns(after, "encrypted"));
}

static void a_pool_that_a_clone_has_grown_over_its_data_is_not_torn(void **state)
{
    World *world = *state;
    put_bytes(world, "vda", 536, "LVM2 001", 8);
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL)); /* on the system alone: fine */
    put_bytes(world, "vda", 536, "LVM2 001", 8);
    put_bytes(world, "vdc", 536, "LVM2 001", 8);
    world_base(world, "v2", "two");
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_REFUSED,
                 "LVM lies on system and data");
    Request *forced = step_rebase("lab-1", "v2");
    forced->force = TRUE;
    world_do(world, forced);
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
}

/* The data volume's half alone was written; the other is the base's. */
static void half_of_a_pool_may_lie_in_the_base(void **state)
{
    World *world = *state;
    put_bytes(world, "vda", 536, "LVM2 001", 8);
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
    world_clone(world, "lab-1", "lab-2");
    g_autoptr(Machine) clone = world_machine(world, "lab-2");
    world_do(world, world_request(VERB_RESTORE, "lab-2", NULL));
    assert_true(memory_storage_write(world->storage, clone->id, "vdc", 536, "LVM2 001", 8));
    step_refused(world, world_request(VERB_RESTORE, "lab-2", NULL), UNDERPIN_ERROR_REFUSED,
                 "LVM lies on system and data");
}

/* The table lies in the base, what is in the partition is the clone's. */
static void a_partition_of_the_base_is_looked_into(void **state)
{
    World *world = *state;
    guint8 sector[SECTOR] = {0};
    put_mbr(sector, 0, 0x83, 2048);
    put_mbr(sector, 1, 0x82, 4096);
    put_bytes(world, "vda", 0, (const char *)sector, SECTOR);
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
    world_clone(world, "lab-1", "lab-2");
    g_autoptr(Machine) clone = world_machine(world, "lab-2");
    assert_true(memory_storage_write(world->storage, clone->id, "vda", 2048 * SECTOR + 1080,
                                     "\x53\xef", 2));
    g_autoptr(Plan) plan = plan_of(world, world_request(VERB_RESTORE, "lab-2", NULL));
    assert_int_equal(((PlanItem *)g_ptr_array_index(plan->items, 0))->decision, DECISION_NOW);
    assert_true(memory_storage_write(world->storage, clone->id, "vda", 4096 * SECTOR + 4086,
                                     "S1SUSPEND", 9));
    step_refused(world, world_request(VERB_RESTORE, "lab-2", NULL), UNDERPIN_ERROR_REFUSED,
                 "hibernated");
}

/* Another table than the base's: then the whole volume is read anew. */
static void a_table_that_the_clone_has_made_is_believed(void **state)
{
    World *world = *state;
    guint8 sector[SECTOR] = {0};
    put_mbr(sector, 2, 0x82, 6144);
    put_bytes(world, "vda", 0, (const char *)sector, SECTOR);
    put_bytes(world, "vda", 6144 * SECTOR + 4086, "S1SUSPEND", 9);
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "hibernated");
}

static void a_hibernated_clone_is_not_restored_unless_forced(void **state)
{
    World *world = *state;
    put_bytes(world, "vda", 4086, "S1SUSPEND", 9);
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "hibernated");
    Request *forced = world_request(VERB_RESTORE, "lab-1", NULL);
    forced->force = TRUE;
    g_autoptr(Plan) plan = engine_plan(world->engine, forced, NULL);
    assert_true(warns(plan, "not cleanly closed"));
    world_do(world, forced);
}

/* The event was seen in an earlier session; the later one has left the hibernated system where it
 * is. */
static void a_hibernated_system_that_still_lies_there_keeps_its_mark(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    step_connect_host(world);
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    put_bytes(world, "vda", 4086, "S1SUSPEND", 9);
    memory_hypervisor_guest_suspends_to_disk(world->hypervisor, machine->uuid);
    world_settle_wanted(world);
    for (int i = 0; i < 2; i++) {
        world_do(world, world_request(VERB_START, "lab-1", NULL));
        if (i == 1)
            put_bytes(world, "vda", 4086, "SWAPSPACE2", 10);
        world_stop(world, "lab-1");
        g_autoptr(Machine) after = world_machine(world, "lab-1");
        assert_int_equal(machine_actual(after)->hibernated, i == 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(each_signature_is_known_by_its_place),
        cmocka_unit_test(nothing_is_found_in_nothing),
        cmocka_unit_test(an_mbr_names_up_to_four_partitions),
        cmocka_unit_test(a_gpt_names_its_partitions),
        cmocka_unit_test(hostile_tables_stay_within_their_bounds),
        cmocka_unit_test(random_bytes_never_break_it),
        TEST(an_encrypted_data_volume_is_warned_of),
        TEST(lvm_on_system_and_data_is_refused_unless_forced),
        TEST(lvm_on_the_system_alone_is_fine),
        TEST(a_hibernated_guest_is_not_prepared),
        TEST(a_clone_that_encrypted_its_data_is_warned_of),
        TEST(a_pool_that_a_clone_has_grown_over_its_data_is_not_torn),
        TEST(half_of_a_pool_may_lie_in_the_base),
        TEST(a_partition_of_the_base_is_looked_into),
        TEST(a_table_that_the_clone_has_made_is_believed),
        TEST(a_hibernated_clone_is_not_restored_unless_forced),
        TEST(a_hibernated_system_that_still_lies_there_keeps_its_mark),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
