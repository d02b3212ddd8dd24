/*
 * Implements tables with libsmartcols.
 *
 * How the columns share a terminal that is too narrow is decided here, so that text is cut with an
 * ellipsis and wrapped between words: first spare columns go, until the one that may be cut or
 * wrapped has room for something readable. The library prints into a string; what follows the last
 * visible character of a line is cut off.
 */
#include "cli/table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

enum { COLUMN_GAP = 2, READABLE_WIDTH = 16, LEAST_WIDTH = 8 };

struct Table {
    struct libscols_table *table;
    guint *flags;  /* ColumnFlags of each column */
    guint *widths; /* natural ones, when it is printed */
    guint columns;
    guint terminal_width; /* 0: a pipe */
    gboolean colours;
    gboolean unicode;
};

static void column_add(Table *table, const TableColumn *column)
{
    int flags = 0;
    if (column->flags & COLUMN_RIGHT)
        flags |= SCOLS_FL_RIGHT;
    if (column->flags & COLUMN_TREE)
        flags |= SCOLS_FL_TREE;
    if (column->flags & COLUMN_WRAP)
        flags |= SCOLS_FL_WRAP;
    struct libscols_column *added = scols_table_new_column(table->table, column->title, 0, flags);
    if (added == NULL)
        g_error("cannot add a column: out of memory");
    if (column->flags & COLUMN_WRAP) {
        scols_column_set_safechars(added, "\n");
        scols_column_set_wrapfunc(added, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
    }
}

Table *table_new(const Screen *screen, const TableColumn *columns, guint count)
{
    Table *table = g_new0(Table, 1);
    table->table = scols_new_table();
    if (table->table == NULL)
        g_error("cannot make a table: out of memory");
    table->colours = screen->colours;
    table->unicode = screen->unicode;
    table->columns = count;
    table->flags = g_new0(guint, count);
    table->widths = g_new0(guint, count);
    table->terminal_width = screen->output_is_terminal ? screen->width : 0;
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
    for (guint i = 0; i < count; i++) {
        table->flags[i] = columns[i].flags;
        column_add(table, &columns[i]);
    }
    return table;
}

void table_free(Table *table)
{
    if (table == NULL)
        return;
    scols_unref_table(table->table);
    g_free(table->flags);
    g_free(table->widths);
    g_free(table);
}

TableRow *table_add(Table *table, TableRow *parent)
{
    struct libscols_line *line = scols_table_new_line(table->table, (struct libscols_line *)parent);
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

/* --- sharing the width -------------------------------------------------------------------------
 */

static guint depth_of(const struct libscols_line *line)
{
    guint depth = 0;
    for (; (line = scols_line_get_parent(line)) != NULL;)
        depth++;
    return depth;
}

/* A branch takes two columns a level. */
static guint natural_width(const Table *table, struct libscols_line *line, guint column)
{
    const char *text = scols_cell_get_data(scols_line_get_cell(line, column));
    guint branches = table->flags[column] & COLUMN_TREE ? 2 * depth_of(line) : 0;
    return branches + (text != NULL ? text_width(text) : 0);
}

typedef void (*LineVisitor)(Table *table, struct libscols_line *line, guint column, guint width);

static void each_line(Table *table, guint column, LineVisitor visit, guint width)
{
    struct libscols_iter *lines = scols_new_iter(SCOLS_ITER_FORWARD);
    struct libscols_line *line = NULL;
    while (scols_table_next_line(table->table, lines, &line) == 0)
        visit(table, line, column, width);
    scols_free_iter(lines);
}

static void measure_line(Table *table, struct libscols_line *line, guint column,
                         guint width G_GNUC_UNUSED)
{
    table->widths[column] = MAX(table->widths[column], natural_width(table, line, column));
}

static guint total_width(const Table *table)
{
    guint total = 0;
    for (guint i = 0; i < table->columns; i++)
        total += table->widths[i] > 0 ? table->widths[i] + COLUMN_GAP : 0;
    return total > 0 ? total - COLUMN_GAP : 0;
}

/* The column that gives way, or table->columns where none does. */
static guint yielding_column(const Table *table)
{
    guint column = 0;
    while (column < table->columns && !(table->flags[column] & (COLUMN_TRIM | COLUMN_WRAP)))
        column++;
    return column;
}

/* What is missing beyond what the yielding column can give. */
static gboolean is_too_wide(const Table *table, guint yielding)
{
    guint total = total_width(table);
    if (yielding < table->columns)
        total -= table->widths[yielding] - MIN(table->widths[yielding], READABLE_WIDTH);
    return total > table->terminal_width;
}

static void drop_spares(Table *table, guint yielding)
{
    for (guint i = table->columns; i-- > 0 && is_too_wide(table, yielding);) {
        if (!(table->flags[i] & COLUMN_SPARE))
            continue;
        scols_column_set_flags(scols_table_get_column(table->table, i), SCOLS_FL_HIDDEN);
        table->widths[i] = 0;
    }
}

/* Breaks between words; a word that is longer than the line is broken where the line ends. */
static char *wrap_words(const char *text, guint width)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    GString *wrapped = g_string_new(NULL);
    guint at = 0;
    for (gsize i = 0; words[i] != NULL; i++) {
        guint length = text_width(words[i]);
        if (i > 0 && at + 1 + length > width) {
            g_string_append_c(wrapped, '\n');
            at = 0;
        } else if (i > 0) {
            g_string_append_c(wrapped, ' ');
            at++;
        }
        for (const char *from = words[i]; *from != '\0'; from = g_utf8_next_char(from)) {
            if (at == width) {
                g_string_append_c(wrapped, '\n');
                at = 0;
            }
            g_string_append_unichar(wrapped, g_utf8_get_char(from));
            at++;
        }
    }
    return g_string_free(wrapped, FALSE);
}

static void yield_in_line(Table *table, struct libscols_line *line, guint column, guint width)
{
    const char *text = scols_cell_get_data(scols_line_get_cell(line, column));
    if (text == NULL || text_width(text) <= width)
        return;
    g_autofree char *shorter = table->flags[column] & COLUMN_WRAP
                                   ? wrap_words(text, width)
                                   : text_to_width(text, width, table->unicode);
    scols_line_set_data(line, column, shorter);
}

static void fit(Table *table)
{
    guint yielding = yielding_column(table);
    for (guint i = 0; i < table->columns; i++) {
        struct libscols_column *column = scols_table_get_column(table->table, i);
        table->widths[i] = text_width(scols_cell_get_data(scols_column_get_header(column)));
        each_line(table, i, measure_line, 0);
    }
    drop_spares(table, yielding);
    guint total = total_width(table);
    if (yielding == table->columns || total <= table->terminal_width)
        return;
    guint others = total - table->widths[yielding];
    guint left = table->terminal_width > others ? table->terminal_width - others : 0;
    each_line(table, yielding, yield_in_line, MAX(left, LEAST_WIDTH));
}

/* --- printing ----------------------------------------------------------------------------------
 */

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
    if (table->terminal_width > 0)
        fit(table);
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
