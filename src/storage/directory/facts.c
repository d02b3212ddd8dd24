/* What lies on disk: facts about heads, layers and a machine's directory. Never opens for writing.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "qcow2/header.h"

gboolean image_is_written(int fd, const char *format, const char *name, gboolean *written_out,
                          GError **error)
{
    g_auto(Qcow2Header) header = {0};
    gboolean unwritten = FALSE;
    if (strcmp(format, "qcow2") != 0) {
        *written_out = TRUE; /* a raw image cannot tell */
        return TRUE;
    }
    if (!qcow2_header_read(fd, name, &header, error) ||
        !qcow2_is_unwritten(fd, &header, &unwritten, error))
        return FALSE;
    *written_out = !unwritten;
    return TRUE;
}

/* --- one image -------------------------------------------------------------------------------- */

static void facts_from_status(HeadFacts *facts, const struct stat *status)
{
    facts->exists = TRUE;
    facts->inode = status->st_ino;
    facts->device = status->st_dev;
    facts->size_bytes = (guint64)status->st_size;
    facts->allocated_bytes = allocated_bytes(status);
    facts->mtime_ns =
        (gint64)status->st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) + status->st_mtim.tv_nsec;
    facts->link_count = (guint32)status->st_nlink;
}

/* A raw image cannot tell more. */
static void facts_from_raw(HeadFacts *facts)
{
    facts->capacity_bytes = facts->size_bytes;
    facts->written = TRUE;
}

static gboolean facts_from_header(HeadFacts *facts, int fd, const char *file, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    gboolean unwritten = FALSE;
    if (!qcow2_header_read(fd, file, &header, error) ||
        !qcow2_is_unwritten(fd, &header, &unwritten, error))
        return FALSE;
    facts->written = !unwritten;
    facts->capacity_bytes = header.capacity_bytes;
    facts->dirty = header.is_dirty;
    facts->has_bitmaps = header.bitmap_count > 0;
    facts->has_snapshots = header.snapshot_count > 0;
    facts->is_ours = header.identity != NULL;
    facts->backing = g_steal_pointer(&header.backing_file);
    return TRUE;
}

gboolean head_facts_read(int directory_fd, const char *file, const char *format,
                         HeadFacts *facts_out, GError **error)
{
    g_auto(HeadFacts) facts = {0};
    struct stat status;
    g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot open '%s'", file);
    if (fd >= 0 && fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at '%s'", file);
    if (fd >= 0) {
        facts_from_status(&facts, &status);
        facts_from_raw(&facts);
        if (!image_is_locked(fd, file, &facts.locked, error) ||
            (strcmp(format, "qcow2") == 0 && !facts_from_header(&facts, fd, file, error)))
            return FALSE;
    }
    *facts_out = facts;
    facts = (HeadFacts){0};
    return TRUE;
}

/* --- a machine's head by generation ----------------------------------------------------------- */

static gboolean holds_generation(int machine_fd, const char *name, guint64 wanted, int *fd_out,
                                 GError **error)
{
    g_auto(Descriptor) fd = -1;
    guint64 number = 0;
    if (!directory_find(machine_fd, name, &fd, error) ||
        (fd >= 0 && !generation_number_at(fd, &number, error)))
        return FALSE;
    if (fd >= 0 && number == wanted)
        *fd_out = descriptor_steal(&fd);
    return TRUE;
}

/* -1: the generation lies nowhere. */
static gboolean find_generation(int machine_fd, guint64 number, int *fd_out, GError **error)
{
    if (number == 0)
        return directory_find(machine_fd, NAME_NOW, fd_out, error);
    g_autofree char *entry = entry_name(number);
    const char *const places[] = {NAME_NOW, NAME_NEXT, entry, NAME_ASIDE};
    for (gsize i = 0; i < G_N_ELEMENTS(places) && *fd_out < 0; i++)
        if (!holds_generation(machine_fd, places[i], number, fd_out, error))
            return FALSE;
    return TRUE;
}

static const char *format_of(const Machine *machine, guint64 generation, const char *target)
{
    const Generation *known = generation ? machine_generation(machine, generation) : NULL;
    const Head *head = known ? generation_head(known, target) : NULL;
    const Volume *volume = machine_volume(machine, target);
    return head ? head->format : volume ? volume->format : NULL;
}

static gboolean no_volume(const Machine *machine, const char *target, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "machine '%s' has no volume '%s'",
                     machine->name, target);
}

gboolean directory_head_facts(Storage *storage, const Machine *machine, guint64 generation,
                              const char *target, HeadFacts *facts_out, GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) fd = -1;
    const char *format = format_of(machine, generation, target);
    if (!format)
        return no_volume(machine, target, error);
    g_autofree char *file = head_file_name(target, format, error);
    if (!file ||
        !machine_directory_find(directory_store(storage), machine->id, &machine_fd, error) ||
        (machine_fd >= 0 && !find_generation(machine_fd, generation, &fd, error)))
        return FALSE;
    if (fd >= 0)
        return head_facts_read(fd, file, format, facts_out, error);
    *facts_out = (HeadFacts){0};
    return TRUE;
}

gboolean directory_head_status(Storage *storage, const Machine *machine, const char *target,
                               HeadFacts *facts_out, GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) fd = -1;
    struct stat status;
    gboolean found = FALSE;
    HeadFacts facts = {0};
    const char *format = format_of(machine, 0, target);
    if (!format)
        return no_volume(machine, target, error);
    g_autofree char *file = head_file_name(target, format, error);
    if (!file ||
        !machine_directory_find(directory_store(storage), machine->id, &machine_fd, error) ||
        (machine_fd >= 0 && !directory_find(machine_fd, NAME_NOW, &fd, error)) ||
        (fd >= 0 && !entry_find(fd, file, &status, &found, error)))
        return FALSE;
    if (found)
        facts_from_status(&facts, &status);
    *facts_out = facts;
    return TRUE;
}

gboolean directory_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                               GError **error)
{
    g_auto(Descriptor) fd = -1;
    LayerName name;
    if (!layer_name_from_id(layer->id, layer->format, &name, error) ||
        !sealed_directory_require(directory_store(storage), name.set_id, &fd, error))
        return FALSE;
    g_autofree char *file = layer_name_file(&name);
    return head_facts_read(fd, file, layer->format, facts_out, error);
}

gboolean directory_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                              GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_autofree char *kept_id = NULL, *file = NULL;
    g_auto(Descriptor) kept_fd = -1;
    g_auto(Descriptor) fd = -1;
    if (!kept_path_split(volume->path, &kept_id, &file))
        return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                         "'%s' is not a kept volume", volume->path);
    if (!directory_find(store->trash_fd, kept_id, &kept_fd, error) ||
        (kept_fd >= 0 && !directory_find(kept_fd, NAME_DATA, &fd, error)))
        return FALSE;
    if (fd >= 0)
        return head_facts_read(fd, file, volume->format, facts_out, error);
    *facts_out = (HeadFacts){0};
    return TRUE;
}

/* --- a machine's directory -------------------------------------------------------------------- */

static gint compare_numbers(gconstpointer one, gconstpointer other)
{
    guint64 left = *(const guint64 *)one, right = *(const guint64 *)other;
    return (left > right) - (left < right);
}

/* *leftover_out: a description was being written when its writer was killed. */
static gboolean read_names(int machine_fd, MachineFacts *facts, gboolean *leftover_out,
                           GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(machine_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        guint64 number = 0;
        if (entry_number(name, &number))
            g_array_append_val(facts->entries, number);
        facts->described = facts->described || strcmp(name, NAME_MACHINE) == 0;
        facts->marked = facts->marked || strcmp(name, NAME_MARK) == 0;
        *leftover_out = *leftover_out || strcmp(name, NAME_MACHINE_TEMPORARY) == 0;
    }
    g_array_sort(facts->entries, compare_numbers);
    return names != NULL;
}

gboolean directory_machine_facts(Storage *storage, const char *machine_id, MachineFacts *facts_out,
                                 GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    g_auto(MachineFacts) facts = {.entries = g_array_new(FALSE, FALSE, sizeof(guint64))};
    if (!machine_directory_find(directory_store(storage), machine_id, &machine_fd, error))
        return FALSE;
    facts.exists = machine_fd >= 0;
    gboolean leftover = FALSE;
    if (facts.exists &&
        (!read_names(machine_fd, &facts, &leftover, error) ||
         (facts.marked && !mark_read(machine_fd, &facts, error)) ||
         !generation_number_read(machine_fd, NAME_NOW, &facts.now, NULL, error) ||
         /* A switch cut between two renames: nothing is switched yet. */
         (!facts.now && !generation_number_read(machine_fd, NAME_ASIDE, &facts.now, NULL, error)) ||
         !generation_number_read(machine_fd, NAME_NEXT, &facts.next, &facts.next_broken, error)))
        return FALSE;
    facts.next_broken = facts.next_broken || leftover;
    *facts_out = facts;
    facts = (MachineFacts){0};
    return TRUE;
}
