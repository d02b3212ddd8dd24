/*
 * Where identities come from.
 *
 * SameSite=Strict already keeps other sites' requests from carrying the cookie; the token and the
 * Origin are for browsers, and for pages of other services on the same host, that do not keep to
 * it.
 */
#include "http/identify.h"

#include <string.h>

#include "access/secret.h"
#include "foundation/error.h"

#define SECURE_COOKIE "__Host-underpin"
#define PLAIN_COOKIE  "underpin"
#define BEARER        "Bearer "

static Identity *identify_peer(const Api *api, const Peer *peer, GError **error)
{
    if (!peer_check_administrator(peer, api->administrators, error))
        return NULL;
    g_autofree char *name = peer_describe(peer);
    return identity_new_peer(name);
}

static Identity *identify_bearer(const Api *api, const char *token, GError **error)
{
    g_autoptr(Identity) identity = access_token(api->access, token, error);
    if (!identity || identity->kind != IDENTITY_NONE)
        return g_steal_pointer(&identity);
    error_set(error, UNDERPIN_ERROR_DENIED, "make a new one on the page under 'Settings'",
              "the API token is not valid");
    return NULL;
}

static const char *cookie_name(const Peer *peer)
{
    return peer->is_secure ? SECURE_COOKIE : PLAIN_COOKIE;
}

/* The value of a cookie in "a=1; b=2", or NULL. Caller frees. */
static char *cookie_value(const char *header, const char *name)
{
    gsize length = strlen(name);
    g_auto(GStrv) pairs = g_strsplit(header, ";", -1);
    for (guint i = 0; pairs[i]; i++) {
        const char *pair = g_strstrip(pairs[i]);
        if (strncmp(pair, name, length) == 0 && pair[length] == '=')
            return g_strdup(pair + length + 1);
    }
    return NULL;
}

static Identity *identify_cookie(const Api *api, const HttpRequest *request, GError **error)
{
    const char *header = http_request_header(request, "Cookie");
    g_autofree char *key = header ? cookie_value(header, cookie_name(&request->peer)) : NULL;
    return key ? access_session(api->access, key, error) : identity_new_none();
}

Identity *identify(const Api *api, const HttpRequest *request, GError **error)
{
    const char *authorization = http_request_header(request, "Authorization");
    if (request->peer.is_unix)
        return identify_peer(api, &request->peer, error);
    if (authorization && g_ascii_strncasecmp(authorization, BEARER, sizeof BEARER - 1) == 0)
        return identify_bearer(api, authorization + sizeof BEARER - 1, error);
    return identify_cookie(api, request, error);
}

/* Without TLS of ours a proxy before us may have its own. */
static gboolean is_own_origin(const char *origin, const char *host, gboolean is_secure)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (guint i = 0; host && i < (is_secure ? 1 : G_N_ELEMENTS(schemes)); i++) {
        g_autofree char *own = g_strconcat(schemes[i], host, NULL);
        if (g_ascii_strcasecmp(origin, own) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean identify_check_origin(const HttpRequest *request, GError **error)
{
    const char *origin = http_request_header(request, "Origin");
    const char *host = http_request_header(request, "Host");
    if (request->peer.is_unix || request->identity->kind == IDENTITY_TOKEN || !origin)
        return TRUE;
    return is_own_origin(origin, host, request->peer.is_secure) ||
           error_set(error, UNDERPIN_ERROR_DENIED, "use the page that the daemon serves itself",
                     "a page of another origin must not change anything here");
}

gboolean identify_check_csrf(const HttpRequest *request, GError **error)
{
    const char *token = http_request_header(request, "X-CSRF-Token");
    return request->identity->kind != IDENTITY_SESSION ||
           secret_is_equal(request->identity->csrf, token) ||
           error_set(error, UNDERPIN_ERROR_DENIED,
                     "send the 'csrf' of GET /api/v1/session as X-CSRF-Token; a page that was open "
                     "for long should be loaded again",
                     "the request does not prove that it comes from the page");
}

void identify_set_cookie(HttpResponse *response, const HttpRequest *request, const char *key)
{
    g_autofree char *cookie = g_strdup_printf(
        "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie_name(&request->peer), key ? key : "",
        request->peer.is_secure ? "; Secure" : "", key ? "" : "; Max-Age=0");
    http_response_add_header(response, "Set-Cookie", cookie);
}
