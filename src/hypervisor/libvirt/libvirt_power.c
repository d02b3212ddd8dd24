/* Power and what happens at power events, for domains of ours only. A state that is there already
 * is success. */
#include <stdlib.h>

#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"
#include "hypervisor/libvirt/xml_tree.h"

typedef struct Action Action;
struct Action {
    const char *uuid;
    gboolean (*run)(const Action *action, virDomainPtr domain, GError **error);
    gboolean flag;
    EventSink *events;
};

static gboolean run_on_own(virConnectPtr handle, gpointer argument, GError **error)
{
    const Action *action = argument;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, action->uuid, error);
    return domain != NULL && libvirt_require_ours(domain, error) &&
           action->run(action, domain, error);
}

static gboolean act(Hypervisor *hypervisor, Action action, GError **error)
{
    LibvirtHypervisor *self = (LibvirtHypervisor *)hypervisor;
    action.events = self->events;
    return libvirt_call(self, run_on_own, &action, error);
}

/* The outcome of a call of libvirt on a domain. */
static gboolean outcome(int result, virDomainPtr domain, GError **error)
{
    return result >= 0 || libvirt_error_take(domain, error);
}

/* The same for a call that wants the domain active or not: what has come about by itself is
 * success. */
static gboolean outcome_active(int result, virDomainPtr domain, int active, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (outcome(result, domain, &failure) || virDomainIsActive(domain) == active)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* --- on and off ------------------------------------------------------------------------------- */

/* 0 where it goes on, or did not stand still. A guest that sleeps (S3) is woken. */
static int let_go_on(virDomainPtr domain, int state)
{
    if (state == VIR_DOMAIN_PMSUSPENDED)
        return virDomainPMWakeup(domain, 0);
    return state == VIR_DOMAIN_PAUSED ? virDomainResume(domain) : 0;
}

static gboolean start(const Action *action, virDomainPtr domain, GError **error)
{
    (void)action;
    int state;
    if (virDomainIsActive(domain) == 1 && virDomainGetState(domain, &state, NULL, 0) == 0)
        return outcome(let_go_on(domain, state), domain, error);
    return outcome_active(virDomainCreate(domain), domain, 1, error);
}

static gboolean request_shutdown(const Action *action, virDomainPtr domain, GError **error)
{
    (void)action;
    return outcome_active(virDomainShutdown(domain), domain, 0, error);
}

/* SIGTERM first, which lets QEMU write its images out; SIGKILL if that does not help. */
static gboolean power_off(const Action *action, virDomainPtr domain, GError **error)
{
    (void)action;
    return outcome_active(virDomainDestroy(domain), domain, 0, error);
}

gboolean libvirt_start(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = start}, error);
}

gboolean libvirt_shutdown(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = request_shutdown}, error);
}

gboolean libvirt_poweroff(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = power_off}, error);
}

/* --- reboot ----------------------------------------------------------------------------------- */

/* "destroy", "restart" …: what the definition says about reboots. Caller frees; NULL on failure. */
static char *reboot_action(virDomainPtr domain, unsigned flags)
{
    char *xml = virDomainGetXMLDesc(domain, flags);
    g_autoptr(xmlDoc) document = xml == NULL ? NULL : xml_tree_parse(xml, "domain", NULL);
    free(xml);
    if (document == NULL)
        return NULL;
    char *action = xml_content(xml_first(xmlDocGetRootElement(document), "on_reboot"));
    return action != NULL ? action : g_strdup("restart");
}

static gboolean request_reboot(const Action *action, virDomainPtr domain, GError **error)
{
    g_autofree char *now = reboot_action(domain, 0);
    if (g_strcmp0(now, "destroy") == 0)
        event_sink_expect_reboot(action->events, action->uuid);
    return outcome(virDomainReboot(domain, 0), domain, error);
}

gboolean libvirt_reboot(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = request_reboot}, error);
}

static unsigned action_from_name(const char *name)
{
    static const struct {
        const char *name;
        unsigned action;
    } actions[] = {
        {"destroy", VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY},
        {"restart", VIR_DOMAIN_LIFECYCLE_ACTION_RESTART},
        {"rename-restart", VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME},
        {"preserve", VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
        if (g_strcmp0(name, actions[i].name) == 0)
            return actions[i].action;
    return VIR_DOMAIN_LIFECYCLE_ACTION_RESTART;
}

/* Taken back, the guest's reboot does again what the stored definition says, which need not be to
 * restart. */
static gboolean set_reboot(const Action *action, virDomainPtr domain, GError **error)
{
    g_autofree char *stored = reboot_action(domain, VIR_DOMAIN_XML_INACTIVE);
    unsigned wanted = action->flag ? VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY : action_from_name(stored);
    return outcome(virDomainSetLifecycleAction(domain, VIR_DOMAIN_LIFECYCLE_REBOOT, wanted,
                                               VIR_DOMAIN_AFFECT_LIVE),
                   domain, error);
}

gboolean libvirt_set_reboot_stops(Hypervisor *hypervisor, const char *uuid, gboolean stops,
                                  GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = set_reboot, .flag = stops}, error);
}

/* --- autostart -------------------------------------------------------------------------------- */

static gboolean set_autostart(const Action *action, virDomainPtr domain, GError **error)
{
    return outcome(virDomainSetAutostart(domain, action->flag ? 1 : 0), domain, error);
}

gboolean libvirt_set_autostart(Hypervisor *hypervisor, const char *uuid, gboolean autostart,
                               GError **error)
{
    return act(hypervisor, (Action){.uuid = uuid, .run = set_autostart, .flag = autostart}, error);
}
