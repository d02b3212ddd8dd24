/* What a domain's stored definition says, as far as a plan needs it. Pure; knows no libvirt. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"
#include "ports/hypervisor.h"

#define DOMAIN_METADATA_NAMESPACE "https://underpin.org/domain/1"
#define DOMAIN_METADATA_PREFIX    "underpin"
#define DOMAIN_METADATA_ELEMENT   "machine"

/* Finds the path of a volume of a libvirt storage pool; NULL where it is not known. Caller frees.
 */
typedef char *(*DomainVolumeResolver)(const char *pool, const char *volume, gpointer user_data);

/*
 * Facts from the XML alone: name, UUID and our id in `state`, disks, NVRAM, what it does at
 * power-off, TPM, shared directories, and the XML itself. The rest is zero, the power unknown.
 * `resolve` may be NULL. INVALID for hostile or foreign XML. Caller frees.
 */
DomainFacts *domain_read(const char *xml, DomainVolumeResolver resolve, gpointer user_data,
                         GError **error);

/* Our id in a <metadata>-like or <domain> element of ours: NULL where there is none or it is not an
 * id. Caller frees. */
char *domain_machine_id(const xmlNode *domain);
/* The same from the text of our element alone, as libvirt hands it out. */
char *domain_machine_id_of_element(const char *xml);

/* The <metadata> child that is ours, or NULL. */
xmlNode *domain_machine_element(const xmlNode *domain);
/* device='disk', which is the default: only these can be volumes. */
gboolean domain_disk_is_volume(const xmlNode *disk);
/* "vda"; NULL for a disk without a target. Caller frees. */
char *domain_disk_target(const xmlNode *disk);
/* The path of a file or block device; NULL for others and for an empty drive. Caller frees. */
char *domain_disk_path(const xmlNode *disk);
/* The path of the UEFI variables in either of the two ways to write it; NULL: none. Caller frees.
 */
char *domain_nvram_path(const xmlNode *domain);
