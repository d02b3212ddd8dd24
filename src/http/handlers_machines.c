/*
 * Machines: the list, one machine, its history.
 *
 * A list is filtered, sorted and cut while the inventory is read; what is left (references to
 * immutable machines) is rendered afterwards, so that ten thousand machines hold nobody up.
 */
#include <fnmatch.h>

#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "http/visibility.h"
#include "model/json.h"
#include "model/json_put.h"

typedef enum { KIND_ANY, KIND_BASE, KIND_CLONE, KIND_MACHINE } Kind;

typedef struct {
    const Identity *identity;
    Kind kind;
    const char *base; /* name, UUID or id; NULL: any */
    const char *match;
    gboolean by_pending, pending;
    GHashTable *in_power; /* ids of those that pass; NULL: any. Owned. */
    gboolean as_rows;     /* without volumes */
    Page page;
    /* results */
    gboolean base_found;
    gboolean more;
    GPtrArray *machines;   /* Machine */
    GPtrArray *base_names; /* char * or NULL, beside machines */
} Listing;

static gboolean read_kind(const HttpRequest *request, Kind *kind_out, GError **error)
{
    static const char *const names[] = {[KIND_ANY] = NULL,
                                        [KIND_BASE] = "base",
                                        [KIND_CLONE] = "clone",
                                        [KIND_MACHINE] = "machine"};
    const char *text = http_request_query(request, "kind");
    *kind_out = KIND_ANY;
    for (guint kind = KIND_BASE; text && kind < G_N_ELEMENTS(names); kind++) {
        if (g_str_equal(text, names[kind]))
            *kind_out = (Kind)kind;
    }
    if (text && *kind_out == KIND_ANY)
        return error_set(error, UNDERPIN_ERROR_INVALID, "kinds are base, clone and machine",
                         "there is no kind '%s'", text);
    return TRUE;
}

static gboolean read_view(const HttpRequest *request, gboolean *as_rows_out, GError **error)
{
    const char *text = http_request_query(request, "view");
    *as_rows_out = text != NULL;
    return !text || g_str_equal(text, "list") ||
           error_set(error, UNDERPIN_ERROR_INVALID, "there is one other view, 'list'",
                     "there is no view '%s'", text);
}

static gboolean read_power(const Api *api, const HttpRequest *request, Listing *listing,
                           GError **error)
{
    Power power;
    const char *text = http_request_query(request, "power");
    if (!text)
        return TRUE;
    if (!power_from_name(text, &power))
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "powers are off, running, paused, stalled, saved, stopping and unknown",
                         "there is no power '%s'", text);
    listing->in_power = engine_machines_in_power(api->engine, power);
    return TRUE;
}

static gboolean listing_read(const Api *api, const HttpRequest *request, Listing *listing,
                             GError **error)
{
    listing->identity = request->identity;
    listing->base = http_request_query(request, "base");
    listing->match = http_request_query(request, "match");
    return page_read(request, &listing->page, error) && read_kind(request, &listing->kind, error) &&
           read_view(request, &listing->as_rows, error) &&
           http_request_query_boolean(request, "pending", &listing->by_pending, &listing->pending,
                                      error) &&
           read_power(api, request, listing, error);
}

static Kind machine_kind(const Machine *machine)
{
    return machine_is_base(machine)    ? KIND_BASE
           : machine_is_clone(machine) ? KIND_CLONE
                                       : KIND_MACHINE;
}

static gboolean is_of_base(const Machine *machine, const Machine *base)
{
    return g_strcmp0(machine_base_id(machine), base->id) == 0 && !machine_is_base(machine);
}

static gboolean listing_wants(const Listing *listing, const Machine *machine, const Machine *base)
{
    if (listing->kind != KIND_ANY && machine_kind(machine) != listing->kind)
        return FALSE;
    if (base && !is_of_base(machine, base))
        return FALSE;
    if (listing->by_pending && !machine_is_pending(machine) != !listing->pending)
        return FALSE;
    if (listing->in_power &&
        (machine_is_base(machine) || !g_hash_table_contains(listing->in_power, machine->id)))
        return FALSE;
    return !listing->match || fnmatch(listing->match, machine->name, 0) == 0;
}

static int compare_name(gconstpointer machine, const char *cursor)
{
    return machine_name_compare(((const Machine *)machine)->name, cursor);
}

static void unref_machine(gpointer machine)
{
    machine_unref(machine);
}

static void listing_filter(Listing *listing, const Inventory *inventory, const Machine *base)
{
    g_autoptr(GPtrArray) all = inventory_machines_sorted(inventory);
    for (guint i = 0; i < all->len; i++) {
        if (identity_sees_machine(listing->identity, ((const Machine *)all->pdata[i])->id) &&
            listing_wants(listing, all->pdata[i], base))
            g_ptr_array_add(listing->machines, machine_ref(all->pdata[i]));
    }
    listing->more = page_cut(listing->machines, &listing->page, compare_name);
}

static void listing_name_bases(Listing *listing, const Inventory *inventory)
{
    for (guint i = 0; i < listing->machines->len; i++) {
        const char *id = machine_base_id(listing->machines->pdata[i]);
        const Machine *base = id ? g_hash_table_lookup(inventory->machines, id) : NULL;
        g_ptr_array_add(listing->base_names, base ? g_strdup(base->name) : NULL);
    }
}

/* A base exists for him who sees it, or a clone of it. */
static gboolean base_is_visible(const Listing *listing, const Inventory *inventory,
                                const Machine *base)
{
    GHashTableIter each;
    gpointer machine;
    if (identity_sees_machine(listing->identity, base->id))
        return TRUE;
    g_hash_table_iter_init(&each, inventory->machines);
    while (g_hash_table_iter_next(&each, NULL, &machine)) {
        if (identity_sees_machine(listing->identity, ((const Machine *)machine)->id) &&
            is_of_base(machine, base))
            return TRUE;
    }
    return FALSE;
}

static void read_listing(const Inventory *inventory, gpointer user_data)
{
    Listing *listing = user_data;
    const Machine *base = listing->base ? inventory_find(inventory, listing->base) : NULL;
    listing->base_found = !listing->base || (base && base_is_visible(listing, inventory, base));
    if (!listing->base_found)
        return;
    listing_filter(listing, inventory, base);
    listing_name_bases(listing, inventory);
}

static int append_json(const char *bytes, size_t length, void *text)
{
    g_string_append_len(text, bytes, (gssize)length);
    return 0;
}

/* Takes `json`. */
static void append_and_release(GString *text, json_t *json)
{
    (void)json_dump_callback(json, append_json, text, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
}

static void append_machine(GString *text, const Listing *listing, guint index, const char *power)
{
    const Machine *machine = listing->machines->pdata[index];
    const char *base_name = listing->base_names->pdata[index];
    if (listing->as_rows)
        machine_append_row(text, machine, base_name, power);
    else
        append_and_release(text, machine_to_json(machine, base_name, power));
}

/* Written machine by machine: the tree of ten thousand takes ten times the memory of their text. */
static HttpResponse *listing_respond(const Api *api, const Listing *listing)
{
    GString *text = g_string_new("{\"items\":[");
    const Machine *last = NULL;
    for (guint i = 0; i < listing->machines->len; i++) {
        last = listing->machines->pdata[i];
        const char *power = power_name(engine_power(api->engine, last->id));
        g_string_append(text, i ? "," : "");
        append_machine(text, listing, i, power);
    }
    g_string_append(text, "],\"next\":");
    append_and_release(text, listing->more ? json_string(last->name) : json_null());
    g_string_append_c(text, '}');
    return http_response_text(200, "application/json", g_string_free(text, FALSE));
}

HttpResponse *handle_machine_list(const Api *api, const HttpRequest *request, GError **error)
{
    Listing listing = {0};
    if (!listing_read(api, request, &listing, error))
        return NULL;
    G_GNUC_UNUSED g_autoptr(GHashTable) in_power = listing.in_power;
    g_autoptr(GPtrArray) machines = g_ptr_array_new_with_free_func(unref_machine);
    g_autoptr(GPtrArray) base_names = g_ptr_array_new_with_free_func(g_free);
    listing.machines = machines;
    listing.base_names = base_names;
    engine_read(api->engine, read_listing, &listing);
    if (!listing.base_found) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin list --bases'", "no base '%s'",
                  listing.base);
        return NULL;
    }
    return listing_respond(api, &listing);
}

typedef struct {
    const Machine *machine;
    const char *power;
    json_t *json;
} Rendering;

static void read_full(const Inventory *inventory, gpointer user_data)
{
    Rendering *rendering = user_data;
    rendering->json = machine_to_json_full(rendering->machine, inventory, rendering->power);
}

HttpResponse *handle_machine_show(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Machine) machine = visible_machine(api, request, request->parameters[0], error);
    if (!machine)
        return NULL;
    Rendering rendering = {.machine = machine,
                           .power = power_name(engine_power(api->engine, machine->id))};
    engine_read(api->engine, read_full, &rendering);
    return http_response_json(200, rendering.json);
}

/* What one job did to one machine; the job carries that one item. */
static json_t *history_to_json(const Job *job)
{
    const JobItem *item = job->items->len > 0 ? job->items->pdata[0] : NULL;
    json_t *entry = json_object();
    json_put_text(entry, "job", job->id);
    json_put_text(entry, "verb", verb_name(job->request->verb));
    json_put_text(entry, "requested_by", job->requested_by);
    json_put_time(entry, "finished_at", job->finished_at);
    json_put_text(entry, "state", item ? item_state_name(item->state) : job_state_name(job->state));
    json_put_text_if_any(entry, "message", item ? item->message : job->message);
    json_put_stored(entry, "receipt", item ? item->receipt : NULL);
    return entry;
}

HttpResponse *handle_machine_history(const Api *api, const HttpRequest *request, GError **error)
{
    Page page;
    if (!page_read(request, &page, error))
        return NULL;
    g_autoptr(Machine) machine = visible_machine(api, request, request->parameters[0], error);
    g_autoptr(GPtrArray) jobs =
        machine ? catalog_machine_jobs(api->catalog, machine->id, page.limit, error) : NULL;
    if (!jobs)
        return NULL;
    json_t *items = json_array();
    for (guint i = 0; i < jobs->len; i++)
        json_array_append_new(items, history_to_json(jobs->pdata[i]));
    return page_response(items, NULL);
}
