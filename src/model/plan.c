/* A plan: what a request would do, per machine and volume. */
#include "model/plan.h"

#include "model/json_put.h"

static const char *const fate_names[] = {
    [FATE_KEPT] = "KEPT",         [FATE_REPLACED] = "REPLACED", [FATE_RESET] = "RESET",
    [FATE_DELETED] = "DELETED",   [FATE_TRASHED] = "TO TRASH",  [FATE_SEALED] = "SEALED",
    [FATE_UNSEALED] = "UNSEALED", [FATE_CREATED] = "CREATED",   [FATE_CHANGED] = "CHANGED",
};
G_STATIC_ASSERT(G_N_ELEMENTS(fate_names) == FATE_COUNT);

static const char *const decision_names[] = {
    [DECISION_NOW] = "now",
    [DECISION_PENDING] = "pending",
    [DECISION_SKIP] = "skip",
    [DECISION_REFUSE] = "refuse",
};
G_STATIC_ASSERT(G_N_ELEMENTS(decision_names) == DECISION_COUNT);

const char *fate_name(Fate fate)
{
    g_return_val_if_fail((guint)fate < FATE_COUNT, "unknown");
    return fate_names[fate];
}

const char *decision_name(Decision decision)
{
    g_return_val_if_fail((guint)decision < DECISION_COUNT, "unknown");
    return decision_names[decision];
}

static void plan_volume_free(PlanVolume *volume)
{
    g_free(volume->target);
    g_free(volume->from_layer);
    g_free(volume->to_layer);
    g_free(volume);
}

static void plan_item_free(PlanItem *item)
{
    g_free(item->machine_id);
    g_free(item->name);
    g_free(item->reason);
    g_free(item->hint);
    g_ptr_array_unref(item->warnings);
    g_ptr_array_unref(item->volumes);
    g_free(item->power);
    g_clear_pointer(&item->purged, g_ptr_array_unref);
    generation_unref(item->desired);
    machine_unref(item->next);
    g_free(item->domain_xml);
    g_free(item);
}

Plan *plan_new(const Request *request)
{
    Plan *plan = g_new0(Plan, 1);
    plan->request = request_copy(request);
    plan->items = g_ptr_array_new_with_free_func((GDestroyNotify)plan_item_free);
    plan->warnings = g_ptr_array_new_with_free_func(g_free);
    return plan;
}

void plan_free(Plan *plan)
{
    if (plan == NULL)
        return;
    request_free(plan->request);
    g_ptr_array_unref(plan->items);
    g_ptr_array_unref(plan->warnings);
    g_free(plan);
}

PlanItem *plan_add(Plan *plan, const char *machine_id, const char *name)
{
    PlanItem *item = g_new0(PlanItem, 1);
    item->machine_id = g_strdup(machine_id);
    item->name = g_strdup(name);
    item->warnings = g_ptr_array_new_with_free_func(g_free);
    item->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)plan_volume_free);
    g_ptr_array_add(plan->items, item);
    return item;
}

PlanVolume *plan_item_add_volume(PlanItem *item, const char *target, Role role, Fate fate)
{
    PlanVolume *volume = g_new0(PlanVolume, 1);
    volume->target = g_strdup(target);
    volume->role = role;
    volume->fate = fate;
    g_ptr_array_add(item->volumes, volume);
    return volume;
}

void plan_item_warn(PlanItem *item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(item->warnings, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void plan_warn(Plan *plan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(plan->warnings, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

void plan_item_refuse(PlanItem *item, const GError *error)
{
    char *reason = g_strdup(error->message);
    char *hint = g_strdup(error_hint(error));
    g_free(item->reason);
    g_free(item->hint);
    item->decision = DECISION_REFUSE;
    item->code = error_code(error);
    item->reason = reason;
    item->hint = hint;
}

guint plan_count(const Plan *plan, Decision decision)
{
    guint count = 0;
    for (guint i = 0; i < plan->items->len; i++)
        count +=
            ((const PlanItem *)g_ptr_array_index(plan->items, i))->decision == decision ? 1 : 0;
    return count;
}

static gboolean item_is_done(const PlanItem *item)
{
    return item->decision == DECISION_NOW || item->decision == DECISION_PENDING;
}

/* The set of fates, one bit each, that volumes of `role` meet in those items that something happens
 * to. */
static guint fates_of_role(const Plan *plan, Role role)
{
    guint fates = 0;
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        for (guint j = 0; item_is_done(item) && j < item->volumes->len; j++) {
            const PlanVolume *volume = g_ptr_array_index(item->volumes, j);
            if (volume->role == role)
                fates |= 1u << volume->fate;
        }
    }
    return fates;
}

/* What a verb that replaces does to each role: said even of roles that these machines happen not to
 * have. */
static const Fate replacing_fates[ROLE_COUNT] = {
    [ROLE_SYSTEM] = FATE_REPLACED,
    [ROLE_TEMPORARY] = FATE_RESET,
    [ROLE_DATA] = FATE_KEPT,
};

/* ", data KEPT or CREATED" for a set of fates; nothing for the empty set. */
static void append_fates(GString *text, Role role, guint fates)
{
    gboolean first = TRUE;
    for (guint fate = 0; fate < FATE_COUNT; fate++) {
        if ((fates & 1u << fate) == 0)
            continue;
        if (first)
            g_string_append_printf(text, "%s%s ", text->len == 0 ? "" : ", ", role_name(role));
        g_string_append_printf(text, "%s%s", first ? "" : " or ", fate_names[fate]);
        first = FALSE;
    }
}

static gboolean plan_forgets(const Plan *plan)
{
    gboolean forgets = FALSE;
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        forgets |= item_is_done(item) && item->forgotten > 0;
    }
    return forgets;
}

char *plan_summary(const Plan *plan)
{
    gboolean replaces = verb_info(plan->request->verb)->replaces;
    GString *text = g_string_new(NULL);
    for (guint role = 0; role < ROLE_COUNT; role++) {
        guint fates = fates_of_role(plan, (Role)role);
        if (replaces)
            fates |= 1u << replacing_fates[role];
        append_fates(text, (Role)role, fates);
    }
    if (plan_forgets(plan))
        g_string_append_printf(text, "%sundo DELETED", text->len == 0 ? "" : ", ");
    return g_string_free(text, FALSE);
}

static json_t *texts_to_json(const GPtrArray *texts)
{
    json_t *array = json_array();
    for (guint i = 0; i < texts->len; i++)
        json_array_append_new(array, json_text(g_ptr_array_index(texts, i)));
    return array;
}

static json_t *plan_volumes_to_json(const GPtrArray *volumes)
{
    json_t *array = json_array();
    for (guint i = 0; i < volumes->len; i++) {
        const PlanVolume *volume = g_ptr_array_index(volumes, i);
        json_t *object = json_object();
        json_put_text(object, "target", volume->target);
        json_put_text(object, "role", role_name(volume->role));
        json_put_text(object, "fate", fate_name(volume->fate));
        json_put_text(object, "from_layer", volume->from_layer);
        json_put_text(object, "to_layer", volume->to_layer);
        json_put_number(object, "capacity_before", volume->capacity_before);
        json_put_number(object, "capacity_after", volume->capacity_after);
        json_put_number(object, "lost_bytes", volume->lost_bytes);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *plan_item_to_json(const PlanItem *item)
{
    json_t *object = json_object();
    json_put_text(object, "machine_id", item->machine_id);
    json_put_text(object, "machine", item->name);
    json_put_text(object, "decision", decision_name(item->decision));
    if (!item_is_done(item))
        json_put_text(object, "code", error_code_name(item->code));
    json_put_text_if_any(object, "reason", item->reason);
    json_put_text_if_any(object, "hint", item->hint);
    json_put_text(object, "power", item->power == NULL ? "unknown" : item->power);
    json_object_set_new(object, "warnings", texts_to_json(item->warnings));
    json_put_number(object, "freed_bytes", item->freed_bytes);
    json_put_number(object, "held_bytes", item->held_bytes);
    json_put_number(object, "forgotten_entries", item->forgotten);
    json_object_set_new(object, "volumes", plan_volumes_to_json(item->volumes));
    return object;
}

static json_t *decision_counts_to_json(const Plan *plan)
{
    json_t *counts = json_object();
    for (guint decision = 0; decision < DECISION_COUNT; decision++)
        json_put_number(counts, decision_names[decision], plan_count(plan, (Decision)decision));
    return counts;
}

json_t *plan_to_json(const Plan *plan)
{
    json_t *object = json_object(), *items = json_array();
    g_autofree char *summary = plan_summary(plan);
    for (guint i = 0; i < plan->items->len; i++)
        json_array_append_new(items, plan_item_to_json(g_ptr_array_index(plan->items, i)));
    json_put_text(object, "verb", verb_name(plan->request->verb));
    json_put_text(object, "summary", summary);
    json_object_set_new(object, "items", items);
    json_object_set_new(object, "warnings", texts_to_json(plan->warnings));
    json_object_set_new(object, "counts", decision_counts_to_json(plan));
    json_put_number(object, "needed_bytes", plan->needed_bytes);
    json_put_number(object, "free_bytes", plan->free_bytes);
    if (plan->estimate_seconds > 0)
        json_object_set_new(object, "estimate_seconds", json_real(plan->estimate_seconds));
    return object;
}
