/* A generation: one complete set of heads of a machine. Atomic references, because snapshots cross
 * threads. */
#include "model/generation.h"

#include "model/name_table.h"

static const char *const head_source_names[] = {
    [HEAD_FRESH] = "fresh", [HEAD_KEEP] = "keep",       [HEAD_ENTRY] = "entry",
    [HEAD_BLANK] = "blank", [HEAD_ADOPT] = "adopt",     [HEAD_CONVERT] = "convert",
    [HEAD_COPY] = "copy",   [HEAD_FLATTEN] = "flatten", [HEAD_ATTACH] = "attach",
};
NAME_TABLE_DEFINE(head_source, HeadSource, head_source_names, HEAD_SOURCE_COUNT)

static const char *const nvram_source_names[] = {
    [NVRAM_NONE] = "none",   [NVRAM_KEEP] = "keep",   [NVRAM_BASE] = "base",
    [NVRAM_ENTRY] = "entry", [NVRAM_ADOPT] = "adopt",
};
NAME_TABLE_DEFINE(nvram_source, NvramSource, nvram_source_names, NVRAM_SOURCE_COUNT)

static const char *const cause_names[] = {
    [CAUSE_IMPORT] = "import", [CAUSE_CLONE] = "clone", [CAUSE_RESTORE] = "restore",
    [CAUSE_REBASE] = "rebase", [CAUSE_UNDO] = "undo",   [CAUSE_CLEAN] = "clean",
    [CAUSE_CHANGE] = "change",
};
NAME_TABLE_DEFINE(cause, Cause, cause_names, CAUSE_COUNT)

Head *head_new(const char *target, Role role, const char *format, guint64 capacity_bytes,
               HeadSource source)
{
    Head *head = g_new0(Head, 1);
    head->target = g_strdup(target);
    head->role = role;
    head->format = g_strdup(format);
    head->capacity_bytes = capacity_bytes;
    head->source = source;
    return head;
}

Head *head_copy(const Head *head)
{
    Head *copy = g_memdup2(head, sizeof *head);
    copy->target = g_strdup(head->target);
    copy->format = g_strdup(head->format);
    copy->layer_id = g_strdup(head->layer_id);
    copy->layer_format = g_strdup(head->layer_format);
    copy->source_path = g_strdup(head->source_path);
    copy->source_format = g_strdup(head->source_format);
    return copy;
}

void head_free(Head *head)
{
    if (head == NULL)
        return;
    g_free(head->target);
    g_free(head->format);
    g_free(head->layer_id);
    g_free(head->layer_format);
    g_free(head->source_path);
    g_free(head->source_format);
    g_free(head);
}

void head_set_layer(Head *head, const char *layer_id, const char *layer_format)
{
    char *new_id = g_strdup(layer_id);
    char *new_format = g_strdup(layer_format);
    g_free(head->layer_id);
    g_free(head->layer_format);
    head->layer_id = new_id;
    head->layer_format = new_format;
}

Generation *generation_new(guint64 number, Cause cause, const char *base_id, gint64 created_at)
{
    Generation *generation = g_new0(Generation, 1);
    generation->ref_count = 1;
    generation->number = number;
    generation->cause = cause;
    generation->base_id = g_strdup(base_id);
    generation->heads = g_ptr_array_new_with_free_func((GDestroyNotify)head_free);
    generation->created_at = created_at;
    return generation;
}

Generation *generation_ref(const Generation *generation)
{
    Generation *shared = (Generation *)generation;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void generation_unref(Generation *generation)
{
    if (generation == NULL || !g_atomic_int_dec_and_test(&generation->ref_count))
        return;
    g_free(generation->base_id);
    g_ptr_array_unref(generation->heads);
    g_free(generation->nvram_path);
    g_free(generation->job_id);
    g_free(generation);
}

Generation *generation_copy(const Generation *generation)
{
    Generation *copy = g_memdup2(generation, sizeof *generation);
    copy->ref_count = 1;
    copy->base_id = g_strdup(generation->base_id);
    copy->nvram_path = g_strdup(generation->nvram_path);
    copy->job_id = g_strdup(generation->job_id);
    copy->heads = g_ptr_array_new_with_free_func((GDestroyNotify)head_free);
    for (guint i = 0; i < generation->heads->len; i++)
        g_ptr_array_add(copy->heads, head_copy(g_ptr_array_index(generation->heads, i)));
    return copy;
}

const Head *generation_head(const Generation *generation, const char *target)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        if (g_str_equal(head->target, target))
            return head;
    }
    return NULL;
}

gboolean generation_has_role(const Generation *generation, Role role)
{
    for (guint i = 0; i < generation->heads->len; i++)
        if (((const Head *)g_ptr_array_index(generation->heads, i))->role == role)
            return TRUE;
    return FALSE;
}
