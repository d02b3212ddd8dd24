/*
 * Import: where most damage can be done, because it moves. Everything that may not be moved is
 * refused with the finding named; nothing is touched before the commit but by hard links that can
 * be taken back.
 */
#include <jansson.h>
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/ids.h"

/* --- one image
 * --------------------------------------------------------------------------------------------- */

/* Refusals that no option overrides. */
static gboolean check_plain(const ImageFacts *facts, const char *path, PlanItem *item)
{
    const struct {
        gboolean found;
        const char *what, *hint;
    } findings[] = {
        {facts->locked, "is in use by a QEMU", "stop what uses it ('fuser' finds it)"},
        {facts->encrypted, "is encrypted inside qcow2", "convert it to an unencrypted image first"},
        {facts->data_file != NULL, "keeps its data in another file",
         "convert it with 'qemu-img convert' first"},
        {facts->has_snapshots, "has internal snapshots",
         "delete them with 'qemu-img snapshot -d' first"},
        {facts->link_count > 1, "has more than one name (hard links)",
         "remove the other names, or import a copy"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(findings); i++) {
        if (!findings[i].found)
            continue;
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, findings[i].hint, "'%s' %s", path,
                       findings[i].what);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_not_backing(Planner *planner, const char *path, PlanItem *item)
{
    g_autofree char *by = NULL;
    g_autoptr(GError) error = NULL;
    if (!storage_find_user_of_image(planner->engine->storage, path, &by, &error)) {
        plan_item_refuse(item, error);
        return FALSE;
    }
    if (!by)
        return TRUE;
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, "moving it would break that image: import a copy",
                   "'%s' is the backing file of '%s'", path, by);
    return FALSE;
}

/* Disks of other domains, by inode with links resolved. */
static gboolean check_not_shared(Planner *planner, const ImageFacts *facts, const char *own_uuid,
                                 PlanItem *item)
{
    g_autoptr(GPtrArray) domains = hypervisor_list(planner->engine->hypervisor, NULL);
    for (guint i = 0; domains && i < domains->len; i++) {
        const DomainState *state = g_ptr_array_index(domains, i);
        g_autoptr(DomainFacts) other =
            g_strcmp0(state->uuid, own_uuid)
                ? hypervisor_inspect(planner->engine->hypervisor, state->uuid, NULL)
                : NULL;
        for (guint j = 0; other && j < other->disks->len; j++) {
            const DomainDisk *disk = g_ptr_array_index(other->disks, j);
            if (!disk->path ||
                !storage_is_file(planner->engine->storage, disk->path, facts->device, facts->inode))
                continue;
            planner_refuse(item, UNDERPIN_ERROR_REFUSED, "remove the disk there, or import a copy",
                           "'%s' is a disk of domain '%s' too", facts->canonical_path, state->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean needs_conversion(const ImageFacts *facts)
{
    return facts->backing || facts->is_block_device ||
           (strcmp(facts->format, "qcow2") != 0 && strcmp(facts->format, "raw") != 0);
}

static gboolean check_conversion(Planner *planner, const ImageFacts *facts, const char *path,
                                 PlanItem *item)
{
    if (!needs_conversion(facts) || (planner->request->flatten && !facts->chain_problem))
        return TRUE;
    if (planner->request->flatten) {
        plan_item_refuse(item, facts->chain_problem);
        return FALSE;
    }
    const char *what = facts->backing           ? "has a backing file"
                       : facts->is_block_device ? "is a block device"
                                                : "is not qcow2 or raw";
    planner_refuse(item, UNDERPIN_ERROR_REFUSED, "use --flatten to import a full copy of it",
                   "'%s' %s", path, what);
    return FALSE;
}

static Head *head_of_image(const ImageFacts *facts, const char *target, Role role)
{
    gboolean convert = needs_conversion(facts);
    Head *head = head_new(target, role, convert ? "qcow2" : facts->format, facts->capacity_bytes,
                          convert ? HEAD_CONVERT : HEAD_ADOPT);
    head->source_path = g_strdup(facts->canonical_path);
    head->source_format = g_strdup(facts->format);
    return head;
}

static Head *adopt_image(Planner *planner, const char *path, const char *format, const char *target,
                         Role role, const char *own_uuid, PlanItem *item)
{
    g_auto(ImageFacts) facts = {0};
    g_autoptr(GError) error = NULL;
    if (!storage_probe_image(planner->engine->storage, path, format, &facts, &error)) {
        plan_item_refuse(item, error);
        return NULL;
    }
    gboolean ok = check_plain(&facts, path, item) &&
                  check_conversion(planner, &facts, path, item) &&
                  check_not_backing(planner, facts.canonical_path, item) &&
                  check_not_shared(planner, &facts, own_uuid, item);
    if (ok && !facts.same_file_system && !needs_conversion(&facts))
        plan_item_warn(
            item, "'%s' lies on another file system: it is copied, and the original stays", path);
    return ok ? head_of_image(&facts, target, role) : NULL;
}

Head *planner_adopt(Planner *planner, const char *path, const char *format, const char *target,
                    Role role, PlanItem *item)
{
    return adopt_image(planner, path, format, target, role, NULL, item);
}

/* --- roles
 * -------------------------------------------------------------------------------------------------
 */

static const RequestDisk *stated_disk(const Request *request, const char *target)
{
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

/* The first boot disk is proposed as system, everything else as data. */
static gboolean is_proposed_system(const DomainFacts *facts, const DomainDisk *disk)
{
    const DomainDisk *best = NULL;
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *one = g_ptr_array_index(facts->disks, i);
        if (strcmp(one->device, "disk") != 0)
            continue;
        if (!best || (one->boot_order && (!best->boot_order || one->boot_order < best->boot_order)))
            best = one;
    }
    return best == disk;
}

static void refuse_without_roles(const DomainFacts *facts, PlanItem *item)
{
    g_autoptr(GString) hint = g_string_new("proposed:");
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        if (strcmp(disk->device, "disk") != 0)
            continue;
        Role role = is_proposed_system(facts, disk) ? ROLE_SYSTEM : ROLE_DATA;
        g_string_append_printf(hint, " --disk %s,role=%s", disk->target, role_name(role));
    }
    planner_refuse(item, UNDERPIN_ERROR_INVALID, hint->str,
                   "the role of each volume must be stated");
}

static gboolean roles_are_stated(const Request *request, const DomainFacts *facts)
{
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        const RequestDisk *stated = stated_disk(request, disk->target);
        if (strcmp(disk->device, "disk") == 0 && (!stated || stated->role < 0))
            return FALSE;
    }
    return TRUE;
}

/* --- a domain
 * ---------------------------------------------------------------------------------------------- */

static gboolean check_domain(Planner *planner, const DomainFacts *facts, PlanItem *item)
{
    const char *name = facts->state->name;
    const struct {
        gboolean found;
        const char *what, *hint;
    } findings[] = {
        {facts->state->machine_id &&
             g_hash_table_contains(planner->inventory->machines, facts->state->machine_id),
         "is managed already", "see 'underpin list'"},
        {!facts->state->persistent, "is transient: it has no stored definition",
         "define it with 'virsh define' first"},
        {facts->managed_save, "has saved memory", "start it, which resumes it, and shut it down"},
        {facts->saved_to_file, "was saved to a file when it last ran",
         "resume it from that file, or start it anew, and shut it down"},
        {power_is_active(facts->state->power), "is running", "shut it down first"},
        {facts->snapshots > 0, "has snapshots", "delete them with 'virsh snapshot-delete' first"},
        {facts->checkpoints > 0, "has backup checkpoints",
         "delete them with 'virsh checkpoint-delete' first"},
        {facts->block_job, "has a block job",
         "wait for it, or end it with 'virsh blockjob --abort'"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(findings); i++) {
        if (!findings[i].found)
            continue;
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, findings[i].hint, "domain '%s' %s", name,
                       findings[i].what);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_disk(const DomainDisk *disk, PlanItem *item)
{
    const struct {
        gboolean found;
        const char *what, *hint;
    } findings[] = {
        {disk->shareable, "is shareable",
         "an image that several machines write cannot be a volume"},
        {disk->transient, "is transient", "remove <transient/> from its definition first"},
        {disk->encrypted, "is encrypted", "convert it to an unencrypted image first"},
        {disk->readonly, "is read-only", "remove <readonly/> from its definition first"},
        {!disk->path, "is not a file or block device", "copy it to an image file first"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(findings); i++) {
        if (!findings[i].found)
            continue;
        planner_refuse(item, UNDERPIN_ERROR_REFUSED, findings[i].hint, "disk '%s' %s", disk->target,
                       findings[i].what);
        return FALSE;
    }
    return TRUE;
}

static gboolean import_disk(Planner *planner, const DomainFacts *facts, const DomainDisk *disk,
                            Generation *first, PlanItem *item)
{
    Role role = (Role)stated_disk(planner->request, disk->target)->role;
    Head *head = check_disk(disk, item) ? adopt_image(planner, disk->path, disk->format,
                                                      disk->target, role, facts->state->uuid, item)
                                        : NULL;
    if (head)
        g_ptr_array_add(first->heads, head);
    return head != NULL;
}

static json_t *origin_disks(const Generation *first)
{
    json_t *disks = json_array();
    for (guint i = 0; i < first->heads->len; i++) {
        const Head *head = g_ptr_array_index(first->heads, i);
        if (head->source_path)
            json_array_append_new(
                disks, json_pack("{s:s, s:s}", "target", head->target, "path", head->source_path));
    }
    return disks;
}

static void set_origin(Machine *machine, json_t *origin)
{
    char *text = json_dumps(origin, JSON_COMPACT);
    machine->origin = g_strdup(text);
    free(text);
    json_decref(origin);
}

/* The machine's first record; takes the generation's reference into the item. */
static void plan_first(Planner *planner, PlanItem *item, const char *uuid, Generation *first,
                       json_t *origin)
{
    Machine *machine = machine_new(item->machine_id, item->name, uuid, planner->now);
    item->desired = first;
    item->next = machine;
    machine->desired = 1;
    machine->desired_place = PLACE_NOW;
    machine_take_generation(machine, generation_ref(first));
    json_object_set_new(origin, "disks", origin_disks(first));
    set_origin(machine, origin);
    for (guint i = 0; i < first->heads->len; i++) {
        const Head *head = g_ptr_array_index(first->heads, i);
        PlanVolume *volume = plan_item_add_volume(item, head->target, head->role, FATE_CREATED);
        volume->capacity_after = head->capacity_bytes;
        g_ptr_array_add(machine->volumes,
                        volume_new(head->target, head->role, head->format, FALSE));
    }
    if (!machine_has_role(machine, ROLE_DATA))
        plan_item_warn(item, "'%s' has no data volume", machine->name);
}

static void import_domain(Planner *planner, const DomainFacts *facts, PlanItem *item)
{
    g_autoptr(Generation) first = generation_new(1, CAUSE_IMPORT, NULL, planner->now);
    if (!check_domain(planner, facts, item))
        return;
    if (!roles_are_stated(planner->request, facts)) {
        refuse_without_roles(facts, item);
        return;
    }
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        if (strcmp(disk->device, "disk") == 0 && !import_disk(planner, facts, disk, first, item))
            return;
    }
    json_t *origin = json_pack("{s:s}", "xml", facts->xml);
    if (facts->nvram_path) {
        first->nvram = NVRAM_ADOPT;
        first->nvram_path = g_strdup(facts->nvram_path);
        json_object_set_new(origin, "nvram", json_string(facts->nvram_path));
    }
    plan_first(planner, item, facts->state->uuid, g_steal_pointer(&first), origin);
}

static gboolean plan_import_domain(Planner *planner, const char *name, GError **error)
{
    g_autoptr(DomainFacts) facts =
        hypervisor_inspect(planner->engine->hypervisor, planner->request->domain, error);
    if (!facts)
        return FALSE;
    if (strcmp(name, facts->state->name) != 0)
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "a machine has its domain's name: rename that with 'virsh domrename'",
                         "domain '%s' cannot become machine '%s'", facts->state->name, name);
    g_autofree char *id = id_new();
    import_domain(planner, facts, plan_add(planner->plan, id, name));
    return TRUE;
}

/* --- disk files
 * -------------------------------------------------------------------------------------------- */

static gboolean import_file(Planner *planner, guint index, Generation *first, PlanItem *item)
{
    const RequestDisk *disk = g_ptr_array_index(planner->request->disks, index);
    char automatic[] = {'v', 'd', (char)('a' + index), '\0'};
    const char *target = disk->target ? disk->target : automatic;
    if (disk->role < 0) {
        planner_refuse(item, UNDERPIN_ERROR_INVALID, "add role=system, role=temporary or role=data",
                       "the role of '%s' must be stated", disk->path ? disk->path : target);
        return FALSE;
    }
    if (generation_head(first, target)) {
        planner_refuse(item, UNDERPIN_ERROR_INVALID, "give each its own target",
                       "two disks have the target '%s'", target);
        return FALSE;
    }
    Head *head =
        disk->path
            ? adopt_image(planner, disk->path, disk->format, target, (Role)disk->role, NULL, item)
            : head_new(target, (Role)disk->role, "qcow2", disk->capacity_bytes, HEAD_BLANK);
    if (head)
        g_ptr_array_add(first->heads, head);
    return head != NULL;
}

static gboolean plan_import_files(Planner *planner, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_ptr_array_add(names, (gpointer)name);
    if (!planner_check_names(planner, names, error))
        return FALSE;
    g_autofree char *id = id_new();
    g_autofree char *uuid = uuid_new();
    PlanItem *item = plan_add(planner->plan, id, name);
    g_autoptr(Generation) first = generation_new(1, CAUSE_IMPORT, NULL, planner->now);
    for (guint i = 0; i < planner->request->disks->len; i++)
        if (!import_file(planner, i, first, item))
            return TRUE;
    json_t *origin = json_pack("{s:I, s:i}", "memory_mib", (json_int_t)planner->request->memory_mib,
                               "cpus", (int)planner->request->cpus);
    plan_first(planner, item, uuid, g_steal_pointer(&first), origin);
    return TRUE;
}

gboolean plan_import(Planner *planner, GError **error)
{
    const char *name = g_ptr_array_index(planner->request->machines, 0);
    if (inventory_find(planner->inventory, name))
        return error_set(error, UNDERPIN_ERROR_EXISTS, "choose another name",
                         "there is a machine '%s' already", name);
    return planner->request->domain ? plan_import_domain(planner, name, error)
                                    : plan_import_files(planner, name, error);
}
