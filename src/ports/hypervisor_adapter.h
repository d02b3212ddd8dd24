/* For hypervisor adapters only: the vtable behind hypervisor.h. One slot a wrapper, same contracts.
 */
#pragma once

#include "ports/hypervisor.h"

typedef struct {
    const char *name; /* "libvirt", "memory" */
    void (*free)(Hypervisor *);
    gboolean (*ping)(Hypervisor *, GError **);
    GPtrArray *(*list)(Hypervisor *, GError **);
    GHashTable *(*names)(Hypervisor *, GError **);
    DomainFacts *(*inspect)(Hypervisor *, const char *, GError **);
    DomainFacts *(*definition)(Hypervisor *, const char *, GError **);
    gboolean (*power)(Hypervisor *, const char *, Power *, GError **);
    GHashTable *(*marks)(Hypervisor *, GError **);
    char *(*build_xml)(Hypervisor *, const DomainSpec *, GError **);
    gboolean (*define)(Hypervisor *, const char *, GError **);
    gboolean (*define_new)(Hypervisor *, const char *, GError **);
    gboolean (*undefine)(Hypervisor *, const char *, GError **);
    gboolean (*start)(Hypervisor *, const char *, GError **);
    gboolean (*shutdown)(Hypervisor *, const char *, GError **);
    gboolean (*poweroff)(Hypervisor *, const char *, GError **);
    gboolean (*reboot)(Hypervisor *, const char *, GError **);
    gboolean (*set_reboot_stops)(Hypervisor *, const char *, gboolean, GError **);
    gboolean (*stamp)(Hypervisor *, const char *, const char *, const char *, GError **);
    gboolean (*set_autostart)(Hypervisor *, const char *, gboolean, GError **);
    DomainDisplay *(*display)(Hypervisor *, const char *, GError **);
    int (*open_screen)(Hypervisor *, const char *, GError **);
    gboolean (*probe_hook)(Hypervisor *, const char *, GError **);
    void (*listen)(Hypervisor *, HypervisorListener, gpointer);
} HypervisorOps;

/* An adapter's own struct begins with this. */
struct Hypervisor {
    const HypervisorOps *ops;
};
