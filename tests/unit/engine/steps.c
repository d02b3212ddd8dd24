/* Shared steps: see steps.h. */
#include "steps.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

/* --- worlds
 * ------------------------------------------------------------------------------------------------
 */

int step_set_up_empty(void **state)
{
    *state = world_new(world_kind());
    return 0;
}

int step_set_up(void **state)
{
    World *world = world_new(world_kind());
    world_base(world, "v1", "one");
    world_base(world, "v2", "two");
    world_clone(world, "v1", "lab-1");
    *state = world;
    return 0;
}

int step_tear_down(void **state)
{
    world_check_invariants(*state);
    world_free(*state);
    return 0;
}

/* --- content
 * -----------------------------------------------------------------------------------------------
 */

void step_write_all(World *world, const char *name, const char *text)
{
    world_write(world, name, "vda", text);
    world_write(world, name, "vdb", text);
    world_write(world, name, "vdc", text);
}

void step_assert_all(World *world, const char *name, const char *system, const char *temporary,
                     const char *data)
{
    world_assert_content(world, name, "vda", system);
    world_assert_content(world, name, "vdb", temporary);
    world_assert_content(world, name, "vdc", data);
}

/* --- requests
 * ---------------------------------------------------------------------------------------------- */

Request *step_rebase(const char *name, const char *onto)
{
    Request *request = world_request(VERB_REBASE, name, NULL);
    request->onto = g_strdup(onto);
    return request;
}

Request *step_rebase_all(const char *base, const char *onto)
{
    Request *request = request_new(VERB_REBASE);
    request->all_of = g_strdup(base);
    request->onto = g_strdup(onto);
    return request;
}

Request *step_add_volume(const char *name, const char *target, Role role)
{
    Request *request = world_request(VERB_VOLUME_ADD, name, NULL);
    RequestDisk *disk = request_disk_new();
    disk->target = g_strdup(target);
    disk->role = (int)role;
    disk->capacity_bytes = WORLD_CAPACITY_BYTES;
    g_ptr_array_add(request->disks, disk);
    return request;
}

void step_run_to(World *world, Request *request, JobState state)
{
    g_autoptr(Job) job = world_run(world, request);
    if (job->state != state)
        print_error("the job is %s: %s\n", job_state_name(job->state),
                    job->message ? job->message : "");
    assert_int_equal(job->state, state);
}

static void assert_says(const char *message, const char *hint, const char *text)
{
    g_autofree char *said = g_strdup_printf("%s (%s)", message ? message : "", hint ? hint : "");
    if (!strstr(said, text))
        fail_msg("it says '%s', not '%s'", said, text);
}

void step_refused(World *world, Request *request, UnderpinErrorCode code, const char *text)
{
    g_autoptr(Job) job = world_run(world, request);
    const JobItem *item = job->items->len ? g_ptr_array_index(job->items, 0) : NULL;
    gboolean whole = job->error_code >= 0;
    assert_int_equal(job->state, JOB_FAILED);
    assert_true(whole || item);
    assert_says(whole ? job->message : item->message, whole ? job->hint : item->hint, text);
    assert_int_equal(whole ? job->error_code : item->error_code, code);
}

void step_assert_item(Job *job, const char *name, ItemState state, const char *text)
{
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (strcmp(item->machine_name, name) != 0)
            continue;
        assert_string_equal(item_state_name(item->state), item_state_name(state));
        if (text)
            assert_says(item->message, item->hint, text);
        return;
    }
    fail_msg("the job has no item '%s'", name);
}

void step_next_base(World *world, const char *base, const char *name, const char *text)
{
    world_clone(world, base, name);
    world_write(world, name, "vda", text);
    world_write(world, name, "vdb", text);
    world_do(world, world_request(VERB_PREPARE, name, NULL));
}

/* --- the host
 * ---------------------------------------------------------------------------------------------- */

static char *machine_of(World *world, const char *uuid)
{
    g_autoptr(Machine) machine = engine_find_machine(world->engine, uuid, NULL);
    return machine ? g_strdup(machine->id) : NULL;
}

static gboolean ask_hook(const char *uuid, const char *xml, gboolean resume, gpointer user_data,
                         GError **error)
{
    World *world = user_data;
    g_autofree char *id = machine_of(world, uuid);
    (void)xml;
    g_autofree char *stamp = memory_hypervisor_stamp(world->hypervisor, uuid);
    const char *memory = resume ? (stamp ? stamp : "") : NULL;
    return !id || engine_hook_may_start(world->engine, id, uuid, memory, error);
}

static void hear_host(HypervisorEvent event, const char *uuid, gpointer user_data)
{
    World *world = user_data;
    g_autofree char *id = uuid ? machine_of(world, uuid) : NULL;
    if (id && event == DOMAIN_STARTED) {
        assert_true(storage_mark(world->storage, id, TRUE, NULL));
        engine_hook_started(world->engine, id);
    }
    if (id && event == DOMAIN_STOPPED)
        engine_hook_released(world->engine, id);
    engine_domain_event(world->engine, event, uuid);
}

void step_connect_host(World *world)
{
    memory_hypervisor_set_start_hook(world->hypervisor, ask_hook, world);
    hypervisor_listen(world->hypervisor, hear_host, world);
}

/* --- doctor
 * ------------------------------------------------------------------------------------------------
 */

gboolean step_finds(World *world, const char *id, const char *subject)
{
    g_autoptr(GPtrArray) findings = engine_doctor(world->engine, NULL);
    assert_non_null(findings);
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (strcmp(finding->id, id) == 0 && (!subject || strcmp(finding->subject, subject) == 0))
            return TRUE;
    }
    return FALSE;
}

typedef struct {
    FoundKind kind;
    guint count;
} Counter;

static gboolean count_one(FoundKind kind, const char *path, const char *id, gpointer user_data)
{
    Counter *counter = user_data;
    (void)path;
    (void)id;
    counter->count += kind == counter->kind;
    return TRUE;
}

guint step_count_found(World *world, FoundKind kind)
{
    Counter counter = {kind, 0};
    assert_true(storage_scan(world->storage, count_one, &counter, NULL));
    return counter.count;
}
