/* "*" is not taken for a yes: who wants a coding names it, as all browsers do. */
#include "http/accept_encoding.h"

#include <string.h>

/* "q=0", "q=0.0", "q=0.000" */
static gboolean is_zero_weight(const char *parameters)
{
    const char *weight = parameters ? strstr(parameters, "q=") : NULL;
    return weight && g_ascii_strtod(weight + strlen("q="), NULL) <= 0;
}

gboolean accept_encoding_has(const char *value, const char *coding)
{
    g_auto(GStrv) items = g_strsplit(value ? value : "", ",", 32);
    for (guint i = 0; items[i]; i++) {
        char *parameters = strchr(items[i], ';');
        if (parameters)
            *parameters++ = '\0';
        if (g_ascii_strcasecmp(g_strstrip(items[i]), coding) == 0)
            return !is_zero_weight(parameters);
    }
    return FALSE;
}
