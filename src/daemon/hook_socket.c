/*
 * Implements the hook's socket.
 *
 * Requests of one machine are served one after another: a hook that gave up sends `dropped` behind
 * its own question, and the engine must hear the two in this order.
 */
#include "daemon/hook_socket.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "foundation/error.h"
#include "foundation/ids.h"

enum {
    THREAD_LIMIT = 32,
    BACKLOG = 128,
    LINE_LIMIT = 256,
    ANSWER_LIMIT = 300,
    PEER_TIMEOUT_SECONDS = 2
};

struct HookSocket {
    Engine *engine;
    char *path;
    GSocketService *service;
    gboolean owns_path; /* the socket file is ours to remove */
    GMutex mutex;       /* protects what follows; never held over a call of the engine */
    GCond changed;
    GHashTable *busy; /* ids of machines with a request in progress */
    guint in_progress;
};

typedef struct {
    HookSocket *hook_socket;
    const char *machine_id, *uuid;
    const char
        *stamp; /* of saved memory; "": it carries none, or the hook program is an older one */
    GOutputStream *output;
} Question;

/* --- one machine at a time
 * ---------------------------------------------------------------------------------- */

static void take_machine(HookSocket *hook_socket, const char *machine_id)
{
    g_mutex_lock(&hook_socket->mutex);
    while (!g_hash_table_add(hook_socket->busy, g_strdup(machine_id)))
        g_cond_wait(&hook_socket->changed, &hook_socket->mutex);
    g_mutex_unlock(&hook_socket->mutex);
}

static void let_machine_go(HookSocket *hook_socket, const char *machine_id)
{
    g_mutex_lock(&hook_socket->mutex);
    g_hash_table_remove(hook_socket->busy, machine_id);
    g_cond_broadcast(&hook_socket->changed);
    g_mutex_unlock(&hook_socket->mutex);
}

static void count_request(HookSocket *hook_socket, int change)
{
    g_mutex_lock(&hook_socket->mutex);
    hook_socket->in_progress += (guint)change;
    g_cond_broadcast(&hook_socket->changed);
    g_mutex_unlock(&hook_socket->mutex);
}

/* --- words
 * --------------------------------------------------------------------------------------------------
 */

/* One line that a terminal shows as it is. Caller frees. */
static char *one_short_line(const char *message)
{
    g_autofree char *line = g_utf8_make_valid(message, -1);
    for (char *at = line; *at; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    if (strlen(line) <= ANSWER_LIMIT)
        return g_steal_pointer(&line);
    *g_utf8_find_prev_char(line, line + ANSWER_LIMIT) = '\0';
    return g_strconcat(line, "…", NULL);
}

static gboolean answer(const Question *question, const GError *refusal)
{
    g_autofree char *reason = refusal ? one_short_line(refusal->message) : NULL;
    g_autofree char *line = reason ? g_strdup_printf("refuse\t%s\n", reason) : g_strdup("ok\n");
    return g_output_stream_write_all(question->output, line, strlen(line), NULL, NULL, NULL);
}

/* A hook that is not there any more to hear "ok" has refused the start itself. */
static void ask_engine(const Question *question, const char *memory)
{
    g_autoptr(GError) refusal = NULL;
    gboolean allowed = engine_hook_may_start(question->hook_socket->engine, question->machine_id,
                                             question->uuid, memory, &refusal);
    if (!answer(question, allowed ? NULL : refusal) && allowed)
        engine_hook_released(question->hook_socket->engine, question->machine_id);
}

static void serve_prepare(const Question *question)
{
    ask_engine(question, NULL);
}

static void serve_restore(const Question *question)
{
    ask_engine(question, question->stamp);
}

static void serve_started(const Question *question)
{
    engine_hook_started(question->hook_socket->engine, question->machine_id);
}

/* Also of a start that came to nothing: the engine knows whether there was a session to settle. */
static void serve_released(const Question *question)
{
    engine_hook_released(question->hook_socket->engine, question->machine_id);
}

static const struct {
    const char *word;
    void (*serve)(const Question *question);
} words[] = {
    {"prepare", serve_prepare},   {"restore", serve_restore},  {"started", serve_started},
    {"released", serve_released}, {"dropped", serve_released},
};

static gboolean serve_word(const char *word, const Question *question)
{
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i].word, word) != 0)
            continue;
        take_machine(question->hook_socket, question->machine_id);
        words[i].serve(question);
        let_machine_go(question->hook_socket, question->machine_id);
        return TRUE;
    }
    return FALSE;
}

static void serve_line(HookSocket *hook_socket, const char *line, GOutputStream *output)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", 5);
    g_autoptr(GError) error = NULL;
    guint count = g_strv_length(fields);
    gboolean is_request = (count == 3 || count == 4) && id_is_valid(fields[1]);
    const Question question = {hook_socket, is_request ? fields[1] : NULL,
                               is_request ? fields[2] : NULL, count == 4 ? fields[3] : "", output};
    if (is_request && serve_word(fields[0], &question))
        return;
    error_set(&error, UNDERPIN_ERROR_INVALID, NULL,
              "underpind does not understand its hook program: versions differ?");
    answer(&question, error);
}

/* --- connections
 * --------------------------------------------------------------------------------------------- */

/* The line without its end; NULL where none comes whole. Caller frees. */
static char *read_line(GInputStream *input)
{
    char line[LINE_LIMIT + 1];
    gsize length = 0;
    while (length < LINE_LIMIT) {
        gssize got = g_input_stream_read(input, line + length, LINE_LIMIT - length, NULL, NULL);
        if (got <= 0)
            return NULL;
        length += (gsize)got;
        char *end = memchr(line, '\n', length);
        if (end)
            return g_strndup(line, (gsize)(end - line));
    }
    return NULL;
}

/* The socket's mode says the same; this also covers the moment before the mode is set. */
static gboolean peer_is_trusted(GSocket *socket)
{
    g_autoptr(GCredentials) credentials = g_socket_get_credentials(socket, NULL);
    uid_t user = credentials ? g_credentials_get_unix_user(credentials, NULL) : (uid_t)-1;
    return user == 0 || user == geteuid();
}

static gboolean serve_connection(GThreadedSocketService *service, GSocketConnection *connection,
                                 GObject *source, gpointer user_data)
{
    HookSocket *hook_socket = user_data;
    GSocket *socket = g_socket_connection_get_socket(connection);
    (void)service, (void)source;
    g_socket_set_timeout(socket, PEER_TIMEOUT_SECONDS);
    if (peer_is_trusted(socket)) {
        g_autofree char *line = read_line(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
        if (line)
            serve_line(hook_socket, line, g_io_stream_get_output_stream(G_IO_STREAM(connection)));
    }
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    count_request(hook_socket, -1);
    return TRUE;
}

/* On the main context, before a thread takes the connection: hook_socket_free() must know of those
 * that still wait. */
static gboolean count_connection(GSocketService *service, GSocketConnection *connection,
                                 GObject *source, gpointer user_data)
{
    (void)service, (void)connection, (void)source;
    count_request(user_data, 1);
    return FALSE;
}

/* --- the socket file
 * ------------------------------------------------------------------------------------------ */

static gboolean somebody_listens(const char *path)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    return connection != NULL;
}

static gboolean clear_path(const char *path, GError **error)
{
    GStatBuf status;
    if (g_lstat(path, &status) != 0)
        return errno == ENOENT || error_set_errno(error, errno, "cannot look at '%s'", path);
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, UNDERPIN_ERROR_EXISTS, "move it away",
                         "'%s' is in the way of the hook's socket", path);
    if (somebody_listens(path))
        return error_set(error, UNDERPIN_ERROR_EXISTS, "stop the other underpind first",
                         "another underpind listens on '%s'", path);
    return g_unlink(path) == 0 || errno == ENOENT ||
           error_set_errno(error, errno, "cannot remove the old socket '%s'", path);
}

static gboolean make_directory_of(const char *path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(path);
    return g_mkdir_with_parents(directory, 0755) == 0 ||
           error_set_errno(error, errno, "cannot make the directory '%s'", directory);
}

static gboolean check_length(const char *path, GError **error)
{
    static const gsize limit = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    return strlen(path) <= limit ||
           error_set(error, UNDERPIN_ERROR_INVALID, "choose a shorter path",
                     "'%s' is too long for a unix socket", path);
}

static gboolean start_listening(HookSocket *hook_socket, GError **error)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(hook_socket->path);
    g_socket_listener_set_backlog(G_SOCKET_LISTENER(hook_socket->service), BACKLOG);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(hook_socket->service), address,
                                       G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL,
                                       error)) {
        g_prefix_error(error, "cannot listen on '%s': ", hook_socket->path);
        return FALSE;
    }
    hook_socket->owns_path = TRUE;
    if (g_chmod(hook_socket->path, 0600) != 0)
        return error_set_errno(error, errno, "cannot set the mode of '%s'", hook_socket->path);
    g_signal_connect(hook_socket->service, "incoming", G_CALLBACK(count_connection), hook_socket);
    g_signal_connect(hook_socket->service, "run", G_CALLBACK(serve_connection), hook_socket);
    return TRUE;
}

HookSocket *hook_socket_new(const char *path, Engine *engine, GError **error)
{
    if (!check_length(path, error) || !make_directory_of(path, error) || !clear_path(path, error))
        return NULL;
    g_autoptr(HookSocket) hook_socket = g_new0(HookSocket, 1);
    hook_socket->engine = engine;
    hook_socket->path = g_strdup(path);
    hook_socket->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    hook_socket->service = g_threaded_socket_service_new(THREAD_LIMIT);
    g_mutex_init(&hook_socket->mutex);
    g_cond_init(&hook_socket->changed);
    return start_listening(hook_socket, error) ? g_steal_pointer(&hook_socket) : NULL;
}

static void wait_for_requests(HookSocket *hook_socket)
{
    g_mutex_lock(&hook_socket->mutex);
    while (hook_socket->in_progress > 0)
        g_cond_wait(&hook_socket->changed, &hook_socket->mutex);
    g_mutex_unlock(&hook_socket->mutex);
}

void hook_socket_free(HookSocket *hook_socket)
{
    if (!hook_socket)
        return;
    if (hook_socket->owns_path)
        g_unlink(hook_socket->path);
    g_socket_service_stop(hook_socket->service);
    g_socket_listener_close(G_SOCKET_LISTENER(hook_socket->service));
    wait_for_requests(hook_socket);
    g_object_unref(hook_socket->service);
    g_hash_table_unref(hook_socket->busy);
    g_mutex_clear(&hook_socket->mutex);
    g_cond_clear(&hook_socket->changed);
    g_free(hook_socket->path);
    g_free(hook_socket);
}
