/* What the parts of the libvirt adapter share. Private to src/hypervisor/libvirt. */
#pragma once

#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/domain_building.h"
#include "hypervisor/libvirt/event_sink.h"
#include "hypervisor/libvirt/libvirt_pointers.h"
#include "ports/hypervisor_adapter.h"

typedef struct {
    Hypervisor parent;
    Connection *connection;
    EventSink *events;
} LibvirtHypervisor;

/* Runs `work` within a call on the connection: UNAVAILABLE where there is none, also if it is lost
 * meanwhile. */
typedef gboolean (*LibvirtWork)(virConnectPtr handle, gpointer argument, GError **error);
gboolean libvirt_call(LibvirtHypervisor *self, LibvirtWork work, gpointer argument, GError **error);

/* By UUID, or else by name. NULL with NOT_FOUND. */
virDomainPtr libvirt_find_domain(virConnectPtr handle, const char *uuid_or_name, GError **error);
/* Our id in the stored definition (the running one of a transient domain); NULL: not ours. Caller
 * frees. */
char *libvirt_machine_id(virDomainPtr domain);
/* REFUSED unless the domain is ours. */
gboolean libvirt_require_ours(virDomainPtr domain, GError **error);

/* libvirt_reading.c */
GPtrArray *libvirt_list(Hypervisor *, GError **);
GHashTable *libvirt_names(Hypervisor *, GError **);
DomainFacts *libvirt_inspect(Hypervisor *, const char *, GError **);
DomainFacts *libvirt_definition(Hypervisor *, const char *, GError **);
gboolean libvirt_power(Hypervisor *, const char *, Power *, GError **);
GHashTable *libvirt_marks(Hypervisor *, GError **);
/* libvirt_defining.c */
gboolean libvirt_define(Hypervisor *, const char *, GError **);
gboolean libvirt_define_new(Hypervisor *, const char *, GError **);
gboolean libvirt_undefine(Hypervisor *, const char *, GError **);
/* libvirt_power.c */
gboolean libvirt_start(Hypervisor *, const char *, GError **);
gboolean libvirt_shutdown(Hypervisor *, const char *, GError **);
gboolean libvirt_poweroff(Hypervisor *, const char *, GError **);
gboolean libvirt_reboot(Hypervisor *, const char *, GError **);
gboolean libvirt_set_reboot_stops(Hypervisor *, const char *, gboolean, GError **);
gboolean libvirt_set_autostart(Hypervisor *, const char *, gboolean, GError **);
/* libvirt_display.c */
DomainDisplay *libvirt_display(Hypervisor *, const char *, GError **);
int libvirt_open_screen(Hypervisor *, const char *, GError **);
/* libvirt_stamp.c */
gboolean libvirt_stamp(Hypervisor *, const char *, const char *, const char *, GError **);
/* libvirt_probe.c */
gboolean libvirt_probe_hook(Hypervisor *, const char *, GError **);
/* libvirt_host.c: what a domain from scratch may count on; `host->network` is the constant
 * "default" or NULL. */
gboolean libvirt_host(LibvirtHypervisor *self, DomainHost *host_out, GError **error);
