/* Logging in and out, the first administrator, one's own password. */
#include "foundation/error.h"
#include "http/body.h"
#include "http/handlers.h"
#include "http/identify.h"
#include "model/json_put.h"

#define STATUS_NO_CONTENT   204
#define STATUS_UNAUTHORIZED 401
#define STATUS_FORBIDDEN    403
#define STATUS_TOO_MANY     429

static json_t *account_to_json(const Identity *identity)
{
    if (identity->kind == IDENTITY_NONE)
        return json_null();
    json_t *account = json_object();
    json_put_text(account, "name", identity->name);
    json_put_text(account, "role", account_role_name(identity->role));
    return account;
}

static HttpResponse *session_response(const Identity *identity, gboolean setup_needed)
{
    json_t *session = json_object();
    json_object_set_new(session, "account", account_to_json(identity));
    json_put_text(session, "csrf", identity->csrf);
    json_put_flag(session, "setup_needed", setup_needed);
    json_put_text(session, "version", UNDERPIN_VERSION);
    return http_response_json(200, session);
}

HttpResponse *handle_session_show(const Api *api, const HttpRequest *request, GError **error)
{
    gboolean setup_needed = FALSE;
    /* For what is open to anyone, peers of the unix socket have not been looked at yet. */
    g_autoptr(Identity) peer = request->peer.is_unix ? identify(api, request, NULL) : NULL;
    if (!access_needs_setup(api->access, &setup_needed, error))
        return NULL;
    return session_response(peer ? peer : request->identity, setup_needed);
}

/* --- coming in -------------------------------------------------------------------------------- */

static HttpResponse *login_too_early(guint retry, const GError *error)
{
    HttpResponse *response = http_response_problem_status(STATUS_TOO_MANY, error);
    g_autofree char *seconds = g_strdup_printf("%u", retry);
    http_response_add_header(response, "Retry-After", seconds);
    return response;
}

/* It is noted in the name that was tried. */
static HttpResponse *login_denied(const char *name, unsigned status, const GError *error)
{
    HttpResponse *response = http_response_problem_status(status, error);
    AuditEntry *entry = http_response_audit(response);
    entry->account = name && account_name_check(name, NULL) ? g_strdup(name) : NULL;
    entry->result = g_strdup(error_code_name(error_code(error)));
    entry->detail = g_strdup(error->message);
    return response;
}

/* Wrong or too early are answers of their own; everything else is an error like any other. Takes
 * `problem`. */
static HttpResponse *login_failed(const Api *api, const char *name, unsigned denied_status,
                                  guint retry, GError *problem, GError **error)
{
    g_autoptr(GError) owned = problem;
    if (retry > 0 && error_code(owned) == UNDERPIN_ERROR_BUSY)
        return login_too_early(retry, owned);
    if (error_code(owned) == UNDERPIN_ERROR_DENIED && !access_problem(api->access))
        return login_denied(name, denied_status, owned);
    g_propagate_error(error, g_steal_pointer(&owned));
    return NULL;
}

/* The session that the browser had before is not left behind. */
static void end_former_session(const Api *api, const HttpRequest *request)
{
    if (request->identity->session_id &&
        access_log_out(api->access, request->identity->session_id, NULL))
        event_stream_dismiss(api->events, request->identity->account_id,
                             request->identity->session_id);
}

static HttpResponse *login_succeeded(const Api *api, const HttpRequest *request, const Login *login)
{
    end_former_session(api, request);
    HttpResponse *response = session_response(login->identity, FALSE);
    identify_set_cookie(response, request, login->key);
    http_response_audit(response)->account = g_strdup(login->identity->name);
    return response;
}

HttpResponse *handle_session_begin(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *name = NULL, *password = NULL;
    const BodyField fields[] = {
        {"name", BODY_TEXT, TRUE, &name}, {"password", BODY_TEXT, TRUE, &password}, {0}};
    guint retry = 0;
    g_autoptr(GError) problem = NULL;
    json_t *body = body_read(request, fields, error);
    if (!body)
        return NULL;
    g_autoptr(Login) login =
        access_log_in(api->access, json_string_value(name), json_string_value(password),
                      request->peer.address, &retry, &problem);
    HttpResponse *response = login ? login_succeeded(api, request, login)
                                   : login_failed(api, json_string_value(name), STATUS_UNAUTHORIZED,
                                                  retry, g_steal_pointer(&problem), error);
    json_decref(body);
    return response;
}

HttpResponse *handle_set_up(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *token = NULL, *name = NULL, *password = NULL;
    const BodyField fields[] = {{"token", BODY_TEXT, TRUE, &token},
                                {"name", BODY_TEXT, FALSE, &name},
                                {"password", BODY_TEXT, TRUE, &password},
                                {0}};
    guint retry = 0;
    g_autoptr(GError) problem = NULL;
    json_t *body = body_read(request, fields, error);
    if (!body)
        return NULL;
    g_autoptr(Login) login =
        access_set_up(api->access, json_string_value(token), json_string_value(name),
                      json_string_value(password), request->peer.address, &retry, &problem);
    if (login)
        event_stream_dismiss(api->events, login->identity->account_id, NULL);
    HttpResponse *response = login ? login_succeeded(api, request, login)
                                   : login_failed(api, json_string_value(name), STATUS_UNAUTHORIZED,
                                                  retry, g_steal_pointer(&problem), error);
    json_decref(body);
    return response;
}

/* --- what only a session can do --------------------------------------------------------------- */

static gboolean need_session(const HttpRequest *request, GError **error)
{
    return request->identity->kind == IDENTITY_SESSION ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "log in on the page",
                     "this is for somebody who has logged in with a password");
}

HttpResponse *handle_session_end(const Api *api, const HttpRequest *request, GError **error)
{
    const Identity *identity = request->identity;
    if (!need_session(request, error) || !access_log_out(api->access, identity->session_id, error))
        return NULL;
    event_stream_dismiss(api->events, identity->account_id, identity->session_id);
    HttpResponse *response = http_response_bytes(STATUS_NO_CONTENT, NULL, NULL);
    identify_set_cookie(response, request, NULL);
    return response;
}

HttpResponse *handle_password_change(const Api *api, const HttpRequest *request, GError **error)
{
    const json_t *old_password = NULL, *new_password = NULL;
    const BodyField fields[] = {{"old_password", BODY_TEXT, TRUE, &old_password},
                                {"new_password", BODY_TEXT, TRUE, &new_password},
                                {0}};
    guint retry = 0;
    g_autoptr(GError) problem = NULL;
    json_t *body = need_session(request, error) ? body_read(request, fields, error) : NULL;
    if (!body)
        return NULL;
    gboolean is_changed = access_change_password(
        api->access, request->identity, json_string_value(old_password),
        json_string_value(new_password), request->peer.address, &retry, &problem);
    json_decref(body);
    if (!is_changed)
        return login_failed(api, request->identity->name, STATUS_FORBIDDEN, retry,
                            g_steal_pointer(&problem), error);
    event_stream_dismiss(api->events, request->identity->account_id, NULL);
    return http_response_bytes(STATUS_NO_CONTENT, NULL, NULL);
}
