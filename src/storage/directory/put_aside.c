/*
 * Putting aside: after the switch the old generation, which lies in `next`, becomes the undo entry
 * undo-N.
 *
 *   P1  A head that the new generation kept has two names; only the one in `next` goes, and only
 * when the inode in `now` proves that it is the other name of the same file (invariant 2). P2  An
 * old data head that is no such link goes only where the generation in `now` says that it replaced
 * it by name, with a copy (resize, detach), and that copy is on disk. Anything else stops here: it
 * is a bug. P3  The switch is on disk before anything of the old generation goes. P4  Killed
 * anywhere, it is simply done again: undo-N appears by the last rename, and where the generation is
 *       dropped instead its record goes last.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* One machine's work. */
typedef struct {
    DirectoryStore *store;
    const Machine *machine;
    Descriptor machine_fd, now_fd, old_fd; /* old_fd: `next` */
    guint64 now, old;
    gboolean keep;
    guint heads_left;   /* heads that the entry keeps */
    guint64 held_bytes; /* what they occupy */
} PutAside;

static void put_aside_clear(PutAside *work)
{
    descriptor_close(&work->machine_fd);
    descriptor_close(&work->now_fd);
    descriptor_close(&work->old_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PutAside, put_aside_clear)

/* --- one head of the old generation ----------------------------------------------------------- */

typedef enum { OLD_LINK, OLD_TEMPORARY, OLD_REPLACED_DATA, OLD_SYSTEM, OLD_UNEXPLAINED } OldHead;

static gboolean was_replaced_by_name(const Generation *current, const char *target)
{
    const Head *head = generation_head(current, target);
    return head && (head->source == HEAD_COPY || head->source == HEAD_FLATTEN);
}

static OldHead classify(const Generation *current, const Head *head, gboolean is_link)
{
    static const OldHead by_role[] = {
        [ROLE_SYSTEM] = OLD_SYSTEM,
        [ROLE_TEMPORARY] = OLD_TEMPORARY,
        [ROLE_DATA] = OLD_UNEXPLAINED,
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(by_role) == ROLE_COUNT);
    if (is_link)
        return OLD_LINK;
    if (head->role == ROLE_DATA && was_replaced_by_name(current, head->target))
        return OLD_REPLACED_DATA;
    return by_role[head->role];
}

static gboolean keep_head(PutAside *work, const char *file, const struct stat *status,
                          GError **error)
{
    g_auto(Descriptor) fd = openat(work->old_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open '%s'", file);
    work->heads_left++;
    work->held_bytes += allocated_bytes(status);
    return file_normalise(fd, MODE_HEAD, file, error);
}

static gboolean refuse_data(const PutAside *work, const Head *head, GError **error)
{
    return error_set(
        error, UNDERPIN_ERROR_BUG, "nothing was removed; see 'underpin doctor'",
        "data volume '%s' of machine '%s' is not the file that it was before the switch",
        head->target, work->machine->name);
}

static gboolean find_in_now(const PutAside *work, const char *file, const struct stat *old,
                            gboolean *is_link_out, GError **error)
{
    struct stat current;
    gboolean found = FALSE;
    if (!entry_find(work->now_fd, file, &current, &found, error))
        return FALSE;
    *is_link_out = found && entry_is_same(old, &current);
    return TRUE;
}

static gboolean put_head_aside(PutAside *work, const Generation *current, const Head *head,
                               GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    struct stat status;
    gboolean found = FALSE, is_link = FALSE;
    if (!file || !entry_find(work->old_fd, file, &status, &found, error))
        return FALSE;
    if (!found)
        return TRUE;
    if (!find_in_now(work, file, &status, &is_link, error))
        return FALSE;
    OldHead kind = classify(current, head, is_link);
    if (kind == OLD_UNEXPLAINED)
        return refuse_data(work, head, error);
    if (kind == OLD_SYSTEM && work->keep)
        return keep_head(work, file, &status, error);
    return fault_point(FAULT_SWITCH_CLEAN, error) &&
           protected_unlink(work->store, work->old_fd, file, error);
}

/* --- the whole generation --------------------------------------------------------------------- */

static gboolean put_heads_aside(PutAside *work, GError **error)
{
    g_autoptr(Generation) owned_now = NULL;
    g_autoptr(Generation) owned_old = NULL;
    const Generation *current =
        generation_lookup(work->machine, work->now_fd, work->now, &owned_now, error);
    const Generation *old =
        current ? generation_lookup(work->machine, work->old_fd, work->old, &owned_old, error)
                : NULL;
    for (guint i = 0; old && i < old->heads->len; i++)
        if (!put_head_aside(work, current, g_ptr_array_index(old->heads, i), error))
            return FALSE;
    return old != NULL;
}

static gboolean normalise_nvram(const PutAside *work, GError **error)
{
    g_auto(Descriptor) fd = openat(work->old_fd, NAME_NVRAM, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || error_set_errno(error, errno, "cannot open '%s'", NAME_NVRAM);
    return file_normalise(fd, MODE_HEAD, NAME_NVRAM, error);
}

static gboolean make_entry(const PutAside *work, GError **error)
{
    g_autofree char *entry = entry_name(work->old);
    if (!normalise_nvram(work, error) || !fault_point(FAULT_SWITCH_PUT_ASIDE, error))
        return FALSE;
    return renameat(work->machine_fd, NAME_NEXT, work->machine_fd, entry) == 0 ||
           error_set_errno(error, errno, "cannot put the old generation aside as '%s'", entry);
}

/* P4: the record last. */
static gboolean drop_old(const PutAside *work, GError **error)
{
    return fault_point(FAULT_SWITCH_CLEAN, error) &&
           entry_unlink(work->old_fd, NAME_NVRAM, error) &&
           entry_unlink(work->old_fd, NAME_RECORD, error) &&
           entry_rmdir(work->machine_fd, NAME_NEXT, FALSE, error);
}

/* An empty `next` is what a killed drop_old() leaves. */
static gboolean finish_drop(const PutAside *work, GError **error)
{
    return work->old_fd < 0 || work->old != 0 ||
           entry_rmdir(work->machine_fd, NAME_NEXT, TRUE, error);
}

static gboolean put_old_aside(PutAside *work, GError **error)
{
    if (!switched_sync(work->store, work->machine->id, work->machine_fd, error) ||
        !put_heads_aside(work, error))
        return FALSE;
    unsynced_add(work->store, work->machine->id, UNSYNCED_SWITCHED);
    return work->keep && work->heads_left > 0 ? make_entry(work, error) : drop_old(work, error);
}

/* --- reporting -------------------------------------------------------------------------------- */

/* The entry that this switch made, when it was put aside before: by the catalog's number, else the
 * newest. */
static gboolean find_entry(const PutAside *work, guint64 *number_out, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(work->machine_fd, error);
    guint64 newest = 0;
    for (guint i = 0; names && i < names->len; i++) {
        guint64 number = 0;
        if (entry_number(g_ptr_array_index(names, i), &number) && number < work->now)
            newest = MAX(newest, number);
    }
    guint64 before = work->machine->actual;
    gboolean is_known = before != 0 && before < work->now;
    *number_out = is_known && before != newest ? 0 : newest;
    return names != NULL;
}

static gboolean measure_entry(PutAside *work, GError **error)
{
    guint64 number = 0;
    if (!find_entry(work, &number, error) || number == 0)
        return number != 0 || !error || !*error;
    g_autofree char *entry = entry_name(number);
    g_auto(Descriptor) fd = -1;
    if (!directory_require(work->machine_fd, entry, &fd, error))
        return FALSE;
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        g_autofree char *target = NULL, *format = NULL;
        struct stat status;
        gboolean found = FALSE;
        if (!head_file_split(g_ptr_array_index(names, i), &target, &format))
            continue;
        if (!entry_find(fd, g_ptr_array_index(names, i), &status, &found, error))
            return FALSE;
        work->heads_left += found;
        work->held_bytes += found ? allocated_bytes(&status) : 0;
    }
    return names != NULL;
}

/* --- the slots -------------------------------------------------------------------------------- */

static gboolean put_aside_open(PutAside *work, GError **error)
{
    if (!machine_directory_require(work->store, work->machine->id, &work->machine_fd, error) ||
        !aside_repair(work->machine_fd, error) ||
        !directory_require(work->machine_fd, NAME_NOW, &work->now_fd, error) ||
        !generation_number_at(work->now_fd, &work->now, error) ||
        !directory_find(work->machine_fd, NAME_NEXT, &work->old_fd, error) ||
        (work->old_fd >= 0 && !generation_number_at(work->old_fd, &work->old, error)))
        return FALSE;
    if (work->now == 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                         "the heads of machine '%s' have no record", work->machine->name);
    return work->old < work->now ||
           error_set(error, UNDERPIN_ERROR_BUG, NULL,
                     "'next' of machine '%s' is staged, not replaced", work->machine->name);
}

gboolean directory_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                             gboolean *kept_out, guint64 *held_bytes_out, GError **error)
{
    g_auto(PutAside) work = {.store = directory_store(storage),
                             .machine = machine,
                             .machine_fd = -1,
                             .now_fd = -1,
                             .old_fd = -1,
                             .keep = keep};
    if (!put_aside_open(&work, error))
        return FALSE;
    gboolean is_done = work.old == 0;
    if (!(is_done ? finish_drop(&work, error) && (!keep || measure_entry(&work, error))
                  : put_old_aside(&work, error)) ||
        !mark_remove(work.machine_fd, error))
        return FALSE;
    if (kept_out)
        *kept_out = keep && work.heads_left > 0;
    if (held_bytes_out)
        *held_bytes_out = keep ? work.held_bytes : 0;
    return TRUE;
}
