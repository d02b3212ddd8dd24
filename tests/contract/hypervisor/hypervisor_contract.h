/* The contract of the hypervisor port as tests that every adapter must pass. */
#pragma once

#include "ports/hypervisor.h"

typedef struct {
    const char *name;
    /* A fresh adapter to a host that answers. */
    Hypervisor *(*open)(void);
    /* Makes a disk file for a domain that is to run; NULL where nothing looks at it. */
    void (*make_disk)(const char *path);
    const char *disk_directory;
    gboolean guests_obey; /* a guest powers itself off as soon as it is asked to */
    gboolean has_screens; /* a running domain has a VNC server that can be connected to */
} HypervisorContract;

/* Runs all tests; returns the number that failed, for main(). */
int hypervisor_contract_run(const HypervisorContract *contract);

/* --- for tests of one adapter --------------------------------------------------------------------
 */

/* Remembers events so that a test can wait for them. */
typedef struct EventLog EventLog;
EventLog *event_log_new(Hypervisor *hypervisor);
/* Stops listening and frees. */
void event_log_free(EventLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventLog, event_log_free)
/* Waits for the event (of that domain, or any with uuid NULL), and forgets it and all before it.
 * FALSE after 20 s. */
gboolean event_log_wait(EventLog *log, HypervisorEvent event, const char *uuid);
/* Whether it has come since the last wait. */
gboolean event_log_has(EventLog *log, HypervisorEvent event, const char *uuid);

/* A machine from scratch with one small disk "vda" in `directory`. */
typedef struct {
    char *uuid, *name, *id, *disk, *xml;
} TestMachine;
TestMachine *test_machine_new(Hypervisor *hypervisor, const char *directory, const char *name);
void test_machine_free(TestMachine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestMachine, test_machine_free)
