/*
 * Structs as rows: one table of columns an object, from which writing, reading and comparing
 * follow. Private to the catalog.
 */
#pragma once

#include "database/database.h"

typedef enum {
    COLUMN_TEXT,   /* char *, NULL for NULL */
    COLUMN_UINT64, /* stored as the same 64 bits */
    COLUMN_INT64,
    COLUMN_UINT,
    COLUMN_FLAG,
    COLUMN_ENUM,
    COLUMN_ERROR, /* int: an error code by name, -1 for NULL */
} ColumnKind;

/* An enum's text and value. */
typedef struct {
    const char *(*encode)(int value);
    gboolean (*decode)(const char *text, int *value_out);
} EnumCodec;

typedef struct {
    const char *name;
    ColumnKind kind;
    gsize offset; /* in the struct */
    const EnumCodec *codec;
} Column;

typedef enum {
    TABLE_MACHINE,
    TABLE_VOLUME,
    TABLE_GENERATION,
    TABLE_HEAD,
    TABLE_LAYER,
    TABLE_KEPT,
    TABLE_RECLAIM,
    TABLE_JOB,
    TABLE_JOB_ITEM,
    TABLE_SAMPLE,
} TableId;
#define TABLE_COUNT (TABLE_SAMPLE + 1)

typedef struct {
    const char *name;
    const char *outer[4]; /* columns that the struct does not hold; bound first; NULL-terminated */
    const char *keys;     /* primary key, for the upsert: "machine_id, number" */
    const Column *columns;
    guint column_count;
} Table;

extern const Table catalog_tables[TABLE_COUNT];

/* A job as its row. Texts are borrowed when writing, owned when reading (job_row_clear). */
typedef struct {
    char *id;
    char *request; /* JSON */
    char *idempotency_key;
    char *requested_by;
    int state;
    gint64 created_at, started_at, finished_at;
    guint done, total;
    char *phase;
    int error_code;
    char *message;
    char *hint;
    gboolean committed;
} JobRow;

guint table_outer_count(const Table *table);
/* Statements; caller frees. Parameters are the outer columns, then the struct's. */
char *table_upsert_sql(const Table *table);
/* "alias.column, …" of outer and struct columns. */
char *table_column_list(const Table *table, const char *alias);
/* Binds the struct's columns from parameter `first` on; texts stay borrowed until the statement has
 * run. */
void table_bind(const Table *table, sqlite3_stmt *statement, int first, gconstpointer object);
/* Fills a struct made by its constructor from the row's columns; BACKEND for values that no version
 * has written. */
gboolean table_read(const Table *table, sqlite3_stmt *statement, int first, gpointer object,
                    GError **error);
gboolean table_equal(const Table *table, gconstpointer one, gconstpointer other);
