/* The command line of underpind: where the configuration comes from, and what it overrides. */
#pragma once

#include "daemon/config.h"

typedef enum {
    OPTIONS_RUN,
    OPTIONS_VERSION,
    OPTIONS_DUMP_CONFIG,
    OPTIONS_EXAMPLE_CONFIG
} OptionsAction;

/*
 * Reads the command line and then the configuration, with the command line on top. "--help" prints
 * and exits. INVALID for what is not understood. The arguments are used up.
 */
Config *options_read(int *argument_count, char ***arguments, OptionsAction *action_out,
                     GError **error);
