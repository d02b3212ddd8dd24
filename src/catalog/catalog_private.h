/* The adapter's object, and what its files do for each other. Private to the catalog. */
#pragma once

#include "catalog/table.h"
#include "ports/catalog_adapter.h"

/* Statements that are kept prepared besides the upsert of each table. */
typedef enum {
    COMMAND_PUT_META,
    COMMAND_DELETE_MACHINE,
    COMMAND_DELETE_VOLUMES,
    COMMAND_DELETE_GENERATION,
    COMMAND_DELETE_HEADS,
    COMMAND_DELETE_LAYER,
    COMMAND_DELETE_KEPT,
    COMMAND_DELETE_RECLAIM,
    COMMAND_DELETE_ITEMS,
    COMMAND_DELETE_SAMPLES,
    COMMAND_PUT_RECEIPT,
} CommandId;
#define COMMAND_COUNT (COMMAND_PUT_RECEIPT + 1)

typedef struct {
    Catalog catalog;
    GMutex lock; /* over everything below; held for the length of one transaction or query */
    Database database;
    sqlite3_stmt *upserts[TABLE_COUNT];
    sqlite3_stmt *commands[COMMAND_COUNT];
    guint64 generation;    /* as committed last */
    gint64 next_sequence;  /* of the next job */
    GHashTable *open_jobs; /* job id -> GPtrArray of JobItem: as written last, so that only changes
                              are written */
} SqliteCatalog;

/* The vtable's functions. Each takes the lock. */
Inventory *sqlite_load(Catalog *catalog, GError **error);
gboolean sqlite_commit(Catalog *catalog, const Inventory *before, const Changes *changes,
                       guint64 generation, GError **error);
GPtrArray *sqlite_list_jobs(Catalog *catalog, const char *before_id, guint limit, GError **error);
Job *sqlite_get_job(Catalog *catalog, const char *id, GError **error);
GPtrArray *sqlite_open_jobs(Catalog *catalog, GError **error);
Job *sqlite_job_by_key(Catalog *catalog, const char *key, GError **error);
GPtrArray *sqlite_machine_jobs(Catalog *catalog, const char *machine_id, guint limit,
                               GError **error);
gboolean sqlite_put_job(Catalog *catalog, const Job *job, GError **error);
gboolean sqlite_put_receipt(Catalog *catalog, const char *job_id, const char *machine_id,
                            const char *receipt, GError **error);
gboolean sqlite_prune_jobs(Catalog *catalog, const JobPruning *pruning, guint *pruned_out,
                           GError **error);
gboolean sqlite_put_sample(Catalog *catalog, const SpaceSample *sample, gint64 keep_from,
                           GError **error);
GArray *sqlite_list_samples(Catalog *catalog, gint64 since, GError **error);
gboolean sqlite_check(Catalog *catalog, GPtrArray *findings, GError **error);

/* Inside a transaction: writes an object's row. `outer` are the values of the table's outer
 * columns. */
typedef struct {
    const char *text; /* first outer column, where it is text; else NULL */
    gint64 numbers[2];
    guint number_count;
} OuterValues;
gboolean write_row(SqliteCatalog *catalog, TableId table, const OuterValues *outer,
                   gconstpointer object, GError **error);
/* Inside a transaction: runs a command on an id, with up to one number more. */
gboolean run_command(SqliteCatalog *catalog, CommandId command, const char *id, gint64 number,
                     GError **error);
/* Inside a transaction: the job with those items that differ from what was written last. */
gboolean write_job(SqliteCatalog *catalog, const Job *job, GError **error);
/* The states of jobs that are not final, as a list for SQL: "('queued', …)". Caller frees. */
char *open_job_states(void);
/* After the transaction: keeps or drops what is remembered of a job's items. */
void written_job(SqliteCatalog *catalog, const Job *job, gboolean succeeded);
