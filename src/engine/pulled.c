/*
 * Heads that a block pull has made standalone ('virsh blockpull', from a guest's session): their
 * content is whole in themselves, and what they are recorded to sit on is of no use to them any
 * more. They are taken over as heads without a layer, when their session ends.
 */
#include "engine/engine_private.h"

static gboolean is_pulled(Engine *engine, const Machine *machine, const Head *head)
{
    g_auto(HeadFacts) facts = {0};
    return head->layer_id &&
           storage_head_facts(engine->storage, machine, 0, head->target, &facts, NULL) &&
           facts.exists && facts.is_ours && !facts.backing;
}

GHashTable *pulled_heads(Engine *engine, const Machine *machine)
{
    GHashTable *targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const Generation *actual = machine_actual(machine);
    for (guint i = 0; actual && i < actual->heads->len; i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        if (is_pulled(engine, machine, head))
            g_hash_table_add(targets, g_strdup(head->target));
    }
    return targets;
}

/* Whether the generation still says of a kept head that it sits on what it was pulled off. */
static gboolean is_mistaken(const Generation *generation, GHashTable *targets)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        if (head->source == HEAD_KEEP && head->layer_id &&
            g_hash_table_contains(targets, head->target))
            return TRUE;
    }
    return FALSE;
}

gboolean pulled_concerns(Engine *engine, const Machine *machine, GHashTable *targets)
{
    g_auto(MachineFacts) facts = {0};
    return machine->desired != machine->actual && machine_desired(machine) &&
           is_mistaken(machine_desired(machine), targets) &&
           storage_machine_facts(engine->storage, machine->id, &facts, NULL) &&
           facts.now != machine->desired;
}

void pulled_take_off(Generation *generation, GHashTable *targets)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        Head *head = g_ptr_array_index(generation->heads, i);
        if (head->source == HEAD_KEEP && g_hash_table_contains(targets, head->target))
            head_set_layer(head, NULL, NULL);
    }
}

/* What is put aside keeps its heads however they were made. */
static Generation *actual_without_layers(const Machine *machine, GHashTable *targets)
{
    Generation *actual = generation_copy(machine_actual(machine));
    for (guint i = 0; i < actual->heads->len; i++) {
        Head *head = g_ptr_array_index(actual->heads, i);
        if (g_hash_table_contains(targets, head->target))
            head_set_layer(head, NULL, NULL);
    }
    return actual;
}

static void replace_generation(Machine *machine, Generation *generation)
{
    machine_drop_generation(machine, generation->number);
    machine_take_generation(machine, generation);
}

Machine *pulled_correct_wish(Engine *engine, const Machine *machine, GHashTable *targets,
                             GError **error)
{
    const char *ids[] = {machine->id, NULL};
    g_autoptr(Machine) after = machine_copy(machine);
    Generation *desired = generation_copy(machine_desired(machine));
    pulled_take_off(desired, targets);
    replace_generation(after, desired);
    replace_generation(after, actual_without_layers(machine, targets));
    if (!storage_stage(engine->storage, after, desired, NULL, error) ||
        !storage_sync(engine->storage, ids, error) ||
        !engine_commit_one(engine, machine, after, error))
        return NULL;
    return g_steal_pointer(&after);
}
