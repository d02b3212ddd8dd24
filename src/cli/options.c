/* Implements the reading of options from the tables of a verb. */
#include "cli/options.h"

#include <string.h>

#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/near.h"
#include "foundation/size.h"

enum { COUNT_LIMIT = 1000000 };

struct Options {
    GHashTable *values; /* name -> GPtrArray of char *; an empty one for a flag */
    GPtrArray *arguments;
};

typedef struct {
    const OptionSpec *const *tables;
    const char *const *words;
    gsize at;
    Options *options;
} Parse;

static void free_values(gpointer values)
{
    g_ptr_array_unref(values);
}

static Options *options_new(void)
{
    Options *options = g_new0(Options, 1);
    options->values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_values);
    options->arguments = g_ptr_array_new_with_free_func(g_free);
    return options;
}

void options_free(Options *options)
{
    if (options == NULL)
        return;
    g_hash_table_unref(options->values);
    g_ptr_array_unref(options->arguments);
    g_free(options);
}

const OptionSpec *options_find(const OptionSpec *const *tables, const char *name)
{
    for (gsize table = 0; tables[table] != NULL; table++) {
        for (const OptionSpec *spec = tables[table]; spec->name != NULL; spec++) {
            if (g_str_equal(spec->name, name))
                return spec;
        }
    }
    return NULL;
}

static const OptionSpec *find_letter(const OptionSpec *const *tables, char letter)
{
    for (gsize table = 0; tables[table] != NULL; table++) {
        for (const OptionSpec *spec = tables[table]; spec->name != NULL; spec++) {
            if (spec->letter == letter)
                return spec;
        }
    }
    return NULL;
}

static gboolean fail_unknown(const OptionSpec *const *tables, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (gsize table = 0; tables[table] != NULL; table++) {
        for (const OptionSpec *spec = tables[table]; spec->name != NULL; spec++)
            g_ptr_array_add(names, (gpointer)spec->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *near = near_words(name, (const char *const *)names->pdata, "--");
    g_autofree char *hint = near != NULL ? g_strdup_printf("did you mean %s?", near)
                                         : g_strdup("--help lists the options");
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "unknown option '--%s'", name);
}

/* --- values ------------------------------------------------------------------------------------
 */

static gboolean check_text(const OptionSpec *spec, const char *value, GError **error)
{
    if (*value != '\0')
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "the option '--%s' is empty", spec->name);
}

static gboolean check_count(const OptionSpec *spec, const char *value, GError **error)
{
    guint64 count = 0;
    if (g_ascii_string_to_unsigned(value, 10, 1, COUNT_LIMIT, &count, NULL))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_INVALID, "a whole number from 1 to 1,000,000",
                     "the option '--%s' takes a number, not '%s'", spec->name, value);
}

static gboolean check_size(const OptionSpec *spec, const char *value, GError **error)
{
    guint64 bytes = 0;
    if (size_from_text(value, &bytes, error))
        return TRUE;
    g_prefix_error(error, "the option '--%s': ", spec->name);
    return FALSE;
}

static gboolean check_duration(const OptionSpec *spec, const char *value, GError **error)
{
    guint seconds = 0;
    if (duration_from_text(value, &seconds, error))
        return TRUE;
    g_prefix_error(error, "the option '--%s': ", spec->name);
    return FALSE;
}

static gboolean check_choice(const OptionSpec *spec, const char *value, GError **error)
{
    g_auto(GStrv) words = g_strsplit(spec->value, "|", -1);
    if (g_strv_contains((const char *const *)words, value))
        return TRUE;
    g_autofree char *known = g_strjoinv(", ", words);
    g_autofree char *hint = g_strdup_printf("one of %s", known);
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the option '--%s' does not know '%s'",
                     spec->name, value);
}

typedef gboolean (*ValueCheck)(const OptionSpec *spec, const char *value, GError **error);

static const ValueCheck value_checks[] = {
    [OPTION_FLAG] = NULL,           [OPTION_TEXT] = check_text, [OPTION_LIST] = check_text,
    [OPTION_COUNT] = check_count,   [OPTION_SIZE] = check_size, [OPTION_DURATION] = check_duration,
    [OPTION_CHOICE] = check_choice,
};

static void keep_value(Options *options, const OptionSpec *spec, const char *value)
{
    GPtrArray *values = g_hash_table_lookup(options->values, spec->name);
    if (values == NULL) {
        values = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(options->values, (gpointer)spec->name, values);
    }
    if (value != NULL)
        g_ptr_array_add(values, g_strdup(value));
}

/* Takes the option, with `attached` (or NULL) as its value, else the next word. */
static gboolean take_option(Parse *parse, const OptionSpec *spec, const char *attached,
                            GError **error)
{
    if (spec->kind == OPTION_FLAG) {
        if (attached != NULL)
            return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                             "the option '--%s' takes no value", spec->name);
        keep_value(parse->options, spec, NULL);
        return TRUE;
    }
    const char *value = attached != NULL ? attached : parse->words[parse->at];
    if (value == NULL)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "the option '--%s' needs a value: %s",
                         spec->name, spec->value);
    if (attached == NULL)
        parse->at++;
    if (!value_checks[spec->kind](spec, value, error))
        return FALSE;
    keep_value(parse->options, spec, value);
    return TRUE;
}

static gboolean take_long(Parse *parse, const char *word, GError **error)
{
    const char *equals = strchr(word, '=');
    g_autofree char *name =
        equals != NULL ? g_strndup(word, (gsize)(equals - word)) : g_strdup(word);
    const OptionSpec *spec = options_find(parse->tables, name);
    if (spec == NULL)
        return fail_unknown(parse->tables, name, error);
    return take_option(parse, spec, equals != NULL ? equals + 1 : NULL, error);
}

/* "-yn" are two flags; "-r5" and "-r 5" a value. */
static gboolean take_short(Parse *parse, const char *letters, GError **error)
{
    for (; *letters != '\0'; letters++) {
        const OptionSpec *spec = find_letter(parse->tables, *letters);
        if (spec == NULL)
            return error_set(error, UNDERPIN_ERROR_INVALID, "--help lists the options",
                             "unknown option '-%c'", *letters);
        if (spec->kind != OPTION_FLAG)
            return take_option(parse, spec, letters[1] != '\0' ? letters + 1 : NULL, error);
        keep_value(parse->options, spec, NULL);
    }
    return TRUE;
}

static gboolean take_word(Parse *parse, gboolean *only_arguments, GError **error)
{
    const char *word = parse->words[parse->at++];
    if (!*only_arguments && g_str_equal(word, "--")) {
        *only_arguments = TRUE;
        return TRUE;
    }
    if (!*only_arguments && g_str_has_prefix(word, "--"))
        return take_long(parse, word + 2, error);
    if (!*only_arguments && word[0] == '-' && word[1] != '\0')
        return take_short(parse, word + 1, error);
    g_ptr_array_add(parse->options->arguments, g_strdup(word));
    return TRUE;
}

Options *options_parse(const OptionSpec *const *tables, const char *const *words, GError **error)
{
    g_autoptr(Options) options = options_new();
    Parse parse = {.tables = tables, .words = words, .options = options};
    gboolean only_arguments = FALSE;
    while (words[parse.at] != NULL) {
        if (!take_word(&parse, &only_arguments, error))
            return NULL;
    }
    g_ptr_array_add(options->arguments, NULL);
    g_ptr_array_set_size(options->arguments, (gint)options->arguments->len - 1);
    return g_steal_pointer(&options);
}

/* --- reading -----------------------------------------------------------------------------------
 */

gboolean options_has(const Options *options, const char *name)
{
    return g_hash_table_contains(options->values, name);
}

const GPtrArray *options_list(const Options *options, const char *name)
{
    static GPtrArray *none = NULL;
    const GPtrArray *values = g_hash_table_lookup(options->values, name);
    if (values == NULL && none == NULL)
        none = g_ptr_array_new();
    return values != NULL ? values : none;
}

const char *options_text(const Options *options, const char *name)
{
    const GPtrArray *values = options_list(options, name);
    return values->len > 0 ? g_ptr_array_index(values, values->len - 1) : NULL;
}

guint options_count(const Options *options, const char *name, guint otherwise)
{
    const char *text = options_text(options, name);
    return text != NULL ? (guint)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

guint options_seconds(const Options *options, const char *name, guint otherwise)
{
    const char *text = options_text(options, name);
    guint seconds = otherwise;
    if (text != NULL)
        duration_from_text(text, &seconds, NULL);
    return seconds;
}

guint64 options_size(const Options *options, const char *name, guint64 otherwise)
{
    const char *text = options_text(options, name);
    guint64 bytes = otherwise;
    if (text != NULL)
        size_from_text(text, &bytes, NULL);
    return bytes;
}

const GPtrArray *options_arguments(const Options *options)
{
    return options->arguments;
}
