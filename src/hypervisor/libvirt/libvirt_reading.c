/*
 * Reading: lists in a fixed number of calls plus one for each domain, and everything about one
 * domain. A domain that goes away between two calls is left out, not an error.
 */
#include <stdlib.h>

#include "hypervisor/libvirt/domain_reading.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"

/* --- power ------------------------------------------------------------------------------------ */

/* A crashed domain that is shown as such still has its QEMU (on_crash=preserve). */
static const Power powers[] = {
    [VIR_DOMAIN_NOSTATE] = POWER_UNKNOWN,   [VIR_DOMAIN_RUNNING] = POWER_RUNNING,
    [VIR_DOMAIN_BLOCKED] = POWER_RUNNING,   [VIR_DOMAIN_PAUSED] = POWER_PAUSED,
    [VIR_DOMAIN_SHUTDOWN] = POWER_STOPPING, [VIR_DOMAIN_SHUTOFF] = POWER_OFF,
    [VIR_DOMAIN_CRASHED] = POWER_PAUSED,    [VIR_DOMAIN_PMSUSPENDED] = POWER_PAUSED,
};
G_STATIC_ASSERT(G_N_ELEMENTS(powers) == VIR_DOMAIN_PMSUSPENDED + 1);

static Power power_of(int state, int reason, gboolean managed_save)
{
    Power power =
        state >= 0 && (size_t)state < G_N_ELEMENTS(powers) ? powers[state] : POWER_UNKNOWN;
    gboolean is_saved = managed_save || reason == VIR_DOMAIN_SHUTOFF_SAVED;
    if (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_IOERROR)
        return POWER_STALLED;
    return power == POWER_OFF && is_saved ? POWER_SAVED : power;
}

static gboolean read_power(virDomainPtr domain, Power *power_out, int *reason_out, GError **error)
{
    int state, reason;
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return libvirt_error_take(domain, error);
    *power_out = power_of(state, reason, virDomainHasManagedSaveImage(domain, 0) == 1);
    *reason_out = reason;
    return TRUE;
}

typedef struct {
    const char *uuid;
    Power power;
} PowerQuestion;

static gboolean ask_power(virConnectPtr handle, gpointer argument, GError **error)
{
    PowerQuestion *question = argument;
    int reason;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, question->uuid, error);
    return domain != NULL && read_power(domain, &question->power, &reason, error);
}

gboolean libvirt_power(Hypervisor *hypervisor, const char *uuid, Power *power_out, GError **error)
{
    PowerQuestion question = {.uuid = uuid};
    if (!libvirt_call((LibvirtHypervisor *)hypervisor, ask_power, &question, error))
        return FALSE;
    *power_out = question.power;
    return TRUE;
}

/* --- sets of domains -------------------------------------------------------------------------- */

static void free_domains(virDomainPtr *domains, int count)
{
    for (int i = 0; i < count; i++)
        virDomainFree(domains[i]);
    free(domains);
}

/* UUIDs of all domains with a property; empty where the driver cannot say. NULL on failure. */
static GHashTable *uuids_with(virConnectPtr handle, unsigned flags, GError **error)
{
    virDomainPtr *domains = NULL;
    GHashTable *uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    int count = virConnectListAllDomains(handle, &domains, flags);
    if (count < 0 && !libvirt_error_is(VIR_ERR_NO_SUPPORT)) {
        libvirt_error_take(NULL, error);
        g_hash_table_unref(uuids);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        if (virDomainGetUUIDString(domains[i], uuid) == 0)
            g_hash_table_add(uuids, g_strdup(uuid));
    }
    free_domains(domains, MAX(count, 0));
    return uuids;
}

static gboolean add_names(virConnectPtr handle, gpointer argument, GError **error)
{
    GHashTable *names = argument;
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(handle, &domains, 0);
    if (count < 0)
        return libvirt_error_take(NULL, error);
    for (int i = 0; i < count; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        if (virDomainGetUUIDString(domains[i], uuid) == 0)
            g_hash_table_replace(names, g_strdup(virDomainGetName(domains[i])), g_strdup(uuid));
    }
    free_domains(domains, count);
    return TRUE;
}

GHashTable *libvirt_names(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!libvirt_call((LibvirtHypervisor *)hypervisor, add_names, names, error))
        return NULL;
    return g_steal_pointer(&names);
}

static const struct {
    unsigned flag;
    DomainMarks mark;
} mark_flags[] = {
    {VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, DOMAIN_HAS_SNAPSHOT},
    {VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, DOMAIN_HAS_CHECKPOINT},
    {VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, DOMAIN_HAS_MANAGED_SAVE},
};

static gboolean add_marks(virConnectPtr handle, gpointer argument, GError **error)
{
    GHashTable *marks = argument;
    for (size_t i = 0; i < G_N_ELEMENTS(mark_flags); i++) {
        g_autoptr(GHashTable) uuids = uuids_with(handle, mark_flags[i].flag, error);
        if (uuids == NULL)
            return FALSE;
        GHashTableIter iterator;
        gpointer uuid;
        g_hash_table_iter_init(&iterator, uuids);
        while (g_hash_table_iter_next(&iterator, &uuid, NULL)) {
            guint sum = GPOINTER_TO_UINT(g_hash_table_lookup(marks, uuid)) | mark_flags[i].mark;
            g_hash_table_replace(marks, g_strdup(uuid), GUINT_TO_POINTER(sum));
        }
    }
    return TRUE;
}

GHashTable *libvirt_marks(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(GHashTable) marks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!libvirt_call((LibvirtHypervisor *)hypervisor, add_marks, marks, error))
        return NULL;
    return g_steal_pointer(&marks);
}

/* --- the list --------------------------------------------------------------------------------- */

typedef struct {
    GHashTable *persistent, *autostart, *managed_save;
} Properties;

static void properties_clear(Properties *properties)
{
    g_clear_pointer(&properties->persistent, g_hash_table_unref);
    g_clear_pointer(&properties->autostart, g_hash_table_unref);
    g_clear_pointer(&properties->managed_save, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Properties, properties_clear)

static gboolean read_properties(virConnectPtr handle, Properties *out, GError **error)
{
    return (out->persistent = uuids_with(handle, VIR_CONNECT_LIST_DOMAINS_PERSISTENT, error)) &&
           (out->autostart = uuids_with(handle, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, error)) &&
           (out->managed_save = uuids_with(handle, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, error));
}

static int parameter(const virDomainStatsRecord *record, const char *name)
{
    int value = 0;
    virTypedParamsGetInt(record->params, record->nparams, name, &value);
    return value;
}

/* NULL for a domain that has gone. */
static DomainState *state_of(const virDomainStatsRecord *record, const Properties *properties)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    if (virDomainGetUUIDString(record->dom, uuid) < 0)
        return NULL;
    DomainState *state = domain_state_new();
    state->uuid = g_strdup(uuid);
    state->name = g_strdup(virDomainGetName(record->dom));
    state->persistent = g_hash_table_contains(properties->persistent, uuid);
    state->autostart = g_hash_table_contains(properties->autostart, uuid);
    state->power = power_of(parameter(record, "state.state"), parameter(record, "state.reason"),
                            g_hash_table_contains(properties->managed_save, uuid));
    state->machine_id = libvirt_machine_id(record->dom);
    return state;
}

static gboolean add_states(virConnectPtr handle, gpointer argument, GError **error)
{
    GPtrArray *states = argument;
    g_auto(Properties) properties = {0};
    if (!read_properties(handle, &properties, error))
        return FALSE;
    virDomainStatsRecordPtr *records = NULL;
    int count = virConnectGetAllDomainStats(handle, VIR_DOMAIN_STATS_STATE, &records, 0);
    if (count < 0)
        return libvirt_error_take(NULL, error);
    for (int i = 0; i < count; i++) {
        DomainState *state = state_of(records[i], &properties);
        if (state != NULL)
            g_ptr_array_add(states, state);
    }
    virDomainStatsRecordListFree(records);
    return TRUE;
}

GPtrArray *libvirt_list(Hypervisor *hypervisor, GError **error)
{
    g_autoptr(GPtrArray) states = g_ptr_array_new_with_free_func((GDestroyNotify)domain_state_free);
    if (!libvirt_call((LibvirtHypervisor *)hypervisor, add_states, states, error))
        return NULL;
    return g_steal_pointer(&states);
}

/* --- one domain ------------------------------------------------------------------------------- */

static char *resolve_volume(const char *pool_name, const char *volume_name, gpointer user_data)
{
    virConnectPtr handle = user_data;
    g_autoptr(virStoragePool) pool = virStoragePoolLookupByName(handle, pool_name);
    if (pool == NULL)
        return NULL;
    g_autoptr(virStorageVol) volume = virStorageVolLookupByName(pool, volume_name);
    char *path = volume == NULL ? NULL : virStorageVolGetPath(volume);
    char *copy = g_strdup(path);
    free(path);
    return copy;
}

static void read_snapshots(virDomainPtr domain, DomainFacts *facts)
{
    virDomainSnapshotPtr *snapshots = NULL;
    int count = virDomainListAllSnapshots(domain, &snapshots, 0);
    for (int i = 0; i < count; i++) {
        if (i == 0)
            facts->first_snapshot = g_strdup(virDomainSnapshotGetName(snapshots[i]));
        virDomainSnapshotFree(snapshots[i]);
    }
    free(snapshots);
    facts->snapshots = (guint)MAX(count, 0);
}

static void read_checkpoints(virDomainPtr domain, DomainFacts *facts)
{
    virDomainCheckpointPtr *checkpoints = NULL;
    int count = virDomainListAllCheckpoints(domain, &checkpoints, 0);
    for (int i = 0; i < count; i++)
        virDomainCheckpointFree(checkpoints[i]);
    free(checkpoints);
    facts->checkpoints = (guint)MAX(count, 0);
}

/* A job of a disk (copy, commit, pull), or of the whole domain (backup, migration, saving). */
static gboolean has_job(virDomainPtr domain, const DomainFacts *facts)
{
    virDomainJobInfo whole;
    if (virDomainGetJobInfo(domain, &whole) == 0 && whole.type != VIR_DOMAIN_JOB_NONE)
        return TRUE;
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = facts->disks->pdata[i];
        virDomainBlockJobInfo job;
        if (virDomainGetBlockJobInfo(domain, disk->target, &job, 0) == 1)
            return TRUE;
    }
    return FALSE;
}

static void read_saved_memory(virDomainPtr domain, int reason, DomainFacts *facts)
{
    facts->managed_save = virDomainHasManagedSaveImage(domain, 0) == 1;
    facts->saved_to_file = facts->state->power == POWER_SAVED && !facts->managed_save &&
                           reason == VIR_DOMAIN_SHUTOFF_SAVED;
}

static gboolean complete(virDomainPtr domain, DomainFacts *facts, GError **error)
{
    int reason = 0, autostart = 0;
    if (!read_power(domain, &facts->state->power, &reason, error))
        return FALSE;
    virDomainGetAutostart(domain, &autostart);
    facts->state->autostart = autostart == 1;
    facts->state->persistent = virDomainIsPersistent(domain) == 1;
    read_snapshots(domain, facts);
    read_checkpoints(domain, facts);
    read_saved_memory(domain, reason, facts);
    facts->shut_down = facts->state->power == POWER_OFF && reason == VIR_DOMAIN_SHUTOFF_SHUTDOWN;
    facts->block_job = facts->state->power != POWER_OFF && facts->state->power != POWER_SAVED &&
                       has_job(domain, facts);
    return TRUE;
}

typedef struct {
    const char *uuid_or_name;
    DomainFacts *facts;
} Inspection;

static DomainFacts *read_definition(virConnectPtr handle, virDomainPtr domain, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (xml == NULL) {
        libvirt_error_take(domain, error);
        return NULL;
    }
    DomainFacts *facts = domain_read(xml, resolve_volume, handle, error);
    free(xml);
    return facts;
}

static gboolean look_up_definition(virConnectPtr handle, gpointer argument, GError **error)
{
    Inspection *inspection = argument;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, inspection->uuid_or_name, error);
    inspection->facts = domain == NULL ? NULL : read_definition(handle, domain, error);
    return inspection->facts != NULL;
}

DomainFacts *libvirt_definition(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    Inspection inspection = {.uuid_or_name = uuid};
    libvirt_call((LibvirtHypervisor *)hypervisor, look_up_definition, &inspection, error);
    return inspection.facts;
}

static gboolean inspect(virConnectPtr handle, gpointer argument, GError **error)
{
    Inspection *inspection = argument;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, inspection->uuid_or_name, error);
    if (domain == NULL)
        return FALSE;
    g_autoptr(DomainFacts) facts = read_definition(handle, domain, error);
    if (facts == NULL || !complete(domain, facts, error))
        return FALSE;
    inspection->facts = g_steal_pointer(&facts);
    return TRUE;
}

DomainFacts *libvirt_inspect(Hypervisor *hypervisor, const char *uuid_or_name, GError **error)
{
    Inspection inspection = {.uuid_or_name = uuid_or_name};
    libvirt_call((LibvirtHypervisor *)hypervisor, inspect, &inspection, error);
    return inspection.facts;
}
