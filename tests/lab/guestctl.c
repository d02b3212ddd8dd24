/* guestctl runs commands in a lab guest over its serial console.
 *
 * Both sides speak in lines, on a console where kernel messages, left-overs of earlier sessions
 * and half lines may appear at any place:
 *
 *   host                               guest (rootfs/sbin/lab-agent)
 *                                      @@lab ready VERSION          once, when it has booted
 *   @@lab ping ID                      @@ID pong VERSION
 *   @@lab run ID LENGTH BASE64         @@ID begin
 *                                      @@ID out BASE64              any number
 *                                      @@ID err BASE64              any number
 *                                      @@ID end STATUS OUT-MD5 ERR-MD5
 *
 * ID is new for each request, so an old answer is never taken for a new one. LENGTH and the digests
 * ('-' when empty) tell when a line was hit by something else. Then the request is repeated, and
 * the agent repeats its answer: it runs a command with the same ID only once. */
#include <errno.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXIT_TIMEOUT = 124, /* as of timeout(1) */
    EXIT_TROUBLE = 125, /* everything else that is not the command's own status */
    EXIT_USAGE = 2,
    COMMAND_MAX_BYTES = 32 * 1024, /* what the guest's terminal surely buffers */
    LINE_MAX_BYTES = 64 * 1024,
    REPEAT_MS = 1000,
    REOPEN_MS = 100,
    ANSWERS_MAX = 6, /* damaged answers, before it is given up */
};

typedef enum { STATE_ASKING, STATE_BEGUN, STATE_DONE, STATE_CLOSED, STATE_FAILED } State;

typedef struct {
    const char *uri;
    const char *domain_name;
    const char *command; /* NULL: only wait until the agent answers */
    int timeout_seconds;
    gint64 deadline_us;
    virConnectPtr connection;
    virDomainPtr domain;
    virStreamPtr stream;
    State state;
    gboolean has_begun; /* the command, at some time */
    char *id;
    char *request;
    GString *unsent;
    GString *line;   /* what has come of the current line */
    char *obstacle;  /* why the console could not be opened last time */
    char *last_line; /* of the console, for the person who wonders why nothing happens */
    GByteArray *out; /* what the command has written so far */
    GByteArray *error;
    int damaged_answers;
    int status;    /* the command's */
    char *failure; /* in STATE_FAILED: why */
} Session;

/* --- requests ----------------------------------------------------------------------------------
 */

static char *request_new(const char *id, const char *command)
{
    if (!command)
        return g_strdup_printf("\n@@lab ping %s\n", id);
    g_autofree char *text = g_base64_encode((const guchar *)command, strlen(command));
    return g_strdup_printf("\n@@lab run %s %zu %s\n", id, strlen(text), text);
}

static void session_ask(Session *session)
{
    if (session->unsent->len == 0)
        g_string_append(session->unsent, session->request);
}

static void on_repeat(int timer G_GNUC_UNUSED, void *opaque)
{
    Session *session = opaque;

    if (session->state == STATE_ASKING)
        session_ask(session);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void append_base64(GByteArray *bytes, const char *text)
{
    gsize length;
    g_autofree guchar *decoded = g_base64_decode(text, &length);

    g_byte_array_append(bytes, decoded, (guint)length);
}

static gboolean digest_is(const GByteArray *bytes, const char *digest)
{
    if (bytes->len == 0)
        return strcmp(digest, "-") == 0;
    g_autofree char *actual = g_compute_checksum_for_data(G_CHECKSUM_MD5, bytes->data, bytes->len);
    return strcmp(digest, actual) == 0;
}

static void session_forget_output(Session *session)
{
    g_byte_array_set_size(session->out, 0);
    g_byte_array_set_size(session->error, 0);
}

static void session_fail(Session *session, const char *failure)
{
    g_free(session->failure);
    session->failure = g_strdup(failure);
    session->state = STATE_FAILED;
}

/* An answer has come completely, but not undamaged: ask for it again. */
static void session_ask_again(Session *session)
{
    session_forget_output(session);
    session->state = STATE_ASKING;
    session_ask(session);
    if (++session->damaged_answers >= ANSWERS_MAX)
        session_fail(session, "gives only damaged answers");
}

static void session_end(Session *session, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    if (g_strv_length(words) == 3 && digest_is(session->out, words[1]) &&
        digest_is(session->error, words[2])) {
        session->status = atoi(words[0]);
        session->state = STATE_DONE;
    } else {
        session_ask_again(session);
    }
}

/* Takes the text behind "@@ID ". */
static void session_take_answer(Session *session, const char *text)
{
    if (g_str_has_prefix(text, "pong "))
        session->state = STATE_DONE;
    if (g_str_has_prefix(text, "begin")) {
        session_forget_output(session);
        session->state = STATE_BEGUN;
        session->has_begun = TRUE;
    }
    if (g_str_has_prefix(text, "out "))
        append_base64(session->out, text + strlen("out "));
    if (g_str_has_prefix(text, "err "))
        append_base64(session->error, text + strlen("err "));
    if (g_str_has_prefix(text, "end "))
        session_end(session, text + strlen("end "));
}

static void session_take_boot(Session *session)
{
    if (session->state == STATE_ASKING)
        session_ask(session); /* what was sent while it booted may be lost */
    if (session->state == STATE_BEGUN)
        session_fail(session, "rebooted before the command was finished");
}

static void session_take_line(Session *session, const char *line)
{
    g_autofree char *mark = g_strdup_printf("@@%s ", session->id);
    const char *answer = g_strrstr(line, mark);

    if (answer && session->state <= STATE_BEGUN)
        session_take_answer(session, answer + strlen(mark));
    if (g_str_has_prefix(line, "@@lab ready "))
        session_take_boot(session);
    if (*line) {
        g_free(session->last_line);
        session->last_line = g_strdup(line);
    }
}

static void session_take_bytes(Session *session, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n' || session->line->len >= LINE_MAX_BYTES) {
            session_take_line(session, session->line->str);
            g_string_truncate(session->line, 0);
        } else if (bytes[i] != '\r' && bytes[i] != '\0') {
            g_string_append_c(session->line, bytes[i]);
        }
    }
}

/* --- the console -------------------------------------------------------------------------------
 */

static void session_take_close(Session *session)
{
    if (session->state <= STATE_BEGUN)
        session->state = STATE_CLOSED;
}

static void session_receive(Session *session)
{
    char buffer[8192];
    int got;

    while ((got = virStreamRecv(session->stream, buffer, sizeof buffer)) > 0)
        session_take_bytes(session, buffer, (size_t)got);
    if (got != -2)
        session_take_close(session);
}

static void session_send(Session *session)
{
    while (session->unsent->len > 0) {
        int sent = virStreamSend(session->stream, session->unsent->str, session->unsent->len);
        if (sent == -2)
            return;
        if (sent < 0) {
            session_take_close(session);
            return;
        }
        g_string_erase(session->unsent, 0, sent);
    }
}

static void on_stream(virStreamPtr stream G_GNUC_UNUSED, int events, void *opaque)
{
    Session *session = opaque;

    if (events & VIR_STREAM_EVENT_READABLE)
        session_receive(session);
    if ((events & VIR_STREAM_EVENT_WRITABLE) && session->state <= STATE_BEGUN)
        session_send(session);
    if (events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR))
        session_take_close(session);
}

static void session_set_obstacle(Session *session)
{
    g_free(session->obstacle);
    session->obstacle = g_strdup(virGetLastErrorMessage());
}

static gboolean session_open(Session *session)
{
    session->stream = virStreamNew(session->connection, VIR_STREAM_NONBLOCK);
    if (!session->stream)
        return FALSE;
    if (virDomainOpenConsole(session->domain, NULL, session->stream, 0) < 0 ||
        virStreamEventAddCallback(session->stream, VIR_STREAM_EVENT_READABLE, on_stream, session,
                                  NULL) < 0) {
        session_set_obstacle(session);
        virStreamFree(session->stream);
        session->stream = NULL;
        return FALSE;
    }
    g_clear_pointer(&session->obstacle, g_free);
    g_string_truncate(session->line, 0);
    g_string_truncate(session->unsent, 0);
    session->state = STATE_ASKING;
    session_ask(session);
    return TRUE;
}

static void session_close(Session *session)
{
    virStreamEventRemoveCallback(session->stream);
    virStreamAbort(session->stream);
    virStreamFree(session->stream);
    session->stream = NULL;
}

static gboolean session_is_late(const Session *session)
{
    return g_get_monotonic_time() >= session->deadline_us;
}

static void session_converse(Session *session)
{
    while (session->state <= STATE_BEGUN && !session_is_late(session)) {
        int events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR;
        if (session->unsent->len > 0)
            events |= VIR_STREAM_EVENT_WRITABLE;
        virStreamEventUpdateCallback(session->stream, events);
        if (virEventRunDefaultImpl() < 0)
            session_fail(session, "cannot be listened to");
    }
}

/* --- the two verbs -----------------------------------------------------------------------------
 */

static int complain(int exit_status, const char *format, ...) G_GNUC_PRINTF(2, 3);

static int complain(int exit_status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "guestctl: %s\n", text);
    return exit_status;
}

static void on_disconnected(virConnectPtr connection G_GNUC_UNUSED, int reason G_GNUC_UNUSED,
                            void *opaque)
{
    session_take_close(opaque);
}

static void session_disconnect(Session *session)
{
    g_clear_pointer(&session->domain, virDomainFree);
    if (session->connection)
        virConnectUnregisterCloseCallback(session->connection, on_disconnected);
    g_clear_pointer(&session->connection, virConnectClose);
}

static gboolean session_connect(Session *session)
{
    if (session->connection && virConnectIsAlive(session->connection) == 1)
        return TRUE;
    session_disconnect(session);
    session->connection = virConnectOpen(session->uri);
    if (!session->connection)
        return FALSE;
    virConnectRegisterCloseCallback(session->connection, on_disconnected, session, NULL);
    session->domain = virDomainLookupByName(session->connection, session->domain_name);
    return session->domain != NULL;
}

/* Opens the console and talks, again and again, until there is an answer or no hope. Somebody else
 * may have the console for a while, libvirtd may be restarted, and a guest that is waited for may
 * stop and start. */
static void session_talk(Session *session)
{
    while (!session_is_late(session)) {
        gboolean is_connected = session_connect(session);

        if (is_connected && session->command && virDomainIsActive(session->domain) == 0) {
            session_fail(session, session->has_begun ? "stopped before the command was finished"
                                                     : "is not running");
            return;
        }
        if (is_connected && session_open(session)) {
            session_converse(session);
            session_close(session);
        }
        if (session->state == STATE_DONE || session->state == STATE_FAILED)
            return;
        g_usleep(REOPEN_MS * 1000);
    }
}

static int session_report_trouble(const Session *session)
{
    const char *line = session->last_line ? session->last_line : "";

    if (session->state == STATE_FAILED)
        return complain(EXIT_TROUBLE, "domain '%s' %s", session->domain_name, session->failure);
    if (session->obstacle)
        return complain(EXIT_TIMEOUT, "the console of domain '%s' cannot be opened within %d s: %s",
                        session->domain_name, session->timeout_seconds, session->obstacle);
    return complain(EXIT_TIMEOUT, "domain '%s' %s within %d s (last console line: '%.200s')",
                    session->domain_name,
                    session->state == STATE_BEGUN ? "did not finish the command" : "did not answer",
                    session->timeout_seconds, line);
}

static int session_report(const Session *session)
{
    if (session->state != STATE_DONE)
        return session_report_trouble(session);
    fwrite(session->out->data, 1, session->out->len, stdout);
    fwrite(session->error->data, 1, session->error->len, stderr);
    if (fflush(stdout) != 0)
        return complain(EXIT_TROUBLE, "cannot write the output: %s", g_strerror(errno));
    return session->status;
}

static int session_run(Session *session)
{
    if (!session_connect(session))
        return complain(EXIT_TROUBLE, "cannot reach domain '%s': %s", session->domain_name,
                        virGetLastErrorMessage());
    session_talk(session);
    return session_report(session);
}

static void session_init(Session *session)
{
    session->deadline_us =
        g_get_monotonic_time() + (gint64)session->timeout_seconds * G_USEC_PER_SEC;
    session->id = g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
    session->request = request_new(session->id, session->command);
    session->unsent = g_string_new(NULL);
    session->line = g_string_new(NULL);
    session->out = g_byte_array_new();
    session->error = g_byte_array_new();
}

static void session_clear(Session *session)
{
    session_disconnect(session);
    g_free(session->id);
    g_free(session->request);
    g_free(session->last_line);
    g_free(session->obstacle);
    g_free(session->failure);
    g_string_free(session->unsent, TRUE);
    g_string_free(session->line, TRUE);
    g_byte_array_unref(session->out);
    g_byte_array_unref(session->error);
}

/* --- the command line --------------------------------------------------------------------------
 */

static gboolean take_verb(Session *session, int count, char **words)
{
    if (count == 3 && strcmp(words[2], "wait") == 0)
        session->command = NULL;
    else if (count == 4 && strcmp(words[2], "run") == 0)
        session->command = words[3];
    else
        return FALSE;
    session->domain_name = words[1];
    return TRUE;
}

static int usage(GOptionContext *context)
{
    g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);

    fputs(help, stderr);
    return EXIT_USAGE;
}

static void ignore_error(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static int start_session(Session *session)
{
    if (session->command && strlen(session->command) > COMMAND_MAX_BYTES)
        return complain(EXIT_TROUBLE, "the command is longer than %d bytes", COMMAND_MAX_BYTES);
    virSetErrorFunc(NULL, ignore_error);
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return complain(EXIT_TROUBLE, "libvirt cannot be used: %s", virGetLastErrorMessage());
    virEventAddTimeout(REPEAT_MS, on_repeat, session, NULL);
    session_init(session);
    int status = session_run(session);
    session_clear(session);
    return status;
}

int main(int argc, char **argv)
{
    g_autofree char *uri = NULL;
    int timeout_seconds = 60;
    GOptionEntry options[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &uri, "libvirt URI (qemu:///system)", "URI"},
        {"timeout", 't', 0, G_OPTION_ARG_INT, &timeout_seconds, "give up after (60)", "SECONDS"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("DOMAIN wait | DOMAIN run 'COMMAND'");
    g_autoptr(GError) error = NULL;
    Session session = {0};

    g_option_context_set_summary(
        context,
        "Waits until a lab guest has booted, or runs a shell command in it. Exits with the "
        "command's status,\n124 after a timeout, 125 for other trouble of its own.");
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return complain(EXIT_USAGE, "%s", error->message);
    if (!take_verb(&session, argc, argv))
        return usage(context);
    session.uri = uri ? uri : "qemu:///system";
    session.timeout_seconds = timeout_seconds;
    return start_session(&session);
}
