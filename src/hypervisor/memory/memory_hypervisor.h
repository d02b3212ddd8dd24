/* The hypervisor port in memory: a host whose domains, guests and troubles a test commands. */
#pragma once

#include "foundation/error.h"
#include "ports/hypervisor.h"

/*
 * `state_directory` NULL: the domains live in memory alone. Else they survive the process as files
 * of that directory (made if missing): UUID.xml and UUID.state, replaced atomically, so that a
 * crash test may kill the process. Starts with an answering host, no domains, and a hook that is in
 * force. Thread-safe. Free with hypervisor_free().
 *
 * The same rules as on libvirt: domains without our mark are never started, stopped, changed or
 * undefined. Events are delivered on the thread that causes them, before the call returns, with no
 * lock held.
 */
Hypervisor *memory_hypervisor_new(const char *state_directory);

/* --- for tests: none of these is counted as a call, none fails
 * ------------------------------------ */

/* Defines a domain as somebody else would, with or without our mark. */
void memory_hypervisor_add(Hypervisor *hypervisor, const char *xml);
/* Removes a domain as `virsh undefine` would. */
void memory_hypervisor_drop(Hypervisor *hypervisor, const char *uuid);

/* What a domain is or has beyond its definition. */
typedef struct {
    guint snapshots, checkpoints;
    gboolean block_job;
    gboolean managed_save;
    gboolean saved_to_file;
} MemoryDomainFacts;
void memory_hypervisor_set_facts(Hypervisor *hypervisor, const char *uuid,
                                 const MemoryDomainFacts *facts);
/* Without any event: as if it had been lost. */
void memory_hypervisor_set_power(Hypervisor *hypervisor, const char *uuid, Power power);
gboolean memory_hypervisor_reboot_stops(Hypervisor *hypervisor, const char *uuid);
/* What memory saved now, or last, carries; NULL: nothing. Caller frees. */
char *memory_hypervisor_stamp(Hypervisor *hypervisor, const char *uuid);
gboolean memory_hypervisor_autostart(Hypervisor *hypervisor, const char *uuid);

/* The guest, or somebody with virsh: with the events that libvirt would send. */
void memory_hypervisor_guest_stops(Hypervisor *hypervisor, const char *uuid);
/* Stops too where reboots have been turned into stops; otherwise nothing happens. */
void memory_hypervisor_guest_reboots(Hypervisor *hypervisor, const char *uuid);
void memory_hypervisor_guest_suspends_to_disk(Hypervisor *hypervisor, const char *uuid);
/* `virsh managedsave`, or `virsh save FILE`. */
void memory_hypervisor_save(Hypervisor *hypervisor, const char *uuid, gboolean managed);
/* TRUE: the guest ignores requests to shut down or reboot. */
void memory_hypervisor_set_stubborn(Hypervisor *hypervisor, const char *uuid, gboolean stubborn);
void memory_hypervisor_emit(Hypervisor *hypervisor, HypervisorEvent event, const char *uuid);

/* The guest's end of the screen that was opened last; the caller closes it. -1: none. */
int memory_hypervisor_take_screen(Hypervisor *hypervisor, const char *uuid);

/* What hypervisor_probe_hook() finds. */
void memory_hypervisor_set_hook(Hypervisor *hypervisor, gboolean in_force);
/* Asked before each start, as libvirt asks the hook: FALSE refuses it. No lock is held. NULL:
 * nobody is asked. */
typedef gboolean (*MemoryStartHook)(const char *uuid, const char *xml, gboolean resume,
                                    gpointer user_data, GError **error);
void memory_hypervisor_set_start_hook(Hypervisor *hypervisor, MemoryStartHook hook,
                                      gpointer user_data);

/* The next call named so ("define", "start" …: a slot of the vtable), or any with NULL, fails with
 * that. Once. */
void memory_hypervisor_fail_next(Hypervisor *hypervisor, const char *call, UnderpinErrorCode code,
                                 const char *message);
/* FALSE: every call is UNAVAILABLE until it answers again. Sends HYPERVISOR_LOST or FOUND when that
 * changes. */
void memory_hypervisor_set_answering(Hypervisor *hypervisor, gboolean answering);
/* How often a slot was called since the start. */
guint memory_hypervisor_calls(Hypervisor *hypervisor, const char *call);
