/* Events kept in order, and waited for by condition. */
#include <string.h>

#include "contract/hypervisor/hypervisor_contract.h"

#define WAIT_SECONDS 20

typedef struct {
    HypervisorEvent event;
    char *uuid;
} Entry;

struct EventLog {
    Hypervisor *hypervisor;
    GMutex lock;
    GCond added;
    GQueue entries;
};

static void entry_free(gpointer pointer)
{
    Entry *entry = pointer;
    g_free(entry->uuid);
    g_free(entry);
}

static void add(HypervisorEvent event, const char *uuid, gpointer user_data)
{
    EventLog *log = user_data;
    Entry *entry = g_new(Entry, 1);
    *entry = (Entry){event, g_strdup(uuid)};
    g_mutex_lock(&log->lock);
    g_queue_push_tail(&log->entries, entry);
    g_cond_broadcast(&log->added);
    g_mutex_unlock(&log->lock);
}

EventLog *event_log_new(Hypervisor *hypervisor)
{
    EventLog *log = g_new0(EventLog, 1);
    log->hypervisor = hypervisor;
    g_mutex_init(&log->lock);
    g_cond_init(&log->added);
    hypervisor_listen(hypervisor, add, log);
    return log;
}

void event_log_free(EventLog *log)
{
    hypervisor_listen(log->hypervisor, NULL, NULL);
    g_queue_clear_full(&log->entries, entry_free);
    g_mutex_clear(&log->lock);
    g_cond_clear(&log->added);
    g_free(log);
}

static gboolean is_there(EventLog *log, HypervisorEvent event, const char *uuid)
{
    for (const GList *link = log->entries.head; link != NULL; link = link->next) {
        const Entry *entry = link->data;
        if (entry->event == event && (uuid == NULL || g_strcmp0(entry->uuid, uuid) == 0))
            return TRUE;
    }
    return FALSE;
}

static void forget_until(EventLog *log, HypervisorEvent event, const char *uuid)
{
    gboolean found = FALSE;
    while (!found) {
        Entry *entry = g_queue_pop_head(&log->entries);
        found = entry->event == event && (uuid == NULL || g_strcmp0(entry->uuid, uuid) == 0);
        entry_free(entry);
    }
}

gboolean event_log_wait(EventLog *log, HypervisorEvent event, const char *uuid)
{
    gint64 deadline = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;
    g_mutex_lock(&log->lock);
    while (!is_there(log, event, uuid) && g_cond_wait_until(&log->added, &log->lock, deadline))
        ;
    gboolean came = is_there(log, event, uuid);
    if (came)
        forget_until(log, event, uuid);
    g_mutex_unlock(&log->lock);
    return came;
}

gboolean event_log_has(EventLog *log, HypervisorEvent event, const char *uuid)
{
    g_mutex_lock(&log->lock);
    gboolean came = is_there(log, event, uuid);
    g_mutex_unlock(&log->lock);
    return came;
}
