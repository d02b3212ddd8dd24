/* API tokens: one's own, and for administrators everybody's. */
#include "foundation/error.h"
#include "http/body.h"
#include "http/handlers.h"
#include "http/page.h"
#include "model/json_put.h"

#define STATUS_CREATED    201
#define STATUS_NO_CONTENT 204
#define DAYS_MAX          3650
#define SECONDS_PER_DAY   ((gint64)24 * 3600)

/* Whose tokens he may look at and revoke; NULL: everybody's. */
static const char *reach_of(const HttpRequest *request)
{
    return identity_has_role(request->identity, ACCOUNT_ADMINISTRATOR) ? NULL
                                                                       : request->identity->name;
}

static json_t *token_to_json(const Token *token)
{
    json_t *json = json_object();
    json_put_text(json, "id", token->id);
    json_put_text(json, "name", token->name);
    json_put_text(json, "account", token->account);
    json_put_time(json, "created_at", token->created_at);
    json_put_time(json, "last_used_at", token->last_used_at);
    json_put_time(json, "expires_at", token->expires_at);
    return json;
}

HttpResponse *handle_token_list(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(GPtrArray) tokens = access_list_tokens(api->access, reach_of(request), error);
    if (!tokens)
        return NULL;
    json_t *items = json_array();
    for (guint i = 0; i < tokens->len; i++)
        json_array_append_new(items, token_to_json(tokens->pdata[i]));
    return page_response(items, NULL);
}

/* A token is an account's: one's own, or for administrators the one that is named. NULL on error;
 * borrowed. */
static const char *owner_of(const HttpRequest *request, const char *named, GError **error)
{
    const Identity *identity = request->identity;
    if (named && !identity_has_role(identity, ACCOUNT_ADMINISTRATOR) &&
        !g_str_equal(named, identity->name)) {
        error_set(error, UNDERPIN_ERROR_DENIED, "leave 'account' out",
                  "only administrators make tokens for others");
        return NULL;
    }
    if (named || identity->account_id)
        return named ? named : identity->name;
    error_set(error, UNDERPIN_ERROR_INVALID, "state it in 'account'",
              "a token belongs to an account");
    return NULL;
}

static gboolean read_days(const json_t *value, gint64 *seconds_out, GError **error)
{
    json_int_t days = json_integer_value(value);
    if (value && (days < 1 || days > DAYS_MAX))
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "from 1 to 3650 days are possible; leave it out for a token that does not "
                         "expire",
                         "'expires_days' is out of range");
    *seconds_out = value ? days * SECONDS_PER_DAY : 0;
    return TRUE;
}

static HttpResponse *respond_added(const Token *token, const char *secret)
{
    json_t *json = token_to_json(token);
    json_put_text(json, "token", secret);
    HttpResponse *response = http_response_json(STATUS_CREATED, json);
    http_response_audit(response)->detail =
        g_strdup_printf("%s '%s' of %s", token->id, token->name, token->account);
    return response;
}

static HttpResponse *add_token(const Api *api, const HttpRequest *request, const char *name,
                               const json_t *days, const char *account, GError **error)
{
    gint64 seconds = 0;
    g_autofree char *secret = NULL;
    const char *owner = owner_of(request, account, error);
    if (!owner || !read_days(days, &seconds, error))
        return NULL;
    g_autoptr(Token) token = access_add_token(api->access, owner, name, seconds, &secret, error);
    return token ? respond_added(token, secret) : NULL;
}

HttpResponse *handle_token_add(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *name = NULL, *days = NULL, *account = NULL;
    const BodyField fields[] = {{"name", BODY_TEXT, TRUE, &name},
                                {"expires_days", BODY_NUMBER, FALSE, &days},
                                {"account", BODY_TEXT, FALSE, &account},
                                {0}};
    json_t *body = body_read(request, fields, error);
    if (!body)
        return NULL;
    HttpResponse *response =
        add_token(api, request, json_string_value(name), days, json_string_value(account), error);
    json_decref(body);
    return response;
}

HttpResponse *handle_token_revoke(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Token) token =
        access_revoke_token(api->access, request->parameters[0], reach_of(request), error);
    if (!token)
        return NULL;
    event_stream_dismiss(api->events, token->account_id, NULL);
    HttpResponse *response = http_response_bytes(STATUS_NO_CONTENT, NULL, NULL);
    http_response_audit(response)->detail =
        g_strdup_printf("%s '%s' of %s", token->id, token->name, token->account);
    return response;
}
