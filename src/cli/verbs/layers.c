/* `underpin layers`: the sealed images, what sits on what, and what keeps one alive. */
#include <stdio.h>

#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/size.h"

static const TableColumn layer_columns[] = {
    {"LAYER", COLUMN_TREE},
    {"BASE", COLUMN_PLAIN},
    {"ROLE", COLUMN_PLAIN},
    {"SIZE", COLUMN_RIGHT},
    {"USES", COLUMN_RIGHT},
    {"SEALED", COLUMN_RIGHT | COLUMN_SPARE},
    {"DIGEST", COLUMN_TRIM | COLUMN_SPARE},
};

typedef struct {
    const Call *call;
    Table *table;
    const json_t *layers;
    GHashTable *children; /* parent id -> GPtrArray of layers (borrowed) */
    GHashTable *shown;
} LayerTree;

static void add_layer(LayerTree *tree, TableRow *parent, json_t *layer)
{
    if (!g_hash_table_add(tree->shown, layer))
        return;
    TableRow *row = table_add(tree->table, parent);
    gint64 now = tree->call->clock->now_seconds();
    const GPtrArray *children = g_hash_table_lookup(tree->children, text_of(layer, "id"));
    table_set(tree->table, row, 0, text_of(layer, "id"));
    table_set(tree->table, row, 1, text_of(layer, "machine"));
    table_set(tree->table, row, 2, text_of(layer, "role"));
    table_take(tree->table, row, 3, size_to_text(number_of(layer, "capacity_bytes")));
    table_take(tree->table, row, 4, size_to_text(number_of(layer, "allocated_bytes")));
    table_take(tree->table, row, 5, time_to_relative_text(text_of(layer, "sealed_at"), now));
    table_set(tree->table, row, 6, text_of(layer, "digest"));
    for (guint i = 0; children != NULL && i < children->len; i++)
        add_layer(tree, row, g_ptr_array_index(children, i));
}

static void free_children(gpointer children)
{
    g_ptr_array_unref(children);
}

static void index_layers(LayerTree *tree, GHashTable *ids)
{
    size_t index;
    json_t *layer;
    json_array_foreach(tree->layers, index, layer)
    {
        const char *parent = text_of(layer, "parent");
        if (text_of(layer, "id") != NULL)
            g_hash_table_add(ids, (gpointer)text_of(layer, "id"));
        if (parent == NULL)
            continue;
        GPtrArray *children = g_hash_table_lookup(tree->children, parent);
        if (children == NULL) {
            children = g_ptr_array_new();
            g_hash_table_insert(tree->children, (gpointer)parent, children);
        }
        g_ptr_array_add(children, layer);
    }
}

static void print_layers(const Call *call, const json_t *layers)
{
    size_t index;
    json_t *layer;
    g_autoptr(Table) table = table_new(call->screen, layer_columns, G_N_ELEMENTS(layer_columns));
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) shown = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) children =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_children);
    LayerTree tree = {call, table, layers, children, shown};
    index_layers(&tree, ids);
    json_array_foreach(layers, index, layer)
    {
        const char *parent = text_of(layer, "parent");
        if (text_of(layer, "id") != NULL && (parent == NULL || !g_hash_table_contains(ids, parent)))
            add_layer(&tree, NULL, layer);
    }
    table_print(table);
}

static int explain(Call *call, const char *id, GError **error)
{
    size_t index;
    const json_t *reason;
    g_autofree char *path = call_path("layers", id, "");
    g_autoptr(Answer) answer = call_get(call, path, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (call_has(call, "json"))
        return EXIT_OK;
    const json_t *reasons = list_of(answer->json, "reasons");
    say(json_array_size(reasons) > 0 ? "Layer '%s' is kept because"
                                     : "Nothing needs layer '%s'; it will be reclaimed.",
        id);
    json_array_foreach(reasons, index, reason)
    {
        say("  %s", json_string_value(reason));
    }
    return EXIT_OK;
}

static int run_layers(Call *call, GError **error)
{
    if (call_has(call, "why"))
        return explain(call, call_text(call, "why"), error);
    json_t *layers = call_get_list(call, "/api/v1/layers", error);
    if (layers == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        print_layers(call, layers);
    if (!call_has(call, "json") && json_array_size(layers) == 0)
        say_aside("no layers yet: 'underpin prepare NAME' makes them");
    json_decref(layers);
    return EXIT_OK;
}

static const OptionSpec layers_options[] = {
    {"why", 'w', OPTION_TEXT, "LAYER", NAMES_LAYERS, "say what keeps this layer alive"},
    {0},
};

const Command command_layers = {
    .name = "layers",
    .group = GROUP_LOOK,
    .summary = "the sealed images of the bases, and what needs them",
    .usage = "[--why LAYER]",
    .description =
        "A layer hangs below the layer that it sits on. SIZE is what a guest sees, USES what it "
        "takes in the store.",
    .examples = "layers # all, as a tree\n"
                "layers --why 6f1c2a9be01d4c55-vda # who needs this one",
    .also_known_as = "images, backing files, chain",
    .options = layers_options,
    .run = run_layers,
};
