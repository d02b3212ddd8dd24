/*
 * The commit: the one transaction after which an operation has happened.
 *
 *     catalog transaction (generation n+1)  ─▶  store's generation n+1  ─▶  inventory in memory  ─▶
 * listeners
 *
 * The catalog goes first: a crash in between leaves it ahead of the store, which is how a catalog
 * that has seen everything looks. A catalog *behind* its store is an old one (invariant 5): see
 * open.c.
 */
#include <string.h>

#include "engine/engine_private.h"

static void put_question(Engine *engine, GError *question)
{
    g_rw_lock_writer_lock(&engine->lock);
    g_clear_error(&engine->question);
    engine->question = question;
    g_rw_lock_writer_unlock(&engine->lock);
}

static void tell_listeners(Engine *engine, const Changes *changes)
{
    for (guint i = 0; i < changes->machines->len; i++) {
        const Machine *machine = g_ptr_array_index(changes->machines, i);
        engine_emit(engine, ENGINE_MACHINE_CHANGED, machine->id, NULL);
    }
    for (guint i = 0; i < changes->machines_removed->len; i++)
        engine_emit(engine, ENGINE_MACHINE_REMOVED, g_ptr_array_index(changes->machines_removed, i),
                    NULL);
    if (changes->layers->len || changes->layers_removed->len)
        engine_emit(engine, ENGINE_LAYERS_CHANGED, NULL, NULL);
}

/* The store must know of a commit before anything on disk follows it. */
static void raise_store(Engine *engine, guint64 generation)
{
    g_autoptr(GError) error = NULL;
    if (storage_raise_generation(engine->storage, generation, &error))
        return;
    GError *question = NULL;
    error_set(&question, UNDERPIN_ERROR_UNAVAILABLE,
              "make the store writable again: then it goes on where it stopped",
              "the store could not record the last commit: %s", error->message);
    put_question(engine, question);
    engine_emit(engine, ENGINE_HOST_CHANGED, NULL, question);
}

/* The one question that answers itself: the store's number could not be raised, and now it can. */
static gboolean is_about_the_number(const GError *question)
{
    return question && error_code(question) == UNDERPIN_ERROR_UNAVAILABLE;
}

void engine_raise_again(Engine *engine)
{
    g_mutex_lock(&engine->commit_lock);
    g_autoptr(GError) question = engine_question(engine);
    gboolean raised =
        is_about_the_number(question) &&
        storage_raise_generation(engine->storage, engine->inventory->generation, NULL);
    if (raised)
        put_question(engine, NULL);
    g_mutex_unlock(&engine->commit_lock);
    if (raised)
        engine_emit(engine, ENGINE_HOST_CHANGED, NULL, NULL);
}

static void follow_commit(Engine *engine, const Changes *changes, guint64 generation)
{
    raise_store(engine, generation);
    g_rw_lock_writer_lock(&engine->lock);
    inventory_apply(engine->inventory, changes, generation);
    g_rw_lock_writer_unlock(&engine->lock);
}

/* Under a question nothing is committed: each commit would make an old catalog look newer. */
static gboolean commit_locked(Engine *engine, const Changes *changes, GError **error)
{
    GError *question = engine_question(engine);
    if (question) {
        g_propagate_error(error, question);
        return FALSE;
    }
    guint64 generation = engine->inventory->generation + 1;
    if (!catalog_commit(engine->catalog, engine->inventory, changes, generation, error))
        return FALSE;
    follow_commit(engine, changes, generation);
    return TRUE;
}

gboolean engine_commit_rebuilt(Engine *engine, const Changes *changes, guint64 above,
                               GError **error)
{
    g_mutex_lock(&engine->commit_lock);
    guint64 generation = MAX(engine->inventory->generation, above) + 1;
    gboolean ok = catalog_commit(engine->catalog, engine->inventory, changes, generation, error);
    if (ok) {
        put_question(engine, NULL);
        follow_commit(engine, changes, generation);
    }
    g_mutex_unlock(&engine->commit_lock);
    if (ok)
        tell_listeners(engine, changes);
    return ok;
}

gboolean engine_commit(Engine *engine, const Changes *changes, GError **error)
{
    g_mutex_lock(&engine->commit_lock);
    gboolean ok = commit_locked(engine, changes, error);
    g_mutex_unlock(&engine->commit_lock);
    if (ok)
        tell_listeners(engine, changes);
    return ok;
}

/* --- records that were made from what was read a while ago
 * ----------------------------------------------------- */

/* Somebody else has moved the machine: what was planned for it holds no longer. */
static gboolean has_moved(const Machine *seen, const Machine *current)
{
    return seen->actual != current->actual || seen->desired != current->desired ||
           seen->actual_place != current->actual_place ||
           seen->desired_place != current->desired_place ||
           seen->last_number != current->last_number;
}

/* An event marks a generation by a new object in its place. */
static void merge_marks(Machine *next, const Machine *seen, const Machine *current)
{
    for (guint i = 0; i < current->generations->len; i++) {
        const Generation *now = g_ptr_array_index(current->generations, i);
        const Generation *then = machine_generation(seen, now->number);
        const Generation *mine = machine_generation(next, now->number);
        if (!mine || now == then || now->hibernated == mine->hibernated)
            continue;
        Generation *marked = generation_copy(mine);
        marked->hibernated = now->hibernated;
        machine_drop_generation(next, marked->number);
        machine_take_generation(next, marked);
    }
}

/* What events write without owning the machine is taken over where it is newer than what was read.
 */
static void merge_events(Machine *next, const Machine *seen, const Machine *current)
{
    if (seen->session != current->session) {
        next->session = current->session;
        next->session_started_at = current->session_started_at;
    }
    if (seen->start_after != current->start_after)
        next->start_after = current->start_after;
    if (strcmp(seen->name, current->name) != 0) {
        g_free(next->name);
        next->name = g_strdup(current->name);
    }
    merge_marks(next, seen, current);
}

/* Records that were added since, or are new, have nothing to be merged with. */
static gboolean merge_all(Engine *engine, Changes *changes, GHashTable *seen, GError **error)
{
    for (guint i = 0; i < changes->machines->len; i++) {
        Machine *next = g_ptr_array_index(changes->machines, i);
        const Machine *current = g_hash_table_lookup(engine->inventory->machines, next->id);
        const Machine *then = g_hash_table_lookup(seen, next->id);
        if (current == then)
            continue;
        if (!current || !then || has_moved(then, current))
            return error_set(error, UNDERPIN_ERROR_BUSY, "try again",
                             "'%s' was changed by something else meanwhile", next->name);
        merge_events(next, then, current);
    }
    return TRUE;
}

gboolean engine_commit_seen(Engine *engine, Changes *changes, GHashTable *seen, GError **error)
{
    g_mutex_lock(&engine->commit_lock);
    g_rw_lock_reader_lock(&engine->lock);
    gboolean ok = merge_all(engine, changes, seen, error);
    g_rw_lock_reader_unlock(&engine->lock);
    ok = ok && commit_locked(engine, changes, error);
    g_mutex_unlock(&engine->commit_lock);
    if (ok)
        tell_listeners(engine, changes);
    return ok;
}

gboolean engine_commit_one(Engine *engine, const Machine *seen, Machine *next, GError **error)
{
    g_autoptr(GHashTable) table = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Changes) changes = changes_new();
    g_hash_table_insert(table, seen->id, (gpointer)seen);
    changes_put_machine(changes, next);
    return engine_commit_seen(engine, changes, table, error);
}

gboolean engine_has_moved(Engine *engine, const Machine *seen)
{
    g_autoptr(Machine) current = engine_machine(engine, seen->id);
    return !current || has_moved(seen, current);
}

gboolean engine_update(Engine *engine, const char *machine_id,
                       void (*change)(Machine *machine, gpointer data), gpointer data,
                       GError **error)
{
    g_autoptr(Changes) changes = changes_new();
    g_mutex_lock(&engine->commit_lock);
    g_autoptr(Machine) current = engine_machine(engine, machine_id);
    g_autoptr(Machine) next = current ? machine_copy(current) : NULL;
    if (next) {
        change(next, data);
        changes_put_machine(changes, next);
    }
    gboolean ok = !next || commit_locked(engine, changes, error);
    g_mutex_unlock(&engine->commit_lock);
    if (ok)
        tell_listeners(engine, changes);
    return ok;
}

void engine_update_or_warn(Engine *engine, const char *machine_id,
                           void (*change)(Machine *machine, gpointer data), gpointer data)
{
    g_autoptr(GError) error = NULL;
    if (!engine_update(engine, machine_id, change, data, &error))
        g_warning("recording an event of machine %s: %s", machine_id, error->message);
}

gboolean engine_update_layer(Engine *engine, const char *layer_id,
                             void (*change)(Layer *layer, gpointer data), gpointer data,
                             GError **error)
{
    g_autoptr(Changes) changes = changes_new();
    g_mutex_lock(&engine->commit_lock);
    g_autoptr(Layer) current = engine_layer(engine, layer_id);
    g_autoptr(Layer) next = current ? layer_copy(current) : NULL;
    if (next) {
        change(next, data);
        changes_put_layer(changes, next);
    }
    gboolean ok = !next || commit_locked(engine, changes, error);
    g_mutex_unlock(&engine->commit_lock);
    if (ok)
        tell_listeners(engine, changes);
    return ok;
}
