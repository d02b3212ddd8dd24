/* Sizes as people write and read them. */
#pragma once

#include <glib.h>

/* "0 B", "512 B", "1.2 GiB", "40 GiB": binary units, one decimal below 100. Caller frees. */
char *size_to_text(guint64 bytes);
/*
 * "4096", "10G", "10GiB", "1.5T" (binary, as qemu-img reads them) and "10GB" (decimal). INVALID for
 * anything else, for zero and for more than 8 EiB.
 */
gboolean size_from_text(const char *text, guint64 *bytes_out, GError **error);
