/* The value of --disk: "vda,role=system", "/srv/w11.qcow2,role=system,target=vda",
 * "size=20G,role=data". */
#pragma once

#include "model/request.h"

/*
 * Reads one value. Where `by_target` the first part is a domain's target, else a file (made
 * absolute against the working directory); a value without a first part is a new empty volume and
 * needs size=. INVALID names what is wrong. Caller frees.
 */
RequestDisk *disk_spec_from_text(const char *text, gboolean by_target, GError **error);
/* How the disk is written as an option, with the role: "--disk vda,role=system". Caller frees. */
char *disk_spec_to_option(const RequestDisk *disk, Role role);
