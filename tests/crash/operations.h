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
    void (*build)(World *world);
    /* Does what is left to do, so that it can be asked for again. FALSE where something was refused or failed. */
    gboolean (*act)(World *world);
    DataRule data;
    gboolean changes_nothing; /* that the world's signature would show */
    gboolean questioned;      /* the catalog is in doubt until it has happened */
    gboolean from_nothing;    /* the very first start: there is no world before */
    gboolean full;            /* a second kill after every first one; the others are sampled */
} Operation;

extern const Operation OPERATIONS[];
extern const guint OPERATION_COUNT;
