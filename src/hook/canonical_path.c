/* Implements path resolution, one component at a time. */
#include "hook/canonical_path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINK_LIMIT = 40 };

/* Takes the next component off `rest` (moved to its front); "" at the end. */
static void take_component(char *rest, char component_out[PATH_MAX])
{
    size_t start = strspn(rest, "/");
    size_t length = strcspn(rest + start, "/");
    memcpy(component_out, rest + start, length);
    component_out[length] = '\0';
    memmove(rest, rest + start + length, strlen(rest + start + length) + 1);
}

static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

static bool append(char path[PATH_MAX], const char *component)
{
    size_t used = strlen(path), more = strlen(component);
    if (used + 1 + more >= PATH_MAX)
        return false;
    path[used] = '/';
    memcpy(path + used + 1, component, more + 1);
    return true;
}

/* Where `path` is a link, puts its target before `rest` and leaves `path` at the place that the
 * target starts from. */
static bool follow(char path[PATH_MAX], char rest[PATH_MAX], unsigned *links)
{
    char target[PATH_MAX], joined[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0)
        return true;
    target[length] = '\0';
    if (++*links > LINK_LIMIT || snprintf(joined, sizeof joined, "%s/%s", target, rest) >= PATH_MAX)
        return false;
    memcpy(rest, joined, strlen(joined) + 1);
    if (target[0] == '/')
        path[0] = '\0';
    else
        drop_last(path);
    return true;
}

static bool step(char path[PATH_MAX], char rest[PATH_MAX], const char *component, unsigned *links)
{
    if (strcmp(component, ".") == 0)
        return true;
    if (strcmp(component, "..") == 0) {
        drop_last(path);
        return true;
    }
    return append(path, component) && follow(path, rest, links);
}

bool canonical_path(const char *path, char canonical_out[PATH_MAX])
{
    char rest[PATH_MAX], component[PATH_MAX], resolved[PATH_MAX] = "";
    unsigned links = 0;
    if (path[0] != '/' || snprintf(rest, sizeof rest, "%s", path) >= PATH_MAX)
        return false;
    for (take_component(rest, component); component[0]; take_component(rest, component))
        if (!step(resolved, rest, component, &links))
            return false;
    snprintf(canonical_out, PATH_MAX, "%s", resolved[0] ? resolved : "/");
    return true;
}
