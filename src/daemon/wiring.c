/*
 * Start and stop, in the order that keeps machines safe:
 *
 *     run directory ─▶ catalog ─▶ store (its lock: one daemon a store) ─▶ hook program
 *         ─▶ host (connects by itself) ─▶ engine, queue ─▶ hook socket
 *         ─▶ engine_open: settle what a crash left ─▶ workers ─▶ API
 *
 * The hook socket is there before anything is settled: a hook that asks while the engine opens
 * waits in the socket's queue for its answer, and refuses the start where that takes too long. A
 * stop goes the other way round: the main context goes on answering hooks until the last machine
 * has been left alone, so the queue is stopped on a thread of its own meanwhile.
 */
#include "daemon/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "daemon/accounts_backup.h"
#include "daemon/hook_install.h"
#include "daemon/hook_socket.h"
#include "foundation/error.h"
#include "http/event_bridge.h"
#include "http/handlers.h"
#include "http/routes.h"
#include "http/server.h"
#include "http/static_files.h"
#include "http/web_server.h"
#include "hypervisor/libvirt/libvirt_hypervisor.h"
#include "storage/directory/directory_storage.h"

struct Wiring {
    const Config *config;
    int run_lock;     /* -1: not held */
    Catalog *catalog; /* these five belong to the engine once it is made */
    Storage *storage;
    Hypervisor *hypervisor;
    Claims *claims;
    Clock *clock;
    Clock *access_clock; /* of its own, for it outlives the engine */
    Access *access;
    gboolean accounts_missing; /* their file, beside a catalog that has been used */
    Engine *engine;
    Jobs *jobs;
    HookSocket *hook_socket;
    Api api;
    HttpServer *server;
    WebServer *web; /* NULL: switched off */
    GThread *stopper;
    WiringDone done;
    gpointer done_data;
    GMainContext *done_context;
};

/* --- directories ---------------------------------------------------------------------------- */

static gboolean make_directory(const char *path, guint32 mode, GError **error)
{
    if (g_mkdir_with_parents(path, (int)mode) != 0)
        return error_set_errno(error, errno, "making the directory '%s'", path);
    return TRUE;
}

/* Two daemons with one run directory would take each other's sockets for stale ones. */
static gboolean lock_run_directory(Wiring *wiring, GError **error)
{
    const char *directory = wiring->config->run_directory;
    g_autofree char *path = g_build_filename(directory, "underpin.lock", NULL);
    wiring->run_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (wiring->run_lock < 0)
        return error_set_errno(error, errno, "opening '%s'", path);
    if (flock(wiring->run_lock, LOCK_EX | LOCK_NB) == 0)
        return TRUE;
    if (errno != EWOULDBLOCK)
        return error_set_errno(error, errno, "locking '%s'", path);
    return error_set(error, UNDERPIN_ERROR_BUSY,
                     "stop it, or give this one a run directory, a store and a catalog of its own",
                     "another underpind runs with '%s'", directory);
}

static gboolean prepare_directories(Wiring *wiring, GError **error)
{
    const Config *config = wiring->config;
    g_autofree char *claims = config_claims_directory(config);
    g_autofree char *catalog_directory = g_path_get_dirname(config->catalog_path);
    return make_directory(config->run_directory, 0755, error) &&
           lock_run_directory(wiring, error) && make_directory(claims, 0700, error) &&
           make_directory(catalog_directory, 0700, error);
}

/* --- ports ---------------------------------------------------------------------------------- */

/* A store is made for a new catalog only: an empty directory where the store should be is one that
 * is not mounted. */
static gboolean open_store(Wiring *wiring, GError **error)
{
    const Config *config = wiring->config;
    g_autofree char *hook_socket = config_hook_socket(config);
    g_autofree char *claims = config_claims_directory(config);
    DirectoryStorageConfig storage = {
        .root = config->store_directory,
        .import_directories = (const char *const *)config->import_directories,
        .hook_socket = hook_socket,
        .claims_directory = claims,
        .mount_layers = config->require_hook, /* without it, for tests, the host stays as it is */
    };
    if (!catalog_sqlite_is_new(wiring->catalog, &storage.create, error))
        return FALSE;
    wiring->storage = directory_storage_open(&storage, error);
    return wiring->storage != NULL;
}

/* A daemon without its hook can still be looked at: the engine finds the hook missing, says so, and
 * changes nothing. */
static void install_hook(const Config *config)
{
    g_autoptr(GError) error = NULL;
    gboolean changed = FALSE;
    if (!config->require_hook)
        return;
    if (!hook_install(config->hook_program, config->hooks_directory, &changed, &error) ||
        (changed && !hook_reload_libvirt(&error)))
        g_warning("the start hook is not in force: %s", error->message);
}

/* Installed, but not in force: libvirtd may not have looked since, or somebody has put it away. */
static void mend_hook(gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    install_hook(user_data);
    if (!hook_reload_libvirt(&error))
        g_warning("the start hook is not in force: %s", error->message);
}

static gboolean open_ports(Wiring *wiring, GError **error)
{
    g_autofree char *claims = config_claims_directory(wiring->config);
    wiring->catalog = catalog_sqlite_new(wiring->config->catalog_path, error);
    if (!wiring->catalog || !open_store(wiring, error))
        return FALSE;
    install_hook(wiring->config);
    wiring->claims = claims_new_directory(claims);
    wiring->clock = clock_new_system();
    wiring->hypervisor = libvirt_hypervisor_new(wiring->config->libvirt_uri, error);
    return wiring->hypervisor != NULL;
}

/* --- engine and queue ----------------------------------------------------------------------- */

static void make_engine(Wiring *wiring)
{
    const Config *config = wiring->config;
    EngineConfig engine;
    engine_config_init(&engine);
    engine.undo_retention_seconds = (gint64)config->undo_retention_seconds;
    engine.undo_budget_percent = config->undo_budget_percent;
    engine.free_floor_bytes = config->free_floor_bytes;
    engine.chain_limit = config->chain_limit;
    engine.require_hook = config->require_hook;
    engine.mend_hook = config->require_hook ? mend_hook : NULL;
    engine.mend_data = (gpointer)config;
    engine.back_up_beside = accounts_backup;
    engine.take_back_beside = accounts_backup_take_back;
    engine.back_up_data = wiring->access;
    engine.store_root = directory_storage_root(wiring->storage);
    wiring->engine = engine_new(wiring->storage, wiring->hypervisor, wiring->catalog,
                                wiring->claims, wiring->clock, &engine);
    wiring->jobs = jobs_new(wiring->engine, wiring->catalog, wiring->clock, config->workers);
    jobs_set_history(wiring->jobs, (gint64)config->job_retention_seconds, config->job_limit);
}

static void on_host_event(HypervisorEvent event, const char *uuid, gpointer user_data)
{
    jobs_domain_event(user_data, event, uuid);
}

/* The host connects by itself and may have done so before it was listened to. */
static void listen_to_host(Wiring *wiring)
{
    hypervisor_listen(wiring->hypervisor, on_host_event, wiring->jobs);
    if (hypervisor_ping(wiring->hypervisor, NULL))
        jobs_domain_event(wiring->jobs, HYPERVISOR_FOUND, NULL);
}

static gboolean open_engine(Wiring *wiring, GError **error)
{
    g_autofree char *hook_socket = config_hook_socket(wiring->config);
    wiring->hook_socket = hook_socket_new(hook_socket, wiring->engine, error);
    if (!wiring->hook_socket || !engine_open(wiring->engine, error))
        return FALSE;
    g_autoptr(GError) question = engine_question(wiring->engine);
    if (question)
        g_warning("nothing is changed until 'underpin doctor' has been answered: %s",
                  question->message);
    return TRUE;
}

/* --- API ------------------------------------------------------------------------------------ */

/* What is wrong in the configuration is said at once, before anything is opened. */
static gboolean make_web(Wiring *wiring, GError **error)
{
    const Config *config = wiring->config;
    const WebServerConfig web = {
        .listen = config->web_listen,
        .tls = config->web_tls,
        .certificate = config->web_certificate,
        .key = config->web_key,
        .directory = config->web_directory,
        .connection_limit = config->web_connection_limit,
        .address_limit = config->web_address_limit,
    };
    if (!config->web_enabled)
        return TRUE;
    wiring->web = web_server_new(&web, error);
    return wiring->web != NULL;
}

static gboolean are_accounts_missing(const Wiring *wiring, const char *path)
{
    gboolean is_new = FALSE;
    gboolean missing = catalog_sqlite_is_new(wiring->catalog, &is_new, NULL) && !is_new &&
                       !g_file_test(path, G_FILE_TEST_EXISTS);
    if (missing)
        g_warning("the file of accounts '%s' is gone: accounts begin anew", path);
    return missing;
}

/* Accounts that cannot be used keep nobody from the unix socket, nor any machine from starting. */
static void open_access(Wiring *wiring)
{
    AccessConfig config;
    g_autofree char *path = config_accounts_path(wiring->config);
    access_config_init(&config);
    config.path = path;
    config.audit_retention_seconds = (gint64)wiring->config->audit_retention_seconds;
    wiring->access_clock = clock_new_system();
    wiring->accounts_missing = are_accounts_missing(wiring, path);
    wiring->access = access_open(&config, wiring->access_clock);
    const GError *problem = access_problem(wiring->access);
    if (problem)
        g_warning("%s; %s", problem->message, error_hint(problem));
}

/* The token is told here and by 'underpin account setup-link' only. */
static void log_setup_link(Wiring *wiring)
{
    gboolean is_needed = FALSE;
    if (!wiring->web || !access_needs_setup(wiring->access, &is_needed, NULL) || !is_needed)
        return;
    g_autofree char *token = access_new_setup_token(wiring->access, NULL);
    g_autofree char *address = web_server_address(wiring->web);
    if (!token)
        return;
    const int days = ACCESS_SETUP_SECONDS / (24 * 3600);
    if (static_files_have_page())
        g_message("there is no account for the web page yet: within %d days the first "
                  "administrator is made at %s/setup#%s",
                  days, address, token);
    else
        g_message("there is no account for the API yet: within %d days the first administrator is "
                  "made by POST %s/api/v1/setup with the token %s",
                  days, address, token);
}

static void make_api(Wiring *wiring)
{
    gsize count;
    const Route *routes = routes_all(&count);
    EventStreamConfig events;
    event_stream_config_init(&events);
    wiring->api = (Api){
        .engine = wiring->engine,
        .jobs = wiring->jobs,
        .access = wiring->access,
        .catalog = wiring->catalog,
        .hypervisor = wiring->hypervisor,
        .events = event_stream_new(&events),
        .metrics = http_metrics_new(routes, count),
        .tally = job_tally_new(),
        .accounts_missing = wiring->accounts_missing,
        .web = wiring->web,
        .store_path = directory_storage_root(wiring->storage),
        .administrators = wiring->config->administrators,
    };
}

/* Only the web page has consoles. */
static gboolean make_consoles(Wiring *wiring, GError **error)
{
    ConsolesConfig config;
    consoles_config_init(&config);
    config.may_stay = console_may_stay;
    config.user_data = &wiring->api;
    if (wiring->web)
        wiring->api.consoles = consoles_new(&config, error);
    return !wiring->web || wiring->api.consoles;
}

static gboolean start_server(Wiring *wiring, GError **error)
{
    gsize count;
    const Route *routes = routes_all(&count);
    g_autofree char *socket_path = config_api_socket(wiring->config);
    HttpServerConfig server;
    http_server_config_init(&server);
    server.socket_path = socket_path;
    server.connection_limit = wiring->config->connection_limit;
    wiring->server = http_server_start(&server, &wiring->api, routes, count, error);
    return wiring->server &&
           (!wiring->web || web_server_start(wiring->web, &wiring->api, routes, count, error));
}

Wiring *wiring_new(const Config *config, GError **error)
{
    g_autoptr(Wiring) wiring = g_new0(Wiring, 1);
    wiring->config = config;
    wiring->run_lock = -1;
    if (!make_web(wiring, error) || !prepare_directories(wiring, error) ||
        !open_ports(wiring, error))
        return NULL;
    open_access(wiring);
    make_engine(wiring);
    listen_to_host(wiring);
    make_api(wiring);
    if (!make_consoles(wiring, error) || !open_engine(wiring, error) ||
        !event_bridge_connect(&wiring->api, error) || !jobs_start(wiring->jobs, error) ||
        !start_server(wiring, error))
        return NULL;
    log_setup_link(wiring);
    return g_steal_pointer(&wiring);
}

/* --- reload and stop ------------------------------------------------------------------------- */

void wiring_reload(Wiring *wiring)
{
    if (wiring->web)
        web_server_reload(wiring->web);
}

static gboolean report_stopped(gpointer user_data)
{
    Wiring *wiring = user_data;
    g_thread_join(g_steal_pointer(&wiring->stopper));
    wiring->done(wiring->done_data);
    return G_SOURCE_REMOVE;
}

static gpointer run_stopper(gpointer user_data)
{
    Wiring *wiring = user_data;
    jobs_stop(wiring->jobs);
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, report_stopped, wiring, NULL);
    g_source_attach(source, wiring->done_context);
    return NULL;
}

void wiring_stop(Wiring *wiring, WiringDone done, gpointer user_data)
{
    wiring->done = done;
    wiring->done_data = user_data;
    wiring->done_context = g_main_context_get_thread_default();
    if (wiring->web)
        web_server_quiesce(wiring->web);
    http_server_quiesce(wiring->server);
    wiring->stopper = g_thread_new("stopper", run_stopper, wiring);
}

static void free_ports(Wiring *wiring)
{
    if (wiring->hypervisor)
        hypervisor_free(wiring->hypervisor);
    if (wiring->storage)
        storage_free(wiring->storage);
    if (wiring->catalog)
        catalog_free(wiring->catalog);
    if (wiring->claims)
        claims_free(wiring->claims);
    if (wiring->clock)
        clock_free(wiring->clock);
}

void wiring_free(Wiring *wiring)
{
    if (!wiring)
        return;
    if (wiring->engine)
        hypervisor_listen(wiring->hypervisor, NULL, NULL);
    if (wiring->jobs)
        jobs_stop(wiring->jobs);
    web_server_free(wiring->web);
    http_server_free(wiring->server);
    hook_socket_free(wiring->hook_socket);
    jobs_free(wiring->jobs);
    if (wiring->engine)
        engine_free(wiring->engine);
    else
        free_ports(wiring);
    consoles_free(wiring->api.consoles);
    event_stream_free(wiring->api.events);
    http_metrics_free(wiring->api.metrics);
    job_tally_free(wiring->api.tally);
    access_free(wiring->access);
    if (wiring->access_clock)
        clock_free(wiring->access_clock);
    if (wiring->run_lock >= 0)
        close(wiring->run_lock);
    g_free(wiring);
}
