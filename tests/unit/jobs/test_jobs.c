/* The queue: one job a request, progress, pending machines, cancelling, taking up again after a
 * restart. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "foundation/error.h"
#include "jobs/jobs.h"
#include "ports/catalog_adapter.h"
#include "ports/hypervisor_adapter.h"
#include "ports/storage_adapter.h"
#include "support/world.h"
#include "unit/engine/steps.h"

#define PATIENCE_SECONDS 60

/* A world with a running queue, and what its listener has heard. */
typedef struct {
    World *world;
    Jobs *jobs;
    GMutex lock;
    GCond heard;
    guint events;
} Queue;

static void hear(JobsEvent event, const Job *job, const JobItem *item, gpointer user_data)
{
    Queue *queue = user_data;
    g_mutex_lock(&queue->lock);
    queue->events++;
    g_cond_broadcast(&queue->heard);
    g_mutex_unlock(&queue->lock);
}

static void start_queue(Queue *queue)
{
    g_autoptr(GError) error = NULL;
    queue->jobs = jobs_new(queue->world->engine, queue->world->catalog, queue->world->clock, 2);
    jobs_listen(queue->jobs, hear, queue);
    if (!jobs_start(queue->jobs, &error))
        fail_msg("starting the queue: %s", error->message);
}

static void stop_queue(Queue *queue)
{
    jobs_stop(queue->jobs);
    g_clear_pointer(&queue->jobs, jobs_free);
}

static int set_up_kind(void **state, WorldKind kind)
{
    Queue *queue = g_new0(Queue, 1);
    g_mutex_init(&queue->lock);
    g_cond_init(&queue->heard);
    queue->world = world_new(kind);
    world_base(queue->world, "v1", "one");
    world_base(queue->world, "v2", "two");
    world_clone(queue->world, "v1", "lab-1");
    start_queue(queue);
    *state = queue;
    return 0;
}

static int set_up(void **state)
{
    return set_up_kind(state, WORLD_MEMORY);
}

static int set_up_on_disk(void **state)
{
    return set_up_kind(state, WORLD_DIRECTORY);
}

static int tear_down(void **state)
{
    Queue *queue = *state;
    if (queue->jobs)
        stop_queue(queue);
    world_check_invariants(queue->world);
    world_free(queue->world);
    g_mutex_clear(&queue->lock);
    g_cond_clear(&queue->heard);
    g_free(queue);
    return 0;
}

static Job *submit(Queue *queue, Request *request)
{
    g_autoptr(GError) error = NULL;
    Job *job = jobs_submit(queue->jobs, request, "tester", &error);
    if (!job)
        fail_msg("submitting: %s", error->message);
    request_free(request);
    return job;
}

/* Waits until the job is in the state; fails after a minute. */
static Job *wait_for(Queue *queue, const char *id, JobState state)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        g_mutex_lock(&queue->lock);
        guint seen = queue->events;
        g_mutex_unlock(&queue->lock);
        Job *job = jobs_get(queue->jobs, id, NULL);
        assert_non_null(job);
        if (job->state == state)
            return job;
        if (job_state_is_final(job->state))
            fail_msg("job is %s, not %s: %s", job_state_name(job->state), job_state_name(state),
                     job->message);
        job_unref(job);
        g_mutex_lock(&queue->lock);
        while (queue->events == seen)
            if (!g_cond_wait_until(&queue->heard, &queue->lock, deadline))
                fail_msg("job %s did not become %s", id, job_state_name(state));
        g_mutex_unlock(&queue->lock);
    }
}

/* For what no event tells of: looks until it is so; fails after a minute. */
static void wait_until(Queue *queue, gboolean (*is_so)(Queue *queue), const char *what)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE_SECONDS * G_USEC_PER_SEC;
    while (!is_so(queue)) {
        if (g_get_monotonic_time() > deadline)
            fail_msg("it did not come to this: %s", what);
        g_usleep(1000);
    }
}

static Request *rebase(const char *onto)
{
    Request *request = world_request(VERB_REBASE, "lab-1", NULL);
    request->onto = g_strdup(onto);
    return request;
}

static void a_submitted_job_runs_to_its_end(void **state)
{
    g_autoptr(Job) job = submit(*state, rebase("v2"));
    g_autoptr(Job) done = wait_for(*state, job->id, JOB_DONE);
    JobItem *item = g_ptr_array_index(done->items, 0);
    assert_int_equal(item->state, ITEM_DONE);
    assert_non_null(strstr(item->receipt, "\"proven\":true"));
    assert_string_equal(done->requested_by, "tester");
    world_assert_content(((Queue *)*state)->world, "lab-1", "vda", "two-vda");
}

static void the_same_key_is_the_same_job(void **state)
{
    Request *first = rebase("v2");
    Request *again = rebase("v2");
    first->idempotency_key = g_strdup("once");
    again->idempotency_key = g_strdup("once");
    g_autoptr(Job) one = submit(*state, first);
    job_unref(wait_for(*state, one->id, JOB_DONE));
    g_autoptr(Job) other = submit(*state, again);
    assert_string_equal(one->id, other->id);
}

static void the_same_open_request_is_one_job(void **state)
{
    Queue *queue = *state;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) one = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, one->id, JOB_PENDING));
    g_autoptr(Job) other = submit(queue, rebase("v2"));
    assert_string_equal(one->id, other->id);
    world_stop(queue->world, "lab-1");
}

static void a_pending_job_is_done_when_its_machines_have_stopped(void **state)
{
    Queue *queue = *state;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) job = submit(queue, rebase("v2"));
    g_autoptr(Job) pending = wait_for(queue, job->id, JOB_PENDING);
    assert_true(pending->committed);
    world_stop(queue->world, "lab-1");
    job_unref(wait_for(queue, job->id, JOB_DONE));
    world_assert_content(queue->world, "lab-1", "vda", "two-vda");
}

static void a_machine_that_the_job_shuts_down_itself_gets_its_receipt(void **state)
{
    Queue *queue = *state;
    step_connect_host(queue->world);
    world_do(queue->world, world_request(VERB_START, "lab-1", NULL));
    Request *request = rebase("v2");
    request->running = RUNNING_SHUTDOWN;
    request->grace_seconds = 1;
    g_autoptr(Job) job = submit(queue, request);
    g_autoptr(Job) done = wait_for(queue, job->id, JOB_DONE);
    JobItem *item = g_ptr_array_index(done->items, 0);
    assert_non_null(item->receipt);
    assert_non_null(strstr(item->receipt, "\"proven\":true"));
}

static void cancelling_a_pending_job_leaves_the_machines_as_they_are(void **state)
{
    Queue *queue = *state;
    g_autoptr(GError) error = NULL;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) job = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, job->id, JOB_PENDING));
    assert_true(jobs_cancel(queue->jobs, job->id, &error));
    job_unref(wait_for(queue, job->id, JOB_CANCELLED));
    world_stop(queue->world, "lab-1");
    world_assert_content(queue->world, "lab-1", "vda", "one-vda");
}

static void a_finished_job_cannot_be_cancelled(void **state)
{
    Queue *queue = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Job) job = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, job->id, JOB_DONE));
    assert_false(jobs_cancel(queue->jobs, job->id, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error_hint(error), "undo"));
}

static void a_refused_request_is_a_failed_job_with_a_remedy(void **state)
{
    g_autoptr(Job) job = submit(*state, rebase("nowhere"));
    g_autoptr(Job) failed = wait_for(*state, job->id, JOB_FAILED);
    assert_int_equal(failed->error_code, UNDERPIN_ERROR_NOT_FOUND);
    assert_non_null(strstr(failed->message, "nowhere"));
}

static GPtrArray *list_nothing(Catalog *catalog, const char *before_id, guint limit, GError **error)
{
    error_set(error, UNDERPIN_ERROR_BUSY, NULL, "a commit takes long");
    return NULL;
}

/* The states of the newest two jobs. */
static void assert_listed(Queue *queue, JobState newest, JobState before)
{
    g_autoptr(GPtrArray) jobs = jobs_list(queue->jobs, NULL, 2, NULL);
    assert_non_null(jobs);
    assert_int_equal(jobs->len, 2);
    assert_int_equal(((Job *)jobs->pdata[0])->state, newest);
    assert_int_equal(((Job *)jobs->pdata[1])->state, before);
}

static void jobs_are_listed_without_the_catalog(void **state)
{
    Queue *queue = *state;
    const CatalogOps *real = queue->world->catalog->ops;
    CatalogOps busy = *real;
    busy.list_jobs = list_nothing;
    g_autoptr(Job) done = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, done->id, JOB_DONE));
    stop_queue(queue);
    start_queue(queue);
    queue->world->catalog->ops = &busy;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) open = submit(queue, rebase("v1"));
    job_unref(wait_for(queue, open->id, JOB_PENDING));
    assert_listed(queue, JOB_PENDING, JOB_DONE);
    assert_true(jobs_cancel(queue->jobs, open->id, NULL));
    job_unref(wait_for(queue, open->id, JOB_CANCELLED));
    assert_listed(queue, JOB_CANCELLED, JOB_DONE);
    queue->world->catalog->ops = real;
}

static void a_pending_job_survives_a_restart(void **state)
{
    Queue *queue = *state;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) job = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, job->id, JOB_PENDING));
    stop_queue(queue);
    world_restart(queue->world);
    start_queue(queue);
    g_autoptr(Job) again = jobs_get(queue->jobs, job->id, NULL);
    assert_int_equal(again->state, JOB_PENDING);
    world_stop(queue->world, "lab-1");
    g_autoptr(Machine) machine = world_machine(queue->world, "lab-1");
    jobs_want_settle(queue->jobs, machine->id);
    job_unref(wait_for(queue, job->id, JOB_DONE));
    world_assert_content(queue->world, "lab-1", "vda", "two-vda");
}

static void a_queued_job_runs_after_a_restart(void **state)
{
    Queue *queue = *state;
    stop_queue(queue);
    g_autoptr(Request) request = rebase("v2");
    g_autoptr(Job) queued =
        job_new("00000000000000aa", request, "tester", clock_now(queue->world->clock));
    assert_true(catalog_put_job(queue->world->catalog, queued, NULL));
    world_restart(queue->world);
    start_queue(queue);
    job_unref(wait_for(queue, "00000000000000aa", JOB_DONE));
    world_assert_content(queue->world, "lab-1", "vda", "two-vda");
}

static const char *asked_for; /* id of the job that wants digests */

static gboolean has_a_digest(Queue *queue)
{
    g_autoptr(Job) job = jobs_get(queue->jobs, asked_for, NULL);
    const JobItem *item = g_ptr_array_index(job->items, 0);
    return item->receipt && strstr(item->receipt, "\"digest_after\":\"sha256:");
}

static void a_machine_that_moves_later_gets_its_digest_in_the_background(void **state)
{
    Queue *queue = *state;
    Request *request = rebase("v2");
    request->digest = TRUE;
    world_start(queue->world, "lab-1");
    g_autoptr(Job) job = submit(queue, request);
    job_unref(wait_for(queue, job->id, JOB_PENDING));
    world_stop(queue->world, "lab-1");
    job_unref(wait_for(queue, job->id, JOB_DONE));
    asked_for = job->id;
    wait_until(queue, has_a_digest, "a digest of the data after the move");
    g_autoptr(Job) stored = catalog_get_job(queue->world->catalog, job->id, NULL);
    const JobItem *item = g_ptr_array_index(stored->items, 0);
    assert_non_null(strstr(item->receipt, "\"proven\":true"));
    assert_null(strstr(item->receipt, "digest_before"));
}

/* --- a stop while a settle looks -------------------------------------------------------------- */

/* Libvirt, whose answers tell how it was a moment ago; the first that is asked for is late. */
static struct {
    const HypervisorOps *real;
    GMutex lock;
    GCond changed;
    gboolean is_behind, is_asked;
} host;

static gboolean late_power(Hypervisor *hypervisor, const char *uuid, Power *power_out,
                           GError **error)
{
    gboolean ok = host.real->power(hypervisor, uuid, power_out, error);
    g_mutex_lock(&host.lock);
    gboolean is_first = host.is_behind && !host.is_asked;
    if (host.is_behind)
        *power_out = POWER_RUNNING;
    host.is_asked = TRUE;
    g_cond_broadcast(&host.changed);
    while (is_first && host.is_behind)
        g_cond_wait(&host.changed, &host.lock);
    g_mutex_unlock(&host.lock);
    return ok;
}

static void stop_while_a_settle_looks(Queue *queue)
{
    g_autoptr(Machine) machine = world_machine(queue->world, "lab-1");
    g_mutex_lock(&host.lock);
    host.is_behind = TRUE;
    host.is_asked = FALSE;
    g_mutex_unlock(&host.lock);
    jobs_want_settle(queue->jobs, machine->id);
    g_mutex_lock(&host.lock);
    while (!host.is_asked)
        g_cond_wait(&host.changed, &host.lock);
    g_mutex_unlock(&host.lock);
    world_stop(queue->world, "lab-1");
    g_mutex_lock(&host.lock);
    host.is_behind = FALSE;
    g_cond_broadcast(&host.changed);
    g_mutex_unlock(&host.lock);
}

/* Several times, for the two may pass each other by luck. */
static void a_stop_is_not_missed_while_a_settle_looks(void **state)
{
    Queue *queue = *state;
    host.real = queue->world->hypervisor->ops;
    HypervisorOps late = *host.real;
    late.power = late_power;
    stop_queue(queue);
    queue->world->hypervisor->ops = &late;
    start_queue(queue);
    for (guint round = 0; round < 10; round++) {
        world_start(queue->world, "lab-1");
        g_autoptr(Job) job = submit(queue, rebase(round % 2 ? "v1" : "v2"));
        job_unref(wait_for(queue, job->id, JOB_PENDING));
        stop_while_a_settle_looks(queue);
        job_unref(wait_for(queue, job->id, JOB_DONE));
    }
    stop_queue(queue);
    queue->world->hypervisor->ops = host.real;
}

/* --- background care -------------------------------------------------------------------------- */

static gboolean has_a_sample(Queue *queue)
{
    g_autoptr(GArray) samples = catalog_list_samples(queue->world->catalog, 0, NULL);
    return samples && samples->len == 1;
}

static void the_free_space_is_noted_in_the_background(void **state)
{
    g_autoptr(Job) job = submit(*state, rebase("v2"));
    job_unref(wait_for(*state, job->id, JOB_DONE));
    wait_until(*state, has_a_sample, "a sample of the free space");
}

static gboolean has_one_job(Queue *queue)
{
    g_autoptr(GPtrArray) jobs = catalog_list_jobs(queue->world->catalog, NULL, 10, NULL);
    return jobs->len == 1;
}

/* The rebase wrote over nothing, so that no undo entry needs the first job. */
static void old_jobs_are_dropped_in_the_background(void **state)
{
    Queue *queue = *state;
    g_autoptr(Job) old = submit(queue, rebase("v2"));
    job_unref(wait_for(queue, old->id, JOB_DONE));
    wait_until(queue, has_a_sample, "the first round of care");
    stop_queue(queue);
    clock_advance(queue->world->clock, G_GINT64_CONSTANT(91) * 24 * 60 * 60);
    start_queue(queue);
    g_autoptr(Job) new_one = submit(queue, rebase("v1"));
    job_unref(wait_for(queue, new_one->id, JOB_DONE));
    wait_until(queue, has_one_job, "the old job is gone");
    assert_null(jobs_get(queue->jobs, old->id, NULL));
    job_unref(wait_for(queue, new_one->id, JOB_DONE));
}

/* A layer so large that its digest never ends by itself. */
static GMutex digest_lock;
static GCond digest_changed;
static gboolean digest_begun;

static void wake_digest(GCancellable *cancellable, gpointer user_data)
{
    g_mutex_lock(&digest_lock);
    g_cond_broadcast(&digest_changed);
    g_mutex_unlock(&digest_lock);
}

static char *endless_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                            GError **error)
{
    gulong handler = g_cancellable_connect(cancellable, G_CALLBACK(wake_digest), NULL, NULL);
    g_mutex_lock(&digest_lock);
    digest_begun = TRUE;
    while (!g_cancellable_is_cancelled(cancellable))
        g_cond_wait(&digest_changed, &digest_lock);
    g_mutex_unlock(&digest_lock);
    g_cancellable_disconnect(cancellable, handler);
    error_set(error, UNDERPIN_ERROR_CANCELLED, NULL, "cancelled");
    return NULL;
}

static gboolean has_begun_a_digest(Queue *queue)
{
    g_mutex_lock(&digest_lock);
    gboolean begun = digest_begun;
    g_mutex_unlock(&digest_lock);
    return begun;
}

static gboolean has_two_samples(Queue *queue)
{
    g_autoptr(GArray) samples = catalog_list_samples(queue->world->catalog, 0, NULL);
    return samples->len == 2;
}

static void do_rebase(Queue *queue, const char *onto)
{
    g_autoptr(Job) job = submit(queue, rebase(onto));
    job_unref(wait_for(queue, job->id, JOB_DONE));
}

static void a_long_digest_holds_up_nothing_and_ends_with_the_queue(void **state)
{
    Queue *queue = *state;
    const StorageOps *real = queue->world->storage->ops;
    StorageOps slow = *real;
    slow.layer_digest = endless_digest;
    stop_queue(queue);
    queue->world->storage->ops = &slow;
    start_queue(queue);
    do_rebase(queue, "v2");
    wait_until(queue, has_begun_a_digest, "the digest has begun");
    wait_until(queue, has_a_sample, "the first round of care");
    clock_advance(queue->world->clock, 60 * 60);
    do_rebase(queue, "v1");
    wait_until(queue, has_two_samples, "another round of care beside the digest");
    stop_queue(queue);
    queue->world->storage->ops = real;
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(a_submitted_job_runs_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_key_is_the_same_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_open_request_is_one_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pending_job_is_done_when_its_machines_have_stopped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_that_the_job_shuts_down_itself_gets_its_receipt,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelling_a_pending_job_leaves_the_machines_as_they_are,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_finished_job_cannot_be_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_request_is_a_failed_job_with_a_remedy, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(jobs_are_listed_without_the_catalog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pending_job_survives_a_restart, set_up_on_disk,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_queued_job_runs_after_a_restart, set_up_on_disk,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_machine_that_moves_later_gets_its_digest_in_the_background, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_is_not_missed_while_a_settle_looks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_free_space_is_noted_in_the_background, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(old_jobs_are_dropped_in_the_background, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_digest_holds_up_nothing_and_ends_with_the_queue,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
