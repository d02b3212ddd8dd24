/* One domain of the in-memory host, and its two files. Private to src/hypervisor/memory. */
#pragma once

#include "hypervisor/memory/memory_hypervisor.h"

typedef struct {
    char *uuid;
    char *name;
    char *machine_id; /* NULL: not ours */
    char *xml;
    DomainFacts *definition; /* what it says, read once */
    Power power;
    gboolean autostart;
    gboolean reboot_stops;
    gboolean shut_down; /* by its guest; of one that is off */
    gboolean stubborn;
    char *stamp; /* of the session that runs, or was saved; NULL: none */
    MemoryDomainFacts facts;
    int screen; /* the guest's end of a screen that was opened and not taken yet; -1: none */
} MemoryDomain;

/* INVALID for XML that is no domain with a name and a UUID. */
MemoryDomain *memory_domain_new(const char *xml, GError **error);
void memory_domain_free(MemoryDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MemoryDomain, memory_domain_free)
/* Takes over a new definition; power and the rest stay. */
gboolean memory_domain_redefine(MemoryDomain *domain, const char *xml, GError **error);
/* New copies. */
DomainState *memory_domain_state(const MemoryDomain *domain);
DomainFacts *memory_domain_facts(const MemoryDomain *domain);
guint memory_domain_marks(const MemoryDomain *domain);
/* SAVED where memory is saved, else as it is. */
Power memory_domain_power(const MemoryDomain *domain);

/* Writes both files, the definition last: a domain exists when its definition does. */
gboolean memory_domain_store(const MemoryDomain *domain, const char *directory, GError **error);
void memory_domain_forget(const MemoryDomain *domain, const char *directory);
/* All domains of a directory. Files that are no domain are passed over. */
GPtrArray *memory_domain_load_all(const char *directory);
