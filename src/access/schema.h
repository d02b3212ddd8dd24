/* The tables of accounts, as numbered migrations. Private to access. */
#pragma once

#include "database/migration.h"

extern const DatabaseKind access_database_kind;
extern const Migration access_migrations[];
extern const guint access_migration_count;
