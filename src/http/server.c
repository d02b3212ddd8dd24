/* Lifecycle of the server: start, who may connect how often, and a stop that loses no answer. */
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "foundation/error.h"
#include "http/connection_watch.h"
#include "http/exchange.h"
#include "http/lock.h"
#include "http/security_headers.h"
#include "http/static_files.h"
#include "http/unix_listener.h"
#include "http/worker_pool.h"

#define CONNECTION_MEMORY_BYTES ((size_t)32 * 1024)

struct HttpServer {
    HttpServerConfig config;
    char *socket_path;
    ExchangeHost host;
    struct MHD_Daemon *daemon;
    int listen_fd; /* -1: none, or once quiesced */
    WorkerPool *quick, *waiting;
    ConnectionWatch *watch;
    pthread_mutex_t
        lock; /* protects what follows; taken before a pool's lock, never together with another */
    pthread_cond_t idle; /* running has become 0 */
    gboolean stopping;
    guint running;       /* exchanges that have begun and not ended */
    GHashTable *by_user; /* uid -> connections, of users other than root */
    guint of_others;     /* their sum */
};

void http_server_config_init(HttpServerConfig *config)
{
    *config = (HttpServerConfig){
        .socket_threads = 2,
        .quick_workers = 2,
        .waiting_workers = 8,
        .connection_limit = 512,
        .user_limit = 128,
        .idle_seconds = 30,
        .drain_seconds = 5,
    };
}

static gboolean submit(gpointer exchange, Waits waits, gpointer user_data)
{
    HttpServer *server = user_data;
    LOCK_FOR_SCOPE(&server->lock);
    if (server->stopping)
        return FALSE;
    worker_pool_push(waits == WAITS_FOR_NOTHING ? server->quick : server->waiting, exchange);
    return TRUE;
}

static void exchange_begun(gpointer user_data)
{
    HttpServer *server = user_data;
    LOCK_FOR_SCOPE(&server->lock);
    server->running++;
}

static void exchange_ended(gpointer user_data)
{
    HttpServer *server = user_data;
    LOCK_FOR_SCOPE(&server->lock);
    if (--server->running == 0)
        pthread_cond_broadcast(&server->idle);
}

static void expect(struct MHD_Connection *connection, ConnectionDebt debt, gpointer user_data)
{
    HttpServer *server = user_data;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info && info->socket_context)
        connection_watch_expect(server->watch, info->socket_context, debt);
}

static void run_exchange(gpointer exchange, gpointer user_data)
{
    (void)user_data;
    exchange_run(exchange);
}

/* Whose connection it is: the kernel says so for the unix socket, the front for what it handed
 * over.
 */
static Peer find_peer(const HttpServer *server, struct MHD_Connection *connection, int fd)
{
    if (server->config.socket_path)
        return peer_from_socket(fd);
    const struct sockaddr *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    return peer_from_address(address,
                             address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                            : sizeof(struct sockaddr_in),
                             server->config.is_secure);
}

/*
 * One user must not take all connections, and all users together not those that root needs. FALSE:
 * this is one too many.
 */
static gboolean count_connection(HttpServer *server, const Peer *peer, int by)
{
    if (!peer->is_unix || (peer->is_known && peer->uid == 0))
        return TRUE;
    LOCK_FOR_SCOPE(&server->lock);
    gpointer user = GUINT_TO_POINTER(peer->uid);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(server->by_user, user)) + (guint)by;
    server->of_others += (guint)by;
    if (count > 0)
        g_hash_table_insert(server->by_user, user, GUINT_TO_POINTER(count));
    else
        g_hash_table_remove(server->by_user, user);
    return count <= server->config.user_limit &&
           server->of_others <= server->config.connection_limit / 2;
}

/* The library takes no "no" here: a socket that is shut down reads as closed, and it ends the
 * connection itself. */
static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    HttpServer *server = data;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        Peer peer = find_peer(server, connection, fd);
        *context = connection_watch_add(server->watch, fd, &peer);
        if (!count_connection(server, &peer, 1))
            shutdown(fd, SHUT_RDWR);
        return;
    }
    WatchedConnection *closed = g_steal_pointer(context);
    count_connection(server, &closed->peer, -1);
    connection_watch_remove(server->watch, closed);
}

/* What the library has to say is about clients that misbehave. */
static void log_library(void *data, const char *format, va_list arguments) G_GNUC_PRINTF(2, 0);
static void log_library(void *data, const char *format, va_list arguments)
{
    (void)data;
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    g_debug("%s", g_strchomp(text));
}

static HttpServer *server_new(const HttpServerConfig *config, const Api *api, const Route *routes,
                              gsize route_count)
{
    HttpServer *server = g_new0(HttpServer, 1);
    server->config = *config;
    server->socket_path = g_strdup(config->socket_path);
    server->listen_fd = -1;
    server->by_user = g_hash_table_new(NULL, NULL);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    server->host =
        (ExchangeHost){.api = api,
                       .routes = routes,
                       .route_count = route_count,
                       .submit = submit,
                       .begun = exchange_begun,
                       .ended = exchange_ended,
                       .expect = expect,
                       .find_other = config->serves_page ? static_files_answer : NULL,
                       .headers = config->serves_page ? security_headers(config->is_secure) : NULL,
                       .user_data = server};
    return server;
}

static gboolean start_workers(HttpServer *server, GError **error)
{
    server->watch =
        connection_watch_new(server->config.request_seconds, server->config.answer_seconds, error);
    if (!server->watch)
        return FALSE;
    server->quick = worker_pool_new(server->config.quick_workers, run_exchange, NULL, error);
    if (server->quick)
        server->waiting =
            worker_pool_new(server->config.waiting_workers, run_exchange, NULL, error);
    return server->waiting != NULL;
}

static gboolean start_library(HttpServer *server, GError **error)
{
    const HttpServerConfig *config = &server->config;
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                           MHD_USE_ERROR_LOG | MHD_ALLOW_UPGRADE |
                           (config->socket_path ? 0 : MHD_USE_NO_LISTEN_SOCKET);
    const struct MHD_OptionItem listening[] = {
        {config->socket_path ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_END, server->listen_fd, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    /* clang-format off */
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_on_access, &server->host,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_ARRAY, listening,
        MHD_OPTION_THREAD_POOL_SIZE, config->socket_threads,
        MHD_OPTION_CONNECTION_LIMIT, config->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, config->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, &server->host,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, &server->host,
        MHD_OPTION_END);
    /* clang-format on */
    if (!server->daemon)
        return error_set(error, UNDERPIN_ERROR_BACKEND, "the log of underpind says more",
                         "the HTTP server does not start%s%s", server->socket_path ? " at " : "",
                         server->socket_path ? server->socket_path : "");
    return TRUE;
}

HttpServer *http_server_start(const HttpServerConfig *config, const Api *api, const Route *routes,
                              gsize route_count, GError **error)
{
    g_autoptr(HttpServer) server = server_new(config, api, routes, route_count);
    if (config->socket_path)
        server->listen_fd = unix_listener_open(config->socket_path, error);
    if ((config->socket_path && server->listen_fd < 0) || !start_workers(server, error) ||
        !start_library(server, error))
        return NULL;
    return g_steal_pointer(&server);
}

void http_server_adopt(HttpServer *server, int fd, const struct sockaddr *address, socklen_t length)
{
    LOCK_FOR_SCOPE(&server->lock);
    if (server->stopping)
        close(fd);
    else
        MHD_add_connection(server->daemon, fd, address, length);
}

void http_server_quiesce(HttpServer *server)
{
    {
        LOCK_FOR_SCOPE(&server->lock);
        server->stopping = TRUE;
    }
    if (server->listen_fd < 0)
        return;
    unlink(server->socket_path);
    if (server->daemon)
        MHD_quiesce_daemon(server->daemon);
    close(server->listen_fd);
    server->listen_fd = -1;
}

/* Answers that are made are on their way; a client that does not take its own is not waited for. */
static void wait_until_idle(HttpServer *server)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += server->config.drain_seconds;
    LOCK_FOR_SCOPE(&server->lock);
    while (server->running > 0 &&
           pthread_cond_timedwait(&server->idle, &server->lock, &until) != ETIMEDOUT)
        continue;
}

static void end_what_has_no_end(const Api *api)
{
    event_stream_close(api->events);
    if (api->consoles)
        consoles_close(api->consoles);
}

static void server_release(HttpServer *server)
{
    connection_watch_free(server->watch);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    g_hash_table_unref(server->by_user);
    g_free(server->socket_path);
    g_free(server);
}

void http_server_free(HttpServer *server)
{
    if (!server)
        return;
    http_server_quiesce(server);
    if (server->daemon)
        end_what_has_no_end(server->host.api);
    worker_pool_free(server->waiting);
    worker_pool_free(server->quick);
    if (server->daemon) {
        wait_until_idle(server);
        MHD_stop_daemon(server->daemon);
    }
    server_release(server);
}
