/* Small helpers to write JSON objects in the API's manner: snake_case, absent instead of empty, RFC
 * 3339 times. */
#pragma once

#include <jansson.h>

#include <glib.h>

/* A string even where `text` is not UTF-8 (bad bytes are replaced); JSON null for NULL. New
 * reference. */
json_t *json_text(const char *text);
/* "2026-11-23T12:00:00Z" of seconds since the epoch. Caller frees. */
char *time_to_text(gint64 seconds);

/* Each sets one member; the *_if_any forms leave out NULL and 0. */
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_text_if_any(json_t *object, const char *key, const char *text);
void json_put_number(json_t *object, const char *key, guint64 number);
void json_put_flag(json_t *object, const char *key, gboolean flag);
void json_put_time(json_t *object, const char *key, gint64 seconds); /* null for 0 */
void json_put_time_if_any(json_t *object, const char *key, gint64 seconds);
/* "error": {code, message, hint} where `code` is not negative (-1: no error). */
void json_put_error(json_t *object, int code, const char *message, const char *hint);
/* A stored JSON text as a value; left out where it is NULL or no JSON. */
void json_put_stored(json_t *object, const char *key, const char *stored);
