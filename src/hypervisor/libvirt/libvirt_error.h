/* libvirt's errors in our words: one code, one line, a hint. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* Keeps libvirt from printing errors to stderr. Once per process, before the first call. */
void libvirt_error_init(void);
/*
 * Sets *error from the last libvirt error of this thread and returns FALSE. Must be the first thing
 * after the call that failed: almost every function of libvirt forgets the last error. `domain` is
 * the one that the hint is about; may be NULL. What a hook wrote becomes REFUSED with the last line
 * of it alone.
 */
gboolean libvirt_error_take(virDomainPtr domain, GError **error);
/* Whether the last libvirt error of this thread has that code. */
gboolean libvirt_error_is(int code);
/* The one line of a message of libvirt that says what happened. Caller frees. */
char *libvirt_error_clean(const char *message, gboolean from_hook);
