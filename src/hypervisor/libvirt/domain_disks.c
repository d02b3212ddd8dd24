/*
 * Disks: only source, format and stored chain of a volume are ours; bus, cache, serial number, boot
 * order and everything unknown belong to the person who wrote the definition.
 */
#include "hypervisor/libvirt/domain_disks.h"

#include <string.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_reading.h"

/* --- the spec --------------------------------------------------------------------------------- */

static gboolean target_is_valid(const char *target)
{
    size_t length = target == NULL ? 0 : strlen(target);
    return length >= 2 && length <= 16 &&
           strspn(target, "abcdefghijklmnopqrstuvwxyz0123456789") == length;
}

static gboolean spec_is_valid(const DomainDiskSpec *disk, GError **error)
{
    if (!target_is_valid(disk->target))
        return error_set(error, UNDERPIN_ERROR_INVALID, "name it like vda, vdb, sda",
                         "'%s' is no target of a disk", disk->target);
    if (disk->path == NULL || !g_path_is_absolute(disk->path))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "the path of disk '%s' is not absolute", disk->target);
    if (g_strcmp0(disk->format, "qcow2") != 0 && g_strcmp0(disk->format, "raw") != 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "disk '%s' has format '%s', which is neither qcow2 nor raw", disk->target,
                         disk->format);
    return TRUE;
}

static const DomainDiskSpec *spec_find(const DomainSpec *spec, const char *target, guint before)
{
    for (guint i = 0; i < before; i++) {
        const DomainDiskSpec *disk = spec->disks->pdata[i];
        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

static guint spec_count(const DomainSpec *spec)
{
    return spec->disks == NULL ? 0 : spec->disks->len;
}

gboolean domain_disks_check(const DomainSpec *spec, GError **error)
{
    for (guint i = 0; i < spec_count(spec); i++) {
        const DomainDiskSpec *disk = spec->disks->pdata[i];
        if (!spec_is_valid(disk, error))
            return FALSE;
        if (spec_find(spec, disk->target, i) != NULL)
            return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                             "two volumes have the target '%s'", disk->target);
    }
    return TRUE;
}

gboolean domain_disks_wanted(const DomainSpec *spec, const char *target)
{
    return spec_find(spec, target, spec_count(spec)) != NULL;
}

/* --- one disk --------------------------------------------------------------------------------- */

/* Parts of a <source> that describe the bytes of the old file and would be wrong for the new one.
 */
static void forget_old_bytes(xmlNode *source)
{
    static const char *const parts[] = {"encryption", "slices", "privateData", "dataStore"};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        xml_remove_all(source, parts[i]);
}

static void point_to(xmlNode *disk, const char *path)
{
    g_autofree char *old = domain_disk_path(disk);
    gboolean is_file =
        xml_attribute_is(disk, "type", "file") || xml_attribute_is(disk, "type", NULL);
    if (!is_file)
        xml_remove_all(disk, "source");
    xml_attribute_set(disk, "type", "file");
    xmlNode *source = xml_ensure(disk, "source");
    if (!is_file || g_strcmp0(old, path) != 0)
        forget_old_bytes(source);
    xml_attribute_set(source, "index", NULL); /* of running domains only */
    xml_attribute_set(source, "file", path);
}

static void apply_spec(xmlNode *disk, const DomainDiskSpec *spec)
{
    point_to(disk, spec->path);
    xmlNode *driver = xml_ensure(disk, "driver");
    if (xml_attribute_is(driver, "name", NULL))
        xml_attribute_set(driver, "name", "qemu");
    xml_attribute_set(driver, "type", spec->format);
    xml_remove_all(disk, "backingStore"); /* it would beat the image's own header */
    xml_remove_all(disk, "mirror");
}

/* --- adding ----------------------------------------------------------------------------------- */

/* The first two letters of a target say what guests call it, and so which buses it fits. */
static const char *usual_bus(const char *target)
{
    static const struct {
        const char *prefix, *bus;
    } buses[] = {{"vd", "virtio"}, {"sd", "sata"}, {"hd", "ide"}, {"xvd", "xen"}};
    for (size_t i = 0; i < G_N_ELEMENTS(buses); i++)
        if (g_str_has_prefix(target, buses[i].prefix))
            return buses[i].bus;
    return "virtio";
}

static xmlNode *first_volume(const xmlNode *devices, const char *prefix)
{
    for (xmlNode *disk = xml_first(devices, "disk"); disk != NULL; disk = xml_next(disk, "disk")) {
        g_autofree char *target = domain_disk_target(disk);
        if (domain_disk_is_volume(disk) && target != NULL && strncmp(target, prefix, 2) == 0)
            return disk;
    }
    return NULL;
}

/* The administrator's policy for disks of this machine holds for a new one too. */
static void copy_policy(xmlNode *driver, const xmlNode *model)
{
    static const char *const policies[] = {"cache", "io", "discard", "detect_zeroes",
                                           "error_policy"};
    for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autofree char *value = xml_attribute(model, policies[i]);
        if (value != NULL)
            xml_attribute_set(driver, policies[i], value);
    }
}

static xmlNode *last_disk(const xmlNode *devices)
{
    xmlNode *last = NULL;
    for (xmlNode *disk = xml_first(devices, "disk"); disk != NULL; disk = xml_next(disk, "disk"))
        last = disk;
    return last;
}

static xmlNode *add_empty_disk(xmlNode *devices)
{
    xmlNode *last = last_disk(devices);
    if (last == NULL)
        return xml_append_new(devices, "disk");
    xmlNode *disk = xmlNewDocNode(devices->doc, NULL, BAD_CAST "disk", NULL);
    xml_insert_after(last, disk);
    return disk;
}

static void add_disk(xmlNode *devices, const DomainDiskSpec *spec)
{
    const xmlNode *model = first_volume(devices, spec->target);
    g_autofree char *bus = xml_attribute(xml_first(model, "target"), "bus");
    xmlNode *disk = add_empty_disk(devices);
    xml_attribute_set(disk, "type", "file");
    xml_attribute_set(disk, "device", "disk");
    xmlNode *driver = xml_append_new(disk, "driver");
    xml_attribute_set(driver, "name", "qemu");
    copy_policy(driver, xml_first(model, "driver"));
    xml_append_new(disk, "source");
    xmlNode *target = xml_append_new(disk, "target");
    xml_attribute_set(target, "dev", spec->target);
    xml_attribute_set(target, "bus", bus != NULL ? bus : usual_bus(spec->target));
    apply_spec(disk, spec);
}

/* --- all of them ------------------------------------------------------------------------------ */

xmlNode *domain_disks_find(const xmlNode *domain, const char *target)
{
    for (xmlNode *disk = xml_find(domain, "devices/disk"); disk != NULL;
         disk = xml_next(disk, "disk")) {
        g_autofree char *found = domain_disk_target(disk);
        if (domain_disk_is_volume(disk) && g_strcmp0(found, target) == 0)
            return disk;
    }
    return NULL;
}

static gboolean lies_beside_volumes(const char *path, const DomainSpec *spec)
{
    if (path == NULL)
        return FALSE;
    g_autofree char *directory = g_path_get_dirname(path);
    for (guint i = 0; i < spec_count(spec); i++) {
        const DomainDiskSpec *disk = spec->disks->pdata[i];
        g_autofree char *other = g_path_get_dirname(disk->path);
        if (strcmp(directory, other) == 0)
            return TRUE;
    }
    return FALSE;
}

/*
 * A clone must not share a disk of its template. In the machine's own definition only what lies in
 * the machine's directory was ever ours; a disk that its owner attached from elsewhere stays.
 */
static gboolean is_to_go(const xmlNode *disk, const DomainSpec *spec)
{
    g_autofree char *target = domain_disk_target(disk);
    g_autofree char *path = domain_disk_path(disk);
    if (!domain_disk_is_volume(disk) || domain_disks_wanted(spec, target))
        return FALSE;
    return spec->is_clone || lies_beside_volumes(path, spec);
}

/* A CD-ROM or the like in the slot that a volume shall have. */
static gboolean slots_are_free(const xmlNode *domain, const DomainSpec *spec, GError **error)
{
    for (const xmlNode *disk = xml_find(domain, "devices/disk"); disk != NULL;
         disk = xml_next(disk, "disk")) {
        g_autofree char *target = domain_disk_target(disk);
        g_autofree char *device = xml_attribute(disk, "device");
        if (!domain_disk_is_volume(disk) && domain_disks_wanted(spec, target))
            return error_set(error, UNDERPIN_ERROR_INVALID, "choose another target",
                             "the target '%s' is taken by a %s", target, device);
    }
    return TRUE;
}

gboolean domain_disks_apply(xmlNode *domain, const DomainSpec *spec, GError **error)
{
    if (!slots_are_free(domain, spec, error))
        return FALSE;
    xmlNode *devices = xml_ensure(domain, "devices");
    for (xmlNode *disk = xml_first(devices, "disk"), *next; disk != NULL; disk = next) {
        next = xml_next(disk, "disk");
        if (is_to_go(disk, spec))
            xml_remove(disk);
    }
    for (guint i = 0; i < spec_count(spec); i++) {
        const DomainDiskSpec *wanted = spec->disks->pdata[i];
        xmlNode *disk = domain_disks_find(domain, wanted->target);
        if (disk != NULL)
            apply_spec(disk, wanted);
        else
            add_disk(devices, wanted);
    }
    return TRUE;
}
