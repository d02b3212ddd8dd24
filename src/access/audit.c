/* The audit trail: appended to, read, and cut at its old end; never changed. */
#include "access/access_private.h"

#define PRUNE_EVERY_SECONDS 3600

AuditEntry *audit_entry_new(const char *action, const char *result)
{
    AuditEntry *entry = g_new0(AuditEntry, 1);
    entry->action = g_strdup(action);
    entry->result = g_strdup(result);
    return entry;
}

void audit_entry_free(AuditEntry *entry)
{
    if (!entry)
        return;
    g_free(entry->account);
    g_free(entry->address);
    g_free(entry->action);
    g_free(entry->machine);
    g_free(entry->result);
    g_free(entry->detail);
    g_free(entry->job);
    g_free(entry);
}

static void free_entry(gpointer entry)
{
    audit_entry_free(entry);
}

typedef struct {
    Access *access;
    const GPtrArray *entries;
    gint64 now;
} Work;

static gboolean append(Access *access, const AuditEntry *entry, gint64 sequence, gint64 now,
                       GError **error)
{
    return sql_run(&access->database, error,
                   "INSERT INTO audit (sequence, at, account, address, action, machine, result,"
                   " detail, job) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   "nnttttttt", sequence, entry->at ? entry->at : now, entry->account,
                   entry->address, entry->action, entry->machine, entry->result, entry->detail,
                   entry->job);
}

static gboolean prune(Work *work, GError **error)
{
    Access *access = work->access;
    if (work->now < access->pruned_at + PRUNE_EVERY_SECONDS)
        return TRUE;
    access->pruned_at = work->now;
    return sql_run(&access->database, error, "DELETE FROM audit WHERE at < ?", "n",
                   work->now - access->audit_retention_seconds);
}

static gboolean note(gpointer data, GError **error)
{
    Work *work = data;
    gint64 last = 0;
    if (!database_number(&work->access->database, "SELECT COALESCE(MAX(sequence), 0) FROM audit",
                         &last, error))
        return FALSE;
    for (guint i = 0; i < work->entries->len; i++) {
        if (!append(work->access, work->entries->pdata[i], last + 1 + i, work->now, error))
            return FALSE;
    }
    return prune(work, error);
}

gboolean access_note(Access *access, const GPtrArray *entries, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    Work work = {.access = access, .entries = entries, .now = clock_now(access->clock)};
    return database_transaction(&access->database, note, &work, error);
}

static AuditEntry *read_row(SqlStatement *row)
{
    AuditEntry *entry = g_new0(AuditEntry, 1);
    entry->sequence = sqlite3_column_int64(row, 0);
    entry->at = sqlite3_column_int64(row, 1);
    char **const texts[] = {&entry->account, &entry->address, &entry->action, &entry->machine,
                            &entry->result,  &entry->detail,  &entry->job};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        *texts[i] = sql_text(row, 2 + (int)i);
    return entry;
}

/* Which index serves depends on what is asked for: a query that is written for it finds it. */
static const char *query_text(const AuditQuery *query)
{
#define FIRST                                                                                      \
    "SELECT sequence, at, account, address, action, machine, result, detail, job FROM audit "      \
    "WHERE "
#define LAST " AND (?3 = 0 OR sequence < ?3) ORDER BY sequence DESC LIMIT ?4"
    if (query->machine)
        return FIRST "machine = ?1 AND (?2 IS NULL OR account = ?2)" LAST;
    if (query->account)
        return FIRST "?1 IS NULL AND account = ?2" LAST;
    return FIRST "?1 IS NULL AND ?2 IS NULL" LAST;
#undef FIRST
#undef LAST
}

GPtrArray *access_list_audit(Access *access, const AuditQuery *query, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean more = TRUE;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    g_autoptr(SqlStatement) statement =
        sql_prepare(&access->database, error, query_text(query), "ttnn", query->machine,
                    query->account, query->before, (gint64)query->limit);
    while (statement && more) {
        if (!database_step(&access->database, statement, &more, error))
            return NULL;
        if (more)
            g_ptr_array_add(entries, read_row(statement));
    }
    return statement ? g_steal_pointer(&entries) : NULL;
}

/* --- jobs whose end is missing ---------------------------------------------------------------- */

#define UNENDED_AMONG "1000"

static const char unended[] =
    "SELECT DISTINCT asked.job"
    " FROM (SELECT job, action FROM audit WHERE result = '" AUDIT_ACCEPTED "' AND job IS NOT NULL"
    "       ORDER BY sequence DESC LIMIT " UNENDED_AMONG ") AS asked"
    " WHERE NOT EXISTS (SELECT 1 FROM audit AS ended WHERE ended.job = asked.job"
    "  AND ended.action = asked.action AND ended.result <> '" AUDIT_ACCEPTED "')";

GPtrArray *access_list_unended(Access *access, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean more = TRUE;
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(SqlStatement) statement = sql_prepare(&access->database, error, unended, "");
    while (statement && more) {
        if (!database_step(&access->database, statement, &more, error))
            return NULL;
        if (more)
            g_ptr_array_add(jobs, sql_text(statement, 0));
    }
    return statement ? g_steal_pointer(&jobs) : NULL;
}
