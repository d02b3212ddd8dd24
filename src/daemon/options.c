/* Each option that sets a key is a row of one table; everything that has no option of its own goes
 * by --set. */
#include "daemon/options.h"

#include "foundation/error.h"

static const struct {
    const char *option, *section, *key, *argument, *help;
} settings[] = {
    {"store", "store", "directory", "DIR", "where the images live"},
    {"catalog", "catalog", "path", "FILE", "the catalog's file"},
    {"uri", "libvirt", "uri", "URI", "the libvirt host"},
    {"run-dir", "daemon", "run_directory", "DIR", "sockets and claims"},
    {"hooks-dir", "libvirt", "hooks_directory", "DIR", "where libvirt looks for hooks"},
    {"hook-program", "libvirt", "hook_program", "FILE", "the hook program to install there"},
    {"log-level", "daemon", "log_level", "LEVEL", "error, warning, message, info or debug"},
};

typedef struct {
    char *config_path;
    char *values[G_N_ELEMENTS(settings)];
    char **assignments;
    gboolean version, dump, example;
} Given;

static void given_clear(Given *given)
{
    g_free(given->config_path);
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
        g_free(given->values[i]);
    g_strfreev(given->assignments);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Given, given_clear)

static GOptionContext *context_new(Given *given)
{
    const GOptionEntry fixed[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &given->config_path,
         "configuration instead of " CONFIG_DEFAULT_PATH " (with its drop-ins, FILE.d/*.ini)",
         "FILE"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given->assignments,
         "set any key of the configuration", "SECTION.KEY=VALUE"},
        {"dump-config", 0, 0, G_OPTION_ARG_NONE, &given->dump,
         "print the configuration in effect, and exit", NULL},
        {"example-config", 0, 0, G_OPTION_ARG_NONE, &given->example,
         "print the configuration file as it is shipped, and exit", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &given->version, "print the version, and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new("— golden images for KVM virtual machines");
    g_option_context_add_main_entries(context, fixed, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++) {
        const GOptionEntry entry[] = {
            {settings[i].option, 0, 0, G_OPTION_ARG_STRING, &given->values[i], settings[i].help,
             settings[i].argument},
            G_OPTION_ENTRY_NULL,
        };
        g_option_context_add_main_entries(context, entry, NULL);
    }
    return context;
}

static gboolean given_parse(Given *given, int *argument_count, char ***arguments, GError **error)
{
    static const char hint[] = "see 'underpind --help'";
    g_autoptr(GError) failure = NULL;
    g_autoptr(GOptionContext) context = context_new(given);
    if (!g_option_context_parse(context, argument_count, arguments, &failure))
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "%s", failure->message);
    if (*argument_count > 1)
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "'%s' is not understood",
                         (*arguments)[1]);
    return TRUE;
}

static gboolean given_apply(const Given *given, Config *config, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autofree char *origin = g_strdup_printf("--%s", settings[i].option);
        if (given->values[i] && !config_set(config, settings[i].section, settings[i].key,
                                            given->values[i], origin, error))
            return FALSE;
    }
    for (guint i = 0; given->assignments && given->assignments[i]; i++) {
        if (!config_set_assignment(config, given->assignments[i], error))
            return FALSE;
    }
    return TRUE;
}

static OptionsAction action_of(const Given *given)
{
    return given->version   ? OPTIONS_VERSION
           : given->example ? OPTIONS_EXAMPLE_CONFIG
           : given->dump    ? OPTIONS_DUMP_CONFIG
                            : OPTIONS_RUN;
}

Config *options_read(int *argument_count, char ***arguments, OptionsAction *action_out,
                     GError **error)
{
    g_auto(Given) given = {0};
    g_autoptr(Config) config = config_new();
    if (!given_parse(&given, argument_count, arguments, error))
        return NULL;
    OptionsAction action = action_of(&given);
    gboolean needs_files = action == OPTIONS_RUN || action == OPTIONS_DUMP_CONFIG;
    const char *path = given.config_path ? given.config_path : CONFIG_DEFAULT_PATH;
    if (needs_files && (!config_load(config, path, given.config_path != NULL, error) ||
                        !given_apply(&given, config, error)))
        return NULL;
    *action_out = action;
    return g_steal_pointer(&config);
}
