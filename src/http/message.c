/* Requests and responses as plain structs, so that handlers can be tested without a socket. */
#include "http/message.h"

#include <string.h>

#include "foundation/error.h"
#include "http/consoles.h"

HttpRequest *http_request_new(const char *method, const char *target)
{
    HttpRequest *request = g_new0(HttpRequest, 1);
    request->method = g_strdup(g_str_equal(method, "HEAD") ? "GET" : method);
    request->path = g_strndup(target, strcspn(target, "?"));
    request->query = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    request->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    request->body = g_byte_array_new();
    request->identity = identity_new_none();
    request->verb = -1;
    return request;
}

void http_request_free(HttpRequest *request)
{
    if (!request)
        return;
    g_free(request->method);
    g_free(request->path);
    for (guint i = 0; i < HTTP_PARAMETERS_MAX; i++)
        g_free(request->parameters[i]);
    g_hash_table_unref(request->query);
    g_hash_table_unref(request->headers);
    g_byte_array_unref(request->body);
    identity_unref(request->identity);
    g_free(request);
}

void http_request_add_header(HttpRequest *request, const char *name, const char *value)
{
    g_autofree char *key = g_ascii_strdown(name, -1);
    if (!g_hash_table_contains(request->headers, key))
        g_hash_table_insert(request->headers, g_steal_pointer(&key), g_strdup(value));
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
    g_autofree char *key = g_ascii_strdown(name, -1);
    return g_hash_table_lookup(request->headers, key);
}

const char *http_request_query(const HttpRequest *request, const char *name)
{
    return g_hash_table_lookup(request->query, name);
}

gboolean http_request_query_boolean(const HttpRequest *request, const char *name, gboolean *set_out,
                                    gboolean *value_out, GError **error)
{
    const char *text = http_request_query(request, name);
    gboolean value = g_strcmp0(text, "true") == 0;
    if (text && !value && !g_str_equal(text, "false"))
        return error_set(error, UNDERPIN_ERROR_INVALID, "write true or false",
                         "'%s' is neither true nor false", name);
    *set_out = text != NULL;
    *value_out = value;
    return TRUE;
}

json_t *http_request_json(const HttpRequest *request, GError **error)
{
    json_error_t where;
    json_t *json = json_loadb((const char *)request->body->data, request->body->len,
                              JSON_REJECT_DUPLICATES, &where);
    if (!json) {
        error_set(error, UNDERPIN_ERROR_INVALID, "send one JSON object in UTF-8",
                  "the body is not JSON: line %d, column %d", MAX(where.line, 1),
                  MAX(where.column, 0));
        return NULL;
    }
    if (!json_is_object(json)) {
        json_decref(json);
        error_set(error, UNDERPIN_ERROR_INVALID, "send one JSON object in UTF-8",
                  "the body is JSON, but not an object");
        return NULL;
    }
    return json;
}

void http_response_free(HttpResponse *response)
{
    if (!response)
        return;
    g_clear_pointer(&response->body, g_bytes_unref);
    g_ptr_array_unref(response->headers);
    audit_entry_free(response->audit);
    console_free(response->console);
    g_free(response);
}

AuditEntry *http_response_audit(HttpResponse *response)
{
    if (!response->audit)
        response->audit = audit_entry_new(NULL, NULL);
    return response->audit;
}

void http_response_add_header(HttpResponse *response, const char *name, const char *value)
{
    g_ptr_array_add(response->headers, g_strdup(name));
    g_ptr_array_add(response->headers, g_strdup(value));
}

const char *http_response_header(const HttpResponse *response, const char *name)
{
    for (guint i = 0; i < response->headers->len; i += 2) {
        if (g_ascii_strcasecmp(response->headers->pdata[i], name) == 0)
            return response->headers->pdata[i + 1];
    }
    return NULL;
}

HttpResponse *http_response_bytes(unsigned status, const char *content_type, GBytes *body)
{
    HttpResponse *response = g_new0(HttpResponse, 1);
    response->status = status;
    response->content_type = content_type;
    response->body = body;
    response->headers = g_ptr_array_new_with_free_func(g_free);
    return response;
}

static void release_json_text(gpointer text)
{
    free(text);
}

static HttpResponse *response_with_json(unsigned status, const char *content_type, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    g_assert(text);
    json_decref(json);
    return http_response_bytes(
        status, content_type,
        g_bytes_new_with_free_func(text, strlen(text), release_json_text, text));
}

HttpResponse *http_response_json(unsigned status, json_t *json)
{
    return response_with_json(status, "application/json", json);
}

HttpResponse *http_response_text(unsigned status, const char *content_type, char *text)
{
    return http_response_bytes(status, content_type, g_bytes_new_take(text, strlen(text)));
}

HttpResponse *http_response_events(void)
{
    HttpResponse *response = http_response_bytes(200, "text/event-stream", NULL);
    response->opens_events = TRUE;
    return response;
}

static const char *status_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},       {401, "Unauthorized"},           {403, "Forbidden"},
        {404, "Not Found"},         {405, "Method Not Allowed"},     {409, "Conflict"},
        {413, "Content Too Large"}, {415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
        {429, "Too Many Requests"}, {500, "Internal Server Error"},  {501, "Not Implemented"},
        {502, "Bad Gateway"},       {503, "Service Unavailable"},    {507, "Insufficient Storage"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(titles); i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return status < 500 ? "Refused" : "Failed";
}

/* Jansson takes valid UTF-8 only; messages may quote names from a guest or a disk. */
static void set_text(json_t *object, const char *name, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
    if (valid)
        json_object_set_new(object, name, json_string(valid));
}

HttpResponse *http_response_problem_status(unsigned status, const GError *error)
{
    UnderpinErrorCode code = error_code(error);
    gboolean is_ours = error->domain == UNDERPIN_ERROR && code != UNDERPIN_ERROR_BUG;
    json_t *problem = json_object();
    set_text(problem, "type", "about:blank");
    set_text(problem, "title", status_title(status));
    json_object_set_new(problem, "status", json_integer(status));
    set_text(problem, "code", error_code_name(code));
    set_text(problem, "detail", is_ours ? error->message : "the daemon failed at this request");
    set_text(problem, "hint",
             is_ours ? error_hint(error) : "the log of underpind says what happened");
    return response_with_json(status, "application/problem+json", problem);
}

HttpResponse *http_response_problem(const GError *error)
{
    return http_response_problem_status(error_code_http_status(error_code(error)), error);
}
