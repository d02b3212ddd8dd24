/* The store's own account of machines and layers: for the rebuild of a lost catalog, and for
 * doctor. */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "foundation/ids.h"
#include "model/layer.h"
#include "qcow2/header.h"

gboolean directory_describe(Storage *storage, const Machine *machine, GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    return machine_directory_require(directory_store(storage), machine->id, &machine_fd, error) &&
           machine_write(machine_fd, machine, error);
}

/* --- a machine -------------------------------------------------------------------------------- */

static void add_volumes(Machine *machine, const Generation *generation, GHashTable *own)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_ptr_array_add(machine->volumes, volume_new(head->target, head->role, head->format,
                                                     g_hash_table_contains(own, head->target)));
    }
}

/* The image knows better than the record: a block pull, and a flattening of what was sealed, take a
 * head off its layer. What cannot be read is doctor's affair. */
static void take_off_layer(Head *head, int directory_fd)
{
    g_auto(HeadFacts) facts = {0};
    g_autofree char *file = head_file_name(head->target, head->format, NULL);
    if (head->layer_id && file && head_facts_read(directory_fd, file, head->format, &facts, NULL) &&
        facts.exists && facts.is_ours && !facts.backing)
        head_set_layer(head, NULL, NULL);
}

/* As its record says, and its images. */
static Generation *describe_generation(int directory_fd, GHashTable **own_out, GError **error)
{
    Generation *generation = generation_read(directory_fd, own_out, error);
    for (guint i = 0; generation && i < generation->heads->len; i++)
        take_off_layer(g_ptr_array_index(generation->heads, i), directory_fd);
    return generation;
}

/* What an entry occupies, and when it was put aside: its directory changed its name then. */
static gboolean complete_entry(Generation *entry, int entry_fd, GError **error)
{
    struct stat status;
    if (fstat(entry_fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at an undo entry");
    entry->replaced_at = status.st_ctim.tv_sec;
    entry->held_bytes = 0;
    for (guint i = 0; i < entry->heads->len; i++) {
        const Head *head = g_ptr_array_index(entry->heads, i);
        g_autofree char *file = head_file_name(head->target, head->format, error);
        gboolean found = FALSE;
        if (!file || !entry_find(entry_fd, file, &status, &found, error))
            return FALSE;
        entry->held_bytes += found ? allocated_bytes(&status) : 0;
    }
    return TRUE;
}

static gboolean add_entry(Machine *machine, int machine_fd, const char *name, guint64 number,
                          GError **error)
{
    g_auto(Descriptor) fd = -1;
    if (!directory_require(machine_fd, name, &fd, error))
        return FALSE;
    g_autoptr(Generation) entry = describe_generation(fd, NULL, NULL);
    if (!entry || entry->number != number) /* damaged: it stays on disk, doctor shows it */
        return TRUE;
    machine_read_entry_flags(machine_fd, number, &entry->hibernated);
    if (!complete_entry(entry, fd, error))
        return FALSE;
    machine_take_generation(machine, g_steal_pointer(&entry));
    return TRUE;
}

static gboolean add_entries(Machine *machine, int machine_fd, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(machine_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        guint64 number = 0;
        if (entry_number(name, &number) && !add_entry(machine, machine_fd, name, number, error))
            return FALSE;
    }
    return names != NULL;
}

/* The actual heads: `now`, the same aside, or the layers of a base. */
static gboolean find_actual(DirectoryStore *store, const Machine *machine, int machine_fd,
                            int *fd_out, Place *place_out, GError **error)
{
    *place_out = PLACE_NOW;
    if (!directory_find(machine_fd, NAME_NOW, fd_out, error) ||
        (*fd_out < 0 && !directory_find(machine_fd, NAME_ASIDE, fd_out, error)))
        return FALSE;
    if (*fd_out >= 0)
        return TRUE;
    *place_out = PLACE_SEALED;
    if (machine->set_id)
        return sealed_directory_require(store, machine->set_id, fd_out, error);
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "'underpin doctor' shows what is there",
                     "machine '%s' has no heads on disk", machine->name);
}

static void take_actual(Machine *machine, Generation *generation, Place place)
{
    machine->actual = machine->desired = generation->number;
    machine->actual_place = machine->desired_place = place;
    if (place == PLACE_NOW) {
        g_clear_pointer(&machine->set_id, g_free);
        machine->prepared_at = 0;
    }
    machine_take_generation(machine, generation);
}

Machine *directory_describe_machine(Storage *storage, const char *machine_id, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) machine_fd = -1;
    g_auto(Descriptor) fd = -1;
    g_autoptr(GHashTable) own = NULL;
    Place place = PLACE_NONE;
    if (!machine_directory_require(store, machine_id, &machine_fd, error))
        return NULL;
    g_autoptr(Machine) machine = machine_read(machine_fd, machine_id, error);
    if (!machine || !find_actual(store, machine, machine_fd, &fd, &place, error))
        return NULL;
    g_autoptr(Generation) generation = describe_generation(fd, &own, error);
    if (!generation)
        return NULL;
    add_volumes(machine, generation, own);
    machine_read_entry_flags(machine_fd, generation->number, &generation->hibernated);
    take_actual(machine, g_steal_pointer(&generation), place);
    return add_entries(machine, machine_fd, error) ? g_steal_pointer(&machine) : NULL;
}

/* --- a layer set ------------------------------------------------------------------------------ */

/* The headers know better than layers.ini: flattening changes them, and not it. FALSE: the file is
 * gone. */
static gboolean complete_layer(DirectoryStore *store, Layer *layer, int sealed_fd)
{
    g_auto(HeadFacts) facts = {0};
    LayerName name, parent;
    if (!layer_name_from_id(layer->id, layer->format, &name, NULL))
        return FALSE;
    g_autofree char *file = layer_name_file(&name);
    if (!head_facts_read(sealed_fd, file, layer->format, &facts, NULL) || !facts.exists)
        return FALSE;
    layer->capacity_bytes = facts.capacity_bytes;
    layer->allocated_bytes = facts.allocated_bytes;
    g_clear_pointer(&layer->parent_id, g_free);
    if (facts.backing && layer_name_from_backing(store, facts.backing, &parent))
        layer->parent_id = layer_name_id(&parent);
    return TRUE;
}

GPtrArray *directory_describe_set(Storage *storage, const char *set_id, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) set_fd = -1;
    g_auto(Descriptor) sealed_fd = -1;
    if (!sealed_directory_require(store, set_id, &sealed_fd, error) ||
        !directory_require(store->layers_fd, set_id, &set_fd, error))
        return NULL;
    g_autoptr(GPtrArray) layers = layers_read(set_fd, set_id, error);
    for (guint i = layers ? layers->len : 0; i > 0; i--)
        if (!complete_layer(store, g_ptr_array_index(layers, i - 1), sealed_fd))
            g_ptr_array_remove_index(layers, i - 1);
    return g_steal_pointer(&layers);
}

/* --- a layer against its record --------------------------------------------------------------- */

static void find(GPtrArray *findings, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void find(GPtrArray *findings, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(findings, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

static void check_protection(DirectoryStore *store, const Layer *layer, int fd, GPtrArray *findings)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || (status.st_mode & 0222) != 0 || status.st_uid != geteuid())
        find(findings, "layer '%s' could be written to", layer->id);
    if (store->has_flag && !immutable_is_set(fd))
        find(findings, "layer '%s' is not immutable", layer->id);
}

static void check_parent(DirectoryStore *store, const Layer *layer, const char *backing,
                         GPtrArray *findings)
{
    LayerName name;
    g_autofree char *id = NULL;
    if (backing && layer_name_from_backing(store, backing, &name))
        id = layer_name_id(&name);
    if (backing && !id)
        find(findings, "layer '%s' sits on '%s', which is no layer of this store", layer->id,
             backing);
    else if (g_strcmp0(id, layer->parent_id) != 0)
        find(findings, "layer '%s' sits on '%s', the catalog says '%s'", layer->id,
             id ? id : "nothing", layer->parent_id ? layer->parent_id : "nothing");
}

static void check_header(DirectoryStore *store, const Layer *layer, int fd, GPtrArray *findings)
{
    g_auto(Qcow2Header) header = {0};
    struct stat status;
    g_autoptr(GError) reason = NULL;
    guint64 capacity = 0;
    if (g_strcmp0(layer->format, "qcow2") == 0) {
        if (!qcow2_header_read(fd, layer->id, &header, &reason)) {
            find(findings, "layer '%s' is damaged: %s", layer->id, reason->message);
            return;
        }
        capacity = header.capacity_bytes;
    } else if (fstat(fd, &status) == 0) {
        capacity = (guint64)status.st_size;
    }
    if (capacity != layer->capacity_bytes)
        find(findings,
             "layer '%s' has %" G_GUINT64_FORMAT " bytes, the catalog says %" G_GUINT64_FORMAT,
             layer->id, capacity, layer->capacity_bytes);
    check_parent(store, layer, header.backing_file, findings);
}

gboolean directory_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                               GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_auto(Descriptor) sealed_fd = -1;
    LayerName name;
    g_autoptr(GError) reason = NULL;
    if (!layer_name_from_id(layer->id, layer->format, &name, error))
        return FALSE;
    g_autofree char *file = layer_name_file(&name);
    gboolean has_set = sealed_directory_require(store, name.set_id, &sealed_fd, &reason);
    if (!has_set && error_code(reason) != UNDERPIN_ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    g_auto(Descriptor) fd =
        has_set ? openat(sealed_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0) {
        find(findings, "layer '%s' is missing", layer->id);
        return TRUE;
    }
    check_protection(store, layer, fd, findings);
    check_header(store, layer, fd, findings);
    return TRUE;
}
