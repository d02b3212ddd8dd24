/* The accounts' copy, and the catalog's taken back where there can be none. */
#include "daemon/accounts_backup.h"

#include <errno.h>
#include <unistd.h>

#define SUFFIX ".accounts"

/* Half a backup is not taken for a whole one. */
static void take_back(const char *path)
{
    if (unlink(path) != 0)
        g_warning("the copy of the catalog '%s' is left without one of the accounts: %s", path,
                  g_strerror(errno));
}

char *accounts_backup(const char *path, gpointer access, GError **error)
{
    g_autofree char *copy = g_strconcat(path, SUFFIX, NULL);
    if (access_problem(access))
        return g_strdup("without the accounts, which cannot be read: see 'underpin doctor'");
    if (access_backup(access, copy, error))
        return g_strdup_printf("the accounts are in '%s'", copy);
    take_back(path);
    return NULL;
}
