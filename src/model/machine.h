/*
 * A machine: one libvirt domain and its volumes, whatever it is at the moment: plain, base or
 * clone.
 *
 * Machines are immutable once published in the inventory: whoever changes one takes a
 * machine_copy(), changes it, and commits it. Generations are shared between the versions.
 */
#pragma once

#include "model/generation.h"
#include "model/volume.h"

/* Where the machine's actual heads are. */
typedef enum {
    PLACE_NONE,   /* not there yet: being created */
    PLACE_NOW,    /* in its directory: it can run */
    PLACE_SEALED, /* among the layers: it is a base */
    PLACE_GONE,   /* removed or exported; the record goes when this is settled */
} Place;
#define PLACE_COUNT (PLACE_GONE + 1)
const char *place_name(Place place);
gboolean place_from_name(const char *text, Place *place_out);

typedef struct {
    int ref_count; /* private */
    char *id;
    char *name;             /* the libvirt domain's name */
    char *uuid;             /* the libvirt domain's UUID */
    GPtrArray *volumes;     /* Volume, in the outline's order */
    GPtrArray *generations; /* Generation, ascending by number */
    guint64 actual;         /* generation number; 0: none yet */
    guint64 desired;        /* generation number; differs from actual while pending */
    guint64 last_number;    /* highest generation number there has ever been; kept by
                               machine_take_generation() */
    Place actual_place;
    Place desired_place;
    char *set_id;          /* layer set of a base (also while it becomes one); else NULL */
    gboolean retired;      /* a removed base whose layers something still needs */
    gboolean held;         /* on hold: no rebase touches it */
    char *hold_reason;     /* NULL unless held */
    char *behind_reason;   /* an update was deferred; NULL: not behind */
    gboolean start_after;  /* start again once settled: the reboot that became the move */
    gboolean define_after; /* the domain's XML must be brought in line at settle */
    gboolean discard; /* PLACE_GONE: data is deleted at once (--now) instead of kept in the trash */
    gboolean keep_data;  /* PLACE_GONE: data is kept for ever (--keep-data) */
    gboolean export_out; /* PLACE_GONE: heads go back to where the import found them */
    guint64 session;     /* generation that a running guest opened; 0: no session */
    gint64 session_started_at;
    gint64 created_at;
    gint64 prepared_at; /* 0: not a base */
    char *checklist;    /* JSON object: answers given at prepare; may be NULL */
    char *origin;       /* JSON object: where import found everything (paths, XML); may be NULL */
} Machine;

/* A new machine with one reference, places NONE, no volumes. */
Machine *machine_new(const char *id, const char *name, const char *uuid, gint64 created_at);
Machine *machine_ref(const Machine *machine);
void machine_unref(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_unref)
/* A private copy to be changed: deep, but generations are shared. */
Machine *machine_copy(const Machine *machine);

/* All borrowed; NULL where there is none. */
const Generation *machine_generation(const Machine *machine, guint64 number);
const Generation *machine_actual(const Machine *machine);
const Generation *machine_desired(const Machine *machine);
const Volume *machine_volume(const Machine *machine, const char *target);
/* Newest undo entry, or NULL. */
const Generation *machine_newest_entry(const Machine *machine);
/* Number for the next generation: one more than any there has been. */
guint64 machine_next_number(const Machine *machine);

/* Adds (takes) or drops a generation of a private copy. */
void machine_take_generation(Machine *machine, Generation *generation);
void machine_drop_generation(Machine *machine, guint64 number);

/* Statements about the actual state. */
gboolean machine_is_base(const Machine *machine);  /* actual place is SEALED */
gboolean machine_is_clone(const Machine *machine); /* sits on a base and is not one itself */
gboolean
machine_is_pending(const Machine *machine); /* desired differs from actual, or places differ */
gboolean machine_is_entry(const Machine *machine, const Generation *generation);
gboolean machine_has_role(const Machine *machine, Role role);
/* Machine id of the base of the actual (else the desired) generation; NULL: none. Borrowed. */
const char *machine_base_id(const Machine *machine);
/* Letters, digits and . _ - + @ : up to 128 bytes, not starting with '-' or '.': what libvirt, a
 * terminal and a URL path take without quoting. */
gboolean machine_name_is_valid(const char *name, GError **error);
/* Order for people: numbers inside names by value, lab-2 before lab-10. Total: equal only for equal
 * names. */
int machine_name_compare(const char *one, const char *other);
