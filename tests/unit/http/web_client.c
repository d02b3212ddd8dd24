/* See web_client.h. */
#include "cmocka_prelude.h"

#include "web_client.h"

#include <string.h>

#include "http/dispatch.h"
#include "http/routes.h"
#include "schema.h"

#define HOST "underpin.example:8443"

WebClient *web_client_new(FakeWorld *world)
{
    WebClient *client = g_new0(WebClient, 1);
    client->world = world;
    client->peer.is_secure = TRUE;
    web_client_set_address(client, "192.0.2.1");
    return client;
}

WebClient *web_client_new_root(FakeWorld *world)
{
    WebClient *client = g_new0(WebClient, 1);
    client->world = world;
    client->peer = (Peer){.is_unix = TRUE, .is_known = TRUE};
    return client;
}

void web_client_free(WebClient *client)
{
    if (!client)
        return;
    g_free(client->cookie);
    g_free(client->csrf);
    g_free(client->bearer);
    g_free(client->origin);
    g_free(client);
}

void web_client_set_address(WebClient *client, const char *address)
{
    g_strlcpy(client->peer.address, address, sizeof client->peer.address);
}

void web_answer_clear(WebAnswer *answer)
{
    json_decref(answer->json);
    g_free(answer->retry_after);
    g_free(answer->set_cookie);
}

static void add_header_if(HttpRequest *request, const char *name, const char *value)
{
    if (value)
        http_request_add_header(request, name, value);
}

static HttpRequest *request_of(const WebClient *client, const char *method, const char *target,
                               const char *body)
{
    HttpRequest *request = http_request_new(method, target);
    g_autofree char *authorization =
        client->bearer ? g_strconcat("Bearer ", client->bearer, NULL) : NULL;
    request->peer = client->peer;
    add_header_if(request, "Host", HOST);
    add_header_if(request, "Cookie", client->cookie);
    add_header_if(request, "X-CSRF-Token", client->csrf);
    add_header_if(request, "Authorization", authorization);
    add_header_if(request, "Origin", client->origin);
    if (body)
        g_byte_array_append(request->body, (const guint8 *)body, (guint)strlen(body));
    return request;
}

static void check_against_document(const Route *route, const HttpResponse *response,
                                   const json_t *json)
{
    json_t *document = schema_document();
    const json_t *schema =
        schema_of_answer(document, route->method, route->pattern, response->status, NULL);
    g_autofree char *mismatch = json && schema ? schema_mismatch(document, schema, json) : NULL;
    if (mismatch || (json && !schema))
        fail_msg("%s %s, %u: %s", route->method, route->pattern, response->status, mismatch);
    json_decref(document);
}

static void take_session(WebClient *client, const WebAnswer *answer)
{
    if (!answer->set_cookie)
        return;
    g_free(client->cookie);
    g_free(client->csrf);
    client->cookie = g_strndup(answer->set_cookie, strcspn(answer->set_cookie, ";"));
    client->csrf = g_strdup(json_string_value(json_object_get(answer->json, "csrf")));
}

WebAnswer web_ask(WebClient *client, const char *method, const char *target, const char *body)
{
    gsize count, length = 0;
    const Route *routes = routes_all(&count);
    HttpResponse *refusal = NULL;
    const char *query = strchr(target, '?');
    g_autoptr(HttpRequest) request = request_of(client, method, target, body);
    const Route *route = router_match(routes, count, request, query ? query + 1 : NULL, &refusal);
    g_autoptr(HttpResponse) response =
        route ? dispatch(&client->world->api, route, request) : refusal;
    const char *bytes = response->body ? g_bytes_get_data(response->body, &length) : "";
    WebAnswer answer = {.status = response->status,
                        .json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL),
                        .retry_after = g_strdup(http_response_header(response, "Retry-After")),
                        .set_cookie = g_strdup(http_response_header(response, "Set-Cookie"))};
    if (route)
        check_against_document(route, response, answer.json);
    take_session(client, &answer);
    return answer;
}

void web_expect(WebClient *client, const char *method, const char *target, const char *body,
                unsigned status)
{
    g_auto(WebAnswer) answer = web_ask(client, method, target, body);
    if (answer.status != status)
        fail_msg("%s %s: %u instead of %u: %s", method, target, answer.status, status,
                 json_string_value(json_object_get(answer.json, "detail")));
}

const char *web_text(const WebAnswer *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer->json, name));
    if (!text)
        fail_msg("no text '%s' in an answer of status %u", name, answer->status);
    return text;
}

void web_add_account(FakeWorld *world, const char *name, const char *role, const char *machines)
{
    g_autoptr(WebClient) root = web_client_new_root(world);
    g_auto(GStrv) names = g_strsplit(machines ? machines : "", ",", -1);
    json_t *json = json_pack("{s:s, s:s, s:s, s:[]}", "name", name, "role", role, "password",
                             "correct horse", "machines");
    for (guint i = 0; names[i]; i++)
        json_array_append_new(json_object_get(json, "machines"), json_string(names[i]));
    char *body = json_dumps(json, 0);
    web_expect(root, "POST", "/api/v1/accounts", body, 201);
    free(body);
    json_decref(json);
}

WebClient *web_client_logged_in(FakeWorld *world, const char *name)
{
    WebClient *client = web_client_new(world);
    g_autofree char *body =
        g_strdup_printf("{\"name\":\"%s\",\"password\":\"correct horse\"}", name);
    web_expect(client, "POST", "/api/v1/session", body, 200);
    return client;
}
