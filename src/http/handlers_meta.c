/* What the API says about itself: the verbs, its own document; and the door to the event stream. */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/http_resources.h"
#include "http/page.h"
#include "model/json_put.h"
#include "model/verb.h"

static json_t *verb_to_json(const VerbInfo *info)
{
    json_t *json = json_object();
    json_put_text(json, "name", info->name);
    json_put_text(json, "title", info->title);
    json_put_text(json, "progress", info->progress);
    json_put_text(json, "role", account_role_name(info->role));
    json_put_flag(json, "replaces", info->replaces);
    json_put_flag(json, "destroys", info->destroys);
    json_put_flag(json, "needs_names", info->needs_names);
    json_put_flag(json, "many", info->many);
    return json;
}

HttpResponse *handle_verb_list(const Api *api, const HttpRequest *request, GError **error)
{
    (void)api;
    (void)request;
    (void)error;
    json_t *items = json_array();
    for (guint verb = 0; verb < VERB_COUNT; verb++)
        json_array_append_new(items, verb_to_json(verb_info((Verb)verb)));
    return page_response(items, NULL);
}

HttpResponse *handle_openapi(const Api *api, const HttpRequest *request, GError **error)
{
    (void)api;
    (void)request;
    GBytes *document = g_resource_lookup_data(http_get_resource(), "/underpin/openapi.json",
                                              G_RESOURCE_LOOKUP_FLAGS_NONE, error);
    return document ? http_response_bytes(200, "application/json", document) : NULL;
}

HttpResponse *handle_events(const Api *api, const HttpRequest *request, GError **error)
{
    (void)api;
    (void)request;
    (void)error;
    return http_response_events();
}
