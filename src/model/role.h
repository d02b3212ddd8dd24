/* The role of a volume: its fate. And the fates, in the words every face uses. */
#pragma once

#include <glib.h>

typedef enum { ROLE_SYSTEM, ROLE_TEMPORARY, ROLE_DATA } Role;
#define ROLE_COUNT (ROLE_DATA + 1)

/* "system", "temporary", "data". */
const char *role_name(Role role);
/* FALSE where `text` names no role. */
gboolean role_from_name(const char *text, Role *role_out);
