/* The tables of the catalog, as numbered migrations. Private to the catalog. */
#pragma once

#include "database/migration.h"

extern const DatabaseKind schema_kind;
/* The migrations of this program, ascending without a gap from 1. */
extern const Migration schema_migrations[];
extern const guint schema_migration_count;
