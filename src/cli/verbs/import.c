/*
 * `underpin import NAME`: a libvirt domain or disk files become a machine.
 *
 * Every disk needs a role, and a role is never guessed silently: what was not stated is proposed,
 * shown and confirmed at a terminal. A script states it; what it would have to state is printed.
 */
#include <stdio.h>
#include <string.h>

#include "cli/confirm.h"
#include "cli/disk_spec.h"
#include "cli/operate.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "foundation/error.h"

/* --- gathering the disks -----------------------------------------------------------------------
 */

static RequestDisk *find_disk(const Request *request, const char *target)
{
    for (guint i = 0; i < request->disks->len; i++) {
        RequestDisk *disk = g_ptr_array_index(request->disks, i);
        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

static gboolean take_disk_options(const Call *call, Request *request, GError **error)
{
    const GPtrArray *values = options_list(call->options, "disk");
    for (guint i = 0; i < values->len; i++) {
        RequestDisk *disk =
            disk_spec_from_text(g_ptr_array_index(values, i), request->domain != NULL, error);
        if (disk == NULL)
            return FALSE;
        g_ptr_array_add(request->disks, disk);
    }
    return TRUE;
}

static const json_t *find_domain(const json_t *domains, const char *name)
{
    size_t index;
    const json_t *domain;
    json_array_foreach(domains, index, domain)
    {
        if (g_strcmp0(text_of(domain, "name"), name) == 0 ||
            g_strcmp0(text_of(domain, "uuid"), name) == 0)
            return domain;
    }
    return NULL;
}

/* A stated disk must be one of the domain's. */
static gboolean check_stated(const Request *request, const json_t *disks, GError **error)
{
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *stated = g_ptr_array_index(request->disks, i);
        size_t index;
        const json_t *disk;
        gboolean is_there = FALSE;
        json_array_foreach(disks, index, disk)
        {
            is_there |= g_strcmp0(text_of(disk, "target"), stated->target) == 0;
        }
        if (!is_there)
            return error_set(error, UNDERPIN_ERROR_INVALID, "'underpin domains' lists its disks",
                             "the domain '%s' has no disk '%s'", request->domain, stated->target);
    }
    return TRUE;
}

/*
 * Brings the domain's disks into the request, in the domain's order: those that were stated, and
 * the others with the proposed role in `proposals` (disk -> role name). CD-ROMs have no proposed
 * role and are left alone.
 */
static void merge_disks(Request *request, const json_t *disks, GHashTable *proposals)
{
    size_t index;
    const json_t *disk;
    g_autoptr(GPtrArray) ordered = g_ptr_array_new();
    json_array_foreach(disks, index, disk)
    {
        const char *target = text_of(disk, "target");
        const char *proposed = text_of(disk, "proposed_role");
        RequestDisk *merged = find_disk(request, target);
        if (merged == NULL && proposed != NULL && target != NULL) {
            merged = request_disk_new();
            merged->target = g_strdup(target);
        }
        if (merged == NULL)
            continue;
        if (merged->role < 0)
            g_hash_table_insert(proposals, merged, g_strdup(proposed));
        g_ptr_array_add(ordered, merged);
    }
    g_free(g_ptr_array_steal(request->disks, NULL));
    g_ptr_array_extend(request->disks, ordered, NULL, NULL);
}

/* Domains that are machines already are not listed for import. */
static gboolean refuse_domain(Call *call, const char *name, GError **error)
{
    g_autofree char *path = call_path("machines", name, NULL);
    g_autoptr(Answer) machine = client_get(call->client, path, NULL);
    if (machine != NULL)
        return error_set(error, UNDERPIN_ERROR_EXISTS, "'underpin show' says what it is",
                         "'%s' is a machine of Underpin already", name);
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "'underpin domains' lists those there are",
                     "libvirt has no domain '%s' that could be imported", name);
}

static gboolean take_domain(Call *call, Request *request, GHashTable *proposals, GError **error)
{
    g_autoptr(Answer) answer = client_get(call->client, "/api/v1/domains?limit=10000", error);
    if (answer == NULL)
        return FALSE;
    const json_t *domain = find_domain(list_of(answer->json, "items"), request->domain);
    if (domain == NULL)
        return refuse_domain(call, request->domain, error);
    const json_t *disks = list_of(domain, "disks");
    if (!check_stated(request, disks, error))
        return FALSE;
    merge_disks(request, disks, proposals);
    return TRUE;
}

/* Files: the first is the system's unless another was stated to be, the others are data. */
static void propose_for_files(const Request *request, GHashTable *proposals)
{
    gboolean has_system = FALSE;
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        has_system |= disk->role == ROLE_SYSTEM;
    }
    for (guint i = 0; i < request->disks->len; i++) {
        RequestDisk *disk = g_ptr_array_index(request->disks, i);
        if (disk->role >= 0)
            continue;
        g_hash_table_insert(proposals, disk,
                            g_strdup(role_name(has_system ? ROLE_DATA : ROLE_SYSTEM)));
        has_system = TRUE;
    }
}

/* --- agreeing on roles -------------------------------------------------------------------------
 */

static Role role_in_force(const RequestDisk *disk, GHashTable *proposals)
{
    Role role = ROLE_DATA;
    if (disk->role >= 0)
        return (Role)disk->role;
    role_from_name(g_hash_table_lookup(proposals, disk), &role);
    return role;
}

static const TableColumn disk_columns[] = {{"DISK", COLUMN_PLAIN},
                                           {"ROLE", COLUMN_PLAIN},
                                           {"", COLUMN_PLAIN},
                                           {"WHAT IT MEANS", COLUMN_TRIM}};

static const char *const role_meanings[] = {
    [ROLE_SYSTEM] = "REPLACED by restore, rebase and undo",
    [ROLE_TEMPORARY] = "RESET whenever the machine stops",
    [ROLE_DATA] = "KEPT always",
};
G_STATIC_ASSERT(G_N_ELEMENTS(role_meanings) == ROLE_COUNT);

static void print_disks(const Call *call, const Request *request, GHashTable *proposals)
{
    g_autoptr(Table) table = table_new(call->screen, disk_columns, G_N_ELEMENTS(disk_columns));
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        Role role = role_in_force(disk, proposals);
        TableRow *row = table_add(table, NULL);
        table_set(table, row, 0, disk->target != NULL ? disk->target : disk->path);
        table_set(table, row, 1, role_name(role));
        table_set(table, row, 2, disk->role < 0 ? "proposed" : "stated");
        table_set(table, row, 3, role_meanings[role]);
    }
    table_print(table);
    fflush(stdout);
}

static void settle_roles(const Request *request, GHashTable *proposals)
{
    for (guint i = 0; i < request->disks->len; i++) {
        RequestDisk *disk = g_ptr_array_index(request->disks, i);
        disk->role = (int)role_in_force(disk, proposals);
    }
}

/* "vdb=temporary": states a role of one disk. */
static gboolean take_correction(const Request *request, const char *answer)
{
    g_auto(GStrv) halves = g_strsplit(answer, "=", 2);
    Role role = ROLE_DATA;
    if (halves[0] == NULL || halves[1] == NULL || !role_from_name(g_strstrip(halves[1]), &role))
        return FALSE;
    RequestDisk *disk = find_disk(request, g_strstrip(halves[0]));
    for (guint i = 0; disk == NULL && i < request->disks->len; i++) {
        RequestDisk *candidate = g_ptr_array_index(request->disks, i);
        if (g_strcmp0(candidate->path, halves[0]) == 0)
            disk = candidate;
    }
    if (disk == NULL)
        return FALSE;
    disk->role = (int)role;
    return TRUE;
}

static gboolean ask_for_roles(const Call *call, const Request *request, GHashTable *proposals)
{
    for (;;) {
        print_disks(call, request, proposals);
        g_autofree char *answer =
            confirm_ask("Are these roles right? [y, n, or DISK=ROLE to change one]");
        if (answer == NULL || g_ascii_strncasecmp(answer, "n", 1) == 0 || *answer == '\0')
            return FALSE;
        if (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0)
            return TRUE;
        if (!take_correction(request, answer))
            say_aside("write for example vdb=temporary; roles are system, temporary and data");
    }
}

static gboolean refuse_unstated(const Call *call, const Request *request, GHashTable *proposals,
                                GError **error)
{
    GString *hint = g_string_new("state them, for example:");
    for (guint i = 0; i < request->disks->len; i++) {
        const RequestDisk *disk = g_ptr_array_index(request->disks, i);
        g_autofree char *option = disk_spec_to_option(disk, role_in_force(disk, proposals));
        g_string_append_printf(hint, " %s", option);
    }
    error_set(error, UNDERPIN_ERROR_INVALID, hint->str,
              call_has(call, "yes")
                  ? "the roles of the disks are not stated, and --yes does not guess them"
                  : "the roles of the disks are not stated, and there is no terminal to ask at");
    g_string_free(hint, TRUE);
    return FALSE;
}

/* TRUE: go on. FALSE without an error: the person said no. */
static gboolean agree_on_roles(const Call *call, const Request *request, GHashTable *proposals,
                               GError **error)
{
    if (g_hash_table_size(proposals) == 0)
        return TRUE;
    if (call_has(call, "dry-run"))
        say_aside("the roles that were not stated are taken as proposed; the run asks");
    else if (!call->screen->can_ask || call_has(call, "yes"))
        return refuse_unstated(call, request, proposals, error);
    else if (!ask_for_roles(call, request, proposals))
        return FALSE;
    settle_roles(request, proposals);
    return TRUE;
}

/* --- the verb ----------------------------------------------------------------------------------
 */

static Request *build(Call *call, GHashTable *proposals, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_IMPORT, 0, error);
    if (request == NULL)
        return NULL;
    request->domain = g_strdup(call_text(call, "domain"));
    request->memory_mib = options_size(call->options, "memory", 0) >> 20;
    request->cpus = options_count(call->options, "cpus", 0);
    request->flatten = call_has(call, "flatten");
    request->force = call_has(call, "force");
    if (request->domain == NULL && !call_has(call, "disk")) {
        call_usage(call, error, "import needs --domain DOMAIN, or --disk FILE");
        return NULL;
    }
    if (!take_disk_options(call, request, error))
        return NULL;
    if (request->domain == NULL)
        propose_for_files(request, proposals);
    else if (!take_domain(call, request, proposals, error))
        return NULL;
    return g_steal_pointer(&request);
}

static int run_import(Call *call, GError **error)
{
    g_autoptr(GHashTable) proposals = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Request) request = build(call, proposals, error);
    if (request == NULL)
        return EXIT_ERROR;
    if (!agree_on_roles(call, request, proposals, &problem)) {
        if (problem != NULL) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return EXIT_ERROR;
        }
        say_aside("Nothing was changed.");
        return EXIT_FAILED;
    }
    return operate(call, request, error);
}

static const OptionSpec import_options[] = {
    {"domain", 'd', OPTION_TEXT, "DOMAIN", NAMES_DOMAINS, "the libvirt domain to take over"},
    {"disk", 'D', OPTION_LIST, "DISK", NAMES_FILES,
     "TARGET,role=ROLE of the domain, or FILE[,role=ROLE][,target=vda][,format=qcow2], or "
     "size=20G,role=ROLE for a new one; several times"},
    {"memory", 0, OPTION_SIZE, "SIZE", NAMES_NOTHING, "memory of a machine made from files"},
    {"cpus", 0, OPTION_COUNT, "N", NAMES_NOTHING, "processors of a machine made from files"},
    {"flatten", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "copy a chain of images into one"},
    {"force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "go past a refusal whose hint names this option"},
    {0},
};

const Command command_import = {
    .name = "import",
    .group = GROUP_MACHINES,
    .summary = "take over a libvirt domain or disk files",
    .usage = "NAME --domain DOMAIN [--disk TARGET,role=ROLE …]\n"
             "NAME --disk FILE[,role=ROLE][,target=TARGET][,format=FORMAT] …",
    .description = "The disks move into the store; 'underpin export NAME' puts everything back. "
                   "Each disk has a role: "
                   "a system is REPLACED by restore and rebase, a temporary volume is RESET "
                   "whenever the machine "
                   "stops, data is KEPT.\n"
                   "Roles that are not stated are proposed (the first boot disk system, all others "
                   "data) and asked "
                   "for at the terminal. A script states them all.",
    .examples =
        "domains # what can be imported\n"
        "import w11 --domain w11 # shows the proposed roles and asks\n"
        "import w11 --domain w11 --disk vda,role=system --disk vdb,role=data # for a script\n"
        "import lab --disk /srv/lab.qcow2,role=system --memory 4G --cpus 2 # from a file",
    .also_known_as = "add, adopt, register, manage",
    .options = import_options,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "imported",
    .run = run_import,
};
