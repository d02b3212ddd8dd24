/* `underpin list`: machines as a table, or as a tree of bases and their clones. */
#include <stdio.h>

#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/size.h"

enum {
    LIST_NAME,
    LIST_KIND,
    LIST_POWER,
    LIST_STATE,
    LIST_BASE,
    LIST_SIZE,
    LIST_UNDO,
    LIST_NOTE,
    LIST_COLUMNS
};

static const TableColumn flat_columns[] = {
    [LIST_NAME] = {"NAME", COLUMN_PLAIN},
    [LIST_KIND] = {"KIND", COLUMN_SPARE},
    [LIST_POWER] = {"POWER", COLUMN_PLAIN},
    [LIST_STATE] = {"STATE", COLUMN_PLAIN},
    [LIST_BASE] = {"BASE", COLUMN_PLAIN},
    [LIST_SIZE] = {"SIZE", COLUMN_RIGHT | COLUMN_SPARE},
    [LIST_UNDO] = {"UNDO", COLUMN_RIGHT | COLUMN_SPARE},
    [LIST_NOTE] = {"NOTE", COLUMN_TRIM},
};
G_STATIC_ASSERT(G_N_ELEMENTS(flat_columns) == LIST_COLUMNS);

/* The tree says by its branches what the column BASE says. */
enum {
    TREE_NAME,
    TREE_KIND,
    TREE_POWER,
    TREE_STATE,
    TREE_SIZE,
    TREE_UNDO,
    TREE_NOTE,
    TREE_COLUMNS
};

static const TableColumn tree_columns[] = {
    [TREE_NAME] = {"NAME", COLUMN_TREE},
    [TREE_KIND] = {"KIND", COLUMN_SPARE},
    [TREE_POWER] = {"POWER", COLUMN_PLAIN},
    [TREE_STATE] = {"STATE", COLUMN_PLAIN},
    [TREE_SIZE] = {"SIZE", COLUMN_RIGHT | COLUMN_SPARE},
    [TREE_UNDO] = {"UNDO", COLUMN_RIGHT | COLUMN_SPARE},
    [TREE_NOTE] = {"NOTE", COLUMN_TRIM},
};
G_STATIC_ASSERT(G_N_ELEMENTS(tree_columns) == TREE_COLUMNS);

/* --- cells -------------------------------------------------------------------------------------
 */

#define MACHINES_PATH "/api/v1/machines"
#define ALL_ROWS_PATH MACHINES_PATH "?view=list"

static char *size_cell(const json_t *machine)
{
    guint64 bytes = number_of(machine, "capacity_bytes");
    return bytes > 0 ? size_to_text(bytes) : g_strdup("-");
}

static char *undo_cell(const json_t *machine)
{
    guint64 entries = number_of(machine, "undo_entries");
    return entries > 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, entries) : g_strdup("-");
}

/* "3 clones, 1 pending" of a base; `clones` NULL: none. */
static char *clones_note(const GPtrArray *clones)
{
    guint pending = 0;
    for (guint i = 0; i < clones->len; i++)
        pending += flag_of(g_ptr_array_index(clones, i), "pending");
    g_autofree char *count = count_to_text(clones->len, "clone", "clones");
    return pending > 0 ? g_strdup_printf("%s, %u pending", count, pending)
                       : g_steal_pointer(&count);
}

static void note_stalled(GString *note, const json_t *machine)
{
    if (g_strcmp0(text_of(machine, "power"), "stalled") == 0)
        g_string_append_printf(note, "%sa disk could not be written: free space, then start it",
                               note->len > 0 ? "; " : "");
}

static char *note_cell(const json_t *machine, const GPtrArray *clones)
{
    GString *note = g_string_new(NULL);
    const char *reason = text_of(machine, "hold_reason");
    if (clones != NULL && clones->len > 0) {
        g_autofree char *count = clones_note(clones);
        g_string_append(note, count);
    }
    if (flag_of(machine, "held"))
        g_string_append_printf(note, "%son hold%s%s", note->len > 0 ? "; " : "",
                               reason != NULL ? ": " : "", reason != NULL ? reason : "");
    if (flag_of(machine, "behind"))
        g_string_append_printf(note, "%sbehind: %s", note->len > 0 ? "; " : "",
                               text_of(machine, "behind_reason"));
    note_stalled(note, machine);
    return g_string_free(note, FALSE);
}

static void set_common(Table *table, TableRow *row, const json_t *machine)
{
    const char *power = text_of(machine, "power");
    const char *state = text_of(machine, "state");
    gboolean is_base = g_strcmp0(text_of(machine, "kind"), "base") == 0;
    table_set(table, row, LIST_NAME, text_of(machine, "name"));
    table_set(table, row, LIST_KIND, text_of(machine, "kind"));
    table_set_toned(table, row, LIST_POWER, is_base ? NULL : power, tone_of_word(power));
    table_set_toned(table, row, LIST_STATE,
                    is_base && g_strcmp0(state, "base") == 0 ? "ready" : state,
                    tone_of_word(state));
}
/* set_common() serves both tables. */
G_STATIC_ASSERT((int)LIST_STATE == (int)TREE_STATE);

/* --- flat --------------------------------------------------------------------------------------
 */

static void free_clones(gpointer clones)
{
    g_ptr_array_unref(clones);
}

/* Base id -> array of the machines (borrowed) that sit on it, in the list's order. */
static GHashTable *clones_by_base(const json_t *machines)
{
    size_t index;
    json_t *machine;
    GHashTable *bases = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_clones);
    json_array_foreach(machines, index, machine)
    {
        const char *base = text_of(machine, "base_id");
        if (base == NULL)
            continue;
        GPtrArray *clones = g_hash_table_lookup(bases, base);
        if (clones == NULL) {
            clones = g_ptr_array_new();
            g_hash_table_insert(bases, (gpointer)base, clones);
        }
        g_ptr_array_add(clones, machine);
    }
    return bases;
}

static const GPtrArray *clones_of(GHashTable *bases, const json_t *machine)
{
    const char *id = text_of(machine, "id");
    return id != NULL ? g_hash_table_lookup(bases, id) : NULL;
}

static void print_flat(const Call *call, const json_t *machines)
{
    size_t index;
    const json_t *machine;
    g_autoptr(GHashTable) bases = clones_by_base(machines);
    g_autoptr(Table) table = table_new(call->screen, flat_columns, LIST_COLUMNS);
    json_array_foreach(machines, index, machine)
    {
        TableRow *row = table_add(table, NULL);
        set_common(table, row, machine);
        table_set(table, row, LIST_BASE, text_of(machine, "base"));
        table_take(table, row, LIST_SIZE, size_cell(machine));
        table_take(table, row, LIST_UNDO, undo_cell(machine));
        g_autofree char *note = note_cell(machine, clones_of(bases, machine));
        table_set_or_blank(table, row, LIST_NOTE, *note != '\0' ? note : NULL);
    }
    table_print(table);
}

/* --- tree --------------------------------------------------------------------------------------
 */

typedef struct {
    Table *table;
    GHashTable *bases; /* base id -> clones */
    GHashTable *shown; /* machine (borrowed) -> itself */
} Tree;

static void add_branch(Tree *tree, TableRow *parent, json_t *machine)
{
    if (!g_hash_table_add(tree->shown, machine))
        return;
    TableRow *row = table_add(tree->table, parent);
    const GPtrArray *clones = clones_of(tree->bases, machine);
    g_autofree char *note = note_cell(machine, clones);
    set_common(tree->table, row, machine);
    table_take(tree->table, row, TREE_SIZE, size_cell(machine));
    table_take(tree->table, row, TREE_UNDO, undo_cell(machine));
    table_set_or_blank(tree->table, row, TREE_NOTE, *note != '\0' ? note : NULL);
    for (guint i = 0; clones != NULL && i < clones->len; i++)
        add_branch(tree, row, g_ptr_array_index(clones, i));
}

/* Roots are the machines whose base is not in the list; what a circle would hide is a root too. */
static void print_tree(const Call *call, const json_t *machines)
{
    size_t index;
    json_t *machine;
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) bases = clones_by_base(machines);
    g_autoptr(GHashTable) shown = g_hash_table_new(NULL, NULL);
    g_autoptr(Table) table = table_new(call->screen, tree_columns, TREE_COLUMNS);
    Tree tree = {table, bases, shown};
    json_array_foreach(machines, index, machine)
    {
        if (text_of(machine, "id") != NULL)
            g_hash_table_add(ids, (gpointer)text_of(machine, "id"));
    }
    json_array_foreach(machines, index, machine)
    {
        const char *base = text_of(machine, "base_id");
        if (base == NULL || !g_hash_table_contains(ids, base))
            add_branch(&tree, NULL, machine);
    }
    json_array_foreach(machines, index, machine)
    {
        add_branch(&tree, NULL, machine);
    }
    table_print(table);
}

/* --- the verb ----------------------------------------------------------------------------------
 */

/* With --json whole records; a table needs rows only. */
static char *list_path(const Call *call)
{
    GString *path = g_string_new(MACHINES_PATH);
    const char *match = call_text(call, "match");
    const char *base = call_text(call, "base");
    const char *kind = call_has(call, "bases") ? "base" : call_has(call, "clones") ? "clone" : NULL;
    char joint = '?';
    const char *const parameters[][2] = {
        {"kind", kind},
        {"base", base},
        {"match", match},
        {"pending", call_has(call, "pending") ? "true" : NULL},
        {"power", call_text(call, "power")},
        {"view", call_has(call, "json") ? NULL : "list"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++) {
        if (parameters[i][1] == NULL)
            continue;
        g_autofree char *escaped = g_uri_escape_string(parameters[i][1], NULL, FALSE);
        g_string_append_printf(path, "%c%s=%s", joint, parameters[i][0], escaped);
        joint = '&';
    }
    return g_string_free(path, FALSE);
}

static void print_names(const json_t *machines)
{
    size_t index;
    const json_t *machine;
    json_array_foreach(machines, index, machine)
    {
        say("%s", text_of(machine, "name"));
    }
}

static int run_list(Call *call, GError **error)
{
    if (call_has(call, "bases") && call_has(call, "clones")) {
        call_usage(call, error, "--bases and --clones exclude each other");
        return EXIT_ERROR;
    }
    g_autofree char *path = list_path(call);
    json_t *machines = call_get_list(call, path, error);
    if (machines == NULL)
        return EXIT_ERROR;
    if (call_has(call, "names") && !call_has(call, "json"))
        print_names(machines);
    else if (!call_has(call, "json") && json_array_size(machines) == 0)
        say_aside("no machines%s", g_str_equal(path, ALL_ROWS_PATH)
                                       ? " yet: 'underpin domains' shows what can be imported"
                                       : " like that");
    else if (!call_has(call, "json") && call_has(call, "tree"))
        print_tree(call, machines);
    else if (!call_has(call, "json"))
        print_flat(call, machines);
    json_decref(machines);
    return EXIT_OK;
}

static const OptionSpec list_options[] = {
    {"tree", 't', OPTION_FLAG, NULL, NAMES_NOTHING, "each base with its clones below it"},
    {"bases", 'b', OPTION_FLAG, NULL, NAMES_NOTHING, "only bases"},
    {"clones", 'c', OPTION_FLAG, NULL, NAMES_NOTHING, "only clones"},
    {"base", 0, OPTION_TEXT, "BASE", NAMES_BASES, "only the clones of this base"},
    {"pending", 'p', OPTION_FLAG, NULL, NAMES_NOTHING, "only machines that still have to move"},
    {"power", 0, OPTION_TEXT, "STATE", NAMES_NOTHING,
     "only machines that are running, off, paused, stalled"},
    {"match", 'm', OPTION_TEXT, "PATTERN", NAMES_NOTHING, "only names like 'lab-*'"},
    {"names", 'q', OPTION_FLAG, NULL, NAMES_NOTHING, "only the names, one a line, for a pipe"},
    {0},
};

const Command command_list = {
    .name = "list",
    .group = GROUP_LOOK,
    .summary = "list machines, or the tree of bases and clones",
    .usage = "[--tree | --names] [FILTER…]",
    .description =
        "SIZE is what the guest sees, all volumes together. UNDO counts the replaced systems that "
        "can be put back. A machine that is pending moves to what was decided when it stops; one "
        "that is behind could not be moved and started on its old system.",
    .examples = "list # all machines\n"
                "list --tree # bases with their clones\n"
                "list --clones --match 'lab-*' # some of them\n"
                "list --base demo-v1 --names | underpin start - # names for a pipe\n"
                "list --power stalled --names | underpin start - # with space again they go on",
    .also_known_as = "ls, ps, inventory",
    .options = list_options,
    .run = run_list,
};
