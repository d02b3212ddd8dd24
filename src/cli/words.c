/* Implements the writing of durations, times and foreign text. */
#include "cli/words.h"

#include <string.h>

#include "foundation/error.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, RELATIVE_LIMIT = 60 * DAY };

/* --- durations ---------------------------------------------------------------------------------
 */

static char *two_parts(gint64 first, const char *first_unit, gint64 second, const char *second_unit)
{
    if (second == 0)
        return g_strdup_printf("%" G_GINT64_FORMAT " %s", first, first_unit);
    return g_strdup_printf("%" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %s", first, first_unit,
                           second, second_unit);
}

char *duration_to_text(gint64 seconds)
{
    if (seconds < 1)
        return g_strdup("under 1 s");
    if (seconds < MINUTE)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", seconds);
    if (seconds < HOUR)
        return two_parts(seconds / MINUTE, "min", seconds % MINUTE, "s");
    if (seconds < DAY)
        return two_parts(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min");
    return two_parts(seconds / DAY, "d", seconds % DAY / HOUR, "h");
}

char *estimate_to_text(double seconds)
{
    if (!(seconds >= 0 && seconds < 1e9))
        return NULL;
    g_autofree char *duration = duration_to_text((gint64)(seconds + 0.5));
    return seconds < 0.5 ? g_steal_pointer(&duration) : g_strdup_printf("about %s", duration);
}

static guint64 duration_unit(const char *suffix, gsize length)
{
    static const struct {
        const char *suffix;
        guint64 factor;
    } units[] = {{"", 1},         {"s", 1},    {"sec", 1}, {"m", MINUTE},
                 {"min", MINUTE}, {"h", HOUR}, {"d", DAY}};
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strlen(units[i].suffix) == length && strncmp(units[i].suffix, suffix, length) == 0)
            return units[i].factor;
    }
    return 0;
}

gboolean duration_from_text(const char *text, guint *seconds_out, GError **error)
{
    guint64 total = 0;
    const char *at = text;
    gboolean is_sound = *at != '\0';
    while (is_sound && *at != '\0') {
        char *end = NULL;
        guint64 number = g_ascii_isdigit(*at) ? g_ascii_strtoull(at, &end, 10) : 0;
        if (end == NULL || number > 366 * DAY) {
            is_sound = FALSE;
            break;
        }
        gsize letters = strspn(end, "abcdefghijklmnopqrstuvwxyz");
        guint64 unit = duration_unit(end, letters);
        total += number * unit;
        is_sound = unit != 0 && total <= 366 * DAY;
        at = end + letters;
    }
    if (!is_sound)
        return error_set(error, UNDERPIN_ERROR_INVALID, "write it as 120s, 2m or 1h30m",
                         "'%s' is no duration", text);
    *seconds_out = (guint)total;
    return TRUE;
}

/* --- times -------------------------------------------------------------------------------------
 */

gboolean time_from_text(const char *text, gint64 *seconds_out)
{
    g_autoptr(GDateTime) time = text != NULL ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    if (time == NULL)
        return FALSE;
    *seconds_out = g_date_time_to_unix(time);
    return TRUE;
}

static char *local_text(const char *rfc3339, const char *format)
{
    gint64 seconds = 0;
    if (!time_from_text(rfc3339, &seconds))
        return g_strdup("-");
    g_autoptr(GDateTime) local = g_date_time_new_from_unix_local(seconds);
    return local != NULL ? g_date_time_format(local, format) : g_strdup("-");
}

char *time_to_local_text(const char *rfc3339)
{
    return local_text(rfc3339, "%Y-%m-%d %H:%M");
}

char *time_to_relative_text(const char *rfc3339, gint64 now_seconds)
{
    gint64 then = 0;
    if (!time_from_text(rfc3339, &then))
        return g_strdup("-");
    gint64 age = now_seconds - then;
    gint64 distance = ABS(age);
    if (distance < 5)
        return g_strdup("just now");
    if (distance > RELATIVE_LIMIT)
        return local_text(rfc3339, "%Y-%m-%d");
    static const struct {
        gint64 limit, unit;
        const char *name;
    } steps[] = {
        {MINUTE, 1, "s"}, {HOUR, MINUTE, "min"}, {2 * DAY, HOUR, "h"}, {G_MAXINT64, DAY, "d"}};
    gsize step = 0;
    while (distance >= steps[step].limit)
        step++;
    return g_strdup_printf(age >= 0 ? "%" G_GINT64_FORMAT " %s ago" : "in %" G_GINT64_FORMAT " %s",
                           distance / steps[step].unit, steps[step].name);
}

char *time_to_full_text(const char *rfc3339, gint64 now_seconds)
{
    gint64 then = 0;
    g_autofree char *local = time_to_local_text(rfc3339);
    if (!time_from_text(rfc3339, &then) || ABS(now_seconds - then) > RELATIVE_LIMIT)
        return g_steal_pointer(&local);
    g_autofree char *relative = time_to_relative_text(rfc3339, now_seconds);
    return g_strdup_printf("%s (%s)", local, relative);
}

/* --- text --------------------------------------------------------------------------------------
 */

char *count_to_text(guint64 count, const char *singular, const char *plural)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT " %s", count, count == 1 ? singular : plural);
}

static gboolean is_harmless(gunichar character)
{
    gboolean is_direction = (character >= 0x202a && character <= 0x202e) ||
                            (character >= 0x2066 && character <= 0x2069) || character == 0x200e ||
                            character == 0x200f || character == 0x061c;
    return !g_unichar_iscntrl(character) && !is_direction && character != 0x2028 &&
           character != 0x2029;
}

/* Nearly every cell of a table is, and takes no look at each character's properties. */
static gboolean is_plain_ascii(const char *text)
{
    while ((guchar)*text >= 0x20 && (guchar)*text < 0x7f)
        text++;
    return *text == '\0';
}

char *text_to_printable(const char *text, gboolean keep_lines)
{
    if (is_plain_ascii(text))
        return g_strdup(text);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *printable = g_string_sized_new(strlen(valid) + 1);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        gboolean is_layout = keep_lines && (character == '\n' || character == '\t');
        gboolean is_kept = is_layout || is_harmless(character);
        g_string_append_unichar(printable, is_kept ? character : '?');
    }
    return g_string_free(printable, FALSE);
}

static guint character_width(gunichar character)
{
    if (g_unichar_iszerowidth(character))
        return 0;
    return g_unichar_iswide(character) ? 2 : 1;
}

guint text_width(const char *text)
{
    guint width = 0;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        width += character_width(g_utf8_get_char(at));
    return width;
}

char *text_to_width(const char *text, guint width, gboolean unicode)
{
    if (text_width(text) <= width)
        return g_strdup(text);
    GString *cut = g_string_new(NULL);
    guint used = 0;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        if (used + character_width(character) + 1 > width)
            break;
        used += character_width(character);
        g_string_append_unichar(cut, character);
    }
    if (width > 0)
        g_string_append(cut, unicode ? "…" : ".");
    return g_string_free(cut, FALSE);
}
