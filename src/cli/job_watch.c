/*
 * Implements the watch.
 *
 *     open the stream -> ask for the job -> take events until it is over -> ask for the job once
 * more
 *
 * The stream is open before the job is asked for, so nothing falls between the two. A stream that
 * ends, or is silent beyond two heartbeats, is opened anew; while that fails the job is asked for
 * every second. A daemon that does not answer at all is given half a minute to come back: jobs
 * survive its restart.
 */
#include "cli/job_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/progress.h"
#include "cli/words.h"
#include "foundation/error.h"

enum {
    SILENCE_MS = 25 * 1000,
    TICK_MS = 1000,
    AWAY_LIMIT_SECONDS = 30,
    REDRAW_US = 50 * 1000,
    GRACE_MARGIN_SECONDS = 10,
    LOG_STEPS = 10,
    STATUS_UNAVAILABLE = 503,
};

typedef struct {
    Call *call;
    char *id;
    gboolean to_the_end;
    gint64 pending_until; /* seconds: a pending job is waited for until then */
    Progress *progress;
    int interrupt_fd;
    gint64 drawn_us; /* when the line was last drawn */
    char *drawn;     /* what stands there; NULL: nothing */
    char *logged_phase;
    guint logged_step;
    gint64 away_since_us; /* 0: the daemon answers */
} Watch;

/* --- showing -----------------------------------------------------------------------------------
 */

static gboolean is_live(const Watch *watch)
{
    return watch->call->screen->can_redraw;
}

static gboolean is_silent(const Watch *watch)
{
    return !is_live(watch) && call_has(watch->call, "json");
}

static void erase(Watch *watch)
{
    if (watch->drawn == NULL)
        return;
    fputs("\r\033[K", stderr);
    g_clear_pointer(&watch->drawn, g_free);
}

static void draw(Watch *watch, gboolean at_once)
{
    gint64 now = watch->call->clock->monotonic_us();
    if (!at_once && watch->drawn != NULL && now - watch->drawn_us < REDRAW_US)
        return;
    guint width = screen_current_width() - 1;
    char *line = progress_to_line(watch->progress, width, watch->call->screen->unicode);
    watch->drawn_us = now;
    if (g_strcmp0(line, watch->drawn) == 0) {
        g_free(line);
        return;
    }
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    g_free(watch->drawn);
    watch->drawn = line;
}

/* A line for each phase and each tenth of the machines; of a single one its result says enough. */
static void log_progress(Watch *watch)
{
    const char *phase = progress_phase(watch->progress);
    guint machines = progress_machines(watch->progress);
    guint step = machines > 0 ? progress_finished(watch->progress) * LOG_STEPS / machines : 0;
    gboolean is_step = machines >= LOG_STEPS && step > watch->logged_step;
    if (phase == NULL || machines < 2 || (!is_step && g_strcmp0(phase, watch->logged_phase) == 0))
        return;
    g_autofree char *line = progress_to_log(watch->progress);
    say_aside("%s", line);
    g_free(watch->logged_phase);
    watch->logged_phase = g_strdup(phase);
    watch->logged_step = step;
}

static void show(Watch *watch, gboolean at_once)
{
    if (is_live(watch))
        draw(watch, at_once);
    else if (!is_silent(watch))
        log_progress(watch);
}

static void show_failure(const char *machine, const char *message, gpointer user_data)
{
    Watch *watch = user_data;
    if (is_silent(watch))
        return;
    erase(watch);
    say_aside("%s failed: %s", machine, message != NULL ? message : "see the job");
}

/* --- is it over? -------------------------------------------------------------------------------
 */

static gboolean is_over(const Watch *watch)
{
    JobState state = progress_state(watch->progress);
    if (job_state_is_final(state))
        return TRUE;
    return state == JOB_PENDING && !watch->to_the_end &&
           watch->call->clock->now_seconds() >= watch->pending_until;
}

static gint64 grace_end(const Watch *watch, const json_t *job)
{
    const json_t *request = json_object_get(job, "request");
    const char *running = text_of(request, "running");
    gint64 started = 0;
    if (g_strcmp0(running, "shutdown") != 0 && g_strcmp0(running, "force") != 0)
        return 0;
    if (!time_from_text(text_of(job, "started_at"), &started))
        started = watch->call->clock->now_seconds();
    guint64 grace = json_object_get(request, "grace_seconds") != NULL
                        ? MIN(number_of(request, "grace_seconds"), 86400)
                        : 120;
    return started + (gint64)grace + GRACE_MARGIN_SECONDS;
}

/* --- asking and listening ----------------------------------------------------------------------
 */

/*
 * Asks for the job. NULL with an error; `is_final_out` then says whether the daemon itself said no,
 * or no answer came and it may be on its way back.
 */
static Answer *ask(Watch *watch, gboolean *is_final_out, GError **error)
{
    g_autofree char *path = call_path("jobs", watch->id, "");
    g_autoptr(Answer) answer = client_call(watch->call->client, "GET", path, NULL, NULL, error);
    *is_final_out = answer != NULL && answer->status != STATUS_UNAVAILABLE;
    if (answer == NULL)
        return NULL;
    if (answer->status >= 400) {
        answer_to_error(answer, error);
        return NULL;
    }
    progress_take_job(watch->progress, answer->json);
    watch->away_since_us = 0;
    return g_steal_pointer(&answer);
}

static gboolean is_our_job(const Watch *watch, const json_t *event, const char *key)
{
    return g_strcmp0(text_of(event, key), watch->id) == 0;
}

/* Takes an event; TRUE where the job must be asked for again. */
static gboolean take_event(Watch *watch, const StreamEvent *event)
{
    if (g_str_equal(event->type, "reset"))
        return TRUE;
    json_t *json = json_loads(event->data, 0, NULL);
    if (g_str_equal(event->type, "job") && is_our_job(watch, json, "id"))
        progress_take_job(watch->progress, json);
    else if (g_str_equal(event->type, "item") && is_our_job(watch, json, "job"))
        progress_take_item(watch->progress, json_object_get(json, "item"));
    json_decref(json);
    show(watch, FALSE);
    return is_over(watch);
}

/* Waits that long, or until Ctrl-C: TRUE then. */
static gboolean pause_for(const Watch *watch, int timeout_ms)
{
    struct pollfd waiting = {.fd = watch->interrupt_fd, .events = POLLIN};
    return poll(&waiting, 1, timeout_ms) > 0;
}

/* Listens until the job must be asked for again, or the stream has ended. */
static StreamOutcome listen(Watch *watch, EventStream *stream)
{
    for (int silent_ms = 0; silent_ms < SILENCE_MS;) {
        g_autoptr(StreamEvent) event = NULL;
        StreamOutcome outcome = event_stream_wait(stream, TICK_MS, watch->interrupt_fd, &event);
        if (outcome == STREAM_INTERRUPTED || outcome == STREAM_ENDED)
            return outcome;
        if (outcome == STREAM_EVENT && take_event(watch, event))
            return STREAM_EVENT;
        if (outcome == STREAM_TIMEOUT) {
            silent_ms += TICK_MS;
            show(watch, FALSE);
            if (is_over(watch))
                return STREAM_TIMEOUT;
        } else {
            silent_ms = 0;
        }
    }
    return STREAM_ENDED;
}

/* The daemon does not answer: TRUE while it may come back. */
static gboolean may_come_back(Watch *watch)
{
    gint64 now = watch->call->clock->monotonic_us();
    if (watch->away_since_us == 0) {
        watch->away_since_us = now;
        erase(watch);
        if (!is_silent(watch))
            say_aside("the daemon does not answer; waiting for it to come back");
    }
    return now - watch->away_since_us < (gint64)AWAY_LIMIT_SECONDS * G_USEC_PER_SEC;
}

static WatchOutcome detach(Watch *watch)
{
    erase(watch);
    say_aside("Detached; the job goes on.");
    say_aside("  watch it:   underpin job watch %s", watch->id);
    say_aside("  cancel it:  underpin job cancel %s", watch->id);
    return WATCH_DETACHED;
}

static void add_way_back(const Watch *watch, GError *problem)
{
    g_autofree char *hint = g_strdup_printf(
        "the job goes on when the daemon is back: underpin job watch %s", watch->id);
    error_set_hint(problem, hint);
}

/* One round: the stream is opened, the job asked for, events are taken. TRUE: another round. */
static gboolean go_round(Watch *watch, WatchOutcome *outcome_out, Answer **answer_out,
                         GError **error)
{
    g_autoptr(EventStream) stream =
        is_over(watch) ? NULL : client_events(watch->call->client, NULL);
    g_autoptr(GError) problem = NULL;
    gboolean is_final = FALSE;
    g_autoptr(Answer) answer = ask(watch, &is_final, &problem);
    *outcome_out = WATCH_LOST;
    if (answer == NULL && (is_final || !may_come_back(watch))) {
        if (!is_final)
            add_way_back(watch, problem);
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (answer != NULL && !is_over(watch))
        show(watch, TRUE);
    if (answer != NULL && is_over(watch)) {
        *answer_out = g_steal_pointer(&answer);
        *outcome_out = WATCH_OVER;
        return FALSE;
    }
    StreamOutcome heard = stream != NULL ? listen(watch, stream) : STREAM_ENDED;
    gboolean is_interrupted = heard == STREAM_INTERRUPTED;
    if (heard == STREAM_ENDED && !is_over(watch))
        is_interrupted = pause_for(watch, watch->call->clock->retry_ms);
    if (is_interrupted)
        *outcome_out = detach(watch);
    return !is_interrupted;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static int interrupt_open(sigset_t *before)
{
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, before);
    return signalfd(-1, &interrupt, SFD_CLOEXEC);
}

static void watch_clear(Watch *watch)
{
    erase(watch);
    progress_free(watch->progress);
    g_free(watch->id);
    g_free(watch->logged_phase);
}

WatchOutcome job_watch(Call *call, const json_t *job, gboolean to_the_end, Answer **answer_out,
                       GError **error)
{
    Watch watch = {.call = call, .to_the_end = to_the_end};
    sigset_t before;
    WatchOutcome outcome = WATCH_LOST;
    watch.id = g_strdup(text_of(job, "id"));
    if (watch.id == NULL) {
        error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "the daemon's answer names no job");
        return WATCH_LOST;
    }
    watch.progress = progress_new(text_of(job, "verb"));
    watch.pending_until = grace_end(&watch, job);
    progress_listen(watch.progress, show_failure, &watch);
    watch.interrupt_fd = interrupt_open(&before);
    while (go_round(&watch, &outcome, answer_out, error))
        ;
    close(watch.interrupt_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    watch_clear(&watch);
    return outcome;
}
