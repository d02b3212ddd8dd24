/* Plans that switch nothing: power, hold, and requests about the whole installation. */
#include "engine/engine_private.h"

/* A guest that stands still cannot follow a request. */
static void refuse_halted(PlanItem *item, const Machine *machine, Power power)
{
    g_autofree char *hint = g_strdup_printf("let it go on: 'underpin start %s'; or switch it off: "
                                            "'underpin poweroff %s'",
                                            machine->name, machine->name);
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, hint, "'%s' is %s: its guest hears nothing",
                   machine->name, power_name(power));
}

static void power_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    Verb verb = planner->request->verb;
    Power power = planner_power(planner, machine);
    gboolean goes_on = power_is_live(power) && !power_is_halted(power);
    if (item->decision == DECISION_REFUSE)
        return;
    if (machine->actual_place == PLACE_SEALED)
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, "make a clone of it and start that",
                       "'%s' is a base: it is read-only", machine->name);
    else if (verb == VERB_START && goes_on)
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "runs already");
    else if (verb != VERB_START && !power_is_live(power) && power != POWER_UNKNOWN)
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "is %s", power_name(power));
    else if ((verb == VERB_SHUTDOWN || verb == VERB_REBOOT) && power_is_halted(power))
        refuse_halted(item, machine, power);
}

gboolean plan_power(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    if (!machines || !hypervisor_ping(planner->engine->hypervisor, error))
        return FALSE;
    for (guint i = 0; i < machines->len; i++)
        power_one(planner, g_ptr_array_index(machines, i));
    return TRUE;
}

static void hold_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    gboolean hold = planner->request->verb == VERB_HOLD;
    if (item->decision == DECISION_REFUSE)
        return;
    if (machine->held == hold && (!hold || !planner->request->reason)) {
        planner_skip(item, UNDERPIN_ERROR_EXISTS, hold ? "is on hold already" : "is not on hold");
        return;
    }
    item->next = machine_copy(machine);
    item->next->held = hold;
    g_free(item->next->hold_reason);
    item->next->hold_reason = hold ? g_strdup(planner->request->reason) : NULL;
}

gboolean plan_hold(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++)
        hold_one(planner, g_ptr_array_index(machines, i));
    return machines != NULL;
}

gboolean plan_whole(Planner *planner, GError **error)
{
    (void)plan_add(planner->plan, NULL, verb_name(planner->request->verb));
    return TRUE;
}

gboolean plan_flatten(Planner *planner, GError **error)
{
    const char *layer_id = planner->request->layer;
    const Layer *layer = g_hash_table_lookup(planner->inventory->layers, layer_id);
    if (!layer)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin layers'",
                         "there is no layer '%s'", layer_id);
    PlanItem *item = plan_add(planner->plan, NULL, layer->id);
    if (!layer->parent_id)
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "sits on no other layer");
    planner->plan->needed_bytes += layer->capacity_bytes;
    return TRUE;
}
