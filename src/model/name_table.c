/* Enum values and their texts: a linear search, because no table has more than a few dozen names.
 */
#include "model/name_table.h"

int name_table_find(const char *const *names, guint count, const char *text)
{
    if (text == NULL)
        return -1;
    for (guint i = 0; i < count; i++)
        if (g_strcmp0(names[i], text) == 0)
            return (int)i;
    return -1;
}
