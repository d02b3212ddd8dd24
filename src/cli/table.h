/* Aligned tables and trees on standard output, trimmed to the terminal's width; whole in a pipe. */
#pragma once

#include <glib.h>

#include "cli/screen.h"

typedef enum {
    COLUMN_PLAIN = 0,
    COLUMN_RIGHT = 1 << 0, /* numbers and sizes */
    COLUMN_TREE = 1 << 1,  /* carries the branches of the tree */
    COLUMN_TRIM =
        1 << 2, /* cut where the terminal is too narrow; at most one a table trims or wraps */
    COLUMN_WRAP = 1 << 3,  /* goes on in the next line where the terminal is too narrow */
    COLUMN_SPARE = 1 << 4, /* left out where that is not enough, the last one first */
} ColumnFlags;

typedef struct {
    const char *title;
    guint flags;
} TableColumn;

typedef struct Table Table;
typedef struct TableRow TableRow; /* belongs to its table */

/* An empty table; the columns are copied. */
Table *table_new(const Screen *screen, const TableColumn *columns, guint count);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Adds a row; `parent` is the row that it hangs below in a tree, or NULL. */
TableRow *table_add(Table *table, TableRow *parent);
/* Sets a cell (copied); NULL and "" show as "-". Control characters are made visible. */
void table_set(Table *table, TableRow *row, guint column, const char *text);
void table_set_toned(Table *table, TableRow *row, guint column, const char *text, Tone tone);
/* The same, but an absent text is a blank. */
void table_set_or_blank(Table *table, TableRow *row, guint column, const char *text);
/* As table_set(), takes `text`. */
void table_take(Table *table, TableRow *row, guint column, char *text);
guint table_rows(const Table *table);

/* Prints to standard output; nothing where there are no rows. Lines carry no trailing blanks in a
 * pipe. */
void table_print(Table *table);
