/*
 * Every request is checked in one place, before its handler is called:
 *
 *     who ─▶ origin ─▶ role of the route ─▶ proof against forgery ─▶ role of the verb ─▶ handler ─▶
 * audit
 *
 * Which machines exist for a user is the handlers' part (visibility.h).
 */
#include "http/dispatch.h"

#include "foundation/error.h"
#include "http/audit_trail.h"
#include "http/identify.h"
#include "model/verb.h"

#define STATUS_UNAUTHORIZED 401
#define STATUS_OURS         500 /* and more: it failed on our side */

static gboolean changes_something(const HttpRequest *request)
{
    return !g_str_equal(request->method, "GET");
}

static AccountRole role_of(Permission permission)
{
    static const AccountRole roles[] = {
        [ALLOW_ADMINISTRATORS] = ACCOUNT_ADMINISTRATOR,
        [ALLOW_OPERATORS] = ACCOUNT_OPERATOR,
        [ALLOW_USERS] = ACCOUNT_USER,
        [ALLOW_ANYONE] = ACCOUNT_USER,
    };
    return roles[permission];
}

/* What is open to anyone must not fail for a bad cookie or a damaged file of accounts, nor wait for
 * a directory of users. */
static gboolean find_identity(const Api *api, const Route *route, HttpRequest *request,
                              GError **error)
{
    gboolean is_open = route->permission == ALLOW_ANYONE;
    if (is_open && request->peer.is_unix)
        return TRUE;
    Identity *identity = identify(api, request, is_open ? NULL : error);
    if (!identity)
        return is_open;
    identity_unref(request->identity);
    request->identity = identity;
    return TRUE;
}

static gboolean refuse_role(const Identity *identity, AccountRole least, const char *what,
                            GError **error)
{
    if (identity->kind == IDENTITY_NONE)
        return error_set(error, UNDERPIN_ERROR_DENIED, "log in", "nobody is logged in");
    g_autofree char *hint =
        g_strdup_printf("ask an administrator for the role '%s'", account_role_name(least));
    return error_set(error, UNDERPIN_ERROR_DENIED, hint, "'%s' has the role '%s', which may not %s",
                     identity->name, account_role_name(identity->role), what);
}

static gboolean check_route(const Route *route, const HttpRequest *request, GError **error)
{
    AccountRole least = role_of(route->permission);
    return route->permission == ALLOW_ANYONE || identity_has_role(request->identity, least) ||
           refuse_role(request->identity, least, "do this", error);
}

/* A body that makes no sense is for the handler to explain. */
static void read_verb(HttpRequest *request)
{
    Verb verb;
    json_t *body = http_request_json(request, NULL);
    const char *name = json_string_value(json_object_get(body, "verb"));
    if (name && verb_from_name(name, &verb))
        request->verb = (int)verb;
    json_decref(body);
}

static gboolean check_verb(const Route *route, HttpRequest *request, GError **error)
{
    if (!route->by_verb)
        return TRUE;
    read_verb(request);
    const VerbInfo *verb = request->verb < 0 ? NULL : verb_info((Verb)request->verb);
    return !verb || identity_has_role(request->identity, verb->role) ||
           refuse_role(request->identity, verb->role, verb->name, error);
}

static gboolean check_forgery(const Route *route, const HttpRequest *request, GError **error)
{
    return !changes_something(request) ||
           (identify_check_origin(request, error) &&
            (route->permission == ALLOW_ANYONE || identify_check_csrf(request, error)));
}

static HttpResponse *run_handler(const Api *api, const Route *route, HttpRequest *request,
                                 GError **error)
{
    if (!find_identity(api, route, request, error) || !check_route(route, request, error) ||
        !check_forgery(route, request, error) || !check_verb(route, request, error))
        return NULL;
    return route->handler(api, request, error);
}

static gboolean is_nobody(const HttpRequest *request)
{
    return request->identity->kind == IDENTITY_NONE && !request->peer.is_unix;
}

/* What fails on our side may name paths of the host. */
static HttpResponse *fail_without_paths(UnderpinErrorCode code, const char *what)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, code,
              "an administrator of the host finds the reason in the log and by 'underpin doctor'",
              "%s", what);
    return http_response_problem(error);
}

/* Who is nobody yet can do something about it: log in. */
static HttpResponse *ask_to_log_in(const GError *error)
{
    HttpResponse *response = http_response_problem_status(STATUS_UNAUTHORIZED, error);
    http_response_add_header(response, "WWW-Authenticate", "Bearer realm=\"underpin\"");
    return response;
}

static HttpResponse *refuse(const Api *api, const HttpRequest *request, const GError *error)
{
    UnderpinErrorCode code = error_code(error);
    if (!is_nobody(request))
        return http_response_problem(error);
    if (access_problem(api->access))
        return fail_without_paths(UNDERPIN_ERROR_BACKEND, "accounts cannot be read");
    if (error_code_http_status(code) >= STATUS_OURS)
        return fail_without_paths(code, "the daemon cannot do this now");
    return code == UNDERPIN_ERROR_DENIED ? ask_to_log_in(error) : http_response_problem(error);
}

/* What changes something is worth a line; what failed on our side a louder one. */
static void log_answer(const HttpRequest *request, unsigned status, const GError *error)
{
    GLogLevelFlags level = status >= STATUS_OURS        ? G_LOG_LEVEL_WARNING
                           : changes_something(request) ? G_LOG_LEVEL_INFO
                                                        : G_LOG_LEVEL_DEBUG;
    g_autofree char *peer =
        request->peer.is_unix
            ? g_strdup_printf("uid %ld, pid %ld",
                              request->peer.is_known ? (long)request->peer.uid : -1L,
                              (long)request->peer.pid)
            : g_strdup_printf("%s from %s",
                              request->identity->name ? request->identity->name : "nobody",
                              request->peer.address);
    g_log(G_LOG_DOMAIN, level, "%s %s by %s: %u%s%s", request->method, request->path, peer, status,
          error ? ", " : "", error ? error->message : "");
}

HttpResponse *dispatch(const Api *api, const Route *route, HttpRequest *request)
{
    g_autoptr(GError) error = NULL;
    HttpResponse *response = run_handler(api, route, request, &error);
    if (!response)
        response = refuse(api, request, error);
    log_answer(request, response->status, error);
    audit_request(api, route, request, response, error);
    return response;
}
