/* The one way to run another program (qemu-img and friends): no shell, captured, bounded,
 * cancellable. */
#pragma once

#include <gio/gio.h>

/*
 * Runs argv (found on PATH; argv[0] is the program) without a shell, standard input closed. On exit
 * status 0 returns TRUE with the standard output (NUL-terminated, caller frees) if asked for.
 * Otherwise BACKEND: more than 1 MiB of output where it is asked for, ended by a signal, or a
 * failure with the last line of standard error, UNAVAILABLE where the program is missing, CANCELLED
 * when `cancellable` (may be NULL) fires: the child is then killed and reaped.
 */
gboolean process_run(const char *const *argv, GCancellable *cancellable, char **output_out,
                     GError **error);

/* Tests: every argv goes to `hook` instead, which answers as the program would; NULL puts things
 * back. */
typedef gboolean (*ProcessHook)(const char *const *argv, char **output_out, gpointer user_data,
                                GError **error);
void process_set_hook(ProcessHook hook, gpointer user_data);
