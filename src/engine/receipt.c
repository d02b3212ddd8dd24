/*
 * Receipts: the cheap proof that data was kept. Inode, size and modification time of each data head
 * before and after a switch; equal means that the file was neither written nor replaced (invariant
 * 2).
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
        if (storage_head_facts(engine->storage, machine, 0, volume->target, &facts, NULL) &&
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
