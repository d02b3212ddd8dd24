/* Implements the hook's side of the barrier. */
#include "hook/barrier.h"

#include "hook/ask.h"
#include "hook/claim.h"
#include "hook/subject.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A start in progress, of one machine. */
typedef struct {
    const StoreMachine *machine;
    const char *stamp;   /* that the definition, or the saved memory, carries */
    ClaimContent before; /* what the claim said before */
    bool resumes;        /* from saved memory */
    bool turned_away;    /* for want of the daemon alone */
    bool may_be_granted; /* the daemon allowed it, or did not answer in time and may still do so */
} Start;

static void tell(const StoreMachine *machine, const char *word)
{
    char line[128];
    snprintf(line, sizeof line, "%s\t%s\t%s\n", word, machine->id, machine->uuid);
    tell_daemon(machine->store.socket, line);
}

/* --- a start
 * ---------------------------------------------------------------------------------------------- */

static bool is_resume(const StoreMachine *machine, ClaimContent before)
{
    return before == CLAIM_STARTING && claim_is_resume(machine->store.claims, machine->id);
}

static bool take_claim(Start *start, bool resumes, Verdict *verdict)
{
    const StoreMachine *machine = start->machine;
    const char *claims = machine->store.claims;
    start->before = claim_read(claims, machine->id);
    start->resumes = resumes || is_resume(machine, start->before);
    if ((!start->resumes || claim_note_resume(claims, machine->id)) &&
        claim_put(claims, machine->id, CLAIM_STARTING))
        return true;
    return refuse(verdict, "cannot claim '%s' in '%s': %s", machine->name, claims, strerror(errno));
}

/*
 * A claim that was already that of a running guest is none of ours to drop: its session has not
 * been released yet. The daemon hears of it only where it may count on a start; a machine that it
 * refuses may be in the middle of a switch.
 */
static void withdraw(const Start *start)
{
    const StoreMachine *machine = start->machine;
    claim_forget_resume(machine->store.claims, machine->id);
    claim_put(machine->store.claims, machine->id,
              start->before == CLAIM_RUNNING ? CLAIM_RUNNING
              : start->turned_away           ? CLAIM_TURNED_AWAY
                                             : CLAIM_ABSENT);
    if (start->may_be_granted)
        tell(machine, "dropped");
}

/* Saved memory belongs to the heads it ran on, as they were when it was saved: only that of the
 * last session carries the mark's stamp. */
static bool check_memory(const Start *start, const MachineState *state, Verdict *verdict)
{
    const char *name = start->machine->name;
    if (state->marked_generation == 0 || state->marked_generation != state->now_generation ||
        !state->stamp_is_sole)
        return refuse(
            verdict,
            "whether the saved memory of '%s' fits its disks is not known; start underpind", name);
    return strcmp(state->marked_stamp, start->stamp) == 0 ||
           refuse(verdict,
                  "the disks of '%s' were written since this memory was saved: drop it ('virsh "
                  "managedsave-remove %s', or the file) and resume the latest, or start",
                  name, name);
}

/* Without the daemon: what the store itself says. */
static bool allowed_by_marks(Start *start, const MachineState *state, Verdict *verdict)
{
    if (start->resumes)
        return check_memory(start, state, verdict);
    if (!state->is_marked && !state->has_next)
        return true;
    start->turned_away = true;
    return refuse(verdict, "'%s' is not settled; start underpind", start->machine->name);
}

static Answer ask_for(Start *start, char *reason_out, size_t size)
{
    const StoreMachine *machine = start->machine;
    char line[128];
    if (start->resumes)
        snprintf(line, sizeof line, "restore\t%s\t%s\t%s\n", machine->id, machine->uuid,
                 start->stamp);
    else
        snprintf(line, sizeof line, "prepare\t%s\t%s\n", machine->id, machine->uuid);
    Answer answer = ask_daemon(machine->store.socket, line, ANSWER_TIMEOUT_MS, reason_out, size);
    start->may_be_granted = answer == ANSWER_ALLOWED || answer == ANSWER_NONE;
    return answer;
}

/* Where the daemon is there, it says better why: a base is refused by it. */
static bool check_disks(const Start *start, const MachineState *state, Verdict *verdict)
{
    return state->has_now ||
           refuse(verdict, "'%s' has no disks; is it a base? clone it, else see 'underpin doctor'",
                  start->machine->name);
}

static bool is_allowed(Start *start, Verdict *verdict)
{
    char reason[sizeof verdict->message];
    const char *name = start->machine->name;
    MachineState state;
    store_machine_state(start->machine, &state);
    if (!state.has_now && state.has_next)
        return refuse(verdict, "'%s' is being moved, try again", name);
    switch (ask_for(start, reason, sizeof reason)) {
    case ANSWER_ALLOWED:
        return check_disks(start, &state, verdict);
    case ANSWER_REFUSED:
        return refuse(verdict, "%s", reason);
    case ANSWER_ABSENT:
        return check_disks(start, &state, verdict) && allowed_by_marks(start, &state, verdict);
    default:
        return refuse(verdict, "'%s' is being moved, try again", name);
    }
}

/* The claim comes first and the question second: see barrier.h. All or nothing, in the rare case of
 * several. */
static bool start_all(const DomainScan *scan, const Subject *subject, bool resumes,
                      Verdict *verdict)
{
    Start starts[SUBJECT_LIMIT];
    size_t taken = 0;
    bool fine = true;
    while (fine && taken < subject->count) {
        starts[taken] = (Start){.machine = &subject->machines[taken], .stamp = scan->stamp};
        fine = take_claim(&starts[taken], resumes, verdict);
        taken++;
    }
    fine = fine && (taken == 0 || subject_check_stored_chains(scan, subject, verdict));
    for (size_t i = 0; fine && i < taken; i++)
        fine = is_allowed(&starts[i], verdict);
    for (size_t i = 0; !fine && i < taken; i++)
        withdraw(&starts[i]);
    return fine;
}

bool barrier_prepare(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    return subject_find(scan, CHECK_DEFINITION, &subject, verdict) &&
           start_all(scan, &subject, false, verdict);
}

bool barrier_restore(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    return subject_find(scan, CHECK_DEFINITION, &subject, verdict) &&
           start_all(scan, &subject, true, verdict);
}

bool barrier_start(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    if (!subject_find(scan, CHECK_CHAIN, &subject, verdict))
        return false;
    for (size_t i = 0; i < subject.count; i++) {
        const StoreMachine *machine = &subject.machines[i];
        if (claim_read(machine->store.claims, machine->id) != CLAIM_STARTING)
            return refuse(
                verdict,
                "the disks of '%s' are used by a way round the barrier; see 'underpin doctor'",
                machine->name);
    }
    return true;
}

/* --- a session
 * -------------------------------------------------------------------------------------------- */

/* The mark first: a host that dies right after it finds the trace of the session. */
static bool note_session(const StoreMachine *machine, const char *stamp, Verdict *verdict)
{
    bool marked = store_machine_mark(machine, stamp);
    int reason = errno;
    bool claimed = claim_put(machine->store.claims, machine->id, CLAIM_RUNNING);
    claim_forget_resume(machine->store.claims, machine->id);
    if (marked && claimed)
        return true;
    refuse(verdict, "cannot note that '%s' runs: %s", machine->name,
           strerror(marked ? errno : reason));
    return false;
}

bool barrier_started(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    subject_find(scan, CHECK_NOTHING, &subject, verdict);
    for (size_t i = 0; i < subject.count; i++) {
        note_session(&subject.machines[i], scan->stamp, verdict);
        tell(&subject.machines[i], "started");
    }
    return true;
}

static void release(const StoreMachine *machine)
{
    static const char *const words[] = {
        [CLAIM_STARTING] = "dropped", /* a start that came to nothing: there is nothing to reset */
        [CLAIM_RUNNING] = "released",
    };
    ClaimContent claim = claim_read(machine->store.claims, machine->id);
    if (claim == CLAIM_ABSENT || claim == CLAIM_TURNED_AWAY)
        return;
    claim_forget_resume(machine->store.claims, machine->id);
    claim_put(machine->store.claims, machine->id, CLAIM_ABSENT);
    tell(machine, words[claim]);
}

bool barrier_release(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    subject_find(scan, CHECK_NOTHING, &subject, verdict);
    for (size_t i = 0; i < subject.count; i++)
        release(&subject.machines[i]);
    return true;
}

/* Also the guest that had begun to run when libvirtd died before it could call `started`. */
bool barrier_reconnect(const DomainScan *scan, Verdict *verdict)
{
    static Subject subject;
    subject_find(scan, CHECK_NOTHING, &subject, verdict);
    for (size_t i = 0; i < subject.count; i++) {
        const StoreMachine *machine = &subject.machines[i];
        if (claim_read(machine->store.claims, machine->id) == CLAIM_RUNNING)
            continue;
        note_session(machine, scan->stamp, verdict);
        tell(machine, "started");
    }
    return true;
}
