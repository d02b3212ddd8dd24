/* Puts the hook program where libvirt looks for it, and makes libvirt look. */
#pragma once

#include <glib.h>

#define HOOK_FILE_NAME "underpin"

/*
 * Installs `program` as HOOKS_DIRECTORY/qemu.d/underpin: a regular file, 0755, ours. Makes the
 * directories. Does nothing where the same program lies there in this form already; *changed_out
 * says which. At any instant the name is missing, the old program or the new one, and no other
 * executable appears in qemu.d: libvirt would run it. Durable.
 */
gboolean hook_install(const char *program, const char *hooks_directory, gboolean *changed_out,
                      GError **error);

/*
 * Makes the libvirtd (or virtqemud) of this host read its hooks again, as after a hook was
 * installed where there was none. Guests and connections do not notice. TRUE where none runs: the
 * next one reads them at its start.
 */
gboolean hook_reload_libvirt(GError **error);
/* The same for the daemons whose pid files lie below `run_directory`. */
gboolean hook_reload_libvirt_in(const char *run_directory, GError **error);
