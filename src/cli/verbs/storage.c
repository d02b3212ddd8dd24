/* `underpin storage`: where the room of the store goes, what comes back by itself, how long it
 * lasts. */
#include <stdio.h>

#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/size.h"

static void print_room(const json_t *storage)
{
    g_autofree char *free_space = size_to_text(number_of(storage, "free_bytes"));
    g_autofree char *size = size_to_text(number_of(storage, "size_bytes"));
    g_autofree char *floor = size_to_text(number_of(storage, "floor_bytes"));
    g_autofree char *layers = size_to_text(number_of(storage, "layers_bytes"));
    say("Free        %s of %s; nothing new is begun below %s", free_space, size, floor);
    say("Layers      %s", layers);
}

static void print_undo(const json_t *undo)
{
    gint64 retention = (gint64)number_of(undo, "retention_seconds");
    g_autofree char *bytes = size_to_text(number_of(undo, "bytes"));
    g_autofree char *budget = size_to_text(number_of(undo, "budget_bytes"));
    g_autofree char *kept_for = duration_to_text(retention);
    g_autofree char *entries = count_to_text(number_of(undo, "entries"), "system", "systems");
    say("Undo        %s in %s, of at most %s (%" G_GUINT64_FORMAT " %%); each stays for %s", bytes,
        entries, budget, number_of(undo, "budget_percent"), kept_for);
}

static void print_pile(const char *label, const json_t *pile, const char *what)
{
    g_autofree char *bytes = size_to_text(number_of(pile, "bytes"));
    g_autofree char *count = count_to_text(number_of(pile, "count"), "volume", "volumes");
    if (number_of(pile, "count") > 0)
        say("%-12s%s in %s of removed machines%s", label, bytes, count, what);
}

static void print_forecast(const Call *call, const json_t *forecast)
{
    json_int_t pace = json_integer_value(json_object_get(forecast, "bytes_per_day"));
    const char *full_at = text_of(forecast, "full_at");
    g_autofree char *bytes = size_to_text((guint64)ABS(pace));
    g_autofree char *days = count_to_text(number_of(forecast, "basis_days"), "day", "days");
    g_autofree char *when = time_to_full_text(full_at, call->clock->now_seconds());
    if (!json_is_object(forecast))
        say("Forecast    not enough history yet: it needs a day");
    else if (full_at != NULL)
        say("Forecast    %s used up a day: full %s; by the last %s", bytes, when, days);
    else
        say("Forecast    %s %s a day: it does not fill up; by the last %s", bytes,
            pace < 0 ? "won" : "used up", days);
}

static const TableColumn release_columns[] = {
    {"COMES BACK", COLUMN_PLAIN}, {"FROM", COLUMN_PLAIN}, {"BYTES", COLUMN_RIGHT}};

static void print_releases(const Call *call, const json_t *releases)
{
    size_t index;
    const json_t *release;
    gint64 now = call->clock->now_seconds();
    g_autoptr(Table) table =
        table_new(call->screen, release_columns, G_N_ELEMENTS(release_columns));
    json_array_foreach(releases, index, release)
    {
        TableRow *row = table_add(table, NULL);
        table_take(table, row, 0, time_to_full_text(text_of(release, "at"), now));
        table_set(table, row, 1, text_of(release, "what"));
        table_take(table, row, 2, size_to_text(number_of(release, "bytes")));
    }
    if (table_rows(table) > 0)
        putchar('\n');
    table_print(table);
}

static void print_storage(const Call *call, const json_t *storage)
{
    g_autofree char *reclaimable = size_to_text(number_of(storage, "reclaimable_bytes"));
    print_room(storage);
    print_undo(json_object_get(storage, "undo"));
    print_pile("Trash", json_object_get(storage, "trash"), ", until their time is over");
    print_pile("Kept data", json_object_get(storage, "kept"), ", for good");
    if (number_of(storage, "reclaimable_bytes") > 0)
        say("Reclaim     %s that nobody needs any more", reclaimable);
    print_forecast(call, json_object_get(storage, "forecast"));
    print_releases(call, list_of(storage, "releases"));
}

static int run_storage(Call *call, GError **error)
{
    g_autoptr(Answer) answer = call_get(call, "/api/v1/storage", error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        print_storage(call, answer->json);
    return EXIT_OK;
}

const Command command_storage = {
    .name = "storage",
    .group = GROUP_LOOK,
    .summary = "where the store's space goes, and how long it lasts",
    .usage = "",
    .description =
        "What layers, undo and the data of removed machines take, what comes back by itself and "
        "when, and a forecast from the free space of the last 14 days. 'underpin show NAME' says "
        "what one machine takes.",
    .examples = "storage # space, undo budget, trash, forecast\n"
                "storage --json # with the samples of 90 days",
    .also_known_as = "space, du, usage, forecast",
    .run = run_storage,
};
