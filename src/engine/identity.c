/*
 * Identity: a fresh system is a new instance, and says so by SMBIOS
 * ("ds=nocloud;i=INSTANCE;h=NAME") so that cloud-init or a first-boot script can act. A switch
 * itself needs no libvirt: the definition is brought in line in the background, or at the latest by
 * a start of ours.
 */
#include <string.h>

#include "engine/engine_private.h"

/* Whether the definition carries an instance id of ours that is not this one. */
static gboolean is_stale(const Machine *machine, const DomainFacts *facts)
{
    g_autofree char *instance = settle_instance_id(machine);
    g_autofree char *ours = g_strdup_printf("ds=nocloud;i=%s-", machine->id);
    g_autofree char *current = g_strdup_printf("ds=nocloud;i=%s;", instance);
    return strstr(facts->xml, ours) && !strstr(facts->xml, current);
}

gboolean identity_refresh(Engine *engine, const char *machine_id, GError **error)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine || !machine_is_clone(machine) || machine_is_pending(machine))
        return TRUE;
    g_autoptr(DomainFacts) facts = hypervisor_inspect(engine->hypervisor, machine->uuid, error);
    return facts && (!is_stale(machine, facts) || settle_define(engine, machine, error));
}

gboolean identity_start(Engine *engine, const char *machine_id, GError **error)
{
    g_autoptr(GError) ignored = NULL;
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!identity_refresh(engine, machine_id, &ignored))
        g_message("renewing the identity of '%s': %s", machine->name, ignored->message);
    return hypervisor_start(engine->hypervisor, machine->uuid, error);
}

void identity_note_stale(Engine *engine, const char *machine_id)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_hash_table_add(engine->stale_identities, g_strdup(machine_id));
    g_rw_lock_writer_unlock(&engine->lock);
}

static char *take_stale(Engine *engine)
{
    GHashTableIter iter;
    gpointer key = NULL;
    g_rw_lock_writer_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->stale_identities);
    char *id = g_hash_table_iter_next(&iter, &key, NULL) ? g_strdup(key) : NULL;
    if (id)
        g_hash_table_iter_remove(&iter);
    g_rw_lock_writer_unlock(&engine->lock);
    return id;
}

void identity_refresh_noted(Engine *engine, const char *machine_id)
{
    g_autoptr(GError) error = NULL;
    g_rw_lock_writer_lock(&engine->lock);
    gboolean noted = g_hash_table_remove(engine->stale_identities, machine_id);
    g_rw_lock_writer_unlock(&engine->lock);
    if (noted && !identity_refresh(engine, machine_id, &error))
        g_debug("renewing the identity of machine %s: %s", machine_id, error->message);
}

gboolean engine_renew_identity(Engine *engine)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = take_stale(engine);
    if (!id)
        return FALSE;
    /* A job has it, or libvirt is away: the next round tries again. */
    gboolean occupied = engine_occupy_briefly(engine, id, "its identity is being renewed", NULL);
    gboolean done = occupied && identity_refresh(engine, id, &error);
    if (occupied)
        engine_vacate(engine, id);
    if (error)
        g_debug("renewing the identity of machine %s: %s", id, error->message);
    if (!done && error_code(error) != UNDERPIN_ERROR_NOT_FOUND)
        identity_note_stale(engine, id);
    return done;
}
