/* Which machines a verb is about: names, or all clones of a base. Shared by the verbs that take
 * both. */
#pragma once

#include "cli/call.h"

#define SELECTION_OPTIONS                                                                           \
    {"all", 'a', OPTION_TEXT, "BASE", NAMES_BASES, "all clones of this base"},                      \
        {"match", 'm', OPTION_TEXT, "PATTERN", NAMES_NOTHING, "of --all, only names like 'lab-*'"}, \
    {                                                                                               \
        "limit", 'l', OPTION_COUNT, "N", NAMES_NOTHING, "at most N machines: a first wave"          \
    }
#define SELECTION_USAGE "NAME…\n--all BASE [--match PATTERN] [--limit N]"

/* What a verb does with machines that run, and how it goes past a refusal. */
#define POLICY_OPTIONS                                                                             \
    {"running",                                                                                    \
     'r',                                                                                          \
     OPTION_CHOICE,                                                                                \
     "reboot|stop|shutdown|force",                                                                 \
     NAMES_NOTHING,                                                                                \
     "what to do with machines that run: wait for their own reboot or stop (the default), for a "  \
     "real stop, ask them to shut down, or power off those that do not within the grace"},         \
        {"grace",         'g',                                                                     \
         OPTION_DURATION, "TIME",                                                                  \
         NAMES_NOTHING,   "how long shutdown and force wait, such as 120s or 5m (default 120s)"},  \
    {                                                                                              \
        "digest", 0, OPTION_FLAG, NULL, NAMES_NOTHING,                                             \
            "put digests of the data's content into the receipts: reads all of it twice"           \
    }
#define FORCE_OPTION                                                                               \
    {                                                                                              \
        "force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,                                              \
            "go past a refusal whose hint names this option"                                       \
    }

/* The request of a verb with its machines; INVALID where neither or both were given. */
Request *selection_request(const Call *call, Verb verb, GError **error);
/* Takes --running, --grace and --force over into the request. */
void selection_take_policy(const Call *call, Request *request);
