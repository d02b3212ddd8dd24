/* The role of a volume and its name. */
#include "model/role.h"

#include "model/name_table.h"

static const char *const role_names[] = {
    [ROLE_SYSTEM] = "system",
    [ROLE_TEMPORARY] = "temporary",
    [ROLE_DATA] = "data",
};
NAME_TABLE_DEFINE(role, Role, role_names, ROLE_COUNT)
