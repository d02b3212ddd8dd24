/* The lower bound: what must reach the disk for a rebase, by a loop that does nothing else. */
#pragma once

#include <gio/gio.h>

typedef struct LowerBound LowerBound;
/* `count` machines below `directory`, each with now/ (three heads and a record). */
LowerBound *lower_bound_new(const char *directory, guint count, GError **error);
void lower_bound_free(LowerBound *bound);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LowerBound, lower_bound_free)
/* Makes next/ with two new heads, a link to the third and a record; syncs; exchanges; puts the old
 * directory aside (the temporary head and the link go, the system head stays); syncs. */
gboolean lower_bound_run(LowerBound *bound, GError **error);
