/* The XML of a machine's domain, made by editing the tree of the domain that it comes from. Pure.
 */
#pragma once

#include "ports/hypervisor.h"

/* What a domain made from scratch may count on. */
typedef struct {
    const char *type;     /* "kvm", "qemu", "test" */
    const char *cpu_mode; /* "host-model" …; NULL: QEMU's own default */
    const char *network;  /* libvirt network to join; NULL: none */
} DomainHost;

/*
 * See hypervisor_build_xml(). `host` matters only where the spec has no template. INVALID where
 * spec or template cannot be used; the message names what. Caller frees.
 */
char *domain_build(const DomainSpec *spec, const DomainHost *host, GError **error);
