/* Doctor's look at machines (catalog against store), at domains (catalog against libvirt) and at
 * files nobody knows. */
#include <string.h>

#include "engine/engine_private.h"

/* --- heads
 * -------------------------------------------------------------------------------------------------
 */

static char *expected_backing(const Head *head)
{
    g_autofree char *set_id = NULL;
    g_autofree char *target = NULL;
    if (!head->layer_id || !layer_id_split(head->layer_id, &set_id, &target))
        return NULL;
    return g_strdup_printf("../../../layers/%s/sealed/%s.%s", set_id, target, head->layer_format);
}

static void check_head(Engine *engine, const Machine *machine, const Head *head,
                       GPtrArray *findings)
{
    g_auto(HeadFacts) facts = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *backing = expected_backing(head);
    Power power = engine_power(engine, machine->id);
    if (!storage_head_facts(engine->storage, machine, 0, head->target, &facts, &error)) {
        finding_add(findings, "image-damaged", FINDING_ERROR, machine->name,
                    head->role == ROLE_DATA
                        ? "put the image back from a backup"
                        : "'underpin restore' makes a new one, or put it back from a backup",
                    FALSE, "%s", error->message);
        return;
    }
    if (!facts.exists)
        finding_add(findings, "image-missing", FINDING_ERROR, machine->name,
                    "put the file back from a backup; a lost system volume comes back with "
                    "'underpin restore'",
                    FALSE, "the image of volume '%s' of '%s' is missing", head->target,
                    machine->name);
    else if (machine->session && backing && !facts.backing && facts.is_ours)
        finding_add(findings, "head-pulled", FINDING_INFO, machine->name,
                    "it is taken over when the machine stops", FALSE,
                    "a block pull has taken volume '%s' of '%s' off its layer", head->target,
                    machine->name);
    else if (g_strcmp0(facts.backing, backing) != 0)
        finding_add(findings, "backing-differs", FINDING_ERROR, machine->name,
                    "a block job has rewritten it: set it back with 'qemu-img rebase -u -F FORMAT "
                    "-b REFERENCE IMAGE' "
                    "while the machine is off",
                    FALSE, "volume '%s' of '%s' sits on '%s', not on '%s'", head->target,
                    machine->name, facts.backing ? facts.backing : "nothing",
                    backing ? backing : "nothing");
    else if (facts.locked && power == POWER_OFF)
        finding_add(findings, "unknown-qemu", FINDING_ERROR, machine->name,
                    "find it with 'fuser' and stop it", FALSE,
                    "volume '%s' of '%s' is in use by a QEMU that libvirt does not know",
                    head->target, machine->name);
}

/* --- directories
 * ------------------------------------------------------------------------------------------- */

static gboolean has_entry(const MachineFacts *facts, guint64 number)
{
    for (guint i = 0; i < facts->entries->len; i++)
        if (g_array_index(facts->entries, guint64, i) == number)
            return TRUE;
    return FALSE;
}

static void check_entries(const Machine *machine, const MachineFacts *facts, GPtrArray *findings)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (machine_is_entry(machine, generation) && !has_entry(facts, generation->number))
            finding_add(findings, "entry-missing", FINDING_WARNING, machine->name,
                        "'underpin doctor --repair' forgets it", TRUE,
                        "an undo entry of '%s' is not in the store any more", machine->name);
    }
}

static void check_directory(Engine *engine, const Machine *machine, GPtrArray *findings)
{
    g_auto(MachineFacts) facts = {0};
    g_autoptr(GError) error = NULL;
    if (!storage_machine_facts(engine->storage, machine->id, &facts, &error)) {
        finding_add(findings, "machine-unreadable", FINDING_ERROR, machine->name,
                    "look at its directory in the store", FALSE, "%s", error->message);
        return;
    }
    if (machine->actual_place == PLACE_NOW && !machine_is_pending(machine) &&
        facts.now != machine->actual)
        finding_add(
            findings, "heads-differ", FINDING_ERROR, machine->name,
            "somebody changed the store by hand: put it back, or 'underpin doctor --rebuild'",
            FALSE, "'%s' has other heads in the store than the catalog says", machine->name);
    if (machine->actual_place == PLACE_NOW && facts.exists && !facts.described)
        finding_add(findings, "description-missing", FINDING_ERROR, machine->name,
                    "'underpin doctor --repair' writes it anew", TRUE,
                    "the store does not say who '%s' is: without its machine.ini no start is "
                    "allowed",
                    machine->name);
    if ((facts.next || facts.next_broken) && !machine_is_pending(machine))
        finding_add(findings, "staged-leftover", FINDING_INFO, machine->name,
                    "'underpin doctor --repair' removes it", TRUE,
                    "'%s' has heads that were staged and never committed", machine->name);
    check_entries(machine, &facts, findings);
}

static void check_stalled(Engine *engine, const Machine *machine, GPtrArray *findings)
{
    g_autofree char *remedy =
        g_strdup_printf("see that the store has space and its file system no errors, then "
                        "'underpin start %s': it goes on where it was",
                        machine->name);
    if (engine_power(engine, machine->id) == POWER_STALLED)
        finding_add(findings, "stalled", FINDING_WARNING, machine->name, remedy, FALSE,
                    "'%s' stands still, as a disk of its could not be written or read",
                    machine->name);
}

static void check_state(Engine *engine, const Machine *machine, GPtrArray *findings)
{
    check_stalled(engine, machine, findings);
    if (machine->behind_reason)
        finding_add(findings, "behind", FINDING_WARNING, machine->name,
                    "remove the cause, then rebase or restore it again", FALSE,
                    "'%s' is behind: %s", machine->name, machine->behind_reason);
    if (machine_is_pending(machine))
        finding_add(findings, "pending", FINDING_INFO, machine->name,
                    "it moves when it stops; 'underpin undo' cancels", FALSE, "'%s' is pending",
                    machine->name);
}

void doctor_check_machines(Engine *engine, const Inventory *snapshot, GPtrArray *findings)
{
    g_autoptr(GPtrArray) machines = inventory_machines_sorted(snapshot);
    for (guint i = 0; i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        const Generation *actual = machine_actual(machine);
        check_state(engine, machine, findings);
        if (machine->retired || !actual)
            continue;
        check_directory(engine, machine, findings);
        for (guint j = 0; machine->actual_place == PLACE_NOW && j < actual->heads->len; j++)
            check_head(engine, machine, g_ptr_array_index(actual->heads, j), findings);
    }
}

/* --- domains
 * -----------------------------------------------------------------------------------------------
 */

static const DomainDisk *find_disk(const DomainFacts *facts, const char *target)
{
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

static void check_disks(Engine *engine, const Machine *machine, const DomainFacts *facts,
                        GPtrArray *findings)
{
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const DomainDisk *disk = find_disk(facts, volume->target);
        g_autofree char *path = storage_head_path(engine->storage, machine->id, volume);
        if (!disk)
            finding_add(findings, "volume-detached", FINDING_INFO, machine->name,
                        "attach it again in the definition if that was a mistake", FALSE,
                        "volume '%s' of '%s' is not in its definition", volume->target,
                        machine->name);
        else if (g_strcmp0(disk->path, path) != 0)
            finding_add(
                findings, "disk-moved", FINDING_ERROR, machine->name,
                "an overlay was put on top: merge it while it runs by 'virsh blockcommit --shallow "
                "--active --pivot', "
                "when it is off by 'qemu-img commit', then set the path back with 'virsh edit'",
                FALSE, "disk '%s' of '%s' is '%s', not '%s'", volume->target, machine->name,
                disk->path ? disk->path : "empty", path);
        else if (disk->stored_chain)
            finding_add(findings, "stored-chain", FINDING_ERROR, machine->name,
                        "'underpin doctor --repair' removes it", TRUE,
                        "the definition of '%s' stores a backing chain for '%s': the guest would "
                        "read old layers",
                        machine->name, volume->target);
    }
}

static void check_domain(Engine *engine, const Machine *machine, GPtrArray *findings)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainFacts) facts = hypervisor_inspect(engine->hypervisor, machine->uuid, &error);
    if (!facts && error_code(error) == UNDERPIN_ERROR_NOT_FOUND)
        finding_add(
            findings, "domain-missing", FINDING_ERROR, machine->name,
            "define it again ('virsh define'), or remove the machine with 'underpin remove'", FALSE,
            "libvirt has no domain for '%s' any more", machine->name);
    if (!facts)
        return;
    if (g_strcmp0(facts->state->name, machine->name) != 0)
        finding_add(findings, "domain-renamed", FINDING_WARNING, machine->id,
                    "'underpin doctor --repair' takes the new name", TRUE,
                    "the domain of '%s' is called '%s' now", machine->name, facts->state->name);
    if (!facts->state->machine_id)
        finding_add(findings, "metadata-missing", FINDING_WARNING, machine->name,
                    "'underpin doctor --repair' writes it again", TRUE,
                    "the domain of '%s' has lost our metadata", machine->name);
    if (facts->snapshots)
        finding_add(findings, "snapshot", FINDING_WARNING, machine->name,
                    "delete them with 'virsh snapshot-delete'", FALSE,
                    "'%s' has libvirt snapshots: it cannot be rebased or restored", machine->name);
    check_disks(engine, machine, facts, findings);
}

/* Domains that are not ours: do they use our images, or claim to be one of us? */
static void check_foreign(Engine *engine, const Inventory *snapshot, const DomainState *state,
                          const char *store_root, GPtrArray *findings)
{
    g_autoptr(DomainFacts) facts = hypervisor_inspect(engine->hypervisor, state->uuid, NULL);
    if (state->machine_id && !g_hash_table_contains(snapshot->machines, state->machine_id))
        finding_add(findings, "unknown-machine", FINDING_WARNING, state->name,
                    "if its heads are in the store, 'underpin doctor --rebuild' takes it in", FALSE,
                    "domain '%s' says that it is ours, but the catalog does not know it",
                    state->name);
    for (guint i = 0; facts && store_root && i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        if (disk->path && g_str_has_prefix(disk->path, store_root))
            finding_add(findings, "foreign-domain", FINDING_ERROR, state->name,
                        "remove the disk from that domain", FALSE,
                        "domain '%s' is not ours, but uses '%s'", state->name, disk->path);
    }
}

void doctor_check_domains(Engine *engine, const Inventory *snapshot, GPtrArray *findings)
{
    g_autoptr(GPtrArray) machines = inventory_machines_sorted(snapshot);
    g_autoptr(GPtrArray) domains = hypervisor_list(engine->hypervisor, NULL);
    for (guint i = 0; domains && i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        if (!machine->retired && machine->desired_place != PLACE_GONE)
            check_domain(engine, machine, findings);
    }
    for (guint i = 0; domains && i < domains->len; i++) {
        const DomainState *state = g_ptr_array_index(domains, i);
        if (!g_hash_table_contains(snapshot->machines_by_uuid, state->uuid))
            check_foreign(engine, snapshot, state, engine->config.store_root, findings);
    }
}

/* --- files
 * -------------------------------------------------------------------------------------------------
 */

typedef struct {
    const Inventory *snapshot;
    GHashTable *known; /* paths of layers and kept volumes, also those listed for reclaim */
    GPtrArray *findings;
} FileCheck;

static GHashTable *known_paths(Engine *engine, const Inventory *snapshot)
{
    GHashTable *known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, snapshot->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        g_hash_table_add(known, g_strdup_printf("layers/%s/sealed/%s.%s", layer->set_id,
                                                layer->target, layer->format));
    }
    g_hash_table_iter_init(&iter, snapshot->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_hash_table_add(known, g_strdup(((KeptVolume *)value)->path));
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->reclaim);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_hash_table_add(known, g_strdup(((ReclaimItem *)value)->path));
    g_rw_lock_reader_unlock(&engine->lock);
    return known;
}

static gboolean check_file(FoundKind kind, const char *path, const char *id, gpointer user_data)
{
    FileCheck *check = user_data;
    gboolean known = kind == FOUND_MACHINE ? g_hash_table_contains(check->snapshot->machines, id)
                     : kind == FOUND_SET   ? TRUE
                                           : g_hash_table_contains(check->known, path);
    if (!known)
        finding_add(check->findings, "unknown-file", FINDING_WARNING, path,
                    "look at it; remove it by hand if it is not needed. Underpin deletes nothing "
                    "that it does not know",
                    FALSE, "'%s' is in the store, but not in the catalog", path);
    return TRUE;
}

gboolean doctor_check_files(Engine *engine, const Inventory *snapshot, GPtrArray *findings,
                            GError **error)
{
    g_autoptr(GHashTable) known = known_paths(engine, snapshot);
    FileCheck check = {snapshot, known, findings};
    return storage_scan(engine->storage, check_file, &check, error);
}
