/* Implements the plan's table and announcement from the API's representation. */
#include "cli/plan_screen.h"

#include <stdio.h>
#include <string.h>

#include "cli/notes.h"
#include "cli/table.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/size.h"
#include "model/role.h"

enum { NAMED_MACHINES = 3 };

/* What a fate means for the content: the words are the API's. */
static const struct {
    const char *fate;
    gboolean loses;
    gboolean destroys;
    Tone tone;
} fates[] = {
    {"KEPT", FALSE, FALSE, TONE_GOOD},         {"REPLACED", TRUE, FALSE, TONE_ATTENTION},
    {"RESET", TRUE, FALSE, TONE_ATTENTION},    {"DELETED", TRUE, TRUE, TONE_BAD},
    {"TO TRASH", TRUE, FALSE, TONE_ATTENTION}, {"SEALED", FALSE, FALSE, TONE_PLAIN},
    {"UNSEALED", FALSE, FALSE, TONE_PLAIN},    {"CREATED", FALSE, FALSE, TONE_PLAIN},
    {"CHANGED", FALSE, FALSE, TONE_PLAIN},
};

static gsize fate_index(const char *fate)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fates); i++) {
        if (g_strcmp0(fates[i].fate, fate) == 0)
            return i;
    }
    return G_N_ELEMENTS(fates) - 1;
}

/* --- digest ------------------------------------------------------------------------------------
 */

static gboolean is_to_happen(const json_t *item)
{
    const char *decision = text_of(item, "decision");
    return g_strcmp0(decision, "now") == 0 || g_strcmp0(decision, "pending") == 0;
}

static void digest_volumes(PlanDigest *digest, const json_t *item)
{
    size_t index;
    const json_t *volume;
    json_array_foreach(list_of(item, "volumes"), index, volume)
    {
        gsize fate = fate_index(text_of(volume, "fate"));
        digest->loses |= fates[fate].loses;
        digest->destroys |= fates[fate].destroys;
        if (fates[fate].loses)
            digest->lost_bytes += number_of(volume, "lost_bytes");
    }
}

/* A run whose every item is refused exits as the first refusal says; one of several that fails is a
 * failure. */
static int exit_of_refusals(const json_t *plan, const PlanDigest *digest)
{
    size_t index;
    const json_t *item;
    if (digest->refused == 0 && digest->skipped == 0)
        return EXIT_OK;
    if (digest->now + digest->pending > 0)
        return digest->refused > 0 ? EXIT_FAILED : EXIT_OK;
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        UnderpinErrorCode code = UNDERPIN_ERROR_REFUSED;
        gboolean is_refused = g_strcmp0(text_of(item, "decision"), "refuse") == 0;
        if (error_code_from_name(text_of(item, "code"), &code) || is_refused)
            return error_code_exit_status(code);
    }
    return EXIT_OK;
}

PlanDigest plan_digest(const json_t *plan)
{
    const json_t *counts = json_object_get(plan, "counts");
    PlanDigest digest = {
        .now = (guint)number_of(counts, "now"),
        .pending = (guint)number_of(counts, "pending"),
        .skipped = (guint)number_of(counts, "skip"),
        .refused = (guint)number_of(counts, "refuse"),
    };
    size_t index;
    const json_t *item;
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        if (!is_to_happen(item))
            continue;
        digest_volumes(&digest, item);
        if (number_of(item, "forgotten_entries") > 0)
            digest.loses = digest.destroys = TRUE;
    }
    digest.exit_status = exit_of_refusals(plan, &digest);
    return digest;
}

/* --- the table ---------------------------------------------------------------------------------
 */

enum { PLAN_MACHINE, PLAN_POWER, PLAN_WHAT, PLAN_SYSTEM, PLAN_TEMPORARY, PLAN_DATA, PLAN_COLUMNS };

static const TableColumn plan_columns[] = {
    [PLAN_MACHINE] = {"MACHINE", COLUMN_PLAIN},     [PLAN_POWER] = {"POWER", COLUMN_PLAIN},
    [PLAN_WHAT] = {"WHAT HAPPENS", COLUMN_PLAIN},   [PLAN_SYSTEM] = {"SYSTEM", COLUMN_PLAIN},
    [PLAN_TEMPORARY] = {"TEMPORARY", COLUMN_PLAIN}, [PLAN_DATA] = {"DATA", COLUMN_PLAIN},
};
G_STATIC_ASSERT(G_N_ELEMENTS(plan_columns) == PLAN_COLUMNS);

/* "REPLACED -1.2 GiB": the fates of all volumes of a role, and what their owner loses. NULL: has
 * none. */
static char *role_cell(const json_t *item, Role role, Tone *tone_out)
{
    size_t index;
    const json_t *volume;
    guint64 lost_bytes = 0;
    GString *cell = g_string_new(NULL);
    json_array_foreach(list_of(item, "volumes"), index, volume)
    {
        const char *fate = text_of(volume, "fate");
        if (g_strcmp0(text_of(volume, "role"), role_name(role)) != 0 || fate == NULL)
            continue;
        if (strstr(cell->str, fate) == NULL)
            g_string_append_printf(cell, "%s%s", cell->len > 0 ? ", " : "", fate);
        *tone_out = MAX(*tone_out, fates[fate_index(fate)].tone);
        if (fates[fate_index(fate)].loses)
            lost_bytes += number_of(volume, "lost_bytes");
    }
    if (lost_bytes > 0) {
        g_autofree char *lost = size_to_text(lost_bytes);
        g_string_append_printf(cell, " -%s", lost);
    }
    return g_string_free(cell, FALSE);
}

static const char *pending_words(const Call *call)
{
    return call->command->pending != NULL ? call->command->pending : "when it stops";
}

static const char *decision_words(const Call *call, const char *decision)
{
    if (g_strcmp0(decision, "pending") == 0)
        return pending_words(call);
    if (g_strcmp0(decision, "skip") == 0)
        return "skipped";
    return g_strcmp0(decision, "refuse") == 0 ? "refused" : decision;
}

static void add_item(Table *table, const Call *call, const json_t *item)
{
    TableRow *row = table_add(table, NULL);
    const char *decision = text_of(item, "decision");
    const char *power = text_of(item, "power");
    table_set(table, row, PLAN_MACHINE, text_of(item, "machine"));
    table_set_toned(table, row, PLAN_POWER, power, tone_of_word(power));
    table_set_toned(table, row, PLAN_WHAT, decision_words(call, decision), tone_of_word(decision));
    for (guint role = 0; role < ROLE_COUNT; role++) {
        Tone tone = TONE_PLAIN;
        g_autofree char *cell = is_to_happen(item) ? role_cell(item, role, &tone) : NULL;
        table_set_toned(table, row, PLAN_SYSTEM + role, cell, tone);
    }
}

static void print_table(const Call *call, const json_t *plan)
{
    size_t index;
    const json_t *item;
    g_autoptr(Table) table = table_new(call->screen, plan_columns, PLAN_COLUMNS);
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        add_item(table, call, item);
    }
    table_print(table);
}

/* --- remarks -----------------------------------------------------------------------------------
 */

static void note_capacities(Notes *notes, const json_t *item)
{
    size_t index;
    const json_t *volume;
    json_array_foreach(list_of(item, "volumes"), index, volume)
    {
        guint64 before = number_of(volume, "capacity_before");
        guint64 after = number_of(volume, "capacity_after");
        if (before == 0 || after == 0 || before == after)
            continue;
        g_autofree char *was = size_to_text(before);
        g_autofree char *becomes = size_to_text(after);
        g_autofree char *text =
            g_strdup_printf("%s: %s becomes %s", text_of(volume, "target"), was, becomes);
        notes_add(notes, text_of(item, "machine"), text, NULL);
    }
}

static void note_warnings(Notes *notes, const json_t *object, const char *name)
{
    size_t index;
    const json_t *warning;
    json_array_foreach(list_of(object, "warnings"), index, warning)
    {
        notes_add(notes, name, json_string_value(warning), NULL);
    }
}

/* Remarks of one kind, gathered from the plan; `decision` NULL: warnings. */
static char *remarks(const json_t *plan, const char *decision, const char *prefix)
{
    size_t index;
    const json_t *item;
    g_autoptr(Notes) notes = notes_new();
    if (decision == NULL)
        note_warnings(notes, plan, NULL);
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        const char *name = text_of(item, "machine");
        if (decision == NULL) {
            note_warnings(notes, item, name);
            note_capacities(notes, item);
        } else if (g_strcmp0(text_of(item, "decision"), decision) == 0) {
            notes_add(notes, name, text_of(item, "reason"), text_of(item, "hint"));
        }
    }
    return notes_to_text(notes, prefix);
}

static const struct {
    const char *decision; /* NULL: warnings */
    const char *title;
} remark_kinds[] = {
    {"pending", "Waiting"}, {"skip", "Skipped"}, {"refuse", "Refused"}, {NULL, "Warnings"}};

static void print_remarks(const json_t *plan)
{
    for (gsize i = 0; i < G_N_ELEMENTS(remark_kinds); i++) {
        g_autofree char *text = remarks(plan, remark_kinds[i].decision, "  ");
        if (*text != '\0')
            say("\n%s\n%s", remark_kinds[i].title, text);
    }
}

/* --- totals ------------------------------------------------------------------------------------
 */

static void append_count(GString *text, guint count, const char *words)
{
    if (count > 0)
        g_string_append_printf(text, "%s%u %s", text->len > 0 ? ", " : "", count, words);
}

static char *counts_text(const PlanDigest *digest)
{
    GString *text = g_string_new(NULL);
    append_count(text, digest->now, "now");
    append_count(text, digest->pending, "when it stops");
    append_count(text, digest->skipped, "skipped");
    append_count(text, digest->refused, "refused");
    return g_string_free(text, FALSE);
}

static guint64 sum_of(const json_t *plan, const char *key)
{
    size_t index;
    const json_t *item;
    guint64 sum = 0;
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        if (is_to_happen(item))
            sum += number_of(item, key);
    }
    return sum;
}

static void append_size(GString *text, guint64 bytes, const char *format)
{
    if (bytes == 0)
        return;
    g_autofree char *size = size_to_text(bytes);
    g_string_append(text, text->len > 0 ? "; " : "");
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '*')
            g_string_append(text, size);
        else
            g_string_append_c(text, *at);
    }
}

static void print_totals(const json_t *plan, const PlanDigest *digest)
{
    const json_t *seconds = json_object_get(plan, "estimate_seconds");
    g_autofree char *counts = counts_text(digest);
    g_autofree char *estimate =
        estimate_to_text(json_is_number(seconds) ? json_number_value(seconds) : -1);
    g_autoptr(GString) space = g_string_new(NULL);
    append_size(space, sum_of(plan, "held_bytes"), "undo will hold *");
    append_size(space, sum_of(plan, "freed_bytes"), "* will be freed");
    append_size(space, number_of(plan, "needed_bytes"), "needs *");
    append_size(space, number_of(plan, "free_bytes"), "* free in the store");
    say("\n%s%s%s", counts, estimate != NULL ? "; " : "", estimate != NULL ? estimate : "");
    if (space->len > 0)
        say("%s", space->str);
}

static char *affected_text(const PlanDigest *digest)
{
    return count_to_text(digest->now + digest->pending, "machine", "machines");
}

void plan_print(const Call *call, const json_t *plan)
{
    PlanDigest digest = plan_digest(plan);
    const char *summary = text_of(plan, "summary");
    g_autofree char *affected = affected_text(&digest);
    print_table(call, plan);
    print_remarks(plan);
    if (json_array_size(list_of(plan, "items")) > 0)
        print_totals(plan, &digest);
    if (digest.now + digest.pending == 0)
        say("Dry run: there is nothing to do.");
    else if (summary != NULL && *summary != '\0')
        say("Dry run of %s: %s. Nothing was changed.", affected, summary);
    else
        say("Dry run of %s. Nothing was changed.", affected);
}

static void announce_remarks(const json_t *plan)
{
    static const char *const prefixes[] = {NULL, "  skipped: ", "  refused: ", "  warning: "};
    G_STATIC_ASSERT(G_N_ELEMENTS(prefixes) == G_N_ELEMENTS(remark_kinds));
    for (gsize i = 0; i < G_N_ELEMENTS(remark_kinds); i++) {
        if (prefixes[i] == NULL)
            continue;
        g_autofree char *text = remarks(plan, remark_kinds[i].decision, prefixes[i]);
        if (*text != '\0')
            say_aside("%s", text);
    }
}

/* "demo-1, demo-2 (1 now, 1 when it stops)", or "26 machines (…)": whom it is about. */
static char *subject_text(const json_t *plan, const PlanDigest *digest)
{
    size_t index;
    const json_t *item;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    json_array_foreach(list_of(plan, "items"), index, item)
    {
        if (is_to_happen(item) && text_of(item, "machine") != NULL)
            g_ptr_array_add(names, (gpointer)text_of(item, "machine"));
    }
    g_autofree char *subject =
        names->len <= NAMED_MACHINES ? names_to_text(names, NAMED_MACHINES) : affected_text(digest);
    if (digest->pending == 0)
        return g_steal_pointer(&subject);
    PlanDigest happening = {.now = digest->now, .pending = digest->pending};
    g_autofree char *counts = counts_text(&happening);
    return g_strdup_printf("%s (%s)", subject, counts);
}

void plan_announce(const Call *call, const json_t *plan)
{
    PlanDigest digest = plan_digest(plan);
    const char *summary = text_of(plan, "summary");
    g_autofree char *subject = subject_text(plan, &digest);
    g_autofree char *lost = size_to_text(digest.lost_bytes);
    g_autofree char *held = size_to_text(sum_of(plan, "held_bytes"));
    g_autofree char *freed = size_to_text(sum_of(plan, "freed_bytes"));
    gboolean is_nothing = digest.now + digest.pending == 0;
    if (is_nothing)
        say_aside("%s: %s", call->command->name,
                  digest.refused > 0 ? "refused, nothing was changed" : "there is nothing to do");
    else if (summary != NULL && *summary != '\0')
        say_aside("%s %s: %s", call->command->name, subject, summary);
    if (digest.lost_bytes > 0 && sum_of(plan, "held_bytes") > 0)
        say_aside("  written since they were fresh: %s; undo will hold %s", lost, held);
    else if (digest.lost_bytes > 0)
        say_aside("  written since they were fresh: %s", lost);
    else if (sum_of(plan, "freed_bytes") > 0)
        say_aside("  will be freed: %s", freed);
    announce_remarks(plan);
}
