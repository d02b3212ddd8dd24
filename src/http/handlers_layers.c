/* Layers and what keeps each alive; kept volumes, in the trash or for good. */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "model/json.h"
#include "model/json_put.h"

static int compare_text(gconstpointer one, gconstpointer other)
{
    return g_strcmp0(*(const char *const *)one, *(const char *const *)other);
}

static int compare_id(gconstpointer id, const char *cursor)
{
    return g_strcmp0(id, cursor);
}

typedef struct {
    Page page;
    gboolean is_kept; /* kept volumes; else layers */
    json_t *items;
    char *next;
} Listing;

/* The page's ids, sorted; borrowed from the table. */
static GPtrArray *page_of_ids(GHashTable *table, const Page *page, gboolean *more_out)
{
    GPtrArray *ids = g_ptr_array_sized_new(g_hash_table_size(table));
    GHashTableIter each;
    gpointer id;
    g_hash_table_iter_init(&each, table);
    while (g_hash_table_iter_next(&each, &id, NULL))
        g_ptr_array_add(ids, id);
    g_ptr_array_sort(ids, compare_text);
    *more_out = page_cut(ids, page, compare_id);
    return ids;
}

static void read_listing(const Inventory *inventory, gpointer user_data)
{
    Listing *listing = user_data;
    GHashTable *table = listing->is_kept ? inventory->kept : inventory->layers;
    gboolean more;
    g_autoptr(GPtrArray) ids = page_of_ids(table, &listing->page, &more);
    for (guint i = 0; i < ids->len; i++) {
        gconstpointer object = g_hash_table_lookup(table, ids->pdata[i]);
        json_array_append_new(listing->items, listing->is_kept ? kept_volume_to_json(object)
                                                               : layer_to_json(object));
    }
    if (more)
        listing->next = g_strdup(ids->pdata[ids->len - 1]);
}

static HttpResponse *list_table(const Api *api, const HttpRequest *request, gboolean is_kept,
                                GError **error)
{
    Listing listing = {.is_kept = is_kept};
    if (!page_read(request, &listing.page, error))
        return NULL;
    listing.items = json_array();
    engine_read(api->engine, read_listing, &listing);
    g_autofree char *next = listing.next;
    return page_response(listing.items, next);
}

HttpResponse *handle_layer_list(const Api *api, const HttpRequest *request, GError **error)
{
    return list_table(api, request, FALSE, error);
}

HttpResponse *handle_kept_volume_list(const Api *api, const HttpRequest *request, GError **error)
{
    return list_table(api, request, TRUE, error);
}

typedef struct {
    const char *id;
    json_t *json; /* NULL: not there */
} Lookup;

static void read_layer(const Inventory *inventory, gpointer user_data)
{
    Lookup *lookup = user_data;
    const Layer *layer = g_hash_table_lookup(inventory->layers, lookup->id);
    lookup->json = layer ? layer_to_json(layer) : NULL;
}

static json_t *texts_to_json(const GPtrArray *texts)
{
    json_t *array = json_array();
    for (guint i = 0; i < texts->len; i++)
        json_array_append_new(array, json_text(texts->pdata[i]));
    return array;
}

HttpResponse *handle_layer_show(const Api *api, const HttpRequest *request, GError **error)
{
    Lookup lookup = {.id = request->parameters[0]};
    engine_read(api->engine, read_layer, &lookup);
    if (!lookup.json) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin layers'", "no layer '%s'",
                  lookup.id);
        return NULL;
    }
    g_autoptr(GPtrArray) reasons = engine_layer_reasons(api->engine, lookup.id, error);
    if (!reasons) {
        json_decref(lookup.json);
        return NULL;
    }
    json_object_set_new(lookup.json, "reasons", texts_to_json(reasons));
    return http_response_json(200, lookup.json);
}
