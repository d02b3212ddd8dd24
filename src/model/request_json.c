/* Requests as JSON: written and read by walking the table of fields. What comes in is judged field
 * by field. */
#include <string.h>

#include "foundation/error.h"
#include "model/json_put.h"
#include "model/machine.h"
#include "model/request_fields.h"

/* --- writing ---------------------------------------------------------------------------------- */

static json_t *object_of_fields(const FieldInfo *fields, guint count, gconstpointer object);

static json_t *names_to_json(const GPtrArray *names)
{
    json_t *array = json_array();
    for (guint i = 0; i < names->len; i++)
        json_array_append_new(array, json_text(g_ptr_array_index(names, i)));
    return array;
}

static json_t *disks_to_json(const GPtrArray *disks)
{
    json_t *array = json_array();
    for (guint i = 0; i < disks->len; i++)
        json_array_append_new(array, object_of_fields(request_disk_fields, REQUEST_DISK_FIELD_COUNT,
                                                      g_ptr_array_index(disks, i)));
    return array;
}

static json_t *field_to_json(const FieldInfo *field, gconstpointer object)
{
    switch (field->kind) {
    case FIELD_NAMES:
        return names_to_json(FIELD_MEMBER(object, field, GPtrArray *));
    case FIELD_DISKS:
        return disks_to_json(FIELD_MEMBER(object, field, GPtrArray *));
    case FIELD_NAME:
    case FIELD_TEXT:
    case FIELD_PATH:
        return json_text(FIELD_MEMBER(object, field, char *));
    case FIELD_UINT:
        return json_integer(FIELD_MEMBER(object, field, guint));
    case FIELD_UINT64:
        return json_integer((json_int_t)FIELD_MEMBER(object, field, guint64));
    case FIELD_FLAG:
        return json_boolean(FIELD_MEMBER(object, field, gboolean));
    case FIELD_ROLE:
        return json_string(role_name((Role)FIELD_MEMBER(object, field, int)));
    case FIELD_RUNNING:
        return json_string(running_policy_name(FIELD_MEMBER(object, field, RunningPolicy)));
    case FIELD_OBJECT:
        return json_deep_copy(FIELD_MEMBER(object, field, json_t *));
    }
    return NULL;
}

static json_t *object_of_fields(const FieldInfo *fields, guint count, gconstpointer object)
{
    json_t *json = json_object();
    for (guint i = 0; i < count; i++)
        if (!field_is_default(&fields[i], object))
            json_object_set_new(json, fields[i].name, field_to_json(&fields[i], object));
    return json;
}

json_t *request_to_json(const Request *request)
{
    json_t *json = object_of_fields(request_fields, REQUEST_FIELD_COUNT, request);
    json_put_text(json, "verb", verb_name(request->verb));
    return json;
}

/* --- reading ---------------------------------------------------------------------------------- */

static gboolean refuse_type(const FieldInfo *field, const char *wanted, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "field '%s' must be %s", field->name,
                     wanted);
}

/* Text as people write it: bounded, and free of control characters that would confuse a terminal or
 * a log. */
static gboolean read_text(const FieldInfo *field, const json_t *value, char **text_out,
                          GError **error)
{
    if (!json_is_string(value))
        return refuse_type(field, "a string", error);
    const char *text = json_string_value(value);
    gsize length = json_string_length(value);
    if (length < field->lowest || length > field->highest)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "field '%s' must have %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                         " bytes",
                         field->name, field->lowest, field->highest);
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(text[i]))
            return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                             "field '%s' holds a control character", field->name);
    g_free(*text_out);
    *text_out = g_strdup(text);
    return TRUE;
}

static gboolean read_name(const FieldInfo *field, const json_t *value, char **name_out,
                          GError **error)
{
    g_autofree char *name = NULL;
    if (!read_text(field, value, &name, error))
        return FALSE;
    if (!machine_name_is_valid(name, error)) {
        g_prefix_error(error, "field '%s': ", field->name);
        return FALSE;
    }
    g_free(*name_out);
    *name_out = g_steal_pointer(&name);
    return TRUE;
}

static gboolean read_path(const FieldInfo *field, const json_t *value, char **path_out,
                          GError **error)
{
    g_autofree char *path = NULL;
    if (!read_text(field, value, &path, error))
        return FALSE;
    if (!g_path_is_absolute(path))
        return error_set(error, UNDERPIN_ERROR_INVALID, "give the whole path, beginning with '/'",
                         "field '%s': '%s' is no absolute path", field->name, path);
    g_free(*path_out);
    *path_out = g_steal_pointer(&path);
    return TRUE;
}

static gboolean read_number(const FieldInfo *field, const json_t *value, guint64 *number_out,
                            GError **error)
{
    if (!json_is_integer(value))
        return refuse_type(field, "a whole number", error);
    json_int_t number = json_integer_value(value);
    if (number < 0 || (guint64)number < field->lowest || (guint64)number > field->highest)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "field '%s' must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                         field->name, field->lowest, field->highest);
    *number_out = (guint64)number;
    return TRUE;
}

static gboolean read_uint(const FieldInfo *field, const json_t *value, guint *number_out,
                          GError **error)
{
    guint64 number = 0;
    if (!read_number(field, value, &number, error))
        return FALSE;
    *number_out = (guint)number;
    return TRUE;
}

static gboolean read_flag(const FieldInfo *field, const json_t *value, gboolean *flag_out,
                          GError **error)
{
    if (!json_is_boolean(value))
        return refuse_type(field, "true or false", error);
    *flag_out = json_is_true(value);
    return TRUE;
}

static gboolean read_role(const FieldInfo *field, const json_t *value, int *role_out,
                          GError **error)
{
    Role role;
    if (!role_from_name(json_string_value(value), &role))
        return refuse_type(field, "\"system\", \"temporary\" or \"data\"", error);
    *role_out = (int)role;
    return TRUE;
}

static gboolean read_running(const FieldInfo *field, const json_t *value, RunningPolicy *policy_out,
                             GError **error)
{
    if (!running_policy_from_name(json_string_value(value), policy_out))
        return refuse_type(field, "\"reboot\", \"stop\", \"shutdown\" or \"force\"", error);
    return TRUE;
}

static gboolean read_object(const FieldInfo *field, const json_t *value, json_t **object_out,
                            GError **error)
{
    if (!json_is_object(value))
        return refuse_type(field, "an object", error);
    if (json_object_size(value) > field->highest)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "field '%s' has more than %" G_GUINT64_FORMAT " members", field->name,
                         field->highest);
    json_decref(*object_out);
    *object_out = json_deep_copy(value);
    return TRUE;
}

static gboolean check_array(const FieldInfo *field, const json_t *value, GError **error)
{
    if (!json_is_array(value))
        return refuse_type(field, "an array", error);
    if (json_array_size(value) > field->highest)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "field '%s' has more than %" G_GUINT64_FORMAT " elements", field->name,
                         field->highest);
    return TRUE;
}

static gboolean read_names(const FieldInfo *field, const json_t *value, GPtrArray *names,
                           GError **error)
{
    static const FieldInfo element = {"machines", FIELD_NAME, 0, 1, 128};
    if (!check_array(field, value, error))
        return FALSE;
    for (gsize i = 0; i < json_array_size(value); i++) {
        char *name = NULL;
        if (!read_name(&element, json_array_get(value, i), &name, error))
            return FALSE;
        g_ptr_array_add(names, name);
    }
    return TRUE;
}

static gboolean read_fields(const FieldInfo *fields, guint count, const json_t *json,
                            gpointer object, GError **error);

static gboolean read_disks(const FieldInfo *field, const json_t *value, GPtrArray *disks,
                           GError **error)
{
    if (!check_array(field, value, error))
        return FALSE;
    for (gsize i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        RequestDisk *disk = request_disk_new();
        g_ptr_array_add(disks, disk);
        if (!json_is_object(element))
            return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                             "field 'disks' must hold objects");
        if (!read_fields(request_disk_fields, REQUEST_DISK_FIELD_COUNT, element, disk, error)) {
            g_prefix_error(error, "disk %zu: ", i + 1);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean read_field(const FieldInfo *field, const json_t *value, gpointer object,
                           GError **error)
{
    switch (field->kind) {
    case FIELD_NAMES:
        return read_names(field, value, FIELD_MEMBER(object, field, GPtrArray *), error);
    case FIELD_DISKS:
        return read_disks(field, value, FIELD_MEMBER(object, field, GPtrArray *), error);
    case FIELD_NAME:
        return read_name(field, value, &FIELD_MEMBER(object, field, char *), error);
    case FIELD_TEXT:
        return read_text(field, value, &FIELD_MEMBER(object, field, char *), error);
    case FIELD_PATH:
        return read_path(field, value, &FIELD_MEMBER(object, field, char *), error);
    case FIELD_UINT:
        return read_uint(field, value, &FIELD_MEMBER(object, field, guint), error);
    case FIELD_UINT64:
        return read_number(field, value, &FIELD_MEMBER(object, field, guint64), error);
    case FIELD_FLAG:
        return read_flag(field, value, &FIELD_MEMBER(object, field, gboolean), error);
    case FIELD_ROLE:
        return read_role(field, value, &FIELD_MEMBER(object, field, int), error);
    case FIELD_RUNNING:
        return read_running(field, value, &FIELD_MEMBER(object, field, RunningPolicy), error);
    case FIELD_OBJECT:
        return read_object(field, value, &FIELD_MEMBER(object, field, json_t *), error);
    }
    return FALSE;
}

static const FieldInfo *find_field(const FieldInfo *fields, guint count, const char *name)
{
    for (guint i = 0; i < count; i++)
        if (g_str_equal(fields[i].name, name))
            return &fields[i];
    return NULL;
}

static gboolean refuse_unknown(const char *name, GError **error)
{
    g_autofree char *shown = g_strescape(name, NULL);
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "the OpenAPI document lists the fields of a request", "unknown field '%.64s'",
                     shown);
}

/* A null means that the field is not stated. "verb" is read by the caller. */
static gboolean read_fields(const FieldInfo *fields, guint count, const json_t *json,
                            gpointer object, GError **error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value)
    {
        const FieldInfo *field = find_field(fields, count, name);
        if (field == NULL && fields == request_fields && g_str_equal(name, "verb"))
            continue;
        if (field == NULL)
            return refuse_unknown(name, error);
        if (!json_is_null(value) && !read_field(field, value, object, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean read_verb(const json_t *json, Verb *verb_out, GError **error)
{
    const json_t *value = json_object_get(json, "verb");
    if (value == NULL)
        return error_set(error, UNDERPIN_ERROR_INVALID, "for example \"verb\": \"restore\"",
                         "field 'verb' is missing");
    if (!json_is_string(value))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "field 'verb' must be a string");
    if (verb_from_name(json_string_value(value), verb_out))
        return TRUE;
    g_autofree char *shown = g_strescape(json_string_value(value), NULL);
    return error_set(error, UNDERPIN_ERROR_INVALID, "GET /api/v1/verbs lists the verbs",
                     "field 'verb': there is no verb '%.64s'", shown);
}

Request *request_from_record(const json_t *json, GError **error)
{
    Verb verb;
    if (!json_is_object(json)) {
        error_set(error, UNDERPIN_ERROR_INVALID, NULL, "a request must be a JSON object");
        return NULL;
    }
    if (!read_verb(json, &verb, error))
        return NULL;
    g_autoptr(Request) request = request_new(verb);
    if (!read_fields(request_fields, REQUEST_FIELD_COUNT, json, request, error))
        return NULL;
    return g_steal_pointer(&request);
}

Request *request_from_json(const json_t *json, GError **error)
{
    g_autoptr(Request) request = request_from_record(json, error);
    if (request == NULL || !request_validate(request, error))
        return NULL;
    return g_steal_pointer(&request);
}
