/* A consistent copy of a database into a new file. */
#pragma once

#include "database/database.h"

/* Into a new file `path`, mode 0600, by the database's own connection, which nobody else uses
 * meanwhile. Durable; EXISTS where there is a file. Takes the time that its pages take. */
gboolean database_backup(Database *database, const char *path, GError **error);
/* EXISTS where there is a file `path`: no backup replaces one. */
gboolean database_backup_check(const char *path, GError **error);
