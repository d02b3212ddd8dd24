/*
 * The daemon's side of the start barrier: no machine starts unsettled or is settled while it starts
 * (invariant 4).
 *
 *                    hook prepare                      settle
 *     OPEN ─────────────────────────▶ CLAIMED    OPEN ───────▶ SETTLING ───────▶ OPEN
 *       ▲                                │
 *       └──────── hook release ──────────┘
 *
 * The hook writes its claim file *before* it asks; a settle takes the gate and *then* looks for a
 * claim file. Whichever is second sees the first, also while the daemon was down when the claim was
 * made.
 *
 * Occupation is the coarser lock: one operation a machine, from its plan to its end (invariant 7).
 */
#include "engine/engine_private.h"

/* "base of 2 running jobs", or NULL. Caller frees, and holds the lock. */
static char *base_use(Engine *engine, const char *base_id)
{
    guint jobs = GPOINTER_TO_UINT(g_hash_table_lookup(engine->bases, base_id));
    return jobs ? g_strdup_printf("base of %u running job%s", jobs, jobs == 1 ? "" : "s") : NULL;
}

gboolean engine_base_hold(Engine *engine, const char *base_id, GError **error)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_autofree char *owner = g_strdup(g_hash_table_lookup(engine->busy, base_id));
    guint jobs = GPOINTER_TO_UINT(g_hash_table_lookup(engine->bases, base_id));
    if (!owner)
        g_hash_table_insert(engine->bases, g_strdup(base_id), GUINT_TO_POINTER(jobs + 1));
    g_rw_lock_writer_unlock(&engine->lock);
    if (!owner)
        return TRUE;
    g_autofree char *name = engine_machine_name(engine, base_id);
    return error_set(error, UNDERPIN_ERROR_BUSY, "wait for it ('underpin job list') and try again",
                     "base '%s' is in use: %s", name, owner);
}

void engine_base_release(Engine *engine, const char *base_id)
{
    g_rw_lock_writer_lock(&engine->lock);
    guint jobs = GPOINTER_TO_UINT(g_hash_table_lookup(engine->bases, base_id));
    if (jobs > 1)
        g_hash_table_insert(engine->bases, g_strdup(base_id), GUINT_TO_POINTER(jobs - 1));
    else
        g_hash_table_remove(engine->bases, base_id);
    g_rw_lock_writer_unlock(&engine->lock);
}

/* That it is brief is known from the first moment on: a job that comes then waits for it. */
static gboolean occupy(Engine *engine, const char *machine_id, const char *who, gboolean is_brief,
                       GError **error)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_autofree char *owner = g_strdup(g_hash_table_lookup(engine->busy, machine_id));
    if (!owner)
        owner = base_use(engine, machine_id);
    if (!owner)
        g_hash_table_insert(engine->busy, g_strdup(machine_id), g_strdup(who));
    if (!owner && is_brief)
        g_hash_table_add(engine->brief, g_strdup(machine_id));
    g_rw_lock_writer_unlock(&engine->lock);
    if (!owner)
        return TRUE;
    g_autofree char *name = engine_machine_name(engine, machine_id);
    return error_set(error, UNDERPIN_ERROR_BUSY, "wait for it ('underpin job list') and try again",
                     "'%s' is in use: %s", name, owner);
}

gboolean engine_occupy(Engine *engine, const char *machine_id, const char *who, GError **error)
{
    return occupy(engine, machine_id, who, FALSE, error);
}

void engine_vacate(Engine *engine, const char *machine_id)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_hash_table_remove(engine->busy, machine_id);
    g_hash_table_remove(engine->brief, machine_id);
    g_rw_lock_writer_unlock(&engine->lock);
    g_mutex_lock(&engine->gate_lock);
    g_cond_broadcast(&engine->gate_changed);
    g_mutex_unlock(&engine->gate_lock);
}

gboolean engine_occupy_briefly(Engine *engine, const char *machine_id, const char *who,
                               GError **error)
{
    return occupy(engine, machine_id, who, TRUE, error);
}

static gboolean is_brief(Engine *engine, const char *machine_id)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean brief = g_hash_table_contains(engine->brief, machine_id);
    g_rw_lock_reader_unlock(&engine->lock);
    return brief;
}

/* The wake-up may come between the look and the wait: it is looked again after this long at the
 * latest. */
#define LOOK_AGAIN_US (50 * 1000)

gboolean engine_occupy_waiting(Engine *engine, const char *machine_id, const char *who,
                               gint64 deadline, GError **error)
{
    for (;;) {
        g_autoptr(GError) busy = NULL;
        if (engine_occupy(engine, machine_id, who, &busy))
            return TRUE;
        gint64 now = g_get_monotonic_time();
        if (!is_brief(engine, machine_id) || now >= deadline) {
            g_propagate_error(error, g_steal_pointer(&busy));
            return FALSE;
        }
        g_mutex_lock(&engine->gate_lock);
        (void)g_cond_wait_until(&engine->gate_changed, &engine->gate_lock,
                                MIN(deadline, now + LOOK_AGAIN_US));
        g_mutex_unlock(&engine->gate_lock);
    }
}

char *engine_occupant(Engine *engine, const char *machine_id)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean brief = g_hash_table_contains(engine->brief, machine_id);
    char *owner = brief ? NULL : g_strdup(g_hash_table_lookup(engine->busy, machine_id));
    if (!owner)
        owner = base_use(engine, machine_id);
    g_rw_lock_reader_unlock(&engine->lock);
    return owner;
}

/* --- gates
 * -------------------------------------------------------------------------------------------------
 */

static GateState gate_state_locked(Engine *engine, const char *machine_id)
{
    return (GateState)GPOINTER_TO_UINT(g_hash_table_lookup(engine->gates, machine_id));
}

static void gate_set_locked(Engine *engine, const char *machine_id, GateState state)
{
    if (state == GATE_OPEN)
        g_hash_table_remove(engine->gates, machine_id);
    else
        g_hash_table_insert(engine->gates, g_strdup(machine_id), GUINT_TO_POINTER(state));
    g_cond_broadcast(&engine->gate_changed);
}

GateState gate_state(Engine *engine, const char *machine_id)
{
    g_mutex_lock(&engine->gate_lock);
    GateState state = gate_state_locked(engine, machine_id);
    g_mutex_unlock(&engine->gate_lock);
    return state;
}

void gate_set(Engine *engine, const char *machine_id, GateState state)
{
    g_mutex_lock(&engine->gate_lock);
    gate_set_locked(engine, machine_id, state);
    g_mutex_unlock(&engine->gate_lock);
}

/* A gate that somebody else has taken since stays as it is. */
static void unclaim_locked(Engine *engine, const char *machine_id)
{
    if (gate_state_locked(engine, machine_id) == GATE_CLAIMED)
        gate_set_locked(engine, machine_id, GATE_OPEN);
}

/* --- the hook's word against libvirt's */

static void hear_locked(Engine *engine, const char *machine_id)
{
    guint64 *moment = g_new(guint64, 1);
    *moment = ++engine->messages;
    g_hash_table_insert(engine->heard, g_strdup(machine_id), moment);
}

static gboolean is_silent_locked(Engine *engine, const char *machine_id, guint64 moment)
{
    const guint64 *heard = g_hash_table_lookup(engine->heard, machine_id);
    return !heard || *heard <= moment;
}

void gate_hear_start(Engine *engine, const char *machine_id)
{
    g_mutex_lock(&engine->gate_lock);
    hear_locked(engine, machine_id);
    gate_set_locked(engine, machine_id, GATE_CLAIMED);
    g_mutex_unlock(&engine->gate_lock);
}

void gate_hear_release(Engine *engine, const char *machine_id)
{
    g_mutex_lock(&engine->gate_lock);
    hear_locked(engine, machine_id);
    unclaim_locked(engine, machine_id);
    g_mutex_unlock(&engine->gate_lock);
}

guint64 gate_moment(Engine *engine)
{
    g_mutex_lock(&engine->gate_lock);
    guint64 moment = engine->messages;
    g_mutex_unlock(&engine->gate_lock);
    return moment;
}

gboolean gate_is_silent_since(Engine *engine, const char *machine_id, guint64 moment)
{
    g_mutex_lock(&engine->gate_lock);
    gboolean silent = is_silent_locked(engine, machine_id, moment);
    g_mutex_unlock(&engine->gate_lock);
    return silent;
}

gboolean gate_claim_since(Engine *engine, const char *machine_id, guint64 moment)
{
    g_mutex_lock(&engine->gate_lock);
    gboolean silent = is_silent_locked(engine, machine_id, moment);
    if (silent)
        gate_set_locked(engine, machine_id, GATE_CLAIMED);
    g_mutex_unlock(&engine->gate_lock);
    return silent;
}

gboolean gate_unclaim_since(Engine *engine, const char *machine_id, guint64 moment)
{
    g_mutex_lock(&engine->gate_lock);
    gboolean silent = is_silent_locked(engine, machine_id, moment);
    if (silent)
        unclaim_locked(engine, machine_id);
    g_mutex_unlock(&engine->gate_lock);
    return silent;
}

/* --- taking a gate */

static gboolean refuse_busy(Engine *engine, const char *machine_id, const char *what,
                            GError **error)
{
    g_autofree char *name = engine_machine_name(engine, machine_id);
    return error_set(error, UNDERPIN_ERROR_BUSY, "it is settled when it stops", "'%s' %s", name,
                     what);
}

gboolean gate_take(Engine *engine, const char *machine_id, GError **error)
{
    g_mutex_lock(&engine->gate_lock);
    GateState state = gate_state_locked(engine, machine_id);
    if (state == GATE_OPEN)
        gate_set_locked(engine, machine_id, GATE_SETTLING);
    g_mutex_unlock(&engine->gate_lock);
    if (state == GATE_CLAIMED)
        return refuse_busy(engine, machine_id, "is starting or running", error);
    if (state == GATE_SETTLING)
        return refuse_busy(engine, machine_id, "is being settled", error);
    ClaimState claim = claims_state(engine->claims, machine_id);
    if (claim != CLAIM_CLAIMED && claim != CLAIM_STARTED)
        return TRUE;
    gate_set(engine, machine_id, GATE_OPEN);
    return refuse_busy(engine, machine_id, "is starting or running", error);
}

gboolean gate_take_for_start(Engine *engine, const char *machine_id, gint64 deadline,
                             GError **error)
{
    g_mutex_lock(&engine->gate_lock);
    gboolean in_time = TRUE;
    while (in_time && gate_state_locked(engine, machine_id) == GATE_SETTLING)
        in_time = g_cond_wait_until(&engine->gate_changed, &engine->gate_lock, deadline);
    gboolean taken = gate_state_locked(engine, machine_id) != GATE_SETTLING;
    if (taken) {
        hear_locked(engine, machine_id);
        gate_set_locked(engine, machine_id, GATE_SETTLING);
    }
    g_mutex_unlock(&engine->gate_lock);
    if (taken)
        return TRUE;
    g_autofree char *name = engine_machine_name(engine, machine_id);
    return error_set(error, UNDERPIN_ERROR_BUSY, NULL, "'%s' is being moved, try again", name);
}
