/* The hypervisor port on a libvirt host. */
#pragma once

#include "ports/hypervisor.h"

/*
 * For a libvirt URI such as "qemu:///system". Returns at once, also while libvirtd is away: it
 * connects in the background, and again whenever the connection is lost. Calls say UNAVAILABLE
 * meanwhile. Free with hypervisor_free().
 *
 * Only domains that carry our id in their metadata are ever started, stopped, changed or undefined;
 * define is the one call that may turn somebody's domain into one of ours, and back.
 */
Hypervisor *libvirt_hypervisor_new(const char *uri, GError **error);
