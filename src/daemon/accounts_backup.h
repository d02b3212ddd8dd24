/* What `underpin backup` copies beside the catalog: the accounts. */
#pragma once

#include "access/access.h"

/*
 * For EngineConfig.back_up_beside; `access` is an Access. The copy is PATH.accounts; EXISTS where
 * there is such a file, or a file PATH. Accounts that cannot be used keep nobody from backing up
 * the catalog: the phrase says that they are missing.
 */
char *accounts_backup(const char *path, gpointer access, GError **error);
/* For EngineConfig.take_back_beside: after accounts_backup() has said that both names are free. */
void accounts_backup_take_back(const char *path, gpointer access);
