/* Plans that change one machine's storage by name: detach, volume add, attach, set-role, resize;
 * remove and export. */
#include <jansson.h>
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/ids.h"

/* Stopped, settled, its heads in place, and no base; else the item refuses. */
static gboolean check_changeable(Planner *planner, const Machine *machine, PlanItem *item)
{
    if (item->decision != DECISION_REFUSE && machine->actual_place == PLACE_SEALED)
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, "unprepare it first, or change a clone of it",
                       "'%s' is a base: it is read-only", machine->name);
    return planner_require_stopped(planner, machine, item) &&
           planner_check_marks(planner, machine, item) &&
           planner_check_heads(planner, machine, item);
}

/* The one machine of the request. NULL without an error: the item refuses. */
static const Machine *changeable(Planner *planner, PlanItem **item_out, GError **error)
{
    const Machine *machine =
        planner_find(planner, g_ptr_array_index(planner->request->machines, 0), error);
    if (!machine)
        return NULL;
    *item_out = planner_item(planner, machine);
    return check_changeable(planner, machine, *item_out) ? machine : NULL;
}

static void replace_and_define(PlanItem *item, const Machine *machine, Generation *desired)
{
    planner_replace(item, machine, NULL, desired);
    item->next->define_after = TRUE;
}

/* --- detach
 * ------------------------------------------------------------------------------------------------
 */

static void detach_one(Planner *planner, const Machine *machine, PlanItem *item)
{
    if (!machine_is_clone(machine)) {
        planner_skip(item, UNDERPIN_ERROR_EXISTS, "is not a clone: it depends on nothing");
        return;
    }
    Generation *desired = generation_plan_keep(machine, CAUSE_CHANGE, planner->now);
    g_clear_pointer(&desired->base_id, g_free);
    for (guint i = 0; i < desired->heads->len; i++) {
        Head *head = g_ptr_array_index(desired->heads, i);
        if (!head->layer_id)
            continue;
        head->source = HEAD_FLATTEN;
        head_set_layer(head, NULL, NULL);
    }
    planner_replace(item, machine, NULL, desired);
    for (guint i = 0; i < item->next->volumes->len; i++)
        ((Volume *)g_ptr_array_index(item->next->volumes, i))->own = FALSE;
    if (machine_newest_entry(machine))
        plan_item_warn(item, "the undo entries of '%s' go: they sit on the base", machine->name);
}

gboolean plan_detach(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        PlanItem *item = planner_item(planner, machine);
        if (check_changeable(planner, machine, item))
            detach_one(planner, machine, item);
    }
    return machines != NULL;
}

/* --- volumes
 * -----------------------------------------------------------------------------------------------
 */

char *planner_free_target(const Machine *machine)
{
    for (char letter = 'a'; letter <= 'z'; letter++) {
        char target[] = {'v', 'd', letter, '\0'};
        if (!machine_volume(machine, target))
            return g_strdup(target);
    }
    return NULL;
}

static gboolean check_new_volume(const Machine *machine, const char *target, Role role,
                                 PlanItem *item)
{
    if (!target || machine_volume(machine, target)) {
        planner_refuse(item, UNDERPIN_ERROR_EXISTS, "choose another target",
                       "'%s' has a volume '%s' already", machine->name,
                       target ? target : "vda … vdz");
        return FALSE;
    }
    if (role == ROLE_SYSTEM && machine_is_clone(machine)) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "add it as data or temporary, or add it to the base",
                       "a clone's system volumes are its base's");
        return FALSE;
    }
    return TRUE;
}

static void add_volume(Planner *planner, PlanItem *item, const Machine *machine, Head *head)
{
    Generation *desired = generation_plan_keep(machine, CAUSE_CHANGE, planner->now);
    g_ptr_array_add(desired->heads, head);
    replace_and_define(item, machine, desired);
    g_ptr_array_add(item->next->volumes,
                    volume_new(head->target, head->role, head->format, machine_is_clone(machine)));
}

static Head *new_head(Planner *planner, const RequestDisk *disk, const char *target, Role role,
                      PlanItem *item)
{
    if (!disk->path)
        return head_new(target, role, "qcow2", disk->capacity_bytes, HEAD_BLANK);
    return planner_adopt(planner, disk->path, disk->format, target, role, item);
}

gboolean plan_volume_add(Planner *planner, GError **error)
{
    PlanItem *item = NULL;
    const Machine *machine = changeable(planner, &item, error);
    if (!machine)
        return item != NULL;
    const RequestDisk *disk = g_ptr_array_index(planner->request->disks, 0);
    g_autofree char *target = disk->target ? g_strdup(disk->target) : planner_free_target(machine);
    Role role = disk->role < 0 ? ROLE_DATA : (Role)disk->role;
    if (!check_new_volume(machine, target, role, item))
        return TRUE;
    Head *head = new_head(planner, disk, target, role, item);
    if (head)
        add_volume(planner, item, machine, head);
    return TRUE;
}

gboolean plan_volume_attach(Planner *planner, GError **error)
{
    PlanItem *item = NULL;
    const KeptVolume *kept =
        g_hash_table_lookup(planner->inventory->kept, planner->request->volume);
    if (!kept)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin volume kept'",
                         "there is no kept volume '%s'", planner->request->volume);
    const Machine *machine = changeable(planner, &item, error);
    if (!machine)
        return item != NULL;
    g_autofree char *target = planner_free_target(machine);
    if (!check_new_volume(machine, target, ROLE_DATA, item))
        return TRUE;
    Head *head = head_new(target, ROLE_DATA, kept->format, kept->capacity_bytes, HEAD_ATTACH);
    head->source_path = g_strdup(kept->path);
    head_set_layer(head, kept->layer_id, kept->layer_format);
    add_volume(planner, item, machine, head);
    return TRUE;
}

static Volume *find_volume(const Machine *machine, const char *target, PlanItem *item)
{
    Volume *volume = (Volume *)machine_volume(machine, target);
    if (!volume)
        planner_refuse(item, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin volume list'",
                       "'%s' has no volume '%s'", machine->name, target);
    return volume;
}

gboolean plan_volume_set_role(Planner *planner, GError **error)
{
    PlanItem *item = NULL;
    const Machine *machine = changeable(planner, &item, error);
    const char *target = planner->request->volume;
    if (!machine || !find_volume(machine, target, item))
        return item != NULL;
    if (machine_is_clone(machine)) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "change it at a clone of the base that was detached, and prepare that",
                       "'%s' is a clone: its roles are its base's", machine->name);
        return TRUE;
    }
    Generation *desired = generation_plan_keep(machine, CAUSE_CHANGE, planner->now);
    ((Head *)generation_head(desired, target))->role = (Role)planner->request->role;
    planner_replace(item, machine, NULL, desired);
    ((Volume *)machine_volume(item->next, target))->role = (Role)planner->request->role;
    return TRUE;
}

gboolean plan_volume_resize(Planner *planner, GError **error)
{
    PlanItem *item = NULL;
    const Machine *machine = changeable(planner, &item, error);
    const char *target = planner->request->volume;
    const Volume *volume = machine ? find_volume(machine, target, item) : NULL;
    if (!volume)
        return item != NULL;
    Generation *desired = generation_plan_keep(machine, CAUSE_CHANGE, planner->now);
    Head *head = (Head *)generation_head(desired, target);
    if (planner->request->capacity_bytes <= head->capacity_bytes) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "a volume can only grow; shrinking would cut its file system off",
                       "volume '%s' of '%s' has that capacity or more", target, machine->name);
        generation_unref(desired);
        return TRUE;
    }
    head->source = HEAD_COPY;
    head->capacity_bytes = planner->request->capacity_bytes;
    planner_replace(item, machine, NULL, desired);
    if (volume->role != ROLE_DATA && machine_is_clone(machine))
        plan_item_warn(
            item, "%s volume '%s' has its base's capacity again after the next restore or rebase",
            role_name(volume->role), target);
    return TRUE;
}

/* --- remove and export
 * ------------------------------------------------------------------------------------- */

static Fate fate_at_removal(const Request *request, Role role)
{
    if (role != ROLE_DATA)
        return FATE_DELETED;
    if (request->now)
        return FATE_DELETED;
    return request->keep_data ? FATE_KEPT : FATE_TRASHED;
}

/* Bases that were made from its clones do not keep a base: they sit on its layers, and those stay
 * as long as they do. */
static GPtrArray *living_clones(Planner *planner, const Machine *base)
{
    GPtrArray *clones = inventory_clones(planner->inventory, base->id);
    for (guint i = clones->len; i-- > 0;)
        if (machine_is_base(g_ptr_array_index(clones, i)))
            g_ptr_array_remove_index(clones, i);
    return clones;
}

static gboolean refuse_with_clones(Planner *planner, const Machine *base, PlanItem *item)
{
    g_autoptr(GPtrArray) clones = living_clones(planner, base);
    if (!clones->len)
        return FALSE;
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < clones->len && i < 5; i++)
        g_string_append_printf(names, "%s'%s'", i ? ", " : "",
                               ((Machine *)g_ptr_array_index(clones, i))->name);
    if (clones->len > 5)
        g_string_append_printf(names, " and %u more", clones->len - 5);
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, "rebase, detach or remove them first",
                   "base '%s' has clones: %s", base->name, names->str);
    return TRUE;
}

/* A removed base lives on as long as undo entries or data volumes need its layers; its name is free
 * again at once. */
static void plan_retirement(const Machine *base, PlanItem *item)
{
    item->next->retired = TRUE;
    g_free(item->next->name);
    item->next->name = g_strdup_printf("%s@%.6s", base->name, base->id);
}

/* A layer that something else still needs stays for as long as it does. */
static Fate fate_of_layer(Planner *planner, const Machine *base, const Volume *volume)
{
    g_autofree char *layer_id = layer_id_build(base->set_id, volume->target);
    g_autoptr(GPtrArray) reasons = references_explain(planner->inventory, layer_id);
    return reasons->len > 1 ? FATE_KEPT : FATE_DELETED; /* the first reason is the base itself */
}

static void remove_one(Planner *planner, const Machine *machine)
{
    PlanItem *item = planner_item(planner, machine);
    gboolean is_base = machine_is_base(machine);
    if (item->decision == DECISION_REFUSE ||
        (is_base && refuse_with_clones(planner, machine, item)))
        return;
    if (machine->retired) {
        planner_skip(item, UNDERPIN_ERROR_EXISTS,
                     "was removed; it goes when nothing needs its layers");
        return;
    }
    if (!is_base && !planner_require_stopped(planner, machine, item))
        return;
    item->next = machine_copy(machine);
    item->next->desired_place = PLACE_GONE;
    item->next->discard = planner->request->now;
    item->next->keep_data = planner->request->keep_data;
    if (is_base)
        plan_retirement(machine, item);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role,
                             is_base ? fate_of_layer(planner, machine, volume)
                                     : fate_at_removal(planner->request, volume->role));
    }
}

gboolean plan_remove(Planner *planner, GError **error)
{
    g_autoptr(GPtrArray) machines = planner_machines(planner, error);
    for (guint i = 0; machines && i < machines->len; i++)
        remove_one(planner, g_ptr_array_index(machines, i));
    return machines != NULL;
}

static gboolean has_origin(const json_t *origin, const char *target)
{
    size_t index;
    json_t *disk;
    json_array_foreach(json_object_get(origin, "disks"), index,
                       disk) if (g_strcmp0(json_string_value(json_object_get(disk, "target")),
                                           target) == 0) return TRUE;
    return FALSE;
}

/* A volume that was added later has no place to go back to: it would be lost. */
static gboolean check_all_imported(const Machine *machine, PlanItem *item)
{
    json_t *origin = json_loads(machine->origin, 0, NULL);
    const char *stray = NULL;
    for (guint i = 0; i < machine->volumes->len && !stray; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        stray = has_origin(origin, volume->target) ? NULL : volume->target;
    }
    json_decref(origin);
    if (!stray)
        return TRUE;
    planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                   "copy what it holds to another volume; or 'underpin remove --keep-data', which "
                   "keeps every data volume",
                   "volume '%s' of '%s' did not come with the import: export has nowhere to put it",
                   stray, machine->name);
    return FALSE;
}

static void warn_of_variables(const Machine *machine, PlanItem *item)
{
    const Generation *actual = machine_actual(machine);
    json_t *origin = json_loads(machine->origin, 0, NULL);
    const char *path = json_string_value(json_object_get(origin, "nvram"));
    if (path && actual && actual->nvram != NVRAM_NONE)
        plan_item_warn(item, "the UEFI variables at '%s' are replaced by those it has now", path);
    json_decref(origin);
}

gboolean plan_export(Planner *planner, GError **error)
{
    PlanItem *item = NULL;
    const Machine *machine = changeable(planner, &item, error);
    if (!machine)
        return item != NULL;
    if (!machine->origin || machine_is_clone(machine)) {
        planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                       "a clone came from nowhere else: detach it and copy its volumes",
                       "'%s' was not imported", machine->name);
        return TRUE;
    }
    if (!check_all_imported(machine, item))
        return TRUE;
    item->next = machine_copy(machine);
    item->next->desired_place = PLACE_GONE;
    item->next->export_out = TRUE;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        plan_item_add_volume(item, volume->target, volume->role, FATE_KEPT);
    }
    warn_of_variables(machine, item);
    return TRUE;
}
