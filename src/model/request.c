/* A request: what somebody asks for. Life cycle, and the one table of its fields. */
#include "model/request.h"

#include <string.h>

#include "model/name_table.h"
#include "model/request_fields.h"

static const char *const running_policy_names[] = {
    [RUNNING_REBOOT] = "reboot",
    [RUNNING_STOP] = "stop",
    [RUNNING_SHUTDOWN] = "shutdown",
    [RUNNING_FORCE] = "force",
};
NAME_TABLE_DEFINE(running_policy, RunningPolicy, running_policy_names, RUNNING_POLICY_COUNT)

#define X(name, member, kind, lowest, highest)                                                     \
    [REQUEST_##name] = {#member, kind, G_STRUCT_OFFSET(Request, member), lowest, highest},
const FieldInfo request_fields[REQUEST_FIELD_COUNT] = {REQUEST_FIELDS(X)};
#undef X

const FieldInfo request_disk_fields[REQUEST_DISK_FIELD_COUNT] = {
    {"path", FIELD_PATH, G_STRUCT_OFFSET(RequestDisk, path), 1, 4095},
    {"target", FIELD_TEXT, G_STRUCT_OFFSET(RequestDisk, target), 1, 16},
    {"format", FIELD_TEXT, G_STRUCT_OFFSET(RequestDisk, format), 1, 16},
    {"role", FIELD_ROLE, G_STRUCT_OFFSET(RequestDisk, role), 0, 0},
    {"capacity_bytes", FIELD_UINT64, G_STRUCT_OFFSET(RequestDisk, capacity_bytes), 0,
     REQUEST_CAPACITY_MAX},
};

static gboolean array_is_default(const FieldInfo *field, gconstpointer object)
{
    return FIELD_MEMBER(object, field, GPtrArray *)->len == 0;
}

static gboolean uint_is_default(const FieldInfo *field, gconstpointer object)
{
    gboolean is_grace = field == &request_fields[REQUEST_GRACE_SECONDS];
    return FIELD_MEMBER(object, field, guint) == (is_grace ? REQUEST_GRACE_DEFAULT : 0);
}

gboolean field_is_default(const FieldInfo *field, gconstpointer object)
{
    switch (field->kind) {
    case FIELD_NAMES:
    case FIELD_DISKS:
        return array_is_default(field, object);
    case FIELD_NAME:
    case FIELD_TEXT:
    case FIELD_PATH:
    case FIELD_OBJECT:
        return FIELD_MEMBER(object, field, gpointer) == NULL;
    case FIELD_UINT:
        return uint_is_default(field, object);
    case FIELD_UINT64:
        return FIELD_MEMBER(object, field, guint64) == 0;
    case FIELD_FLAG:
        return !FIELD_MEMBER(object, field, gboolean);
    case FIELD_ROLE:
        return FIELD_MEMBER(object, field, int) < 0;
    case FIELD_RUNNING:
        return FIELD_MEMBER(object, field, RunningPolicy) == RUNNING_REBOOT;
    }
    return TRUE;
}

RequestDisk *request_disk_new(void)
{
    RequestDisk *disk = g_new0(RequestDisk, 1);
    disk->role = -1;
    return disk;
}

void request_disk_free(RequestDisk *disk)
{
    if (disk == NULL)
        return;
    g_free(disk->path);
    g_free(disk->target);
    g_free(disk->format);
    g_free(disk);
}

static RequestDisk *request_disk_copy(const RequestDisk *disk)
{
    RequestDisk *copy = g_memdup2(disk, sizeof *disk);
    copy->path = g_strdup(disk->path);
    copy->target = g_strdup(disk->target);
    copy->format = g_strdup(disk->format);
    return copy;
}

Request *request_new(Verb verb)
{
    Request *request = g_new0(Request, 1);
    request->verb = verb;
    request->machines = g_ptr_array_new_with_free_func(g_free);
    request->grace_seconds = REQUEST_GRACE_DEFAULT;
    request->disks = g_ptr_array_new_with_free_func((GDestroyNotify)request_disk_free);
    request->role = -1;
    return request;
}

static void copy_texts(Request *copy, const Request *request)
{
    copy->all_of = g_strdup(request->all_of);
    copy->onto = g_strdup(request->onto);
    copy->match = g_strdup(request->match);
    copy->reason = g_strdup(request->reason);
    copy->domain = g_strdup(request->domain);
    copy->name_pattern = g_strdup(request->name_pattern);
    copy->volume = g_strdup(request->volume);
    copy->path = g_strdup(request->path);
    copy->layer = g_strdup(request->layer);
    copy->idempotency_key = g_strdup(request->idempotency_key);
}

Request *request_copy(const Request *request)
{
    Request *copy = g_memdup2(request, sizeof *request);
    copy_texts(copy, request);
    copy->machines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < request->machines->len; i++)
        request_add_machine(copy, g_ptr_array_index(request->machines, i));
    copy->disks = g_ptr_array_new_with_free_func((GDestroyNotify)request_disk_free);
    for (guint i = 0; i < request->disks->len; i++)
        g_ptr_array_add(copy->disks, request_disk_copy(g_ptr_array_index(request->disks, i)));
    /* A deep copy, because jansson's reference counts and objects belong to one thread at a time.
     */
    copy->checklist = request->checklist == NULL ? NULL : json_deep_copy(request->checklist);
    return copy;
}

void request_free(Request *request)
{
    if (request == NULL)
        return;
    g_ptr_array_unref(request->machines);
    g_free(request->all_of);
    g_free(request->onto);
    g_free(request->match);
    g_free(request->reason);
    g_free(request->domain);
    g_ptr_array_unref(request->disks);
    g_free(request->name_pattern);
    g_free(request->volume);
    g_free(request->path);
    g_free(request->layer);
    json_decref(request->checklist);
    g_free(request->idempotency_key);
    g_free(request);
}

void request_add_machine(Request *request, const char *name)
{
    g_ptr_array_add(request->machines, g_strdup(name));
}

static int compare_texts(gconstpointer one, gconstpointer other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The order of the names means something only where the first one is another kind of thing. */
static json_t *comparable(const Request *request)
{
    g_autoptr(Request) sorted = request_copy(request);
    if (request->verb != VERB_CLONE)
        g_ptr_array_sort(sorted->machines, compare_texts);
    return request_to_json(sorted);
}

gboolean request_is_same(const Request *one, const Request *other)
{
    json_t *a = comparable(one), *b = comparable(other);
    gboolean same = json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}
