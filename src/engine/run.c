/*
 * Running a job: the one shape of every operation.
 *
 *     plan ─▶ occupy ─▶ still the same? ─▶ stage ─▶ commit ─▶ settle ─▶ record
 *               │             │ no: plan again
 *               └ BUSY: that machine is left out
 *
 * Until the commit everything can be given up without a trace; the commit is one transaction for
 * all machines that could be staged; after it each machine is rolled forward, or deferred
 * (invariant 3).
 */
#include <string.h>

#include "engine/run_private.h"
#include "foundation/ids.h"

#define PLAN_ATTEMPTS 5
/* How long an operation waits for a settle that is under way. */
#define BRIEF_SECONDS 10

/* --- telling
 * -----------------------------------------------------------------------------------------------
 */

void run_tell(Run *run, JobItem *item)
{
    if (run->progress)
        run->progress(run->job, item, run->user_data);
}

void run_phase(Run *run, const char *phase)
{
    g_free(run->job->phase);
    run->job->phase = g_strdup(phase);
    run_tell(run, NULL);
}

void run_item_state(Run *run, JobItem *item, ItemState state, const char *message)
{
    item->state = state;
    g_free(item->message);
    item->message = g_strdup(message);
    run->job->done += state == ITEM_DONE;
    run_tell(run, item);
}

void run_item_fail(Run *run, JobItem *item, const GError *error)
{
    job_item_set_error(item, error);
    run->job->done++;
    run_tell(run, item);
}

/* --- verbs
 * -------------------------------------------------------------------------------------------------
 */

typedef struct {
    gboolean exclusive; /* no start between stage and record: the gate is taken first */
    gboolean hook;      /* switches heads: the barrier must be in force */
    gboolean libvirt;   /* defines or undefines domains: refused up front while libvirt is away */
    gboolean frees;     /* what it gives up is deleted before it ends */
} VerbTraits;

static const VerbTraits TRAITS[VERB_COUNT] = {
    [VERB_IMPORT] = {FALSE, TRUE, TRUE},
    [VERB_PREPARE] = {TRUE, TRUE, FALSE},
    [VERB_UNPREPARE] = {TRUE, FALSE, FALSE},
    [VERB_CLONE] = {FALSE, TRUE, TRUE},
    [VERB_RESTORE] = {FALSE, TRUE, FALSE},
    [VERB_REBASE] = {FALSE, TRUE, FALSE},
    [VERB_UNDO] = {FALSE, TRUE, FALSE},
    [VERB_DETACH] = {TRUE, TRUE, FALSE},
    [VERB_REMOVE] = {TRUE, FALSE, TRUE},
    [VERB_EXPORT] = {TRUE, FALSE, TRUE},
    [VERB_VOLUME_ADD] = {TRUE, TRUE, TRUE},
    [VERB_VOLUME_ATTACH] = {TRUE, TRUE, TRUE},
    [VERB_VOLUME_SET_ROLE] = {TRUE, FALSE, FALSE},
    [VERB_VOLUME_RESIZE] = {TRUE, TRUE, FALSE},
    [VERB_START] = {FALSE, FALSE, TRUE},
    [VERB_SHUTDOWN] = {FALSE, FALSE, TRUE},
    [VERB_POWEROFF] = {FALSE, FALSE, TRUE},
    [VERB_REBOOT] = {FALSE, FALSE, TRUE},
    [VERB_PURGE] = {FALSE, FALSE, FALSE, TRUE},
    [VERB_FORGET] = {FALSE, FALSE, FALSE, TRUE},
};

static gboolean check_world(Engine *engine, const Request *request, GError **error)
{
    Verb verb = request->verb;
    return (request_is_rebuild(request) || engine_check_unquestioned(engine, error)) &&
           (!TRAITS[verb].hook || engine_check_hook(engine, error)) &&
           (!TRAITS[verb].libvirt || hypervisor_ping(engine->hypervisor, error));
}

/* --- owning
 * ------------------------------------------------------------------------------------------------
 */

static void vacate_all(Run *run)
{
    for (guint i = 0; i < run->occupied->len; i++)
        engine_vacate(run->engine, g_ptr_array_index(run->occupied, i));
    for (guint i = 0; i < run->bases->len; i++)
        engine_base_release(run->engine, g_ptr_array_index(run->bases, i));
    g_ptr_array_set_size(run->occupied, 0);
    g_ptr_array_set_size(run->bases, 0);
}

void run_vacate(Run *run, const char *machine_id)
{
    guint index = 0;
    if (!g_ptr_array_find_with_equal_func(run->occupied, machine_id, g_str_equal, &index))
        return;
    engine_vacate(run->engine, machine_id);
    g_ptr_array_remove_index(run->occupied, index);
}

static gboolean occupy_key(Run *run, const char *key, GError **error)
{
    g_autofree char *who =
        g_strdup_printf("job %s (%s)", run->job->id, verb_name(run->job->request->verb));
    gint64 deadline = g_get_monotonic_time() + BRIEF_SECONDS * G_USEC_PER_SEC;
    if (!engine_occupy_waiting(run->engine, key, who, deadline, error))
        return FALSE;
    g_ptr_array_add(run->occupied, g_strdup(key));
    return TRUE;
}

static gboolean is_new(const PlanItem *item)
{
    return item->next && item->next->actual_place == PLACE_NONE;
}

static gboolean occupy_kept(Run *run, const char *id, GError **error)
{
    g_autofree char *key = g_strdup_printf("kept:%s", id);
    return occupy_key(run, key, error);
}

/* A kept volume becomes a head of one machine only, or goes. */
static gboolean occupy_all_kept(Run *run, const PlanItem *item, GError **error)
{
    const Request *request = run->job->request;
    for (guint i = 0; item->purged && i < item->purged->len; i++)
        if (!occupy_kept(run, ((KeptVolume *)g_ptr_array_index(item->purged, i))->id, error))
            return FALSE;
    return request->verb != VERB_VOLUME_ATTACH || occupy_kept(run, request->volume, error);
}

static gboolean occupy_item(Run *run, const PlanItem *item, GError **error)
{
    if (!item->machine_id)
        return TRUE;
    if (!occupy_all_kept(run, item, error))
        return FALSE;
    g_autofree char *name_key = g_strdup_printf("name:%s", item->name);
    return occupy_key(run, is_new(item) ? name_key : item->machine_id, error);
}

static gboolean hold_base(Run *run, const char *base_id, GError **error)
{
    if (!base_id || g_ptr_array_find_with_equal_func(run->bases, base_id, g_str_equal, NULL))
        return TRUE;
    if (!engine_base_hold(run->engine, base_id, error))
        return FALSE;
    g_ptr_array_add(run->bases, g_strdup(base_id));
    return TRUE;
}

/* What the job needs to stay as it is: the bases that its machines leave and enter. */
static gboolean hold_bases(Run *run, const PlanItem *item, GError **error)
{
    g_autoptr(Machine) machine =
        item->machine_id ? engine_machine(run->engine, item->machine_id) : NULL;
    return !item->desired || (hold_base(run, item->desired->base_id, error) &&
                              hold_base(run, machine ? machine_base_id(machine) : NULL, error));
}

static gboolean is_to_be_done(const PlanItem *item)
{
    return item->decision == DECISION_NOW || item->decision == DECISION_PENDING;
}

static void occupy_items(Run *run)
{
    for (guint i = 0; i < run->plan->items->len; i++) {
        PlanItem *item = g_ptr_array_index(run->plan->items, i);
        g_autoptr(GError) error = NULL;
        if (is_to_be_done(item) &&
            (!occupy_item(run, item, &error) || !hold_bases(run, item, &error)))
            plan_item_refuse(item, error);
    }
}

static gboolean is_kept_still(Run *run, const char *id)
{
    g_rw_lock_reader_lock(&run->engine->lock);
    gboolean same = g_hash_table_lookup(run->engine->inventory->kept, id) ==
                    g_hash_table_lookup(run->seen->kept, id);
    g_rw_lock_reader_unlock(&run->engine->lock);
    return same;
}

static gboolean are_kept_still(Run *run, const PlanItem *item)
{
    const Request *request = run->job->request;
    for (guint i = 0; item->purged && i < item->purged->len; i++)
        if (!is_kept_still(run, ((KeptVolume *)g_ptr_array_index(item->purged, i))->id))
            return FALSE;
    return request->verb != VERB_VOLUME_ATTACH || is_kept_still(run, request->volume);
}

/* Records are immutable: a machine is what it was when planned exactly if its record is the same
 * object. */
static gboolean is_still_true(Run *run)
{
    for (guint i = 0; i < run->plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(run->plan->items, i);
        if (!is_to_be_done(item) || !item->machine_id)
            continue;
        g_autoptr(Machine) now = engine_machine(run->engine, item->machine_id);
        if (now != g_hash_table_lookup(run->seen->machines, item->machine_id) ||
            !are_kept_still(run, item))
            return FALSE;
    }
    return TRUE;
}

static gboolean plan_and_occupy(Run *run, GError **error)
{
    g_autoptr(Request) request = request_copy(run->job->request);
    request->shutdown_first = FALSE; /* that has been done: what runs now is refused */
    for (guint attempt = 0; attempt < PLAN_ATTEMPTS; attempt++) {
        g_clear_pointer(&run->plan, plan_free);
        g_clear_pointer(&run->seen, inventory_free);
        run->seen = engine_snapshot(run->engine);
        run->plan = engine_plan_on(run->engine, request, run->seen, error);
        if (!run->plan)
            return FALSE;
        occupy_items(run);
        if (is_still_true(run))
            return TRUE;
        vacate_all(run);
    }
    return error_set(error, UNDERPIN_ERROR_BUSY, "try again",
                     "the machines changed while they were being looked at");
}

/* --- items
 * -------------------------------------------------------------------------------------------------
 */

static void take_item(Run *run, PlanItem *item)
{
    JobItem *job_item = job_item_new(item->machine_id ? item->machine_id : "", item->name);
    g_ptr_array_add(run->job->items, job_item);
    if (item->decision == DECISION_SKIP) {
        job_item->state = ITEM_SKIPPED;
        job_item->message = g_strdup(item->reason);
    } else if (item->decision == DECISION_REFUSE) {
        g_autoptr(GError) error = NULL;
        error_set(&error, item->code, item->hint, "%s", item->reason);
        job_item_set_error(job_item, error);
    } else {
        Work *work = g_new0(Work, 1);
        work->item = item;
        work->job_item = job_item;
        g_ptr_array_add(run->works, work);
    }
}

static void take_items(Run *run)
{
    g_ptr_array_set_size(run->job->items, 0);
    for (guint i = 0; i < run->plan->items->len; i++)
        take_item(run, g_ptr_array_index(run->plan->items, i));
    run->job->total = run->works->len;
    run->job->done = 0;
}

/* --- stage
 * -------------------------------------------------------------------------------------------------
 */

static void drop_work(Run *run, Work *work, const GError *error)
{
    if (work->exported)
        (void)storage_export_abandon(run->engine->storage, work->item->next, NULL);
    if (work->staged)
        (void)storage_abandon(run->engine->storage, work->item->machine_id, NULL);
    if (work->has_gate)
        gate_set(run->engine, work->item->machine_id, GATE_OPEN);
    run_item_fail(run, work->job_item, error);
}

/* Of a machine that runs: somebody may have pulled a head off its layer since it was recorded. */
static void take_off_pulled(Run *run, const PlanItem *item)
{
    if (!item->next->session)
        return;
    g_autoptr(GHashTable) pulled = pulled_heads(run->engine, item->next);
    pulled_take_off(item->desired, pulled);
}

static gboolean stage_work(Run *run, Work *work, GError **error)
{
    PlanItem *item = work->item;
    gboolean gate = item->next && TRAITS[run->job->request->verb].exclusive;
    if (gate && !gate_take(run->engine, item->machine_id, error))
        return FALSE;
    work->has_gate = gate;
    if (item->next && item->next->export_out) {
        work->exported = TRUE; /* also where it fails half-way */
        return storage_export(run->engine->storage, item->next, run->cancellable, error);
    }
    if (!item->desired)
        return TRUE;
    g_free(item->desired->job_id);
    item->desired->job_id = g_strdup(run->job->id);
    take_off_pulled(run, item);
    work->staged =
        storage_stage(run->engine->storage, item->next, item->desired, run->cancellable, error);
    return work->staged;
}

static gboolean sync_staged(Run *run, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < run->works->len; i++) {
        const Work *work = g_ptr_array_index(run->works, i);
        if (work->staged)
            g_ptr_array_add(ids, work->item->machine_id);
    }
    g_ptr_array_add(ids, NULL);
    return ids->len == 1 ||
           storage_sync(run->engine->storage, (const char *const *)ids->pdata, error);
}

static void drop_all(Run *run, const GError *error)
{
    for (guint i = 0; i < run->works->len; i++)
        drop_work(run, g_ptr_array_index(run->works, i), error);
    g_ptr_array_set_size(run->works, 0);
}

static gboolean stage_all(Run *run, GError **error)
{
    run_phase(run, "staging");
    for (guint i = 0; i < run->works->len;) {
        Work *work = g_ptr_array_index(run->works, i);
        g_autoptr(GError) problem = NULL;
        if (g_cancellable_is_cancelled(run->cancellable))
            return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL,
                             "cancelled before anything was changed");
        if (stage_work(run, work, &problem)) {
            i++;
            continue;
        }
        drop_work(run, work, problem);
        g_ptr_array_remove_index(run->works, i);
    }
    return sync_staged(run, error);
}

/* --- commit
 * ------------------------------------------------------------------------------------------------
 */

/* The data heads of a machine that is removed become kept volumes: in the trash, or kept on
 * request. */
static void put_kept(Run *run, const Machine *next, Changes *changes)
{
    const Generation *actual = machine_actual(next);
    gint64 now = engine_now(run->engine);
    for (guint i = 0; actual && i < actual->heads->len; i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        if (head->role != ROLE_DATA || next->discard || next->retired || next->export_out)
            continue;
        g_autofree char *id = id_new();
        g_autofree char *path =
            g_strdup_printf("trash/%s/data/%s.%s", id, head->target, head->format);
        g_autoptr(KeptVolume) volume = kept_volume_new(id, path, head->target, head->format);
        volume->capacity_bytes = head->capacity_bytes;
        volume->layer_id = g_strdup(head->layer_id);
        volume->layer_format = g_strdup(head->layer_format);
        volume->machine_id = g_strdup(next->id);
        volume->machine_name = g_strdup(next->name);
        volume->removed_at = now;
        volume->expires_at = next->keep_data ? 0 : now + run->engine->config.undo_retention_seconds;
        changes_put_kept(changes, volume);
    }
}

/* A machine that started and stopped meanwhile was cleaned by its next start: it is asked for
 * again, the others go on. */
static void drop_moved(Run *run)
{
    for (guint i = 0; i < run->works->len;) {
        Work *work = g_ptr_array_index(run->works, i);
        const Machine *seen = work->item->machine_id
                                  ? g_hash_table_lookup(run->seen->machines, work->item->machine_id)
                                  : NULL;
        g_autoptr(GError) moved = NULL;
        if (!work->item->next || !seen || !engine_has_moved(run->engine, seen)) {
            i++;
            continue;
        }
        error_set(&moved, UNDERPIN_ERROR_BUSY, "try again", "'%s' was started meanwhile",
                  work->item->name);
        drop_work(run, work, moved);
        g_ptr_array_remove_index(run->works, i);
    }
}

/* What the plan gives up goes on the list of what may be deleted. */
static void give_up(Run *run, const PlanItem *item, Changes *changes)
{
    gint64 now = engine_now(run->engine);
    for (guint i = 0; item->purged && i < item->purged->len; i++)
        reclaim_list_kept(g_ptr_array_index(item->purged, i), changes, now);
    if (item->forgotten)
        reclaim_list_dropped(g_hash_table_lookup(run->seen->machines, item->machine_id), item->next,
                             changes, now);
}

static void put_item(Run *run, const PlanItem *item, Changes *changes)
{
    give_up(run, item, changes);
    if (!item->next)
        return;
    changes_put_machine(changes, item->next);
    if (item->next->desired_place == PLACE_GONE)
        put_kept(run, item->next, changes);
}

static gboolean commit_all(Run *run, GError **error)
{
    g_autoptr(Changes) changes = changes_new();
    drop_moved(run);
    run_phase(run, "committing");
    for (guint i = 0; i < run->works->len; i++)
        put_item(run, ((Work *)g_ptr_array_index(run->works, i))->item, changes);
    if (changes_is_empty(changes))
        return TRUE;
    if (g_cancellable_is_cancelled(run->cancellable))
        return error_set(error, UNDERPIN_ERROR_CANCELLED, NULL,
                         "cancelled before anything was changed");
    run->job->committed = TRUE;
    changes_put_job(changes, run->job);
    if (engine_commit_seen(run->engine, changes, run->seen->machines, error))
        return TRUE;
    run->job->committed = FALSE;
    return FALSE;
}

/* --- the run
 * -----------------------------------------------------------------------------------------------
 */

static guint count_items(const Job *job, ItemState state)
{
    guint count = 0;
    for (guint i = 0; i < job->items->len; i++)
        count += ((JobItem *)g_ptr_array_index(job->items, i))->state == state;
    return count;
}

JobState run_end_state(const Run *run)
{
    return count_items(run->job, ITEM_PENDING)  ? JOB_PENDING
           : count_items(run->job, ITEM_FAILED) ? JOB_FAILED
                                                : JOB_DONE;
}

static void conclude(Run *run, const GError *problem)
{
    Job *job = run->job;
    g_clear_pointer(&job->phase, g_free);
    if (problem) {
        job->state = error_code(problem) == UNDERPIN_ERROR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
        job->error_code = (int)error_code(problem);
        g_free(job->message);
        g_free(job->hint);
        job->message = g_strdup(problem->message);
        job->hint = g_strdup(error_hint(problem));
    } else {
        job->state = run_end_state(run);
    }
    if (!job->end_recorded)
        job->finished_at = job_state_is_final(job->state) ? engine_now(run->engine) : 0;
    run_tell(run, NULL);
}

static void note_pace(Run *run, gint64 started, guint machines)
{
    if (!machines)
        return;
    double seconds = (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
    g_rw_lock_writer_lock(&run->engine->lock);
    run->engine->seconds_per_machine = seconds / machines;
    g_rw_lock_writer_unlock(&run->engine->lock);
}

/* The machines of a request that have a session. */
typedef struct {
    const Request *request;
    GPtrArray *ids; /* char * */
} Sessions;

static void find_sessions(const Inventory *inventory, gpointer user_data)
{
    Sessions *sessions = user_data;
    const Request *request = sessions->request;
    const Machine *base = request->all_of ? inventory_find(inventory, request->all_of) : NULL;
    g_autoptr(GPtrArray) clones = base ? inventory_clones(inventory, base->id) : NULL;
    for (guint i = 0; clones && i < clones->len; i++)
        if (((Machine *)g_ptr_array_index(clones, i))->session)
            g_ptr_array_add(sessions->ids, g_strdup(((Machine *)clones->pdata[i])->id));
    for (guint i = 0; i < request->machines->len; i++) {
        const Machine *machine = inventory_find(inventory, g_ptr_array_index(request->machines, i));
        if (machine && machine->session)
            g_ptr_array_add(sessions->ids, g_strdup(machine->id));
    }
}

/* A machine that has just stopped may still have its session's end to settle; then it is like any
 * stopped one. */
static void settle_first(Run *run)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    Sessions sessions = {run->job->request, ids};
    engine_read(run->engine, find_sessions, &sessions);
    for (guint i = 0; i < ids->len; i++)
        if (engine_power(run->engine, g_ptr_array_index(ids, i)) == POWER_OFF)
            (void)engine_settle(run->engine, g_ptr_array_index(ids, i), NULL);
}

/* 'prepare --shutdown': first a stop, then the plan finds the machine stopped. */
static void shut_down_first(Run *run)
{
    const Request *request = run->job->request;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < request->machines->len; i++) {
        g_autoptr(Machine) machine =
            engine_find_machine(run->engine, g_ptr_array_index(request->machines, i), NULL);
        if (machine && engine_power(run->engine, machine->id) == POWER_RUNNING)
            g_ptr_array_add(ids, g_strdup(machine->id));
    }
    if (!ids->len)
        return;
    run_phase(run, "shutting down");
    run_shut_down(run, ids, request->grace_seconds, FALSE);
    for (guint i = 0; i < ids->len; i++)
        (void)engine_settle(run->engine, g_ptr_array_index(ids, i), NULL);
}

/* A few are renewed at once, so that a start by virsh right after the job finds them; many in the
 * background. */
#define IDENTITIES_AT_ONCE 16

static void renew_identities(Run *run)
{
    for (guint i = 0; run->works->len <= IDENTITIES_AT_ONCE && i < run->works->len; i++) {
        const Work *work = g_ptr_array_index(run->works, i);
        if (work->job_item->state == ITEM_DONE)
            identity_refresh_noted(run->engine, work->item->machine_id);
    }
}

static gboolean run_steps(Run *run, GError **error)
{
    const Request *request = run->job->request;
    if (!request_validate(request, error) || !check_world(run->engine, request, error))
        return FALSE;
    if (request->verb == VERB_PREPARE && request->shutdown_first)
        shut_down_first(run);
    settle_first(run);
    run_digest_before(run);
    run_phase(run, "planning");
    if (!plan_and_occupy(run, error))
        return FALSE;
    take_items(run);
    gint64 started = g_get_monotonic_time();
    guint machines = run->works->len;
    g_autoptr(GError) problem = NULL;
    if (!stage_all(run, &problem) || !commit_all(run, &problem)) {
        drop_all(run, problem);
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (run->job->committed) {
        run_settle(run);
        renew_identities(run);
        run_digest_after(run);
        if (TRAITS[request->verb].frees)
            run_free_room(run);
    }
    run_actions(run);
    note_pace(run, started, machines);
    return TRUE;
}

gboolean engine_run(Engine *engine, Job *job, EngineProgress progress, gpointer user_data,
                    GCancellable *cancellable, GError **error)
{
    Run run = {.engine = engine,
               .job = job,
               .progress = progress,
               .user_data = user_data,
               .cancellable = cancellable};
    run.works = g_ptr_array_new_with_free_func(g_free);
    run.occupied = g_ptr_array_new_with_free_func(g_free);
    run.bases = g_ptr_array_new_with_free_func(g_free);
    run.digests =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
    g_autoptr(GError) problem = NULL;
    job->state = JOB_RUNNING;
    job->started_at = engine_now(engine);
    gboolean ok = run_steps(&run, &problem);
    vacate_all(&run);
    conclude(&run, problem);
    g_clear_pointer(&run.plan, plan_free);
    g_clear_pointer(&run.seen, inventory_free);
    g_ptr_array_unref(run.works);
    g_ptr_array_unref(run.occupied);
    g_ptr_array_unref(run.bases);
    g_hash_table_unref(run.digests);
    if (!ok)
        g_propagate_error(error, g_steal_pointer(&problem));
    return ok;
}
