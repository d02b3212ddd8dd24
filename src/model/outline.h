/* The storage outline: the ordered list (target, role) of a machine's volumes. */
#pragma once

#include "model/machine.h"

/*
 * Compares the outlines of two machines (the owner's own extra volumes are left out). FALSE with
 * REFUSED where they differ: the message names both machines, the hint holds a table that shows
 * both side by side and marks what differs.
 */
gboolean outline_check_equal(const Machine *old_base, const Machine *new_base, GError **error);
/* "vda system, vdb temporary, vdc data". Caller frees. */
char *outline_to_text(const Machine *machine);
/* The table of the hint above; `equal_out` may be NULL. Caller frees. */
char *outline_table(const Machine *left, const Machine *right, gboolean *equal_out);
