/* One table per body instead of a ladder of lookups. */
#include "http/body.h"

#include "foundation/error.h"

static gboolean are_texts(const json_t *value)
{
    gsize index;
    const json_t *element;
    json_array_foreach(value, index, element)
    {
        if (!json_is_string(element))
            return FALSE;
    }
    return json_is_array(value);
}

static gboolean is_text(const json_t *value)
{
    return json_is_string(value);
}

static gboolean is_flag(const json_t *value)
{
    return json_is_boolean(value);
}

static gboolean is_number(const json_t *value)
{
    return json_is_integer(value);
}

static const struct {
    gboolean (*fits)(const json_t *value);
    const char *hint;
} kinds[] = {
    [BODY_TEXT] = {is_text, "it is a text"},
    [BODY_FLAG] = {is_flag, "it is true or false"},
    [BODY_NUMBER] = {is_number, "it is a whole number"},
    [BODY_TEXTS] = {are_texts, "it is a list of texts"},
};

static const BodyField *field_of(const BodyField *fields, const char *name)
{
    for (; fields->name; fields++) {
        if (g_str_equal(fields->name, name))
            return fields;
    }
    return NULL;
}

static gboolean take_field(const BodyField *field, const json_t *value, GError **error)
{
    if (json_is_null(value))
        return TRUE;
    if (!kinds[field->kind].fits(value))
        return error_set(error, UNDERPIN_ERROR_INVALID, kinds[field->kind].hint,
                         "'%s' in the body is of the wrong type", field->name);
    *field->value_out = value;
    return TRUE;
}

static gboolean take_fields(json_t *body, const BodyField *fields, GError **error)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        const BodyField *field = field_of(fields, name);
        if (!field)
            return error_set(error, UNDERPIN_ERROR_INVALID, "/api/v1/openapi.json lists the fields",
                             "'%s' is no part of this body", name);
        if (!take_field(field, value, error))
            return FALSE;
    }
    for (; fields->name; fields++) {
        if (fields->is_needed && !*fields->value_out)
            return error_set(error, UNDERPIN_ERROR_INVALID, "state it", "'%s' is missing",
                             fields->name);
    }
    return TRUE;
}

json_t *body_read(const HttpRequest *request, const BodyField *fields, GError **error)
{
    json_t *body = http_request_json(request, error);
    if (body && !take_fields(body, fields, error))
        g_clear_pointer(&body, json_decref);
    return body;
}
