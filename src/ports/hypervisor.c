/* The hypervisor port's checked wrappers, and the life cycle of what they return. */
#include <string.h>

#include "foundation/error.h"
#include "foundation/ids.h"
#include "ports/checked.h"
#include "ports/hypervisor_adapter.h"

static const char *const power_names[] = {
    [POWER_UNKNOWN] = "unknown", [POWER_OFF] = "off",     [POWER_RUNNING] = "running",
    [POWER_PAUSED] = "paused",   [POWER_SAVED] = "saved", [POWER_STOPPING] = "stopping",
    [POWER_STALLED] = "stalled",
};
G_STATIC_ASSERT(G_N_ELEMENTS(power_names) == POWER_COUNT);

const char *power_name(Power power)
{
    g_return_val_if_fail((guint)power < POWER_COUNT, power_names[POWER_UNKNOWN]);
    return power_names[power];
}

gboolean power_from_name(const char *name, Power *power_out)
{
    for (guint power = 0; power < POWER_COUNT; power++) {
        if (!g_str_equal(power_names[power], name))
            continue;
        *power_out = (Power)power;
        return TRUE;
    }
    return FALSE;
}

gboolean power_is_active(Power power)
{
    return power != POWER_OFF;
}

gboolean power_is_halted(Power power)
{
    return power == POWER_PAUSED || power == POWER_STALLED;
}

gboolean power_is_live(Power power)
{
    return power == POWER_RUNNING || power == POWER_STOPPING || power_is_halted(power);
}

DomainState *domain_state_new(void)
{
    return g_new0(DomainState, 1);
}

void domain_state_free(DomainState *state)
{
    if (state == NULL)
        return;
    g_free(state->uuid);
    g_free(state->name);
    g_free(state->machine_id);
    g_free(state);
}

DomainDisk *domain_disk_new(void)
{
    return g_new0(DomainDisk, 1);
}

void domain_disk_free(DomainDisk *disk)
{
    if (disk == NULL)
        return;
    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->type);
    g_free(disk->path);
    g_free(disk->format);
    g_free(disk);
}

DomainFacts *domain_facts_new(void)
{
    DomainFacts *facts = g_new0(DomainFacts, 1);
    facts->state = domain_state_new();
    facts->disks = g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_free);
    return facts;
}

void domain_facts_free(DomainFacts *facts)
{
    if (facts == NULL)
        return;
    domain_state_free(facts->state);
    g_clear_pointer(&facts->disks, g_ptr_array_unref);
    g_free(facts->nvram_path);
    g_free(facts->xml);
    g_free(facts->first_snapshot);
    g_free(facts);
}

DomainDiskSpec *domain_disk_spec_new(const char *target, const char *path, const char *format)
{
    DomainDiskSpec *spec = g_new0(DomainDiskSpec, 1);
    spec->target = g_strdup(target);
    spec->path = g_strdup(path);
    spec->format = g_strdup(format);
    return spec;
}

void domain_disk_spec_free(DomainDiskSpec *spec)
{
    if (spec == NULL)
        return;
    g_free(spec->target);
    g_free(spec->path);
    g_free(spec->format);
    g_free(spec);
}

DomainDisplay *domain_display_new(void)
{
    return g_new0(DomainDisplay, 1);
}

void domain_display_free(DomainDisplay *display)
{
    if (display == NULL)
        return;
    g_free(display->socket);
    g_free(display->host);
    g_free(display);
}

gboolean domain_display_require_vnc(const DomainDisplay *display, const char *name, GError **error)
{
    return display->kind == DISPLAY_VNC ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "use virt-viewer; or " DOMAIN_DISPLAY_HINT,
                     "'%s' shows its screen by SPICE only, which the console does not speak", name);
}

void hypervisor_free(Hypervisor *hypervisor)
{
    if (hypervisor != NULL)
        hypervisor->ops->free(hypervisor);
}

gboolean hypervisor_ping(Hypervisor *hypervisor, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(hypervisor->ops->ping(hypervisor, &problem), &problem, error,
                       "asking the host");
}

GPtrArray *hypervisor_list(Hypervisor *hypervisor, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL, error, NULL);
    GError *problem = NULL;
    GPtrArray *domains = hypervisor->ops->list(hypervisor, &problem);
    port_finish(domains != NULL, &problem, error, "listing the host's domains");
    return domains;
}

GHashTable *hypervisor_names(Hypervisor *hypervisor, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL, error, NULL);
    GError *problem = NULL;
    GHashTable *names = hypervisor->ops->names(hypervisor, &problem);
    port_finish(names != NULL, &problem, error, "reading the names of the host's domains");
    return names;
}

DomainFacts *hypervisor_inspect(Hypervisor *hypervisor, const char *uuid_or_name, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid_or_name != NULL, error, NULL);
    GError *problem = NULL;
    DomainFacts *facts = hypervisor->ops->inspect(hypervisor, uuid_or_name, &problem);
    if (uuid_is_valid(uuid_or_name))
        port_finish(facts != NULL, &problem, error, "inspecting its domain");
    else
        port_finish(facts != NULL, &problem, error, "inspecting domain '%s'", uuid_or_name);
    return facts;
}

DomainFacts *hypervisor_definition(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, NULL);
    GError *problem = NULL;
    DomainFacts *facts = hypervisor->ops->definition(hypervisor, uuid, &problem);
    port_finish(facts != NULL, &problem, error, "reading the definition of its domain");
    return facts;
}

gboolean hypervisor_power(Hypervisor *hypervisor, const char *uuid, Power *power_out,
                          GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL && power_out != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(hypervisor->ops->power(hypervisor, uuid, power_out, &problem), &problem,
                       error, "reading the state of its domain");
}

GHashTable *hypervisor_marks(Hypervisor *hypervisor, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL, error, NULL);
    GError *problem = NULL;
    GHashTable *marks = hypervisor->ops->marks(hypervisor, &problem);
    port_finish(marks != NULL, &problem, error, "looking for snapshots of the host's domains");
    return marks;
}

char *hypervisor_build_xml(Hypervisor *hypervisor, const DomainSpec *spec, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && spec != NULL && spec->name != NULL, error, NULL);
    PORT_REQUIRE(spec->uuid != NULL && spec->disks != NULL, error, NULL);
    GError *problem = NULL;
    char *xml = hypervisor->ops->build_xml(hypervisor, spec, &problem);
    port_finish(xml != NULL, &problem, error, "building the definition of '%s'", spec->name);
    return xml;
}

/* Calls that take one text: a definition, or a domain's UUID. */
typedef gboolean (*DomainCall)(Hypervisor *, const char *, GError **);

static gboolean call_define(Hypervisor *hypervisor, DomainCall call, const char *xml,
                            GError **error)
{
    GError *problem = NULL;
    g_debug("hypervisor %s: define, %zu bytes", hypervisor->ops->name, strlen(xml));
    return port_finish(call(hypervisor, xml, &problem), &problem, error, "defining a domain");
}

gboolean hypervisor_define(Hypervisor *hypervisor, const char *xml, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && xml != NULL, error, FALSE);
    return call_define(hypervisor, hypervisor->ops->define, xml, error);
}

gboolean hypervisor_define_new(Hypervisor *hypervisor, const char *xml, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && xml != NULL, error, FALSE);
    return call_define(hypervisor, hypervisor->ops->define_new, xml, error);
}

/* The calls that do one thing to one domain differ in the slot and in the words only. */

static gboolean call_domain(Hypervisor *hypervisor, DomainCall call, const char *doing,
                            const char *uuid, GError **error)
{
    GError *problem = NULL;
    g_debug("hypervisor %s: %s '%s'", hypervisor->ops->name, doing, uuid);
    return port_finish(call(hypervisor, uuid, &problem), &problem, error, "%s its domain", doing);
}

gboolean hypervisor_undefine(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    return call_domain(hypervisor, hypervisor->ops->undefine, "undefining", uuid, error);
}

gboolean hypervisor_start(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    return call_domain(hypervisor, hypervisor->ops->start, "starting", uuid, error);
}

gboolean hypervisor_shutdown(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    return call_domain(hypervisor, hypervisor->ops->shutdown, "shutting down", uuid, error);
}

gboolean hypervisor_poweroff(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    return call_domain(hypervisor, hypervisor->ops->poweroff, "powering off", uuid, error);
}

gboolean hypervisor_reboot(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    return call_domain(hypervisor, hypervisor->ops->reboot, "rebooting", uuid, error);
}

gboolean hypervisor_set_reboot_stops(Hypervisor *hypervisor, const char *uuid, gboolean stops,
                                     GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    GError *problem = NULL;
    g_debug("hypervisor %s: reboot of '%s' %s", hypervisor->ops->name, uuid,
            stops ? "stops" : "reboots");
    return port_finish(hypervisor->ops->set_reboot_stops(hypervisor, uuid, stops, &problem),
                       &problem, error, "setting the reboot action of its domain");
}

gboolean hypervisor_stamp(Hypervisor *hypervisor, const char *uuid, const char *carried,
                          const char *stamp, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL && id_is_valid(stamp), error, FALSE);
    GError *problem = NULL;
    g_debug("hypervisor %s: stamp '%s'", hypervisor->ops->name, uuid);
    return port_finish(hypervisor->ops->stamp(hypervisor, uuid, carried, stamp, &problem), &problem,
                       error, "stamping the session of its domain");
}

gboolean hypervisor_set_autostart(Hypervisor *hypervisor, const char *uuid, gboolean autostart,
                                  GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(hypervisor->ops->set_autostart(hypervisor, uuid, autostart, &problem),
                       &problem, error, "setting autostart of its domain");
}

DomainDisplay *hypervisor_display(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, NULL);
    GError *problem = NULL;
    DomainDisplay *display = hypervisor->ops->display(hypervisor, uuid, &problem);
    port_finish(display != NULL, &problem, error, "its screen cannot be shown");
    return display;
}

int hypervisor_open_screen(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && uuid != NULL, error, -1);
    GError *problem = NULL;
    int fd = hypervisor->ops->open_screen(hypervisor, uuid, &problem);
    port_finish(fd >= 0, &problem, error, "its screen cannot be shown");
    return fd;
}

gboolean hypervisor_probe_hook(Hypervisor *hypervisor, const char *store_root, GError **error)
{
    PORT_REQUIRE(hypervisor != NULL && store_root != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(hypervisor->ops->probe_hook(hypervisor, store_root, &problem), &problem,
                       error, "probing the start hook");
}

void hypervisor_listen(Hypervisor *hypervisor, HypervisorListener listener, gpointer user_data)
{
    g_return_if_fail(hypervisor != NULL);
    hypervisor->ops->listen(hypervisor, listener, user_data);
}
