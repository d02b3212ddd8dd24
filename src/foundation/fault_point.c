/*
 * Implements the fault points: idle, they cost one relaxed load of `mode`; armed or counting, each
 * visit takes a lock, counts, and perhaps kills the process or fails.
 */
#include "foundation/fault_point.h"

#include "foundation/error.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define X(name, text) text,
static const char *const names[] = {FAULT_POINTS(X)};
#undef X
G_STATIC_ASSERT(G_N_ELEMENTS(names) == FAULT_POINT_COUNT);

typedef struct {
    FaultPoint point; /* FAULT_POINT_COUNT: any */
    unsigned visits_left;
    FaultAction action; /* FAULT_NONE: nothing is armed */
    int errno_value;
} Armed;

/* UNREAD: the environment has not been looked at yet. */
typedef enum { UNREAD, IDLE, ACTIVE } Mode;

static _Atomic Mode mode = UNREAD;
static GMutex lock; /* protects everything below */
static Armed armed;
static gboolean is_counting;
static unsigned visits[FAULT_POINT_COUNT];
static int *noted_at; /* NULL: nobody wants to know */

typedef struct {
    const char *name;
    FaultAction action;
    int errno_value;
} ActionRow;

static const ActionRow action_rows[] = {
    {"kill", FAULT_KILL, 0},
    {"ENOSPC", FAULT_ERROR, ENOSPC},
    {"EIO", FAULT_ERROR, EIO},
};

const char *fault_point_name(FaultPoint point)
{
    return (unsigned)point < FAULT_POINT_COUNT ? names[point] : "any";
}

gboolean fault_point_from_name(const char *name, FaultPoint *point_out)
{
    for (unsigned point = 0; name != NULL && point < FAULT_POINT_COUNT; point++) {
        if (strcmp(name, names[point]) == 0) {
            *point_out = (FaultPoint)point;
            return TRUE;
        }
    }
    return FALSE;
}

/* Lock held. */
static void publish_mode(void)
{
    gboolean is_active = armed.action != FAULT_NONE || is_counting;
    atomic_store_explicit(&mode, is_active ? ACTIVE : IDLE, memory_order_relaxed);
}

static gboolean parse_specification(const char *text, Armed *armed_out)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 4);
    if (g_strv_length(parts) != 3)
        return FALSE;
    Armed parsed = {.point = FAULT_POINT_COUNT};
    if (strcmp(parts[0], "any") != 0 && !fault_point_from_name(parts[0], &parsed.point))
        return FALSE;
    guint64 nth = 0;
    if (!g_ascii_string_to_unsigned(parts[1], 10, 1, G_MAXUINT, &nth, NULL))
        return FALSE;
    parsed.visits_left = (unsigned)nth;
    for (gsize i = 0; i < G_N_ELEMENTS(action_rows); i++) {
        if (strcmp(parts[2], action_rows[i].name) == 0) {
            parsed.action = action_rows[i].action;
            parsed.errno_value = action_rows[i].errno_value;
        }
    }
    *armed_out = parsed;
    return parsed.action != FAULT_NONE;
}

/* Lock held. A misspelt fault ends the process: a sweep that tests nothing must not pass. */
static void read_environment_once(void)
{
    if (atomic_load_explicit(&mode, memory_order_relaxed) != UNREAD)
        return;
    const char *text = g_getenv("UNDERPIN_FAULT");
    if (text != NULL && *text != '\0' && !parse_specification(text, &armed)) {
        g_printerr("UNDERPIN_FAULT='%s' is not of the form name|any:nth:kill|ENOSPC|EIO\n", text);
        abort();
    }
    publish_mode();
}

/* Lock held. Counts the visit; TRUE where the armed fault fires now, which also disarms it. */
static gboolean visit(FaultPoint point, Armed *fired_out)
{
    if (is_counting)
        visits[point]++;
    if (armed.action == FAULT_NONE || (armed.point != FAULT_POINT_COUNT && armed.point != point))
        return FALSE;
    if (--armed.visits_left > 0)
        return FALSE;
    *fired_out = armed;
    armed.action = FAULT_NONE;
    publish_mode();
    return TRUE;
}

gboolean fault_point(FaultPoint point, GError **error)
{
    if (G_LIKELY(atomic_load_explicit(&mode, memory_order_relaxed) == IDLE))
        return TRUE;
    Armed fired = {0};
    g_mutex_lock(&lock);
    read_environment_once();
    gboolean fires = visit(point, &fired);
    if (fires && noted_at != NULL)
        *noted_at = (int)point;
    g_mutex_unlock(&lock);
    if (!fires)
        return TRUE;
    if (fired.action == FAULT_KILL) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
    return error_set_errno(error, fired.errno_value, "fault at '%s'", fault_point_name(point));
}

void fault_point_arm(FaultPoint point, unsigned nth, FaultAction action, int errno_value)
{
    g_return_if_fail(nth > 0);
    g_mutex_lock(&lock);
    armed = (Armed){point, nth, action, errno_value};
    publish_mode();
    g_mutex_unlock(&lock);
}

void fault_point_disarm(void)
{
    g_mutex_lock(&lock);
    armed.action = FAULT_NONE;
    publish_mode();
    g_mutex_unlock(&lock);
}

void fault_point_note(int *fired)
{
    g_mutex_lock(&lock);
    noted_at = fired;
    g_mutex_unlock(&lock);
}

void fault_point_count(gboolean enabled)
{
    g_mutex_lock(&lock);
    read_environment_once();
    if (enabled)
        memset(visits, 0, sizeof visits);
    is_counting = enabled;
    publish_mode();
    g_mutex_unlock(&lock);
}

unsigned fault_point_visits(FaultPoint point)
{
    g_mutex_lock(&lock);
    unsigned count = (unsigned)point < FAULT_POINT_COUNT ? visits[point] : 0;
    g_mutex_unlock(&lock);
    return count;
}
