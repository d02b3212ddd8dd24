/* Threads around poll(): each console has one thread for its whole life. */
#include "http/consoles.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "foundation/error.h"
#include "http/console_line.h"
#include "http/lock.h"

#define TICK_MS        1000
#define ENDING_SECONDS 5

struct Console {
    Consoles *consoles;
    ConsoleGrant *grant;
    int screen;        /* until it is started */
    ConsoleLine *line; /* from then on, with what follows */
    ConsoleDone done;
    gpointer done_data;
    gint64 checked_us;
};

typedef struct {
    Consoles *consoles;
    pthread_t thread;
    gboolean is_running;
    int wake;          /* eventfd */
    GPtrArray *added;  /* Console, under the lock */
    GPtrArray *active; /* Console, of the thread alone; so is what follows */
    gboolean has_news; /* consoles that have not run yet */
} Loop;

struct Consoles {
    ConsolesConfig config;
    ConsoleTickets *tickets;
    Loop *loops;
    pthread_mutex_t lock; /* protects what follows; a leaf */
    pthread_cond_t ended;
    guint count;   /* consoles, started or not */
    guint started; /* of those */
    guint next;    /* loop that gets the next */
    gboolean closing;
    gboolean ending; /* the threads are to end */
};

void consoles_config_init(ConsolesConfig *config)
{
    *config =
        (ConsolesConfig){.limit = 64, .threads = 2, .recheck_seconds = 5, .ticket_seconds = 30};
}

/* --- one console --------------------------------------------------------------------------------
 */

Console *console_new(Consoles *consoles, int fd, ConsoleGrant *grant, GError **error)
{
    Console *console = g_new0(Console, 1);
    *console = (Console){.consoles = consoles, .grant = grant, .screen = fd};
    guint count;
    {
        LOCK_FOR_SCOPE(&consoles->lock);
        count = consoles->count++;
    }
    if (count < consoles->config.limit)
        return console;
    console_free(console);
    error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "close one that is not needed",
              "%u consoles are open already", count);
    return NULL;
}

void console_free(Console *console)
{
    if (!console)
        return;
    {
        LOCK_FOR_SCOPE(&console->consoles->lock);
        console->consoles->count--;
    }
    if (console->line)
        console_line_free(console->line);
    else
        close(console->screen);
    console_grant_free(console->grant);
    g_free(console);
}

/* The screen is closed before the connection: nothing is sent to a machine any more when its user
 * sees the end. */
static void finish(Console *console)
{
    Consoles *consoles = console->consoles;
    ConsoleDone done = console->done;
    gpointer done_data = console->done_data;
    console_free(console);
    done(done_data);
    LOCK_FOR_SCOPE(&consoles->lock);
    consoles->started--;
    pthread_cond_broadcast(&consoles->ended);
}

static gboolean check(Console *console, gint64 now_us)
{
    const ConsolesConfig *config = &console->consoles->config;
    if (!config->may_stay ||
        now_us < console->checked_us + (gint64)config->recheck_seconds * G_USEC_PER_SEC)
        return TRUE;
    console->checked_us = now_us;
    return config->may_stay(console->grant, config->user_data);
}

static gboolean is_past_end(const Console *console, gint64 now_us)
{
    gint64 since_us = console_line_ending_since(console->line);
    return since_us > 0 && now_us > since_us + (gint64)ENDING_SECONDS * G_USEC_PER_SEC;
}

/* FALSE: it is over. */
static gboolean run_console(Console *console, const struct pollfd ends[2], gboolean closing,
                            gint64 now_us)
{
    if (closing)
        console_line_end(console->line, WSLAY_CODE_GOING_AWAY, "the daemon is stopping");
    else if (!check(console, now_us))
        console_line_end(console->line, WSLAY_CODE_POLICY_VIOLATION, "the login has ended");
    return console_line_run(console->line, ends) && !closing && !is_past_end(console, now_us);
}

/* --- threads ------------------------------------------------------------------------------------
 */

static void wake(const Loop *loop)
{
    const uint64_t one = 1;
    if (write(loop->wake, &one, sizeof one) < 0)
        g_warning("waking a thread of the consoles: %s", g_strerror(errno));
}

/* FALSE: the thread is to end. */
static gboolean take_news(Loop *loop, gboolean *closing_out)
{
    Consoles *consoles = loop->consoles;
    LOCK_FOR_SCOPE(&consoles->lock);
    loop->has_news = loop->added->len > 0;
    g_ptr_array_extend_and_steal(loop->active, g_steal_pointer(&loop->added));
    loop->added = g_ptr_array_new();
    *closing_out = consoles->closing;
    return !consoles->ending;
}

static void wait_for_events(Loop *loop, GArray *ends)
{
    uint64_t count;
    g_array_set_size(ends, 1 + 2 * loop->active->len);
    struct pollfd *fds = (struct pollfd *)(void *)ends->data;
    fds[0] = (struct pollfd){.fd = loop->wake, .events = POLLIN};
    for (guint i = 0; i < loop->active->len; i++) {
        const Console *console = loop->active->pdata[i];
        console_line_watch(console->line, &fds[1 + 2 * i]);
    }
    int ready = poll(fds, ends->len, loop->has_news ? 0 : TICK_MS);
    if (ready > 0 && fds[0].revents && read(loop->wake, &count, sizeof count) < 0)
        g_debug("waking a thread of the consoles: %s", g_strerror(errno));
}

static void run_consoles(Loop *loop, const GArray *ends, gboolean closing)
{
    const struct pollfd *fds = (const struct pollfd *)(const void *)ends->data;
    gint64 now_us = g_get_monotonic_time();
    for (guint i = loop->active->len; i-- > 0;) {
        Console *console = loop->active->pdata[i];
        if (run_console(console, &fds[1 + 2 * i], closing, now_us))
            continue;
        g_ptr_array_remove_index_fast(loop->active, i);
        finish(console);
    }
}

static void *run_loop(void *data)
{
    Loop *loop = data;
    gboolean closing = FALSE;
    g_autoptr(GArray) ends = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
    while (take_news(loop, &closing)) {
        wait_for_events(loop, ends);
        run_consoles(loop, ends, closing);
    }
    return NULL;
}

void console_start(Console *console, int socket, const void *extra, gsize extra_length,
                   ConsoleDone done, gpointer user_data)
{
    Consoles *consoles = console->consoles;
    console->line = console_line_new(console->screen, socket, extra, extra_length);
    console->done = done;
    console->done_data = user_data;
    console->checked_us = g_get_monotonic_time();
    LOCK_FOR_SCOPE(&consoles->lock);
    Loop *loop = &consoles->loops[consoles->next++ % consoles->config.threads];
    consoles->started++;
    g_ptr_array_add(loop->added, console);
    wake(loop);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static gboolean loop_start(Loop *loop, Consoles *consoles, GError **error)
{
    loop->consoles = consoles;
    loop->added = g_ptr_array_new();
    loop->active = g_ptr_array_new();
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake < 0)
        return error_set_errno(error, errno, "making what a thread of the consoles waits with");
    int result = pthread_create(&loop->thread, NULL, run_loop, loop);
    loop->is_running = result == 0;
    return result == 0 || error_set_errno(error, result, "starting a thread of the consoles");
}

static void loop_stop(Loop *loop)
{
    if (!loop->consoles)
        return;
    if (loop->is_running) {
        wake(loop);
        pthread_join(loop->thread, NULL);
    }
    if (loop->wake >= 0)
        close(loop->wake);
    g_ptr_array_unref(loop->added);
    g_ptr_array_unref(loop->active);
}

Consoles *consoles_new(const ConsolesConfig *config, GError **error)
{
    Consoles *consoles = g_new0(Consoles, 1);
    consoles->config = *config;
    consoles->tickets = console_tickets_new(config->ticket_seconds);
    consoles->loops = g_new0(Loop, config->threads);
    pthread_mutex_init(&consoles->lock, NULL);
    pthread_cond_init(&consoles->ended, NULL);
    for (guint i = 0; i < config->threads; i++) {
        if (loop_start(&consoles->loops[i], consoles, error))
            continue;
        consoles_free(consoles);
        return NULL;
    }
    return consoles;
}

void consoles_close(Consoles *consoles)
{
    LOCK_FOR_SCOPE(&consoles->lock);
    consoles->closing = TRUE;
    for (guint i = 0; i < consoles->config.threads; i++)
        wake(&consoles->loops[i]);
    while (consoles->started > 0)
        pthread_cond_wait(&consoles->ended, &consoles->lock);
}

void consoles_free(Consoles *consoles)
{
    if (!consoles)
        return;
    {
        LOCK_FOR_SCOPE(&consoles->lock);
        consoles->ending = TRUE;
    }
    for (guint i = 0; i < consoles->config.threads; i++)
        loop_stop(&consoles->loops[i]);
    g_assert(consoles->count == 0);
    pthread_cond_destroy(&consoles->ended);
    pthread_mutex_destroy(&consoles->lock);
    console_tickets_free(consoles->tickets);
    g_free(consoles->loops);
    g_free(consoles);
}

ConsoleTickets *consoles_tickets(Consoles *consoles)
{
    return consoles->tickets;
}

gint64 consoles_ticket_end(const Consoles *consoles)
{
    return g_get_real_time() / G_USEC_PER_SEC + consoles->config.ticket_seconds;
}

guint consoles_count(Consoles *consoles)
{
    LOCK_FOR_SCOPE(&consoles->lock);
    return consoles->count;
}
