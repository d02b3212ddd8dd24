/*
 * Runs other programs: spawn, then one poll over the child's two pipes, its pidfd and the
 * cancellable, in the caller's thread and without a main loop.
 *
 * The end of the child is told by the pidfd and not by the end of its output: a grandchild that
 * inherited the pipes would otherwise keep us waiting. The child dies with the thread that waits
 * for it (PR_SET_PDEATHSIG): a daemon that was killed leaves no qemu-img behind that goes on
 * writing.
 */
#include "foundation/process.h"

#include "foundation/error.h"
#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_LIMIT = 1024 * 1024, COMPLAINT_LIMIT = 64 * 1024, PIPE_STEP = 16 * 1024 };

typedef enum { CHANNEL_OUTPUT, CHANNEL_COMPLAINT, CHANNEL_EXIT, CHANNEL_CANCEL } ChannelIndex;
#define CHANNEL_COUNT (CHANNEL_CANCEL + 1)

typedef struct {
    const char *program;
    pid_t pid;
    int pidfd, output_fd, complaint_fd; /* -1: closed */
    GString *output;                    /* at most OUTPUT_LIMIT */
    GString *complaint;                 /* the end of standard error */
    gboolean has_overflowed;
    gboolean is_reaped;
    int wait_status;
} Child;

static ProcessHook process_hook;
static gpointer process_hook_data;

void process_set_hook(ProcessHook hook, gpointer user_data)
{
    process_hook = hook;
    process_hook_data = user_data;
}

static void close_channel(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void child_reap(Child *child)
{
    while (!child->is_reaped && waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR)
        continue;
    child->is_reaped = TRUE;
}

/* Whatever happened, no process, zombie or descriptor is left. */
static void child_clear(Child *child)
{
    if (child->pid > 0 && !child->is_reaped) {
        kill(child->pid, SIGKILL);
        child_reap(child);
    }
    close_channel(&child->pidfd);
    close_channel(&child->output_fd);
    close_channel(&child->complaint_fd);
    g_string_free(child->output, TRUE);
    g_string_free(child->complaint, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, child_clear)

/* Runs between fork and exec: async-signal-safe calls only. */
static void set_up_child(gpointer parent_pid)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != GPOINTER_TO_INT(parent_pid))
        _exit(1);
}

static gboolean report_spawn_failure(const char *program, const GError *cause, GError **error)
{
    if (g_error_matches(cause, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT)) {
        g_autofree char *hint = g_strdup_printf("install the package that contains '%s'", program);
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, hint, "the program '%s' is not there",
                         program);
    }
    return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot run '%s': %s", program,
                     cause->message);
}

/* Messages are asked for in English, so that what we quote does not depend on who started us. */
static gboolean child_spawn(Child *child, const char *const *argv, GError **error)
{
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
    g_autoptr(GError) cause = NULL;
    GPid pid = 0;
    if (!g_spawn_async_with_pipes(
            NULL, (char **)argv, environment,
            G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, set_up_child,
            GINT_TO_POINTER(getpid()), &pid, NULL, &child->output_fd, &child->complaint_fd, &cause))
        return report_spawn_failure(child->program, cause, error);
    child->pid = pid;
    child->pidfd = pidfd_open(pid, 0);
    if (child->pidfd < 0)
        return error_set_errno(error, errno, "cannot watch '%s'", child->program);
    return g_unix_set_fd_nonblocking(child->output_fd, TRUE, error) &&
           g_unix_set_fd_nonblocking(child->complaint_fd, TRUE, error);
}

static void keep_output(Child *child, const char *bytes, gsize length)
{
    gsize room = OUTPUT_LIMIT - child->output->len;
    child->has_overflowed |= length > room;
    g_string_append_len(child->output, bytes, (gssize)MIN(length, room));
}

static void keep_complaint(Child *child, const char *bytes, gsize length)
{
    g_string_append_len(child->complaint, bytes, (gssize)length);
    if (child->complaint->len > COMPLAINT_LIMIT)
        g_string_erase(child->complaint, 0, (gssize)(child->complaint->len - COMPLAINT_LIMIT));
}

/* Takes what the pipe holds at this moment; closes it at its end. */
static void drain(Child *child, int *fd, void (*keep)(Child *, const char *, gsize))
{
    char bytes[PIPE_STEP];
    while (*fd >= 0) {
        gssize count = read(*fd, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0)
            close_channel(fd);
        else
            keep(child, bytes, (gsize)count);
    }
}

/* Collects output until the child has ended; FALSE when cancelled before. */
static gboolean child_wait(Child *child, int cancel_fd, GError **error)
{
    struct pollfd channels[CHANNEL_COUNT] = {
        [CHANNEL_EXIT] = {.fd = child->pidfd, .events = POLLIN},
        [CHANNEL_CANCEL] = {.fd = cancel_fd, .events = POLLIN},
    };
    gboolean has_ended = FALSE;
    while (!has_ended) {
        channels[CHANNEL_OUTPUT] = (struct pollfd){.fd = child->output_fd, .events = POLLIN};
        channels[CHANNEL_COMPLAINT] = (struct pollfd){.fd = child->complaint_fd, .events = POLLIN};
        if (poll(channels, CHANNEL_COUNT, -1) < 0) {
            if (errno != EINTR)
                return error_set_errno(error, errno, "cannot wait for '%s'", child->program);
            continue;
        }
        if (channels[CHANNEL_CANCEL].revents != 0)
            return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL, "'%s' was cancelled",
                             child->program);
        has_ended = channels[CHANNEL_EXIT].revents != 0;
        drain(child, &child->output_fd, keep_output);
        drain(child, &child->complaint_fd, keep_complaint);
    }
    child_reap(child);
    return TRUE;
}

/* The last line that says something, as valid UTF-8; NULL if there is none. Caller frees. */
static char *last_line(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_strchomp(valid);
    const char *line = strrchr(valid, '\n');
    line = line != NULL ? line + 1 : valid;
    return *line != '\0' ? g_strdup(line) : NULL;
}

static gboolean child_judge(const Child *child, GError **error)
{
    if (WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 0)
        return TRUE;
    if (WIFSIGNALED(child->wait_status))
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "'%s' was ended by signal %d (%s)",
                         child->program, WTERMSIG(child->wait_status),
                         g_strsignal(WTERMSIG(child->wait_status)));
    g_autofree char *complaint = last_line(child->complaint->str);
    if (complaint == NULL)
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "'%s' failed with exit status %d",
                         child->program, WEXITSTATUS(child->wait_status));
    return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "'%s' failed: %s", child->program,
                     complaint);
}

static gboolean child_run(Child *child, const char *const *argv, int cancel_fd, GError **error)
{
    return child_spawn(child, argv, error) && child_wait(child, cancel_fd, error) &&
           child_judge(child, error);
}

gboolean process_run(const char *const *argv, GCancellable *cancellable, char **output_out,
                     GError **error)
{
    if (process_hook != NULL)
        return process_hook(argv, output_out, process_hook_data, error);
    if (g_cancellable_is_cancelled(cancellable))
        return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL, "'%s' was cancelled", argv[0]);
    g_auto(Child) child = {.program = argv[0],
                           .pidfd = -1,
                           .output_fd = -1,
                           .complaint_fd = -1,
                           .output = g_string_new(NULL),
                           .complaint = g_string_new(NULL)};
    GPollFD cancel = {.fd = -1};
    gboolean is_watched = g_cancellable_make_pollfd(cancellable, &cancel);
    gboolean is_done = child_run(&child, argv, is_watched ? cancel.fd : -1, error);
    if (is_watched)
        g_cancellable_release_fd(cancellable);
    if (!is_done)
        return FALSE;
    if (output_out != NULL && child.has_overflowed)
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL,
                         "'%s' wrote more than %d bytes of output", argv[0], OUTPUT_LIMIT);
    if (output_out != NULL)
        *output_out = g_strdup(child.output->str);
    return TRUE;
}
