/*
 * What a request may and must say, per verb: one table. These are the checks that need no
 * inventory; a request built by code (command line, tests) passes the same ones as a request read
 * from JSON.
 */
#include <string.h>

#include "foundation/error.h"
#include "model/machine.h"
#include "model/request_fields.h"

#define BIT(name) ((guint64)1 << REQUEST_##name)

/* Sets of fields that come together. */
#define NAMES     BIT(MACHINES)
#define SELECTION (NAMES | BIT(ALL_OF) | BIT(MATCH) | BIT(LIMIT))
#define POLICY    (BIT(RUNNING) | BIT(GRACE_SECONDS) | BIT(DIGEST))
/* Every verb takes these: a confirmation given, and the way past a warning that refuses. */
#define ALWAYS (BIT(YES) | BIT(FORCE))

typedef struct {
    guint64 required;
    guint64 allowed; /* besides the required ones and ALWAYS */
} VerbRule;

static const VerbRule rules[] = {
    [VERB_IMPORT] = {NAMES, BIT(DOMAIN) | BIT(DISKS) | BIT(MEMORY_MIB) | BIT(CPUS) | BIT(FLATTEN)},
    [VERB_PREPARE] = {NAMES, BIT(SHUTDOWN_FIRST) | BIT(GRACE_SECONDS) | BIT(CHECKLIST)},
    [VERB_UNPREPARE] = {NAMES, 0},
    [VERB_CLONE] = {NAMES, BIT(COUNT) | BIT(NAME_PATTERN)},
    [VERB_START] = {0, SELECTION},
    [VERB_SHUTDOWN] = {0, SELECTION | BIT(GRACE_SECONDS)},
    [VERB_POWEROFF] = {0, SELECTION},
    [VERB_REBOOT] = {0, SELECTION},
    [VERB_RESTORE] = {0, SELECTION | POLICY},
    [VERB_REBASE] = {BIT(ONTO), SELECTION | POLICY | BIT(EVEN_HELD) | BIT(NEW_HARDWARE)},
    [VERB_UNDO] = {0, SELECTION | POLICY},
    [VERB_HOLD] = {0, SELECTION | BIT(REASON)},
    [VERB_RELEASE] = {0, SELECTION},
    [VERB_DETACH] = {NAMES, 0},
    [VERB_REMOVE] = {NAMES, BIT(KEEP_DATA) | BIT(NOW)},
    [VERB_EXPORT] = {NAMES, 0},
    [VERB_VOLUME_ADD] = {NAMES | BIT(DISKS), 0},
    [VERB_VOLUME_ATTACH] = {NAMES | BIT(VOLUME), 0},
    [VERB_VOLUME_SET_ROLE] = {NAMES | BIT(VOLUME) | BIT(ROLE), 0},
    [VERB_VOLUME_RESIZE] = {NAMES | BIT(VOLUME) | BIT(CAPACITY_BYTES), 0},
    [VERB_BACKUP] = {BIT(PATH), 0},
    [VERB_REPAIR] = {0, 0},
    [VERB_RECLAIM] = {0, 0},
    [VERB_FLATTEN] = {BIT(LAYER), 0},
    [VERB_PURGE] = {0, NAMES | BIT(VOLUME) | BIT(TRASH)},
    [VERB_FORGET] = {0, SELECTION},
};
G_STATIC_ASSERT(G_N_ELEMENTS(rules) == VERB_COUNT);

static gboolean invalid(GError **error, const char *hint, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static gboolean invalid(GError **error, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "%s", message);
}

static guint64 stated_fields(const Request *request)
{
    guint64 stated = 0;
    for (guint i = 0; i < REQUEST_FIELD_COUNT; i++)
        if (!field_is_default(&request_fields[i], request))
            stated |= (guint64)1 << i;
    return stated;
}

static gboolean check_presence(const Request *request, GError **error)
{
    const VerbRule *rule = &rules[request->verb];
    guint64 stated = stated_fields(request);
    guint64 missing = rule->required & ~stated;
    guint64 senseless = stated & ~(rule->required | rule->allowed | ALWAYS);
    for (guint i = 0; i < REQUEST_FIELD_COUNT; i++) {
        const char *field = request_fields[i].name;
        if ((missing & (guint64)1 << i) != 0)
            return invalid(error, NULL, "%s needs field '%s'", verb_name(request->verb), field);
        if ((senseless & (guint64)1 << i) != 0)
            return invalid(error, NULL, "field '%s' means nothing for %s", field,
                           verb_name(request->verb));
    }
    return TRUE;
}

/* The bounds that reading checks too; a request built by code meets them here. */
static gboolean check_bounds(const FieldInfo *field, gconstpointer object, GError **error)
{
    guint64 value = 0;
    if (field->kind == FIELD_UINT)
        value = FIELD_MEMBER(object, field, guint);
    else if (field->kind == FIELD_UINT64)
        value = FIELD_MEMBER(object, field, guint64);
    else if (field->kind == FIELD_NAMES || field->kind == FIELD_DISKS)
        value = FIELD_MEMBER(object, field, GPtrArray *)->len;
    if (value > field->highest && field->highest > 0)
        return invalid(error, NULL, "field '%s' is above %" G_GUINT64_FORMAT, field->name,
                       field->highest);
    return TRUE;
}

static gboolean check_text(const FieldInfo *field, gconstpointer object, GError **error)
{
    if (field->kind != FIELD_TEXT && field->kind != FIELD_PATH && field->kind != FIELD_NAME)
        return TRUE;
    const char *text = FIELD_MEMBER(object, field, char *);
    if (text == NULL)
        return TRUE;
    if (strlen(text) < field->lowest || strlen(text) > field->highest)
        return invalid(error, NULL,
                       "field '%s' must have %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " bytes",
                       field->name, field->lowest, field->highest);
    if (field->kind == FIELD_PATH && !g_path_is_absolute(text))
        return invalid(error, "give the whole path, beginning with '/'",
                       "field '%s': '%s' is no absolute path", field->name, text);
    return TRUE;
}

static gboolean check_name(const char *field, const char *name, GError **error)
{
    if (name == NULL || machine_name_is_valid(name, error))
        return TRUE;
    g_prefix_error(error, "field '%s': ", field);
    return FALSE;
}

static gboolean check_names(const Request *request, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < request->machines->len; i++) {
        char *name = g_ptr_array_index(request->machines, i);
        if (!check_name("machines", name, error))
            return FALSE;
        if (!g_hash_table_add(seen, name))
            return invalid(error, NULL, "field 'machines' names '%s' twice", name);
    }
    return check_name("all_of", request->all_of, error) && check_name("onto", request->onto, error);
}

static gboolean check_fields(const FieldInfo *fields, guint count, gconstpointer object,
                             GError **error)
{
    for (guint i = 0; i < count; i++)
        if (!check_bounds(&fields[i], object, error) || !check_text(&fields[i], object, error))
            return FALSE;
    return TRUE;
}

/* "vda", "sdb", "hdc", "xvda": what libvirt takes, and what is safe in a file's name and a layer's
 * id. */
static gboolean target_is_valid(const char *target)
{
    if (!g_ascii_islower(*target))
        return FALSE;
    for (const char *c = target; *c != '\0'; c++)
        if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c))
            return FALSE;
    return strlen(target) >= 2 && strlen(target) <= 16;
}

static gboolean check_capacity(const char *field, guint64 capacity_bytes, GError **error)
{
    if (capacity_bytes % 512 != 0)
        return invalid(error, "round it up to whole sectors", "field '%s' is no multiple of 512",
                       field);
    return TRUE;
}

static gboolean check_disk(const RequestDisk *disk, GError **error)
{
    static const char *const formats[] = {"qcow2", "raw", "vmdk", "vhdx", "vdi", NULL};
    if (!check_fields(request_disk_fields, REQUEST_DISK_FIELD_COUNT, disk, error))
        return FALSE;
    if (disk->target != NULL && !target_is_valid(disk->target))
        return invalid(error, "targets look like 'vda' or 'sdb'",
                       "field 'target': '%s' is no disk target", disk->target);
    if (disk->format != NULL && !g_strv_contains(formats, disk->format))
        return invalid(error, "known are qcow2, raw, vmdk, vhdx and vdi",
                       "field 'format': unknown image format '%s'", disk->format);
    if (disk->path != NULL && disk->capacity_bytes > 0)
        return invalid(error, "resize the volume afterwards",
                       "field 'capacity_bytes' is for a new volume, and '%s' exists", disk->path);
    return check_capacity("capacity_bytes", disk->capacity_bytes, error);
}

static gboolean check_disks(const Request *request, GError **error)
{
    g_autoptr(GHashTable) targets = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < request->disks->len; i++) {
        RequestDisk *disk = g_ptr_array_index(request->disks, i);
        gboolean valid = check_disk(disk, error);
        if (valid && disk->target != NULL && !g_hash_table_add(targets, disk->target))
            valid = invalid(error, NULL, "the target '%s' is given twice", disk->target);
        if (!valid) {
            g_prefix_error(error, "disk %u: ", i + 1);
            return FALSE;
        }
    }
    return TRUE;
}

/* Verbs that take a selection: either names, or all clones of a base, narrowed by a pattern. */
static gboolean check_selection(const Request *request, GError **error)
{
    if ((rules[request->verb].allowed & BIT(ALL_OF)) == 0)
        return TRUE;
    const char *verb = verb_name(request->verb);
    if (request->machines->len > 0 && request->all_of != NULL)
        return invalid(error, NULL, "%s takes field 'machines' or field 'all_of', not both", verb);
    if (request->machines->len == 0 && request->all_of == NULL)
        return invalid(error, NULL, "%s needs field 'machines' or field 'all_of'", verb);
    if (request->match != NULL && request->all_of == NULL)
        return invalid(error, NULL, "field 'match' narrows field 'all_of', which is missing");
    return TRUE;
}

static gboolean check_single(const Request *request, GError **error)
{
    const VerbInfo *info = verb_info(request->verb);
    if (info->needs_names && !info->many && request->machines->len > 1)
        return invalid(error, "make one request for each machine", "%s takes one machine at a time",
                       info->name);
    return TRUE;
}

static gboolean check_import(const Request *request, GError **error)
{
    if (request->domain == NULL && request->disks->len == 0)
        return invalid(error, NULL, "import needs field 'domain' or field 'disks'");
    if (request->domain != NULL && (request->memory_mib > 0 || request->cpus > 0))
        return invalid(error, "a domain brings its own hardware",
                       "fields 'memory_mib' and 'cpus' are for an import of disk files");
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        if (request->domain != NULL && (disk->target == NULL || disk->role < 0))
            return invalid(error, "for example {\"target\": \"vda\", \"role\": \"system\"}",
                           "disk %u: of a domain's disks fields 'target' and 'role' are stated",
                           i + 1);
        if (request->domain != NULL && (disk->path != NULL || disk->capacity_bytes > 0))
            return invalid(error, "add further volumes after the import",
                           "disk %u: the domain says where its disks are", i + 1);
        if (request->domain == NULL && disk->path == NULL && disk->capacity_bytes == 0)
            return invalid(error, NULL,
                           "disk %u: needs field 'path', or field 'capacity_bytes' for a new one",
                           i + 1);
    }
    return TRUE;
}

static gboolean check_pattern(const Request *request, GError **error)
{
    const char *pattern = request->name_pattern;
    const char *mark = strstr(pattern, "{n}");
    if (mark == NULL && request->count > 1)
        return invalid(error, "for example 'lab-{n}'",
                       "field 'name_pattern': '%s' has no {n} to tell %u names apart", pattern,
                       request->count);
    g_autofree char *longest = mark == NULL ? g_strdup(pattern)
                                            : g_strdup_printf("%.*s%u%s", (int)(mark - pattern),
                                                              pattern, request->count, mark + 3);
    return check_name("name_pattern", longest, error);
}

static gboolean check_clone(const Request *request, GError **error)
{
    gboolean named = request->machines->len > 1;
    gboolean counted = request->count > 0 || request->name_pattern != NULL;
    if (named && counted)
        return invalid(
            error, NULL,
            "clone takes names in field 'machines' or fields 'count' and 'name_pattern', "
            "not both");
    if (named)
        return TRUE;
    if (request->name_pattern == NULL)
        return invalid(
            error,
            "name the clones after the base, or give a count and a pattern such as 'lab-{n}'",
            "clone needs names in field 'machines' or field 'name_pattern'");
    if (request->count == 0)
        return invalid(error, NULL,
                       "clone by field 'name_pattern' needs field 'count', 1 to 10000");
    return check_pattern(request, error);
}

static gboolean check_remove(const Request *request, GError **error)
{
    if (request->keep_data && request->now)
        return invalid(error, "keep_data keeps the data volumes, now deletes them",
                       "fields 'keep_data' and 'now' exclude each other");
    return TRUE;
}

static gboolean check_volume_add(const Request *request, GError **error)
{
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        if (disk->path == NULL && disk->capacity_bytes == 0)
            return invalid(error, NULL,
                           "disk %u: needs field 'path', or field 'capacity_bytes' for a new one",
                           i + 1);
        if (disk->role < 0)
            return invalid(error, "system, temporary or data", "disk %u: needs field 'role'",
                           i + 1);
    }
    return TRUE;
}

static gboolean check_purge(const Request *request, GError **error)
{
    guint stated =
        (request->machines->len > 0) + (request->volume != NULL) + (request->trash != FALSE);
    if (stated != 1)
        return invalid(error, NULL,
                       "purge takes one of the fields 'machines', 'volume' and 'trash'");
    return TRUE;
}

static gboolean check_resize(const Request *request, GError **error)
{
    return check_capacity("capacity_bytes", request->capacity_bytes, error);
}

/* Checks beyond the fields themselves, for the verbs that have any. */
static gboolean (*const verb_checks[VERB_COUNT])(const Request *, GError **) = {
    [VERB_IMPORT] = check_import,        [VERB_CLONE] = check_clone,
    [VERB_REMOVE] = check_remove,        [VERB_VOLUME_ADD] = check_volume_add,
    [VERB_VOLUME_RESIZE] = check_resize, [VERB_PURGE] = check_purge,
};

gboolean request_validate(const Request *request, GError **error)
{
    if ((guint)request->verb >= VERB_COUNT)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "field 'verb' is out of range");
    return check_presence(request, error) &&
           check_fields(request_fields, REQUEST_FIELD_COUNT, request, error) &&
           check_names(request, error) && check_disks(request, error) &&
           check_selection(request, error) && check_single(request, error) &&
           (verb_checks[request->verb] == NULL || verb_checks[request->verb](request, error));
}
