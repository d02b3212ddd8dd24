/*
 * Receipts: the cheap proof that data was kept. Inode, size and modification time of each data head
 * before and after a switch; equal means that the file was neither written nor replaced (invariant
 * 2). Where a request asks for them, digests of what the guest sees stand beside it.
 *
 * A digest is read without any lock, so that nobody waits for it but who has asked. It counts for
 * the file as it was: inode, size and time are the same before and after the reading, and in the
 * receipt; else it is left out.
 */
#include <jansson.h>

#include "engine/engine_private.h"

static json_t *receipt_row(const char *target, const HeadFacts *facts)
{
    return json_pack("{s:s, s:I, s:I, s:I}", "target", target, "inode", (json_int_t)facts->inode,
                     "size_bytes", (json_int_t)facts->size_bytes, "mtime_ns",
                     (json_int_t)facts->mtime_ns);
}

/* Detach, resize and a volume that is added change a data head by name: no receipt speaks of that
 * one. */
static gboolean is_to_be_kept(const Machine *machine, const Volume *volume)
{
    const Generation *desired = machine_desired(machine);
    const Head *head = desired ? generation_head(desired, volume->target) : NULL;
    return volume->role == ROLE_DATA && (!head || head->source == HEAD_KEEP);
}

json_t *receipt_take(Engine *engine, const Machine *machine)
{
    json_t *rows = json_array();
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_auto(HeadFacts) facts = {0};
        if (!is_to_be_kept(machine, volume))
            continue;
        if (storage_head_status(engine->storage, machine, volume->target, &facts, NULL) &&
            facts.exists)
            json_array_append_new(rows, receipt_row(volume->target, &facts));
    }
    return rows;
}

void receipt_leave(Engine *engine, const char *machine_id, char *receipt)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_hash_table_insert(engine->receipts, g_strdup(machine_id), receipt);
    g_rw_lock_writer_unlock(&engine->lock);
}

char *engine_take_receipt(Engine *engine, const char *machine_id)
{
    gpointer key = NULL;
    gpointer receipt = NULL;
    g_rw_lock_writer_lock(&engine->lock);
    g_hash_table_steal_extended(engine->receipts, machine_id, &key, &receipt);
    g_rw_lock_writer_unlock(&engine->lock);
    g_free(key);
    return receipt;
}

char *receipt_compare(const json_t *before, const json_t *after)
{
    json_t *receipt = json_pack("{s:o, s:b}", "data_kept", json_deep_copy(after), "proven",
                                json_equal(before, after));
    char *text = json_dumps(receipt, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(receipt);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

/* --- digests ---------------------------------------------------------------------------------- */

static json_t *receipt_row_now(Engine *engine, const Machine *machine, const char *target)
{
    g_auto(HeadFacts) facts = {0};
    gboolean found = storage_head_facts(engine->storage, machine, 0, target, &facts, NULL) &&
                     facts.exists && !facts.locked;
    return found ? receipt_row(target, &facts) : NULL;
}

/* NULL: it cannot be read, or was written to meanwhile. */
static json_t *digest_row(Engine *engine, const Machine *machine, const char *target,
                          GCancellable *cancellable)
{
    json_t *before = receipt_row_now(engine, machine, target);
    g_autofree char *digest =
        before ? storage_volume_digest(engine->storage, machine, target, cancellable, NULL) : NULL;
    json_t *row = digest ? receipt_row_now(engine, machine, target) : NULL;
    gboolean quiet = row && json_equal(before, row);
    json_decref(before);
    if (quiet)
        json_object_set_new(row, "digest", json_string(digest));
    else
        g_clear_pointer(&row, json_decref);
    return row;
}

json_t *receipt_digest(Engine *engine, const Machine *machine, GCancellable *cancellable)
{
    json_t *rows = json_array();
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        json_t *row = volume->role == ROLE_DATA
                          ? digest_row(engine, machine, volume->target, cancellable)
                          : NULL;
        if (row)
            json_array_append_new(rows, row);
    }
    return rows;
}

/* The digest in `rows` that is of the very file that the receipt's row names; NULL: none. */
static const char *digest_of(const json_t *rows, const json_t *row)
{
    size_t i;
    json_t *candidate;
    json_array_foreach(rows, i, candidate)
    {
        json_t *bare = json_copy(candidate);
        json_object_del(bare, "digest");
        gboolean same = json_equal(bare, row);
        json_decref(bare);
        if (same)
            return json_string_value(json_object_get(candidate, "digest"));
    }
    return NULL;
}

/* FALSE where both are there and differ. */
static gboolean add_digests(json_t *row, const json_t *before, const json_t *after)
{
    const char *then = digest_of(before, row);
    const char *now = digest_of(after, row);
    /* Only now: rows are compared as they came. */
    if (then)
        json_object_set_new(row, "digest_before", json_string(then));
    if (now)
        json_object_set_new(row, "digest_after", json_string(now));
    return !then || !now || g_str_equal(then, now);
}

char *receipt_add_digests(const char *text, const json_t *before, const json_t *after)
{
    json_t *receipt = json_loads(text, 0, NULL);
    gboolean equal = TRUE;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(receipt, "data_kept"), i, row)
    {
        equal = add_digests(row, before, after) && equal;
    }
    if (!equal)
        json_object_set_new(receipt, "proven", json_false());
    char *dumped = json_dumps(receipt, JSON_COMPACT | JSON_SORT_KEYS);
    char *copy = g_strdup(dumped);
    free(dumped);
    json_decref(receipt);
    return copy;
}

char *engine_digest_receipt(Engine *engine, const char *machine_id, const char *receipt,
                            GCancellable *cancellable)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine || machine->session)
        return NULL;
    json_t *after = receipt_digest(engine, machine, cancellable);
    char *text = json_array_size(after) ? receipt_add_digests(receipt, NULL, after) : NULL;
    json_decref(after);
    return text;
}
