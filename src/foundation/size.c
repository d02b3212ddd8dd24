/* Implements the reading and writing of sizes. */
#include "foundation/size.h"

#include <string.h>

#include "foundation/error.h"

typedef struct {
    const char *suffix;
    guint64 factor;
} Unit;

#define KIB(power) (G_GUINT64_CONSTANT(1) << (10 * (power)))

static const Unit shown_units[] = {
    {"B", 1},        {"KiB", KIB(1)}, {"MiB", KIB(2)}, {"GiB", KIB(3)},
    {"TiB", KIB(4)}, {"PiB", KIB(5)}, {"EiB", KIB(6)},
};

static const Unit read_units[] = {
    {"", 1},
    {"B", 1},
    {"K", KIB(1)},
    {"M", KIB(2)},
    {"G", KIB(3)},
    {"T", KIB(4)},
    {"P", KIB(5)},
    {"KiB", KIB(1)},
    {"MiB", KIB(2)},
    {"GiB", KIB(3)},
    {"TiB", KIB(4)},
    {"PiB", KIB(5)},
    {"kB", 1000},
    {"MB", G_GUINT64_CONSTANT(1000000)},
    {"GB", G_GUINT64_CONSTANT(1000000000)},
    {"TB", G_GUINT64_CONSTANT(1000000000000)},
    {"PB", G_GUINT64_CONSTANT(1000000000000000)},
};

/* The value in tenths of the unit, rounded. */
static guint64 tenths_of(guint64 bytes, guint64 factor)
{
    return bytes / factor * 10 + (bytes % factor * 10 + factor / 2) / factor;
}

char *size_to_text(guint64 bytes)
{
    gsize unit = 0;
    while (unit + 1 < G_N_ELEMENTS(shown_units) &&
           tenths_of(bytes, shown_units[unit].factor) >= 10240)
        unit++;
    guint64 tenths = tenths_of(bytes, shown_units[unit].factor);
    const char *suffix = shown_units[unit].suffix;
    if (tenths % 10 == 0 || tenths >= 1000)
        return g_strdup_printf("%" G_GUINT64_FORMAT " %s", (tenths + 5) / 10, suffix);
    return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " %s", tenths / 10,
                           tenths % 10, suffix);
}

static const Unit *unit_of(const char *suffix)
{
    for (gsize i = 0; i < G_N_ELEMENTS(read_units); i++) {
        if (g_ascii_strcasecmp(read_units[i].suffix, suffix) == 0)
            return &read_units[i];
    }
    return NULL;
}

/* Reads "15" or "1.5" as thousandths; FALSE where it is no such number. `rest_out` is what follows.
 */
static gboolean read_thousandths(const char *text, guint64 *thousandths_out, const char **rest_out)
{
    guint64 whole = 0, fraction = 0, place = 100;
    const char *at = text;
    if (!g_ascii_isdigit(*at))
        return FALSE;
    for (; g_ascii_isdigit(*at); at++) {
        if (whole > G_MAXINT64 / 10000)
            return FALSE;
        whole = whole * 10 + (guint64)(*at - '0');
    }
    if (*at == '.') {
        if (!g_ascii_isdigit(at[1]))
            return FALSE;
        for (at++; g_ascii_isdigit(*at); at++, place /= 10)
            fraction += (guint64)(*at - '0') * place;
    }
    *thousandths_out = whole * 1000 + fraction;
    *rest_out = at;
    return TRUE;
}

gboolean size_from_text(const char *text, guint64 *bytes_out, GError **error)
{
    guint64 thousandths = 0;
    const char *suffix = NULL;
    const Unit *unit = NULL;
    if (read_thousandths(text, &thousandths, &suffix))
        unit = unit_of(suffix + strspn(suffix, " "));
    if (unit == NULL || thousandths == 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, "write it as 20G, 512M or 1.5T",
                         "'%s' is no size", text);
    guint64 step = unit->factor / 1000, rest = unit->factor % 1000;
    if (unit->factor == 1 && thousandths % 1000 != 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, "write it as 20G, 512M or 1.5T",
                         "'%s' is no whole number of bytes", text);
    if (step != 0 && thousandths > G_MAXINT64 / (step + 1))
        return error_set(error, UNDERPIN_ERROR_INVALID, "the limit is 8 EiB",
                         "the size '%s' is too large", text);
    *bytes_out = thousandths * step + thousandths * rest / 1000;
    return TRUE;
}
