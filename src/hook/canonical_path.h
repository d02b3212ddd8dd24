/* The one name of a file, whatever links lead to it. */
#pragma once

#include <limits.h>
#include <stdbool.h>

/*
 * Resolves links, "." and ".." of an absolute path like realpath(3), but also where its last parts
 * do not exist (then those are taken as they are written): a head that is missing now may be there
 * a moment later. FALSE for a relative path, one that is too long, or a loop of links: QEMU cannot
 * open such a path either.
 */
bool canonical_path(const char *path, char canonical_out[PATH_MAX]);
