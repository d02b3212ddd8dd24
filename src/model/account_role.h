/* The role of an account: what a person may do. Not to be confused with the role of a volume. */
#pragma once

#include <glib.h>

/* Ascending: each may do what those before it may. */
typedef enum { ACCOUNT_USER, ACCOUNT_OPERATOR, ACCOUNT_ADMINISTRATOR } AccountRole;
#define ACCOUNT_ROLE_COUNT (ACCOUNT_ADMINISTRATOR + 1)

/* "user", "operator", "administrator". */
const char *account_role_name(AccountRole role);
/* FALSE where `text` names no role. */
gboolean account_role_from_name(const char *text, AccountRole *role_out);
