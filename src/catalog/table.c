/* Structs as rows: the tables of columns, and the four things that follow from them. */
#include "catalog/table.h"

#include <string.h>

#include "foundation/error.h"
#include "model/inventory.h"
#include "model/space_sample.h"

#define ENUM_CODEC(noun, Type)                                                                     \
    static const char *noun##_encode(int value)                                                    \
    {                                                                                              \
        return noun##_name((Type)value);                                                           \
    }                                                                                              \
    static gboolean noun##_decode(const char *text, int *value_out)                                \
    {                                                                                              \
        Type value;                                                                                \
        if (!noun##_from_name(text, &value))                                                       \
            return FALSE;                                                                          \
        *value_out = (int)value;                                                                   \
        return TRUE;                                                                               \
    }                                                                                              \
    static const EnumCodec noun##_codec = {noun##_encode, noun##_decode};

ENUM_CODEC(place, Place)
ENUM_CODEC(role, Role)
ENUM_CODEC(cause, Cause)
ENUM_CODEC(nvram_source, NvramSource)
ENUM_CODEC(head_source, HeadSource)
ENUM_CODEC(reclaim_kind, ReclaimKind)
ENUM_CODEC(job_state, JobState)
ENUM_CODEC(item_state, ItemState)

/* Columns named as their members, and the few that are not. */
#define NAMED(Struct, name, member, kind)                                                          \
    {                                                                                              \
        name, kind, G_STRUCT_OFFSET(Struct, member), NULL                                          \
    }
#define PLAIN(Struct, member, kind) NAMED(Struct, #member, member, kind)
#define CODED(Struct, member, noun)                                                                \
    {                                                                                              \
#member, COLUMN_ENUM, G_STRUCT_OFFSET(Struct, member), &noun##_codec                       \
    }

static const Column machine_columns[] = {
    PLAIN(Machine, id, COLUMN_TEXT),
    PLAIN(Machine, name, COLUMN_TEXT),
    PLAIN(Machine, uuid, COLUMN_TEXT),
    PLAIN(Machine, actual, COLUMN_UINT64),
    PLAIN(Machine, desired, COLUMN_UINT64),
    PLAIN(Machine, last_number, COLUMN_UINT64),
    CODED(Machine, actual_place, place),
    CODED(Machine, desired_place, place),
    PLAIN(Machine, set_id, COLUMN_TEXT),
    PLAIN(Machine, retired, COLUMN_FLAG),
    PLAIN(Machine, held, COLUMN_FLAG),
    PLAIN(Machine, hold_reason, COLUMN_TEXT),
    PLAIN(Machine, behind_reason, COLUMN_TEXT),
    PLAIN(Machine, start_after, COLUMN_FLAG),
    PLAIN(Machine, define_after, COLUMN_FLAG),
    NAMED(Machine, "discard_data", discard, COLUMN_FLAG),
    PLAIN(Machine, keep_data, COLUMN_FLAG),
    PLAIN(Machine, export_out, COLUMN_FLAG),
    NAMED(Machine, "session_generation", session, COLUMN_UINT64),
    PLAIN(Machine, session_started_at, COLUMN_INT64),
    PLAIN(Machine, created_at, COLUMN_INT64),
    PLAIN(Machine, prepared_at, COLUMN_INT64),
    PLAIN(Machine, checklist, COLUMN_TEXT),
    PLAIN(Machine, origin, COLUMN_TEXT),
};

static const Column volume_columns[] = {
    PLAIN(Volume, target, COLUMN_TEXT),
    CODED(Volume, role, role),
    PLAIN(Volume, format, COLUMN_TEXT),
    PLAIN(Volume, own, COLUMN_FLAG),
};

static const Column generation_columns[] = {
    PLAIN(Generation, number, COLUMN_UINT64),
    CODED(Generation, cause, cause),
    PLAIN(Generation, base_id, COLUMN_TEXT),
    CODED(Generation, nvram, nvram_source),
    PLAIN(Generation, instance, COLUMN_UINT64),
    PLAIN(Generation, nvram_generation, COLUMN_UINT64),
    PLAIN(Generation, nvram_path, COLUMN_TEXT),
    PLAIN(Generation, created_at, COLUMN_INT64),
    PLAIN(Generation, replaced_at, COLUMN_INT64),
    PLAIN(Generation, held_bytes, COLUMN_UINT64),
    PLAIN(Generation, hibernated, COLUMN_FLAG),
    PLAIN(Generation, job_id, COLUMN_TEXT),
};

static const Column head_columns[] = {
    PLAIN(Head, target, COLUMN_TEXT),       CODED(Head, role, role),
    PLAIN(Head, format, COLUMN_TEXT),       PLAIN(Head, layer_id, COLUMN_TEXT),
    PLAIN(Head, layer_format, COLUMN_TEXT), PLAIN(Head, capacity_bytes, COLUMN_UINT64),
    CODED(Head, source, head_source),       PLAIN(Head, source_generation, COLUMN_UINT64),
    PLAIN(Head, source_path, COLUMN_TEXT),  PLAIN(Head, source_format, COLUMN_TEXT),
};

static const Column layer_columns[] = {
    PLAIN(Layer, id, COLUMN_TEXT),
    PLAIN(Layer, set_id, COLUMN_TEXT),
    PLAIN(Layer, target, COLUMN_TEXT),
    CODED(Layer, role, role),
    PLAIN(Layer, format, COLUMN_TEXT),
    PLAIN(Layer, capacity_bytes, COLUMN_UINT64),
    PLAIN(Layer, allocated_bytes, COLUMN_UINT64),
    PLAIN(Layer, parent_id, COLUMN_TEXT),
    PLAIN(Layer, former_parent_id, COLUMN_TEXT),
    PLAIN(Layer, flattened_at, COLUMN_INT64),
    PLAIN(Layer, machine_id, COLUMN_TEXT),
    PLAIN(Layer, machine_name, COLUMN_TEXT),
    PLAIN(Layer, sealed_at, COLUMN_INT64),
    PLAIN(Layer, digest, COLUMN_TEXT),
};

static const Column kept_columns[] = {
    PLAIN(KeptVolume, id, COLUMN_TEXT),
    PLAIN(KeptVolume, path, COLUMN_TEXT),
    PLAIN(KeptVolume, target, COLUMN_TEXT),
    PLAIN(KeptVolume, format, COLUMN_TEXT),
    PLAIN(KeptVolume, capacity_bytes, COLUMN_UINT64),
    PLAIN(KeptVolume, layer_id, COLUMN_TEXT),
    PLAIN(KeptVolume, layer_format, COLUMN_TEXT),
    PLAIN(KeptVolume, machine_id, COLUMN_TEXT),
    PLAIN(KeptVolume, machine_name, COLUMN_TEXT),
    PLAIN(KeptVolume, removed_at, COLUMN_INT64),
    PLAIN(KeptVolume, expires_at, COLUMN_INT64),
};

static const Column reclaim_columns[] = {
    PLAIN(ReclaimItem, id, COLUMN_TEXT),           CODED(ReclaimItem, kind, reclaim_kind),
    PLAIN(ReclaimItem, path, COLUMN_TEXT),         PLAIN(ReclaimItem, machine_id, COLUMN_TEXT),
    PLAIN(ReclaimItem, generation, COLUMN_UINT64), PLAIN(ReclaimItem, layer_id, COLUMN_TEXT),
    PLAIN(ReclaimItem, bytes, COLUMN_UINT64),      PLAIN(ReclaimItem, listed_at, COLUMN_INT64),
};

static const Column job_columns[] = {
    PLAIN(JobRow, id, COLUMN_TEXT),
    PLAIN(JobRow, request, COLUMN_TEXT),
    PLAIN(JobRow, idempotency_key, COLUMN_TEXT),
    PLAIN(JobRow, requested_by, COLUMN_TEXT),
    CODED(JobRow, state, job_state),
    PLAIN(JobRow, created_at, COLUMN_INT64),
    PLAIN(JobRow, started_at, COLUMN_INT64),
    PLAIN(JobRow, finished_at, COLUMN_INT64),
    NAMED(JobRow, "steps_done", done, COLUMN_UINT),
    NAMED(JobRow, "steps_total", total, COLUMN_UINT),
    PLAIN(JobRow, phase, COLUMN_TEXT),
    PLAIN(JobRow, error_code, COLUMN_ERROR),
    PLAIN(JobRow, message, COLUMN_TEXT),
    PLAIN(JobRow, hint, COLUMN_TEXT),
    NAMED(JobRow, "is_committed", committed, COLUMN_FLAG),
};

static const Column job_item_columns[] = {
    PLAIN(JobItem, machine_id, COLUMN_TEXT), PLAIN(JobItem, machine_name, COLUMN_TEXT),
    CODED(JobItem, state, item_state),       PLAIN(JobItem, error_code, COLUMN_ERROR),
    PLAIN(JobItem, message, COLUMN_TEXT),    PLAIN(JobItem, hint, COLUMN_TEXT),
    PLAIN(JobItem, receipt, COLUMN_TEXT),
};

static const Column sample_columns[] = {
    PLAIN(SpaceSample, at, COLUMN_INT64),
    PLAIN(SpaceSample, free_bytes, COLUMN_UINT64),
};

#define COLUMNS(array) array, G_N_ELEMENTS(array)
const Table catalog_tables[TABLE_COUNT] = {
    [TABLE_MACHINE] = {"machine", {NULL}, "id", COLUMNS(machine_columns)},
    [TABLE_VOLUME] = {"volume",
                      {"machine_id", "slot"},
                      "machine_id, slot",
                      COLUMNS(volume_columns)},
    [TABLE_GENERATION] = {"generation",
                          {"machine_id"},
                          "machine_id, number",
                          COLUMNS(generation_columns)},
    [TABLE_HEAD] = {"head",
                    {"machine_id", "number", "slot"},
                    "machine_id, number, slot",
                    COLUMNS(head_columns)},
    [TABLE_LAYER] = {"layer", {NULL}, "id", COLUMNS(layer_columns)},
    [TABLE_KEPT] = {"kept_volume", {NULL}, "id", COLUMNS(kept_columns)},
    [TABLE_RECLAIM] = {"reclaim", {NULL}, "id", COLUMNS(reclaim_columns)},
    [TABLE_JOB] = {"job", {"sequence"}, "id", COLUMNS(job_columns)},
    [TABLE_JOB_ITEM] = {"job_item", {"job_id", "slot"}, "job_id, slot", COLUMNS(job_item_columns)},
    [TABLE_SAMPLE] = {"space_sample", {NULL}, "at", COLUMNS(sample_columns)},
};

guint table_outer_count(const Table *table)
{
    return g_strv_length((char **)table->outer);
}

/* Every column's name in order; elements borrowed. */
static GPtrArray *column_names(const Table *table)
{
    GPtrArray *names = g_ptr_array_new();
    for (guint i = 0; table->outer[i] != NULL; i++)
        g_ptr_array_add(names, (char *)table->outer[i]);
    for (guint i = 0; i < table->column_count; i++)
        g_ptr_array_add(names, (char *)table->columns[i].name);
    return names;
}

/* Outer columns that are no key (a job's sequence) keep the value of the first insert. */
char *table_upsert_sql(const Table *table)
{
    g_autoptr(GPtrArray) names = column_names(table);
    g_auto(GStrv) keys = g_strsplit(table->keys, ", ", -1);
    g_autoptr(GString) columns = g_string_new(NULL);
    g_autoptr(GString) values = g_string_new(NULL);
    g_autoptr(GString) updates = g_string_new(NULL);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_string_append_printf(columns, "%s%s", i == 0 ? "" : ", ", name);
        g_string_append(values, i == 0 ? "?" : ", ?");
        if (i >= table_outer_count(table) && !g_strv_contains((const char *const *)keys, name))
            g_string_append_printf(updates, "%s%s = excluded.%s", updates->len == 0 ? "" : ", ",
                                   name, name);
    }
    return g_strdup_printf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s",
                           table->name, columns->str, values->str, table->keys, updates->str);
}

char *table_column_list(const Table *table, const char *alias)
{
    g_autoptr(GPtrArray) names = column_names(table);
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(list, "%s%s.%s", i == 0 ? "" : ", ", alias,
                               (const char *)g_ptr_array_index(names, i));
    return g_string_free(list, FALSE);
}

#define MEMBER(object, column, Type) G_STRUCT_MEMBER(Type, (object), (column)->offset)

static void bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

static void bind_column(const Column *column, sqlite3_stmt *statement, int parameter,
                        gconstpointer object)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        bind_text(statement, parameter, MEMBER(object, column, char *));
        break;
    case COLUMN_UINT64:
        sqlite3_bind_int64(statement, parameter, (sqlite3_int64)MEMBER(object, column, guint64));
        break;
    case COLUMN_INT64:
        sqlite3_bind_int64(statement, parameter, MEMBER(object, column, gint64));
        break;
    case COLUMN_UINT:
        sqlite3_bind_int64(statement, parameter, MEMBER(object, column, guint));
        break;
    case COLUMN_FLAG:
        sqlite3_bind_int(statement, parameter, MEMBER(object, column, gboolean) ? 1 : 0);
        break;
    case COLUMN_ENUM:
        bind_text(statement, parameter, column->codec->encode(MEMBER(object, column, int)));
        break;
    case COLUMN_ERROR: {
        int code = MEMBER(object, column, int);
        bind_text(statement, parameter, code < 0 ? NULL : error_code_name((UnderpinErrorCode)code));
        break;
    }
    }
}

void table_bind(const Table *table, sqlite3_stmt *statement, int first, gconstpointer object)
{
    for (guint i = 0; i < table->column_count; i++)
        bind_column(&table->columns[i], statement, first + (int)i, object);
}

static gboolean read_enum(const Column *column, const char *text, int *value_out)
{
    UnderpinErrorCode code;
    if (column->kind == COLUMN_ENUM)
        return column->codec->decode(text, value_out);
    if (text == NULL) {
        *value_out = -1;
        return TRUE;
    }
    if (!error_code_from_name(text, &code))
        return FALSE;
    *value_out = (int)code;
    return TRUE;
}

static void read_text(sqlite3_stmt *statement, int index, char **text_out)
{
    g_free(*text_out);
    *text_out = g_strdup((const char *)sqlite3_column_text(statement, index));
}

static gboolean read_column(const Column *column, sqlite3_stmt *statement, int index,
                            gpointer object)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        read_text(statement, index, &MEMBER(object, column, char *));
        return TRUE;
    case COLUMN_UINT64:
        MEMBER(object, column, guint64) = (guint64)sqlite3_column_int64(statement, index);
        return TRUE;
    case COLUMN_INT64:
        MEMBER(object, column, gint64) = sqlite3_column_int64(statement, index);
        return TRUE;
    case COLUMN_UINT:
        MEMBER(object, column, guint) = (guint)sqlite3_column_int64(statement, index);
        return TRUE;
    case COLUMN_FLAG:
        MEMBER(object, column, gboolean) = sqlite3_column_int(statement, index) != 0;
        return TRUE;
    case COLUMN_ENUM:
    case COLUMN_ERROR:
        return read_enum(column, (const char *)sqlite3_column_text(statement, index),
                         &MEMBER(object, column, int));
    }
    return FALSE;
}

gboolean table_read(const Table *table, sqlite3_stmt *statement, int first, gpointer object,
                    GError **error)
{
    for (guint i = 0; i < table->column_count; i++)
        if (!read_column(&table->columns[i], statement, first + (int)i, object))
            return error_set(
                error, UNDERPIN_ERROR_BACKEND,
                "restore a backup of the catalog, or rebuild it with 'underpin doctor --rebuild'",
                "the catalog holds an unknown %s '%s' of a %s", table->columns[i].name,
                sqlite3_column_text(statement, first + (int)i), table->name);
    return TRUE;
}

static gboolean column_equal(const Column *column, gconstpointer one, gconstpointer other)
{
    switch (column->kind) {
    case COLUMN_TEXT:
        return g_strcmp0(MEMBER(one, column, char *), MEMBER(other, column, char *)) == 0;
    case COLUMN_UINT64:
    case COLUMN_INT64:
        return MEMBER(one, column, guint64) == MEMBER(other, column, guint64);
    case COLUMN_FLAG:
        return !MEMBER(one, column, gboolean) == !MEMBER(other, column, gboolean);
    case COLUMN_UINT:
    case COLUMN_ENUM:
    case COLUMN_ERROR:
        return MEMBER(one, column, guint) == MEMBER(other, column, guint);
    }
    return FALSE;
}

gboolean table_equal(const Table *table, gconstpointer one, gconstpointer other)
{
    for (guint i = 0; i < table->column_count; i++)
        if (!column_equal(&table->columns[i], one, other))
            return FALSE;
    return TRUE;
}
