/* Runs QEMU's own tools, against whose opinion ours is held. */
#pragma once

#include <glib.h>

/* Skips the running test, counted, where qemu-img or qemu-io is missing. */
void qemu_require(void);
/* Splits the command line as a shell would and runs it; fails the test if it fails. Output; caller
 * frees. */
char *qemu_run(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Whether the command succeeds. */
gboolean qemu_accepts(const char *format, ...) G_GNUC_PRINTF(1, 2);
