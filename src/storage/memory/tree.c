/*
 * The names of the store, and a second set of them: those that a power loss would leave.
 *
 * Copies of the tree share images, as names share an inode. A name counts as a link only in the
 * tree itself.
 */
#include "storage/memory/store.h"

/* --- directories of heads
 * ------------------------------------------------------------------------------------ */

HeadDirectory *head_directory_new(void)
{
    HeadDirectory *directory = g_new0(HeadDirectory, 1);
    directory->heads =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)image_unref);
    return directory;
}

void head_directory_free(HeadDirectory *directory)
{
    if (!directory)
        return;
    g_clear_pointer(&directory->record, generation_unref);
    g_hash_table_unref(directory->heads);
    g_free(directory->nvram);
    g_free(directory);
}

void head_directory_link(HeadDirectory *directory, const char *target, Image *image)
{
    head_directory_unlink(directory, target);
    name_link(directory->heads, target, image);
}

void head_directory_unlink(HeadDirectory *directory, const char *target)
{
    name_unlink(directory->heads, target);
}

static void lose_link(gpointer name, gpointer image, gpointer user_data)
{
    (void)name, (void)user_data;
    ((Image *)image)->links--;
}

void head_directory_empty(HeadDirectory *directory)
{
    g_hash_table_foreach(directory->heads, lose_link, NULL);
    g_hash_table_remove_all(directory->heads);
}

guint64 head_directory_number(const HeadDirectory *directory)
{
    return directory && directory->record ? directory->record->number : 0;
}

static void copy_name(gpointer name, gpointer image, gpointer names)
{
    g_hash_table_insert(names, g_strdup(name), image_ref(image));
}

static HeadDirectory *head_directory_copy(const HeadDirectory *directory)
{
    if (!directory)
        return NULL;
    HeadDirectory *copy = head_directory_new();
    copy->record = directory->record ? generation_ref(directory->record) : NULL;
    copy->nvram = g_strdup(directory->nvram);
    g_hash_table_foreach(directory->heads, copy_name, copy->heads);
    return copy;
}

void name_link(GHashTable *names, const char *path, Image *image)
{
    image->links++;
    g_hash_table_insert(names, g_strdup(path), image_ref(image));
}

void name_unlink(GHashTable *names, const char *path)
{
    Image *image = g_hash_table_lookup(names, path);
    if (!image)
        return;
    image->links--;
    g_hash_table_remove(names, path);
}

/* --- machines
 * ------------------------------------------------------------------------------------------------
 */

static MachineDirectory *machine_directory_new(void)
{
    MachineDirectory *machine = g_new0(MachineDirectory, 1);
    machine->entries = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                             (GDestroyNotify)head_directory_free);
    return machine;
}

static void machine_directory_free(MachineDirectory *machine)
{
    g_clear_pointer(&machine->description, machine_unref);
    head_directory_free(machine->now);
    head_directory_free(machine->next);
    g_hash_table_unref(machine->entries);
    g_free(machine);
}

MachineDirectory *machine_directory(MemoryStore *store, const char *machine_id)
{
    return g_hash_table_lookup(store->tree->machines, machine_id);
}

MachineDirectory *memory_machine_directory_require(MemoryStore *store, const char *machine_id,
                                                   GError **error)
{
    MachineDirectory *machine = machine_directory(store, machine_id);
    if (!machine)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                  "the store has no machine %s", machine_id);
    return machine;
}

MachineDirectory *machine_directory_make(MemoryStore *store, const Machine *description)
{
    MachineDirectory *machine = machine_directory(store, description->id);
    if (!machine) {
        machine = machine_directory_new();
        g_hash_table_insert(store->tree->machines, g_strdup(description->id), machine);
    }
    if (!machine->description)
        machine->description = machine_copy(description);
    return machine;
}

HeadDirectory *machine_directory_entry(const MachineDirectory *machine, guint64 number)
{
    return g_hash_table_lookup(machine->entries, &number);
}

HeadDirectory *memory_machine_directory_find(const MachineDirectory *machine, guint64 generation)
{
    if (generation == 0 || head_directory_number(machine->now) == generation)
        return machine->now;
    if (head_directory_number(machine->next) == generation)
        return machine->next;
    return machine_directory_entry(machine, generation);
}

void machine_directory_put_entry(MachineDirectory *machine, guint64 number, HeadDirectory *entry)
{
    g_hash_table_insert(machine->entries, g_memdup2(&number, sizeof number), entry);
}

static MachineDirectory *machine_directory_copy(const MachineDirectory *machine)
{
    MachineDirectory *copy = machine_directory_new();
    GHashTableIter iter;
    gpointer number, entry;
    copy->description = machine->description ? machine_ref(machine->description) : NULL;
    copy->now = head_directory_copy(machine->now);
    copy->next = head_directory_copy(machine->next);
    copy->marked = machine->marked;
    copy->marked_generation = machine->marked_generation;
    g_strlcpy(copy->stamp, machine->stamp, sizeof copy->stamp);
    copy->stamp_is_sole = machine->stamp_is_sole;
    g_hash_table_iter_init(&iter, machine->entries);
    while (g_hash_table_iter_next(&iter, &number, &entry))
        machine_directory_put_entry(copy, *(guint64 *)number, head_directory_copy(entry));
    return copy;
}

/* --- layers
 * --------------------------------------------------------------------------------------------------
 */

LayerSet *layer_set_new(void)
{
    LayerSet *set = g_new0(LayerSet, 1);
    set->flattened =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)image_unref);
    return set;
}

static void layer_set_free(LayerSet *set)
{
    g_clear_pointer(&set->description, machine_unref);
    head_directory_free(set->sealed);
    g_hash_table_unref(set->flattened);
    g_free(set);
}

LayerSet *layer_set(MemoryStore *store, const char *set_id)
{
    return g_hash_table_lookup(store->tree->sets, set_id);
}

LayerSet *layer_set_require(MemoryStore *store, const char *set_id, GError **error)
{
    LayerSet *set = layer_set(store, set_id);
    if (!set || !set->sealed) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                  "the layer set %s is missing", set_id);
        return NULL;
    }
    return set;
}

Image *layer_image(MemoryStore *store, const char *layer_id, GError **error)
{
    g_autofree char *set_id = NULL;
    g_autofree char *target = NULL;
    Image *image = NULL;
    if (layer_id_split(layer_id, &set_id, &target)) {
        LayerSet *set = layer_set(store, set_id);
        image = set && set->sealed ? g_hash_table_lookup(set->sealed->heads, target) : NULL;
    }
    if (!image)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                  "the layer '%s' is missing", layer_id);
    return image;
}

static LayerSet *layer_set_copy(const LayerSet *set)
{
    LayerSet *copy = layer_set_new();
    copy->description = set->description ? machine_ref(set->description) : NULL;
    copy->sealed = head_directory_copy(set->sealed);
    g_hash_table_foreach(set->flattened, copy_name, copy->flattened);
    return copy;
}

/* --- the whole
 * ------------------------------------------------------------------------------------------------
 */

Tree *tree_new(void)
{
    Tree *tree = g_new0(Tree, 1);
    tree->machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)machine_directory_free);
    tree->sets =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)layer_set_free);
    tree->kept =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)image_unref);
    tree->outside =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)image_unref);
    tree->outside_nvram = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return tree;
}

void tree_free(Tree *tree)
{
    g_hash_table_unref(tree->machines);
    g_hash_table_unref(tree->sets);
    g_hash_table_unref(tree->kept);
    g_hash_table_unref(tree->outside);
    g_hash_table_unref(tree->outside_nvram);
    g_free(tree);
}

static void put_machine(GHashTable *machines, const char *id, const MachineDirectory *machine)
{
    g_hash_table_insert(machines, g_strdup(id), machine_directory_copy(machine));
}

static void put_set(GHashTable *sets, const char *id, const LayerSet *set)
{
    g_hash_table_insert(sets, g_strdup(id), layer_set_copy(set));
}

static void copy_text(gpointer name, gpointer text, gpointer texts)
{
    g_hash_table_insert(texts, g_strdup(name), g_strdup(text));
}

static void copy_names(Tree *copy, const Tree *tree)
{
    g_hash_table_foreach(tree->kept, copy_name, copy->kept);
    g_hash_table_foreach(tree->outside, copy_name, copy->outside);
    g_hash_table_foreach(tree->outside_nvram, copy_text, copy->outside_nvram);
}

Tree *tree_copy(const Tree *tree)
{
    Tree *copy = tree_new();
    GHashTableIter iter;
    gpointer id, value;
    copy->generation = tree->generation;
    g_hash_table_iter_init(&iter, tree->machines);
    while (g_hash_table_iter_next(&iter, &id, &value))
        put_machine(copy->machines, id, value);
    g_hash_table_iter_init(&iter, tree->sets);
    while (g_hash_table_iter_next(&iter, &id, &value))
        put_set(copy->sets, id, value);
    copy_names(copy, tree);
    return copy;
}

static void set_links(gpointer name, gpointer image, gpointer user_data)
{
    (void)name;
    ((Image *)image)->links = user_data ? ((Image *)image)->links + 1 : 0;
}

static void visit_heads(const HeadDirectory *directory, gpointer counting)
{
    if (directory)
        g_hash_table_foreach(directory->heads, set_links, counting);
}

static void visit_images(Tree *tree, gpointer counting)
{
    GHashTableIter iter, entries;
    gpointer value, entry;
    g_hash_table_iter_init(&iter, tree->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const MachineDirectory *machine = value;
        visit_heads(machine->now, counting);
        visit_heads(machine->next, counting);
        g_hash_table_iter_init(&entries, machine->entries);
        while (g_hash_table_iter_next(&entries, NULL, &entry))
            visit_heads(entry, counting);
    }
    g_hash_table_iter_init(&iter, tree->sets);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        visit_heads(((LayerSet *)value)->sealed, counting);
        g_hash_table_foreach(((LayerSet *)value)->flattened, set_links, counting);
    }
    g_hash_table_foreach(tree->kept, set_links, counting);
    g_hash_table_foreach(tree->outside, set_links, counting);
}

void tree_count_links(Tree *tree)
{
    visit_images(tree, NULL);
    visit_images(tree, tree);
}

void persist_machine(MemoryStore *store, const char *machine_id)
{
    const MachineDirectory *machine = machine_directory(store, machine_id);
    if (machine)
        put_machine(store->durable->machines, machine_id, machine);
    else
        g_hash_table_remove(store->durable->machines, machine_id);
}

void persist_set(MemoryStore *store, const char *set_id)
{
    const LayerSet *set = layer_set(store, set_id);
    if (set)
        put_set(store->durable->sets, set_id, set);
    else
        g_hash_table_remove(store->durable->sets, set_id);
}

void persist_names(MemoryStore *store)
{
    g_hash_table_remove_all(store->durable->kept);
    g_hash_table_remove_all(store->durable->outside);
    g_hash_table_remove_all(store->durable->outside_nvram);
    copy_names(store->durable, store->tree);
}
