/* A plan: what a request would do, per machine and volume, before anything happens. Plain data. */
#pragma once

#include "foundation/error.h"
#include "model/machine.h"
#include "model/request.h"

/* The fate of one volume, in the words that every face uses. */
typedef enum {
    FATE_KEPT,
    FATE_REPLACED,
    FATE_RESET,
    FATE_DELETED,
    FATE_TRASHED,
    FATE_SEALED,
    FATE_UNSEALED,
    FATE_CREATED,
    FATE_CHANGED
} Fate;
#define FATE_COUNT (FATE_CHANGED + 1)
/* "KEPT", "REPLACED", "RESET", "DELETED", "TO TRASH", "SEALED", "UNSEALED", "CREATED", "CHANGED".
 */
const char *fate_name(Fate fate);

typedef enum {
    DECISION_NOW,     /* done by the job */
    DECISION_PENDING, /* runs: moves when it stops (or as the running policy says) */
    DECISION_SKIP,    /* left out on purpose: on hold, beyond the limit, nothing to do */
    DECISION_REFUSE,  /* cannot: reason says why, hint the remedy */
} Decision;
#define DECISION_COUNT (DECISION_REFUSE + 1)
const char *decision_name(Decision decision);

typedef struct {
    char *target;
    Role role;
    Fate fate;
    char *from_layer; /* layer ids; NULL: none */
    char *to_layer;
    guint64 capacity_before, capacity_after;
    guint64 lost_bytes; /* what the owner has written to it since it was fresh, and loses (undo
                           holds it) */
} PlanVolume;

typedef struct {
    char *machine_id; /* of a machine that exists; NULL for one to be made */
    char *name;
    Decision decision;
    UnderpinErrorCode code; /* of a refusal or skip */
    char *reason;           /* refusal, skip, or what a pending one waits for; NULL */
    char *hint;
    GPtrArray *warnings; /* char * */
    GPtrArray *volumes;  /* PlanVolume */
    char *power;         /* "off", "running", "saved" … as seen when planning */
    guint64 freed_bytes; /* reclaimed at once */
    guint64 held_bytes;  /* held for undo */
    guint forgotten;     /* undo entries that are deleted */
    GPtrArray *purged;   /* KeptVolume: what is deleted of a removed machine; NULL: nothing */
    Generation *desired; /* what staging is to build; NULL where the verb switches nothing */
    Machine *next;       /* the machine's record after the commit; NULL: unchanged or refused */
    char *domain_xml;    /* import, clone: the domain to define at settle; NULL */
} PlanItem;

typedef struct {
    Request *request;
    GPtrArray *items;             /* PlanItem, in the order of work */
    GPtrArray *warnings;          /* char *: about the whole */
    guint64 inventory_generation; /* the state of the world that it was made from */
    guint64 needed_bytes;         /* that staging writes */
    guint64 free_bytes;
    double estimate_seconds; /* from what earlier jobs took; 0: unknown */
} Plan;

Plan *plan_new(const Request *request);
void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
PlanItem *plan_add(Plan *plan, const char *machine_id, const char *name); /* borrowed */
PlanVolume *plan_item_add_volume(PlanItem *item, const char *target, Role role, Fate fate);
void plan_item_warn(PlanItem *item, const char *format, ...) G_GNUC_PRINTF(2, 3);
void plan_warn(Plan *plan, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Makes the item a refusal with the error's code, message and hint. */
void plan_item_refuse(PlanItem *item, const GError *error);
guint plan_count(const Plan *plan, Decision decision);
/* "system REPLACED, temporary RESET, data KEPT": the union over all items, in the roles' order; and
 * "undo DELETED" where undo entries are. Caller frees. */
char *plan_summary(const Plan *plan);
/* The API's representation. New reference. */
json_t *plan_to_json(const Plan *plan);
