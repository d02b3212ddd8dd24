/* For catalog adapters only: the vtable behind catalog.h. One slot a wrapper, same contracts. */
#pragma once

#include "ports/catalog.h"

typedef struct {
    const char *name; /* "sqlite" */
    void (*free)(Catalog *);
    Inventory *(*load)(Catalog *, GError **);
    gboolean (*commit)(Catalog *, const Inventory *, const Changes *, guint64, GError **);
    GPtrArray *(*list_jobs)(Catalog *, const char *, guint, GError **);
    Job *(*get_job)(Catalog *, const char *, GError **);
    GPtrArray *(*open_jobs)(Catalog *, GError **);
    Job *(*job_by_key)(Catalog *, const char *, GError **);
    GPtrArray *(*machine_jobs)(Catalog *, const char *, guint, GError **);
    gboolean (*put_job)(Catalog *, const Job *, GError **);
    gboolean (*put_receipt)(Catalog *, const char *, const char *, const char *, GError **);
    gboolean (*prune_jobs)(Catalog *, const JobPruning *, guint *, GError **);
    gboolean (*put_sample)(Catalog *, const SpaceSample *, gint64, GError **);
    GArray *(*list_samples)(Catalog *, gint64, GError **);
    gboolean (*backup)(Catalog *, const char *, GError **);
    gboolean (*check)(Catalog *, GPtrArray *, GError **);
} CatalogOps;

/* An adapter's own struct begins with this. */
struct Catalog {
    const CatalogOps *ops;
};
