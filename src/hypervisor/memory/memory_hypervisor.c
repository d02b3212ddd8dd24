/*
 * The in-memory host. Every slot goes through begin(), which counts, fails on command and takes the
 * lock; events are collected under the lock and delivered after it, so that a listener is never
 * called while the host is held.
 */
#include "hypervisor/memory/memory_hypervisor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "foundation/fault_point.h"
#include "hypervisor/libvirt/domain_building.h"
#include "hypervisor/libvirt/domain_display.h"
#include "hypervisor/libvirt/domain_rules.h"
#include "hypervisor/memory/memory_private.h"

typedef struct {
    HypervisorEvent event;
    char *uuid;
} PendingEvent;

static MemoryHypervisor *host_of(Hypervisor *hypervisor)
{
    return (MemoryHypervisor *)hypervisor;
}

/* --- around each call ------------------------------------------------------------------------- */

static void pending_event_free(gpointer pointer)
{
    PendingEvent *pending = pointer;
    g_free(pending->uuid);
    g_free(pending);
}

void host_add_event(MemoryHypervisor *self, HypervisorEvent event, const char *uuid)
{
    PendingEvent *pending = g_new(PendingEvent, 1);
    *pending = (PendingEvent){event, g_strdup(uuid)};
    g_queue_push_tail(&self->events, pending);
}

gboolean host_end(MemoryHypervisor *self, gboolean succeeded)
{
    GQueue events = self->events;
    HypervisorListener listener = self->listener;
    gpointer user_data = self->listener_data;
    g_queue_init(&self->events);
    g_mutex_unlock(&self->lock);
    for (const GList *link = events.head; link != NULL && listener != NULL; link = link->next) {
        const PendingEvent *pending = link->data;
        listener(pending->event, pending->uuid, user_data);
    }
    g_queue_clear_full(&events, pending_event_free);
    return succeeded;
}

static gboolean take_failure(MemoryHypervisor *self, const char *call, GError **error)
{
    if (self->failing_call == NULL ||
        (*self->failing_call != '\0' && strcmp(self->failing_call, call) != 0))
        return FALSE;
    g_clear_pointer(&self->failing_call, g_free);
    g_propagate_error(error, g_steal_pointer(&self->failure));
    return TRUE;
}

/* Takes the lock. FALSE with the error of a host that does not answer, or of a failure that a test
 * has ordered. */
static gboolean begin(MemoryHypervisor *self, const char *call, GError **error)
{
    g_mutex_lock(&self->lock);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(self->calls, call));
    g_hash_table_replace(self->calls, g_strdup(call), GUINT_TO_POINTER(number + 1));
    if (take_failure(self, call, error))
        return host_end(self, FALSE);
    if (self->answering)
        return TRUE;
    return host_end(self, domain_rules_unavailable(error));
}

static MemoryDomain *find_by_name(MemoryHypervisor *self, const char *name)
{
    return g_hash_table_lookup(self->names, name);
}

static void drop_from_tables(MemoryHypervisor *self, const char *uuid)
{
    const MemoryDomain *domain = g_hash_table_lookup(self->domains, uuid);
    if (domain == NULL)
        return;
    g_hash_table_remove(self->names, domain->name);
    g_hash_table_remove(self->domains, domain->uuid);
}

static void keep_in_tables(MemoryHypervisor *self, MemoryDomain *domain)
{
    drop_from_tables(self, domain->uuid);
    g_hash_table_replace(self->names, domain->name, domain);
    g_hash_table_replace(self->domains, domain->uuid, domain);
}

MemoryDomain *host_find(MemoryHypervisor *self, const char *uuid_or_name, GError **error)
{
    MemoryDomain *domain = g_hash_table_lookup(self->domains, uuid_or_name);
    if (domain == NULL)
        domain = find_by_name(self, uuid_or_name);
    if (domain == NULL)
        domain_rules_not_found(uuid_or_name, error);
    return domain;
}

static MemoryDomain *find_ours(MemoryHypervisor *self, const char *uuid, GError **error)
{
    MemoryDomain *domain = host_find(self, uuid, error);
    if (domain == NULL || !domain_rules_require_ours(domain->name, domain->machine_id, error))
        return NULL;
    return domain;
}

gboolean host_store(MemoryHypervisor *self, const MemoryDomain *domain, GError **error)
{
    return self->directory == NULL || memory_domain_store(domain, self->directory, error);
}

/* --- reading ---------------------------------------------------------------------------------- */

static gboolean ping(Hypervisor *hypervisor, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    return begin(self, "ping", error) && host_end(self, TRUE);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const DomainState *const *one = a, *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

static GPtrArray *list(Hypervisor *hypervisor, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "list", error))
        return NULL;
    GPtrArray *states = g_ptr_array_new_with_free_func((GDestroyNotify)domain_state_free);
    GHashTableIter iterator;
    gpointer domain;
    g_hash_table_iter_init(&iterator, self->domains);
    while (g_hash_table_iter_next(&iterator, NULL, &domain))
        g_ptr_array_add(states, memory_domain_state(domain));
    g_ptr_array_sort(states, by_name);
    host_end(self, TRUE);
    return states;
}

static GHashTable *names(Hypervisor *hypervisor, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "names", error))
        return NULL;
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iterator;
    gpointer domain;
    g_hash_table_iter_init(&iterator, self->domains);
    while (g_hash_table_iter_next(&iterator, NULL, &domain))
        g_hash_table_insert(table, g_strdup(((MemoryDomain *)domain)->name),
                            g_strdup(((MemoryDomain *)domain)->uuid));
    host_end(self, TRUE);
    return table;
}

static DomainFacts *inspect(Hypervisor *hypervisor, const char *uuid_or_name, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "inspect", error))
        return NULL;
    const MemoryDomain *domain = host_find(self, uuid_or_name, error);
    DomainFacts *facts = domain == NULL ? NULL : memory_domain_facts(domain);
    host_end(self, TRUE);
    return facts;
}

/* Zeroes what the definition does not say, so that nobody comes to rely on it. */
static DomainFacts *definition(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    DomainFacts *facts = inspect(hypervisor, uuid, error);
    if (facts == NULL)
        return NULL;
    facts->state->power = POWER_UNKNOWN;
    facts->state->autostart = facts->state->persistent = FALSE;
    facts->snapshots = facts->checkpoints = 0;
    g_clear_pointer(&facts->first_snapshot, g_free);
    facts->block_job = facts->managed_save = facts->saved_to_file = FALSE;
    return facts;
}

static gboolean power(Hypervisor *hypervisor, const char *uuid, Power *power_out, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "power", error))
        return FALSE;
    const MemoryDomain *domain = host_find(self, uuid, error);
    if (domain != NULL)
        *power_out = memory_domain_power(domain);
    return host_end(self, domain != NULL);
}

static GHashTable *marks(Hypervisor *hypervisor, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "marks", error))
        return NULL;
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iterator;
    gpointer domain;
    g_hash_table_iter_init(&iterator, self->domains);
    while (g_hash_table_iter_next(&iterator, NULL, &domain)) {
        guint found = memory_domain_marks(domain);
        if (found != 0)
            g_hash_table_insert(table, g_strdup(((MemoryDomain *)domain)->uuid),
                                GUINT_TO_POINTER(found));
    }
    host_end(self, TRUE);
    return table;
}

/* --- definitions ------------------------------------------------------------------------------ */

static char *build_xml(Hypervisor *hypervisor, const DomainSpec *spec, GError **error)
{
    static const DomainHost host = {.type = "qemu", .network = "default"};
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "build_xml", error))
        return NULL;
    host_end(self, TRUE);
    return domain_build(spec, &host, error);
}

static DefineDecision decide(MemoryHypervisor *self, const MemoryDomain *wanted, GError **error)
{
    const MemoryDomain *namesake = find_by_name(self, wanted->name);
    const MemoryDomain *there = g_hash_table_lookup(self->domains, wanted->uuid);
    g_autoptr(DomainFacts) wanted_facts = memory_domain_facts(wanted);
    g_autoptr(DomainFacts) facts = there == NULL ? NULL : memory_domain_facts(there);
    return domain_rules_define(wanted_facts, namesake == NULL ? NULL : namesake->uuid, facts,
                               error);
}

void host_keep(MemoryHypervisor *self, MemoryDomain *wanted)
{
    MemoryDomain *there = g_hash_table_lookup(self->domains, wanted->uuid);
    if (there != NULL) {
        wanted->power = there->power;
        wanted->autostart = there->autostart;
        wanted->reboot_stops = there->reboot_stops;
        wanted->stubborn = there->stubborn;
        wanted->stamp = g_strdup(there->stamp);
        wanted->facts = there->facts;
    }
    host_add_event(self, DOMAIN_DEFINED, wanted->uuid);
    keep_in_tables(self, wanted);
}

static gboolean define(Hypervisor *hypervisor, const char *xml, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "define", error))
        return FALSE;
    g_autoptr(MemoryDomain) wanted = memory_domain_new(xml, error);
    DefineDecision decision = wanted == NULL ? DEFINE_REFUSED : decide(self, wanted, error);
    if (decision != DEFINE_WANTED)
        return host_end(self, decision == DEFINE_DONE);
    if (!fault_point(FAULT_DOMAIN_DEFINE, error))
        return host_end(self, FALSE);
    host_keep(self, wanted);
    return host_end(self, host_store(self, g_steal_pointer(&wanted), error));
}

static gboolean may_undefine(const MemoryDomain *domain, GError **error)
{
    return domain_rules_require_ours(domain->name, domain->machine_id, error) &&
           domain_rules_undefine(domain->name, domain->power != POWER_OFF,
                                 domain->facts.managed_save, domain->facts.snapshots > 0, error);
}

void host_remove(MemoryHypervisor *self, const MemoryDomain *domain)
{
    if (self->directory != NULL)
        memory_domain_forget(domain, self->directory);
    host_add_event(self, DOMAIN_UNDEFINED, domain->uuid);
    drop_from_tables(self, domain->uuid);
}

static gboolean undefine(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "undefine", error))
        return FALSE;
    const MemoryDomain *domain = host_find(self, uuid, NULL);
    if (domain == NULL)
        return host_end(self, TRUE);
    if (!may_undefine(domain, error) || !fault_point(FAULT_DOMAIN_UNDEFINE, error))
        return host_end(self, FALSE);
    host_remove(self, domain);
    return host_end(self, TRUE);
}

/* --- power ------------------------------------------------------------------------------------ */

void host_stop(MemoryHypervisor *self, MemoryDomain *domain, HypervisorEvent event)
{
    domain->power = POWER_OFF;
    domain->shut_down = event != DOMAIN_SAVED;
    domain->reboot_stops = FALSE; /* it was a wish to that QEMU */
    host_add_event(self, event, domain->uuid);
    host_store(self, domain, NULL);
}

static gboolean is_on(const MemoryDomain *domain)
{
    return domain->power != POWER_OFF;
}

/* What a start needs to know while no lock is held. */
typedef struct {
    char *uuid, *xml;
    gboolean resume;
    MemoryStartHook hook;
    gpointer hook_data;
} Start;

static void start_clear(Start *start)
{
    g_free(start->uuid);
    g_free(start->xml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Start, start_clear)

static void let_go_on(MemoryHypervisor *self, MemoryDomain *domain)
{
    if (!power_is_halted(domain->power))
        return;
    domain->power = POWER_RUNNING;
    host_add_event(self, DOMAIN_RESUMED, domain->uuid);
}

static gboolean prepare_start(MemoryHypervisor *self, const char *uuid, Start *start_out,
                              gboolean *is_on_out, GError **error)
{
    MemoryDomain *domain = find_ours(self, uuid, error);
    if (domain == NULL)
        return FALSE;
    let_go_on(self, domain);
    *is_on_out = is_on(domain);
    *start_out = (Start){g_strdup(domain->uuid), g_strdup(domain->xml), domain->facts.managed_save,
                         self->start_hook, self->start_hook_data};
    return TRUE;
}

static gboolean finish_start(MemoryHypervisor *self, const char *uuid, GError **error)
{
    MemoryDomain *domain = find_ours(self, uuid, error);
    if (domain == NULL)
        return FALSE;
    domain->power = POWER_RUNNING;
    domain->reboot_stops = FALSE;
    if (!domain->facts.managed_save)
        g_clear_pointer(&domain->stamp, g_free);
    domain->facts.managed_save = domain->facts.saved_to_file = FALSE;
    host_add_event(self, DOMAIN_STARTED, domain->uuid);
    return host_store(self, domain, error);
}

static gboolean start(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_auto(Start) the_start = {0};
    gboolean is_running = FALSE;
    if (!begin(self, "start", error))
        return FALSE;
    if (!host_end(self, prepare_start(self, uuid, &the_start, &is_running, error)))
        return FALSE;
    if (is_running)
        return TRUE;
    if (the_start.hook != NULL && !the_start.hook(the_start.uuid, the_start.xml, the_start.resume,
                                                  the_start.hook_data, error))
        return FALSE;
    g_mutex_lock(&self->lock);
    return host_end(self, finish_start(self, uuid, error));
}

/* The calls on one domain differ in what they do to it. */
typedef gboolean (*DomainAction)(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                                 GError **error);

static gboolean act(Hypervisor *hypervisor, const char *call, DomainAction action, const char *uuid,
                    gboolean flag, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, call, error))
        return FALSE;
    MemoryDomain *domain = find_ours(self, uuid, error);
    return host_end(self, domain != NULL && action(self, domain, flag, error));
}

static gboolean do_shutdown(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                            GError **error)
{
    (void)flag;
    if (power_is_halted(domain->power))
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "domain is not running");
    if (is_on(domain) && !domain->stubborn)
        host_stop(self, domain, DOMAIN_STOPPED);
    return TRUE;
}

static gboolean do_poweroff(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                            GError **error)
{
    (void)flag;
    if (!is_on(domain))
        return TRUE;
    host_stop(self, domain, DOMAIN_STOPPED);
    domain->shut_down = FALSE;
    return host_store(self, domain, error);
}

static gboolean require_on(const MemoryDomain *domain, GError **error)
{
    return is_on(domain) || error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "domain is not running");
}

void host_reboot(MemoryHypervisor *self, MemoryDomain *domain)
{
    if (!domain->reboot_stops)
        return;
    host_add_event(self, DOMAIN_REBOOT_STOPPED, domain->uuid);
    host_stop(self, domain, DOMAIN_STOPPED);
}

static gboolean do_reboot(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                          GError **error)
{
    (void)flag;
    if (!require_on(domain, error))
        return FALSE;
    if (!domain->stubborn)
        host_reboot(self, domain);
    return TRUE;
}

static gboolean do_set_reboot(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                              GError **error)
{
    if (!require_on(domain, error))
        return FALSE;
    domain->reboot_stops = flag;
    return host_store(self, domain, error);
}

static gboolean do_set_autostart(MemoryHypervisor *self, MemoryDomain *domain, gboolean flag,
                                 GError **error)
{
    domain->autostart = flag;
    return host_store(self, domain, error);
}

static gboolean request_shutdown(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, "shutdown", do_shutdown, uuid, FALSE, error);
}

static gboolean poweroff(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, "poweroff", do_poweroff, uuid, FALSE, error);
}

static gboolean request_reboot(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return act(hypervisor, "reboot", do_reboot, uuid, FALSE, error);
}

static gboolean set_reboot_stops(Hypervisor *hypervisor, const char *uuid, gboolean stops,
                                 GError **error)
{
    return act(hypervisor, "set_reboot_stops", do_set_reboot, uuid, stops, error);
}

/* Of what is off, only managed save can carry it. */
static gboolean may_stamp(const MemoryDomain *domain, const char *carried, GError **error)
{
    if (is_on(domain))
        return TRUE;
    return domain->facts.managed_save && g_strcmp0(domain->stamp, carried) == 0
               ? TRUE
               : error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "there is no memory to be stamped");
}

static gboolean stamp_session(Hypervisor *hypervisor, const char *uuid, const char *carried,
                              const char *stamp, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "stamp", error))
        return FALSE;
    MemoryDomain *domain = find_ours(self, uuid, error);
    if (domain == NULL || !may_stamp(domain, carried, error))
        return host_end(self, FALSE);
    g_free(domain->stamp);
    domain->stamp = g_strdup(stamp);
    return host_end(self, host_store(self, domain, error));
}

static gboolean set_autostart(Hypervisor *hypervisor, const char *uuid, gboolean autostart,
                              GError **error)
{
    return act(hypervisor, "set_autostart", do_set_autostart, uuid, autostart, error);
}

static gboolean probe_hook(Hypervisor *hypervisor, const char *store_root, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    (void)store_root;
    if (!begin(self, "probe_hook", error))
        return FALSE;
    if (self->hook_in_force)
        return host_end(self, TRUE);
    error_set(error, UNDERPIN_ERROR_REFUSED, "install the hook, then reload libvirtd",
              "the start hook of Underpin is not in force: libvirt did not ask it before a start");
    return host_end(self, FALSE);
}

static void listen_to(Hypervisor *hypervisor, HypervisorListener listener, gpointer user_data)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_mutex_lock(&self->lock);
    self->listener = listener;
    self->listener_data = user_data;
    g_mutex_unlock(&self->lock);
}

/* --- life ------------------------------------------------------------------------------------- */

static void adapter_free(Hypervisor *hypervisor)
{
    MemoryHypervisor *self = host_of(hypervisor);
    g_hash_table_unref(self->names);
    g_hash_table_unref(self->domains);
    g_hash_table_unref(self->calls);
    g_free(self->directory);
    g_free(self->failing_call);
    g_clear_error(&self->failure);
    g_mutex_clear(&self->lock);
    g_free(self);
}

/* --- screens ---------------------------------------------------------------------------------- */

static DomainDisplay *display_of(const MemoryDomain *domain, GError **error)
{
    return domain_display_read(domain->xml, domain->name, memory_domain_power(domain), error);
}

static DomainDisplay *display(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "display", error))
        return NULL;
    const MemoryDomain *domain = find_ours(self, uuid, error);
    DomainDisplay *found = domain == NULL ? NULL : display_of(domain, error);
    host_end(self, TRUE);
    return found;
}

static int connect_screen(MemoryDomain *domain, GError **error)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        error_set_errno(error, errno, "making a pair of sockets");
        return -1;
    }
    if (domain->screen >= 0)
        close(domain->screen);
    domain->screen = pair[1];
    return pair[0];
}

static int open_screen(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    MemoryHypervisor *self = host_of(hypervisor);
    if (!begin(self, "open_screen", error))
        return -1;
    MemoryDomain *domain = find_ours(self, uuid, error);
    g_autoptr(DomainDisplay) found = domain == NULL ? NULL : display_of(domain, error);
    int fd = -1;
    if (found != NULL && domain_display_require_vnc(found, domain->name, error))
        fd = connect_screen(domain, error);
    host_end(self, TRUE);
    return fd;
}

static const HypervisorOps operations = {
    .name = "memory",
    .free = adapter_free,
    .ping = ping,
    .list = list,
    .names = names,
    .inspect = inspect,
    .definition = definition,
    .power = power,
    .marks = marks,
    .build_xml = build_xml,
    .define = define,
    .define_new = define,
    .undefine = undefine,
    .start = start,
    .shutdown = request_shutdown,
    .poweroff = poweroff,
    .reboot = request_reboot,
    .set_reboot_stops = set_reboot_stops,
    .stamp = stamp_session,
    .set_autostart = set_autostart,
    .display = display,
    .open_screen = open_screen,
    .probe_hook = probe_hook,
    .listen = listen_to,
};

static void load(MemoryHypervisor *self, const char *directory)
{
    self->directory = g_strdup(directory);
    g_mkdir_with_parents(directory, 0700);
    g_autoptr(GPtrArray) domains = memory_domain_load_all(directory);
    g_ptr_array_set_free_func(domains, NULL); /* they move to the table */
    for (guint i = 0; i < domains->len; i++)
        keep_in_tables(self, domains->pdata[i]);
}

Hypervisor *memory_hypervisor_new(const char *state_directory)
{
    MemoryHypervisor *self = g_new0(MemoryHypervisor, 1);
    self->parent.ops = &operations;
    g_mutex_init(&self->lock);
    g_queue_init(&self->events);
    self->domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)memory_domain_free);
    self->names = g_hash_table_new(g_str_hash, g_str_equal);
    self->calls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->hook_in_force = self->answering = TRUE;
    if (state_directory != NULL)
        load(self, state_directory);
    return &self->parent;
}
