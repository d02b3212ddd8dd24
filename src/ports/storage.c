/* The storage port's checked wrappers: preconditions, trace, and errors that name the operation and
 * the machine. */
#include "ports/storage_adapter.h"

#include <string.h>

#include "foundation/ids.h"
#include "ports/checked.h"

const char *layer_protection_name(LayerProtection protection)
{
    static const char *const names[LAYER_PROTECTION_COUNT] = {
        [LAYERS_UNPROTECTED] = "none",
        [LAYERS_IMMUTABLE] = "immutable files",
        [LAYERS_MOUNTED_READ_ONLY] = "read-only mount",
    };
    return names[protection];
}

void head_facts_clear(HeadFacts *facts)
{
    g_free(facts->backing);
    memset(facts, 0, sizeof *facts);
}

void machine_facts_clear(MachineFacts *facts)
{
    g_clear_pointer(&facts->entries, g_array_unref);
    g_free(facts->stamp);
    memset(facts, 0, sizeof *facts);
}

void image_facts_clear(ImageFacts *facts)
{
    g_free(facts->canonical_path);
    g_free(facts->format);
    g_free(facts->backing);
    g_free(facts->data_file);
    g_clear_error(&facts->chain_problem);
    memset(facts, 0, sizeof *facts);
}

void storage_free(Storage *storage)
{
    if (storage != NULL)
        storage->ops->free(storage);
}

static void trace(Storage *storage, const char *doing, const char *what)
{
    g_debug("storage %s: %s '%s'", storage->ops->name, doing, what);
}

/* The calls about one machine, layer or id that differ in the slot and in the words only. */
typedef gboolean (*MachineCall)(Storage *, const Machine *, GError **);
typedef gboolean (*LayerCall)(Storage *, const Layer *, GError **);
typedef gboolean (*IdCall)(Storage *, const char *, GError **);

static gboolean call_machine(Storage *storage, MachineCall call, const char *doing,
                             const Machine *machine, GError **error)
{
    GError *problem = NULL;
    trace(storage, doing, machine->name);
    return port_finish(call(storage, machine, &problem), &problem, error, "%s '%s'", doing,
                       machine->name);
}

static gboolean call_layer(Storage *storage, LayerCall call, const char *doing, const Layer *layer,
                           GError **error)
{
    GError *problem = NULL;
    trace(storage, doing, layer->id);
    return port_finish(call(storage, layer, &problem), &problem, error, "%s layer '%s'", doing,
                       layer->id);
}

static gboolean call_id(Storage *storage, IdCall call, const char *doing, const char *id,
                        GError **error)
{
    GError *problem = NULL;
    trace(storage, doing, id);
    return port_finish(call(storage, id, &problem), &problem, error, "%s '%s'", doing, id);
}

gboolean storage_status(Storage *storage, StoreStatus *status_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && status_out != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->status(storage, status_out, &problem), &problem, error,
                       "reading the store");
}

gboolean storage_raise_generation(Storage *storage, guint64 generation, GError **error)
{
    PORT_REQUIRE(storage != NULL, error, FALSE);
    GError *problem = NULL;
    g_debug("storage %s: generation %" G_GUINT64_FORMAT, storage->ops->name, generation);
    return port_finish(storage->ops->raise_generation(storage, generation, &problem), &problem,
                       error, "raising the store's generation to %" G_GUINT64_FORMAT, generation);
}

gboolean storage_head_facts(Storage *storage, const Machine *machine, guint64 generation,
                            const char *target, HeadFacts *facts_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && target != NULL && facts_out != NULL, error,
                 FALSE);
    GError *problem = NULL;
    return port_finish(
        storage->ops->head_facts(storage, machine, generation, target, facts_out, &problem),
        &problem, error, "looking at volume '%s' of '%s'", target, machine->name);
}

gboolean storage_head_status(Storage *storage, const Machine *machine, const char *target,
                             HeadFacts *facts_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && target != NULL && facts_out != NULL, error,
                 FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->head_status(storage, machine, target, facts_out, &problem),
                       &problem, error, "looking at volume '%s' of '%s'", target, machine->name);
}

gboolean storage_machine_facts(Storage *storage, const char *machine_id, MachineFacts *facts_out,
                               GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(machine_id) && facts_out != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->machine_facts(storage, machine_id, facts_out, &problem),
                       &problem, error, "looking at the directory of machine '%s'", machine_id);
}

gssize storage_read(Storage *storage, const Machine *machine, const char *target, guint64 offset,
                    void *buffer, gsize length, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && target != NULL, error, -1);
    PORT_REQUIRE(buffer != NULL || length == 0, error, -1);
    GError *problem = NULL;
    gssize got = storage->ops->read(storage, machine, target, offset, buffer, length, &problem);
    port_finish(got >= 0, &problem, error, "reading volume '%s' of '%s'", target, machine->name);
    return got;
}

gboolean storage_read_own(Storage *storage, const Machine *machine, const char *target,
                          const ReadRange *ranges, guint count, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && target != NULL && ranges != NULL, error,
                 FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->read_own(storage, machine, target, ranges, count, &problem),
                       &problem, error, "reading the image of volume '%s' of '%s'", target,
                       machine->name);
}

char *storage_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                           GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL, error, NULL);
    GError *problem = NULL;
    trace(storage, "digest of", layer->id);
    char *digest = storage->ops->layer_digest(storage, layer, cancellable, &problem);
    port_finish(digest != NULL, &problem, error, "computing the digest of layer '%s'", layer->id);
    return digest;
}

char *storage_volume_digest(Storage *storage, const Machine *machine, const char *target,
                            GCancellable *cancellable, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && target != NULL, error, NULL);
    GError *problem = NULL;
    trace(storage, "digest of a volume of", machine->name);
    char *digest = storage->ops->volume_digest(storage, machine, target, cancellable, &problem);
    port_finish(digest != NULL, &problem, error, "computing the digest of volume '%s' of '%s'",
                target, machine->name);
    return digest;
}

gboolean storage_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                             GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL && facts_out != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->layer_facts(storage, layer, facts_out, &problem), &problem,
                       error, "looking at layer '%s'", layer->id);
}

gboolean storage_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                            GError **error)
{
    PORT_REQUIRE(storage != NULL && volume != NULL && facts_out != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->kept_facts(storage, volume, facts_out, &problem), &problem,
                       error, "looking at kept volume '%s'", volume->id);
}

/* --- stage ------------------------------------------------------------------------------------ */

gboolean storage_stage(Storage *storage, const Machine *machine, const Generation *generation,
                       GCancellable *cancellable, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && generation != NULL, error, FALSE);
    PORT_REQUIRE(port_id_is_safe(machine->id) && generation->number > 0, error, FALSE);
    GError *problem = NULL;
    g_debug("storage %s: stage generation %" G_GUINT64_FORMAT " of '%s'", storage->ops->name,
            generation->number, machine->name);
    return port_finish(storage->ops->stage(storage, machine, generation, cancellable, &problem),
                       &problem, error, "staging '%s'", machine->name);
}

gboolean storage_abandon(Storage *storage, const char *machine_id, GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(machine_id), error, FALSE);
    return call_id(storage, storage->ops->abandon, "abandoning what was staged for machine",
                   machine_id, error);
}

gboolean storage_sync(Storage *storage, const char *const *machine_ids, GError **error)
{
    PORT_REQUIRE(storage != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->sync(storage, machine_ids, &problem), &problem, error,
                       "writing the store to disk");
}

/* --- settle ----------------------------------------------------------------------------------- */

gboolean storage_switch(Storage *storage, const Machine *machine, guint64 number,
                        SwitchResult *result_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && number > 0, error, FALSE);
    PORT_REQUIRE(port_id_is_safe(machine->id) && result_out != NULL, error, FALSE);
    GError *problem = NULL;
    g_debug("storage %s: switch '%s' to generation %" G_GUINT64_FORMAT, storage->ops->name,
            machine->name, number);
    return port_finish(storage->ops->switch_now(storage, machine, number, result_out, &problem),
                       &problem, error, "switching '%s'", machine->name);
}

gboolean storage_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                           gboolean *kept_out, guint64 *held_bytes_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && port_id_is_safe(machine->id), error, FALSE);
    PORT_REQUIRE(kept_out != NULL && held_bytes_out != NULL, error, FALSE);
    GError *problem = NULL;
    trace(storage, keep ? "put aside" : "discard the old heads of", machine->name);
    return port_finish(
        storage->ops->put_aside(storage, machine, keep, kept_out, held_bytes_out, &problem),
        &problem, error, "putting aside the old heads of '%s'", machine->name);
}

gboolean storage_seal(Storage *storage, const Machine *machine, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && port_id_is_safe(machine->set_id), error,
                 FALSE);
    return call_machine(storage, storage->ops->seal, "sealing", machine, error);
}

gboolean storage_protect(Storage *storage, const char *set_id, GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(set_id), error, FALSE);
    return call_id(storage, storage->ops->protect, "protecting layer set", set_id, error);
}

gboolean storage_unseal(Storage *storage, const Machine *machine, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && port_id_is_safe(machine->set_id), error,
                 FALSE);
    return call_machine(storage, storage->ops->unseal, "unsealing", machine, error);
}

/* Invariant 2: data heads leave a machine through the trash, when it is being removed, and at no
 * other time. */
gboolean storage_remove(Storage *storage, const Machine *machine, GPtrArray *kept, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && kept != NULL, error, FALSE);
    PORT_REQUIRE(port_id_is_safe(machine->id) && machine->desired_place == PLACE_GONE, error,
                 FALSE);
    GError *problem = NULL;
    trace(storage, "remove", machine->name);
    return port_finish(storage->ops->remove(storage, machine, kept, &problem), &problem, error,
                       "removing '%s'", machine->name);
}

gboolean storage_adopt_finish(Storage *storage, const Machine *machine, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL, error, FALSE);
    return call_machine(storage, storage->ops->adopt_finish, "finishing the import of", machine,
                        error);
}

gboolean storage_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                        GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL, error, FALSE);
    GError *problem = NULL;
    trace(storage, "export", machine->name);
    return port_finish(storage->ops->export_heads(storage, machine, cancellable, &problem),
                       &problem, error, "exporting '%s'", machine->name);
}

gboolean storage_export_abandon(Storage *storage, const Machine *machine, GError **error)
{
    g_autoptr(GError) problem = NULL;
    trace(storage, "export-abandon", machine->name);
    return port_finish(storage->ops->export_abandon(storage, machine, &problem), &problem, error,
                       "taking back the export of '%s'", machine->name);
}

gboolean storage_export_finish(Storage *storage, const Machine *machine, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL && machine->export_out, error, FALSE);
    return call_machine(storage, storage->ops->export_finish, "giving back the variables of",
                        machine, error);
}

gboolean storage_describe(Storage *storage, const Machine *machine, GError **error)
{
    PORT_REQUIRE(storage != NULL && machine != NULL, error, FALSE);
    return call_machine(storage, storage->ops->describe, "describing", machine, error);
}

gboolean storage_mark(Storage *storage, const char *machine_id, gboolean unsettled, GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(machine_id), error, FALSE);
    GError *problem = NULL;
    trace(storage, unsettled ? "mark as unsettled" : "mark as settled", machine_id);
    return port_finish(storage->ops->mark(storage, machine_id, unsettled, &problem), &problem,
                       error, "marking machine '%s'", machine_id);
}

gboolean storage_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                       GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(machine_id) && id_is_valid(stamp), error,
                 FALSE);
    GError *problem = NULL;
    trace(storage, sole ? "confirm the stamp" : "announce a stamp", machine_id);
    return port_finish(storage->ops->stamp(storage, machine_id, stamp, sole, &problem), &problem,
                       error, "stamping the session of machine '%s'", machine_id);
}

/* --- layers and reclaim ----------------------------------------------------------------------- */

gboolean storage_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                               GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL, error, FALSE);
    GError *problem = NULL;
    trace(storage, "flatten", layer->id);
    return port_finish(storage->ops->flatten_stage(storage, layer, cancellable, &problem), &problem,
                       error, "flattening layer '%s'", layer->id);
}

gboolean storage_flatten_switch(Storage *storage, const Layer *layer, GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL, error, FALSE);
    return call_layer(storage, storage->ops->flatten_switch, "replacing", layer, error);
}

gboolean storage_flatten_abandon(Storage *storage, const Layer *layer, GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL, error, FALSE);
    return call_layer(storage, storage->ops->flatten_abandon, "abandoning the flattening of", layer,
                      error);
}

/* Invariant 5: only what lies below the store's directories of undo entries, layers and kept
 * volumes. */
gboolean storage_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                         GError **error)
{
    PORT_REQUIRE(storage != NULL && item != NULL && freed_out != NULL, error, FALSE);
    PORT_REQUIRE(item->path != NULL && !g_path_is_absolute(item->path) &&
                     strstr(item->path, "..") == NULL,
                 error, FALSE);
    GError *problem = NULL;
    trace(storage, "reclaim", item->path);
    return port_finish(storage->ops->reclaim(storage, item, freed_out, &problem), &problem, error,
                       "reclaiming '%s'", item->path);
}

gboolean storage_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                        GError **error)
{
    PORT_REQUIRE(storage != NULL && surveyed != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->survey(storage, surveyed, user_data, &problem), &problem,
                       error, "looking over the machines of the store");
}

/* --- doctor ----------------------------------------------------------------------------------- */

gboolean storage_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error)
{
    PORT_REQUIRE(storage != NULL && found != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->scan(storage, found, user_data, &problem), &problem, error,
                       "scanning the store");
}

Machine *storage_describe_machine(Storage *storage, const char *machine_id, GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(machine_id), error, NULL);
    GError *problem = NULL;
    Machine *machine = storage->ops->describe_machine(storage, machine_id, &problem);
    port_finish(machine != NULL, &problem, error, "reading the description of machine '%s'",
                machine_id);
    return machine;
}

GPtrArray *storage_describe_set(Storage *storage, const char *set_id, GError **error)
{
    PORT_REQUIRE(storage != NULL && port_id_is_safe(set_id), error, NULL);
    GError *problem = NULL;
    GPtrArray *layers = storage->ops->describe_set(storage, set_id, &problem);
    port_finish(layers != NULL, &problem, error, "reading the description of layer set '%s'",
                set_id);
    return layers;
}

gboolean storage_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                             GError **error)
{
    PORT_REQUIRE(storage != NULL && layer != NULL && findings != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(storage->ops->check_layer(storage, layer, findings, &problem), &problem,
                       error, "checking layer '%s'", layer->id);
}

/* --- names ------------------------------------------------------------------------------------ */

char *storage_head_path(Storage *storage, const char *machine_id, const Volume *volume)
{
    g_return_val_if_fail(storage != NULL && port_id_is_safe(machine_id) && volume != NULL, NULL);
    return storage->ops->head_path(storage, machine_id, volume);
}

char *storage_nvram_path(Storage *storage, const char *machine_id)
{
    g_return_val_if_fail(storage != NULL && port_id_is_safe(machine_id), NULL);
    return storage->ops->nvram_path(storage, machine_id);
}

/* --- import ----------------------------------------------------------------------------------- */

gboolean storage_probe_image(Storage *storage, const char *path, const char *format,
                             ImageFacts *facts_out, GError **error)
{
    PORT_REQUIRE(storage != NULL && path != NULL && facts_out != NULL, error, FALSE);
    GError *problem = NULL;
    trace(storage, "probe", path);
    return port_finish(storage->ops->probe_image(storage, path, format, facts_out, &problem),
                       &problem, error, "checking image '%s'", path);
}

gboolean storage_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                    GError **error)
{
    PORT_REQUIRE(storage != NULL && path != NULL && by_out != NULL, error, FALSE);
    GError *problem = NULL;
    gboolean ok = storage->ops->find_user_of_image(storage, path, by_out, &problem);
    return port_finish(ok, &problem, error, "looking for images that use '%s'", path);
}

gboolean storage_is_file(Storage *storage, const char *path, guint64 device, guint64 inode)
{
    g_return_val_if_fail(storage != NULL && path != NULL, FALSE);
    return storage->ops->is_file(storage, path, device, inode);
}
