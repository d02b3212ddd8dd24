/*
 * Stamps: which saved memory still fits a machine's disks.
 *
 * Memory fits the disks as they were when it was saved, and nothing but the very last one does:
 * two `virsh save` files of one machine look alike, and the older one would resume a guest on file
 * systems that have been written since. So each session gets a stamp, a random id, in the live
 * metadata of its domain: libvirt stores it with the memory, and the hook reads it from there.
 *
 *     mark "unsettled"       live metadata    then
 *     GENERATION [OLD]       OLD, or none     as the hook's `started` leaves it: memory that
 * carries OLD may be of an earlier session too GENERATION NEW         OLD              announced
 *     GENERATION NEW         NEW
 *     GENERATION NEW sole    NEW              memory is resumed if, and only if, it carries NEW
 *
 * The last step is taken only while the mark still announces this very stamp: a session that began
 * in between has written the mark anew, and is not confused with the one that was stamped. A
 * machine that is started while the daemon is away has no sole stamp before the daemon is back;
 * then its running domain gets one, or the managed save that it left.
 *
 * Only the thread of libvirt's events, and the resync on it, stamp.
 */
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/ids.h"

static gboolean stamp_anew(Engine *engine, const Machine *machine, const char *carried,
                           GError **error)
{
    g_autofree char *stamp = id_new();
    return storage_stamp(engine->storage, machine->id, stamp, FALSE, error) &&
           hypervisor_stamp(engine->hypervisor, machine->uuid, carried, stamp, error) &&
           storage_stamp(engine->storage, machine->id, stamp, TRUE, error);
}

void stamp_session(Engine *engine, const char *machine_id)
{
    g_autoptr(GError) error = NULL;
    g_auto(MachineFacts) facts = {0};
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine || !storage_machine_facts(engine->storage, machine_id, &facts, NULL) ||
        !facts.marked || facts.stamp_is_sole)
        return;
    if (!stamp_anew(engine, machine, facts.stamp, &error))
        g_message("memory that '%s' saves in this session will not be resumed: %s", machine->name,
                  error->message);
}

gboolean stamp_check(Engine *engine, const Machine *machine, const char *memory, GError **error)
{
    g_auto(MachineFacts) facts = {0};
    if (!storage_machine_facts(engine->storage, machine->id, &facts, error))
        return FALSE;
    if (!facts.stamp_is_sole || facts.marked_generation != machine->actual)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                         "whether the saved memory of '%s' fits its disks is not known: drop it "
                         "('virsh managedsave-remove %s', or the file), then start",
                         machine->name, machine->name);
    return strcmp(facts.stamp, memory) == 0 ||
           error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                     "the disks of '%s' were written since this memory was saved: drop it ('virsh "
                     "managedsave-remove %s', or the file) and resume the latest, or start",
                     machine->name, machine->name);
}
