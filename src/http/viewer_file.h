/* The file with which virt-viewer opens a machine's screen (remote-viewer(1), "CONNECTION FILE").
 */
#pragma once

#include "ports/hypervisor.h"

typedef struct {
    const char *title;
    gboolean is_local; /* who asks is on this host, and reaches what listens on it alone */
    const char *host;  /* the name by which he reaches this host, or NULL */
} ViewerSeat;

/* REFUSED with the remedy where the display cannot be reached from there, or by no file. Caller
 * frees. */
char *viewer_file_new(const DomainDisplay *display, const ViewerSeat *seat, GError **error);
