/*
 * Doctor: compares what catalog, store and libvirt say, explains each difference, and repairs what
 * is safe. Safe is what needs no guess: our own protection, our own leftovers, our own part of a
 * definition.
 */
#include "engine/engine_private.h"

void finding_free(Finding *finding)
{
    if (!finding)
        return;
    g_free(finding->id);
    g_free(finding->subject);
    g_free(finding->text);
    g_free(finding->remedy);
    g_free(finding);
}

void finding_add(GPtrArray *findings, const char *id, FindingLevel level, const char *subject,
                 const char *remedy, gboolean repairable, const char *format, ...)
{
    va_list arguments;
    Finding *finding = g_new0(Finding, 1);
    va_start(arguments, format);
    finding->text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    finding->id = g_strdup(id);
    finding->level = level;
    finding->subject = g_strdup(subject);
    finding->remedy = g_strdup(remedy);
    finding->repairable = repairable;
    g_ptr_array_add(findings, finding);
}

/* --- the installation
 * -------------------------------------------------------------------------------------- */

static void check_question(Engine *engine, GPtrArray *findings)
{
    g_autoptr(GError) question = engine_question(engine);
    if (question)
        finding_add(findings, "store-in-doubt", FINDING_ERROR, "store", error_hint(question), FALSE,
                    "%s", question->message);
}

static void check_host(Engine *engine, GPtrArray *findings)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean connected = engine->libvirt_connected;
    g_rw_lock_reader_unlock(&engine->lock);
    g_autoptr(GError) missed = NULL;
    if (!connected)
        finding_add(findings, "libvirt-away", FINDING_ERROR, "libvirt",
                    "start libvirtd ('systemctl start libvirtd')", FALSE,
                    "libvirt does not answer");
    else if (!engine_check_hook(engine, &missed))
        finding_add(findings, "hook-not-in-force", FINDING_ERROR, "hook", error_hint(missed), FALSE,
                    "%s", missed->message);
}

static void check_store(Engine *engine, GPtrArray *findings)
{
    StoreStatus store = {0};
    g_autoptr(GError) error = NULL;
    if (!storage_status(engine->storage, &store, &error)) {
        finding_add(findings, "store-away", FINDING_ERROR, "store",
                    "mount the store's file system, then restart underpind", FALSE, "%s",
                    error->message);
        return;
    }
    if (store.protection == LAYERS_UNPROTECTED)
        finding_add(findings, "layers-unprotected", FINDING_WARNING, "store",
                    "restart underpind as root and without a mount namespace of its own, or use a "
                    "file system with immutable files (ext4, XFS, btrfs)",
                    FALSE,
                    "layers are not protected against a QEMU that broke out: the file system has "
                    "no immutable flag, and no read-only mount is in force");
    if (!store.exchanges)
        finding_add(findings, "no-exchange", FINDING_INFO, "store",
                    "nothing to do; ext4, XFS and btrfs can exchange", FALSE,
                    "the file system cannot exchange directories: during a switch a machine's "
                    "disks are missing for a moment");
    if (store.free_bytes < engine->config.free_floor_bytes)
        finding_add(findings, "space-low", FINDING_WARNING, "store",
                    "remove what is not needed; 'underpin layers' explains", FALSE,
                    "the store has less free space than the floor: undo entries go early");
}

static void check_catalog(Engine *engine, GPtrArray *findings)
{
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    if (!catalog_check(engine->catalog, sentences, &error))
        g_ptr_array_add(sentences, g_strdup(error->message));
    for (guint i = 0; i < sentences->len; i++)
        finding_add(findings, "catalog-damaged", FINDING_ERROR, "catalog",
                    "put a backup back, or rebuild it: 'underpin doctor --rebuild'", FALSE, "%s",
                    (char *)g_ptr_array_index(sentences, i));
}

static void check_layers(Engine *engine, const Inventory *snapshot, GPtrArray *findings)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, snapshot->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        if (!storage_check_layer(engine->storage, layer, sentences, &error))
            g_ptr_array_add(sentences, g_strdup(error->message));
        for (guint i = 0; i < sentences->len; i++)
            finding_add(findings, "layer-differs", FINDING_ERROR, layer->set_id,
                        "'underpin doctor --repair' protects it again; a changed or missing layer "
                        "comes back from a backup only",
                        TRUE, "layer '%s' of '%s': %s", layer->id, layer->machine_name,
                        (char *)g_ptr_array_index(sentences, i));
        guint length = references_chain_length(snapshot, layer->id);
        if (length > engine->config.chain_limit)
            finding_add(findings, "chain-long", FINDING_INFO, layer->id,
                        "it is flattened in the background", FALSE,
                        "layer '%s' of '%s' is %u layers deep", layer->id, layer->machine_name,
                        length);
    }
}

static gint compare_findings(gconstpointer one, gconstpointer other)
{
    const Finding *left = *(Finding *const *)one;
    const Finding *right = *(Finding *const *)other;
    return left->level != right->level ? (int)right->level - (int)left->level
                                       : g_strcmp0(left->text, right->text);
}

GPtrArray *engine_doctor(Engine *engine, GError **error)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_autoptr(Inventory) snapshot = engine_snapshot(engine);
    check_question(engine, findings);
    check_host(engine, findings);
    check_store(engine, findings);
    check_catalog(engine, findings);
    check_layers(engine, snapshot, findings);
    doctor_check_machines(engine, snapshot, findings);
    doctor_check_domains(engine, snapshot, findings);
    if (!doctor_check_files(engine, snapshot, findings, error))
        return NULL;
    g_ptr_array_sort(findings, compare_findings);
    return g_steal_pointer(&findings);
}

/* --- repair
 * ------------------------------------------------------------------------------------------------
 */

static gboolean repair_layer(Engine *engine, const Finding *finding, GError **error)
{
    return storage_protect(engine->storage, finding->subject, error);
}

static gboolean repair_leftover(Engine *engine, const Finding *finding, GError **error)
{
    g_autoptr(Machine) machine = engine_find_machine(engine, finding->subject, error);
    if (!machine || !engine_occupy_briefly(engine, machine->id, "doctor repairs it", error))
        return FALSE;
    g_autoptr(Machine) current = engine_machine(engine, machine->id);
    gboolean ok = !current || machine_is_pending(current) ||
                  storage_abandon(engine->storage, machine->id, error);
    engine_vacate(engine, machine->id);
    return ok;
}

static gboolean repair_description(Engine *engine, const Finding *finding, GError **error)
{
    g_autoptr(Machine) machine = engine_find_machine(engine, finding->subject, error);
    return machine && storage_describe(engine->storage, machine, error);
}

static gboolean repair_definition(Engine *engine, const Finding *finding, GError **error)
{
    g_autoptr(Machine) machine = engine_find_machine(engine, finding->subject, error);
    if (!machine || !engine_occupy_briefly(engine, machine->id, "doctor repairs it", error))
        return FALSE;
    gboolean ok = settle_define(engine, machine, error);
    engine_vacate(engine, machine->id);
    return ok;
}

static void take_name(Machine *machine, gpointer data)
{
    g_free(machine->name);
    machine->name = g_strdup(data);
}

/* The store's description first: if only that has happened, doctor still sees the difference. */
static gboolean repair_name(Engine *engine, const Finding *finding, GError **error)
{
    g_autoptr(Machine) machine = engine_find_machine(engine, finding->subject, error);
    g_autoptr(DomainFacts) facts =
        machine ? hypervisor_inspect(engine->hypervisor, machine->uuid, error) : NULL;
    g_autoptr(Machine) renamed = facts ? machine_copy(machine) : NULL;
    if (!renamed)
        return FALSE;
    take_name(renamed, facts->state->name);
    return storage_describe(engine->storage, renamed, error) &&
           engine_update(engine, machine->id, take_name, facts->state->name, error);
}

static void drop_missing_entry(Machine *machine, gpointer data)
{
    GArray *present = data;
    for (guint i = machine->generations->len; i-- > 0;) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        gboolean found = !machine_is_entry(machine, generation);
        for (guint j = 0; !found && j < present->len; j++)
            found = g_array_index(present, guint64, j) == generation->number;
        if (!found)
            machine_drop_generation(machine, generation->number);
    }
}

static gboolean repair_entries(Engine *engine, const Finding *finding, GError **error)
{
    g_autoptr(Machine) machine = engine_find_machine(engine, finding->subject, error);
    g_auto(MachineFacts) facts = {0};
    return machine && storage_machine_facts(engine->storage, machine->id, &facts, error) &&
           engine_update(engine, machine->id, drop_missing_entry, facts.entries, error);
}

static const struct {
    const char *id;
    gboolean (*repair)(Engine *engine, const Finding *finding, GError **error);
} REPAIRS[] = {
    {"layer-differs", repair_layer},
    {"staged-leftover", repair_leftover},
    {"stored-chain", repair_definition},
    {"metadata-missing", repair_definition},
    {"domain-renamed", repair_name},
    {"entry-missing", repair_entries},
    {"description-missing", repair_description},
};

static gboolean repair_one(Engine *engine, const Finding *finding)
{
    for (gsize i = 0; i < G_N_ELEMENTS(REPAIRS); i++) {
        g_autoptr(GError) error = NULL;
        if (g_strcmp0(REPAIRS[i].id, finding->id) != 0)
            continue;
        if (REPAIRS[i].repair(engine, finding, &error))
            return TRUE;
        g_warning("repairing %s of '%s': %s", finding->id, finding->subject, error->message);
    }
    return FALSE;
}

GPtrArray *engine_repair(Engine *engine, GError **error)
{
    if (!engine_check_unquestioned(engine, error))
        return NULL;
    g_autoptr(GPtrArray) findings = engine_doctor(engine, error);
    if (!findings)
        return NULL;
    GPtrArray *repaired = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    for (guint i = 0; i < findings->len;) {
        Finding *finding = g_ptr_array_index(findings, i);
        if (finding->repairable && repair_one(engine, finding))
            g_ptr_array_add(repaired, g_ptr_array_steal_index(findings, i));
        else
            i++;
    }
    return repaired;
}
