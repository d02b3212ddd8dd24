/* One parser a kind of value. Each refuses what it does not understand, and says what it would. */
#include "daemon/config_value.h"

#include <math.h>
#include <string.h>

#include "foundation/error.h"

typedef struct {
    const char *name;
    guint64 factor;
} Unit;

#define KIB ((guint64)1 << 10)
#define MIB ((guint64)1 << 20)
#define GIB ((guint64)1 << 30)
#define TIB ((guint64)1 << 40)
#define PIB ((guint64)1 << 50)

static const Unit size_units[] = {
    {"", 1},      {"B", 1},   {"KiB", KIB}, {"K", KIB}, {"MiB", MIB}, {"M", MIB},
    {"GiB", GIB}, {"G", GIB}, {"TiB", TIB}, {"T", TIB}, {"PiB", PIB},
};

#define MINUTE ((guint64)60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const Unit duration_units[] = {
    {"", 1},         {"s", 1},           {"second", 1},       {"seconds", 1},
    {"min", MINUTE}, {"minute", MINUTE}, {"minutes", MINUTE}, {"h", HOUR},
    {"hour", HOUR},  {"hours", HOUR},    {"d", DAY},          {"day", DAY},
    {"days", DAY},   {"w", 7 * DAY},     {"week", 7 * DAY},   {"weeks", 7 * DAY},
};

static gboolean refuse(const char *text, const char *example, GError **error)
{
    g_autofree char *hint = g_strdup_printf("write it as %s", example);
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "'%s' cannot be understood", text);
}

static const Unit *unit_find(const Unit *units, gsize count, const char *name)
{
    for (gsize i = 0; i < count; i++) {
        if (g_ascii_strcasecmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

/* A plain decimal number (no sign, exponent or hexadecimal), and what follows it. */
static gboolean split_number(const char *text, double *number_out, char **rest_out)
{
    gsize length = strspn(text, "0123456789.");
    g_autofree char *digits = g_strndup(text, length);
    char *end = NULL;
    double number = g_ascii_strtod(digits, &end);
    if (length == 0 || *end != '\0')
        return FALSE;
    *number_out = number;
    *rest_out = g_strstrip(g_strdup(text + length));
    return TRUE;
}

static gboolean parse_with_units(const char *text, const Unit *units, gsize count,
                                 const char *example, guint64 *value_out, GError **error)
{
    double number;
    g_autofree char *rest = NULL;
    const Unit *unit = split_number(text, &number, &rest) ? unit_find(units, count, rest) : NULL;
    double value = unit ? number * (double)unit->factor : -1;
    if (!unit || value != floor(value) || value >= ldexp(1, 63))
        return refuse(text, example, error);
    *value_out = (guint64)value;
    return TRUE;
}

gboolean config_parse_size(const char *text, guint64 *bytes_out, GError **error)
{
    return parse_with_units(text, size_units, G_N_ELEMENTS(size_units), "10 GiB or 512 MiB",
                            bytes_out, error);
}

gboolean config_parse_duration(const char *text, guint64 *seconds_out, GError **error)
{
    return parse_with_units(text, duration_units, G_N_ELEMENTS(duration_units),
                            "7d, 12 h or 30 min", seconds_out, error);
}

gboolean config_parse_number(const char *text, guint64 *number_out, GError **error)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL))
        return refuse(text, "a whole number", error);
    *number_out = number;
    return TRUE;
}

gboolean config_parse_percent(const char *text, guint64 *percent_out, GError **error)
{
    guint64 percent;
    g_autofree char *number = g_strdup(text);
    gsize length = strlen(number);
    if (length == 0 || number[length - 1] != '%')
        return refuse(text, "10%", error);
    number[length - 1] = '\0';
    if (!g_ascii_string_to_unsigned(g_strchomp(number), 10, 0, 100, &percent, NULL))
        return refuse(text, "10%", error);
    *percent_out = percent;
    return TRUE;
}

gboolean config_parse_boolean(const char *text, gboolean *value_out, GError **error)
{
    static const struct {
        const char *word;
        gboolean value;
    } words[] = {{"yes", TRUE}, {"true", TRUE},   {"on", TRUE},
                 {"no", FALSE}, {"false", FALSE}, {"off", FALSE}};
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(words[i].word, text) == 0) {
            *value_out = words[i].value;
            return TRUE;
        }
    }
    return refuse(text, "yes or no", error);
}

char *config_parse_path(const char *text, GError **error)
{
    g_autofree char *path = g_strdup(text);
    gsize length = strlen(path);
    if (length > 1 && path[length - 1] == '/')
        path[length - 1] = '\0';
    g_autofree char *canonical =
        g_path_is_absolute(path) ? g_canonicalize_filename(path, "/") : NULL;
    gboolean is_plain = canonical && g_str_equal(canonical, path) && !g_str_has_prefix(path, "//");
    if (!is_plain || !g_utf8_validate(path, -1, NULL)) {
        refuse(text, "a whole path, beginning with '/' and without '.' and '..'", error);
        return NULL;
    }
    return g_steal_pointer(&path);
}

char **config_parse_paths(const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    guint count = 0;
    for (guint i = 0; parts[i]; i++) {
        const char *part = g_strstrip(parts[i]);
        if (part[0] == '\0')
            continue;
        g_autofree char *path = config_parse_path(part, error);
        if (!path)
            return NULL;
        g_strv_builder_add(paths, path);
        count++;
    }
    if (count == 0) {
        refuse(text, "paths joined by ';'", error);
        return NULL;
    }
    return g_strv_builder_end(paths);
}
