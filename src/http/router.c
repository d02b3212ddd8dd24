/*
 * Routing on the raw path: split at '/' first, decode afterwards, so that an encoded slash stays
 * inside its segment and no decoding can make one address look like another.
 */
#include "http/router.h"

#include <string.h>

#include "foundation/error.h"
#include "http/percent.h"

#define HTTP_METHOD_NOT_ALLOWED 405

/* Advances both to the next segment; FALSE at the end. */
static gboolean next_segment(const char **cursor, const char **segment_out, gsize *length_out)
{
    if (**cursor != '/')
        return FALSE;
    *segment_out = *cursor + 1;
    *length_out = strcspn(*segment_out, "/");
    *cursor = *segment_out + *length_out;
    return TRUE;
}

/* Whether the raw path has the pattern's shape; parameters are noted as slices, not decoded yet. */
static gboolean pattern_matches(const char *pattern, const char *path, const char **starts,
                                gsize *lengths)
{
    const char *expected, *actual;
    gsize expected_length, actual_length;
    guint parameter = 0;
    while (next_segment(&pattern, &expected, &expected_length)) {
        if (!next_segment(&path, &actual, &actual_length) || actual_length == 0)
            return FALSE;
        if (expected[0] == '{') {
            g_assert(parameter < HTTP_PARAMETERS_MAX);
            starts[parameter] = actual;
            lengths[parameter++] = actual_length;
        } else if (actual_length != expected_length ||
                   memcmp(actual, expected, expected_length) != 0) {
            return FALSE;
        }
    }
    return *path == '\0';
}

static gboolean take_parameters(HttpRequest *request, const char **starts, const gsize *lengths,
                                GError **error)
{
    for (guint i = 0; i < HTTP_PARAMETERS_MAX && starts[i]; i++) {
        g_free(request->parameters[i]);
        request->parameters[i] = percent_decode(starts[i], lengths[i], error);
        if (!request->parameters[i])
            return FALSE;
    }
    return TRUE;
}

static gboolean route_takes_query(const Route *route, const char *name)
{
    for (guint i = 0; route->query[i]; i++) {
        if (g_str_equal(route->query[i], name))
            return TRUE;
    }
    return FALSE;
}

static gboolean take_query(const Route *route, HttpRequest *request, const char *query,
                           GError **error)
{
    GHashTable *values = query_parse(query, error);
    if (!values)
        return FALSE;
    g_hash_table_unref(request->query);
    request->query = values;

    GHashTableIter each;
    gpointer name;
    g_hash_table_iter_init(&each, values);
    while (g_hash_table_iter_next(&each, &name, NULL)) {
        if (route_takes_query(route, name))
            continue;
        g_autofree char *known = g_strjoinv(", ", (char **)route->query);
        g_autofree char *hint = known[0] != '\0' ? g_strdup_printf("this address takes: %s", known)
                                                 : g_strdup("this address takes no query");
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "'%s' is no part of this query",
                         (const char *)name);
    }
    return TRUE;
}

static HttpResponse *refuse_unknown(const HttpRequest *request)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_NOT_FOUND, "/api/v1/openapi.json lists all addresses",
              "there is nothing at '%s'", request->path);
    return http_response_problem(error);
}

static HttpResponse *refuse_method(const HttpRequest *request, GString *allow)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *hint = g_strdup_printf("this address takes %s", allow->str);
    error_set(&error, UNDERPIN_ERROR_UNSUPPORTED, hint, "'%s' does not take %s", request->path,
              request->method);
    HttpResponse *response = http_response_problem_status(HTTP_METHOD_NOT_ALLOWED, error);
    http_response_add_header(response, "Allow", allow->str);
    return response;
}

static void allow_method(GString *allow, const char *method)
{
    const char *text = g_str_equal(method, "GET") ? "GET, HEAD" : method;
    g_string_append_printf(allow, "%s%s", allow->len > 0 ? ", " : "", text);
}

const Route *router_match(const Route *routes, gsize count, HttpRequest *request, const char *query,
                          HttpResponse **refusal_out)
{
    g_autoptr(GString) allow = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < count; i++) {
        const char *starts[HTTP_PARAMETERS_MAX] = {NULL};
        gsize lengths[HTTP_PARAMETERS_MAX] = {0};
        if (!pattern_matches(routes[i].pattern, request->path, starts, lengths))
            continue;
        if (!g_str_equal(routes[i].method, request->method)) {
            allow_method(allow, routes[i].method);
            continue;
        }
        if (take_parameters(request, starts, lengths, &error) &&
            take_query(&routes[i], request, query, &error))
            return &routes[i];
        *refusal_out = http_response_problem(error);
        return NULL;
    }
    *refusal_out = allow->len > 0 ? refuse_method(request, allow) : refuse_unknown(request);
    return NULL;
}
