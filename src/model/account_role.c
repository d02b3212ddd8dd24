/* The role of an account and its name. */
#include "model/account_role.h"

#include "model/name_table.h"

static const char *const account_role_names[] = {
    [ACCOUNT_USER] = "user",
    [ACCOUNT_OPERATOR] = "operator",
    [ACCOUNT_ADMINISTRATOR] = "administrator",
};
NAME_TABLE_DEFINE(account_role, AccountRole, account_role_names, ACCOUNT_ROLE_COUNT)
