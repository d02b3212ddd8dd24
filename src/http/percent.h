/* Strict percent-decoding of URL components, and of a query made of them. */
#pragma once

#include <glib.h>

/*
 * Decodes `length` bytes of one path segment or query part (RFC 3986, section 2.1). INVALID for a
 * '%' without two hexadecimal digits, for an encoded NUL and for what is not UTF-8 afterwards. A
 * '+' stays a '+'. Caller frees.
 */
char *percent_decode(const char *text, gsize length, GError **error);

/*
 * "a=1&b=x%2Fy" as a new table name -> value; NULL or "" give an empty one. INVALID as above, and
 * for a name that is empty or stands there twice. Caller owns the table.
 */
GHashTable *query_parse(const char *query, GError **error);
