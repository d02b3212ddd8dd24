/*
 * The inventory: everything the catalog says, in memory, and the changes that one transaction makes
 * to it. Not thread-safe by itself: the engine guards it.
 */
#pragma once

#include "model/job.h"
#include "model/kept_volume.h"
#include "model/layer.h"
#include "model/machine.h"
#include "model/reclaim_item.h"

typedef struct {
    char *store_uuid;     /* the store that this catalog belongs to; NULL: new catalog */
    guint64 generation;   /* raised by one with every commit */
    GHashTable *machines; /* id -> Machine */
    GHashTable *
        machines_by_name; /* name -> Machine (borrowed); a PLACE_GONE machine stays until settled */
    GHashTable *machines_by_uuid; /* uuid -> Machine (borrowed) */
    GSequence *machines_in_order; /* Machine (borrowed), sorted by name: lists are read often;
                                     NULL in a copy */
    GHashTable *layers;           /* id -> Layer */
    GHashTable *kept;             /* id -> KeptVolume */
    GHashTable *reclaim;          /* id -> ReclaimItem */
} Inventory;

Inventory *inventory_new(void);
/* What plans and counts look at while the original goes on: the same objects, but neither the order
 * of machines, which is dear to make and is made when it is asked for, nor the list of what is to
 * be deleted. */
Inventory *inventory_copy(const Inventory *inventory);
void inventory_free(Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

/* By name, UUID or id, in this order; NULL where there is none. Borrowed. */
const Machine *inventory_find(const Inventory *inventory, const char *name);
/* Clones whose actual or desired generation sits on the base; bases that were made from one count,
 * retired ones do not. New array of references. */
GPtrArray *inventory_clones(const Inventory *inventory, const char *base_id);
/* All machines sorted by name (numbers inside names by value: lab-2 before lab-10). New array of
 * references. */
GPtrArray *inventory_machines_sorted(const Inventory *inventory);

/* What one transaction changes. Objects are references; a put replaces the object of the same id.
 */
typedef struct {
    char *store_uuid;            /* set once, when catalog and store are married; else NULL */
    GPtrArray *machines;         /* Machine to put */
    GPtrArray *machines_removed; /* char *id */
    GPtrArray *layers;           /* Layer to put */
    GPtrArray *layers_removed;   /* char *id */
    GPtrArray *kept;             /* KeptVolume to put */
    GPtrArray *kept_removed;     /* char *id */
    GPtrArray *reclaim;          /* ReclaimItem to put */
    GPtrArray *reclaim_removed;  /* char *id */
    GPtrArray *jobs;             /* Job to put (copied rows; not part of the inventory) */
} Changes;

Changes *changes_new(void);
void changes_free(Changes *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Changes, changes_free)
gboolean changes_is_empty(const Changes *changes);
/* Each takes a reference of its own. Removing a machine takes back an earlier put of it. */
void changes_put_machine(Changes *changes, const Machine *machine);
void changes_remove_machine(Changes *changes, const char *id);
void changes_put_layer(Changes *changes, const Layer *layer);
void changes_remove_layer(Changes *changes, const char *id);
void changes_put_kept(Changes *changes, const KeptVolume *volume);
void changes_remove_kept(Changes *changes, const char *id);
void changes_put_reclaim(Changes *changes, const ReclaimItem *item);
void changes_remove_reclaim(Changes *changes, const char *id);
void changes_put_job(Changes *changes, const Job *job);

/* Applies what the catalog has committed; raises the generation to `generation`. Cannot fail. */
void inventory_apply(Inventory *inventory, const Changes *changes, guint64 generation);
