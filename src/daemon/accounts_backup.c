/* The accounts' copy, which comes before the catalog's and goes where there can be none of that. */
#include "daemon/accounts_backup.h"

#include <errno.h>
#include <unistd.h>

static char *copy_path(const char *path)
{
    return g_strconcat(path, ".accounts", NULL);
}

char *accounts_backup(const char *path, gpointer access, GError **error)
{
    g_autofree char *copy = copy_path(path);
    if (!access_backup_check(path, error) || !access_backup_check(copy, error))
        return NULL;
    if (access_problem(access))
        return g_strdup("without the accounts, which cannot be read: see 'underpin doctor'");
    if (access_backup(access, copy, error))
        return g_strdup_printf("the accounts are in '%s'", copy);
    g_prefix_error(error, "backing up the accounts to '%s': ", copy);
    return NULL;
}

void accounts_backup_take_back(const char *path, gpointer access)
{
    g_autofree char *copy = copy_path(path);
    (void)access;
    if (unlink(copy) != 0 && errno != ENOENT)
        g_warning("the copy of the accounts '%s' is left without one of the catalog: %s", copy,
                  g_strerror(errno));
}
