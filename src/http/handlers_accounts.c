/* Accounts: the list, and everything that an administrator does to one. */
#include <string.h>

#include "foundation/error.h"
#include "http/body.h"
#include "http/handlers.h"
#include "http/page.h"
#include "http/web_server.h"
#include "model/json_put.h"

#define STATUS_CREATED    201
#define STATUS_NO_CONTENT 204

/* --- showing ---------------------------------------------------------------------------------- */

typedef struct {
    const GPtrArray *ids;
    json_t *machines;
} Naming;

static void read_names(const Inventory *inventory, gpointer user_data)
{
    Naming *naming = user_data;
    for (guint i = 0; i < naming->ids->len; i++) {
        const Machine *machine = g_hash_table_lookup(inventory->machines, naming->ids->pdata[i]);
        if (machine)
            json_array_append_new(naming->machines, json_pack("{s:s, s:s}", "id", machine->id,
                                                              "name", machine->name));
    }
}

static json_t *account_to_json(const Api *api, const Account *account)
{
    Naming naming = {.ids = account->machines, .machines = json_array()};
    engine_read(api->engine, read_names, &naming);
    json_t *json = json_object();
    json_put_text(json, "name", account->name);
    json_put_text(json, "role", account_role_name(account->role));
    json_put_flag(json, "disabled", account->disabled);
    json_put_flag(json, "invited", account->invited);
    json_put_time(json, "created_at", account->created_at);
    json_put_time(json, "last_login_at", account->last_login_at);
    json_object_set_new(json, "machines", naming.machines);
    return json;
}

HttpResponse *handle_account_list(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    g_autoptr(GPtrArray) accounts = access_list_accounts(api->access, error);
    if (!accounts)
        return NULL;
    json_t *items = json_array();
    for (guint i = 0; i < accounts->len; i++)
        json_array_append_new(items, account_to_json(api, accounts->pdata[i]));
    return page_response(items, NULL);
}

/* The secret stands in the fragment, which browsers send nowhere. Takes `token`. */
static void put_setup(const Api *api, json_t *json, char *token)
{
    if (!token)
        return;
    g_autofree char *path = g_strdup_printf("/setup#%s", token);
    g_autofree char *address = api->web ? web_server_address(api->web) : NULL;
    g_autofree char *url = address ? g_strconcat(address, path, NULL) : NULL;
    json_put_text(json, "setup_token", token);
    json_put_text(json, "setup_path", path);
    json_put_text_if_any(json, "setup_url", url);
    g_free(token);
}

/* --- reading a change ------------------------------------------------------------------------- */

static gboolean read_role(const json_t *value, AccountRole *role_out, GError **error)
{
    const char *text = json_string_value(value);
    return account_role_from_name(text, role_out) ||
           error_set(error, UNDERPIN_ERROR_INVALID, "roles are user, operator and administrator",
                     "there is no role '%s'", text);
}

/* The ids of the machines that are named; NULL where one is not there. */
static GPtrArray *read_machines(const Api *api, const json_t *names, GError **error)
{
    gsize index;
    const json_t *name;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    json_array_foreach(names, index, name)
    {
        g_autoptr(Machine) machine =
            engine_find_machine(api->engine, json_string_value(name), error);
        if (!machine)
            return NULL;
        g_ptr_array_add(ids, g_strdup(machine->id));
    }
    return g_steal_pointer(&ids);
}

/* --- adding ----------------------------------------------------------------------------------- */

static HttpResponse *respond_added(const Api *api, const Account *account, char *token)
{
    json_t *json = account_to_json(api, account);
    put_setup(api, json, token);
    HttpResponse *response = http_response_json(STATUS_CREATED, json);
    http_response_audit(response)->detail =
        g_strdup_printf("%s, %s", account->name, account_role_name(account->role));
    return response;
}

static HttpResponse *add_account(const Api *api, const char *name, const json_t *role_text,
                                 const char *password, const json_t *names, GError **error)
{
    AccountRole role;
    char *token = NULL;
    if (!read_role(role_text, &role, error))
        return NULL;
    g_autoptr(GPtrArray) machines = read_machines(api, names, error);
    g_autoptr(Account) account =
        machines ? access_add_account(api->access, name, role, password, machines, &token, error)
                 : NULL;
    return account ? respond_added(api, account, token) : NULL;
}

HttpResponse *handle_account_add(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *name = NULL, *role = NULL, *password = NULL, *machines = NULL;
    const BodyField fields[] = {{"name", BODY_TEXT, TRUE, &name},
                                {"role", BODY_TEXT, TRUE, &role},
                                {"password", BODY_TEXT, FALSE, &password},
                                {"machines", BODY_TEXTS, FALSE, &machines},
                                {0}};
    json_t *body = body_read(request, fields, error);
    if (!body)
        return NULL;
    HttpResponse *response = add_account(api, json_string_value(name), role,
                                         json_string_value(password), machines, error);
    json_decref(body);
    return response;
}

/* --- changing --------------------------------------------------------------------------------- */

static char *describe_change(const char *name, const AccountChange *change)
{
    GString *text = g_string_new(name);
    if (change->sets_role)
        g_string_append_printf(text, ", role %s", account_role_name(change->role));
    if (change->sets_disabled)
        g_string_append(text, change->disabled ? ", disabled" : ", enabled");
    if (change->machines)
        g_string_append_printf(text, ", %u machine%s assigned", change->machines->len,
                               change->machines->len == 1 ? "" : "s");
    return g_string_free(text, FALSE);
}

static HttpResponse *change_account(const Api *api, const char *name, const json_t *role,
                                    const json_t *disabled, const json_t *names, GError **error)
{
    AccountChange change = {.sets_role = role != NULL,
                            .sets_disabled = disabled != NULL,
                            .disabled = json_is_true(disabled)};
    if (role && !read_role(role, &change.role, error))
        return NULL;
    g_autoptr(GPtrArray) machines = names ? read_machines(api, names, error) : NULL;
    change.machines = machines;
    if (names && !machines)
        return NULL;
    g_autoptr(Account) account = access_change_account(api->access, name, &change, error);
    if (!account)
        return NULL;
    event_stream_dismiss(api->events, account->id, NULL);
    HttpResponse *response = http_response_json(200, account_to_json(api, account));
    http_response_audit(response)->detail = describe_change(name, &change);
    return response;
}

HttpResponse *handle_account_change(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *role = NULL, *disabled = NULL, *machines = NULL;
    const BodyField fields[] = {{"role", BODY_TEXT, FALSE, &role},
                                {"disabled", BODY_FLAG, FALSE, &disabled},
                                {"machines", BODY_TEXTS, FALSE, &machines},
                                {0}};
    json_t *body = body_read(request, fields, error);
    if (!body)
        return NULL;
    HttpResponse *response =
        change_account(api, request->parameters[0], role, disabled, machines, error);
    json_decref(body);
    return response;
}

HttpResponse *handle_account_reset(const Api *api, const HttpRequest *request, GError **error)
{
    char *token = NULL;
    g_autoptr(Account) account =
        access_reset_account(api->access, request->parameters[0], &token, error);
    if (!account)
        return NULL;
    event_stream_dismiss(api->events, account->id, NULL);
    json_t *json = json_object();
    put_setup(api, json, token);
    return http_response_json(200, json);
}

HttpResponse *handle_account_remove(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Account) account = access_remove_account(api->access, request->parameters[0], error);
    if (!account)
        return NULL;
    event_stream_dismiss(api->events, account->id, NULL);
    return http_response_bytes(STATUS_NO_CONTENT, NULL, NULL);
}

HttpResponse *handle_setup_link(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    char *token = access_new_setup_token(api->access, error);
    if (!token)
        return NULL;
    json_t *json = json_object();
    put_setup(api, json, token);
    return http_response_json(200, json);
}
