/*
 * The sweep of one operation: it is killed at each fault point that it visits, one after the other;
 * the next process recovers; and then everything must be as before the operation, or as after it.
 *
 *     build ─▶ pristine ─▶ copy ─▶ child: attach, arm the nth visit, act ─▶ killed
 *                                        │
 *                                        ▼                     ┌─ killed again at its mth visit
 *                              child: attach (recover), settle ┴▶ invariants, signature, data files
 *                                        │
 *                                        ▼
 *                              act again ─▶ restart ─▶ the signature "after"
 *
 * The same with an error in place of the kill, in a process that lives on. Every step runs in a
 * child of its own, with its output in a log that is shown when it fails.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "directory.h"
#include "world_state.h"

#define CHILD_SECONDS 120 /* for one that hangs */
#define MOST_FAILURES 5   /* after that many an operation is given up */
#define MOST_VISITS   2000

typedef struct {
    const Operation *operation;
    const SweepOptions *options;
    Tally *tally;
    char *root;
    char *world, *pristine, *killed, *log, *note; /* paths in it */
    char *before, *after;                         /* signatures */
    char *given_up, *unheard;                     /* of other good ends; NULL: there is none */
    GHashTable *data;                             /* the data files of the world as it was copied */
    int *fired; /* shared: the point at which a child was struck; -1: none */
} Sweep;

/* What strikes when. */
typedef struct {
    guint nth;
    FaultAction action;
    int errno_value;
    guint second; /* visit of the recovery that kills again; 0: none */
} Strike;

/* --- in a child ------------------------------------------------------------------------ */

static void G_GNUC_NORETURN give_up(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(NULL);
    _exit(1);
}

static World *attach(Sweep *sweep)
{
    g_autoptr(GError) error = NULL;
    World *world = world_attach(sweep->world, &error);
    if (!world)
        give_up("the world does not open: %s", error->message);
    return world;
}

static gboolean is_questioned(World *world)
{
    g_autoptr(GError) question = engine_question(world->engine);
    return question != NULL;
}

static void settle(World *world)
{
    for (guint i = 0; i < 3 && world->wanted->len; i++)
        world_settle_wanted(world);
}

/* What is listed goes: whether it has gone already is no difference. */
static void reclaim(World *world)
{
    g_autoptr(GError) error = NULL;
    guint64 freed = 0;
    if (!is_questioned(world) && !engine_reclaim(world->engine, &freed, &error))
        give_up("reclaiming: %s", error->message);
}

static char *look(World *world)
{
    reclaim(world);
    return world_signature(world);
}

static void count_listed(const Inventory *inventory, gpointer user_data)
{
    *(guint *)user_data = g_hash_table_size(inventory->reclaim);
}

/* What every stop and every reclaim must come to: no mark stays of a session that is over, and
 * nothing stays listed. */
static void check_is_settled(World *world)
{
    guint listed = 0;
    g_autoptr(GPtrArray) machines = engine_list_machines(world->engine);
    for (guint i = 0; i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        g_auto(MachineFacts) facts = {0};
        if (!storage_machine_facts(world->storage, machine->id, &facts, NULL) ||
            (facts.marked && !machine->session))
            give_up("'%s' is still marked as unsettled", machine->name);
    }
    engine_read(world->engine, count_listed, &listed);
    if (listed)
        give_up("%u items are still listed for reclaim", listed);
}

static char *look_hard(World *world)
{
    world_check_invariants(world);
    char *signature = look(world);
    check_is_settled(world);
    return signature;
}

/* In the middle: what could not be abandoned may lie there until the next settle, and some worlds
 * begin unsound. */
static char *look_meanwhile(Sweep *sweep, World *world)
{
    if (!sweep->operation->unsound)
        world_check_invariants_except(world, "staged-leftover");
    return look(world);
}

static void check_data(Sweep *sweep)
{
    if (sweep->operation->data == DATA_REPLACED)
        return;
    g_autofree char *problem =
        directory_compare_data(sweep->world, sweep->data, sweep->operation->data == DATA_MOVES);
    if (problem)
        give_up("%s", problem);
}

static void check_nobody_behind(World *world)
{
    g_autoptr(GPtrArray) machines = engine_list_machines(world->engine);
    for (guint i = 0; i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        if (machine->behind_reason)
            give_up("'%s' is behind though it was done again: %s", machine->name,
                    machine->behind_reason);
    }
}

/* The end of every case: the operation has happened, and a restart changes nothing. */
static void finish(Sweep *sweep, World *world)
{
    if (!sweep->operation->act(world))
        give_up("asking again for '%s' does not help", sweep->operation->name);
    settle(world);
    world_detach(world);
    world = attach(sweep);
    settle(world);
    check_data(sweep);
    g_autofree char *signature = look_hard(world);
    if (!signature_equals(signature, sweep->after)) {
        g_autofree char *difference = signature_difference(sweep->after, signature);
        give_up("done again it is not as after the operation:\n%s", difference);
    }
    check_nobody_behind(world);
    world_detach(world);
}

static void show_both_differences(Sweep *sweep, const char *signature)
{
    g_autofree char *to_before = signature_difference(sweep->before, signature);
    g_autofree char *to_after = signature_difference(sweep->after, signature);
    give_up("neither before nor after; against before:\n%sagainst after:\n%s", to_before, to_after);
}

static void write_note(Sweep *sweep, const char *text)
{
    if (!g_file_set_contents(sweep->note, text, -1, NULL))
        give_up("writing a signature");
}

/* --- bodies of children ---------------------------------------------------------------- */

typedef void (*Body)(Sweep *sweep, const Strike *strike);

static void build(Sweep *sweep, const Strike *strike)
{
    if (!sweep->operation->build)
        return;
    World *world = attach(sweep);
    sweep->operation->build(world);
    world_detach(world);
}

static void note_before(Sweep *sweep, const Strike *strike)
{
    World *world = attach(sweep);
    settle(world);
    g_autofree char *signature = sweep->operation->unsound ? look(world) : look_hard(world);
    write_note(sweep, signature);
    world_detach(world);
}

static void note_end(Sweep *sweep, gboolean (*act)(World *world))
{
    World *world = attach(sweep);
    if (!act(world))
        give_up("'%s' fails without any fault", sweep->operation->name);
    settle(world);
    world_detach(world);
    world = attach(sweep);
    settle(world);
    g_autofree char *signature = look_hard(world);
    write_note(sweep, signature);
    world_detach(world);
}

static void note_after(Sweep *sweep, const Strike *strike)
{
    note_end(sweep, sweep->operation->act);
}

static void note_given_up(Sweep *sweep, const Strike *strike)
{
    note_end(sweep, sweep->operation->give_up);
}

static void note_unheard(Sweep *sweep, const Strike *strike)
{
    note_end(sweep, sweep->operation->unheard);
}

static void arm(Sweep *sweep, const Strike *strike)
{
    fault_point_note(sweep->fired);
    fault_point_arm(FAULT_POINT_COUNT, strike->nth, strike->action, strike->errno_value);
}

static void be_killed(Sweep *sweep, const Strike *strike)
{
    if (sweep->operation->at_start)
        arm(sweep, strike);
    World *world = attach(sweep);
    if (!sweep->operation->at_start)
        arm(sweep, strike);
    sweep->operation->act(world);
}

static void recover(Sweep *sweep, const Strike *strike)
{
    fault_point_note(sweep->fired);
    if (strike->second)
        fault_point_arm(FAULT_POINT_COUNT, strike->second, FAULT_KILL, 0);
    World *world = attach(sweep);
    settle(world);
    fault_point_disarm();
    check_data(sweep);
    g_autofree char *signature = sweep->operation->unsound ? look(world) : look_hard(world);
    if (!signature_equals(signature, sweep->before) && !signature_equals(signature, sweep->after) &&
        g_strcmp0(signature, sweep->unheard) != 0)
        show_both_differences(sweep, signature);
    finish(sweep, world);
}

/* Where the start itself fails, the next one must not. */
static World *attach_struck(Sweep *sweep, const Strike *strike)
{
    if (!sweep->operation->at_start) {
        World *world = attach(sweep);
        arm(sweep, strike);
        return world;
    }
    arm(sweep, strike);
    World *world = world_attach(sweep->world, NULL);
    if (world)
        return world;
    fault_point_disarm();
    return attach(sweep);
}

static void live_through_error(Sweep *sweep, const Strike *strike)
{
    World *world = attach_struck(sweep, strike);
    gboolean done = sweep->operation->act(world);
    fault_point_disarm();
    settle(world);
    if (is_questioned(world) || sweep->operation->at_start) { /* the remedy is another start */
        world_detach(world);
        world = attach(sweep);
        settle(world);
    }
    check_data(sweep);
    g_autofree char *signature = look_meanwhile(sweep, world);
    gboolean other_end =
        g_strcmp0(signature, sweep->given_up) == 0 || g_strcmp0(signature, sweep->unheard) == 0;
    if (done && !other_end && !signature_is_done(signature, sweep->before, sweep->after)) {
        g_autofree char *difference = signature_difference(sweep->after, signature);
        give_up("it says that it is done, but it is not:\n%s", difference);
    }
    if (!other_end && !signature_is_mixture(signature, sweep->before, sweep->after))
        show_both_differences(sweep, signature);
    finish(sweep, world);
}

/* --- around children ------------------------------------------------------------------- */

static int in_child(Sweep *sweep, Body body, const Strike *strike)
{
    int status = 0;
    *sweep->fired = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int log = open(sweep->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)dup2(log, STDOUT_FILENO);
        (void)dup2(log, STDERR_FILENO);
        alarm(CHILD_SECONDS);
        body(sweep, strike);
        fflush(NULL);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        g_error("no child: %s", g_strerror(errno));
    return status;
}

static const char *strike_name(const Strike *strike)
{
    return strike->action == FAULT_KILL ? "kill" : strike->errno_value == ENOSPC ? "ENOSPC" : "EIO";
}

static void fail(Sweep *sweep, const Strike *strike, int point, const char *what)
{
    g_autofree char *log = NULL;
    (void)g_file_get_contents(sweep->log, &log, NULL, NULL);
    printf("FAILED %s, %s at visit %u (%s)", sweep->operation->name, strike_name(strike),
           strike->nth, point < 0 ? "none" : fault_point_name((FaultPoint)point));
    if (strike->second)
        printf(", killed again at visit %u of the recovery", strike->second);
    printf(": %s\n%s\n", what, log ? log : "");
    fflush(stdout);
    sweep->tally->failures++;
    if (!sweep->options->keep)
        return;
    g_autofree char *kept = g_strdup_printf("%s-failure-%u", sweep->root, sweep->tally->failures);
    g_autoptr(GError) error = NULL;
    printf("%s %s\n", kept,
           directory_copy(sweep->world, kept, &error) ? "is that world" : error->message);
}

/* `from` becomes the world, and the log begins anew. */
static void restore(Sweep *sweep, const char *from)
{
    g_autoptr(GError) error = NULL;
    if (!directory_copy(from, sweep->world, &error))
        g_error("copying a world: %s", error->message);
    g_clear_pointer(&sweep->data, g_hash_table_unref);
    sweep->data = directory_data_files(sweep->world);
    (void)unlink(sweep->log);
}

static gboolean is_fine(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static gboolean was_killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* --- preparing ------------------------------------------------------------------------- */

static char *note(Sweep *sweep, Body body)
{
    static const Strike NONE = {0};
    char *text = NULL;
    restore(sweep, sweep->pristine);
    int status = in_child(sweep, body, &NONE);
    if (!is_fine(status) || !g_file_get_contents(sweep->note, &text, NULL, NULL))
        fail(sweep, &NONE, -1, "it cannot even be done without a fault");
    return text;
}

static gboolean prepare(Sweep *sweep)
{
    static const Strike NONE = {0};
    g_autoptr(GError) error = NULL;
    g_mkdir_with_parents(sweep->world, 0700);
    if (!is_fine(in_child(sweep, build, &NONE))) {
        fail(sweep, &NONE, -1, "its world cannot be built");
        return FALSE;
    }
    if (!directory_copy(sweep->world, sweep->pristine, &error))
        g_error("copying a world: %s", error->message);
    sweep->before = note(sweep, note_before);
    sweep->after = note(sweep, note_after);
    if (sweep->operation->give_up)
        sweep->given_up = note(sweep, note_given_up);
    if (sweep->operation->unheard)
        sweep->unheard = note(sweep, note_unheard);
    if (!sweep->before || !sweep->after || sweep->tally->failures)
        return FALSE;
    if (signature_equals(sweep->before, sweep->after) == sweep->operation->changes_nothing)
        return TRUE;
    fail(sweep, &NONE, -1, "its signature does not show whether it has happened");
    return FALSE;
}

/* --- the loops ------------------------------------------------------------------------- */

/* Kills the recovery at each of its visits; each time the next recovery must come to the same. */
static gboolean kill_recoveries(Sweep *sweep, Strike *strike, int point)
{
    g_autoptr(GError) error = NULL;
    if (!directory_copy(sweep->world, sweep->killed, &error))
        g_error("copying a world: %s", error->message);
    for (strike->second = 1; strike->second < MOST_VISITS; strike->second++) {
        int status = in_child(sweep, recover, strike);
        if (*sweep->fired < 0)
            return is_fine(status);
        if (!was_killed(status))
            return FALSE;
        sweep->tally->second_kills[*sweep->fired]++;
        Strike calm = {.nth = strike->nth, .action = FAULT_KILL};
        if (!is_fine(in_child(sweep, recover, &calm)))
            return FALSE;
        restore(sweep, sweep->killed);
    }
    return FALSE;
}

static gboolean kill_data_is_whole(Sweep *sweep)
{
    g_autofree char *problem = sweep->operation->data == DATA_REPLACED
                                   ? NULL
                                   : directory_compare_data(sweep->world, sweep->data,
                                                            sweep->operation->data == DATA_MOVES);
    return problem == NULL;
}

static gboolean wants_second_kills(const Sweep *sweep)
{
    return sweep->operation->full ||
           (sweep->options->sample && g_random_int_range(0, (gint32)sweep->options->sample) == 0);
}

/* FALSE: there is no nth visit. */
static gboolean kill_nth(Sweep *sweep, guint nth)
{
    Strike strike = {.nth = nth, .action = FAULT_KILL};
    restore(sweep, sweep->pristine);
    int status = in_child(sweep, be_killed, &strike);
    int point = *sweep->fired;
    if (point < 0) {
        if (!is_fine(status))
            fail(sweep, &strike, point, "it failed without a kill");
        return FALSE;
    }
    sweep->tally->kills[point]++;
    if (!was_killed(status))
        fail(sweep, &strike, point, "the kill did not kill");
    else if (!kill_data_is_whole(sweep))
        fail(sweep, &strike, point, "a data volume was touched");
    else if (wants_second_kills(sweep) ? !kill_recoveries(sweep, &strike, point)
                                       : !is_fine(in_child(sweep, recover, &strike)))
        fail(sweep, &strike, point, "the recovery is wrong");
    return TRUE;
}

static gboolean strike_nth(Sweep *sweep, guint nth, int errno_value)
{
    Strike strike = {.nth = nth, .action = FAULT_ERROR, .errno_value = errno_value};
    restore(sweep, sweep->pristine);
    int status = in_child(sweep, live_through_error, &strike);
    int point = *sweep->fired;
    if (point >= 0)
        sweep->tally->errors[point]++;
    if (!is_fine(status))
        fail(sweep, &strike, point, "it does not live through the error");
    return point >= 0;
}

typedef gboolean (*Step)(Sweep *sweep, guint nth);

static gboolean full_disk_nth(Sweep *sweep, guint nth)
{
    return strike_nth(sweep, nth, ENOSPC);
}

static gboolean broken_disk_nth(Sweep *sweep, guint nth)
{
    return strike_nth(sweep, nth, EIO);
}

static void each_visit(Sweep *sweep, Step step)
{
    guint nth = sweep->options->only_nth ? sweep->options->only_nth : 1;
    guint end = sweep->options->only_nth ? nth + 1 : MOST_VISITS;
    while (nth < end && sweep->tally->failures < MOST_FAILURES && step(sweep, nth))
        nth++;
}

/* --- life ------------------------------------------------------------------------------ */

static void sweep_init(Sweep *sweep, const Operation *operation, const SweepOptions *options,
                       Tally *tally)
{
    g_autofree char *name = g_strdup_printf("underpin-sweep-%s-XXXXXX", operation->name);
    *sweep = (Sweep){.operation = operation, .options = options, .tally = tally};
    sweep->root = g_mkdtemp(g_build_filename(options->directory, name, NULL));
    if (!sweep->root)
        g_error("no directory in '%s': %s", options->directory, g_strerror(errno));
    sweep->world = g_build_filename(sweep->root, "world", NULL);
    sweep->pristine = g_build_filename(sweep->root, "pristine", NULL);
    sweep->killed = g_build_filename(sweep->root, "killed", NULL);
    sweep->log = g_build_filename(sweep->root, "log", NULL);
    sweep->note = g_build_filename(sweep->root, "note", NULL);
    sweep->fired =
        mmap(NULL, sizeof *sweep->fired, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void sweep_clear(Sweep *sweep)
{
    world_erase(sweep->root);
    munmap(sweep->fired, sizeof *sweep->fired);
    g_clear_pointer(&sweep->data, g_hash_table_unref);
    g_free(sweep->root);
    g_free(sweep->world);
    g_free(sweep->pristine);
    g_free(sweep->killed);
    g_free(sweep->log);
    g_free(sweep->note);
    g_free(sweep->before);
    g_free(sweep->after);
    g_free(sweep->given_up);
    g_free(sweep->unheard);
}

void sweep_operation(const Operation *operation, const SweepOptions *options, Tally *tally)
{
    Sweep sweep;
    gint64 started = g_get_monotonic_time();
    sweep_init(&sweep, operation, options, tally);
    if (prepare(&sweep)) {
        each_visit(&sweep, kill_nth);
        each_visit(&sweep, full_disk_nth);
        each_visit(&sweep, broken_disk_nth);
    }
    sweep_clear(&sweep);
    tally->seconds = (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
    tally->finished = TRUE;
}
