/*
 * Percent-decoding that refuses what it does not understand.
 *
 * A lenient decoder is how one name gets two spellings: "%2" or "%zz" passed through, "%00" cutting
 * a name short.
 */
#include "http/percent.h"

#include <string.h>

#include "foundation/error.h"

static gboolean decode_octet(const char *text, gsize left, char *octet_out)
{
    if (left < 3)
        return FALSE;
    int high = g_ascii_xdigit_value(text[1]), low = g_ascii_xdigit_value(text[2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0))
        return FALSE;
    *octet_out = (char)(high << 4 | low);
    return TRUE;
}

static gboolean refuse(const char *why, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "encode each part of the address as UTF-8 with %XX, a '%' itself as %25",
                     "the address holds %s", why);
}

char *percent_decode(const char *text, gsize length, GError **error)
{
    g_autoptr(GString) decoded = g_string_sized_new(length);
    for (gsize i = 0; i < length; i++) {
        char octet = text[i];
        if (octet == '%') {
            if (!decode_octet(text + i, length - i, &octet)) {
                refuse("a '%' that does not begin an encoded byte", error);
                return NULL;
            }
            i += 2;
        }
        g_string_append_c(decoded, octet);
    }
    if (!g_utf8_validate(decoded->str, (gssize)decoded->len, NULL)) {
        refuse("bytes that are not UTF-8", error);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&decoded), FALSE);
}

static gboolean query_add(GHashTable *values, const char *part, GError **error)
{
    gsize length = strlen(part), name_length = strcspn(part, "=");
    const char *value = part + MIN(name_length + 1, length);
    g_autofree char *name = percent_decode(part, name_length, error);
    g_autofree char *text = name ? percent_decode(value, strlen(value), error) : NULL;
    if (!text)
        return FALSE;
    if (name[0] == '\0')
        return error_set(error, UNDERPIN_ERROR_INVALID, "write NAME=VALUE, joined by '&'",
                         "the query holds a value without a name");
    if (g_hash_table_contains(values, name))
        return error_set(error, UNDERPIN_ERROR_INVALID, "state it once",
                         "'%s' stands twice in the query", name);
    g_hash_table_insert(values, g_steal_pointer(&name), g_steal_pointer(&text));
    return TRUE;
}

GHashTable *query_parse(const char *query, GError **error)
{
    g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) parts = g_strsplit(query ? query : "", "&", -1);
    for (guint i = 0; parts[i]; i++) {
        if (parts[i][0] != '\0' && !query_add(values, parts[i], error))
            return NULL;
    }
    return g_steal_pointer(&values);
}
