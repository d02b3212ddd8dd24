/* Rows with a real libvirtd and a real daemon: a thousand clones through the API, and what the
 * start hook costs. */
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "daemon.h"
#include "foundation/error.h"
#include "foundation/ids.h"
#include "foundation/process.h"

#define HOST "qemu:///system"

extern char **environ;

/* --- the world
 * --------------------------------------------------------------------------------------------- */

static gboolean make_disk(const char *directory, const char *target, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/base-%s.qcow2", directory, target);
    const char *create[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, "64M", NULL};
    const char *fill[] = {"qemu-io", "-f", "qcow2", "-c", "write -q -P 0x5a 0 1M", path, NULL};
    return process_run(create, NULL, NULL, error) && process_run(fill, NULL, NULL, error);
}

static gboolean import_base(const Daemon *daemon, const char *directory, GError **error)
{
    g_autofree char *system =
        g_strdup_printf("%s/base-vda.qcow2,role=system,target=vda", directory);
    g_autofree char *temporary =
        g_strdup_printf("%s/base-vdb.qcow2,role=temporary,target=vdb", directory);
    g_autofree char *data = g_strdup_printf("%s/base-vdc.qcow2,role=data,target=vdc", directory);
    return make_disk(directory, "vda", error) && make_disk(directory, "vdb", error) &&
           make_disk(directory, "vdc", error) &&
           daemon_cli(daemon, NULL, error, "import", "base-0", "--disk", system, "--disk",
                      temporary, "--disk", data, "--yes", NULL) &&
           daemon_cli(daemon, NULL, error, "prepare", "base-0", "--yes", NULL);
}

static gboolean host_begin(Bench *bench, Daemon *daemon, const char *directory, GError **error)
{
    bench_erase(directory);
    g_mkdir_with_parents(directory, 0711);
    return daemon_start(daemon, bench, directory, HOST, TRUE, NULL, error) &&
           daemon_wait_hook(daemon, error) && import_base(daemon, directory, error);
}

/* --- libvirt's own time
 * ------------------------------------------------------------------------------------ */

static char *replace_element(const char *xml, const char *element, const char *value)
{
    g_autofree char *open = g_strdup_printf("<%s>", element);
    g_autofree char *close = g_strdup_printf("</%s>", element);
    const char *begin = strstr(xml, open);
    const char *end = begin ? strstr(begin, close) : NULL;
    if (!end)
        return g_strdup(xml);
    return g_strdup_printf("%.*s%s%s", (int)(begin - xml + (glong)strlen(open)), xml, value, end);
}

static char *domain_xml(virConnectPtr connection, const char *name)
{
    virDomainPtr domain = virDomainLookupByName(connection, name);
    char *xml = domain ? virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE) : NULL;
    char *copy = g_strdup(xml);
    free(xml);
    if (domain)
        virDomainFree(domain);
    return copy;
}

static gboolean define_one(virConnectPtr connection, const char *xml, guint number)
{
    g_autofree char *name = g_strdup_printf("plain-%u", number);
    g_autofree char *uuid = uuid_new();
    g_autofree char *named = replace_element(xml, "name", name);
    g_autofree char *text = replace_element(named, "uuid", uuid);
    virDomainPtr domain = virDomainDefineXML(connection, text);
    if (domain)
        virDomainFree(domain);
    return domain != NULL;
}

static void undefine_plain(virConnectPtr connection, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("plain-%u", i);
        virDomainPtr domain = virDomainLookupByName(connection, name);
        if (!domain)
            continue;
        virDomainUndefine(domain);
        virDomainFree(domain);
    }
}

/* Definitions only: their MAC addresses are equal, which libvirt does not mind. */
static gboolean define_plain(virConnectPtr connection, const char *xml, guint count, Samples *times,
                             GError **error)
{
    double begin = seconds_now();
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < count; i++)
        ok = define_one(connection, xml, i);
    samples_add(times, seconds_now() - begin);
    undefine_plain(connection, count);
    return ok || error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "libvirt does not define a domain");
}

/* --- a thousand clones
 * ------------------------------------------------------------------------------------- */

static gboolean clone_round(Bench *bench, const Daemon *daemon, virConnectPtr connection,
                            guint round, Samples *ours, Samples *theirs, GError **error)
{
    g_autofree char *count = g_strdup_printf("%u", bench->clones);
    g_autofree char *pattern = g_strdup_printf("r%u-{n}", round);
    g_autofree char *first = g_strdup_printf("r%u-1", round);
    double begin = seconds_now();
    if (!daemon_cli(daemon, NULL, error, "clone", "base-0", "--count", count, "--name", pattern,
                    NULL))
        return FALSE;
    samples_add(ours, seconds_now() - begin);
    g_autofree char *xml = domain_xml(connection, first);
    return xml ? define_plain(connection, xml, bench->clones, theirs, error)
               : error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "libvirt does not know '%s'",
                           first);
}

static gboolean measure_clones(Bench *bench, const Daemon *daemon, virConnectPtr connection,
                               GError **error)
{
    g_auto(Samples) ours = {0}, theirs = {0}, ratio = {0};
    g_autofree char *what =
        g_strdup_printf("%u clones through API and command line, real libvirtd", bench->clones);
    samples_init(&ours);
    samples_init(&theirs);
    samples_init(&ratio);
    for (guint round = 0; round < bench->rounds; round++)
        if (!clone_round(bench, daemon, connection, round, &ours, &theirs, error))
            return FALSE;
    samples_ratio(&ours, &theirs, &ratio);
    report_add(bench->report, "clones", what, &ours, UNIT_SECONDS, GOAL_NONE, 0,
               "earlier rounds' clones stay: later rounds run beside thousands of domains");
    report_add(bench->report, "clones", "libvirt alone: as many definitions of the same XML",
               &theirs, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "clones", "ours over libvirt's own time", &ratio, UNIT_TIMES,
               GOAL_AT_MOST, 2, NULL);
    return TRUE;
}

/* --- the hook
 * ---------------------------------------------------------------------------------------------- */

/* One call as libvirt makes it: the domain's XML on standard input. */
static gboolean call_hook(const Daemon *daemon, const char *xml_path, const char *name,
                          const char *operation, const char *suboperation)
{
    const char *argv[] = {daemon->hook, name, operation, suboperation, "-", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, xml_path, O_RDONLY, 0);
    gboolean ok = posix_spawn(&pid, daemon->hook, &actions, NULL, (char **)argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return ok && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static gboolean time_start(const Daemon *daemon, const char *xml_path, const char *name,
                           Samples *times, GError **error)
{
    static const char *const operations[] = {"prepare", "start", "started"};
    double begin = seconds_now();
    for (guint i = 0; i < G_N_ELEMENTS(operations); i++)
        if (!call_hook(daemon, xml_path, name, operations[i], "begin"))
            return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "the hook refused '%s' of '%s'",
                             operations[i], name);
    samples_add(times, seconds_now() - begin);
    return TRUE;
}

static gboolean hook_round(const Daemon *daemon, virConnectPtr connection, const char *directory,
                           guint round, Samples *ours, Samples *foreign, GError **error)
{
    g_autofree char *name = g_strdup_printf("hook-%u", round + 1);
    g_autofree char *xml = domain_xml(connection, name);
    g_autofree char *ours_path = g_strdup_printf("%s/ours.xml", directory);
    g_autofree char *foreign_path = g_strdup_printf("%s/foreign.xml", directory);
    g_auto(GStrv) parts = xml ? g_strsplit(xml, "/store/machines/", -1) : NULL;
    g_autofree char *elsewhere = parts ? g_strjoinv("/elsewhere/", parts) : NULL;
    if (!xml || !g_file_set_contents(ours_path, xml, -1, error) ||
        !g_file_set_contents(foreign_path, elsewhere, -1, error))
        return xml != NULL ? FALSE
                           : error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "no domain '%s'", name);
    gboolean ok = time_start(daemon, ours_path, name, ours, error) &&
                  time_start(daemon, foreign_path, "somebody-else", foreign, error);
    (void)call_hook(daemon, ours_path, name, "release", "end");
    return ok;
}

static gboolean measure_hook(Bench *bench, const Daemon *daemon, virConnectPtr connection,
                             const char *directory, GError **error)
{
    g_auto(Samples) ours = {0}, foreign = {0};
    guint rounds = 8 * bench->rounds;
    g_autofree char *count = g_strdup_printf("%u", rounds);
    samples_init(&ours);
    samples_init(&foreign);
    if (!daemon_cli(daemon, NULL, error, "clone", "base-0", "--count", count, "--name", "hook-{n}",
                    NULL))
        return FALSE;
    for (guint round = 0; round < rounds; round++)
        if (!hook_round(daemon, connection, directory, round, &ours, &foreign, error))
            return FALSE;
    report_add(
        bench->report, "hook", "the start hook adds to the start of our machine", &ours,
        UNIT_SECONDS, GOAL_AT_MOST, 0.02,
        "its three calls (prepare, start, started) with process start, as libvirt makes them");
    report_add(bench->report, "hook", "the start hook adds to the start of a foreign domain",
               &foreign, UNIT_SECONDS, GOAL_AT_MOST, 0.003, NULL);
    return TRUE;
}

/* --- rows
 * --------------------------------------------------------------------------------------------------
 */

static void undefine_all(virConnectPtr connection)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
    for (int i = 0; i < count; i++) {
        virDomainUndefine(domains[i]);
        virDomainFree(domains[i]);
    }
    free(domains);
}

static gboolean with_host(Bench *bench, const char *name, gboolean hook, GError **error)
{
    g_autofree char *directory = g_build_filename(bench->directory, name, NULL);
    g_auto(Daemon) daemon = {0};
    virConnectPtr connection = virConnectOpen(HOST);
    if (!connection)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "start it", "libvirtd does not answer");
    gboolean ok = host_begin(bench, &daemon, directory, error) &&
                  (hook ? measure_hook(bench, &daemon, connection, directory, error)
                        : measure_clones(bench, &daemon, connection, error));
    daemon_stop(&daemon);
    undefine_all(connection);
    virConnectClose(connection);
    bench_erase(directory);
    return ok;
}

gboolean row_libvirt(Bench *bench, GError **error)
{
    return with_host(bench, "clones", FALSE, error);
}

gboolean row_hook(Bench *bench, GError **error)
{
    return with_host(bench, "hook", TRUE, error);
}
