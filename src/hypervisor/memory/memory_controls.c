/* What tests command: guests and people behind the daemon's back, and a host in trouble. */
#include "hypervisor/memory/memory_private.h"

static MemoryHypervisor *host_of(Hypervisor *hypervisor)
{
    return (MemoryHypervisor *)hypervisor;
}

/* A test that names a domain which is not there has a defect itself. */
static MemoryDomain *lock_domain(Hypervisor *hypervisor, const char *uuid)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    MemoryDomain *domain = host_find(self, uuid, NULL);
    if (domain == NULL)
        g_error("the in-memory host has no domain '%s'", uuid);
    return domain;
}

static void unlock_changed(Hypervisor *hypervisor, const MemoryDomain *domain)
{
    MemoryHypervisor *self = host_of(hypervisor);
    host_store(self, domain, NULL);
    host_end(self, TRUE);
}

void memory_hypervisor_add(Hypervisor *hypervisor, const char *xml)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_autoptr(GError) failure = NULL;
    MemoryDomain *domain = memory_domain_new(xml, &failure);
    if (domain == NULL)
        g_error("no definition: %s", failure->message);
    g_mutex_lock(&self->lock);
    host_keep(self, domain);
    unlock_changed(hypervisor, domain);
}

void memory_hypervisor_drop(Hypervisor *hypervisor, const char *uuid)
{
    const MemoryDomain *domain = lock_domain(hypervisor, uuid);
    host_remove(host_of(hypervisor), domain);
    host_end(host_of(hypervisor), TRUE);
}

void memory_hypervisor_set_facts(Hypervisor *hypervisor, const char *uuid,
                                 const MemoryDomainFacts *facts)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    domain->facts = *facts;
    unlock_changed(hypervisor, domain);
}

int memory_hypervisor_take_screen(Hypervisor *hypervisor, const char *uuid)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    int screen = domain->screen;
    domain->screen = -1;
    unlock_changed(hypervisor, domain);
    return screen;
}

void memory_hypervisor_set_power(Hypervisor *hypervisor, const char *uuid, Power new_power)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    domain->power = new_power;
    unlock_changed(hypervisor, domain);
}

gboolean memory_hypervisor_reboot_stops(Hypervisor *hypervisor, const char *uuid)
{
    gboolean stops = lock_domain(hypervisor, uuid)->reboot_stops;
    return host_end(host_of(hypervisor), stops);
}

char *memory_hypervisor_stamp(Hypervisor *hypervisor, const char *uuid)
{
    char *stamp = g_strdup(lock_domain(hypervisor, uuid)->stamp);
    host_end(host_of(hypervisor), TRUE);
    return stamp;
}

gboolean memory_hypervisor_autostart(Hypervisor *hypervisor, const char *uuid)
{
    gboolean autostart = lock_domain(hypervisor, uuid)->autostart;
    return host_end(host_of(hypervisor), autostart);
}

void memory_hypervisor_guest_stops(Hypervisor *hypervisor, const char *uuid)
{
    host_stop(host_of(hypervisor), lock_domain(hypervisor, uuid), DOMAIN_STOPPED);
    host_end(host_of(hypervisor), TRUE);
}

void memory_hypervisor_guest_reboots(Hypervisor *hypervisor, const char *uuid)
{
    host_reboot(host_of(hypervisor), lock_domain(hypervisor, uuid));
    host_end(host_of(hypervisor), TRUE);
}

void memory_hypervisor_guest_suspends_to_disk(Hypervisor *hypervisor, const char *uuid)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    host_add_event(host_of(hypervisor), DOMAIN_SUSPENDED_TO_DISK, domain->uuid);
    host_stop(host_of(hypervisor), domain, DOMAIN_STOPPED);
    host_end(host_of(hypervisor), TRUE);
}

void memory_hypervisor_save(Hypervisor *hypervisor, const char *uuid, gboolean managed)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    domain->facts.managed_save = managed;
    domain->facts.saved_to_file = !managed;
    host_stop(host_of(hypervisor), domain, DOMAIN_SAVED);
    host_end(host_of(hypervisor), TRUE);
}

void memory_hypervisor_set_stubborn(Hypervisor *hypervisor, const char *uuid, gboolean stubborn)
{
    MemoryDomain *domain = lock_domain(hypervisor, uuid);
    domain->stubborn = stubborn;
    unlock_changed(hypervisor, domain);
}

void memory_hypervisor_emit(Hypervisor *hypervisor, HypervisorEvent event, const char *uuid)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    host_add_event(self, event, uuid);
    host_end(self, TRUE);
}

void memory_hypervisor_set_hook(Hypervisor *hypervisor, gboolean in_force)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    self->hook_in_force = in_force;
    g_mutex_unlock(&self->lock);
}

void memory_hypervisor_set_start_hook(Hypervisor *hypervisor, MemoryStartHook hook,
                                      gpointer user_data)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    self->start_hook = hook;
    self->start_hook_data = user_data;
    g_mutex_unlock(&self->lock);
}

void memory_hypervisor_fail_next(Hypervisor *hypervisor, const char *call, UnderpinErrorCode code,
                                 const char *message)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    g_free(self->failing_call);
    g_clear_error(&self->failure);
    self->failing_call = g_strdup(call != NULL ? call : "");
    error_set(&self->failure, code, NULL, "%s", message);
    g_mutex_unlock(&self->lock);
}

void memory_hypervisor_set_answering(Hypervisor *hypervisor, gboolean answering)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    if (self->answering != answering)
        host_add_event(self, answering ? HYPERVISOR_FOUND : HYPERVISOR_LOST, NULL);
    self->answering = answering;
    host_end(self, TRUE);
}

guint memory_hypervisor_calls(Hypervisor *hypervisor, const char *call)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(self->calls, call));
    g_mutex_unlock(&self->lock);
    return number;
}
