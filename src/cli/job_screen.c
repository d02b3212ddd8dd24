/* Implements the result table of a job, its remedies and its last line. */
#include "cli/job_screen.h"

#include <stdio.h>

#include "cli/notes.h"
#include "cli/table.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "model/job.h"

enum { SHOWN_WHOLE = 20 };

enum { RESULT_MACHINE, RESULT_RESULT, RESULT_DETAIL, RESULT_COLUMNS };

static const TableColumn result_columns[] = {
    [RESULT_MACHINE] = {"MACHINE", COLUMN_PLAIN},
    [RESULT_RESULT] = {"RESULT", COLUMN_PLAIN},
    [RESULT_DETAIL] = {"DETAIL", COLUMN_WRAP},
};
G_STATIC_ASSERT(G_N_ELEMENTS(result_columns) == RESULT_COLUMNS);

/* That of the items' common reason, where all failed for the same one. */
static int items_exit_status(const json_t *items)
{
    int status = EXIT_OK;
    size_t index;
    const json_t *item;
    json_array_foreach(items, index, item)
    {
        UnderpinErrorCode code = UNDERPIN_ERROR_BACKEND;
        const json_t *error = json_object_get(item, "error");
        int one = json_is_object(error) && error_code_from_name(text_of(error, "code"), &code)
                      ? error_code_exit_status(code)
                      : EXIT_FAILED;
        if (status != EXIT_OK && status != one)
            return EXIT_FAILED;
        status = one;
    }
    return status == EXIT_OK ? EXIT_FAILED : status;
}

int job_exit_status(const json_t *job)
{
    JobState state = JOB_DONE;
    UnderpinErrorCode code = UNDERPIN_ERROR_BACKEND;
    const json_t *error = json_object_get(job, "error");
    guint64 failed = number_of(json_object_get(job, "counts"), "failed");
    job_state_from_name(text_of(job, "state"), &state);
    if (json_is_object(error) && error_code_from_name(text_of(error, "code"), &code))
        return error_code_exit_status(code);
    if (failed == 0 && state != JOB_FAILED && state != JOB_CANCELLED)
        return EXIT_OK;
    return state == JOB_CANCELLED ? EXIT_FAILED : items_exit_status(list_of(job, "items"));
}

static ItemState item_state(const json_t *item)
{
    ItemState state = ITEM_WAITING;
    item_state_from_name(text_of(item, "state"), &state);
    return state;
}

/* --- the table ---------------------------------------------------------------------------------
 */

static const char *result_words(const Command *command, ItemState state)
{
    if (state == ITEM_DONE && command->done != NULL)
        return command->done;
    if (state == ITEM_PENDING)
        return command->pending != NULL ? command->pending : "when it stops";
    return item_state_name(state);
}

static const char *detail_of(const json_t *item)
{
    const char *message = text_of(json_object_get(item, "error"), "message");
    return message != NULL ? message : text_of(item, "message");
}

static void add_item(Table *table, const Command *command, const json_t *item)
{
    TableRow *row = table_add(table, NULL);
    ItemState state = item_state(item);
    const char *detail = detail_of(item);
    table_set(table, row, RESULT_MACHINE, text_of(item, "machine"));
    table_set_toned(table, row, RESULT_RESULT, result_words(command, state),
                    tone_of_word(item_state_name(state)));
    table_set_or_blank(table, row, RESULT_DETAIL, detail);
}

static void print_items(const Call *call, const Command *command, const json_t *items)
{
    size_t index;
    const json_t *item;
    gboolean is_whole = json_array_size(items) <= SHOWN_WHOLE;
    g_autoptr(Table) table = table_new(call->screen, result_columns, RESULT_COLUMNS);
    json_array_foreach(items, index, item)
    {
        if (is_whole || item_state(item) != ITEM_DONE)
            add_item(table, command, item);
    }
    table_print(table);
    if (table_rows(table) > 0)
        putchar('\n');
}

/* --- remedies ----------------------------------------------------------------------------------
 */

static void print_remedies(const json_t *items)
{
    size_t index;
    const json_t *item;
    g_autoptr(Notes) notes = notes_new();
    json_array_foreach(items, index, item)
    {
        notes_add(notes, text_of(item, "machine"), text_of(json_object_get(item, "error"), "hint"),
                  NULL);
    }
    g_autofree char *text = notes_to_text(notes, "  ");
    if (*text != '\0')
        say("What to do\n%s\n", text);
}

/* --- the last line -----------------------------------------------------------------------------
 */

/* " in 2 s", or "" where the job does not say. Caller frees. */
static char *time_taken(const json_t *job)
{
    gint64 started = 0, finished = 0;
    if (!time_from_text(text_of(job, "started_at"), &started) ||
        !time_from_text(text_of(job, "finished_at"), &finished))
        return g_strdup("");
    g_autofree char *duration = duration_to_text(finished - started);
    return g_strdup_printf(" in %s", duration);
}

static char *count_words(const Command *command, const json_t *job)
{
    const json_t *counts = json_object_get(job, "counts");
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < ITEM_STATE_COUNT; i++) {
        /* What is done comes first, the rest as the model orders it. */
        ItemState state = i == 0 ? ITEM_DONE : (i <= ITEM_DONE ? i - 1 : i);
        guint64 count = number_of(counts, item_state_name(state));
        if (count == 0)
            continue;
        const char *words =
            state == ITEM_DONE && command->done != NULL ? command->done : item_state_name(state);
        g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " %s", text->len > 0 ? ", " : "", count,
                               words);
    }
    return g_string_free(text, FALSE);
}

static gboolean was_something_done(const json_t *job)
{
    const json_t *counts = json_object_get(job, "counts");
    return number_of(counts, "done") + number_of(counts, "pending") > 0;
}

/* The only item of the job where it is done; a job about the whole installation has one that names
 * no machine. */
static const json_t *only_success(const json_t *job)
{
    const json_t *items = list_of(job, "items");
    const json_t *only = json_array_size(items) == 1 ? json_array_get(items, 0) : NULL;
    return only != NULL && item_state(only) == ITEM_DONE ? only : NULL;
}

static gboolean is_machine(const json_t *job, const json_t *item)
{
    return g_strcmp0(text_of(item, "machine"), text_of(job, "verb")) != 0;
}

static void print_last_line(const Command *command, const json_t *job, const char *summary)
{
    const json_t *only = only_success(job);
    g_autofree char *taken = time_taken(job);
    g_autofree char *counts = count_words(command, job);
    gboolean has_summary = summary != NULL && *summary != '\0' && was_something_done(job);
    const char *joint = has_summary ? ": " : "";
    const char *words = has_summary ? summary : "";
    gboolean is_done = g_strcmp0(text_of(job, "state"), "done") == 0 && command->done != NULL;
    if (only != NULL && is_machine(job, only))
        say("%s %s%s%s%s", text_of(only, "machine"), result_words(command, ITEM_DONE), taken, joint,
            words);
    else if (only == NULL && *counts != '\0')
        say("%s%s%s%s", counts, taken, joint, words);
    else if (is_done && text_of(job, "message") != NULL)
        say("%s%s: %s", command->done, taken, text_of(job, "message"));
    else if (is_done)
        say("%s%s", command->done, taken);
    else
        say("%s %s%s", command->name, text_of(job, "state"), taken);
}

static void print_error(const json_t *job)
{
    const json_t *error = json_object_get(job, "error");
    const char *hint = text_of(error, "hint");
    if (text_of(error, "message") == NULL)
        return;
    say_aside("underpin: %s", text_of(error, "message"));
    if (hint != NULL)
        say_aside("  %s", hint);
}

int job_print_result(const Call *call, const json_t *job, const char *summary)
{
    const char *verb = text_of(job, "verb");
    const Command *command = command_of_verb(verb);
    const json_t *items = list_of(job, "items");
    /* A verb that is the API's alone (reclaim), looked at with 'job show'. */
    const Command other = {.name = verb};
    if (command == NULL)
        command = call->command->done != NULL || verb == NULL ? call->command : &other;
    if (only_success(job) == NULL)
        print_items(call, command, items);
    print_remedies(items);
    if (json_array_size(items) > 0 || !json_is_object(json_object_get(job, "error")))
        print_last_line(command, job, summary);
    print_error(job);
    return job_exit_status(job);
}

/* --- job show ----------------------------------------------------------------------------------
 */

void job_print(const Call *call, const json_t *job)
{
    gint64 now = call->clock->now_seconds();
    g_autofree char *created = time_to_full_text(text_of(job, "created_at"), now);
    say("Job        %s", text_of(job, "id"));
    say("Verb       %s", text_of(job, "verb"));
    say("State      %s", text_of(job, "state"));
    say("Asked by   %s", text_of(job, "requested_by"));
    say("Asked      %s", created);
    if (text_of(job, "phase") != NULL)
        say("Phase      %s, step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
            text_of(job, "phase"), number_of(job, "done"), number_of(job, "total"));
    if (text_of(job, "waits_for") != NULL)
        say("Waits for  %s", text_of(job, "waits_for"));
    if (text_of(job, "finished_at") == NULL)
        say("Cancel     %s",
            flag_of(job, "committed")
                ? "it is decided: machines that have not moved yet can be taken back"
                : "nothing is decided yet: it can be abandoned without a trace");
    putchar('\n');
    job_print_result(call, job, NULL);
}
