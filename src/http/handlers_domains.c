/*
 * Libvirt domains that are not ours, with the roles proposed for an import.
 *
 * Only what the page shows is inspected: each inspection is a conversation with libvirt.
 */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "model/json_put.h"
#include "model/role.h"

typedef struct {
    GPtrArray *foreign; /* DomainState, borrowed */
    const GPtrArray *all;
} Selection;

/* Not ours: neither marked as ours, nor known by UUID (the mark may have been edited away). */
static void select_foreign(const Inventory *inventory, gpointer user_data)
{
    Selection *selection = user_data;
    for (guint i = 0; i < selection->all->len; i++) {
        DomainState *state = selection->all->pdata[i];
        if (!state->machine_id && !g_hash_table_contains(inventory->machines_by_uuid, state->uuid))
            g_ptr_array_add(selection->foreign, state);
    }
}

static int order_by_name(gconstpointer one, gconstpointer other)
{
    const DomainState *first = *(DomainState *const *)one, *second = *(DomainState *const *)other;
    return g_strcmp0(first->name, second->name);
}

static int compare_name(gconstpointer state, const char *cursor)
{
    return g_strcmp0(((const DomainState *)state)->name, cursor);
}

static gboolean is_volume(const DomainDisk *disk)
{
    return g_strcmp0(disk->device, "disk") == 0;
}

/* The disk that the domain boots from: the lowest boot order, else the first. NULL where there is
 * no disk. */
static const DomainDisk *boot_disk(const GPtrArray *disks)
{
    const DomainDisk *first = NULL;
    for (guint i = 0; i < disks->len; i++) {
        const DomainDisk *disk = disks->pdata[i];
        guint order = disk->boot_order ? disk->boot_order : G_MAXUINT;
        guint first_order = first && first->boot_order ? first->boot_order : G_MAXUINT;
        if (is_volume(disk) && (!first || order < first_order))
            first = disk;
    }
    return first;
}

static json_t *disks_to_json(const GPtrArray *disks)
{
    const DomainDisk *boot = boot_disk(disks);
    json_t *array = json_array();
    for (guint i = 0; i < disks->len; i++) {
        const DomainDisk *disk = disks->pdata[i];
        json_t *object = json_object();
        json_put_text(object, "target", disk->target);
        json_put_text(object, "path", disk->path);
        json_put_text(object, "format", disk->format);
        json_put_text(object, "device", disk->device);
        json_put_text(object, "proposed_role",
                      !is_volume(disk) ? NULL : role_name(disk == boot ? ROLE_SYSTEM : ROLE_DATA));
        json_array_append_new(array, object);
    }
    return array;
}

/* A domain that has gone since the list was made is left out. */
static gboolean append_domain(const Api *api, json_t *items, const DomainState *state,
                              GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(DomainFacts) facts = hypervisor_inspect(api->hypervisor, state->uuid, &failure);
    if (!facts && error_code(failure) == UNDERPIN_ERROR_NOT_FOUND)
        return TRUE;
    if (!facts) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    json_t *domain = json_object();
    json_put_text(domain, "name", state->name);
    json_put_text(domain, "uuid", state->uuid);
    json_put_text(domain, "power", power_name(state->power));
    json_object_set_new(domain, "disks", disks_to_json(facts->disks));
    json_array_append_new(items, domain);
    return TRUE;
}

static HttpResponse *respond(const Api *api, const GPtrArray *domains, gboolean more,
                             GError **error)
{
    json_t *items = json_array();
    const DomainState *last = NULL;
    for (guint i = 0; i < domains->len; i++) {
        last = domains->pdata[i];
        if (!append_domain(api, items, last, error)) {
            json_decref(items);
            return NULL;
        }
    }
    return page_response(items, more ? last->name : NULL);
}

HttpResponse *handle_domain_list(const Api *api, const HttpRequest *request, GError **error)
{
    Page page;
    if (!page_read(request, &page, error))
        return NULL;
    g_autoptr(GPtrArray) all = hypervisor_list(api->hypervisor, error);
    if (!all)
        return NULL;
    g_autoptr(GPtrArray) foreign = g_ptr_array_new();
    Selection selection = {.foreign = foreign, .all = all};
    engine_read(api->engine, select_foreign, &selection);
    g_ptr_array_sort(foreign, order_by_name);
    gboolean more = page_cut(foreign, &page, compare_name);
    return respond(api, foreign, more, error);
}
