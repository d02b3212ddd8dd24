/*
 * The table of keys, and what reads it: setting, dumping, the example file. A key that stands in
 * the table is known everywhere; there is no other list.
 */
#include "daemon/config.h"

#include <string.h>

#include "daemon/config_value.h"
#include "foundation/error.h"
#include "foundation/near.h"

typedef enum {
    KIND_TEXT,
    KIND_PATH,
    KIND_PATH_OR_NONE,
    KIND_PATHS,
    KIND_SIZE,
    KIND_DURATION,
    KIND_PERCENT,
    KIND_NUMBER,
    KIND_BOOLEAN,
    KIND_LOG_LEVEL,
} Kind;

typedef struct {
    const char *section, *name;
    Kind kind;
    gsize offset;
    const char *standard;    /* default */
    guint64 lowest, highest; /* in the value's unit; 0, 0: any */
    const char *help;
} Key;

#define AT(member) G_STRUCT_OFFSET(Config, member)

static const Key keys[] = {
    {"store", "directory", KIND_PATH, AT(store_directory), "/var/lib/libvirt/images/underpin", 0, 0,
     "Where the images live. Below libvirt's image directory, importing a disk is a rename and no "
     "copy, and\n"
     "SELinux labels are right."},
    {"store", "import_directories", KIND_PATHS, AT(import_directories),
     "/var/lib/libvirt/images;/var/lib/libvirt/qemu/nvram", 0, 0,
     "Disk files and UEFI variables are imported from below these directories only; joined by "
     "';'."},
    {"store", "free_floor", KIND_SIZE, AT(free_floor_bytes), "1 GiB", 0, 0,
     "Free space that is never used up: work that would is refused, and undo entries go early."},
    {"store", "chain_limit", KIND_NUMBER, AT(chain_limit), "5", 1, 100,
     "Layers that a machine may sit on before the lowest are flattened in the background."},
    {"undo", "retention", KIND_DURATION, AT(undo_retention_seconds), "7d", 0,
     (guint64)3650 * 24 * 3600,
     "How long a replaced system, and the data of a removed machine, are kept."},
    {"undo", "budget", KIND_PERCENT, AT(undo_budget_percent), "10%", 0, 100,
     "How much of the store the undo entries may take; the oldest go first."},
    {"jobs", "retention", KIND_DURATION, AT(job_retention_seconds), "90d", 0,
     (guint64)3650 * 24 * 3600,
     "How long finished jobs are listed. Those whose receipts belong to an undo entry stay with "
     "it."},
    {"jobs", "limit", KIND_NUMBER, AT(job_limit), "10000", 1, 1000000,
     "How many jobs are listed at most; the oldest finished ones go first."},
    {"catalog", "path", KIND_PATH, AT(catalog_path), "/var/lib/underpin/catalog.sqlite", 0, 0,
     "The catalog's file, on a local file system."},
    {"libvirt", "uri", KIND_TEXT, AT(libvirt_uri), "qemu:///system", 1, 1024, "The host."},
    {"libvirt", "require_hook", KIND_BOOLEAN, AT(require_hook), "yes", 0, 0,
     "Install libvirt's start hook and change nothing while it is not in force. Without it a "
     "machine can be\n"
     "started in the middle of a change, and lose it: for tests only."},
    {"libvirt", "hooks_directory", KIND_PATH, AT(hooks_directory), "/etc/libvirt/hooks", 0, 0,
     "Where libvirt looks for hooks."},
    {"libvirt", "hook_program", KIND_PATH, AT(hook_program), UNDERPIN_HOOK_PROGRAM, 0, 0,
     "The hook program that is installed there."},
    {"daemon", "run_directory", KIND_PATH, AT(run_directory), "/run/underpin", 0, 0,
     "Sockets and claims; must not outlive a reboot of the host."},
    {"daemon", "administrators", KIND_TEXT, AT(administrators), "underpin", 0, 255,
     "Members of this group may use the API, as root may; they are as powerful as root. Need not "
     "exist."},
    {"daemon", "audit_retention", KIND_DURATION, AT(audit_retention_seconds), "365d", 24 * 3600,
     (guint64)3650 * 24 * 3600, "How long the audit trail is kept."},
    {"daemon", "workers", KIND_NUMBER, AT(workers), "4", 1, 64, "Jobs that run at the same time."},
    {"daemon", "connection_limit", KIND_NUMBER, AT(connection_limit), "512", 16, 65536,
     "Connections to the API at the same time."},
    {"daemon", "log_level", KIND_LOG_LEVEL, AT(log_level), "info", 0, 0,
     "error, warning, message, info or debug."},
    {"web", "enabled", KIND_BOOLEAN, AT(web_enabled), "yes", 0, 0,
     "Serve the web page, and the API by TCP."},
    {"web", "listen", KIND_TEXT, AT(web_listen), "[::]:8443", 3, 64,
     "Address and port, in numbers. [::] is every address of the host, of IPv4, too. An address "
     "that "
     "cannot\n"
     "be had is tried again; the rest of the daemon does not wait for it."},
    {"web", "tls", KIND_BOOLEAN, AT(web_tls), "yes", 0, 0,
     "HTTPS. Without it only 127.0.0.1 and [::1] can be listened at."},
    {"web", "certificate", KIND_PATH_OR_NONE, AT(web_certificate), "", 0, 0,
     "Certificate, with those that it rests on, and key: PEM files that a SIGHUP reads anew. "
     "Without "
     "them a\n"
     "certificate is made at the first start; 'underpin status' shows its fingerprint."},
    {"web", "key", KIND_PATH_OR_NONE, AT(web_key), "", 0, 0, "The certificate's key."},
    {"web", "directory", KIND_PATH, AT(web_directory), "/var/lib/underpin/web", 0, 0,
     "Where the certificate is kept that is made."},
    {"web", "connection_limit", KIND_NUMBER, AT(web_connection_limit), "2048", 16, 65536,
     "Connections by TCP at the same time; those to the unix socket have their own limit."},
    {"web", "address_limit", KIND_NUMBER, AT(web_address_limit), "256", 1, 65536,
     "Connections of one client address (of one /64 with IPv6); raise it where all clients come "
     "through a proxy."},
};

static const struct {
    const char *name;
    GLogLevelFlags level;
} log_levels[] = {
    {"error", G_LOG_LEVEL_CRITICAL},  {"warning", G_LOG_LEVEL_WARNING},
    {"message", G_LOG_LEVEL_MESSAGE}, {"info", G_LOG_LEVEL_INFO},
    {"debug", G_LOG_LEVEL_DEBUG},
};

/* --- values --------------------------------------------------------------------------------- */

static gboolean check_range(const Key *key, guint64 value, GError **error)
{
    if (key->highest == 0 || (value >= key->lowest && value <= key->highest))
        return TRUE;
    g_autofree char *hint =
        g_strdup_printf("from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " %s is possible",
                        key->lowest, key->highest,
                        key->kind == KIND_DURATION ? "seconds"
                        : key->kind == KIND_TEXT   ? "bytes"
                                                   : "");
    return error_set(error, UNDERPIN_ERROR_INVALID, g_strchomp(hint), "the value is out of range");
}

static void *member(Config *config, const Key *key)
{
    return G_STRUCT_MEMBER_P(config, key->offset);
}

static gboolean take_text(Config *config, const Key *key, char *text)
{
    char **place = member(config, key);
    g_free(*place);
    *place = text;
    return text != NULL;
}

static gboolean take_paths(Config *config, const Key *key, char **paths)
{
    char ***place = member(config, key);
    if (!paths)
        return FALSE;
    g_strfreev(*place);
    *place = paths;
    return TRUE;
}

static gboolean set_text(Config *config, const Key *key, const char *text, GError **error)
{
    return check_range(key, strlen(text), error) && take_text(config, key, g_strdup(text));
}

static gboolean set_path(Config *config, const Key *key, const char *text, GError **error)
{
    char *path = config_parse_path(text, error);
    return path && take_text(config, key, path);
}

static gboolean set_path_or_none(Config *config, const Key *key, const char *text, GError **error)
{
    return text[0] == '\0' ? take_text(config, key, g_strdup(""))
                           : set_path(config, key, text, error);
}

static gboolean set_paths(Config *config, const Key *key, const char *text, GError **error)
{
    return take_paths(config, key, config_parse_paths(text, error));
}

static gboolean set_large(Config *config, const Key *key, const char *text, GError **error)
{
    guint64 value;
    gboolean is_size = key->kind == KIND_SIZE;
    if (!(is_size ? config_parse_size : config_parse_duration)(text, &value, error) ||
        !check_range(key, value, error))
        return FALSE;
    *(guint64 *)member(config, key) = value;
    return TRUE;
}

static gboolean set_small(Config *config, const Key *key, const char *text, GError **error)
{
    guint64 value;
    gboolean is_percent = key->kind == KIND_PERCENT;
    if (!(is_percent ? config_parse_percent : config_parse_number)(text, &value, error) ||
        !check_range(key, value, error))
        return FALSE;
    *(guint *)member(config, key) = (guint)value;
    return TRUE;
}

static gboolean set_boolean(Config *config, const Key *key, const char *text, GError **error)
{
    return config_parse_boolean(text, member(config, key), error);
}

static gboolean set_log_level(Config *config, const Key *key, const char *text, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(log_levels); i++) {
        if (g_str_equal(log_levels[i].name, text)) {
            *(GLogLevelFlags *)member(config, key) = log_levels[i].level;
            return TRUE;
        }
    }
    return error_set(error, UNDERPIN_ERROR_INVALID, key->help, "there is no log level '%s'", text);
}

static gboolean (*const setters[])(Config *, const Key *, const char *, GError **) = {
    [KIND_TEXT] = set_text,
    [KIND_PATH] = set_path,
    [KIND_PATHS] = set_paths,
    [KIND_SIZE] = set_large,
    [KIND_DURATION] = set_large,
    [KIND_PERCENT] = set_small,
    [KIND_PATH_OR_NONE] = set_path_or_none,
    [KIND_NUMBER] = set_small,
    [KIND_BOOLEAN] = set_boolean,
    [KIND_LOG_LEVEL] = set_log_level,
};

/* --- life ----------------------------------------------------------------------------------- */

Config *config_new(void)
{
    Config *config = g_new0(Config, 1);
    config->texts = g_new0(char *, G_N_ELEMENTS(keys) + 1);
    config->origins = g_new0(char *, G_N_ELEMENTS(keys) + 1);
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        gboolean is_set = setters[keys[i].kind](config, &keys[i], keys[i].standard, NULL);
        g_assert(is_set);
        config->texts[i] = g_strdup(keys[i].standard);
    }
    return config;
}

static void free_each(char **texts)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        g_free(texts[i]);
    g_free(texts);
}

void config_free(Config *config)
{
    if (!config)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].kind == KIND_TEXT || keys[i].kind == KIND_PATH ||
            keys[i].kind == KIND_PATH_OR_NONE)
            g_free(*(char **)member(config, &keys[i]));
        if (keys[i].kind == KIND_PATHS)
            g_strfreev(*(char ***)member(config, &keys[i]));
    }
    free_each(config->texts);
    free_each(config->origins);
    g_free(config);
}

/* --- setting -------------------------------------------------------------------------------- */

/* What may have been meant: the right key in another section, or a key that is spelt alike. */
static char *hint_for(const char *section, const char *name)
{
    const Key *nearest = &keys[0];
    guint least = G_MAXUINT;
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        guint far =
            2 * near_distance(name, keys[i].name) + (g_str_equal(section, keys[i].section) ? 0 : 1);
        if (far < least) {
            least = far;
            nearest = &keys[i];
        }
    }
    if (least / 2 * 2 > strlen(name))
        return g_strdup("see 'underpind --dump-config' for all keys");
    return g_strdup_printf(
        "did you mean '%s' in section [%s]? See 'underpind --dump-config' for all keys",
        nearest->name, nearest->section);
}

gboolean config_has_section(const char *section)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_str_equal(keys[i].section, section))
            return TRUE;
    }
    return FALSE;
}

static gboolean refuse_unknown(const char *section, const char *name, const char *origin,
                               GError **error)
{
    g_autofree char *hint = hint_for(section, name);
    return config_has_section(section)
               ? error_set(error, UNDERPIN_ERROR_INVALID, hint,
                           "%s: there is no key '%s' in section [%s]", origin, name, section)
               : error_set(error, UNDERPIN_ERROR_INVALID, hint, "%s: there is no section [%s]",
                           origin, section);
}

gboolean config_set(Config *config, const char *section, const char *name, const char *text,
                    const char *origin, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        const Key *key = &keys[i];
        if (!g_str_equal(key->section, section) || !g_str_equal(key->name, name))
            continue;
        if (!setters[key->kind](config, key, text, error)) {
            g_prefix_error(error, "%s: '%s' in section [%s]: ", origin, name, section);
            return FALSE;
        }
        g_free(config->texts[i]);
        g_free(config->origins[i]);
        config->texts[i] = g_strdup(text);
        config->origins[i] = g_strdup(origin);
        return TRUE;
    }
    return refuse_unknown(section, name, origin, error);
}

gboolean config_set_assignment(Config *config, const char *assignment, GError **error)
{
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    if (!dot || !equals || dot > equals)
        return error_set(error, UNDERPIN_ERROR_INVALID, "write --set section.key=value",
                         "'%s' is no setting", assignment);
    g_autofree char *section = g_strndup(assignment, (gsize)(dot - assignment));
    g_autofree char *name = g_strndup(dot + 1, (gsize)(equals - dot - 1));
    return config_set(config, section, name, equals + 1, "the command line", error);
}

/* --- writing -------------------------------------------------------------------------------- */

static void append_comment(GString *text, const char *help)
{
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);
    for (guint i = 0; lines[i]; i++)
        g_string_append_printf(text, "# %s\n", lines[i]);
}

static void append_key(GString *text, gsize index, const char *previous_section)
{
    const Key *key = &keys[index];
    if (g_strcmp0(key->section, previous_section) != 0)
        g_string_append_printf(text, "%s[%s]\n", previous_section ? "\n" : "", key->section);
    g_string_append_c(text, '\n');
    append_comment(text, key->help);
}

char *config_dump(const Config *config)
{
    GString *text = g_string_new("# The configuration in effect.\n\n");
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        append_key(text, i, i > 0 ? keys[i - 1].section : NULL);
        g_string_append_printf(text, "# From %s.\n%s = %s\n",
                               config->origins[i] ? config->origins[i] : "the defaults",
                               keys[i].name, config->texts[i]);
    }
    return g_string_free(text, FALSE);
}

char *config_example(void)
{
    GString *text = g_string_new(
        "# Underpin: configuration of underpind, with all defaults.\n"
        "#\n"
        "# Nothing here is needed. Put what you change into a file of your own, such as\n"
        "# /etc/underpin/underpin.ini.d/local.ini: those are read in the order of their\n"
        "# names, after this one. 'underpind --dump-config' shows what is in effect.\n\n");
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        append_key(text, i, i > 0 ? keys[i - 1].section : NULL);
        g_string_append_printf(text, "#%s = %s\n", keys[i].name, keys[i].standard);
    }
    return g_string_free(text, FALSE);
}

char *config_api_socket(const Config *config)
{
    return g_build_filename(config->run_directory, "underpin.sock", NULL);
}

char *config_hook_socket(const Config *config)
{
    return g_build_filename(config->run_directory, "hook.sock", NULL);
}

char *config_claims_directory(const Config *config)
{
    return g_build_filename(config->run_directory, "claims", NULL);
}

char *config_accounts_path(const Config *config)
{
    g_autofree char *directory = g_path_get_dirname(config->catalog_path);
    return g_build_filename(directory, "access.sqlite", NULL);
}
