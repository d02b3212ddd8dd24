/* `underpin show NAME`: everything about one machine. */
#include <stdio.h>

#include "cli/call.h"
#include "cli/notes.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/size.h"

enum { CLONES_SHOWN = 12 };

/* --- the head ----------------------------------------------------------------------------------
 */

/* Takes `value`; says nothing where it is NULL. */
static void print_field(const char *label, char *value)
{
    if (value != NULL)
        say("%-12s%s", label, value);
    g_free(value);
}

static char *kind_text(const json_t *machine)
{
    const char *base = text_of(machine, "base");
    const char *kind = text_of(machine, "kind");
    if (base == NULL)
        return g_strdup(kind);
    return g_strdup_printf(
        g_strcmp0(kind, "base") == 0 ? "%s, made from a clone of %s" : "%s of %s", kind, base);
}

static char *power_text(const Call *call, const json_t *machine)
{
    const char *power = text_of(machine, "power");
    const char *started = text_of(json_object_get(machine, "session"), "started_at");
    if (started == NULL || g_strcmp0(text_of(machine, "kind"), "base") == 0)
        return g_strdup(power);
    g_autofree char *since = time_to_full_text(started, call->clock->now_seconds());
    gboolean goes_on = g_strcmp0(power, "running") == 0;
    return g_strdup_printf(goes_on ? "%s since %s" : "%s, started %s", power, since);
}

static char *state_text(const json_t *machine)
{
    const json_t *next = json_object_get(machine, "pending_to");
    const char *base = text_of(next, "base_name");
    const char *state = text_of(machine, "state");
    if (!json_is_object(next))
        return g_strdup(state);
    if (base == NULL)
        base = text_of(next, "base");
    return g_strdup_printf("%s: %s%s%s, takes effect when it stops", state, text_of(next, "cause"),
                           base != NULL ? " on " : "", base != NULL ? base : "");
}

static char *flag_text(const json_t *machine, const char *flag, const char *reason_key)
{
    const char *reason = text_of(machine, reason_key);
    if (!flag_of(machine, flag))
        return NULL;
    return g_strdup(reason != NULL ? reason : "yes");
}

static char *clones_text(const json_t *machine)
{
    size_t index;
    const json_t *clone;
    const json_t *clones = list_of(machine, "clones");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    json_array_foreach(clones, index, clone)
    {
        if (json_is_string(clone))
            g_ptr_array_add(names, (gpointer)json_string_value(clone));
    }
    if (names->len == 0)
        return NULL;
    g_autofree char *text = names_to_text(names, CLONES_SHOWN);
    return g_strdup_printf("%u: %s", names->len, text);
}

static char *time_field(const Call *call, const json_t *machine, const char *key)
{
    const char *time = text_of(machine, key);
    return time != NULL ? time_to_full_text(time, call->clock->now_seconds()) : NULL;
}

static void print_head(const Call *call, const json_t *machine)
{
    print_field("Name", g_strdup(text_of(machine, "name")));
    print_field("Kind", kind_text(machine));
    print_field("Power", power_text(call, machine));
    print_field("State", state_text(machine));
    print_field("On hold", flag_text(machine, "held", "hold_reason"));
    print_field("Behind", flag_text(machine, "behind", "behind_reason"));
    print_field("Clones", clones_text(machine));
    print_field("Created", time_field(call, machine, "created_at"));
    print_field("Prepared", time_field(call, machine, "prepared_at"));
    print_field("UUID", g_strdup(text_of(machine, "uuid")));
    print_field("Id", g_strdup(text_of(machine, "id")));
}

/* --- volumes -----------------------------------------------------------------------------------
 */

static const TableColumn volume_columns[] = {
    {"VOLUME", COLUMN_PLAIN}, {"ROLE", COLUMN_PLAIN}, {"FORMAT", COLUMN_SPARE},
    {"SIZE", COLUMN_RIGHT},   {"USES", COLUMN_RIGHT}, {"SITS ON", COLUMN_TRIM},
    {"NOTE", COLUMN_PLAIN},
};

/* What the volume takes in the store; NULL: the daemon cannot say (the store is not there). */
static char *uses_text(const json_t *space, const char *target)
{
    size_t index;
    const json_t *volume;
    json_array_foreach(list_of(space, "volumes"), index, volume)
    {
        if (g_strcmp0(text_of(volume, "target"), target) == 0)
            return size_to_text(number_of(volume, "allocated_bytes"));
    }
    return NULL;
}

static void print_volumes(const Call *call, const json_t *machine, const json_t *space)
{
    size_t index;
    const json_t *volume;
    g_autoptr(Table) table = table_new(call->screen, volume_columns, G_N_ELEMENTS(volume_columns));
    json_array_foreach(list_of(machine, "volumes"), index, volume)
    {
        TableRow *row = table_add(table, NULL);
        table_set(table, row, 0, text_of(volume, "target"));
        table_set(table, row, 1, text_of(volume, "role"));
        table_set(table, row, 2, text_of(volume, "format"));
        table_take(table, row, 3, size_to_text(number_of(volume, "capacity_bytes")));
        table_take(table, row, 4, uses_text(space, text_of(volume, "target")));
        table_set(table, row, 5, text_of(volume, "layer"));
        table_set_or_blank(table, row, 6, flag_of(volume, "own") ? "its own" : NULL);
    }
    if (table_rows(table) > 0)
        putchar('\n');
    table_print(table);
}

/* --- undo --------------------------------------------------------------------------------------
 */

static const TableColumn undo_columns[] = {
    {"UNDO", COLUMN_PLAIN},     {"REPLACED BY", COLUMN_PLAIN}, {"BASE", COLUMN_PLAIN},
    {"REPLACED", COLUMN_PLAIN}, {"HOLDS", COLUMN_RIGHT},       {"NOTE", COLUMN_PLAIN},
};

static void print_undo(const Call *call, const json_t *machine)
{
    size_t index;
    const json_t *entry;
    g_autoptr(Table) table = table_new(call->screen, undo_columns, G_N_ELEMENTS(undo_columns));
    json_array_foreach(list_of(machine, "undo"), index, entry)
    {
        TableRow *row = table_add(table, NULL);
        const char *base = text_of(entry, "base_name");
        const char *note = flag_of(entry, "hibernated") ? "hibernated" : index == 0 ? "next" : NULL;
        gint64 now = call->clock->now_seconds();
        table_take(table, row, 0, g_strdup_printf("%zu", index + 1));
        table_set(table, row, 1, text_of(entry, "cause"));
        table_set(table, row, 2, base != NULL ? base : text_of(entry, "base"));
        table_take(table, row, 3, time_to_full_text(text_of(entry, "replaced_at"), now));
        table_take(table, row, 4, size_to_text(number_of(entry, "held_bytes")));
        table_set_or_blank(table, row, 5, note);
    }
    if (table_rows(table) > 0)
        putchar('\n');
    table_print(table);
}

static void print_checklist(const json_t *machine)
{
    const char *key;
    json_t *value;
    json_t *checklist = json_object_get(machine, "checklist");
    if (json_object_size(checklist) == 0)
        return;
    say("\nChecklist, answered at prepare");
    json_object_foreach(checklist, key, value)
    {
        g_autofree char *label = g_strdelimit(g_strdup(key), "_", ' ');
        g_autofree char *other = json_is_string(value) || json_is_boolean(value)
                                     ? NULL
                                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *shown = json_is_string(value) ? json_string_value(value)
                            : other != NULL       ? other
                            : json_is_true(value) ? "yes"
                                                  : "no";
        say("  %-28s%s", label, shown);
    }
}

static void print_machine(Call *call, const char *name, const json_t *machine)
{
    g_autofree char *path = call_path("machines", name, "/space");
    g_autoptr(Answer) space = call_get(call, path, NULL);
    print_head(call, machine);
    print_volumes(call, machine, space != NULL ? space->json : NULL);
    print_undo(call, machine);
    print_checklist(machine);
}

static int run_show(Call *call, GError **error)
{
    g_autoptr(GPtrArray) names = call_names(call, 0, error);
    for (guint i = 0; names != NULL && i < names->len; i++) {
        g_autofree char *path = call_path("machines", g_ptr_array_index(names, i), "");
        g_autoptr(Answer) answer = call_get(call, path, error);
        if (answer == NULL)
            return EXIT_ERROR;
        if (call_has(call, "json"))
            continue;
        if (i > 0)
            putchar('\n');
        print_machine(call, g_ptr_array_index(names, i), answer->json);
    }
    return names != NULL ? EXIT_OK : EXIT_ERROR;
}

const Command command_show = {
    .name = "show",
    .group = GROUP_LOOK,
    .summary = "show everything about a machine",
    .usage = "NAME…",
    .description = "With the layers that its volumes sit on, what they take in the store, the "
                   "systems that undo can put back, newest "
                   "first, and what it waits for when it is pending.",
    .examples = "show demo-1 # a clone\n"
                "show demo-v1 --json # for a script",
    .also_known_as = "info, inspect, dominfo, describe",
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = G_MAXUINT,
    .run = run_show,
};
