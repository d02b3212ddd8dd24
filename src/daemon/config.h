/* The configuration: one table of keys, each with a default, so that no file is needed. */
#pragma once

#include <glib.h>

#define CONFIG_DEFAULT_PATH "/etc/underpin/underpin.ini"

typedef struct {
    char *store_directory;
    char **import_directories;
    guint64 free_floor_bytes;
    guint chain_limit;
    guint64 undo_retention_seconds;
    guint undo_budget_percent;
    guint64 job_retention_seconds;
    guint job_limit;
    char *catalog_path;
    char *libvirt_uri;
    gboolean require_hook;
    char *hooks_directory;
    char *hook_program;
    char *run_directory;
    char *administrators; /* group */
    guint64 audit_retention_seconds;
    guint workers;
    guint connection_limit;
    gboolean web_enabled;
    char *web_listen;
    gboolean web_tls;
    char *web_certificate, *web_key; /* "": made in web_directory */
    char *web_directory;
    guint web_connection_limit, web_address_limit;
    GLogLevelFlags log_level; /* the least important level that is written */
    char **texts;             /* private: as written, by index of the table */
    char **origins;           /* private: where from; NULL: default */
} Config;

/* All defaults. */
Config *config_new(void);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/*
 * Reads the INI file `path`, then its drop-ins PATH.d/NAME.ini in the order of their names; a later
 * value replaces an earlier one. A missing file is fine unless `must_exist`. INVALID for an unknown
 * section or key (near names in the hint) and for a value out of range, naming file and key; DENIED
 * for a file that others than root may write to.
 */
gboolean config_load(Config *config, const char *path, gboolean must_exist, GError **error);
/* Sets one key; `origin` is shown in errors and in the dump. INVALID as above. */
gboolean config_set(Config *config, const char *section, const char *key, const char *text,
                    const char *origin, GError **error);
gboolean config_has_section(const char *section);
/* "section.key=value": the same, for the command line. */
gboolean config_set_assignment(Config *config, const char *assignment, GError **error);

/* The effective configuration as an INI file that config_load() takes. Caller frees. */
char *config_dump(const Config *config);
/* The file as it is shipped: every key with its comment, commented out at its default. Caller
 * frees. */
char *config_example(void);

/* Paths below the run directory. Callers free. */
char *config_api_socket(const Config *config);
char *config_hook_socket(const Config *config);
char *config_claims_directory(const Config *config);
/* The file of accounts, beside the catalog. Caller frees. */
char *config_accounts_path(const Config *config);
