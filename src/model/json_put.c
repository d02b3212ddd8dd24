/* Small helpers to write JSON objects in the API's manner. */
#include "model/json_put.h"

#include <time.h>

#include "foundation/error.h"

json_t *json_text(const char *text)
{
    if (text == NULL)
        return json_null();
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    g_autofree char *repaired = g_utf8_make_valid(text, -1);
    return json_string(repaired);
}

char *time_to_text(gint64 seconds)
{
    char text[40];
    struct tm utc;
    time_t moment = (time_t)seconds;
    if (gmtime_r(&moment, &utc) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        return g_strdup("1970-01-01T00:00:00Z");
    return g_strdup(text);
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, json_text(text));
}

void json_put_text_if_any(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        json_put_text(object, key, text);
}

void json_put_number(json_t *object, const char *key, guint64 number)
{
    json_object_set_new(object, key, json_integer((json_int_t)MIN(number, (guint64)G_MAXINT64)));
}

void json_put_flag(json_t *object, const char *key, gboolean flag)
{
    json_object_set_new(object, key, json_boolean(flag));
}

void json_put_time(json_t *object, const char *key, gint64 seconds)
{
    g_autofree char *text = seconds == 0 ? NULL : time_to_text(seconds);
    json_put_text(object, key, text);
}

void json_put_time_if_any(json_t *object, const char *key, gint64 seconds)
{
    if (seconds != 0)
        json_put_time(object, key, seconds);
}

void json_put_error(json_t *object, int code, const char *message, const char *hint)
{
    if (code < 0)
        return;
    json_t *error = json_object();
    json_put_text(error, "code", error_code_name((UnderpinErrorCode)code));
    json_put_text(error, "message", message == NULL ? "" : message);
    json_put_text_if_any(error, "hint", hint);
    json_object_set_new(object, "error", error);
}

void json_put_stored(json_t *object, const char *key, const char *stored)
{
    json_t *value =
        stored == NULL ? NULL : json_loads(stored, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (value != NULL)
        json_object_set_new(object, key, value);
}
