/* Implements the signature of a world. */
#include "world_state.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_BYTES 64

/* What a signature is made from. */
typedef struct {
    World *world;
    GHashTable *names;   /* id of a machine, a set or a kept volume -> what to call it */
    GPtrArray *sections; /* char *: "[title]\nlines" */
} Looking;

static gint by_text(gconstpointer one, gconstpointer other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void add_section(Looking *looking, GString *text)
{
    g_ptr_array_add(looking->sections, g_string_free(text, FALSE));
}

/* --- names for ids --------------------------------------------------------------------- */

static void learn_names(const Inventory *inventory, gpointer user_data)
{
    Looking *looking = user_data;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        g_hash_table_insert(looking->names, g_strdup(machine->id), g_strdup(machine->name));
        if (machine->set_id)
            g_hash_table_insert(looking->names, g_strdup(machine->set_id),
                                g_strdup_printf("set-of-%s", machine->name));
    }
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const KeptVolume *kept = value;
        g_hash_table_insert(looking->names, g_strdup(kept->id),
                            g_strdup_printf("kept-%s-of-%s", kept->target, kept->machine_name));
    }
}

/* The text with every known id in it replaced by its name. Caller frees. */
static char *with_names(const Looking *looking, const char *text)
{
    GString *named = g_string_new(text);
    GHashTableIter iter;
    gpointer id, name;
    g_hash_table_iter_init(&iter, looking->names);
    while (g_hash_table_iter_next(&iter, &id, &name))
        g_string_replace(named, id, name, 0);
    return g_string_free(named, FALSE);
}

/* --- files ----------------------------------------------------------------------------- */

static gboolean is_immutable(const char *path)
{
    int flags = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    gboolean immutable =
        fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
    if (fd >= 0)
        close(fd);
    return immutable;
}

static GPtrArray *entries_of(const char *directory)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) open_directory = g_dir_open(directory, 0, NULL);
    const char *name;
    while (open_directory && (name = g_dir_read_name(open_directory)))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, by_text);
    return names;
}

/* Undo entries are numbered anew after an attempt that failed: what counts is that they are there.
 */
static const char *plain_name(const char *name)
{
    return g_str_has_prefix(name, "undo-") ? "undo" : name;
}

/* Who runs has a mark, from the hook or from a resync; the sweep looks that nobody else has one. */
static gboolean is_mark(const char *shown)
{
    return g_str_has_suffix(shown, "unsettled");
}

static void list_tree(GString *text, const char *path, const char *shown)
{
    struct stat status;
    if (is_mark(shown) || lstat(path, &status) != 0)
        return;
    if (!S_ISDIR(status.st_mode)) {
        g_string_append_printf(text, "file %s mode %o owner %u links %u%s\n", shown,
                               status.st_mode & 07777u, status.st_uid, (guint)status.st_nlink,
                               is_immutable(path) ? " immutable" : "");
        return;
    }
    g_string_append_printf(text, "directory %s%s\n", shown, is_immutable(path) ? " immutable" : "");
    g_autoptr(GPtrArray) names = entries_of(path);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *below = g_build_filename(path, g_ptr_array_index(names, i), NULL);
        g_autofree char *shown_below =
            g_build_filename(shown, plain_name(g_ptr_array_index(names, i)), NULL);
        list_tree(text, below, shown_below);
    }
}

/* The files below a directory of the world, one section for each entry: a machine's is its own. */
static void look_at_store(Looking *looking, const char *part)
{
    g_autofree char *directory = g_build_filename(looking->world->directory, "store", part, NULL);
    g_autoptr(GPtrArray) names = entries_of(directory);
    for (guint i = 0; i < names->len; i++) {
        const char *id = g_ptr_array_index(names, i);
        const char *name = g_hash_table_lookup(looking->names, id);
        g_autofree char *path = g_build_filename(directory, id, NULL);
        GString *text = g_string_new(NULL);
        g_string_append_printf(text, "[%s %s]\n", part, name ? name : id);
        list_tree(text, path, "");
        add_section(looking, text);
    }
}

/* The catalog has its own files; what guests are made to write passes through one. */
static gboolean is_ours(const char *name)
{
    static const char *const OURS[] = {"store", "domains", "claims", "guest-bytes",
                                       ".store.underpin-store"};
    for (gsize i = 0; i < G_N_ELEMENTS(OURS); i++)
        if (strcmp(OURS[i], name) == 0)
            return TRUE;
    return g_str_has_prefix(name, "catalog.sqlite");
}

/* A copy that has no name yet belongs to the next attempt at the same name. */
static gboolean is_unfinished_backup(const Looking *looking, const char *name)
{
    g_autofree char *whole = g_strndup(name, strlen(name) - MIN(strlen(name), strlen(".partial")));
    g_autofree char *path = g_build_filename(looking->world->directory, whole, NULL);
    return g_str_has_suffix(name, ".partial") && access(path, F_OK) != 0;
}

/* UEFI variables belong to the machine's state wherever they lie. */
static void append_file(GString *text, const char *name, const char *path)
{
    struct stat status;
    g_autofree char *content = NULL;
    if (lstat(path, &status) != 0)
        return;
    g_string_append_printf(text, "file %s links %u", name, (guint)status.st_nlink);
    if (g_str_has_suffix(name, "-nvram.fd") && g_file_get_contents(path, &content, NULL, NULL))
        g_string_append_printf(text, " '%s'", content);
    g_string_append_c(text, '\n');
}

static void look_outside(Looking *looking)
{
    GString *text = g_string_new("[outside]\n");
    g_autoptr(GPtrArray) names = entries_of(looking->world->directory);
    g_autofree char *root = g_build_filename(looking->world->directory, "store", NULL);
    g_autoptr(GPtrArray) tops = entries_of(root);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = g_build_filename(looking->world->directory, name, NULL);
        if (!is_ours(name) && !is_unfinished_backup(looking, name))
            append_file(text, name, path);
    }
    for (guint i = 0; i < tops->len; i++)
        g_string_append_printf(text, "store/%s\n", (char *)g_ptr_array_index(tops, i));
    add_section(looking, text);
}

/* --- machines -------------------------------------------------------------------------- */

static void append_layer(const Looking *looking, GString *text, const char *layer_id)
{
    g_autofree char *named = layer_id ? with_names(looking, layer_id) : NULL;
    g_string_append_printf(text, " on %s", named ? named : "nothing");
}

static void look_at_volume(const Looking *looking, const Machine *machine, const Volume *volume,
                           GString *text)
{
    const Generation *actual = machine_actual(machine);
    const Head *head = actual ? generation_head(actual, volume->target) : NULL;
    g_autoptr(GError) error = NULL;
    char bytes[TEXT_BYTES + 1] = {0};
    g_string_append_printf(text, "volume %s %s %s%s", volume->target, role_name(volume->role),
                           volume->format, volume->own ? " own" : "");
    if (head) {
        g_string_append_printf(text, " %" G_GUINT64_FORMAT, head->capacity_bytes);
        append_layer(looking, text, head->layer_id);
    }
    gboolean readable = machine->actual_place != PLACE_NONE && !machine->retired &&
                        storage_read(looking->world->storage, machine, volume->target, 0, bytes,
                                     TEXT_BYTES, &error) >= 0;
    g_string_append_printf(text, readable ? " '%s'\n" : " unreadable%s\n", bytes);
}

static void look_at_nvram(const Looking *looking, const Machine *machine, GString *text)
{
    g_autofree char *path = storage_nvram_path(looking->world->storage, machine->id);
    g_autofree char *content = NULL;
    gsize length = 0;
    if (g_file_get_contents(path, &content, &length, NULL))
        g_string_append_printf(text, "nvram %zu '%s'\n", length, content);
}

static void look_at_domain(const Looking *looking, const Machine *machine, GString *text)
{
    g_autoptr(DomainFacts) facts =
        hypervisor_inspect(looking->world->hypervisor, machine->uuid, NULL);
    g_string_append_printf(text, "domain %s\n",
                           !facts                     ? "none"
                           : facts->state->machine_id ? "ours"
                                                      : "not ours");
    if (!facts)
        return;
    g_string_append_printf(text, "power %s name %s\n", power_name(facts->state->power),
                           facts->state->name);
    for (guint i = 0; i < facts->disks->len; i++) {
        const DomainDisk *disk = g_ptr_array_index(facts->disks, i);
        g_autofree char *path = disk->path ? with_names(looking, disk->path) : NULL;
        g_string_append_printf(text, "disk %s %s %s\n", disk->target, path ? path : "empty",
                               disk->format);
    }
    g_autofree char *nvram = facts->nvram_path ? with_names(looking, facts->nvram_path) : NULL;
    g_string_append_printf(text, "variables %s\n", nvram ? nvram : "none");
}

static void look_at_entries(const Looking *looking, const Machine *machine, GString *text)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        const char *base =
            generation->base_id ? g_hash_table_lookup(looking->names, generation->base_id) : NULL;
        if (machine_is_entry(machine, generation))
            g_string_append_printf(text, "entry on %s\n", base ? base : "nothing");
    }
}

static void look_at_machine(Looking *looking, const Machine *machine)
{
    GString *text = g_string_new(NULL);
    const char *base_id = machine_base_id(machine);
    const char *base = base_id ? g_hash_table_lookup(looking->names, base_id) : NULL;
    g_string_append_printf(text, "[machine %s]\n", machine->name);
    g_string_append_printf(
        text, "%s on %s, %s to %s, by %s to %s\n", machine_is_base(machine) ? "base" : "machine",
        base ? base : "nothing", place_name(machine->actual_place),
        place_name(machine->desired_place),
        machine_actual(machine) ? cause_name(machine_actual(machine)->cause) : "nothing",
        machine_is_pending(machine) ? cause_name(machine_desired(machine)->cause) : "stay");
    g_string_append_printf(
        text, "%s%s%s%s%s\n", machine->held ? "held " : "", machine->retired ? "retired " : "",
        machine->start_after ? "starts-after " : "", machine->define_after ? "define-after " : "",
        machine->set_id ? "has-set" : "");
    for (guint i = 0; i < machine->volumes->len; i++)
        look_at_volume(looking, machine, g_ptr_array_index(machine->volumes, i), text);
    look_at_nvram(looking, machine, text);
    look_at_entries(looking, machine, text);
    look_at_domain(looking, machine, text);
    add_section(looking, text);
}

/* Domains that belong to no machine: others', and what a failed operation would leave. */
static void look_at_foreign_domains(Looking *looking, GPtrArray *machines)
{
    g_autoptr(GPtrArray) domains = hypervisor_list(looking->world->hypervisor, NULL);
    GString *text = g_string_new("[other domains]\n");
    for (guint i = 0; domains && i < domains->len; i++) {
        const DomainState *state = g_ptr_array_index(domains, i);
        gboolean known = FALSE;
        for (guint j = 0; j < machines->len; j++)
            known = known ||
                    strcmp(((Machine *)g_ptr_array_index(machines, j))->uuid, state->uuid) == 0;
        if (!known)
            g_string_append_printf(text, "%s%s\n", state->name,
                                   state->machine_id ? " with our mark" : "");
    }
    add_section(looking, text);
}

/* --- layers and kept volumes ----------------------------------------------------------- */

static void look_at_layer(Looking *looking, const Layer *layer)
{
    GString *text = g_string_new(NULL);
    g_autofree char *id = with_names(looking, layer->id);
    g_string_append_printf(text, "[layer %s]\n%s %s %s %" G_GUINT64_FORMAT "%s", id,
                           layer->machine_name, role_name(layer->role), layer->format,
                           layer->capacity_bytes, layer->digest ? " with digest" : "");
    append_layer(looking, text, layer->parent_id);
    g_string_append_c(text, '\n');
    add_section(looking, text);
}

static void look_at_kept(Looking *looking, const KeptVolume *kept)
{
    GString *text = g_string_new(NULL);
    const char *name = g_hash_table_lookup(looking->names, kept->id);
    g_string_append_printf(text, "[kept %s]\n%s %" G_GUINT64_FORMAT " %s", name, kept->format,
                           kept->capacity_bytes, kept->expires_at ? "expires" : "stays");
    append_layer(looking, text, kept->layer_id);
    g_string_append_c(text, '\n');
    add_section(looking, text);
}

static void look_at_inventory(const Inventory *inventory, gpointer user_data)
{
    Looking *looking = user_data;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        look_at_layer(looking, value);
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        look_at_kept(looking, value);
    GString *text = g_string_new("[reclaim]\n");
    g_string_append_printf(text, "%u items\n", g_hash_table_size(inventory->reclaim));
    add_section(looking, text);
}

char *world_signature(World *world)
{
    g_autoptr(GPtrArray) machines = engine_list_machines(world->engine);
    Looking looking = {
        .world = world,
        .names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .sections = g_ptr_array_new_with_free_func(g_free),
    };
    engine_read(world->engine, learn_names, &looking);
    for (guint i = 0; i < machines->len; i++)
        look_at_machine(&looking, g_ptr_array_index(machines, i));
    look_at_foreign_domains(&looking, machines);
    engine_read(world->engine, look_at_inventory, &looking);
    look_at_store(&looking, "machines");
    look_at_store(&looking, "layers");
    look_at_store(&looking, "trash");
    look_outside(&looking);
    g_ptr_array_sort(looking.sections, by_text);
    g_ptr_array_add(looking.sections, NULL);
    char *signature = g_strjoinv("", (char **)looking.sections->pdata);
    g_ptr_array_unref(looking.sections);
    g_hash_table_unref(looking.names);
    return signature;
}

/* --- comparing ------------------------------------------------------------------------- */

gboolean signature_equals(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

/* Title -> lines. */
static GHashTable *sections_of(const char *signature)
{
    GHashTable *sections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) lines = g_strsplit(signature, "\n", -1);
    GString *text = NULL;
    char *title = NULL;
    for (guint i = 0; lines[i]; i++) {
        if (*lines[i] == '[' || !lines[i + 1]) {
            if (title)
                g_hash_table_insert(sections, title, g_string_free(text, FALSE));
            title = lines[i + 1] ? g_strdup(lines[i]) : NULL;
            text = title ? g_string_new(NULL) : NULL;
        } else if (text) {
            g_string_append_printf(text, "%s\n", lines[i]);
        }
    }
    return sections;
}

typedef gboolean (*SameSection)(const char *title, const char *here, const char *one,
                                const char *other);

/* Holds each section of any of the three against its likes. */
static gboolean each_section(const char *signature, const char *one, const char *other,
                             SameSection same)
{
    const char *all[] = {signature, one, other};
    GHashTable *sections[G_N_ELEMENTS(all)];
    g_autoptr(GHashTable) titles = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer title;
    gboolean ok = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        sections[i] = sections_of(all[i]);
        g_hash_table_iter_init(&iter, sections[i]);
        while (g_hash_table_iter_next(&iter, &title, NULL))
            g_hash_table_add(titles, title);
    }
    g_hash_table_iter_init(&iter, titles);
    while (g_hash_table_iter_next(&iter, &title, NULL))
        ok = ok &&
             same(title, g_hash_table_lookup(sections[0], title),
                  g_hash_table_lookup(sections[1], title), g_hash_table_lookup(sections[2], title));
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
        g_hash_table_unref(sections[i]);
    return ok;
}

static gboolean is_either(const char *title, const char *here, const char *one, const char *other)
{
    return g_strcmp0(here, one) == 0 || g_strcmp0(here, other) == 0;
}

/* Files of a machine that are still to be cleared away are not what the machine is. */
static gboolean is_second(const char *title, const char *here, const char *one, const char *other)
{
    return g_strcmp0(here, other) == 0 ||
           (g_str_has_prefix(title, "[machines ") && g_strcmp0(here, one) == 0);
}

gboolean signature_is_mixture(const char *signature, const char *before, const char *after)
{
    return each_section(signature, before, after, is_either);
}

gboolean signature_is_done(const char *signature, const char *before, const char *after)
{
    return each_section(signature, before, after, is_second);
}

static void append_missing(GString *text, char sign, const char *title, GHashTable *here,
                           GHashTable *there)
{
    g_auto(GStrv) lines = g_strsplit(g_hash_table_lookup(here, title), "\n", -1);
    const char *others = g_hash_table_lookup(there, title);
    g_auto(GStrv) other_lines = g_strsplit(others ? others : "", "\n", -1);
    if (!others)
        g_string_append_printf(text, "%c %s\n", sign, title);
    for (guint i = 0; lines[i]; i++)
        if (!g_strv_contains((const char *const *)other_lines, lines[i]))
            g_string_append_printf(text, "%c %s %s\n", sign, title, lines[i]);
}

char *signature_difference(const char *expected, const char *found)
{
    g_autoptr(GHashTable) before = sections_of(expected);
    g_autoptr(GHashTable) after = sections_of(found);
    GString *text = g_string_new(NULL);
    GHashTableIter iter;
    gpointer title;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &title, NULL))
        append_missing(text, '-', title, before, after);
    g_hash_table_iter_init(&iter, after);
    while (g_hash_table_iter_next(&iter, &title, NULL))
        append_missing(text, '+', title, after, before);
    return g_string_free(text, FALSE);
}
