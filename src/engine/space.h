/* What takes the room of the store: of one machine, and of the whole; what is released when, and
 * how long the rest will last. */
#pragma once

#include "engine/engine.h"
#include "engine/forecast.h"

#define SPACE_SAMPLE_SECONDS (60 * 60)
#define SPACE_KEEP_SECONDS   (90 * 24 * 60 * 60)

typedef struct {
    char *target;
    Role role;
    guint64 allocated_bytes; /* of its own file, without what it sits on */
} VolumeSpace;

typedef struct {
    GPtrArray *volumes; /* VolumeSpace, in the machine's order */
    guint64 undo_bytes; /* what its undo entries hold */
    guint64 total_bytes;
} MachineSpace;
void machine_space_clear(MachineSpace *space);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MachineSpace, machine_space_clear)
/* Looks at the machine's files; may be slow. */
gboolean engine_machine_space(Engine *engine, const Machine *machine, MachineSpace *space_out,
                              GError **error);

typedef enum { RELEASE_UNDO, RELEASE_TRASH } ReleaseKind;

/* Room that retention gives back by itself. */
typedef struct {
    gint64 at; /* when the last of it goes */
    guint64 bytes;
    ReleaseKind kind;
} Release;

typedef struct {
    StoreStatus store;
    guint64 floor_bytes;  /* free space that is never used up */
    guint64 layers_bytes; /* all sealed layers */
    guint64 undo_bytes, undo_budget_bytes;
    guint undo_budget_percent, undo_entries;
    gint64 undo_retention_seconds;
    guint64 trash_bytes, kept_bytes; /* data of removed machines: for a while, and for good */
    guint trash_count, kept_count;
    guint64 reclaimable_bytes; /* what nobody needs any more and is not deleted yet */
    GArray *releases;          /* Release, soonest first: at most one of a kind in 24 hours */
    GArray *samples;           /* SpaceSample, oldest first */
    gboolean has_forecast;     /* FALSE: not enough history yet */
    Forecast forecast;
} SpaceReport;
void space_report_clear(SpaceReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SpaceReport, space_report_clear)
/* Looks at each kept volume's file; may be slow. */
gboolean engine_space_report(Engine *engine, SpaceReport *report_out, GError **error);

/* Background care: records the free space once an hour, by the clock port. Nothing to do is fine;
 * REFUSED while the store is in doubt. */
gboolean engine_sample_space(Engine *engine, GError **error);
