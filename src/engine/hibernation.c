/*
 * Hibernation inside a guest: a suspend-to-disk that was seen marks the generation that the guest
 * ran on, for undo to it would bring back a system that has data file systems cached.
 *
 *     seen ─▶ marked ─▶ started again ─▶ old mark ─▶ its guest powers off, nothing asleep ─▶ none
 *
 * The mark goes with a later session that ends clean. Whether a mark is older than the session is
 * known of sessions only that this daemon saw begin, so that none is mistaken for one that the
 * session itself has left; the mark stays one session longer then.
 */
#include "engine/engine_private.h"

static void mark(Machine *machine, gboolean hibernated)
{
    if (!machine_actual(machine))
        return;
    Generation *marked = generation_copy(machine_actual(machine));
    marked->hibernated = hibernated;
    machine_drop_generation(machine, marked->number);
    machine_take_generation(machine, marked);
}

static void set_old(Engine *engine, const char *machine_id, gboolean is_old)
{
    g_rw_lock_writer_lock(&engine->lock);
    if (is_old)
        g_hash_table_add(engine->old_marks, g_strdup(machine_id));
    else
        g_hash_table_remove(engine->old_marks, machine_id);
    g_rw_lock_writer_unlock(&engine->lock);
}

static gboolean is_old(Engine *engine, const char *machine_id)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean found = g_hash_table_contains(engine->old_marks, machine_id);
    g_rw_lock_reader_unlock(&engine->lock);
    return found;
}

static gboolean is_marked(const Machine *machine)
{
    const Generation *actual = machine_actual(machine);
    return actual && actual->hibernated;
}

static void note(Machine *machine, gpointer data)
{
    (void)data;
    mark(machine, TRUE);
}

void hibernation_seen(Engine *engine, const char *machine_id)
{
    set_old(engine, machine_id, FALSE);
    engine_update_or_warn(engine, machine_id, note, NULL);
}

void hibernation_session_begun(Engine *engine, const char *machine_id)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (machine)
        set_old(engine, machine_id, is_marked(machine));
}

/* A stop that was a reboot says nothing of how the guest went down. */
static gboolean has_ended_clean(Engine *engine, const Machine *machine)
{
    g_autoptr(DomainFacts) facts = hypervisor_inspect(engine->hypervisor, machine->uuid, NULL);
    return facts && facts->shut_down && !machine->start_after &&
           !signatures_are_hibernated(engine, machine);
}

/* The session that was looked at, and no later one. */
static void forget(Machine *machine, gpointer data)
{
    const Machine *looked_at = data;
    if (machine->session == looked_at->session && machine->actual == looked_at->actual &&
        machine->session_started_at == looked_at->session_started_at)
        mark(machine, FALSE);
}

void hibernation_session_ended(Engine *engine, const Machine *machine)
{
    if (!machine->session || !is_marked(machine) || !is_old(engine, machine->id) ||
        !has_ended_clean(engine, machine))
        return;
    set_old(engine, machine->id, FALSE);
    engine_update_or_warn(engine, machine->id, forget, (gpointer)machine);
}
