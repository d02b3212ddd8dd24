/* The operations of the sweep: every verb, and everything that the engine does by itself. */
#pragma once

#include "support/world.h"

/* What an operation may do to the files of data volumes (here always those called vdc). */
typedef enum {
    DATA_STAYS,    /* same name, inode, size and modification time (invariant 2) */
    DATA_MOVES,    /* another name, the same file */
    DATA_REPLACED, /* a new file, or none: its content is what counts */
} DataRule;

typedef struct {
    const char *name;
    void (*build)(World *world); /* NULL: there is no world before the first start */
    /* Does what is left to do, so that it can be asked for again. FALSE where something was refused
     * or failed. */
    gboolean (*act)(World *world);
    DataRule data;
    /* The same with what was asked for given up (deferred): as good an end where an error struck.
     * May be NULL. */
    gboolean (*give_up)(World *world);
    /* What happens where nobody heard of the event, because we died at that moment. May be NULL. */
    gboolean (*unheard)(World *world);
    gboolean changes_nothing; /* that the world's signature would show */
    gboolean unsound;         /* doctor has something to say before it has happened */
    gboolean at_start;        /* the fault strikes the start itself, and its recovery */
    gboolean full;            /* a second kill after every first one; the others are sampled */
} Operation;

extern const Operation OPERATIONS[];
extern const guint OPERATION_COUNT;
