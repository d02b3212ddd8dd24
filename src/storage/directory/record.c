/*
 * The self-description of the store: small INI files from which `doctor` can rebuild a lost
 * catalog.
 *
 * generation.ini lies with the heads that it describes and moves with them (now, undo-N, a set's
 * sealed). It is the last file that staging writes and ends with an empty group [end]: a directory
 * without a whole one was never finished. It is written without GKeyFile, a rebase of a thousand
 * machines writes a thousand of them.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/ids.h"
#include "model/layer.h"

enum { RECORD_LIMIT_BYTES = 4 * 1024 * 1024, RECORD_BUFFER_BYTES = 8 * 1024 };
static const char record_begin[] = "[generation]\nnumber=";
static const char record_end[] = "\n[end]\n";

/* --- writing ---------------------------------------------------------------------------------- */

/* In GKeyFile's own notation. */
static void put_text(GString *text, const char *key, const char *value)
{
    if (!value)
        return;
    g_string_append(text, key);
    g_string_append_c(text, '=');
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            g_string_append(text, "\\n");
        else if (*c == '\r')
            g_string_append(text, "\\r");
        else if (*c == '\t')
            g_string_append(text, "\\t");
        else if (*c == '\\')
            g_string_append(text, "\\\\");
        else if (*c == ' ' && c == value)
            g_string_append(text, "\\s");
        else
            g_string_append_c(text, *c);
    }
    g_string_append_c(text, '\n');
}

static void put_number(GString *text, const char *key, guint64 value)
{
    if (value)
        g_string_append_printf(text, "%s=%" G_GUINT64_FORMAT "\n", key, value);
}

static void put_flag(GString *text, const char *key, gboolean value)
{
    if (value)
        g_string_append_printf(text, "%s=true\n", key);
}

static void put_head(GString *text, const Machine *machine, const Head *head)
{
    const Volume *volume = machine_volume(machine, head->target);
    g_string_append_printf(text, "\n[head %s]\n", head->target);
    put_text(text, "role", role_name(head->role));
    put_text(text, "format", head->format);
    put_text(text, "layer", head->layer_id);
    put_text(text, "layer-format", head->layer_format);
    put_number(text, "capacity", head->capacity_bytes);
    put_text(text, "source", head_source_name(head->source));
    put_number(text, "source-generation", head->source_generation);
    put_text(text, "source-path", head->source_path);
    put_text(text, "source-format", head->source_format);
    put_flag(text, "own", volume && volume->own);
}

static GString *generation_to_text(const Machine *machine, const Generation *generation)
{
    GString *text = g_string_sized_new(1024);
    g_string_append_printf(text, "%s%" G_GUINT64_FORMAT "\n", record_begin, generation->number);
    put_text(text, "cause", cause_name(generation->cause));
    put_text(text, "base", generation->base_id);
    put_text(text, "nvram", nvram_source_name(generation->nvram));
    put_number(text, "instance", generation->instance);
    put_number(text, "nvram-generation", generation->nvram_generation);
    put_text(text, "nvram-path", generation->nvram_path);
    put_number(text, "created-at", (guint64)generation->created_at);
    put_number(text, "replaced-at", (guint64)generation->replaced_at);
    put_number(text, "held-bytes", generation->held_bytes);
    put_flag(text, "hibernated", generation->hibernated);
    put_text(text, "job", generation->job_id);
    g_string_append(text, "heads=");
    for (guint i = 0; i < generation->heads->len; i++)
        g_string_append_printf(text, "%s;",
                               ((Head *)g_ptr_array_index(generation->heads, i))->target);
    g_string_append_c(text, '\n');
    for (guint i = 0; i < generation->heads->len; i++)
        put_head(text, machine, g_ptr_array_index(generation->heads, i));
    g_string_append(text, record_end);
    return text;
}

/* In one write, so that a kill leaves all of it or nothing. */
static gboolean write_whole(int directory_fd, const char *name, const GString *text, int flags,
                            GError **error)
{
    g_auto(Descriptor) fd = openat(
        directory_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, MODE_RECORD);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create '%s'", name);
    gssize written = write(fd, text->str, text->len);
    if (written != (gssize)text->len)
        return error_set_errno(error, written < 0 ? errno : ENOSPC, "cannot write '%s'", name);
    return TRUE;
}

gboolean generation_write(int directory_fd, const Machine *machine, const Generation *generation,
                          GError **error)
{
    g_autoptr(GString) text = generation_to_text(machine, generation);
    if (!g_utf8_validate(text->str, (gssize)text->len, NULL))
        return error_set(error, UNDERPIN_ERROR_INVALID, "rename it",
                         "a file name of machine '%s' is not UTF-8", machine->name);
    return write_whole(directory_fd, NAME_RECORD, text, O_EXCL, error);
}

/* --- the number alone: read at every switch --------------------------------------------------- */

/* Whether the file open as `fd` ends as a whole record does. */
static gboolean record_is_whole(int fd, const char *buffer, gsize length)
{
    char tail[sizeof record_end - 1];
    gsize size = sizeof tail;
    if (length < RECORD_BUFFER_BYTES)
        return length >= size && memcmp(buffer + length - size, record_end, size) == 0;
    off_t end = lseek(fd, 0, SEEK_END);
    return end > (off_t)size && pread(fd, tail, size, end - (off_t)size) == (gssize)size &&
           memcmp(tail, record_end, size) == 0;
}

static guint64 record_number(const char *buffer, gsize length)
{
    gsize begin = sizeof record_begin - 1;
    if (length <= begin || memcmp(buffer, record_begin, begin) != 0)
        return 0;
    char digits[24] = "";
    memcpy(digits, buffer + begin, MIN(length - begin, sizeof digits - 1));
    char *line_end = NULL;
    guint64 number = g_ascii_strtoull(digits, &line_end, 10);
    return *line_end == '\n' ? number : 0;
}

gboolean generation_number_at(int directory_fd, guint64 *number_out, GError **error)
{
    g_auto(Descriptor) fd = openat(directory_fd, NAME_RECORD, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot open '%s'", NAME_RECORD);
    char buffer[RECORD_BUFFER_BYTES];
    gssize length = fd < 0 ? 0 : read(fd, buffer, sizeof buffer);
    if (length < 0)
        return error_set_errno(error, errno, "cannot read '%s'", NAME_RECORD);
    guint64 number = record_number(buffer, (gsize)length);
    *number_out = number && record_is_whole(fd, buffer, (gsize)length) ? number : 0;
    return TRUE;
}

gboolean generation_number_read(int parent_fd, const char *directory, guint64 *number_out,
                                gboolean *broken_out, GError **error)
{
    g_auto(Descriptor) fd = -1;
    guint64 number = 0;
    if (!directory_find(parent_fd, directory, &fd, error) ||
        (fd >= 0 && !generation_number_at(fd, &number, error)))
        return FALSE;
    *number_out = number;
    if (broken_out)
        *broken_out = fd >= 0 && number == 0;
    return TRUE;
}

/* --- reading ---------------------------------------------------------------------------------- */

static GKeyFile *read_key_file(int directory_fd, const char *name, GError **error)
{
    gsize length = 0;
    g_autofree char *text =
        file_read_bounded(directory_fd, name, RECORD_LIMIT_BYTES, &length, error);
    if (!text)
        return NULL;
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) reason = NULL;
    if (length == 0 || !g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &reason)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'", "'%s' is damaged: %s",
                  name, reason ? reason->message : "it is empty");
        return NULL;
    }
    return g_steal_pointer(&file);
}

static char *get_text(GKeyFile *file, const char *group, const char *key)
{
    return g_key_file_get_string(file, group, key, NULL);
}

static guint64 get_number(GKeyFile *file, const char *group, const char *key)
{
    return g_key_file_get_uint64(file, group, key, NULL);
}

static gboolean get_flag(GKeyFile *file, const char *group, const char *key)
{
    return g_key_file_get_boolean(file, group, key, NULL);
}

static gboolean invalid_record(const char *name, const char *group, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                     "'%s' is damaged: group '%s'", name, group);
}

static Head *read_head(GKeyFile *file, const char *target, GError **error)
{
    g_autofree char *group = g_strconcat("head ", target, NULL);
    g_autofree char *role = get_text(file, group, "role");
    g_autofree char *format = get_text(file, group, "format");
    g_autofree char *source = get_text(file, group, "source");
    g_autofree char *layer_id = get_text(file, group, "layer");
    g_autofree char *layer_format = get_text(file, group, "layer-format");
    Role parsed_role = ROLE_DATA;
    HeadSource parsed_source = HEAD_KEEP;
    if (!target_is_valid(target) || !format_is_known(format) || !role ||
        !role_from_name(role, &parsed_role) || !source ||
        !head_source_from_name(source, &parsed_source)) {
        invalid_record(NAME_RECORD, group, error);
        return NULL;
    }
    Head *head =
        head_new(target, parsed_role, format, get_number(file, group, "capacity"), parsed_source);
    head_set_layer(head, layer_id, layer_format);
    head->source_generation = get_number(file, group, "source-generation");
    head->source_path = get_text(file, group, "source-path");
    head->source_format = get_text(file, group, "source-format");
    return head;
}

static gboolean read_heads(GKeyFile *file, Generation *generation, GHashTable *own, GError **error)
{
    g_auto(GStrv) targets = g_key_file_get_string_list(file, "generation", "heads", NULL, NULL);
    for (char **target = targets; target && *target; target++) {
        Head *head = read_head(file, *target, error);
        if (!head)
            return FALSE;
        g_ptr_array_add(generation->heads, head);
        g_autofree char *group = g_strconcat("head ", *target, NULL);
        if (get_flag(file, group, "own"))
            g_hash_table_add(own, g_strdup(*target));
    }
    return TRUE;
}

static void read_generation_fields(GKeyFile *file, Generation *generation)
{
    generation->instance = get_number(file, "generation", "instance");
    generation->nvram_generation = get_number(file, "generation", "nvram-generation");
    generation->nvram_path = get_text(file, "generation", "nvram-path");
    generation->replaced_at = (gint64)get_number(file, "generation", "replaced-at");
    generation->held_bytes = get_number(file, "generation", "held-bytes");
    generation->hibernated = get_flag(file, "generation", "hibernated");
    generation->job_id = get_text(file, "generation", "job");
}

static Generation *generation_from_key_file(GKeyFile *file, GError **error)
{
    g_autofree char *cause = get_text(file, "generation", "cause");
    g_autofree char *base_id = get_text(file, "generation", "base");
    g_autofree char *nvram = get_text(file, "generation", "nvram");
    guint64 number = get_number(file, "generation", "number");
    Cause parsed_cause = CAUSE_CHANGE;
    NvramSource parsed_nvram = NVRAM_NONE;
    if (number == 0 || !cause || !cause_from_name(cause, &parsed_cause) || !nvram ||
        !nvram_source_from_name(nvram, &parsed_nvram) || !g_key_file_has_group(file, "end")) {
        invalid_record(NAME_RECORD, "generation", error);
        return NULL;
    }
    gint64 created_at = (gint64)get_number(file, "generation", "created-at");
    Generation *generation = generation_new(number, parsed_cause, base_id, created_at);
    generation->nvram = parsed_nvram;
    read_generation_fields(file, generation);
    return generation;
}

Generation *generation_read(int directory_fd, GHashTable **own_out, GError **error)
{
    g_autoptr(GKeyFile) file = read_key_file(directory_fd, NAME_RECORD, error);
    g_autoptr(Generation) generation = file ? generation_from_key_file(file, error) : NULL;
    g_autoptr(GHashTable) own = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!generation || !read_heads(file, generation, own, error))
        return NULL;
    if (own_out)
        *own_out = g_steal_pointer(&own);
    return g_steal_pointer(&generation);
}

const Generation *generation_lookup(const Machine *machine, int directory_fd, guint64 number,
                                    Generation **owned_out, GError **error)
{
    const Generation *known = machine_generation(machine, number);
    if (known)
        return known;
    *owned_out = generation_read(directory_fd, NULL, error);
    return *owned_out;
}

/* --- machine.ini ------------------------------------------------------------------------------ */

static void put_hibernated(GString *text, const Machine *machine)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (generation->hibernated)
            g_string_append_printf(list, "%" G_GUINT64_FORMAT ";", generation->number);
    }
    put_text(text, "hibernated", list->len ? list->str : NULL);
}

static GString *machine_to_text(const Machine *machine)
{
    GString *text = g_string_new("[machine]\n");
    put_text(text, "id", machine->id);
    put_text(text, "uuid", machine->uuid);
    put_text(text, "name", machine->name);
    put_text(text, "set", machine->set_id);
    put_flag(text, "retired", machine->retired);
    put_flag(text, "held", machine->held);
    put_text(text, "hold-reason", machine->hold_reason);
    put_number(text, "last-number", machine->last_number);
    put_number(text, "created-at", (guint64)machine->created_at);
    put_number(text, "prepared-at", (guint64)machine->prepared_at);
    put_hibernated(text, machine);
    put_text(text, "checklist", machine->checklist);
    put_text(text, "origin", machine->origin);
    return text;
}

gboolean machine_write(int machine_fd, const Machine *machine, GError **error)
{
    g_autoptr(GString) text = machine_to_text(machine);
    return durable_file_replace(machine_fd, NAME_MACHINE, text->str, text->len, MODE_RECORD, error);
}

gboolean machine_write_new(int machine_fd, const Machine *machine, GError **error)
{
    static const char temporary[] = NAME_MACHINE_TEMPORARY;
    g_autoptr(GString) text = machine_to_text(machine);
    return write_whole(machine_fd, temporary, text, O_TRUNC, error) &&
           (renameat(machine_fd, temporary, machine_fd, NAME_MACHINE) == 0 ||
            error_set_errno(error, errno, "cannot rename '%s'", temporary));
}

Machine *machine_read(int machine_fd, const char *machine_id, GError **error)
{
    g_autoptr(GKeyFile) file = read_key_file(machine_fd, NAME_MACHINE, error);
    if (!file)
        return NULL;
    g_autofree char *id = get_text(file, "machine", "id");
    g_autofree char *name = get_text(file, "machine", "name");
    g_autofree char *uuid = get_text(file, "machine", "uuid");
    if (g_strcmp0(id, machine_id) != 0 || !name || !machine_name_is_valid(name, NULL) || !uuid ||
        !uuid_is_valid(uuid)) {
        invalid_record(NAME_MACHINE, "machine", error);
        return NULL;
    }
    Machine *machine =
        machine_new(id, name, uuid, (gint64)get_number(file, "machine", "created-at"));
    machine->set_id = get_text(file, "machine", "set");
    machine->retired = get_flag(file, "machine", "retired");
    machine->held = get_flag(file, "machine", "held");
    machine->hold_reason = get_text(file, "machine", "hold-reason");
    machine->last_number = get_number(file, "machine", "last-number");
    machine->prepared_at = (gint64)get_number(file, "machine", "prepared-at");
    machine->checklist = get_text(file, "machine", "checklist");
    machine->origin = get_text(file, "machine", "origin");
    return machine;
}

gboolean machine_read_entry_flags(int machine_fd, guint64 number, gboolean *hibernated_out)
{
    g_autoptr(GKeyFile) file = read_key_file(machine_fd, NAME_MACHINE, NULL);
    if (!file)
        return FALSE;
    g_autofree char *wanted = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    g_auto(GStrv) list = g_key_file_get_string_list(file, "machine", "hibernated", NULL, NULL);
    *hibernated_out = list && g_strv_contains((const char *const *)list, wanted);
    return TRUE;
}

/* --- layers.ini and store.ini ----------------------------------------------------------------- */

gboolean layers_write(int set_fd, const Machine *machine, const Generation *generation,
                      GError **error)
{
    g_autoptr(GString) text = g_string_new("[set]\n");
    put_text(text, "id", machine->set_id);
    put_text(text, "machine", machine->id);
    put_text(text, "machine-name", machine->name);
    put_number(text, "sealed-at", (guint64)machine->prepared_at);
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_string_append_printf(text, "\n[layer %s]\n", head->target);
        put_text(text, "role", role_name(head->role));
        put_text(text, "format", head->format);
        put_text(text, "parent", head->layer_id);
        put_number(text, "capacity", head->capacity_bytes);
    }
    return durable_file_replace(set_fd, NAME_LAYERS, text->str, text->len, MODE_RECORD, error);
}

static Layer *read_layer(GKeyFile *file, const char *group, const char *set_id, GError **error)
{
    const char *target = group + strlen("layer ");
    g_autofree char *role = get_text(file, group, "role");
    g_autofree char *format = get_text(file, group, "format");
    Role parsed_role = ROLE_DATA;
    if (!target_is_valid(target) || !role || !role_from_name(role, &parsed_role) ||
        !format_is_known(format)) {
        invalid_record(NAME_LAYERS, group, error);
        return NULL;
    }
    Layer *layer =
        layer_new(set_id, target, parsed_role, format, get_number(file, group, "capacity"));
    layer->parent_id = get_text(file, group, "parent");
    layer->machine_id = get_text(file, "set", "machine");
    layer->machine_name = get_text(file, "set", "machine-name");
    layer->sealed_at = (gint64)get_number(file, "set", "sealed-at");
    return layer;
}

GPtrArray *layers_read(int set_fd, const char *set_id, GError **error)
{
    g_autoptr(GKeyFile) file = read_key_file(set_fd, NAME_LAYERS, error);
    if (!file)
        return NULL;
    g_autofree char *id = get_text(file, "set", "id");
    if (g_strcmp0(id, set_id) != 0) {
        invalid_record(NAME_LAYERS, "set", error);
        return NULL;
    }
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)layer_unref);
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group; group++) {
        if (!g_str_has_prefix(*group, "layer "))
            continue;
        Layer *layer = read_layer(file, *group, set_id, error);
        if (!layer)
            return NULL;
        g_ptr_array_add(layers, layer);
    }
    return g_steal_pointer(&layers);
}

gboolean store_write(int root_fd, const char *uuid, const char *hook_socket, const char *claims,
                     GError **error)
{
    g_autoptr(GString) text = g_string_new("[store]\n");
    put_text(text, "uuid", uuid);
    put_text(text, "format", "1");
    put_text(text, "hook-socket", hook_socket);
    put_text(text, "claims", claims);
    g_autofree char *old = file_read_bounded(root_fd, "store.ini", RECORD_LIMIT_BYTES, NULL, NULL);
    if (g_strcmp0(old, text->str) == 0)
        return TRUE;
    /* Read by the hook, which libvirt runs as root; the text holds no secret. */
    return durable_file_replace(root_fd, "store.ini", text->str, text->len, 0644, error);
}

char *store_read_uuid(int root_fd, GError **error)
{
    g_autoptr(GKeyFile) file = read_key_file(root_fd, "store.ini", error);
    if (!file)
        return NULL;
    g_autofree char *uuid = get_text(file, "store", "uuid");
    guint64 format = get_number(file, "store", "format");
    if (!uuid || !uuid_is_valid(uuid)) {
        invalid_record("store.ini", "store", error);
        return NULL;
    }
    if (format != 1) {
        error_set(error, UNDERPIN_ERROR_UNSUPPORTED, "use the version of Underpin that made it",
                  "the store has format %" G_GUINT64_FORMAT ", this version knows 1", format);
        return NULL;
    }
    return g_steal_pointer(&uuid);
}
