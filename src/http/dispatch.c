/* Every request is checked in one place, before its handler is called. */
#include "http/dispatch.h"

#include "foundation/error.h"

static HttpResponse *run_handler(const Api *api, const Route *route, const HttpRequest *request,
                                 GError **error)
{
    if (route->permission == ALLOW_ADMINISTRATORS &&
        !peer_check_administrator(&request->peer, api->administrators, error))
        return NULL;
    return route->handler(api, request, error);
}

/* What changes something is worth a line; what failed on our side a louder one. */
static void log_answer(const HttpRequest *request, unsigned status, const GError *error)
{
    GLogLevelFlags level = status >= 500                          ? G_LOG_LEVEL_WARNING
                           : g_str_equal(request->method, "POST") ? G_LOG_LEVEL_INFO
                                                                  : G_LOG_LEVEL_DEBUG;
    g_log(G_LOG_DOMAIN, level, "%s %s by uid %ld, pid %ld: %u%s%s", request->method, request->path,
          request->peer.is_known ? (long)request->peer.uid : -1L, (long)request->peer.pid, status,
          error ? ", " : "", error ? error->message : "");
}

HttpResponse *dispatch(const Api *api, const Route *route, const HttpRequest *request)
{
    g_autoptr(GError) error = NULL;
    HttpResponse *response = run_handler(api, route, request, &error);
    if (!response)
        response = http_response_problem(error);
    log_answer(request, response->status, error);
    return response;
}
