/*
 * The mark `unsettled`: "GENERATION [STAMP [sole]]". The hook makes it anew when a session begins
 * (src/hook/store.c), settling removes it, and the daemon writes the session's stamp into it.
 *
 * A stamp is confirmed by bytes behind the announced one, in the very file that announces it: where
 * the mark was removed and made anew meanwhile, they go to a file that has no name any more.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/fault_point.h"
#include "foundation/ids.h"

#define MARK_BYTES 64
#define SOLE       "sole"

gboolean mark_remove(int machine_fd, GError **error)
{
    return fault_point(FAULT_MARK_REMOVE, error) && entry_unlink(machine_fd, NAME_MARK, error);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A mark that says less than a whole stamp has none. */
static void parse(const char *text, MachineFacts *facts)
{
    g_autofree char *line = g_strndup(text, strcspn(text, "\n"));
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    guint count = g_strv_length(words);
    guint64 generation = 0;
    if (count < 1 || !g_ascii_string_to_unsigned(words[0], 10, 1, G_MAXUINT64, &generation, NULL))
        return;
    facts->marked_generation = generation;
    if (count < 2 || !id_is_valid(words[1]))
        return;
    facts->stamp = g_strdup(words[1]);
    facts->stamp_is_sole = count == 3 && strcmp(words[2], SOLE) == 0;
}

gboolean mark_read(int machine_fd, MachineFacts *facts, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = file_read_bounded(machine_fd, NAME_MARK, MARK_BYTES, NULL, &problem);
    if (text)
        parse(text, facts);
    else if (error_code(problem) != UNDERPIN_ERROR_NOT_FOUND) /* settled while we looked */
        return g_propagate_error(error, g_steal_pointer(&problem)), FALSE;
    return TRUE;
}

/* --- writing ---------------------------------------------------------------------------------- */

static gboolean write_mark(int fd, const char *text, GError **error)
{
    gsize length = strlen(text);
    return fault_point(FAULT_MARK_WRITE, error) &&
           ((pwrite(fd, text, length, 0) == (gssize)length && ftruncate(fd, (off_t)length) == 0) ||
            error_set_errno(error, errno, "cannot write '%s'", NAME_MARK));
}

static gboolean make_mark(int machine_fd, GError **error)
{
    guint64 generation = 0;
    if (!generation_number_read(machine_fd, NAME_NOW, &generation, NULL, error))
        return FALSE;
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", generation);
    g_auto(Descriptor) fd =
        openat(machine_fd, NAME_MARK, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE_RECORD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot make '%s'", NAME_MARK);
    return write_mark(fd, text, error);
}

gboolean directory_mark(Storage *storage, const char *machine_id, gboolean unsettled,
                        GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    if (!machine_directory_require(store, machine_id, &machine_fd, error))
        return FALSE;
    unsynced_add(store, machine_id, UNSYNCED_SWITCHED);
    return unsettled ? make_mark(machine_fd, error) : mark_remove(machine_fd, error);
}

static gboolean announce(int fd, const MachineFacts *facts, const char *stamp, GError **error)
{
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT " %s\n", facts->marked_generation, stamp);
    return write_mark(fd, text, error);
}

static gboolean confirm(int fd, const MachineFacts *facts, const char *stamp, GError **error)
{
    if (g_strcmp0(facts->stamp, stamp) != 0)
        return error_set(error, UNDERPIN_ERROR_BUSY, NULL, "another session has begun");
    g_autofree char *text =
        g_strdup_printf("%" G_GUINT64_FORMAT " %s " SOLE "\n", facts->marked_generation, stamp);
    return write_mark(fd, text, error) && durable_file_sync(fd, NAME_MARK, error);
}

static gboolean read_open(int fd, MachineFacts *facts, GError **error)
{
    char text[MARK_BYTES] = "";
    if (pread(fd, text, sizeof text - 1, 0) < 0)
        return error_set_errno(error, errno, "cannot read '%s'", NAME_MARK);
    parse(text, facts);
    return facts->marked_generation ||
           error_set(error, UNDERPIN_ERROR_BUSY, NULL, "the mark names no generation");
}

gboolean directory_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                         GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    g_auto(MachineFacts) facts = {0};
    if (!machine_directory_require(directory_store(storage), machine_id, &machine_fd, error))
        return FALSE;
    g_auto(Descriptor) fd = openat(machine_fd, NAME_MARK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open '%s'", NAME_MARK);
    return read_open(fd, &facts, error) &&
           (sole ? confirm(fd, &facts, stamp, error) : announce(fd, &facts, stamp, error));
}
