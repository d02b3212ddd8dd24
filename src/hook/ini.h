/* Reads a few keys of the small INI files of a store (as GKeyFile writes them). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *key;
    char *value; /* receives the value without the space around it; "" where the key is missing */
    size_t size;
} IniField;

/* The first line "key=value" of each key counts, whatever section it stands in. FALSE where the
 * file is missing, no regular file, larger than 4 MiB, or a value does not fit. */
bool ini_read(const char *path, const IniField *fields, size_t count);
