/* The model: see model.h. Each operation says what it does to the model, asks the engine for it,
 * and compares. */
#include "model.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#define DAY_SECONDS 86400

/* --- parts
 * -------------------------------------------------------------------------------------------------
 */

static guint pick(Model *model, guint bound)
{
    return (guint)g_rand_int_range(model->random, 0, (gint32)bound);
}

static ModelMachine *add(Model *model, const char *name)
{
    ModelMachine *machine = g_new0(ModelMachine, 1);
    g_strlcpy(machine->name, name, sizeof machine->name);
    g_ptr_array_add(model->machines, machine);
    return machine;
}

static ModelMachine *find(Model *model, const char *name)
{
    for (guint i = 0; i < model->machines->len; i++) {
        ModelMachine *machine = g_ptr_array_index(model->machines, i);
        if (strcmp(machine->name, name) == 0)
            return machine;
    }
    return NULL;
}

static ModelMachine *pick_machine(Model *model, gboolean base)
{
    guint start = pick(model, model->machines->len);
    for (guint i = 0; i < model->machines->len; i++) {
        ModelMachine *machine =
            g_ptr_array_index(model->machines, (start + i) % model->machines->len);
        if (machine->is_base == base && !machine->retired)
            return machine;
    }
    return NULL;
}

static ModelVolume *volume_of(ModelMachine *machine, const char *target)
{
    for (guint i = 0; i < machine->volume_count; i++)
        if (strcmp(machine->volumes[i].target, target) == 0)
            return &machine->volumes[i];
    return NULL;
}

static ModelVolume *add_volume(ModelMachine *machine, const char *target, Role role, gboolean own,
                               const char *text)
{
    ModelVolume *volume = &machine->volumes[machine->volume_count++];
    *volume = (ModelVolume){.role = role, .own = own};
    g_strlcpy(volume->target, target, sizeof volume->target);
    g_strlcpy(volume->text, text, sizeof volume->text);
    return volume;
}

static void count(Model *model, const char *what)
{
    guint times = GPOINTER_TO_UINT(g_hash_table_lookup(model->done, what));
    g_hash_table_insert(model->done, g_strdup(what), GUINT_TO_POINTER(times + 1));
}

/* UNDERPIN_TEST_TRACE=1 tells the story of a run that failed. */
static void tell(const ModelMachine *machine, const Job *job)
{
    if (!g_getenv("UNDERPIN_TEST_TRACE"))
        return;
    print_message("%s %s%s: %s\n", verb_name(job->request->verb), machine ? machine->name : "",
                  machine && machine->runs ? " (runs)" : "", job_state_name(job->state));
}

/* --- what happens to volumes: the table of DESIGN.md, section 2
 * ------------------------------------------------- */

static void fresh_volume(ModelVolume *volume, const ModelVolume *from)
{
    g_strlcpy(volume->text, from ? from->text : "", sizeof volume->text);
    volume->written = FALSE;
}

static void reset_temporary(Model *model, ModelMachine *machine, const char *base_name)
{
    ModelMachine *base = find(model, base_name);
    for (guint i = 0; i < machine->volume_count; i++) {
        ModelVolume *volume = &machine->volumes[i];
        if (volume->role == ROLE_TEMPORARY)
            fresh_volume(volume, volume->own ? NULL : volume_of(base, volume->target));
    }
}

static void push_undo(Model *model, ModelMachine *machine)
{
    gboolean written = FALSE;
    for (guint i = 0; i < machine->volume_count; i++)
        written =
            written || (machine->volumes[i].role == ROLE_SYSTEM && machine->volumes[i].written);
    if (!written)
        return;
    assert_true(machine->undo_count < MODEL_UNDO);
    ModelEntry *entry = &machine->undo[machine->undo_count++];
    memcpy(entry->volumes, machine->volumes, sizeof entry->volumes);
    g_strlcpy(entry->base, machine->base, sizeof entry->base);
    entry->replaced_at = model->now;
}

static void become_fresh(Model *model, ModelMachine *machine, const char *base_name)
{
    ModelMachine *base = find(model, base_name);
    push_undo(model, machine);
    for (guint i = 0; i < machine->volume_count; i++)
        if (machine->volumes[i].role == ROLE_SYSTEM && !machine->volumes[i].own)
            fresh_volume(&machine->volumes[i], volume_of(base, machine->volumes[i].target));
    reset_temporary(model, machine, base_name);
    g_strlcpy(machine->base, base_name, sizeof machine->base);
}

static void become_old(Model *model, ModelMachine *machine)
{
    assert_true(machine->undo_count > 0);
    ModelEntry entry = machine->undo[--machine->undo_count];
    push_undo(model, machine);
    for (guint i = 0; i < machine->volume_count; i++)
        if (machine->volumes[i].role == ROLE_SYSTEM)
            machine->volumes[i] = entry.volumes[i];
    reset_temporary(model, machine, entry.base);
    g_strlcpy(machine->base, entry.base, sizeof machine->base);
}

static void fulfil(Model *model, ModelMachine *machine, Wish wish, const char *base_name)
{
    if (wish == WISH_FRESH)
        become_fresh(model, machine, base_name);
    else
        become_old(model, machine);
}

/* --- asking the engine
 * ------------------------------------------------------------------------------------------ */

static ItemState expected_state(Decision decision)
{
    static const ItemState STATES[DECISION_COUNT] = {
        [DECISION_NOW] = ITEM_DONE,
        [DECISION_PENDING] = ITEM_PENDING,
        [DECISION_SKIP] = ITEM_SKIPPED,
        [DECISION_REFUSE] = ITEM_FAILED,
    };
    return STATES[decision];
}

static void assert_proven(const JobItem *item)
{
    if (item->receipt && !strstr(item->receipt, "\"proven\":true"))
        fail_msg("'%s': the receipt proves nothing: %s", item->machine_name, item->receipt);
}

static void compare_plan(const Plan *plan, const Job *job)
{
    assert_int_equal(plan->items->len, job->items->len);
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *planned = g_ptr_array_index(plan->items, i);
        const JobItem *item = g_ptr_array_index(job->items, i);
        assert_string_equal(planned->name, item->machine_name);
        if (item->state != expected_state(planned->decision))
            fail_msg("%s of '%s': planned '%s', became '%s': %s", verb_name(job->request->verb),
                     planned->name, decision_name(planned->decision), item_state_name(item->state),
                     item->message ? item->message : "");
        assert_proven(item);
    }
}

static const char *request_names(const Request *request)
{
    return request->machines->len ? g_ptr_array_index(request->machines, 0) : NULL;
}

/* Plans and runs; the run must do what the plan said. Takes the request. */
static Job *plan_and_run(Model *model, Request *request)
{
    g_autoptr(GError) refusal = NULL;
    g_autoptr(Plan) plan = engine_plan(model->world->engine, request, &refusal);
    Job *job = world_run(model->world, request);
    if (plan) {
        compare_plan(plan, job);
    } else {
        assert_int_equal(job->state, JOB_FAILED);
        assert_int_equal(job->error_code, error_code(refusal));
    }
    const char *name = request_names(job->request);
    tell(name ? find(model, name) : NULL, job);
    return job;
}

static ItemState state_of(const Job *job)
{
    return job->items->len ? ((JobItem *)g_ptr_array_index(job->items, 0))->state : ITEM_FAILED;
}

static void assert_became(const Job *job, const char *name, ItemState expected)
{
    if (state_of(job) != expected)
        fail_msg("%s of '%s' is '%s', not '%s': %s", verb_name(job->request->verb), name,
                 item_state_name(state_of(job)), item_state_name(expected),
                 job->items->len ? ((JobItem *)g_ptr_array_index(job->items, 0))->message
                                 : job->message);
}

/* --- operations
 * ---------------------------------------------------------------------------------------------------
 */

static guint living(Model *model, gboolean base)
{
    guint found = 0;
    for (guint i = 0; i < model->machines->len; i++) {
        const ModelMachine *machine = g_ptr_array_index(model->machines, i);
        found += machine->is_base == base && !machine->retired;
    }
    return found;
}

static void make_clone(Model *model)
{
    ModelMachine *base = pick_machine(model, TRUE);
    if (!base || living(model, FALSE) >= MODEL_MACHINES)
        return;
    g_autofree char *name = g_strdup_printf("lab-%u", ++model->names);
    world_clone(model->world, base->name, name);
    ModelMachine *clone = add(model, name);
    g_strlcpy(clone->base, base->name, sizeof clone->base);
    for (guint i = 0; i < base->volume_count; i++)
        add_volume(clone, base->volumes[i].target, base->volumes[i].role, FALSE,
                   base->volumes[i].text);
    count(model, "clone");
}

static void write_something(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine)
        return;
    ModelVolume *volume = &machine->volumes[pick(model, machine->volume_count)];
    g_snprintf(volume->text, sizeof volume->text, "text %u", ++model->texts);
    volume->written = TRUE;
    world_write(model->world, machine->name, volume->target, volume->text);
    count(model, "write");
}

static void start(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || machine->runs)
        return;
    world_do(model->world, world_request(VERB_START, machine->name, NULL));
    machine->runs = TRUE;
    count(model, "start");
}

static void after_stop(Model *model, ModelMachine *machine)
{
    machine->runs = FALSE;
    if (machine->wish != WISH_NONE)
        fulfil(model, machine, machine->wish, machine->wish_base);
    else if (machine->base[0])
        reset_temporary(model, machine, machine->base);
    machine->wish = WISH_NONE;
}

static void stop_machine(Model *model, ModelMachine *machine)
{
    g_autoptr(Machine) record = world_machine(model->world, machine->name);
    memory_hypervisor_guest_stops(model->world->hypervisor, record->uuid);
    world_settle_wanted(model->world);
    after_stop(model, machine);
}

static void stop(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || !machine->runs)
        return;
    stop_machine(model, machine);
    count(model, "stop");
}

/* The wish is fulfilled at once, or when the machine stops. */
static void take_wish(Model *model, ModelMachine *machine, const Job *job, Wish wish,
                      const char *base_name)
{
    assert_became(job, machine->name, machine->runs ? ITEM_PENDING : ITEM_DONE);
    if (!machine->runs) {
        fulfil(model, machine, wish, base_name);
        return;
    }
    machine->wish = wish;
    g_strlcpy(machine->wish_base, base_name, sizeof machine->wish_base);
}

static void restore(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine)
        return;
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_RESTORE, machine->name, NULL));
    if (!machine->base[0]) {
        assert_became(job, machine->name, ITEM_FAILED);
        return;
    }
    take_wish(model, machine, job, WISH_FRESH, machine->base);
    count(model, "restore");
}

static guint outline_length(const ModelMachine *machine)
{
    guint length = 0;
    for (guint i = 0; i < machine->volume_count; i++)
        length += !machine->volumes[i].own;
    return length;
}

static gboolean outlines_are_equal(ModelMachine *one, ModelMachine *other)
{
    if (outline_length(one) != outline_length(other))
        return FALSE;
    for (guint i = 0; i < one->volume_count; i++)
        if (one->volumes[i].role != other->volumes[i].role ||
            strcmp(one->volumes[i].target, other->volumes[i].target) != 0)
            return FALSE;
    return TRUE;
}

static const char *destination(const ModelMachine *machine)
{
    return machine->wish == WISH_FRESH  ? machine->wish_base
           : machine->wish == WISH_UNDO ? machine->undo[machine->undo_count - 1].base
                                        : machine->base;
}

static void rebase_result(Model *model, ModelMachine *machine, ModelMachine *onto,
                          gboolean even_held, const Job *job)
{
    gboolean held = machine->held && !even_held;
    if (machine->base[0] ? !outlines_are_equal(find(model, machine->base), onto) : !held)
        assert_became(job, machine->name, ITEM_FAILED);
    else if (held || strcmp(destination(machine), onto->name) == 0)
        assert_became(job, machine->name, ITEM_SKIPPED);
    else
        take_wish(model, machine, job, WISH_FRESH, onto->name);
}

static void rebase_one(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    ModelMachine *onto = pick_machine(model, TRUE);
    if (!machine || !onto)
        return;
    Request *request = step_rebase(machine->name, onto->name);
    gboolean even_held = request->even_held = pick(model, 3) == 0;
    g_autoptr(Job) job = plan_and_run(model, request);
    rebase_result(model, machine, onto, even_held, job);
    count(model, "rebase");
}

static void rebase_all(Model *model)
{
    ModelMachine *from = pick_machine(model, TRUE);
    ModelMachine *onto = pick_machine(model, TRUE);
    if (!from || from == onto)
        return;
    g_autoptr(Job) job = plan_and_run(model, step_rebase_all(from->name, onto->name));
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        ModelMachine *machine = find(model, item->machine_name);
        if (item->state == ITEM_PENDING) {
            machine->wish = WISH_FRESH;
            g_strlcpy(machine->wish_base, onto->name, sizeof machine->wish_base);
        } else if (item->state == ITEM_DONE) {
            become_fresh(model, machine, onto->name);
        } else {
            assert_true(machine->held || strcmp(destination(machine), onto->name) == 0 ||
                        !outlines_are_equal(find(model, machine->base), onto));
        }
    }
    count(model, "rebase all");
}

static void undo(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine)
        return;
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_UNDO, machine->name, NULL));
    if (!machine->base[0] || (machine->wish == WISH_NONE && !machine->undo_count)) {
        assert_became(job, machine->name, ITEM_FAILED);
        return;
    }
    machine->held = TRUE;
    if (machine->wish != WISH_NONE) {
        assert_became(job, machine->name, ITEM_DONE);
        machine->wish = WISH_NONE;
        count(model, "cancel");
        return;
    }
    take_wish(model, machine, job, WISH_UNDO, "");
    count(model, "undo");
}

static void hold_or_release(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine)
        return;
    gboolean hold = pick(model, 3) == 0;
    g_autoptr(Job) job =
        plan_and_run(model, world_request(hold ? VERB_HOLD : VERB_RELEASE, machine->name, NULL));
    assert_became(job, machine->name, machine->held == hold ? ITEM_SKIPPED : ITEM_DONE);
    machine->held = hold;
    count(model, hold ? "hold" : "release");
}

static void detach(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || pick(model, 4))
        return;
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_DETACH, machine->name, NULL));
    if (machine->runs || !machine->base[0]) {
        assert_became(job, machine->name, machine->runs ? ITEM_FAILED : ITEM_SKIPPED);
        return;
    }
    assert_became(job, machine->name, ITEM_DONE);
    machine->base[0] = '\0';
    machine->undo_count = 0;
    for (guint i = 0; i < machine->volume_count; i++)
        machine->volumes[i].own = FALSE;
    count(model, "detach");
}

static void remove_machine(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || living(model, FALSE) < 3)
        return;
    Request *request = world_request(VERB_REMOVE, machine->name, NULL);
    request->now = pick(model, 3) == 0;
    request->keep_data = !request->now && pick(model, 2);
    g_autoptr(Job) job = plan_and_run(model, request);
    assert_became(job, machine->name, machine->runs ? ITEM_FAILED : ITEM_DONE);
    if (machine->runs)
        return;
    assert_false(world_has(model->world, machine->name));
    g_ptr_array_remove(model->machines, machine);
    count(model, "remove");
}

static gboolean has_clones(Model *model, const ModelMachine *base)
{
    for (guint i = 0; i < model->machines->len; i++) {
        const ModelMachine *machine = g_ptr_array_index(model->machines, i);
        if (machine->is_base || !machine->base[0])
            continue;
        if (strcmp(machine->base, base->name) == 0 || strcmp(destination(machine), base->name) == 0)
            return TRUE;
    }
    return FALSE;
}

static void remove_base(Model *model)
{
    ModelMachine *base = pick_machine(model, TRUE);
    if (!base || living(model, TRUE) < 3)
        return;
    gboolean refused = has_clones(model, base);
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_REMOVE, base->name, NULL));
    assert_became(job, base->name, refused ? ITEM_FAILED : ITEM_DONE);
    if (refused)
        return;
    base->retired = TRUE;
    count(model, "remove base");
}

static void prepare(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || living(model, TRUE) >= MODEL_MACHINES)
        return;
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_PREPARE, machine->name, NULL));
    assert_became(job, machine->name, machine->runs ? ITEM_FAILED : ITEM_DONE);
    if (machine->runs)
        return;
    machine->is_base = TRUE;
    for (guint i = 0; i < machine->volume_count; i++)
        machine->volumes[i].own = FALSE;
    count(model, "prepare");
}

/* A layer that was flattened meanwhile has content of its own: as a head it counts as written. */
static void note_flattened(Model *model, ModelMachine *machine)
{
    g_autoptr(Machine) record = world_machine(model->world, machine->name);
    for (guint i = 0; i < machine->volume_count; i++)
        if (!generation_head(machine_actual(record), machine->volumes[i].target)->layer_id)
            machine->volumes[i].written = TRUE;
}

/* A clone again, with what its base does not have as its own; alone, where nothing of its base is
 * left. */
static void rejoin_base(Model *model, ModelMachine *machine)
{
    g_autoptr(Machine) record = world_machine(model->world, machine->name);
    ModelMachine *base = machine->base[0] ? find(model, machine->base) : NULL;
    if (!machine_is_clone(record)) {
        assert_true(!base || base->retired);
        machine->base[0] = '\0';
        return;
    }
    for (guint i = 0; i < machine->volume_count; i++)
        machine->volumes[i].own = volume_of(base, machine->volumes[i].target) == NULL;
}

/* Whoever needs the base's layers is not modelled: it may be refused, but never with clones left
 * behind. */
static void unprepare(Model *model)
{
    ModelMachine *base = pick_machine(model, TRUE);
    if (!base || living(model, TRUE) < 3)
        return;
    gboolean clones = has_clones(model, base);
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_UNPREPARE, base->name, NULL));
    if (state_of(job) != ITEM_DONE)
        return;
    assert_false(clones);
    base->is_base = FALSE;
    note_flattened(model, base);
    rejoin_base(model, base);
    count(model, "unprepare");
}

static void add_own_volume(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || machine->volume_count == MODEL_VOLUMES || pick(model, 3))
        return;
    const char target[] = {'v', 'd', (char)('a' + machine->volume_count), '\0'};
    Role role = pick(model, 2) ? ROLE_DATA : ROLE_TEMPORARY;
    g_autoptr(Job) job = plan_and_run(model, step_add_volume(machine->name, target, role));
    assert_became(job, machine->name, machine->runs ? ITEM_FAILED : ITEM_DONE);
    if (machine->runs)
        return;
    add_volume(machine, target, role, machine->base[0] != '\0', "");
    count(model, "volume add");
}

static void expire_entries(Model *model, ModelMachine *machine)
{
    guint kept = 0;
    for (guint i = 0; i < machine->undo_count; i++) {
        gboolean wanted = machine->wish == WISH_UNDO && i + 1 == machine->undo_count;
        if (wanted || machine->undo[i].replaced_at + 7 * DAY_SECONDS > model->now)
            machine->undo[kept++] = machine->undo[i];
    }
    machine->undo_count = kept;
}

static void forget(Model *model)
{
    ModelMachine *machine = pick_machine(model, FALSE);
    if (!machine || pick(model, 3))
        return;
    gboolean wanted = machine->wish == WISH_UNDO && machine->undo_count > 0;
    ModelEntry next = wanted ? machine->undo[machine->undo_count - 1] : (ModelEntry){0};
    gboolean has_any = machine->undo_count > (wanted ? 1 : 0);
    g_autoptr(Job) job = plan_and_run(model, world_request(VERB_FORGET, machine->name, NULL));
    assert_became(job, machine->name, has_any ? ITEM_DONE : ITEM_SKIPPED);
    machine->undo_count = wanted ? 1 : 0;
    machine->undo[0] = next;
    count(model, "forget");
}

static void pass_time(Model *model)
{
    guint64 freed = 0;
    gint64 seconds = (gint64)pick(model, 3 * DAY_SECONDS) + 1;
    model->now += seconds;
    clock_advance(model->world->clock, seconds);
    assert_true(engine_reclaim(model->world->engine, &freed, NULL));
    for (guint i = 0; i < model->machines->len; i++)
        expire_entries(model, g_ptr_array_index(model->machines, i));
    count(model, "reclaim");
}

static void maintain(Model *model)
{
    gboolean more = TRUE;
    for (guint i = 0; more && i < 3; i++)
        assert_true(engine_maintain(model->world->engine, &more, NULL, NULL));
    count(model, "maintain");
}

static void restart_daemon(Model *model)
{
    if (model->world->kind != WORLD_DIRECTORY || pick(model, 4))
        return;
    gint64 before = clock_now(model->world->clock);
    world_restart(model->world);
    clock_advance(model->world->clock, before - clock_now(model->world->clock));
    step_connect_host(model->world);
    count(model, "restart");
}

/* --- the walk
 * ------------------------------------------------------------------------------------------------------
 */

static void (*const OPERATIONS[])(Model *model) = {
    make_clone, make_clone, write_something, write_something, write_something, start,       start,
    stop,       stop,       restore,         rebase_one,      rebase_one,      rebase_all,  undo,
    undo,       forget,     hold_or_release, detach,          remove_machine,  remove_base, prepare,
    unprepare,  pass_time,  add_own_volume,  maintain,        restart_daemon,
};

void model_step(Model *model)
{
    OPERATIONS[pick(model, G_N_ELEMENTS(OPERATIONS))](model);
}

static ModelMachine *import_base(Model *model, const char *name, const char *text)
{
    static const Role ROLES[] = {ROLE_SYSTEM, ROLE_TEMPORARY, ROLE_DATA};
    world_base(model->world, name, text);
    ModelMachine *base = add(model, name);
    base->is_base = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(ROLES); i++) {
        const char target[] = {'v', 'd', (char)('a' + i), '\0'};
        g_autofree char *content = g_strdup_printf("%s-%s", text, target);
        add_volume(base, target, ROLES[i], FALSE, content);
    }
    return base;
}

void model_init(Model *model, World *world, GRand *random)
{
    *model = (Model){.world = world, .random = random};
    model->machines = g_ptr_array_new_with_free_func(g_free);
    model->done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    model->now = clock_now(world->clock);
    (void)import_base(model, "v1", "one");
    (void)import_base(model, "v2", "two");
}

void model_clear(Model *model)
{
    g_ptr_array_unref(model->machines);
    g_hash_table_unref(model->done);
}

static void check_machine(Model *model, const ModelMachine *machine)
{
    g_autoptr(Machine) record = world_machine(model->world, machine->name);
    assert_int_equal(record->volumes->len, machine->volume_count);
    assert_int_equal(machine_is_base(record), machine->is_base);
    assert_int_equal(record->held, machine->held);
    for (guint i = 0; i < machine->volume_count; i++) {
        const Volume *volume = g_ptr_array_index(record->volumes, i);
        const ModelVolume *expected = &machine->volumes[i];
        assert_string_equal(volume->target, expected->target);
        assert_int_equal(volume->role, expected->role);
        world_assert_content(model->world, machine->name, expected->target, expected->text);
    }
    guint entries = 0;
    for (guint i = 0; i < record->generations->len; i++)
        entries += machine_is_entry(record, g_ptr_array_index(record->generations, i));
    if (entries != machine->undo_count)
        fail_msg("'%s' has %u undo entries, not %u", machine->name, entries, machine->undo_count);
}

void model_check(Model *model)
{
    for (guint i = 0; i < model->machines->len; i++) {
        const ModelMachine *machine = g_ptr_array_index(model->machines, i);
        if (!machine->retired)
            check_machine(model, machine);
    }
}

void model_stop_all(Model *model)
{
    for (guint i = 0; i < model->machines->len; i++) {
        ModelMachine *machine = g_ptr_array_index(model->machines, i);
        if (machine->runs)
            stop_machine(model, machine);
    }
    model_check(model);
}

void model_report(Model *model)
{
    GHashTableIter iter;
    gpointer what, times;
    g_autoptr(GString) text = g_string_new("done:");
    g_hash_table_iter_init(&iter, model->done);
    while (g_hash_table_iter_next(&iter, &what, &times))
        g_string_append_printf(text, " %s %u,", (char *)what, GPOINTER_TO_UINT(times));
    print_message("%s\n", text->str);
}
