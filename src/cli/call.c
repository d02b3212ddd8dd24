/* Implements what the verbs share: names, reading, printing. */
#include "cli/call.h"

#include <stdio.h>
#include <string.h>

#include "cli/words.h"
#include "foundation/error.h"

enum { PAGE_SIZE = 10000, INPUT_LIMIT = 4 * 1024 * 1024 };

gboolean call_has(const Call *call, const char *option)
{
    return options_has(call->options, option);
}

const char *call_text(const Call *call, const char *option)
{
    return options_text(call->options, option);
}

const char *call_argument(const Call *call, guint index)
{
    const GPtrArray *arguments = options_arguments(call->options);
    return index < arguments->len ? g_ptr_array_index(arguments, index) : NULL;
}

gboolean call_usage(const Call *call, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *hint = g_strdup_printf("'underpin %s --help' shows how", call->command->name);
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "%s", message);
}

/* --- names -------------------------------------------------------------------------------------
 */

static void add_name(GPtrArray *names, GHashTable *seen, const char *name)
{
    if (*name == '\0' || g_hash_table_contains(seen, name))
        return;
    char *copy = g_strdup(name);
    g_ptr_array_add(names, copy);
    g_hash_table_add(seen, copy);
}

static void add_words(GPtrArray *names, GHashTable *seen, const char *text, const char *separators)
{
    g_auto(GStrv) words = g_strsplit_set(text, separators, -1);
    for (gsize i = 0; words[i] != NULL; i++)
        add_name(names, seen, words[i]);
}

static gboolean add_from_input(GPtrArray *names, GHashTable *seen, GError **error)
{
    g_autoptr(GString) input = g_string_new(NULL);
    char buffer[4096];
    gsize length = 0;
    guint before = names->len;
    while ((length = fread(buffer, 1, sizeof(buffer), stdin)) > 0 && input->len < INPUT_LIMIT)
        g_string_append_len(input, buffer, (gssize)length);
    add_words(names, seen, input->str, " \t\r\n,");
    if (names->len == before)
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "for example: underpin list --clones --names | underpin restore -",
                         "no names came from the pipe");
    return TRUE;
}

GPtrArray *call_names(const Call *call, guint first, GError **error)
{
    const GPtrArray *arguments = options_arguments(call->options);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = first; i < arguments->len; i++) {
        const char *argument = g_ptr_array_index(arguments, i);
        if (!g_str_equal(argument, "-"))
            add_words(names, seen, argument, ",");
        else if (!add_from_input(names, seen, error))
            return NULL;
    }
    return g_steal_pointer(&names);
}

Request *call_request(const Call *call, Verb verb, guint first, GError **error)
{
    g_autoptr(GPtrArray) names = call_names(call, first, error);
    if (names == NULL)
        return NULL;
    Request *request = request_new(verb);
    for (guint i = 0; i < names->len; i++)
        request_add_machine(request, g_ptr_array_index(names, i));
    return request;
}

/* --- reading -----------------------------------------------------------------------------------
 */

void call_print_answer(const Answer *answer)
{
    fwrite(answer->body, 1, answer->length, stdout);
    if (answer->length == 0 || answer->body[answer->length - 1] != '\n')
        putchar('\n');
}

/* The answer, unless it says no. */
static Answer *ask(Call *call, const char *method, const char *path, const json_t *body,
                   GError **error)
{
    g_autoptr(Answer) answer = client_call(call->client, method, path, body, NULL, error);
    if (answer == NULL || answer->status < 400)
        return g_steal_pointer(&answer);
    if (call_has(call, "json"))
        call_print_answer(answer);
    answer_to_error(answer, error);
    return NULL;
}

static Answer *get_quietly(Call *call, const char *path, GError **error)
{
    g_autoptr(Answer) answer = ask(call, "GET", path, NULL, error);
    if (answer == NULL)
        return NULL;
    if (answer->json == NULL) {
        error_set(error, UNDERPIN_ERROR_BACKEND,
                  "are 'underpin' and 'underpind' of the same version?",
                  "the daemon's answer to '%s' is no JSON", path);
        return NULL;
    }
    return g_steal_pointer(&answer);
}

Answer *call_get(Call *call, const char *path, GError **error)
{
    Answer *answer = get_quietly(call, path, error);
    if (answer != NULL && call_has(call, "json"))
        call_print_answer(answer);
    return answer;
}

Answer *call_send(Call *call, const char *method, const char *path, const json_t *body,
                  GError **error)
{
    Answer *answer = ask(call, method, path, body, error);
    if (answer != NULL && answer->json != NULL && call_has(call, "json"))
        call_print_answer(answer);
    return answer;
}

static void print_list(json_t *items)
{
    g_autofree char *text = NULL;
    json_t *list = json_pack("{s:O, s:n}", "items", items, "next");
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    puts(text);
}

static char *page_path(const char *path, const char *after)
{
    const char *joint = strchr(path, '?') != NULL ? "&" : "?";
    if (after == NULL)
        return g_strdup_printf("%s%slimit=%d", path, joint, PAGE_SIZE);
    g_autofree char *escaped = g_uri_escape_string(after, NULL, FALSE);
    return g_strdup_printf("%s%slimit=%d&after=%s", path, joint, PAGE_SIZE, escaped);
}

/* Kept until the process ends: to free the tree of ten thousand rows takes a fifth of all the time
 * of listing them. */
static json_t *keep(json_t *items)
{
    static GPtrArray *kept;
    if (kept == NULL)
        kept = g_ptr_array_new();
    g_ptr_array_add(kept, json_incref(items));
    return items;
}

json_t *call_get_list(Call *call, const char *path, GError **error)
{
    json_t *items = json_array();
    g_autofree char *after = NULL;
    for (;;) {
        g_autofree char *paged = page_path(path, after);
        g_autoptr(Answer) answer = get_quietly(call, paged, error);
        if (answer == NULL) {
            json_decref(items);
            return NULL;
        }
        const char *next = text_of(answer->json, "next");
        gboolean is_only_page = next == NULL && after == NULL;
        json_array_extend(items, json_object_get(answer->json, "items"));
        if (is_only_page && call_has(call, "json"))
            call_print_answer(answer);
        if (next == NULL || g_strcmp0(next, after) == 0) {
            if (!is_only_page && call_has(call, "json"))
                print_list(items);
            return keep(items);
        }
        g_free(after);
        after = g_strdup(next);
    }
}

void call_print_table(const Call *call, Table *table, const char *none, ...)
{
    va_list arguments;
    if (call_has(call, "json"))
        return;
    table_print(table);
    if (table_rows(table) > 0)
        return;
    va_start(arguments, none);
    g_autofree char *sentence = g_strdup_vprintf(none, arguments);
    va_end(arguments);
    say_aside("%s", sentence);
}

char *call_path(const char *collection, const char *name, const char *rest)
{
    g_autofree char *escaped = g_uri_escape_string(name, NULL, FALSE);
    return g_strconcat("/api/v1/", collection, "/", escaped, rest, NULL);
}

const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

guint64 number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_real(value))
        return (guint64)CLAMP(json_real_value(value), 0.0, 1e18);
    return (guint64)MAX(json_integer_value(value), 0);
}

gboolean flag_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const json_t *list_of(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

/* --- printing ----------------------------------------------------------------------------------
 */

G_GNUC_PRINTF(2, 0)
static void print_printable(FILE *stream, const char *format, va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    g_autofree char *printable = text_to_printable(text, TRUE);
    fprintf(stream, "%s\n", printable);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_printable(stdout, format, arguments);
    va_end(arguments);
}

void say_aside(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    print_printable(stderr, format, arguments);
    va_end(arguments);
}
