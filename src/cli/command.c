/* Implements the table of verbs and the search in it. */
#include "cli/command.h"

#include <string.h>

#include "cli/verbs.h"

const Command *const commands[] = {
    &command_list,
    &command_show,
    &command_status,
    &command_history,
    &command_layers,
    &command_storage,
    &command_domains,
    &command_import,
    &command_prepare,
    &command_unprepare,
    &command_clone,
    &command_detach,
    &command_export,
    &command_remove,
    &command_purge,
    &command_rebase,
    &command_restore,
    &command_undo,
    &command_forget,
    &command_hold,
    &command_release,
    &command_start,
    &command_shutdown,
    &command_poweroff,
    &command_reboot,
    &command_volume_list,
    &command_volume_add,
    &command_volume_attach,
    &command_volume_set_role,
    &command_volume_resize,
    &command_volume_kept,
    &command_account_list,
    &command_account_add,
    &command_account_role,
    &command_account_assign,
    &command_account_disable,
    &command_account_enable,
    &command_account_reset,
    &command_account_remove,
    &command_account_setup_link,
    &command_token_list,
    &command_token_create,
    &command_token_revoke,
    &command_audit,
    &command_job_list,
    &command_job_show,
    &command_job_watch,
    &command_job_cancel,
    &command_doctor,
    &command_reclaim,
    &command_backup,
    &command_completion,
    &command_complete,
    NULL,
};

static const OptionSpec changing_options[] = {
    {"dry-run", 'n', OPTION_FLAG, NULL, NAMES_NOTHING, "only show what would be done"},
    {"yes", 'y', OPTION_FLAG, NULL, NAMES_NOTHING, "do not ask"},
    {"no-wait", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "print the job's id and return at once"},
    {0},
};

static const OptionSpec global_options[] = {
    {"json", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "print the API's representation"},
    {"socket", 0, OPTION_TEXT, "PATH", NAMES_FILES,
     "the daemon's socket (else $UNDERPIN_SOCKET, else " CLIENT_DEFAULT_SOCKET ")"},
    {"help", 'h', OPTION_FLAG, NULL, NAMES_NOTHING, "show this help"},
    {0},
};

const OptionSpec **command_option_tables(const Command *command)
{
    const OptionSpec **tables = g_new0(const OptionSpec *, 4);
    gsize count = 0;
    if (command->options != NULL)
        tables[count++] = command->options;
    if (command->flags & COMMAND_CHANGES)
        tables[count++] = changing_options;
    tables[count] = global_options;
    return tables;
}

const Command *command_find(const char *name)
{
    for (gsize i = 0; commands[i] != NULL; i++) {
        if (g_str_equal(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

const Command *command_known_as(const char *word)
{
    for (gsize i = 0; commands[i] != NULL; i++) {
        if (commands[i]->also_known_as == NULL)
            continue;
        g_auto(GStrv) words = g_strsplit(commands[i]->also_known_as, ", ", -1);
        if (g_strv_contains((const char *const *)words, word))
            return commands[i];
    }
    return NULL;
}

gboolean command_is_family(const char *word)
{
    g_autofree char *prefix = g_strconcat(word, " ", NULL);
    for (gsize i = 0; commands[i] != NULL; i++) {
        if (g_str_has_prefix(commands[i]->name, prefix))
            return TRUE;
    }
    return FALSE;
}

const Command *command_of_verb(const char *verb_name)
{
    for (gsize i = 0; verb_name != NULL && commands[i] != NULL; i++) {
        g_autofree char *name = g_strdelimit(g_strdup(commands[i]->name), " ", '-');
        if (g_str_equal(name, verb_name))
            return commands[i];
    }
    return NULL;
}
