/* Domains of the in-memory host: plain records, kept in files when they are to outlive the process.
 */
#include "hypervisor/memory/memory_domain.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/libvirt/domain_reading.h"

#define GROUP             "domain"
#define STAMP             "stamp"
#define DEFINITION_SUFFIX ".xml"
#define STATE_SUFFIX      ".state"

static void set_text(char **text, const char *value)
{
    g_free(*text);
    *text = g_strdup(value);
}

void memory_domain_free(MemoryDomain *domain)
{
    if (domain == NULL)
        return;
    if (domain->screen >= 0)
        close(domain->screen);
    g_free(domain->uuid);
    g_free(domain->name);
    g_free(domain->machine_id);
    g_free(domain->xml);
    domain_facts_free(domain->definition);
    g_free(domain->stamp);
    g_free(domain);
}

gboolean memory_domain_redefine(MemoryDomain *domain, const char *xml, GError **error)
{
    g_autoptr(DomainFacts) facts = domain_read(xml, NULL, NULL, error);
    if (facts == NULL)
        return FALSE;
    if (facts->state->name == NULL || facts->state->uuid == NULL)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "the definition lacks a name or a UUID");
    set_text(&domain->uuid, facts->state->uuid);
    set_text(&domain->name, facts->state->name);
    set_text(&domain->machine_id, facts->state->machine_id);
    set_text(&domain->xml, xml);
    domain_facts_free(domain->definition);
    domain->definition = g_steal_pointer(&facts);
    return TRUE;
}

MemoryDomain *memory_domain_new(const char *xml, GError **error)
{
    g_autoptr(MemoryDomain) domain = g_new0(MemoryDomain, 1);
    domain->power = POWER_OFF;
    domain->screen = -1;
    if (!memory_domain_redefine(domain, xml, error))
        return NULL;
    return g_steal_pointer(&domain);
}

Power memory_domain_power(const MemoryDomain *domain)
{
    gboolean saved = domain->facts.managed_save || domain->facts.saved_to_file;
    return domain->power == POWER_OFF && saved ? POWER_SAVED : domain->power;
}

static void fill_state(const MemoryDomain *domain, DomainState *state)
{
    set_text(&state->uuid, domain->uuid);
    set_text(&state->name, domain->name);
    set_text(&state->machine_id, domain->machine_id);
    state->power = memory_domain_power(domain);
    state->autostart = domain->autostart;
    state->persistent = TRUE;
}

DomainState *memory_domain_state(const MemoryDomain *domain)
{
    DomainState *state = domain_state_new();
    fill_state(domain, state);
    return state;
}

/* The disks are shared: nobody changes what a definition says. */
static DomainFacts *definition_copy(const DomainFacts *definition)
{
    DomainFacts *copy = domain_facts_new();
    g_ptr_array_unref(copy->disks);
    copy->disks = g_ptr_array_ref(definition->disks);
    copy->nvram_path = g_strdup(definition->nvram_path);
    copy->xml = g_strdup(definition->xml);
    copy->poweroff_restarts = definition->poweroff_restarts;
    copy->has_tpm_state = definition->has_tpm_state;
    copy->has_shared_memory_dirs = definition->has_shared_memory_dirs;
    return copy;
}

DomainFacts *memory_domain_facts(const MemoryDomain *domain)
{
    DomainFacts *facts = definition_copy(domain->definition);
    fill_state(domain, facts->state);
    facts->snapshots = domain->facts.snapshots;
    facts->checkpoints = domain->facts.checkpoints;
    facts->first_snapshot = domain->facts.snapshots > 0 ? g_strdup("snapshot-1") : NULL;
    facts->block_job = domain->facts.block_job;
    facts->managed_save = domain->facts.managed_save;
    facts->shut_down = facts->state->power == POWER_OFF && domain->shut_down;
    facts->saved_to_file = domain->facts.saved_to_file && !domain->facts.managed_save;
    return facts;
}

guint memory_domain_marks(const MemoryDomain *domain)
{
    return (domain->facts.snapshots > 0 ? DOMAIN_HAS_SNAPSHOT : 0u) |
           (domain->facts.checkpoints > 0 ? DOMAIN_HAS_CHECKPOINT : 0u) |
           (domain->facts.managed_save ? DOMAIN_HAS_MANAGED_SAVE : 0u);
}

/* --- files ------------------------------------------------------------------------------------ */

/* One table for writing and reading: a field that is missing in one cannot be in the other. */
typedef struct {
    const char *key;
    size_t offset;
} Field;

static const Field fields[] = {
    {"power", G_STRUCT_OFFSET(MemoryDomain, power)},
    {"autostart", G_STRUCT_OFFSET(MemoryDomain, autostart)},
    {"reboot-stops", G_STRUCT_OFFSET(MemoryDomain, reboot_stops)},
    {"shut-down", G_STRUCT_OFFSET(MemoryDomain, shut_down)},
    {"stubborn", G_STRUCT_OFFSET(MemoryDomain, stubborn)},
    {"snapshots", G_STRUCT_OFFSET(MemoryDomain, facts.snapshots)},
    {"checkpoints", G_STRUCT_OFFSET(MemoryDomain, facts.checkpoints)},
    {"block-job", G_STRUCT_OFFSET(MemoryDomain, facts.block_job)},
    {"managed-save", G_STRUCT_OFFSET(MemoryDomain, facts.managed_save)},
    {"saved-to-file", G_STRUCT_OFFSET(MemoryDomain, facts.saved_to_file)},
};
G_STATIC_ASSERT(sizeof(Power) == sizeof(int) && sizeof(gboolean) == sizeof(int) &&
                sizeof(guint) == sizeof(int));

static char *path_of(const char *directory, const char *uuid, const char *suffix)
{
    g_autofree char *file = g_strconcat(uuid, suffix, NULL);
    return g_build_filename(directory, file, NULL);
}

static gboolean store_state(const MemoryDomain *domain, const char *directory, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        g_key_file_set_integer(file, GROUP, fields[i].key,
                               G_STRUCT_MEMBER(int, domain, fields[i].offset));
    if (domain->stamp != NULL)
        g_key_file_set_string(file, GROUP, STAMP, domain->stamp);
    g_autofree char *path = path_of(directory, domain->uuid, STATE_SUFFIX);
    return g_key_file_save_to_file(file, path, error);
}

gboolean memory_domain_store(const MemoryDomain *domain, const char *directory, GError **error)
{
    g_autofree char *path = path_of(directory, domain->uuid, DEFINITION_SUFFIX);
    return store_state(domain, directory, error) &&
           g_file_set_contents(path, domain->xml, -1, error);
}

void memory_domain_forget(const MemoryDomain *domain, const char *directory)
{
    static const char *const suffixes[] = {DEFINITION_SUFFIX, STATE_SUFFIX};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = path_of(directory, domain->uuid, suffixes[i]);
        g_unlink(path);
    }
}

static void load_state(MemoryDomain *domain, const char *directory)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = path_of(directory, domain->uuid, STATE_SUFFIX);
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        G_STRUCT_MEMBER(int, domain, fields[i].offset) =
            g_key_file_get_integer(file, GROUP, fields[i].key, NULL);
    domain->stamp = g_key_file_get_string(file, GROUP, STAMP, NULL);
}

static MemoryDomain *load(const char *directory, const char *file)
{
    g_autofree char *path = g_build_filename(directory, file, NULL);
    g_autofree char *xml = NULL;
    if (!g_file_get_contents(path, &xml, NULL, NULL))
        return NULL;
    MemoryDomain *domain = memory_domain_new(xml, NULL);
    if (domain != NULL)
        load_state(domain, directory);
    return domain;
}

GPtrArray *memory_domain_load_all(const char *directory)
{
    GPtrArray *domains = g_ptr_array_new_with_free_func((GDestroyNotify)memory_domain_free);
    g_autoptr(GDir) files = g_dir_open(directory, 0, NULL);
    for (const char *file = files == NULL ? NULL : g_dir_read_name(files); file != NULL;
         file = g_dir_read_name(files)) {
        MemoryDomain *domain =
            g_str_has_suffix(file, DEFINITION_SUFFIX) ? load(directory, file) : NULL;
        if (domain != NULL)
            g_ptr_array_add(domains, domain);
    }
    return domains;
}
