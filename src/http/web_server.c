/*
 * Order of life: certificate, HTTP server, front; and back again. The front hands clients on as
 * long as it has threads, so it is stopped for new ones first and freed last: what the HTTP server
 * sends at its end still has to be encrypted.
 */
#include "http/web_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "foundation/error.h"
#include "http/front.h"
#include "http/lock.h"
#include "http/server.h"
#include "http/static_files.h"
#include "http/tls_certificate.h"

#define IDLE_SECONDS    30
#define REQUEST_SECONDS 60
#define ANSWER_SECONDS  300
#define HOST_NAME_SIZE  256

struct WebServer {
    ListenAddress listen;
    gboolean is_tls;
    char *certificate, *key, *directory;
    guint connection_limit, address_limit, retry_seconds;
    HttpServer *server;
    pthread_mutex_t lock; /* protects what follows; taken before the front's */
    TlsContext *tls;
    Front *front;
    GError *problem; /* why there is no front */
};

/* --- configuration ---------------------------------------------------------------------------- */

static gboolean check_config(const WebServerConfig *config, const ListenAddress *listen,
                             GError **error)
{
    if (!config->tls && !listen_address_is_loopback(listen))
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "set tls to yes in section [web], or listen at 127.0.0.1 or [::1]",
                         "passwords would go over the network unencrypted at '%s'", config->listen);
    if ((config->certificate[0] == '\0') != (config->key[0] == '\0'))
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "name both in section [web], or neither, and they are made",
                         "certificate and key belong together, and one is missing");
    return TRUE;
}

WebServer *web_server_new(const WebServerConfig *config, GError **error)
{
    ListenAddress listen;
    if (!listen_address_parse(config->listen, &listen, error) ||
        !check_config(config, &listen, error))
        return NULL;
    WebServer *web = g_new0(WebServer, 1);
    web->listen = listen;
    web->is_tls = config->tls;
    web->certificate = g_strdup(config->certificate);
    web->key = g_strdup(config->key);
    web->directory = g_strdup(config->directory);
    web->connection_limit = config->connection_limit;
    web->address_limit = config->address_limit;
    web->retry_seconds = config->retry_seconds;
    pthread_mutex_init(&web->lock, NULL);
    return web;
}

/* --- start ------------------------------------------------------------------------------------ */

static TlsContext *open_tls(WebServer *web, GError **error)
{
    g_autofree char *certificate = NULL, *key = NULL;
    if (web->certificate[0] != '\0')
        return tls_context_new(web->certificate, web->key, error);
    if (!tls_certificate_ensure(web->directory, &certificate, &key, error))
        return NULL;
    return tls_context_new(certificate, key, error);
}

static void deliver(int fd, const struct sockaddr *address, socklen_t length, gpointer user_data)
{
    WebServer *web = user_data;
    http_server_adopt(web->server, fd, address, length);
}

/* Under the lock. */
static gboolean start_front(WebServer *web, GError **error)
{
    if (web->is_tls && !web->tls)
        web->tls = open_tls(web, error);
    if (web->is_tls && !web->tls)
        return FALSE;
    FrontConfig config;
    front_config_init(&config);
    config.listen = web->listen;
    config.tls = web->tls;
    config.connection_limit = web->connection_limit;
    config.address_limit = web->address_limit;
    if (web->retry_seconds > 0)
        config.retry_seconds = web->retry_seconds;
    config.deliver = deliver;
    config.user_data = web;
    web->front = front_start(&config, error);
    return web->front != NULL;
}

static void log_start(WebServer *web)
{
    g_autofree char *address = web_server_address(web);
    g_autofree char *fingerprint = web_server_fingerprint(web);
    g_message("%s %s/%s%s",
              static_files_have_page()
                  ? "the web page is at"
                  : "this underpind is built without the web page; its API is at",
              address, fingerprint ? ", its certificate has the SHA-256 fingerprint " : "",
              fingerprint ? fingerprint : "");
}

static void try_front(WebServer *web)
{
    {
        LOCK_FOR_SCOPE(&web->lock);
        g_clear_error(&web->problem);
        if (!start_front(web, &web->problem)) {
            g_warning("there is no web page: %s", web->problem->message);
            return;
        }
    }
    log_start(web);
}

gboolean web_server_start(WebServer *web, const Api *api, const Route *routes, gsize route_count,
                          GError **error)
{
    HttpServerConfig config;
    http_server_config_init(&config);
    config.is_secure = web->is_tls;
    config.serves_page = TRUE;
    /* The front counts clients; the library splits its limit among its threads, unevenly used. */
    config.connection_limit = web->connection_limit * config.socket_threads + 1;
    config.idle_seconds = IDLE_SECONDS;
    config.request_seconds = REQUEST_SECONDS;
    config.answer_seconds = ANSWER_SECONDS;
    web->server = http_server_start(&config, api, routes, route_count, error);
    if (!web->server)
        return FALSE;
    try_front(web);
    return TRUE;
}

void web_server_reload(WebServer *web)
{
    g_autoptr(GError) error = NULL;
    TlsContext *tls;
    {
        LOCK_FOR_SCOPE(&web->lock);
        tls = web->front ? web->tls : NULL;
    }
    if (tls && !tls_context_reload(tls, &error))
        g_warning("the web server keeps its certificate: %s", error->message);
    else if (tls)
        log_start(web);
    else if (!web->front)
        try_front(web);
}

/* --- stop ------------------------------------------------------------------------------------- */

void web_server_quiesce(WebServer *web)
{
    if (web->front)
        front_quiesce(web->front);
    if (web->server)
        http_server_quiesce(web->server);
}

void web_server_free(WebServer *web)
{
    if (!web)
        return;
    web_server_quiesce(web);
    http_server_free(web->server);
    front_free(web->front);
    tls_context_free(web->tls);
    g_clear_error(&web->problem);
    pthread_mutex_destroy(&web->lock);
    g_free(web->certificate);
    g_free(web->key);
    g_free(web->directory);
    g_free(web);
}

/* --- what it says of itself ------------------------------------------------------------------- */

/* The host's name where the address says none. */
static char *host_text(const ListenAddress *listen)
{
    const void *raw = &listen->address;
    const struct sockaddr_in6 *six = raw;
    const struct sockaddr_in *four = raw;
    char text[HOST_NAME_SIZE] = "localhost";
    gboolean is_six = listen->address.ss_family == AF_INET6;
    if (is_six ? IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr) : four->sin_addr.s_addr == INADDR_ANY) {
        gethostname(text, sizeof text - 1);
        return g_strdup(text);
    }
    inet_ntop(listen->address.ss_family, is_six ? (const void *)&six->sin6_addr : &four->sin_addr,
              text, sizeof text);
    return g_strdup_printf(is_six ? "[%s]" : "%s", text);
}

guint16 web_server_port(WebServer *web)
{
    LOCK_FOR_SCOPE(&web->lock);
    return web->front ? front_port(web->front, NULL) : 0;
}

char *web_server_address(WebServer *web)
{
    g_autofree char *host = host_text(&web->listen);
    guint16 port = web_server_port(web);
    return g_strdup_printf("http%s://%s:%u", web->is_tls ? "s" : "", host,
                           port > 0 ? port : listen_address_port(&web->listen));
}

char *web_server_fingerprint(WebServer *web)
{
    LOCK_FOR_SCOPE(&web->lock);
    return web->tls ? tls_context_fingerprint(web->tls) : NULL;
}

gboolean web_server_check(WebServer *web, GError **error)
{
    LOCK_FOR_SCOPE(&web->lock);
    if (web->front)
        return front_port(web->front, error) > 0;
    if (web->problem)
        g_propagate_error(error, g_error_copy(web->problem));
    else
        error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "wait a moment",
                  "the web server has not started yet");
    return FALSE;
}
