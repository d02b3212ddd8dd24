/*
 * Events. Whatever thread libvirt calls us on, the listener hears one event at a time. The
 * monitor's SHUTDOWN event is the only place that tells a guest's reboot from its power-off once
 * reboots have been turned into stops; it comes before the lifecycle event of the stop.
 */
#include "hypervisor/libvirt/event_sink.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <string.h>

#define REBOOT_EXPECTED_SECONDS 300

#define NOT_REGISTERED (-1)

struct EventSink {
    gint references;
    /* numbers of our registrations with the present connection; only its thread uses them */
    int lifecycle, suspend_to_disk, monitor;
    GRecMutex delivering;        /* held while the listener runs; before `lock` */
    HypervisorListener listener; /* under `delivering` */
    gpointer user_data;          /* under `delivering` */
    GMutex lock;
    GHashTable *reboots; /* uuid -> gint64: monotonic end of the wait; under `lock` */
};

EventSink *event_sink_new(void)
{
    EventSink *self = g_new0(EventSink, 1);
    self->references = 1;
    self->lifecycle = self->suspend_to_disk = self->monitor = NOT_REGISTERED;
    g_rec_mutex_init(&self->delivering);
    g_mutex_init(&self->lock);
    self->reboots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

EventSink *event_sink_ref(EventSink *self)
{
    g_atomic_int_inc(&self->references);
    return self;
}

void event_sink_unref(gpointer pointer)
{
    EventSink *self = pointer;
    if (self == NULL || !g_atomic_int_dec_and_test(&self->references))
        return;
    g_rec_mutex_clear(&self->delivering);
    g_mutex_clear(&self->lock);
    g_hash_table_unref(self->reboots);
    g_free(self);
}

void event_sink_listen(EventSink *self, HypervisorListener listener, gpointer user_data)
{
    g_rec_mutex_lock(&self->delivering);
    self->listener = listener;
    self->user_data = user_data;
    g_rec_mutex_unlock(&self->delivering);
}

static void deliver(EventSink *self, HypervisorEvent event, const char *uuid)
{
    g_rec_mutex_lock(&self->delivering);
    if (self->listener != NULL)
        self->listener(event, uuid, self->user_data);
    g_rec_mutex_unlock(&self->delivering);
}

static void deliver_for(EventSink *self, HypervisorEvent event, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    if (virDomainGetUUIDString(domain, uuid) == 0)
        deliver(self, event, uuid);
}

/* --- reboots that we asked for ---------------------------------------------------------------- */

void event_sink_expect_reboot(EventSink *self, const char *uuid)
{
    gint64 end = g_get_monotonic_time() + REBOOT_EXPECTED_SECONDS * G_USEC_PER_SEC;
    g_mutex_lock(&self->lock);
    g_hash_table_replace(self->reboots, g_strdup(uuid), g_memdup2(&end, sizeof end));
    g_mutex_unlock(&self->lock);
}

static gboolean take_expected_reboot(EventSink *self, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    if (virDomainGetUUIDString(domain, uuid) < 0)
        return FALSE;
    g_mutex_lock(&self->lock);
    const gint64 *end = g_hash_table_lookup(self->reboots, uuid);
    gboolean expected = end != NULL && g_get_monotonic_time() < *end;
    g_hash_table_remove(self->reboots, uuid);
    g_mutex_unlock(&self->lock);
    return expected;
}

/* --- libvirt's callbacks, on the event loop's thread ------------------------------------------ */

#define ANY_DETAIL (-1)

static const struct {
    int event, detail;
    HypervisorEvent translation;
} lifecycle[] = {
    {VIR_DOMAIN_EVENT_STARTED, ANY_DETAIL, DOMAIN_STARTED},
    {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SAVED, DOMAIN_SAVED},
    {VIR_DOMAIN_EVENT_STOPPED, ANY_DETAIL, DOMAIN_STOPPED},
    {VIR_DOMAIN_EVENT_SUSPENDED, ANY_DETAIL, DOMAIN_HALTED},
    {VIR_DOMAIN_EVENT_PMSUSPENDED, ANY_DETAIL, DOMAIN_HALTED},
    {VIR_DOMAIN_EVENT_RESUMED, ANY_DETAIL, DOMAIN_RESUMED},
    {VIR_DOMAIN_EVENT_DEFINED, ANY_DETAIL, DOMAIN_DEFINED},
    {VIR_DOMAIN_EVENT_UNDEFINED, ANY_DETAIL, DOMAIN_UNDEFINED},
};

static int on_lifecycle(virConnectPtr handle, virDomainPtr domain, int event, int detail,
                        void *opaque)
{
    EventSink *self = opaque;
    (void)handle;
    /* only a guest that went down by itself has followed the request */
    if (event == VIR_DOMAIN_EVENT_STOPPED && take_expected_reboot(self, domain) &&
        detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
        deliver_for(self, DOMAIN_REBOOT_STOPPED, domain);
    for (size_t i = 0; i < G_N_ELEMENTS(lifecycle); i++)
        if (lifecycle[i].event == event &&
            (lifecycle[i].detail == ANY_DETAIL || lifecycle[i].detail == detail)) {
            deliver_for(self, lifecycle[i].translation, domain);
            break;
        }
    return 0;
}

static void on_suspend_to_disk(virConnectPtr handle, virDomainPtr domain, int reason, void *opaque)
{
    (void)handle, (void)reason;
    deliver_for(opaque, DOMAIN_SUSPENDED_TO_DISK, domain);
}

/* {"guest":true,"reason":"guest-reset"}: QEMU ends because of a reset, from inside or by `virsh
 * reset`. */
static void on_monitor_shutdown(virConnectPtr handle, virDomainPtr domain, const char *event,
                                long long seconds, unsigned int micros, const char *details,
                                void *opaque)
{
    (void)handle, (void)event, (void)seconds, (void)micros;
    if (details != NULL &&
        (strstr(details, "\"guest-reset\"") || strstr(details, "\"host-qmp-system-reset\"")))
        deliver_for(opaque, DOMAIN_REBOOT_STOPPED, domain);
}

/* --- registration, on the connection's thread ------------------------------------------------- */

static int register_domain_event(EventSink *self, virConnectPtr handle, int event,
                                 virConnectDomainEventGenericCallback callback)
{
    int id = virConnectDomainEventRegisterAny(handle, NULL, event, callback, event_sink_ref(self),
                                              event_sink_unref);
    if (id < 0)
        event_sink_unref(self);
    return id;
}

static void on_made(virConnectPtr handle, gpointer user_data)
{
    EventSink *self = user_data;
    self->lifecycle = register_domain_event(self, handle, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                            VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
    self->suspend_to_disk = register_domain_event(self, handle, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK,
                                                  VIR_DOMAIN_EVENT_CALLBACK(on_suspend_to_disk));
    /* not there in drivers other than QEMU's */
    self->monitor = virConnectDomainQemuMonitorEventRegister(
        handle, NULL, "SHUTDOWN", on_monitor_shutdown, event_sink_ref(self), event_sink_unref, 0);
    if (self->monitor < 0)
        event_sink_unref(self);
    virResetLastError();
}

static void on_found(gpointer user_data)
{
    deliver(user_data, HYPERVISOR_FOUND, NULL);
}

static void on_lost(gpointer user_data)
{
    deliver(user_data, HYPERVISOR_LOST, NULL);
}

/* Registrations keep a connection open, also one whose socket has gone. */
static void on_ended(virConnectPtr handle, gpointer user_data)
{
    EventSink *self = user_data;
    int *const domain_events[] = {&self->lifecycle, &self->suspend_to_disk};
    for (size_t i = 0; i < G_N_ELEMENTS(domain_events); i++)
        if (*domain_events[i] >= 0)
            virConnectDomainEventDeregisterAny(handle, *domain_events[i]);
    if (self->monitor >= 0)
        virConnectDomainQemuMonitorEventDeregister(handle, self->monitor);
    self->lifecycle = self->suspend_to_disk = self->monitor = NOT_REGISTERED;
    virResetLastError();
}

const ConnectionListener event_sink_connection = {on_made, on_found, on_lost, on_ended};
