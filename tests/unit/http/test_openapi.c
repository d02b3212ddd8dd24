/* The document and the router say the same, in both directions. */
#include "cmocka_prelude.h"

#include <string.h>

#include "foundation/error.h"
#include "http/routes.h"
#include "model/request.h"
#include "schema.h"

static json_t *document;

static int load_document(void **state)
{
    (void)state;
    document = schema_document();
    return 0;
}

static int drop_document(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

static const json_t *operation_of(const Route *route)
{
    g_autofree char *method = g_ascii_strdown(route->method, -1);
    return json_object_get(json_object_get(json_object_get(document, "paths"), route->pattern),
                           method);
}

static const Route *route_of(const char *method, const char *pattern)
{
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        if (g_ascii_strcasecmp(routes[i].method, method) == 0 &&
            g_str_equal(routes[i].pattern, pattern))
            return &routes[i];
    }
    return NULL;
}

static void every_route_is_documented(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        const json_t *operation = operation_of(&routes[i]);
        if (!operation)
            fail_msg("%s %s is not documented", routes[i].method, routes[i].pattern);
        assert_true(json_is_string(json_object_get(operation, "operationId")));
        assert_true(json_is_string(json_object_get(operation, "summary")));
    }
}

static void every_documented_path_is_routed(void **state)
{
    (void)state;
    const char *pattern, *method;
    json_t *path, *operation;
    json_object_foreach(json_object_get(document, "paths"), pattern, path)
    {
        json_object_foreach(path, method, operation)
        {
            if (!route_of(method, pattern))
                fail_msg("%s %s has no route", method, pattern);
        }
    }
}

/* The parameters of an operation that are in `place`, by name. */
static GHashTable *parameters_in(const json_t *operation, const char *place)
{
    GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
    gsize index;
    json_t *entry;
    json_array_foreach(json_object_get(operation, "parameters"), index, entry)
    {
        const json_t *parameter =
            schema_follow(document, json_string_value(json_object_get(entry, "$ref")));
        assert_non_null(parameter);
        if (g_str_equal(json_string_value(json_object_get(parameter, "in")), place))
            g_hash_table_add(names,
                             (gpointer)json_string_value(json_object_get(parameter, "name")));
    }
    return names;
}

static guint count_parameters(const char *pattern)
{
    guint count = 0;
    for (; *pattern; pattern++)
        count += *pattern == '{' ? 1 : 0;
    return count;
}

static void parameters_agree(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        const json_t *operation = operation_of(&routes[i]);
        g_autoptr(GHashTable) query = parameters_in(operation, "query");
        g_autoptr(GHashTable) in_path = parameters_in(operation, "path");
        guint known = 0;
        for (; known < ROUTE_QUERY_MAX && routes[i].query[known]; known++)
            assert_true(g_hash_table_contains(query, routes[i].query[known]));
        assert_int_equal(g_hash_table_size(query), known);
        assert_int_equal(g_hash_table_size(in_path), count_parameters(routes[i].pattern));
    }
}

static const char *role_of(Permission permission)
{
    static const char *const roles[] = {[ALLOW_ADMINISTRATORS] = "administrator",
                                        [ALLOW_OPERATORS] = "operator",
                                        [ALLOW_USERS] = "user",
                                        [ALLOW_ANYONE] = NULL};
    return roles[permission];
}

static void bodies_and_permissions_agree(void **state)
{
    (void)state;
    gsize count;
    const Route *routes = routes_all(&count);
    for (gsize i = 0; i < count; i++) {
        const json_t *operation = operation_of(&routes[i]);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL, routes[i].takes_body);
        const json_t *security = json_object_get(operation, "security");
        assert_int_equal(security != NULL && json_array_size(security) == 0,
                         routes[i].permission == ALLOW_ANYONE);
        const char *role = json_string_value(json_object_get(operation, "x-role"));
        assert_true(g_strcmp0(role, role_of(routes[i].permission)) == 0);
    }
}

static void assert_enum(const char *schema, guint count, const char *(*name)(guint))
{
    const json_t *choices = json_object_get(
        json_object_get(schema_follow(document, "#/components/schemas"), schema), "enum");
    assert_int_equal(json_array_size(choices), count);
    for (guint i = 0; i < count; i++)
        assert_string_equal(json_string_value(json_array_get(choices, i)), name(i));
}

static const char *name_of_verb(guint verb)
{
    return verb_name((Verb)verb);
}

static const char *name_of_code(guint code)
{
    return error_code_name((UnderpinErrorCode)code);
}

static const char *name_of_role(guint role)
{
    return role_name((Role)role);
}

static const char *name_of_account_role(guint role)
{
    return account_role_name((AccountRole)role);
}

static void words_agree_with_the_tables_of_the_model(void **state)
{
    (void)state;
    assert_enum("Verb", VERB_COUNT, name_of_verb);
    assert_enum("ErrorCode", UNDERPIN_ERROR_COUNT, name_of_code);
    assert_enum("Role", ROLE_COUNT, name_of_role);
    assert_enum("AccountRole", ACCOUNT_ROLE_COUNT, name_of_account_role);
}

static gboolean reads(json_t *body, GError **error)
{
    g_autoptr(Request) request = request_from_json(body, error);
    return request != NULL;
}

/* A value that fits the schema of a field; for text that may be a name, a path, or a policy. */
static json_t *value_for(const char *field, const json_t *schema)
{
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    const json_t *resolved = reference ? schema_follow(document, reference) : schema;
    const json_t *choices = json_object_get(resolved, "enum");
    if (choices)
        return json_incref(json_array_get(choices, 0));
    const char *type = json_string_value(json_object_get(resolved, "type"));
    if (g_str_equal(type, "boolean"))
        return json_true();
    if (g_str_equal(type, "integer"))
        return json_integer(5);
    if (g_str_equal(type, "array"))
        return json_array();
    if (g_str_equal(type, "object"))
        return json_object();
    return json_string(g_str_equal(field, "path") ? "/srv/x" : "lab-1");
}

/* The reader names a field it does not know; whether the combination makes sense is another
 * question. */
static void every_documented_field_of_a_request_is_read(void **state)
{
    (void)state;
    const char *field;
    json_t *schema;
    const json_t *request = schema_follow(document, "#/components/schemas/Request");
    guint count = 0;
    json_object_foreach(json_object_get(request, "properties"), field, schema)
    {
        g_autoptr(GError) error = NULL;
        json_t *body = json_pack("{s:s, s:[s]}", "verb", "restore", "machines", "lab-1");
        if (!g_str_equal(field, "verb"))
            json_object_set_new(body, field, value_for(field, schema));
        if (!reads(body, &error) && strstr(error->message, "unknown"))
            fail_msg("%s: %s", field, error->message);
        json_decref(body);
        count++;
    }
    assert_int_equal(count, 31);
    g_autoptr(GError) error = NULL;
    json_t *body =
        json_pack("{s:s, s:[s], s:b}", "verb", "restore", "machines", "lab-1", "fast", TRUE);
    assert_false(reads(body, &error));
    assert_non_null(strstr(error->message, "fast"));
    json_decref(body);
}

/* Every $ref anywhere leads somewhere. */
static void check_references(const json_t *value)
{
    const char *name;
    json_t *member;
    gsize index;
    json_object_foreach((json_t *)value, name, member)
    {
        if (g_str_equal(name, "$ref") && !schema_follow(document, json_string_value(member)))
            fail_msg("%s leads nowhere", json_string_value(member));
        check_references(member);
    }
    json_array_foreach((json_t *)value, index, member) check_references(member);
}

static void every_reference_leads_somewhere(void **state)
{
    (void)state;
    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
    check_references(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_documented),
        cmocka_unit_test(every_documented_path_is_routed),
        cmocka_unit_test(parameters_agree),
        cmocka_unit_test(bodies_and_permissions_agree),
        cmocka_unit_test(words_agree_with_the_tables_of_the_model),
        cmocka_unit_test(every_documented_field_of_a_request_is_read),
        cmocka_unit_test(every_reference_leads_somewhere),
    };
    return cmocka_run_group_tests(tests, load_document, drop_document);
}
