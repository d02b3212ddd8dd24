/* What `underpin backup` copies beside the catalog: the accounts. */
#pragma once

#include "access/access.h"

/*
 * For EngineConfig.back_up_beside; `access` is an Access. The copy is PATH.accounts; EXISTS where
 * there is such a file. Accounts that cannot be used keep nobody from backing up the catalog: the
 * phrase says that they are missing.
 */
char *accounts_backup(const char *path, gpointer access, GError **error);
