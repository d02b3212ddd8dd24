/*
 * The store's number, raised durably with every commit of the catalog: STORE/generation.
 *
 *     slot 0   "    41 41\n"     each slot a block of its own, written by turns: a raise
 * overwrites slot 1   "    42 42\n"     the lower number in place, and one flush makes it durable
 *
 *   N1  The highest number of a whole slot counts. A slot says its number twice: one that was torn
 * by a power loss is no whole one, and the other still has the number before, which is what a crash
 * just before the raise leaves. N2  After a failed write or flush the kernel may have dropped the
 * page, and the next flush would lie: the file is given up, and the next raise makes a new one in
 * its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "storage/directory/store.h"

enum { SLOTS = 2, SLOT_BYTES = 4096, TEXT_BYTES = 48 };

static void format_slot(guint64 number, char text[TEXT_BYTES])
{
    g_snprintf(text, TEXT_BYTES, "%20" G_GUINT64_FORMAT " %20" G_GUINT64_FORMAT "\n", number,
               number);
}

/* N1. */
static gboolean read_slot(const char *slot, guint64 *number_out)
{
    guint64 number = 0;
    char expected[TEXT_BYTES];
    g_autofree char *text = g_strndup(slot, TEXT_BYTES - 1);
    if (sscanf(text, "%20" G_GUINT64_FORMAT, &number) != 1)
        return FALSE;
    format_slot(number, expected);
    *number_out = number;
    return g_str_equal(text, expected);
}

gboolean number_make(int root_fd, guint64 number, GError **error)
{
    char file[SLOTS * SLOT_BYTES] = {0};
    format_slot(number, file);
    return durable_file_replace(root_fd, NAME_NUMBER, file, sizeof file, MODE_RECORD, error);
}

static gboolean load_slots(int fd, guint64 *number_out)
{
    char file[SLOTS * SLOT_BYTES] = {0};
    gboolean whole = FALSE;
    gssize length = pread(fd, file, sizeof file, 0);
    for (guint i = 0; length == sizeof file && i < SLOTS; i++) {
        guint64 number = 0;
        if (!read_slot(file + i * SLOT_BYTES, &number))
            continue;
        *number_out = MAX(whole ? *number_out : 0, number);
        whole = TRUE;
    }
    return whole;
}

/* Version 0.1 had the number alone, as one line of text. */
static gboolean load_line(int fd, guint64 *number_out)
{
    char text[TEXT_BYTES] = {0};
    gssize length = pread(fd, text, sizeof text, 0);
    return length > 1 && length < (gssize)sizeof text && text[length - 1] == '\n' &&
           g_ascii_string_to_unsigned(g_strchomp(text), 10, 0, G_MAXUINT64, number_out, NULL);
}

gboolean number_open(int root_fd, int *fd_out, guint64 *number_out, GError **error)
{
    g_auto(Descriptor) fd = openat(root_fd, NAME_NUMBER, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the store's '%s'", NAME_NUMBER);
    if (load_line(fd, number_out))
        return number_make(root_fd, *number_out, error) &&
               number_open(root_fd, fd_out, number_out, error);
    if (!load_slots(fd, number_out))
        return error_set(error, UNDERPIN_ERROR_INVALID, "restore it from a backup of the store",
                         "the store's '%s' holds no number", NAME_NUMBER);
    *fd_out = descriptor_steal(&fd);
    return TRUE;
}

/* Numbers may leave some out: which slot is the lower one is looked up, not computed. */
static guint lower_slot(int fd)
{
    char file[SLOTS * SLOT_BYTES] = {0};
    guint64 numbers[SLOTS] = {0};
    if (pread(fd, file, sizeof file, 0) != sizeof file)
        return 0;
    for (guint i = 0; i < SLOTS; i++)
        if (!read_slot(file + i * SLOT_BYTES, &numbers[i]))
            return i;
    return numbers[0] <= numbers[1] ? 0 : 1;
}

static gboolean write_slot(int fd, guint64 number, GError **error)
{
    char text[TEXT_BYTES] = {0};
    format_slot(number, text);
    gsize length = strlen(text);
    off_t at = (off_t)(lower_slot(fd) * SLOT_BYTES);
    if (!fault_point(FAULT_FILE_WRITE, error))
        return FALSE;
    if (pwrite(fd, text, length, at) != (gssize)length)
        return error_set_errno(error, errno, "cannot write the store's '%s'", NAME_NUMBER);
    return durable_data_sync(fd, NAME_NUMBER, error);
}

/* A file that somebody has put another one in place of is not written any more. */
static gboolean is_in_place(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink > 0;
}

gboolean number_raise(int root_fd, int *fd, guint64 number, GError **error)
{
    guint64 written = 0;
    if (is_in_place(*fd)) {
        if (write_slot(*fd, number, error))
            return TRUE;
        descriptor_close(fd); /* N2 */
        return FALSE;
    }
    descriptor_close(fd);
    return number_make(root_fd, number, error) && number_open(root_fd, fd, &written, error);
}
