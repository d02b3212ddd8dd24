/* The options of a verb: one table that parsing, --help and shell completion read. */
#pragma once

#include <glib.h>

typedef enum {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST,     /* may be given several times */
    OPTION_COUNT,    /* 1 … 1,000,000 */
    OPTION_SIZE,     /* size_from_text() */
    OPTION_DURATION, /* duration_from_text() */
    OPTION_CHOICE,   /* `value` lists the words, separated by | */
} OptionKind;

/* What an argument names: the shell completes it. */
typedef enum {
    NAMES_NOTHING,
    NAMES_MACHINES,
    NAMES_BASES,
    NAMES_CLONES,
    NAMES_DOMAINS,
    NAMES_LAYERS,
    NAMES_KEPT_VOLUMES,
    NAMES_REMOVED, /* machines of which data is kept */
    NAMES_JOBS,
    NAMES_ACCOUNTS,
    NAMES_TOKENS,
    NAMES_ACCOUNT_ROLES,
    NAMES_VERBS,
    NAMES_SHELLS,
    NAMES_ROLES,
    NAMES_FILES,
} Names;
#define NAMES_COUNT (NAMES_FILES + 1)

typedef struct {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 0: none */
    OptionKind kind;
    const char *value; /* what stands for the value in the help; NULL for flags */
    Names names;
    const char *help;
} OptionSpec;

typedef struct Options Options;

/*
 * Reads the words: options in any place, `--name value` and `--name=value`, `--` ends them,
 * everything else is an argument. `tables` is a NULL-terminated list of tables. INVALID names what
 * is wrong and proposes near options.
 */
Options *options_parse(const OptionSpec *const *tables, const char *const *words, GError **error);
void options_free(Options *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Options, options_free)

/* All borrowed. */
gboolean options_has(const Options *options, const char *name);
const char *options_text(const Options *options,
                         const char *name); /* NULL: not given; the last counts */
const GPtrArray *options_list(const Options *options,
                              const char *name); /* const char *; may be empty */
/* `otherwise` where it was not given. The values were checked when they were parsed. */
guint options_count(const Options *options, const char *name, guint otherwise);
guint options_seconds(const Options *options, const char *name, guint otherwise);
guint64 options_size(const Options *options, const char *name, guint64 otherwise);
/* The arguments, without the options: const char *, NULL-terminated behind its length. */
const GPtrArray *options_arguments(const Options *options);

/* The spec of "--name" among the tables, or NULL. */
const OptionSpec *options_find(const OptionSpec *const *tables, const char *name);
