/*
 * The life of one exchange:
 *
 *     target ─▶ headers ─▶ body ─▶ submitted ─▶ run by a worker ─▶ resumed ─▶ answered ─▶ completed
 *                  │         │     (suspended)
 *                  └─────────┴─▶ refused: the rest of the body is read and dropped, then answered
 *
 * A refused body is read to its end where that is cheap: closing a socket with unread bytes in it
 * can lose the answer on its way. The library calls exchange_on_access() again and again; only the
 * fields say where the exchange stands. One thread at a time touches them: the socket's until the
 * connection is suspended, the worker's until it is resumed.
 */
#include "http/exchange.h"

#include <string.h>

#include "foundation/error.h"
#include "http/compress.h"
#include "http/consoles.h"
#include "http/dispatch.h"

/* More than this of a refused body is not read: the connection is closed instead. */
#define DRAIN_LIMIT_BYTES ((guint64)16 * 1024 * 1024)
#define EVENT_BLOCK_BYTES (16 * 1024)

enum { STATUS_NOT_FOUND = 404, STATUS_TOO_LARGE = 413, STATUS_MEDIA_TYPE = 415 };

typedef struct {
    const ExchangeHost *host;
    struct MHD_Connection *connection;
    char *target;           /* raw, with the query */
    HttpRequest *request;   /* NULL before the headers */
    const Route *route;     /* NULL: refused, or not known yet */
    HttpResponse *response; /* NULL: not decided yet */
    gint64 begun_at_us;
    guint64 dropped_bytes;
} Exchange;

void *exchange_on_target(void *data, const char *target, struct MHD_Connection *connection)
{
    const ExchangeHost *host = data;
    Exchange *exchange = g_new0(Exchange, 1);
    exchange->host = host;
    exchange->connection = connection;
    exchange->target = g_strdup(target);
    exchange->begun_at_us = g_get_monotonic_time();
    host->begun(host->user_data);
    return exchange;
}

static void exchange_free(Exchange *exchange)
{
    http_request_free(exchange->request);
    http_response_free(exchange->response);
    g_free(exchange->target);
    g_free(exchange);
}

void exchange_on_completed(void *data, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code)
{
    (void)code;
    const ExchangeHost *host = data;
    if (!*context)
        return;
    exchange_free(g_steal_pointer(context));
    host->expect(connection, CONNECTION_OWES_REQUEST, host->user_data);
    host->ended(host->user_data);
}

static const char *header(const Exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

static Peer exchange_peer(const Exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const WatchedConnection *connection = info ? info->socket_context : NULL;
    return connection ? connection->peer : (Peer){.is_known = FALSE};
}

static void exchange_refuse(Exchange *exchange, unsigned status, UnderpinErrorCode code,
                            const char *hint, const char *message)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, code, hint, "%s", message);
    http_response_free(exchange->response);
    exchange->response = http_response_problem_status(status, error);
}

static void refuse_size(Exchange *exchange)
{
    exchange_refuse(exchange, STATUS_TOO_LARGE, UNDERPIN_ERROR_INVALID, "split the request",
                    "the body is larger than 1 MiB");
}

/* "application/json", with or without parameters. */
static gboolean is_json_type(const char *type)
{
    static const char json[] = "application/json";
    gsize length = type ? strcspn(type, "; \t") : 0;
    return length == sizeof json - 1 && g_ascii_strncasecmp(type, json, length) == 0;
}

/* Content-Length as the library has accepted it; 0 where there is none. */
static guint64 stated_length(const Exchange *exchange)
{
    const char *text = header(exchange, "Content-Length");
    guint64 length = 0;
    if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &length, NULL))
        return G_MAXUINT64;
    return length;
}

static void check_body_headers(Exchange *exchange)
{
    if (exchange->response)
        return;
    if (stated_length(exchange) > HTTP_BODY_LIMIT_BYTES)
        refuse_size(exchange);
    else if (exchange->route->takes_body && !is_json_type(header(exchange, "Content-Type")))
        exchange_refuse(exchange, STATUS_MEDIA_TYPE, UNDERPIN_ERROR_UNSUPPORTED,
                        "send Content-Type: application/json", "the body is not said to be JSON");
}

/* All of them: the library's memory for a connection bounds their size. */
static enum MHD_Result take_header(void *request, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    if (value)
        http_request_add_header(request, name, value);
    return MHD_YES;
}

static void find_route(Exchange *exchange)
{
    const ExchangeHost *host = exchange->host;
    const char *query = strchr(exchange->target, '?');
    exchange->route = router_match(host->routes, host->route_count, exchange->request,
                                   query ? query + 1 : NULL, &exchange->response);
    if (exchange->route || !host->find_other || exchange->response->status != STATUS_NOT_FOUND)
        return;
    HttpResponse *other = host->find_other(exchange->request);
    if (!other)
        return;
    http_response_free(exchange->response);
    exchange->response = other;
}

static void read_headers(Exchange *exchange, const char *method)
{
    exchange->request = http_request_new(method, exchange->target);
    exchange->request->peer = exchange_peer(exchange);
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, take_header,
                              exchange->request);
    find_route(exchange);
    check_body_headers(exchange);
}

static ssize_t read_events(void *reader, uint64_t position, char *buffer, size_t size)
{
    (void)position;
    gssize length = event_reader_read(reader, buffer, size);
    return length < 0 ? MHD_CONTENT_READER_END_OF_STREAM : length;
}

static void free_reader(void *reader)
{
    event_reader_free(reader);
}

static void suspend(gpointer connection)
{
    MHD_suspend_connection(connection);
}

static void resume(gpointer connection)
{
    MHD_resume_connection(connection);
}

/* A browser sends the header when it resumes a stream by itself; a page that opens a new one cannot
 * send it. */
static const char *last_event_id(const HttpRequest *request)
{
    const char *header = http_request_header(request, "Last-Event-ID");
    return header ? header : http_request_query(request, "after");
}

/* NULL where there are too many streams: exchange->response then says so. */
static struct MHD_Response *event_response(Exchange *exchange)
{
    g_autoptr(GError) error = NULL;
    EventReader *reader = event_reader_new(exchange->host->api->events, exchange->request->identity,
                                           last_event_id(exchange->request), suspend, resume,
                                           exchange->connection, &error);
    if (reader)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BLOCK_BYTES, read_events,
                                                 reader, free_reader);
    http_response_free(exchange->response);
    exchange->response = http_response_problem(error);
    return NULL;
}

static void end_upgrade(gpointer handle)
{
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static void on_upgrade(void *data, struct MHD_Connection *connection, void *context,
                       const char *extra, size_t extra_size, MHD_socket socket,
                       struct MHD_UpgradeResponseHandle *handle)
{
    Exchange *exchange = data;
    (void)connection;
    (void)context;
    console_start(g_steal_pointer(&exchange->response->console), socket, extra, extra_size,
                  end_upgrade, handle);
}

static void unref_body(void *body)
{
    g_bytes_unref(body);
}

static struct MHD_Response *body_response(const HttpResponse *response)
{
    gsize length = 0;
    const void *bytes = response->body ? g_bytes_get_data(response->body, &length) : NULL;
    if (length == 0)
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer_with_free_callback_cls(length, (void *)bytes, unref_body,
                                                                  g_bytes_ref(response->body));
}

/* What the handler has set itself goes before what every answer says. */
static void add_headers(struct MHD_Response *answer, const ExchangeHost *host,
                        const HttpResponse *response)
{
    const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Type", response->content_type},
        {"Connection", response->closes ? "close" : NULL},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(headers); i++) {
        if (headers[i].value && !http_response_header(response, headers[i].name))
            MHD_add_response_header(answer, headers[i].name, headers[i].value);
    }
    for (const NamedHeader *each = host->headers; each && each->name; each++)
        MHD_add_response_header(answer, each->name, each->value);
    for (guint i = 0; i < response->headers->len; i += 2)
        MHD_add_response_header(answer, response->headers->pdata[i],
                                response->headers->pdata[i + 1]);
}

static struct MHD_Response *make_answer(Exchange *exchange)
{
    if (exchange->response->console)
        return MHD_create_response_for_upgrade(on_upgrade, exchange);
    struct MHD_Response *answer =
        exchange->response->opens_events ? event_response(exchange) : NULL;
    return answer ? answer : body_response(exchange->response);
}

/* A stream, or a console, has no end that its client would have to reach. */
static ConnectionDebt debt_of(const HttpResponse *response)
{
    return response->opens_events || response->console ? CONNECTION_OWES_NOTHING
                                                       : CONNECTION_OWES_READING;
}

static enum MHD_Result exchange_answer(Exchange *exchange)
{
    struct MHD_Response *answer = make_answer(exchange);
    if (!answer)
        return MHD_NO;
    add_headers(answer, exchange->host, exchange->response);
    exchange->host->expect(exchange->connection, debt_of(exchange->response),
                           exchange->host->user_data);
    enum MHD_Result result =
        MHD_queue_response(exchange->connection, exchange->response->status, answer);
    MHD_destroy_response(answer);
    http_metrics_note(exchange->host->api->metrics, exchange->route, exchange->response->status,
                      g_get_monotonic_time() - exchange->begun_at_us);
    return result;
}

/* Whether to answer a refused request before its body has come: it waits for a "100 Continue", or
 * is endless. */
static gboolean must_answer_early(const Exchange *exchange)
{
    return exchange->response &&
           (header(exchange, "Expect") || stated_length(exchange) > DRAIN_LIMIT_BYTES);
}

static enum MHD_Result exchange_begin(Exchange *exchange, const char *method)
{
    read_headers(exchange, method);
    if (!must_answer_early(exchange))
        return MHD_YES;
    exchange->response->closes = TRUE;
    return exchange_answer(exchange);
}

static enum MHD_Result take_body(Exchange *exchange, const char *data, size_t *size)
{
    GByteArray *body = exchange->request->body;
    if (!exchange->response && body->len + *size > HTTP_BODY_LIMIT_BYTES)
        refuse_size(exchange);
    if (exchange->response)
        exchange->dropped_bytes += *size;
    else
        g_byte_array_append(body, (const guint8 *)data, (guint)*size);
    *size = 0;
    return exchange->dropped_bytes > DRAIN_LIMIT_BYTES ? MHD_NO : MHD_YES;
}

static void refuse_unexpected_body(Exchange *exchange)
{
    if (!exchange->response && !exchange->route->takes_body && exchange->request->body->len > 0)
        exchange_refuse(exchange, error_code_http_status(UNDERPIN_ERROR_INVALID),
                        UNDERPIN_ERROR_INVALID, "send it without one",
                        "this address takes no body");
}

static enum MHD_Result exchange_submit(Exchange *exchange)
{
    const ExchangeHost *host = exchange->host;
    host->expect(exchange->connection, CONNECTION_OWES_NOTHING, host->user_data);
    MHD_suspend_connection(exchange->connection);
    if (host->submit(exchange, exchange->route->waits, host->user_data))
        return MHD_YES;
    exchange_refuse(exchange, error_code_http_status(UNDERPIN_ERROR_UNAVAILABLE),
                    UNDERPIN_ERROR_UNAVAILABLE, "try again when it has started again",
                    "the daemon is stopping");
    exchange->response->closes = TRUE;
    MHD_resume_connection(exchange->connection);
    return MHD_YES;
}

void exchange_run(gpointer data)
{
    Exchange *exchange = data;
    exchange->response = dispatch(exchange->host->api, exchange->route, exchange->request);
    response_compress(exchange->response, exchange->request);
    MHD_resume_connection(exchange->connection);
}

enum MHD_Result exchange_on_access(void *host, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload_data,
                                   size_t *upload_size, void **context)
{
    (void)host;
    (void)connection;
    (void)url;
    (void)version;
    Exchange *exchange = *context;
    if (!exchange->request)
        return exchange_begin(exchange, method);
    if (*upload_size > 0)
        return take_body(exchange, upload_data, upload_size);
    refuse_unexpected_body(exchange);
    return exchange->response ? exchange_answer(exchange) : exchange_submit(exchange);
}
