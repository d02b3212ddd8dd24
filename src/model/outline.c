/*
 * The storage outline, and the comparison that a rebase stands or falls with.
 *
 * Two outlines are equal when they list the same targets with the same roles in the same order. For
 * people the rows are aligned by target (the longest common run), so that one missing disk marks
 * one row and not all below it.
 */
#include "model/outline.h"

#include <string.h>

#include "foundation/error.h"

/* One row of the comparison; NULL on the side that has no such volume. */
typedef struct {
    const Volume *left, *right;
} Row;

/* The volumes that count: without those that a clone's owner added. Borrowed elements. */
static GPtrArray *outline_volumes(const Machine *machine)
{
    GPtrArray *volumes = g_ptr_array_new();
    for (guint i = 0; i < machine->volumes->len; i++) {
        Volume *volume = g_ptr_array_index(machine->volumes, i);
        if (!volume->own)
            g_ptr_array_add(volumes, volume);
    }
    return volumes;
}

static gboolean same_target(const GPtrArray *left, guint i, const GPtrArray *right, guint j)
{
    const Volume *a = g_ptr_array_index(left, i);
    const Volume *b = g_ptr_array_index(right, j);
    return g_str_equal(a->target, b->target);
}

/* lengths[i][j]: longest common run of targets of left from i on and right from j on. Caller frees.
 */
static guint *common_lengths(const GPtrArray *left, const GPtrArray *right)
{
    gsize width = right->len + 1;
    guint *lengths = g_new0(guint, (left->len + 1) * width);
    for (guint i = left->len; i > 0; i--)
        for (guint j = right->len; j > 0; j--) {
            guint *cell = &lengths[(i - 1) * width + (j - 1)];
            *cell = same_target(left, i - 1, right, j - 1) ? cell[width + 1] + 1
                                                           : MAX(cell[width], cell[1]);
        }
    return lengths;
}

/* Rows in order; a volume that only one side has stands alone in its row. */
static GArray *align(const GPtrArray *left, const GPtrArray *right)
{
    g_autofree guint *lengths = common_lengths(left, right);
    GArray *rows = g_array_new(FALSE, TRUE, sizeof(Row));
    gsize width = right->len + 1;
    guint i = 0, j = 0;
    while (i < left->len || j < right->len) {
        gboolean both = i < left->len && j < right->len;
        const guint *cell = &lengths[i * width + j];
        Row row = {NULL, NULL};
        if (both && same_target(left, i, right, j))
            row = (Row){g_ptr_array_index(left, i++), g_ptr_array_index(right, j++)};
        else if (j == right->len || (both && cell[width] >= cell[1]))
            row.left = g_ptr_array_index(left, i++);
        else
            row.right = g_ptr_array_index(right, j++);
        g_array_append_val(rows, row);
    }
    return rows;
}

static gboolean row_differs(const Row *row)
{
    return row->left == NULL || row->right == NULL || row->left->role != row->right->role;
}

static char *cell_text(const Volume *volume, gsize target_width)
{
    if (volume == NULL)
        return g_strdup("-");
    return g_strdup_printf("%-*s  %s", (int)target_width, volume->target, role_name(volume->role));
}

static gsize widest_target(const GArray *rows)
{
    gsize widest = 0;
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        if (row->left != NULL)
            widest = MAX(widest, strlen(row->left->target));
        if (row->right != NULL)
            widest = MAX(widest, strlen(row->right->target));
    }
    return widest;
}

static void append_row(GString *table, char mark, const char *left, gsize width, const char *right)
{
    g_string_append_printf(table, "%c %-*s   %s\n", mark, (int)width, left, right);
}

char *outline_table(const Machine *left, const Machine *right, gboolean *equal_out)
{
    g_autoptr(GPtrArray) left_volumes = outline_volumes(left);
    g_autoptr(GPtrArray) right_volumes = outline_volumes(right);
    g_autoptr(GArray) rows = align(left_volumes, right_volumes);
    gsize target_width = widest_target(rows);
    gsize width = MAX(strlen(left->name), target_width + strlen("  temporary"));
    GString *table = g_string_new(NULL);
    gboolean equal = TRUE;
    append_row(table, ' ', left->name, width, right->name);
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        g_autofree char *left_cell = cell_text(row->left, target_width);
        g_autofree char *right_cell = cell_text(row->right, target_width);
        append_row(table, row_differs(row) ? '*' : ' ', left_cell, width, right_cell);
        equal = equal && !row_differs(row);
    }
    if (equal_out != NULL)
        *equal_out = equal;
    return g_string_free(table, FALSE);
}

gboolean outline_check_equal(const Machine *old_base, const Machine *new_base, GError **error)
{
    gboolean equal;
    g_autofree char *table = outline_table(old_base, new_base, &equal);
    if (equal)
        return TRUE;
    g_autofree char *hint =
        g_strdup_printf("make the volumes of '%s' the same, in the same order (rows with * "
                        "differ):\n%s",
                        new_base->name, table);
    return error_set(error, UNDERPIN_ERROR_REFUSED, hint,
                     "the storage outlines of '%s' and '%s' differ", old_base->name,
                     new_base->name);
}

char *outline_to_text(const Machine *machine)
{
    g_autoptr(GPtrArray) volumes = outline_volumes(machine);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(volumes, i);
        g_string_append_printf(text, "%s%s %s", i == 0 ? "" : ", ", volume->target,
                               role_name(volume->role));
    }
    return g_string_free(text, FALSE);
}
