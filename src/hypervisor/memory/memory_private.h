/* What the port's calls and the controls for tests share. Private to src/hypervisor/memory. */
#pragma once

#include "hypervisor/memory/memory_domain.h"
#include "ports/hypervisor_adapter.h"

typedef struct {
    Hypervisor parent;
    char *directory;     /* NULL: in memory alone; constant */
    GMutex lock;         /* protects everything below */
    GHashTable *domains; /* uuid -> MemoryDomain */
    GHashTable *names;   /* name -> MemoryDomain, borrowed */
    GHashTable *calls;   /* name of a slot -> number */
    GQueue events;       /* events until the lock is released */
    HypervisorListener listener;
    gpointer listener_data;
    MemoryStartHook start_hook;
    gpointer start_hook_data;
    gboolean hook_in_force;
    gboolean answering;
    char *failing_call; /* "": any; NULL: none */
    GError *failure;
} MemoryHypervisor;

/* Everything below but host_end() is called with the lock held. */

/* Releases the lock and tells the listener what has happened. Returns its second argument. */
gboolean host_end(MemoryHypervisor *self, gboolean succeeded);
void host_add_event(MemoryHypervisor *self, HypervisorEvent event, const char *uuid);
/* By UUID or name; NOT_FOUND. */
MemoryDomain *host_find(MemoryHypervisor *self, const char *uuid_or_name, GError **error);
/* Takes a domain over, in place of one with its UUID, whose state goes on; defined. */
void host_keep(MemoryHypervisor *self, MemoryDomain *wanted);
void host_remove(MemoryHypervisor *self, const MemoryDomain *domain);
gboolean host_store(MemoryHypervisor *self, const MemoryDomain *domain, GError **error);
/* QEMU ends, with that event. */
void host_stop(MemoryHypervisor *self, MemoryDomain *domain, HypervisorEvent event);
/* The guest reboots, which is a stop where it has been turned into one. */
void host_reboot(MemoryHypervisor *self, MemoryDomain *domain);
