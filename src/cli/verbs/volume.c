/* `underpin volume list | add | attach | set-role | resize | kept`: the volumes of machines. */
#include "cli/operate.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/size.h"

/* --- looking -----------------------------------------------------------------------------------
 */

static const TableColumn list_columns[] = {
    {"MACHINE", COLUMN_PLAIN}, {"VOLUME", COLUMN_PLAIN}, {"ROLE", COLUMN_PLAIN},
    {"FORMAT", COLUMN_SPARE},  {"SIZE", COLUMN_RIGHT},   {"SITS ON", COLUMN_TRIM},
    {"NOTE", COLUMN_PLAIN},
};

static void add_volumes(Table *table, const json_t *machine)
{
    size_t index;
    const json_t *volume;
    json_array_foreach(list_of(machine, "volumes"), index, volume)
    {
        TableRow *row = table_add(table, NULL);
        table_set(table, row, 0, text_of(machine, "name"));
        table_set(table, row, 1, text_of(volume, "target"));
        table_set(table, row, 2, text_of(volume, "role"));
        table_set(table, row, 3, text_of(volume, "format"));
        table_take(table, row, 4, size_to_text(number_of(volume, "capacity_bytes")));
        table_set(table, row, 5, text_of(volume, "layer"));
        table_set_or_blank(table, row, 6, flag_of(volume, "own") ? "its own" : NULL);
    }
}

static int list_all(Call *call, Table *table, GError **error)
{
    size_t index;
    const json_t *machine;
    json_t *machines = call_get_list(call, "/api/v1/machines", error);
    if (machines == NULL)
        return EXIT_ERROR;
    json_array_foreach(machines, index, machine)
    {
        add_volumes(table, machine);
    }
    json_decref(machines);
    return EXIT_OK;
}

static int run_list(Call *call, GError **error)
{
    g_autoptr(Table) table = table_new(call->screen, list_columns, G_N_ELEMENTS(list_columns));
    g_autoptr(GPtrArray) names = call_names(call, 0, error);
    if (names == NULL || (names->len == 0 && list_all(call, table, error) != EXIT_OK))
        return EXIT_ERROR;
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = call_path("machines", g_ptr_array_index(names, i), "");
        g_autoptr(Answer) answer = call_get(call, path, error);
        if (answer == NULL)
            return EXIT_ERROR;
        add_volumes(table, answer->json);
    }
    if (!call_has(call, "json"))
        table_print(table);
    return EXIT_OK;
}

static const TableColumn kept_columns[] = {
    {"ID", COLUMN_PLAIN},   {"WAS", COLUMN_PLAIN},     {"FORMAT", COLUMN_PLAIN},
    {"SIZE", COLUMN_RIGHT}, {"REMOVED", COLUMN_RIGHT}, {"EXPIRES", COLUMN_PLAIN},
};

static void add_kept(Table *table, const Call *call, const json_t *volume)
{
    gint64 now = call->clock->now_seconds();
    const char *expires = text_of(volume, "expires_at");
    TableRow *row = table_add(table, NULL);
    table_set(table, row, 0, text_of(volume, "id"));
    table_take(table, row, 1,
               g_strdup_printf("%s of %s", text_of(volume, "target"), text_of(volume, "machine")));
    table_set(table, row, 2, text_of(volume, "format"));
    table_take(table, row, 3, size_to_text(number_of(volume, "capacity_bytes")));
    table_take(table, row, 4, time_to_relative_text(text_of(volume, "removed_at"), now));
    table_take(table, row, 5,
               expires != NULL ? time_to_full_text(expires, now)
                               : g_strdup("never, kept on request"));
}

static int run_kept(Call *call, GError **error)
{
    size_t index;
    const json_t *volume;
    json_t *volumes = call_get_list(call, "/api/v1/kept-volumes", error);
    if (volumes == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table = table_new(call->screen, kept_columns, G_N_ELEMENTS(kept_columns));
    json_array_foreach(volumes, index, volume)
    {
        add_kept(table, call, volume);
    }
    call_print_table(call, table, "no data of removed machines is kept");
    json_decref(volumes);
    return EXIT_OK;
}

/* --- changing ----------------------------------------------------------------------------------
 */

/* A request for the machine that the first argument names. */
static Request *machine_request(const Call *call, Verb verb)
{
    Request *request = request_new(verb);
    request_add_machine(request, call_argument(call, 0));
    return request;
}

static int run_add(Call *call, GError **error)
{
    const char *file = call_text(call, "file");
    Role role = ROLE_DATA;
    if ((file == NULL) == !call_has(call, "size")) {
        call_usage(call, error,
                   "volume add needs either --size SIZE for a new volume or --file FILE");
        return EXIT_ERROR;
    }
    if (call_has(call, "role"))
        role_from_name(call_text(call, "role"), &role);
    g_autoptr(Request) request = machine_request(call, VERB_VOLUME_ADD);
    RequestDisk *disk = request_disk_new();
    disk->path = file != NULL ? g_canonicalize_filename(file, NULL) : NULL;
    disk->target = g_strdup(call_text(call, "target"));
    disk->format = g_strdup(call_text(call, "format"));
    disk->role = (int)role;
    disk->capacity_bytes = options_size(call->options, "size", 0);
    g_ptr_array_add(request->disks, disk);
    request->force = call_has(call, "force");
    return operate(call, request, error);
}

static int run_attach(Call *call, GError **error)
{
    g_autoptr(Request) request = machine_request(call, VERB_VOLUME_ATTACH);
    request->volume = g_strdup(call_argument(call, 1));
    return operate(call, request, error);
}

static int run_set_role(Call *call, GError **error)
{
    Role role = ROLE_DATA;
    const char *text = call_argument(call, 2);
    if (!role_from_name(text, &role)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "one of system, temporary, data",
                  "there is no role '%s'", text);
        return EXIT_ERROR;
    }
    g_autoptr(Request) request = machine_request(call, VERB_VOLUME_SET_ROLE);
    request->volume = g_strdup(call_argument(call, 1));
    request->role = (int)role;
    return operate(call, request, error);
}

static int run_resize(Call *call, GError **error)
{
    g_autoptr(Request) request = machine_request(call, VERB_VOLUME_RESIZE);
    request->volume = g_strdup(call_argument(call, 1));
    if (!size_from_text(call_argument(call, 2), &request->capacity_bytes, error))
        return EXIT_ERROR;
    return operate(call, request, error);
}

/* --- rows --------------------------------------------------------------------------------------
 */

static const OptionSpec add_options[] = {
    {"size", 's', OPTION_SIZE, "SIZE", NAMES_NOTHING, "a new empty volume of this size"},
    {"file", 'f', OPTION_TEXT, "FILE", NAMES_FILES, "an image that moves into the store"},
    {"role", 'r', OPTION_CHOICE, "system|temporary|data", NAMES_NOTHING, "its role (default data)"},
    {"target", 't', OPTION_TEXT, "TARGET", NAMES_NOTHING,
     "such as vdd (default: the next free one)"},
    {"format", 0, OPTION_CHOICE, "qcow2|raw|vmdk|vhdx|vdi", NAMES_NOTHING,
     "of the file; raw must be said, others are proved"},
    {"force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "go past a refusal whose hint names this option"},
    {0},
};

const Command command_volume_list = {
    .name = "volume list",
    .group = GROUP_VOLUMES,
    .summary = "list volumes with their roles and layers",
    .usage = "[NAME…]",
    .examples = "volume list # of all machines\nvolume list demo-1 # of one",
    .also_known_as = "disks, domblklist, lsblk",
    .names = NAMES_MACHINES,
    .most_arguments = G_MAXUINT,
    .run = run_list,
};

const Command command_volume_add = {
    .name = "volume add",
    .group = GROUP_VOLUMES,
    .summary = "give a machine another volume",
    .usage = "NAME --size SIZE [--role ROLE] [--target TARGET]\nNAME --file FILE [--role ROLE] "
             "[--format FORMAT]",
    .description =
        "A volume that is added to a clone is its own: a rebase does not look for it in the new "
        "base, and data on it is KEPT.",
    .examples = "volume add demo-1 --size 20G # a new data volume\n"
                "volume add demo-1 --file /srv/old.qcow2 --role data # an image that exists",
    .also_known_as = "add disk, attach disk, persistent disk, user disk",
    .options = add_options,
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "extended by a volume",
    .run = run_add,
};

const Command command_volume_attach = {
    .name = "volume attach",
    .group = GROUP_VOLUMES,
    .summary = "give a machine a kept data volume of a removed one",
    .usage = "NAME ID",
    .examples = "volume kept # ids of what is there\n"
                "volume attach demo-4 0c51a8e2f7b94d10 # data of a removed machine comes back",
    .also_known_as = "recover data, restore data, reattach",
    .names = NAMES_MACHINES,
    .later_names = {NAMES_KEPT_VOLUMES},
    .least_arguments = 2,
    .most_arguments = 2,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "extended by a volume",
    .run = run_attach,
};

const Command command_volume_set_role = {
    .name = "volume set-role",
    .group = GROUP_VOLUMES,
    .summary = "change the role of a volume",
    .usage = "NAME VOLUME ROLE",
    .description =
        "ROLE is system, temporary or data. Only while the machine is neither base nor clone, for "
        "the volumes of a base and its clones must agree.",
    .examples = "volume set-role w11 vdb data # kept from now on",
    .also_known_as = "disk type, persistence mode",
    .names = NAMES_MACHINES,
    .later_names = {NAMES_NOTHING, NAMES_ROLES},
    .least_arguments = 3,
    .most_arguments = 3,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "changed",
    .run = run_set_role,
};

const Command command_volume_resize = {
    .name = "volume resize",
    .group = GROUP_VOLUMES,
    .summary = "make a volume of a stopped machine larger",
    .usage = "NAME VOLUME SIZE",
    .description =
        "The content is KEPT; the guest enlarges its file system itself. A smaller size is "
        "refused. A system or temporary volume of a clone has its base's size again after the "
        "next restore or rebase.",
    .examples = "volume resize demo-1 vdc 40G # the guest sees 40 GiB",
    .also_known_as = "grow, expand disk, qemu-img resize",
    .names = NAMES_MACHINES,
    .least_arguments = 3,
    .most_arguments = 3,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "resized",
    .run = run_resize,
};

const Command command_volume_kept = {
    .name = "volume kept",
    .group = GROUP_VOLUMES,
    .summary = "data volumes of removed machines: in the trash, or kept",
    .usage = "",
    .examples = "volume kept # until when they wait",
    .also_known_as = "trash, recycle bin, orphaned disks",
    .run = run_kept,
};
