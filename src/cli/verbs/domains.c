/* `underpin domains`: libvirt's domains that could be imported, and the roles their disks would
 * get. */
#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"

static const TableColumn domain_columns[] = {
    {"DOMAIN", COLUMN_PLAIN}, {"POWER", COLUMN_SPARE},         {"DISK", COLUMN_PLAIN},
    {"FORMAT", COLUMN_SPARE}, {"PROPOSED ROLE", COLUMN_PLAIN}, {"FILE", COLUMN_TRIM},
};

static void set_disk(Table *table, TableRow *row, const json_t *disk)
{
    const char *device = text_of(disk, "device");
    const char *role = text_of(disk, "proposed_role");
    table_set(table, row, 2, text_of(disk, "target"));
    table_set(table, row, 3, text_of(disk, "format"));
    table_set(table, row, 4, role != NULL ? role : device);
    table_set(table, row, 5, text_of(disk, "path"));
}

static void add_domain(Table *table, const json_t *domain)
{
    size_t index;
    const json_t *disk;
    const json_t *disks = list_of(domain, "disks");
    const char *power = text_of(domain, "power");
    TableRow *row = table_add(table, NULL);
    table_set(table, row, 0, text_of(domain, "name"));
    table_set_toned(table, row, 1, power, tone_of_word(power));
    if (json_array_size(disks) == 0)
        set_disk(table, row, NULL);
    json_array_foreach(disks, index, disk)
    {
        if (index > 0) {
            row = table_add(table, NULL);
            table_set_or_blank(table, row, 0, NULL);
            table_set_or_blank(table, row, 1, NULL);
        }
        set_disk(table, row, disk);
    }
}

static int run_domains(Call *call, GError **error)
{
    size_t index;
    const json_t *domain;
    json_t *domains = call_get_list(call, "/api/v1/domains", error);
    if (domains == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table = table_new(call->screen, domain_columns, G_N_ELEMENTS(domain_columns));
    json_array_foreach(domains, index, domain)
    {
        add_domain(table, domain);
    }
    call_print_table(call, table, "libvirt has no domain that is not imported already");
    json_decref(domains);
    return EXIT_OK;
}

const Command command_domains = {
    .name = "domains",
    .group = GROUP_LOOK,
    .summary = "libvirt domains that could be imported",
    .usage = "",
    .description =
        "Nothing is changed by looking. The proposed roles are what 'underpin import' would ask "
        "you to confirm.",
    .examples = "domains # what could be imported",
    .also_known_as = "candidates, discover, virsh list",
    .run = run_domains,
};
