/* What every checked wrapper does around a call of its adapter. */
#include "ports/checked.h"

#include <string.h>

#include "foundation/error.h"

static const char bug_hint[] =
    "this is a defect of underpind: report it with the log of this moment";

gboolean port_id_is_safe(const char *id)
{
    if (id == NULL || *id == '\0' || strlen(id) > 64)
        return FALSE;
    for (const char *c = id; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && *c != '-' && *c != '_')
            return FALSE;
    return TRUE;
}

void port_bug(GError **error, const char *function, const char *condition)
{
    g_critical("%s: called although not '%s'", function, condition);
    error_set(error, UNDERPIN_ERROR_BUG, bug_hint, "internal check failed in '%s'", function);
}

gboolean port_finish(gboolean succeeded, GError **problem, GError **error, const char *doing, ...)
{
    if (succeeded) {
        if (*problem != NULL)
            g_critical("an adapter succeeded with an error: %s", (*problem)->message);
        g_clear_error(problem);
        return TRUE;
    }
    va_list arguments;
    va_start(arguments, doing);
    g_autofree char *operation = g_strdup_vprintf(doing, arguments);
    va_end(arguments);
    if (*problem == NULL)
        error_set(problem, UNDERPIN_ERROR_BUG, bug_hint, "it failed without a reason");
    g_autofree char *prefix = g_strconcat(operation, ": ", NULL);
    if (!g_str_has_prefix((*problem)->message, prefix))
        g_prefix_error(problem, "%s", prefix);
    g_debug("failed: %s", (*problem)->message);
    g_propagate_error(error, g_steal_pointer(problem));
    return FALSE;
}
