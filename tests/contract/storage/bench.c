/* What the contract tests share. */
#include "bench.h"

#include <string.h>

static Bench *(*make_bench)(void);

void bench_choose(const char *adapter)
{
    static const struct {
        const char *name;
        Bench *(*make)(void);
    } adapters[] = {{"memory", bench_memory_new}, {"directory", bench_directory_new}};
    for (gsize i = 0; i < G_N_ELEMENTS(adapters); i++)
        if (strcmp(adapters[i].name, adapter) == 0)
            make_bench = adapters[i].make;
    if (!make_bench)
        g_error("the argument must name an adapter, not '%s'", adapter);
}

Bench *bench_new(void)
{
    return make_bench();
}

int bench_setup(void **state)
{
    *state = bench_new();
    return 0;
}

int bench_teardown(void **state)
{
    Bench *bench = *state;
    bench->free(bench);
    return 0;
}

/* --- records
 * ---------------------------------------------------------------------------------------------------
 */

Machine *machine_make(const char *name, const char *format)
{
    g_autofree char *id = id_new();
    g_autofree char *uuid = uuid_new();
    Machine *machine = machine_new(id, name, uuid, 1);
    g_ptr_array_add(machine->volumes, volume_new("vda", ROLE_SYSTEM, format, FALSE));
    g_ptr_array_add(machine->volumes, volume_new("vdb", ROLE_TEMPORARY, format, FALSE));
    g_ptr_array_add(machine->volumes, volume_new("vdc", ROLE_DATA, format, FALSE));
    return machine;
}

Generation *generation_make(const Machine *machine, Cause cause)
{
    const Generation *actual = machine_actual(machine);
    return generation_new(machine_next_number(machine), cause, actual ? actual->base_id : NULL, 2);
}

Head *generation_add(Generation *generation, const char *target, Role role, const char *format,
                     HeadSource source)
{
    Head *head = head_new(target, role, format, CAPACITY, source);
    g_ptr_array_add(generation->heads, head);
    return head;
}

static void add_kept(Generation *generation, const Head *current)
{
    Head *head = head_copy(current);
    head->source = HEAD_KEEP;
    g_clear_pointer(&head->source_path, g_free);
    g_ptr_array_add(generation->heads, head);
}

Generation *generation_keep_all(const Machine *machine)
{
    Generation *generation = generation_make(machine, CAUSE_CHANGE);
    const GPtrArray *heads = machine_actual(machine)->heads;
    for (guint i = 0; i < heads->len; i++)
        add_kept(generation, g_ptr_array_index(heads, i));
    return generation;
}

Generation *generation_fresh(const Machine *machine, const Machine *base)
{
    Generation *generation = generation_make(machine, CAUSE_RESTORE);
    g_free(generation->base_id);
    generation->base_id = g_strdup(base->id);
    for (guint i = 0; i < base->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(base->volumes, i);
        const Generation *actual = machine_actual(machine);
        const Head *current = actual ? generation_head(actual, volume->target) : NULL;
        if (current && volume->role == ROLE_DATA) {
            add_kept(generation, current);
            continue;
        }
        g_autofree char *layer_id = layer_id_build(base->set_id, volume->target);
        head_set_layer(
            generation_add(generation, volume->target, volume->role, "qcow2", HEAD_FRESH), layer_id,
            volume->format);
    }
    return generation;
}

void machine_want(Machine *machine, Generation *generation)
{
    machine->desired = generation->number;
    machine->desired_place = PLACE_NOW;
    machine_take_generation(machine, generation);
}

static gboolean stage_unless_done(Bench *bench, const Machine *machine, GError **error)
{
    const char *const ids[] = {machine->id, NULL};
    g_auto(MachineFacts) facts = {0};
    if (!storage_machine_facts(bench->storage, machine->id, &facts, error))
        return FALSE;
    if (facts.now == machine->desired)
        return TRUE;
    return storage_abandon(bench->storage, machine->id, error) &&
           storage_stage(bench->storage, machine, machine_desired(machine), NULL, error) &&
           storage_sync(bench->storage, ids, error);
}

gboolean machine_settle(Bench *bench, Machine *machine, gboolean keep, GError **error)
{
    const char *const ids[] = {machine->id, NULL};
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 held_bytes = 0;
    if (!stage_unless_done(bench, machine, error) ||
        !storage_switch(bench->storage, machine, machine->desired, &result, error) ||
        !storage_put_aside(bench->storage, machine, keep, &kept, &held_bytes, error) ||
        !storage_sync(bench->storage, ids, error))
        return FALSE;
    machine->actual = machine->desired;
    machine->actual_place = PLACE_NOW;
    return TRUE;
}

/* --- machines
 * ---------------------------------------------------------------------------------------------------
 */

Machine *machine_with_content(Bench *bench, const char *name, const char *format)
{
    Machine *machine = machine_make(name, format);
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, format, HEAD_BLANK);
    generation_add(first, "vdb", ROLE_TEMPORARY, format, HEAD_BLANK);
    generation_add(first, "vdc", ROLE_DATA, format, HEAD_BLANK);
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    bench->write(bench, machine, "vda", 0, 'S', FILLED);
    bench->write(bench, machine, "vdb", 0, 'T', FILLED);
    bench->write(bench, machine, "vdc", 0, 'D', FILLED);
    return machine;
}

void machine_seal(Bench *bench, Machine *machine)
{
    machine->set_id = id_new();
    machine->prepared_at = 3;
    machine->desired_place = PLACE_SEALED;
    assert_ok(storage_seal(bench->storage, machine, error));
    machine->actual_place = PLACE_SEALED;
}

Machine *base_make(Bench *bench, const char *name, const char *format)
{
    Machine *machine = machine_with_content(bench, name, format);
    machine_seal(bench, machine);
    return machine;
}

Machine *clone_make(Bench *bench, const Machine *base, const char *name)
{
    Machine *machine = machine_make(name, "qcow2");
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(machine_settle(bench, machine, FALSE, error));
    return machine;
}

Layer *layer_of(const Machine *base, const char *target)
{
    const Head *head = generation_head(machine_actual(base), target);
    Layer *layer = layer_new(base->set_id, target, head->role, head->format, head->capacity_bytes);
    layer->parent_id = g_strdup(head->layer_id);
    layer->machine_id = g_strdup(base->id);
    return layer;
}

/* --- looking
 * -----------------------------------------------------------------------------------------------------
 */

guint8 byte_at(Bench *bench, const Machine *machine, const char *target, guint64 offset)
{
    guint8 byte = 0xee;
    assert_ok(storage_read(bench->storage, machine, target, offset, &byte, 1, error) == 1);
    return byte;
}

HeadFacts facts_now(Bench *bench, const Machine *machine, const char *target)
{
    HeadFacts facts = {0};
    assert_ok(storage_head_facts(bench->storage, machine, 0, target, &facts, error));
    return facts;
}

gboolean exists_now(Bench *bench, const Machine *machine, const char *target)
{
    g_auto(HeadFacts) facts = facts_now(bench, machine, target);
    return facts.exists;
}

guint links_now(Bench *bench, const Machine *machine, const char *target)
{
    g_auto(HeadFacts) facts = facts_now(bench, machine, target);
    return facts.link_count;
}

guint64 inode_now(Bench *bench, const Machine *machine, const char *target)
{
    g_auto(HeadFacts) facts = facts_now(bench, machine, target);
    return facts.inode;
}

guint64 capacity_now(Bench *bench, const Machine *machine, const char *target)
{
    g_auto(HeadFacts) facts = facts_now(bench, machine, target);
    return facts.capacity_bytes;
}

guint entries_of(Bench *bench, const Machine *machine)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    return facts.entries ? facts.entries->len : 0;
}
