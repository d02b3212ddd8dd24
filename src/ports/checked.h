/* What every checked wrapper does around a call of its adapter. Private to the ports. */
#pragma once

#include <glib.h>

/*
 * A precondition of a port call. A caller that breaks it has a bug: it is logged as critical, and
 * the call returns `failure` with UNDERPIN_ERROR_BUG before the adapter is reached.
 */
#define PORT_REQUIRE(condition, error, failure)                                                    \
    do {                                                                                           \
        if (G_UNLIKELY(!(condition))) {                                                            \
            port_bug((error), __func__, #condition);                                               \
            return (failure);                                                                      \
        }                                                                                          \
    } while (0)

/* Ids become names of files and directories: letters, digits, '-' and '_' only, at most 64. */
gboolean port_id_is_safe(const char *id);

void port_bug(GError **error, const char *function, const char *condition);

/*
 * Ends a call: takes what the adapter left in *problem (by address, so that a call can be written
 * in place as the first argument). On failure it goes to *error with the prefix "DOING: ", which
 * names the operation and its object and is never put twice; an adapter that failed without a word
 * is reported as a bug of ours. Returns `succeeded`.
 */
gboolean port_finish(gboolean succeeded, GError **problem, GError **error, const char *doing, ...)
    G_GNUC_PRINTF(4, 5);
