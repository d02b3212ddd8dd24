/* A volume: one disk slot of a machine. What lies in the slot at the moment is a head
 * (generation.h). */
#pragma once

#include "model/role.h"

typedef struct {
    char *target; /* "vda": as in the domain's XML; never changes */
    Role role;
    char *format; /* "qcow2" or "raw": of the machine's own file, for its whole life */
    gboolean own; /* added to this clone by its owner: not part of its base's outline */
} Volume;

Volume *volume_new(const char *target, Role role, const char *format, gboolean own);
Volume *volume_copy(const Volume *volume);
void volume_free(Volume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Volume, volume_free)

/* "vda.qcow2": the file's name inside a generation's directory. Caller frees. */
char *volume_file_name(const Volume *volume);
