/*
 * A generation: one complete set of heads of a machine, switched as a whole.
 *
 * A machine has an actual generation (what lies in `now` and what a guest would see) and a desired
 * one (what the catalog has decided). They differ only while the machine is pending. Generations
 * that are neither are its undo entries. Immutable once published; shared by reference.
 */
#pragma once

#include "model/role.h"

/* Where staging gets a head from. The source also tells recovery how to stage it again. */
typedef enum {
    HEAD_FRESH, /* a new empty overlay on layer_id */
    HEAD_KEEP,  /* hard link of the machine's current head */
    HEAD_ENTRY, /* hard link of the head in undo entry source_generation */
    HEAD_BLANK, /* a new empty standalone image */
    HEAD_ADOPT, /* import: hard link of source_path, or a copy where the file system has no link */
    HEAD_CONVERT, /* import: qemu-img convert of source_path from source_format (flattens chains) */
    HEAD_COPY,    /* a copy of the current head, resized to capacity_bytes */
    HEAD_FLATTEN, /* a standalone copy of the current head's guest-visible content */
    HEAD_ATTACH,  /* hard link of kept volume source_path (relative to the store) */
} HeadSource;
#define HEAD_SOURCE_COUNT (HEAD_ATTACH + 1)
const char *head_source_name(HeadSource source);
gboolean head_source_from_name(const char *text, HeadSource *source_out);

typedef struct {
    char *target;
    Role role;
    char *format;       /* of the head's file */
    char *layer_id;     /* what it sits on; NULL: standalone */
    char *layer_format; /* format of that layer; NULL: standalone */
    guint64 capacity_bytes;
    HeadSource source;
    guint64 source_generation; /* HEAD_ENTRY */
    char *source_path; /* HEAD_ADOPT, HEAD_CONVERT: absolute; HEAD_ATTACH: relative to the store */
    char *source_format; /* HEAD_CONVERT */
} Head;

Head *head_new(const char *target, Role role, const char *format, guint64 capacity_bytes,
               HeadSource source);
Head *head_copy(const Head *head);
void head_free(Head *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Head, head_free)
/* Puts the head on a layer (both copied), or makes it standalone with NULL, NULL. */
void head_set_layer(Head *head, const char *layer_id, const char *layer_format);

/* Where the UEFI variables (now/nvram.fd) of a generation come from. */
typedef enum { NVRAM_NONE, NVRAM_KEEP, NVRAM_BASE, NVRAM_ENTRY, NVRAM_ADOPT } NvramSource;
#define NVRAM_SOURCE_COUNT (NVRAM_ADOPT + 1)
const char *nvram_source_name(NvramSource source);
gboolean nvram_source_from_name(const char *text, NvramSource *source_out);

/* Why the generation exists; of an undo entry: what replaced it. */
typedef enum {
    CAUSE_IMPORT,
    CAUSE_CLONE,
    CAUSE_RESTORE,
    CAUSE_REBASE,
    CAUSE_UNDO,
    CAUSE_CLEAN,  /* temporary volumes after a session */
    CAUSE_CHANGE, /* volume added, resized, role changed, detached, rolled back */
} Cause;
#define CAUSE_COUNT (CAUSE_CHANGE + 1)
const char *cause_name(Cause cause);
gboolean cause_from_name(const char *text, Cause *cause_out);

typedef struct {
    int ref_count;  /* private */
    guint64 number; /* 1, 2, 3 … within the machine; never reused */
    Cause cause;
    guint64 instance; /* number of the generation in which its system was fresh: names the guest's
                         identity */
    char *base_id;    /* machine id of the base that it sits on; NULL: not a clone */
    GPtrArray *heads; /* Head, in the outline's order */
    NvramSource nvram;
    guint64 nvram_generation; /* NVRAM_ENTRY */
    char *nvram_path;         /* NVRAM_ADOPT: absolute; NVRAM_BASE: layer set id */
    gint64 created_at;        /* seconds since the epoch */
    gint64 replaced_at;       /* when it became an undo entry; 0 before */
    guint64 held_bytes;       /* what the undo entry occupies */
    gboolean hibernated;      /* the guest was seen to suspend to disk on it */
    char *job_id;             /* the job that made it; may be NULL */
} Generation;

/* A new generation with one reference, no heads, created_at as given. */
Generation *generation_new(guint64 number, Cause cause, const char *base_id, gint64 created_at);
Generation *generation_ref(const Generation *generation);
void generation_unref(Generation *generation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Generation, generation_unref)
/* A private deep copy with one reference, to be changed before it is published. */
Generation *generation_copy(const Generation *generation);
/* The head of `target`, or NULL. Borrowed. */
const Head *generation_head(const Generation *generation, const char *target);
/* Whether any temporary head exists. */
gboolean generation_has_role(const Generation *generation, Role role);
