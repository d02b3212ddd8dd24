/*
 * Implements tables with libsmartcols.
 *
 * The library prints into a string; what follows the last visible character of a line is cut off, so that
 * a pipe and a narrow terminal get no blanks.
 */
#include "cli/table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

struct Table {
    struct libscols_table *table;
    gboolean colours;
};

static void column_add(Table *table, const TableColumn *column)
{
    int flags = 0;
    if (column->flags & COLUMN_RIGHT)
        flags |= SCOLS_FL_RIGHT;
    if (column->flags & COLUMN_TREE)
        flags |= SCOLS_FL_TREE;
    if (column->flags & COLUMN_TRIM)
        flags |= SCOLS_FL_TRUNC;
    if (column->flags & COLUMN_WRAP)
        flags |= SCOLS_FL_WRAP;
    struct libscols_column *added =
        scols_table_new_column(table->table, column->title, 0, flags);
    if (added == NULL)
        g_error("cannot add a column: out of memory");
}

Table *table_new(const Screen *screen, const TableColumn *columns, guint count)
{
    Table *table = g_new0(Table, 1);
    table->table = scols_new_table();
    if (table->table == NULL)
        g_error("cannot make a table: out of memory");
    table->colours = screen->colours;
    scols_table_set_column_separator(table->table, "  ");
    scols_table_enable_ascii(table->table, !screen->unicode);
    scols_table_enable_colors(table->table, screen->colours);
    scols_table_enable_minout(table->table, TRUE);
    if (screen->output_is_terminal) {
        scols_table_set_termforce(table->table, SCOLS_TERMFORCE_ALWAYS);
        scols_table_set_termwidth(table->table, screen->width);
    } else {
        scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
    }
    for (guint i = 0; i < count; i++)
        column_add(table, &columns[i]);
    return table;
}

void table_free(Table *table)
{
    if (table == NULL)
        return;
    scols_unref_table(table->table);
    g_free(table);
}

TableRow *table_add(Table *table, TableRow *parent)
{
    struct libscols_line *line =
        scols_table_new_line(table->table, (struct libscols_line *)parent);
    if (line == NULL)
        g_error("cannot add a row: out of memory");
    return (TableRow *)line;
}

void table_set_toned(Table *table, TableRow *row, guint column, const char *text, Tone tone)
{
    struct libscols_line *line = (struct libscols_line *)row;
    const char *shown = text != NULL && *text != '\0' ? text : "-";
    g_autofree char *printable = text_to_printable(shown, FALSE);
    scols_line_set_data(line, column, printable);
    if (table->colours && tone != TONE_PLAIN)
        scols_cell_set_color(scols_line_get_cell(line, column), tone_begin(tone));
}

void table_set(Table *table, TableRow *row, guint column, const char *text)
{
    table_set_toned(table, row, column, text, TONE_PLAIN);
}

void table_set_or_blank(Table *table, TableRow *row, guint column, const char *text)
{
    table_set(table, row, column, text != NULL ? text : " ");
}

void table_take(Table *table, TableRow *row, guint column, char *text)
{
    table_set(table, row, column, text);
    g_free(text);
}

guint table_rows(const Table *table)
{
    return (guint)scols_table_get_nlines(table->table);
}

/* Prints one line without the blanks at its end. */
static void print_line(const char *line, gsize length)
{
    while (length > 0 && line[length - 1] == ' ')
        length--;
    fwrite(line, 1, length, stdout);
    fputc('\n', stdout);
}

static void print_header_tone(const Table *table)
{
    struct libscols_iter *columns = scols_new_iter(SCOLS_ITER_FORWARD);
    struct libscols_column *column = NULL;
    while (table->colours && scols_table_next_column(table->table, columns, &column) == 0)
        scols_cell_set_color(scols_column_get_header(column), tone_begin(TONE_FAINT));
    scols_free_iter(columns);
}

void table_print(Table *table)
{
    if (table_rows(table) == 0)
        return;
    print_header_tone(table);
    char *text = NULL;
    if (scols_print_table_to_string(table->table, &text) != 0)
        g_error("cannot print a table: out of memory");
    for (const char *line = text; *line != '\0';) {
        gsize length = strcspn(line, "\n");
        print_line(line, length);
        line += length + (line[length] == '\n');
    }
    free(text);
}
