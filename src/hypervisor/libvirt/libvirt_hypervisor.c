/* The adapter put together: what every call does around its work, and the table of calls. */
#include "hypervisor/libvirt/libvirt_hypervisor.h"

#include <stdlib.h>

#include "foundation/ids.h"
#include "hypervisor/libvirt/domain_reading.h"
#include "hypervisor/libvirt/domain_rules.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"

/* --- for all parts ---------------------------------------------------------------------------- */

gboolean libvirt_call(LibvirtHypervisor *self, LibvirtWork work, gpointer argument, GError **error)
{
    virConnectPtr handle = connection_enter(self->connection, error);
    if (handle == NULL)
        return FALSE;
    virResetLastError();
    g_autoptr(GError) failure = NULL;
    gboolean succeeded = work(handle, argument, &failure);
    /* whatever a call says when its socket has gone, that is the reason */
    gboolean lost = !succeeded && virConnectIsAlive(handle) <= 0;
    connection_leave(self->connection, handle);
    if (lost)
        return domain_rules_unavailable(error);
    if (!succeeded)
        g_propagate_error(error, g_steal_pointer(&failure));
    return succeeded;
}

virDomainPtr libvirt_find_domain(virConnectPtr handle, const char *uuid_or_name, GError **error)
{
    virDomainPtr domain = NULL;
    if (uuid_is_valid(uuid_or_name))
        domain = virDomainLookupByUUIDString(handle, uuid_or_name);
    if (domain == NULL)
        domain = virDomainLookupByName(handle, uuid_or_name);
    if (domain != NULL)
        return domain;
    if (libvirt_error_is(VIR_ERR_NO_DOMAIN))
        domain_rules_not_found(uuid_or_name, error);
    else
        libvirt_error_take(NULL, error);
    return NULL;
}

char *libvirt_machine_id(virDomainPtr domain)
{
    static const unsigned scopes[] = {VIR_DOMAIN_AFFECT_CONFIG, VIR_DOMAIN_AFFECT_CURRENT};
    for (size_t i = 0; i < G_N_ELEMENTS(scopes); i++) {
        char *element = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                                             DOMAIN_METADATA_NAMESPACE, scopes[i]);
        char *id = element == NULL ? NULL : domain_machine_id_of_element(element);
        free(element);
        /* only a transient domain has no stored definition to ask */
        if (id != NULL || libvirt_error_is(VIR_ERR_NO_DOMAIN_METADATA))
            return id;
    }
    return NULL;
}

gboolean libvirt_require_ours(virDomainPtr domain, GError **error)
{
    g_autofree char *id = libvirt_machine_id(domain);
    return domain_rules_require_ours(virDomainGetName(domain), id, error);
}

/* --- the small calls -------------------------------------------------------------------------- */

static LibvirtHypervisor *adapter(Hypervisor *hypervisor)
{
    return (LibvirtHypervisor *)hypervisor;
}

static gboolean ask_version(virConnectPtr handle, gpointer argument, GError **error)
{
    unsigned long version;
    (void)argument;
    return virConnectGetLibVersion(handle, &version) == 0 || libvirt_error_take(NULL, error);
}

static gboolean ping(Hypervisor *hypervisor, GError **error)
{
    return libvirt_call(adapter(hypervisor), ask_version, NULL, error);
}

static char *build_xml(Hypervisor *hypervisor, const DomainSpec *spec, GError **error)
{
    DomainHost host = {0};
    if (spec->template_xml == NULL && !libvirt_host(adapter(hypervisor), &host, error))
        return NULL;
    return domain_build(spec, &host, error);
}

static void listen_to(Hypervisor *hypervisor, HypervisorListener listener, gpointer user_data)
{
    event_sink_listen(adapter(hypervisor)->events, listener, user_data);
}

static void adapter_free(Hypervisor *hypervisor)
{
    LibvirtHypervisor *self = adapter(hypervisor);
    event_sink_listen(self->events, NULL, NULL);
    connection_free(self->connection);
    event_sink_unref(self->events);
    g_free(self);
}

static const HypervisorOps operations = {
    .name = "libvirt",
    .free = adapter_free,
    .ping = ping,
    .list = libvirt_list,
    .names = libvirt_names,
    .inspect = libvirt_inspect,
    .definition = libvirt_definition,
    .power = libvirt_power,
    .marks = libvirt_marks,
    .build_xml = build_xml,
    .define = libvirt_define,
    .define_new = libvirt_define_new,
    .undefine = libvirt_undefine,
    .start = libvirt_start,
    .shutdown = libvirt_shutdown,
    .poweroff = libvirt_poweroff,
    .reboot = libvirt_reboot,
    .set_reboot_stops = libvirt_set_reboot_stops,
    .stamp = libvirt_stamp,
    .set_autostart = libvirt_set_autostart,
    .display = libvirt_display,
    .open_screen = libvirt_open_screen,
    .probe_hook = libvirt_probe_hook,
    .listen = listen_to,
};

Hypervisor *libvirt_hypervisor_new(const char *uri, GError **error)
{
    if (virInitialize() < 0) {
        libvirt_error_take(NULL, error);
        return NULL;
    }
    libvirt_error_init();
    LibvirtHypervisor *self = g_new0(LibvirtHypervisor, 1);
    self->parent.ops = &operations;
    self->events = event_sink_new();
    self->connection =
        connection_new(uri, &event_sink_connection, event_sink_ref(self->events), event_sink_unref);
    return &self->parent;
}
