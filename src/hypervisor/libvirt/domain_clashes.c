/*
 * Clashes between clones. Everything that names one thing of the host (a port, a socket, a log
 * file) would keep the second clone from starting, or mix the output of two. What libvirt can
 * choose by itself is left to it; files get the clone's name; what cannot be renamed becomes a
 * plain pty, so that the device stays and `virsh console` works. Physical devices (hostdev) stay:
 * libvirt refuses the second start by itself, and says which device it is.
 */
#include "hypervisor/libvirt/domain_clashes.h"

#include <string.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_machine.h"
#include "hypervisor/libvirt/domain_session.h"

/* --- displays --------------------------------------------------------------------------------- */

static void free_socket(xmlNode *graphics)
{
    g_autofree char *socket = xml_attribute(graphics, "socket");
    xml_attribute_set(graphics, "socket", NULL);
    for (xmlNode *listen = xml_first(graphics, "listen"); listen != NULL;
         listen = xml_next(listen, "listen"))
        xml_attribute_set(listen, "socket", NULL); /* type='socket' alone: libvirt names it */
    if (socket != NULL && xml_first(graphics, "listen") == NULL)
        xml_attribute_set(xml_append_new(graphics, "listen"), "type", "socket");
}

static void free_ports(xmlNode *graphics)
{
    gboolean fixed = xml_attribute_is(graphics, "autoport", "no");
    static const char *const ports[] = {"port", "tlsPort"};
    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_autofree char *port = xml_attribute(graphics, ports[i]);
        fixed |= port != NULL && strcmp(port, "-1") != 0;
        if (port != NULL)
            xml_attribute_set(graphics, ports[i], NULL);
    }
    if (fixed)
        xml_attribute_set(graphics, "autoport", "yes");
    if (!xml_attribute_is(graphics, "websocket", NULL))
        xml_attribute_set(graphics, "websocket", "-1");
}

static void resolve_graphics(xmlNode *devices)
{
    for (xmlNode *graphics = xml_first(devices, "graphics"); graphics != NULL;
         graphics = xml_next(graphics, "graphics")) {
        free_socket(graphics);
        free_ports(graphics);
    }
}

/* --- serial consoles and channels ------------------------------------------------------------- */

/* "/logs/old.log" becomes "/logs/new.log" where the file has the template's name, else
 * "/logs/new-console.log". */
static char *path_for_clone(const char *path, const char *template_name, const char *clone_name)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *file = g_path_get_basename(path);
    g_autofree char *renamed = NULL;
    const char *found = template_name == NULL ? NULL : strstr(file, template_name);
    if (found != NULL)
        renamed = g_strdup_printf("%.*s%s%s", (int)(found - file), file, clone_name,
                                  found + strlen(template_name));
    else
        renamed = g_strdup_printf("%s-%s", clone_name, file);
    return g_build_filename(directory, renamed, NULL);
}

typedef struct {
    xmlNode *device;
    const char *template_name, *clone_name;
} CharacterDevice;

static void rename_file(xmlNode *holder, const char *attribute, const CharacterDevice *self)
{
    g_autofree char *path = xml_attribute(holder, attribute);
    if (path == NULL || !g_path_is_absolute(path))
        return;
    g_autofree char *renamed = path_for_clone(path, self->template_name, self->clone_name);
    xml_attribute_set(holder, attribute, renamed);
}

static void become_pty(const CharacterDevice *self)
{
    xml_attribute_set(self->device, "type", "pty");
    xml_remove_all(self->device, "source");
    xml_remove_all(self->device, "protocol");
}

static void rename_source(const CharacterDevice *self)
{
    rename_file(xml_first(self->device, "source"), "path", self);
}

/* Only the side that listens owns the name; one that connects is welcome to. */
static void resolve_socket(const CharacterDevice *self)
{
    xmlNode *source = xml_first(self->device, "source");
    if (!xml_attribute_is(source, "mode", "bind"))
        return;
    gboolean libvirt_can_name =
        strcmp((const char *)self->device->name, "channel") == 0 &&
        xml_attribute_is(xml_first(self->device, "target"), "type", "virtio");
    if (libvirt_can_name)
        xml_attribute_set(source, "path", NULL);
    else
        rename_file(source, "path", self);
}

static void resolve_port(const CharacterDevice *self)
{
    for (const xmlNode *source = xml_first(self->device, "source"); source != NULL;
         source = xml_next(source, "source"))
        if (xml_attribute_is(source, "mode", "bind")) {
            become_pty(self);
            return;
        }
}

static const struct {
    const char *type;
    void (*resolve)(const CharacterDevice *self);
} character_types[] = {
    {"file", rename_source}, {"unix", resolve_socket}, {"tcp", resolve_port},
    {"udp", resolve_port},   {"pipe", become_pty},     {"dev", become_pty},
};

static void resolve_character_device(const CharacterDevice *self)
{
    g_autofree char *type = xml_attribute(self->device, "type");
    for (size_t i = 0; i < G_N_ELEMENTS(character_types); i++)
        if (g_strcmp0(type, character_types[i].type) == 0) {
            character_types[i].resolve(self);
            break;
        }
    xmlNode *log = xml_first(self->device, "log");
    if (log != NULL)
        rename_file(log, "file", self);
}

static void resolve_character_devices(xmlNode *devices, const char *template_name,
                                      const char *clone_name)
{
    static const char *const kinds[] = {"serial", "parallel", "console", "channel"};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        for (xmlNode *device = xml_first(devices, kinds[i]); device != NULL;
             device = xml_next(device, kinds[i])) {
            const CharacterDevice self = {device, template_name, clone_name};
            resolve_character_device(&self);
        }
}

/* --- network cards ---------------------------------------------------------------------------- */

static void resolve_interfaces(xmlNode *devices)
{
    for (xmlNode *interface = xml_first(devices, "interface"); interface != NULL;
         interface = xml_next(interface, "interface")) {
        xml_remove_all(interface, "target"); /* the tap device's name */
        const xmlNode *port = xml_first(interface, "virtualport");
        xmlNode *parameters = xml_first(port, "parameters");
        if (parameters != NULL && xml_attribute_is(port, "type", "openvswitch"))
            xml_attribute_set(parameters, "interfaceid", NULL); /* libvirt makes a new one */
    }
}

/* --- other devices ---------------------------------------------------------------------------- */

static void resolve_vsock(xmlNode *devices)
{
    xmlNode *cid = xml_find(devices, "vsock/cid");
    if (cid == NULL)
        return;
    xml_attribute_set(cid, "auto", "yes");
    xml_attribute_set(cid, "address", NULL);
}

/* The state of an emulated TPM lies below the domain's UUID unless a directory is named. */
static void resolve_tpm(xmlNode *devices)
{
    for (xmlNode *tpm = xml_first(devices, "tpm"); tpm != NULL; tpm = xml_next(tpm, "tpm")) {
        xmlNode *backend = xml_first(tpm, "backend");
        if (xml_attribute_is(backend, "type", "emulator"))
            xml_remove_all(backend, "source");
    }
}

static gboolean check_memory_devices(const xmlNode *devices, GError **error)
{
    for (const xmlNode *memory = xml_first(devices, "memory"); memory != NULL;
         memory = xml_next(memory, "memory")) {
        g_autofree char *path = xml_content(xml_find(memory, "source/path"));
        if (path != NULL && xml_attribute_is(memory, "model", "nvdimm"))
            return error_set(error, UNDERPIN_ERROR_INVALID,
                             "remove the memory device from the base",
                             "clones would all write to the NVDIMM file '%s'", path);
    }
    return TRUE;
}

/* A guest asleep on disk looks shut down, and would wake up on other disks. */
static void forbid_sleep_to_disk(xmlNode *domain)
{
    if (!domain_machine_has_sleep(domain) || xml_find(domain, "pm/suspend-to-disk") != NULL)
        return;
    xmlNode *sleep = xml_append_new(xml_ensure(domain, "pm"), "suspend-to-disk");
    xml_attribute_set(sleep, "enabled", "no");
}

gboolean domain_clashes_resolve(xmlNode *domain, const char *clone_name, GError **error)
{
    xmlNode *devices = xml_ensure(domain, "devices");
    g_autofree char *template_name = xml_content(xml_first(domain, "name"));
    if (!check_memory_devices(devices, error))
        return FALSE;
    resolve_graphics(devices);
    resolve_character_devices(devices, template_name, clone_name);
    resolve_interfaces(devices);
    resolve_vsock(devices);
    resolve_tpm(devices);
    forbid_sleep_to_disk(domain);
    return TRUE;
}

/* --- dumps of running domains ----------------------------------------------------------------- */

/* Aliases that people give begin with "ua-"; the others are libvirt's, and change at each start. */
static void remove_alias(xmlNode *device)
{
    xmlNode *alias = xml_first(device, "alias");
    g_autofree char *name = xml_attribute(alias, "name");
    if (alias != NULL && (name == NULL || !g_str_has_prefix(name, "ua-")))
        xml_remove(alias);
}

static void remove_pty_path(xmlNode *device)
{
    if (!xml_attribute_is(device, "type", "pty"))
        return;
    xml_attribute_set(device, "tty", NULL);
    xml_remove_all(device, "source");
}

static void remove_tap_name(xmlNode *device)
{
    xmlNode *target = xml_first(device, "target");
    g_autofree char *name = xml_attribute(target, "dev");
    if (strcmp((const char *)device->name, "interface") == 0 && name != NULL &&
        (g_str_has_prefix(name, "vnet") || g_str_has_prefix(name, "macvtap")))
        xml_remove(target);
}

/* Generated labels belong to one run; a static label is a decision. */
static void remove_generated_labels(xmlNode *domain)
{
    for (xmlNode *label = xml_first(domain, "seclabel"), *next; label != NULL; label = next) {
        next = xml_next(label, "seclabel");
        if (!xml_attribute_is(label, "type", "dynamic"))
            continue;
        gboolean generated = xml_first(label, "label") != NULL || xml_first(label, "imagelabel");
        xml_remove_all(label, "label");
        xml_remove_all(label, "imagelabel");
        if (generated && xml_first(label, "baselabel") == NULL)
            xml_remove(label);
    }
}

void domain_live_parts_remove(xmlNode *domain)
{
    xml_attribute_set(domain, "id", NULL);
    domain_session_set(domain, NULL);
    remove_generated_labels(domain);
    const xmlNode *devices = xml_first(domain, "devices");
    for (xmlNode *device = devices == NULL ? NULL : devices->children; device != NULL;
         device = device->next) {
        if (device->type != XML_ELEMENT_NODE || device->ns != NULL)
            continue;
        remove_alias(device);
        remove_pty_path(device);
        remove_tap_name(device);
    }
}
