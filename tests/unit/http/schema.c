/* See schema.h. */
#include "schema.h"

#include <string.h>

#include "http/handlers.h"

static char *mismatch_at(const json_t *document, const json_t *schema, const json_t *value,
                         const char *path);

const json_t *schema_follow(const json_t *document, const char *reference)
{
    g_auto(GStrv) parts = g_strsplit(reference + strlen("#/"), "/", -1);
    const json_t *found = document;
    for (guint i = 0; parts[i]; i++)
        found = json_object_get(found, parts[i]);
    return found;
}

static gboolean has_type(const json_t *value, const char *type)
{
    const struct {
        const char *name;
        gboolean holds;
    } types[] = {
        {"object", json_is_object(value)}, {"array", json_is_array(value)},
        {"string", json_is_string(value)}, {"integer", json_is_integer(value)},
        {"number", json_is_number(value)}, {"boolean", json_is_boolean(value)},
        {"null", json_is_null(value)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_equal(types[i].name, type))
            return types[i].holds;
    }
    return FALSE;
}

static char *check_type(const json_t *rule, const json_t *value, const char *path)
{
    gsize index;
    json_t *type;
    if (json_is_string(rule) && has_type(value, json_string_value(rule)))
        return NULL;
    json_array_foreach((json_t *)rule, index, type)
    {
        if (has_type(value, json_string_value(type)))
            return NULL;
    }
    return g_strdup_printf("%s has another type", path);
}

static char *check_enum(const json_t *rule, const json_t *value, const char *path)
{
    gsize index;
    json_t *choice;
    json_array_foreach((json_t *)rule, index, choice)
    {
        if (json_equal(choice, value))
            return NULL;
    }
    return g_strdup_printf("%s is none of the choices", path);
}

static char *check_required(const json_t *rule, const json_t *value, const char *path)
{
    gsize index;
    json_t *name;
    json_array_foreach((json_t *)rule, index, name)
    {
        if (!json_object_get(value, json_string_value(name)))
            return g_strdup_printf("%s lacks '%s'", path, json_string_value(name));
    }
    return NULL;
}

static char *check_members(const json_t *document, const json_t *schema, const json_t *value,
                           const char *path)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        g_autofree char *below = g_strdup_printf("%s.%s", path, name);
        const json_t *rule = json_object_get(properties, name);
        if (!rule && json_is_false(others))
            return g_strdup_printf("%s is not described", below);
        if (!rule && json_is_object(others))
            rule = others;
        char *mismatch = rule ? mismatch_at(document, rule, member, below) : NULL;
        if (mismatch)
            return mismatch;
    }
    return NULL;
}

static char *check_items(const json_t *document, const json_t *rule, const json_t *value,
                         const char *path)
{
    gsize index;
    json_t *element;
    json_array_foreach((json_t *)value, index, element)
    {
        g_autofree char *below = g_strdup_printf("%s[%zu]", path, index);
        char *mismatch = mismatch_at(document, rule, element, below);
        if (mismatch)
            return mismatch;
    }
    return NULL;
}

static char *check_minimum(const json_t *rule, const json_t *value, const char *path)
{
    if (!json_is_number(value) || json_number_value(value) >= json_number_value(rule))
        return NULL;
    return g_strdup_printf("%s is too small", path);
}

static char *check_any_of(const json_t *document, const json_t *rule, const json_t *value,
                          const char *path)
{
    gsize index;
    json_t *choice;
    char *mismatch = g_strdup_printf("%s has no choice", path);
    json_array_foreach((json_t *)rule, index, choice)
    {
        g_free(mismatch);
        mismatch = mismatch_at(document, choice, value, path);
        if (!mismatch)
            break;
    }
    return mismatch;
}

static char *check_keyword(const json_t *document, const json_t *schema, const char *keyword,
                           const json_t *rule, const json_t *value, const char *path)
{
    static const char *const prose[] = {"description", "format", "additionalProperties"};
    for (guint i = 0; i < G_N_ELEMENTS(prose); i++) {
        if (g_str_equal(keyword, prose[i]))
            return NULL;
    }
    if (g_str_equal(keyword, "$ref"))
        return mismatch_at(document, schema_follow(document, json_string_value(rule)), value, path);
    if (g_str_equal(keyword, "type"))
        return check_type(rule, value, path);
    if (g_str_equal(keyword, "enum"))
        return check_enum(rule, value, path);
    if (g_str_equal(keyword, "required"))
        return json_is_object(value) ? check_required(rule, value, path) : NULL;
    if (g_str_equal(keyword, "properties"))
        return check_members(document, schema, value, path);
    if (g_str_equal(keyword, "anyOf"))
        return check_any_of(document, rule, value, path);
    if (g_str_equal(keyword, "items"))
        return check_items(document, rule, value, path);
    if (g_str_equal(keyword, "minimum"))
        return check_minimum(rule, value, path);
    return g_strdup_printf("%s: the keyword '%s' is not understood", path, keyword);
}

static char *mismatch_at(const json_t *document, const json_t *schema, const json_t *value,
                         const char *path)
{
    const char *keyword;
    json_t *rule;
    if (!schema)
        return g_strdup_printf("%s: the schema is missing", path);
    json_object_foreach((json_t *)schema, keyword, rule)
    {
        char *mismatch = check_keyword(document, schema, keyword, rule, value, path);
        if (mismatch)
            return mismatch;
    }
    return NULL;
}

char *schema_mismatch(const json_t *document, const json_t *schema, const json_t *value)
{
    return mismatch_at(document, schema, value, "$");
}

json_t *schema_document(void)
{
    g_autoptr(HttpResponse) response = handle_openapi(NULL, NULL, NULL);
    g_assert(response);
    gsize length;
    const char *text = g_bytes_get_data(response->body, &length);
    json_error_t where;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!document)
        g_error("openapi.json: line %d: %s", where.line, where.text);
    return document;
}

const json_t *schema_of_answer(const json_t *document, const char *method, const char *pattern,
                               unsigned status, const char **content_type_out)
{
    g_autofree char *verb = g_ascii_strdown(method, -1);
    g_autofree char *code = g_strdup_printf("%u", status);
    const json_t *path = json_object_get(json_object_get(document, "paths"), pattern);
    const json_t *responses = json_object_get(json_object_get(path, verb), "responses");
    const json_t *response = json_object_get(responses, code);
    if (!response)
        response = json_object_get(responses, "default");
    const char *reference = json_string_value(json_object_get(response, "$ref"));
    if (reference)
        response = schema_follow(document, reference);
    json_t *content = json_object_get(response, "content");
    void *first = json_object_iter(content);
    if (content_type_out)
        *content_type_out = json_object_iter_key(first);
    return json_object_get(json_object_iter_value(first), "schema");
}
