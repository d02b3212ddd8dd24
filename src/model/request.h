/* A request: what somebody asks for, the same for plan (dry run) and job. JSON form: the API's
 * body. */
#pragma once

#include <jansson.h>

#include "model/role.h"
#include "model/verb.h"

/* What happens to machines that run: DESIGN.md, section 3. */
typedef enum {
    RUNNING_REBOOT,   /* they move when QEMU stops; their own reboot is such a moment (default) */
    RUNNING_STOP,     /* they move at a real stop only; a reboot stays a reboot */
    RUNNING_SHUTDOWN, /* asked to shut down, then settled; after `grace` seconds they stay pending
                       */
    RUNNING_FORCE,    /* as SHUTDOWN, but powered off after `grace` seconds */
} RunningPolicy;
#define RUNNING_POLICY_COUNT (RUNNING_FORCE + 1)
const char *running_policy_name(RunningPolicy policy);
gboolean running_policy_from_name(const char *text, RunningPolicy *policy_out);

/* One disk of an import or a volume-add. */
typedef struct {
    char *path;             /* absolute, or NULL: a new empty volume */
    char *target;           /* NULL: the next free one, or (import of a domain) required */
    char *format;           /* NULL: proven by our parser; raw only where said */
    int role;               /* Role; -1: not stated */
    guint64 capacity_bytes; /* of a new volume; 0: not stated */
} RequestDisk;
RequestDisk *request_disk_new(void);
void request_disk_free(RequestDisk *disk);

typedef struct {
    Verb verb;
    GPtrArray *machines; /* char *: names, UUIDs or ids; purge: names of removed machines */
    char *all_of;        /* rebase, restore, undo, start …: all clones of this base; NULL */
    char *onto;          /* rebase: the new base */
    char *match;         /* shell pattern on names, narrows `all_of`; NULL */
    guint limit;         /* at most so many machines (a first wave); 0: all */
    RunningPolicy running;
    guint grace_seconds; /* for SHUTDOWN and FORCE; default 120 */
    gboolean even_held;
    gboolean digest;       /* restore, rebase, undo: receipts with digests of the data's content */
    gboolean force;        /* past a warning that refuses by default; named in the refusal's hint */
    gboolean new_hardware; /* rebase: take CPU, memory and devices from the new base too */
    gboolean keep_data;    /* remove */
    gboolean now;          /* remove: no trash */
    gboolean trash;        /* purge: all that waits in the trash */
    gboolean shutdown_first; /* prepare: shut it down when it runs */
    gboolean flatten;        /* import: copy a chain into one image */
    gboolean yes;            /* import: take the proposed roles; prepare: checklist answered */
    char *reason;            /* hold */
    char *domain;            /* import: existing libvirt domain */
    GPtrArray *disks;        /* RequestDisk: import, volume-add */
    guint count;             /* clone: how many */
    char *name_pattern;      /* clone: "lab-{n}" */
    guint64 memory_mib;      /* import of disk files: hardware of the new domain; 0: default */
    guint cpus;
    char *volume;           /* volume verbs: target; attach, purge: kept volume's id */
    int role;               /* volume-set-role; -1: not stated */
    guint64 capacity_bytes; /* volume-resize */
    char *path;             /* backup: file; absolute */
    char *layer;            /* flatten */
    json_t *checklist;      /* prepare: answers; object or NULL */
    char *idempotency_key;  /* NULL: none */
} Request;

Request *request_new(Verb verb);
Request *request_copy(const Request *request);
void request_free(Request *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)
void request_add_machine(Request *request, const char *name);

/* JSON object with the fields' names in snake_case, "verb" by name, defaults left out. New
 * reference. */
json_t *request_to_json(const Request *request);
/* INVALID for unknown fields, wrong types, missing or senseless combinations; the message names the
 * field. */
Request *request_from_json(const json_t *json, GError **error);
/* The same without request_validate(): for the record of a request that was checked when it came
 * in. */
Request *request_from_record(const json_t *json, GError **error);
/* The checks that need no inventory: required fields, bounds (count 1..10000, limits), names'
 * syntax. */
gboolean request_validate(const Request *request, GError **error);
/* Same target, same work: two such open requests are one job (DESIGN.md, section 3). */
gboolean request_is_same(const Request *one, const Request *other);
