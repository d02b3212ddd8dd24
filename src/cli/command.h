/* The verbs of the command line: one row each, read by dispatch, help, completion and tests. */
#pragma once

#include "cli/client.h"
#include "cli/clock.h"
#include "cli/options.h"
#include "cli/screen.h"

/*
 * Exit statuses: 0 ok, 1 failure (any machine of several), 2 usage, 3 not found, 4 conflict or
 * refused, 5 daemon unreachable. 130: detached from a job by Ctrl-C, as shells expect of an
 * interrupt.
 */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 5,
    EXIT_INTERRUPTED = 130,
    EXIT_ERROR = -1, /* of a run: the error says which */
};

typedef struct Command Command;

/* One call of a verb: what was typed, and what it may use. */
typedef struct {
    const Command *command;
    Options *options;
    Client *client;
    const Screen *screen;
    const CliClock *clock;
} Call;

/* Returns an exit status, or EXIT_ERROR with the error set. */
typedef int (*CommandRun)(Call *call, GError **error);

typedef enum {
    COMMAND_LOOKS = 0,
    COMMAND_CHANGES = 1 << 0,   /* makes a job: takes --dry-run, --yes and --no-wait */
    COMMAND_ANNOUNCES = 1 << 1, /* asks for the plan first and says what it does to volumes */
    COMMAND_HIDDEN = 1 << 2,    /* for scripts of ours: not listed */
    COMMAND_OFFLINE = 1 << 3,   /* works without the daemon */
} CommandFlags;

typedef enum {
    GROUP_LOOK,
    GROUP_MACHINES,
    GROUP_UPDATE,
    GROUP_LIFE,
    GROUP_VOLUMES,
    GROUP_ACCOUNTS,
    GROUP_SERVICE
} CommandGroup;
#define GROUP_COUNT (GROUP_SERVICE + 1)

struct Command {
    const char *name; /* "rebase", "volume add" */
    CommandGroup group;
    const char *summary;       /* one line, as the list of verbs shows it */
    const char *usage;         /* lines behind "underpin NAME ", separated by line feeds */
    const char *description;   /* paragraphs of the help; NULL: the summary says it all */
    const char *examples;      /* lines "command # what it does" without "underpin " */
    const char *also_known_as; /* words of other products, separated by ", "; NULL: none */
    const OptionSpec *options; /* its own; NULL: none */
    Names names;          /* what its arguments are; of a verb that begins with a base, the first */
    Names later_names[2]; /* what the second and third are, where they differ */
    guint least_arguments, most_arguments; /* most 0 with least 0: none; G_MAXUINT: any number */
    guint flags;
    const char *done; /* "rebased": of a machine that is done; NULL: it makes no job */
    const char
        *pending; /* what a machine that runs waits for: "moves when it stops"; NULL: none does */
    CommandRun run;
};

/* All rows, in the order of the help; NULL-terminated. */
extern const Command *const commands[];

/* The row of that name, or NULL. */
const Command *command_find(const char *name);
/* The row whose other names hold `word`, or NULL. */
const Command *command_known_as(const char *word);
/* The first word is one of "volume" or "job": a family of verbs. */
gboolean command_is_family(const char *word);
/* The option tables of a row, NULL-terminated: its own, those of changing verbs, the global ones.
 * Caller frees the array. */
const OptionSpec **command_option_tables(const Command *command);
/* The row that a job's verb ("volume-set-role") belongs to, or NULL. */
const Command *command_of_verb(const char *verb_name);
