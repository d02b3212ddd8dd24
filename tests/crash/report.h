/* What the sweep has visited, and the report of it. */
#pragma once

#include <stdio.h>

#include "foundation/fault_point.h"
#include "operations.h"

/* Of one operation, in memory that all processes share. */
typedef struct {
    guint kills[FAULT_POINT_COUNT];        /* the operation was killed there */
    guint errors[FAULT_POINT_COUNT];       /* ENOSPC or EIO there */
    guint second_kills[FAULT_POINT_COUNT]; /* the recovery after a kill was killed there */
    guint failures;
    double seconds;
    gboolean finished;
} Tally;

/* Writes the report for people to `file`. */
void report_write(FILE *file, const Tally *tallies, guint32 seed);
/* Names each point that no kill has visited; how many there are. */
guint report_unvisited(FILE *file, const Tally *tallies);
