/* The table of routes: every address that the daemon answers. */
#pragma once

#include "http/router.h"

/* The table and its length; static. */
const Route *routes_all(gsize *count_out);
