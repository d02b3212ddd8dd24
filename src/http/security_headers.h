/* What the web server tells browsers with each answer. */
#pragma once

#include <glib.h>

typedef struct {
    const char *name, *value;
} NamedHeader;

/* A static table that ends with a NULL name; with TLS also that browsers shall never do without. */
const NamedHeader *security_headers(gboolean is_secure);
