/* The sweep of one operation. */
#pragma once

#include "report.h"

typedef struct {
    const char *directory; /* below which the worlds are made */
    guint only_nth;        /* 0: all */
    guint sample;  /* a second kill after every so many first ones, on average; 0: after none */
    gboolean keep; /* leave the world of a failure behind */
} SweepOptions;

/* Kills, errors, and second kills, each at every fault point that the operation visits. Failures
 * are printed. */
void sweep_operation(const Operation *operation, const SweepOptions *options, Tally *tally);
