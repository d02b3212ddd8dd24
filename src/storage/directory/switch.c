/*
 * The switch: one rename that brings all heads of a machine from `next` to `now` at once.
 *
 *          before                       after
 *     now   heads of N              now   heads of N+1
 *     next  heads of N+1    ──▶     next  heads of N, until put_aside.c makes undo-N of it
 *
 *   W1  The directory's names are exchanged in one step: at any instant each machine is entirely
 * before or entirely after (invariant 6). Without RENAME_EXCHANGE two renames do it, and between
 * them `now` is missing: a start fails rather than finds a mixture. W2  No head is switched that a
 * QEMU has open (invariant 4; claims are the first line, locks the second). W3  What is switched to
 * is whole and on disk, and the heads that it keeps are those that lie in `now` at this moment, by
 * inode. Otherwise it must be staged again (invariant 2).
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qcow2/header.h"

/* --- the renames ------------------------------------------------------------------------------ */

static gboolean rename_inside(int machine_fd, const char *from, const char *to, GError **error)
{
    return renameat2(machine_fd, from, machine_fd, to, RENAME_NOREPLACE) == 0 ||
           /* NFS has no flags at all; the caller has seen that `to` is free. */
           (errno == EINVAL && renameat(machine_fd, from, machine_fd, to) == 0) ||
           error_set_errno(error, errno, "cannot rename '%s' to '%s'", from, to);
}

gboolean aside_repair(int machine_fd, GError **error)
{
    gboolean aside = FALSE, now = FALSE;
    if (!entry_find(machine_fd, NAME_ASIDE, NULL, &aside, error))
        return FALSE;
    if (!aside)
        return TRUE;
    if (!entry_find(machine_fd, NAME_NOW, NULL, &now, error))
        return FALSE;
    return rename_inside(machine_fd, NAME_ASIDE, now ? NAME_NEXT : NAME_NOW, error);
}

gboolean exchange_probe(int directory_fd)
{
    static const char one[] = ".probe-one", other[] = ".probe-other";
    gboolean works = mkdirat(directory_fd, one, 0700) == 0 &&
                     mkdirat(directory_fd, other, 0700) == 0 &&
                     renameat2(directory_fd, one, directory_fd, other, RENAME_EXCHANGE) == 0;
    unlinkat(directory_fd, one, AT_REMOVEDIR);
    unlinkat(directory_fd, other, AT_REMOVEDIR);
    return works;
}

/* W1. */
static gboolean exchange(const DirectoryStore *store, int machine_fd, gboolean has_now,
                         GError **error)
{
    if (!fault_point(FAULT_SWITCH_EXCHANGE, error))
        return FALSE;
    if (!has_now)
        return rename_inside(machine_fd, NAME_NEXT, NAME_NOW, error);
    if (store->exchanges)
        return renameat2(machine_fd, NAME_NEXT, machine_fd, NAME_NOW, RENAME_EXCHANGE) == 0 ||
               error_set_errno(error, errno, "cannot exchange 'next' and 'now'");
    return rename_inside(machine_fd, NAME_NOW, NAME_ASIDE, error) &&
           fault_point(FAULT_SWITCH_EXCHANGE, error) &&
           rename_inside(machine_fd, NAME_NEXT, NAME_NOW, error) &&
           fault_point(FAULT_SWITCH_EXCHANGE, error) &&
           rename_inside(machine_fd, NAME_ASIDE, NAME_NEXT, error);
}

/* --- looking before --------------------------------------------------------------------------- */

/* One machine's switch. */
typedef struct {
    DirectoryStore *store;
    const Machine *machine;
    guint64 number; /* of the generation that is to be in `now` */
    Descriptor machine_fd, now_fd, next_fd;
    guint64 now, next; /* what lies there; 0: nothing whole */
} Switch;

static void switch_clear(Switch *work)
{
    descriptor_close(&work->machine_fd);
    descriptor_close(&work->now_fd);
    descriptor_close(&work->next_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Switch, switch_clear)

static gboolean switch_open(Switch *work, GError **error)
{
    return machine_directory_require(work->store, work->machine->id, &work->machine_fd, error) &&
           directory_find(work->machine_fd, NAME_NOW, &work->now_fd, error) &&
           directory_find(work->machine_fd, NAME_NEXT, &work->next_fd, error) &&
           (work->now_fd < 0 || generation_number_at(work->now_fd, &work->now, error)) &&
           (work->next_fd < 0 || generation_number_at(work->next_fd, &work->next, error));
}

/* A cut switch without exchange goes on: the new generation waits in `next`, the old one aside. */
static gboolean switch_resume(Switch *work, GError **error)
{
    gboolean aside = FALSE;
    if (work->store->exchanges || !entry_find(work->machine_fd, NAME_ASIDE, NULL, &aside, error))
        return work->store->exchanges;
    if (!aside)
        return TRUE;
    if (work->now_fd < 0 && work->next == work->number &&
        !rename_inside(work->machine_fd, NAME_NEXT, NAME_NOW, error))
        return FALSE;
    if (!aside_repair(work->machine_fd, error))
        return FALSE;
    switch_clear(work);
    return switch_open(work, error);
}

static gboolean stage_again(const Switch *work, const char *why, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "ask for it again",
                     "generation %" G_GUINT64_FORMAT " of machine '%s' must be staged again: %s",
                     work->number, work->machine->name, why);
}

/* W3 for one head. */
static gboolean check_staged_head(const Switch *work, const Head *head, GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    struct stat staged, current;
    gboolean found = FALSE, is_same = TRUE;
    if (!file || !entry_find(work->next_fd, file, &staged, &found, error))
        return FALSE;
    if (!found)
        return stage_again(work, "a head is missing", error);
    if (head->source == HEAD_KEEP && work->now_fd >= 0) {
        if (!entry_find(work->now_fd, file, &current, &found, error))
            return FALSE;
        is_same = found && entry_is_same(&staged, &current);
    }
    return is_same || stage_again(work, "a head that it keeps was replaced meanwhile", error);
}

static gboolean check_staged(const Switch *work, const Generation *generation, GError **error)
{
    for (guint i = 0; i < generation->heads->len; i++)
        if (!check_staged_head(work, g_ptr_array_index(generation->heads, i), error))
            return FALSE;
    return TRUE;
}

/* A guest may have written its variables between staging and switch: the copy in `next` is made
 * anew. */
static gboolean refresh_nvram(const Switch *work, const Generation *generation, GError **error)
{
    if (generation->nvram != NVRAM_KEEP || work->now_fd < 0 ||
        file_is_equal(work->now_fd, NAME_NVRAM, work->next_fd, NAME_NVRAM))
        return TRUE;
    Staging staging = {work->store,  work->machine, generation, work->machine_fd,
                       work->now_fd, work->next_fd, NULL};
    if (!nvram_stage(&staging, error))
        return FALSE;
    unsynced_add(work->store, work->machine->id, UNSYNCED_STAGED);
    return TRUE;
}

/* W2 for the old heads, and whether any system head among them was ever written. A missing one is
 * neither. */
static gboolean look_at_old_head(const Switch *work, int directory_fd, const Head *head,
                                 gboolean *written, GError **error)
{
    g_autofree char *file = head_file_name(head->target, head->format, error);
    gboolean locked = FALSE;
    if (!file)
        return FALSE;
    g_auto(Descriptor) fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || error_set_errno(error, errno, "cannot open volume '%s' of '%s'",
                                                  head->target, work->machine->name);
    if (!image_is_locked(fd, file, &locked, error))
        return FALSE;
    if (locked)
        return error_set(error, UNDERPIN_ERROR_BUSY,
                         "stop the guest, or the program that has it open (see 'fuser')",
                         "volume '%s' of machine '%s' is open in a QEMU", head->target,
                         work->machine->name);
    if (head->role != ROLE_SYSTEM || *written)
        return TRUE;
    return image_is_written(fd, head->format, file, written, error);
}

static gboolean look_at_old(const Switch *work, int directory_fd, guint64 number,
                            gboolean *written_out, GError **error)
{
    g_autoptr(Generation) owned = NULL;
    const Generation *old = generation_lookup(work->machine, directory_fd, number, &owned, error);
    for (guint i = 0; old && i < old->heads->len; i++)
        if (!look_at_old_head(work, directory_fd, g_ptr_array_index(old->heads, i), written_out,
                              error))
            return FALSE;
    return old != NULL;
}

/* --- the slot --------------------------------------------------------------------------------- */

static gboolean report_in_place(const Switch *work, SwitchResult *result, GError **error)
{
    gboolean is_old = work->next != 0 && work->next < work->now;
    *result = (SwitchResult){.switched = FALSE, .old = is_old ? work->next : 0};
    return !is_old || look_at_old(work, work->next_fd, work->next, &result->old_written, error);
}

static gboolean switch_now(const Switch *work, SwitchResult *result, GError **error)
{
    g_autoptr(Generation) owned = NULL;
    *result = (SwitchResult){.switched = TRUE, .old = work->now};
    if (work->next != work->number)
        return stage_again(work, "it is not there", error);
    const Generation *staged =
        generation_lookup(work->machine, work->next_fd, work->number, &owned, error);
    if (!staged ||
        (work->now && !look_at_old(work, work->now_fd, work->now, &result->old_written, error)))
        return FALSE;
    if (!check_staged(work, staged, error) || !refresh_nvram(work, staged, error) ||
        !staged_sync(work->store, work->machine->id, work->machine_fd, error) ||
        !exchange(work->store, work->machine_fd, work->now_fd >= 0, error))
        return FALSE;
    unsynced_add(work->store, work->machine->id, UNSYNCED_SWITCHED);
    return TRUE;
}

gboolean directory_switch(Storage *storage, const Machine *machine, guint64 number,
                          SwitchResult *result_out, GError **error)
{
    g_auto(Switch) work = {.store = directory_store(storage),
                           .machine = machine,
                           .number = number,
                           .machine_fd = -1,
                           .now_fd = -1,
                           .next_fd = -1};
    SwitchResult result = {0};
    if (!switch_open(&work, error) || !switch_resume(&work, error))
        return FALSE;
    gboolean ok = work.now == number ? report_in_place(&work, &result, error)
                                     : switch_now(&work, &result, error);
    if (ok)
        *result_out = result;
    return ok;
}
