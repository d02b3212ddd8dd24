/* Builds the worlds of the sweep, by the same requests that people make. */
#include "worlds.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <glib/gstdio.h>
#include <string.h>

#include "foundation/process.h"

#define NVRAM_BYTES 4096

static const char *const TARGETS[] = {"vda", "vdb", "vdc"};
static const Role ROLES[] = {ROLE_SYSTEM, ROLE_TEMPORARY, ROLE_DATA};

/* --- files ----------------------------------------------------------------------------- */

static char *path_in(World *world, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    return g_build_filename(world->directory, file, NULL);
}

static char *image_path(World *world, const char *name, const char *target, const char *format)
{
    g_autofree char *suffix = g_strdup_printf("-%s.%s", target, format);
    return path_in(world, name, suffix);
}

static void run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    if (!process_run(argv, NULL, NULL, &error))
        fail_msg("%s: %s", argv[0], error->message);
}

/* An image whose first bytes are NAME-TARGET. */
static void make_image(World *world, const char *name, const char *target, const char *format)
{
    g_autofree char *path = image_path(world, name, target, format);
    g_autofree char *size = g_strdup_printf("%d", WORLD_CAPACITY_BYTES);
    g_autofree char *source = g_build_filename(world->directory, "guest-bytes", NULL);
    g_autofree char *command = g_strdup_printf("write -q -s %s 0 512", source);
    char bytes[512] = {0};
    g_snprintf(bytes, sizeof bytes, "%s-%s", name, target);
    assert_true(g_file_set_contents(source, bytes, sizeof bytes, NULL));
    const char *create[] = {"qemu-img", "create", "-q", "-f", format, path, size, NULL};
    const char *fill[] = {"qemu-io", "-f", format, "-c", command, path, NULL};
    run(create);
    run(fill);
}

/* UEFI variables that begin with NAME. */
static void make_nvram(World *world, const char *name)
{
    g_autofree char *path = path_in(world, name, "-nvram.fd");
    char bytes[NVRAM_BYTES] = {0};
    g_strlcpy(bytes, name, sizeof bytes);
    assert_true(g_file_set_contents(path, bytes, sizeof bytes, NULL));
}

/* --- domains --------------------------------------------------------------------------- */

static void append_disk(GString *xml, World *world, const char *name, const char *target)
{
    g_autofree char *path = image_path(world, name, target, "qcow2");
    g_string_append_printf(xml,
                           "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                           "<source file='%s'/><target dev='%s' bus='virtio'/></disk>",
                           path, target);
}

static void make_domain(World *world, const char *name)
{
    g_autofree char *nvram = path_in(world, name, "-nvram.fd");
    g_autofree char *uuid = g_uuid_string_random();
    g_autoptr(GString) xml = g_string_new(NULL);
    g_string_append_printf(
        xml,
        "<domain type='qemu'><name>%s</name><uuid>%s</uuid><memory unit='MiB'>512</memory>"
        "<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type>"
        "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
        "<nvram>%s</nvram></os><devices>",
        name, uuid, nvram);
    make_nvram(world, name);
    for (gsize i = 0; i < G_N_ELEMENTS(TARGETS); i++) {
        make_image(world, name, TARGETS[i], "qcow2");
        append_disk(xml, world, name, TARGETS[i]);
    }
    g_string_append(xml, "</devices></domain>");
    memory_hypervisor_add(world->hypervisor, xml->str);
}

/* --- requests -------------------------------------------------------------------------- */

static RequestDisk *add_disk(Request *request, gsize index)
{
    RequestDisk *disk = request_disk_new();
    disk->target = g_strdup(TARGETS[index]);
    disk->role = (int)ROLES[index];
    g_ptr_array_add(request->disks, disk);
    return disk;
}

Request *request_import_domain(const char *name)
{
    Request *request = world_request(VERB_IMPORT, name, NULL);
    request->domain = g_strdup(name);
    for (gsize i = 0; i < G_N_ELEMENTS(TARGETS); i++)
        add_disk(request, i);
    return request;
}

static Request *request_import(World *world, const char *name, const char *const *formats)
{
    Request *request = world_request(VERB_IMPORT, name, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(TARGETS); i++) {
        RequestDisk *disk = add_disk(request, i);
        disk->path = image_path(world, name, TARGETS[i], formats[i]);
        disk->format = g_strdup(formats[i]);
    }
    return request;
}

static const char *const PLAIN_FORMATS[] = {"qcow2", "raw", "raw"};
static const char *const FOREIGN_FORMATS[] = {"vmdk", "qcow2", "vmdk"};

Request *request_import_files(World *world, const char *name)
{
    return request_import(world, name, PLAIN_FORMATS);
}

Request *request_import_convert(World *world, const char *name)
{
    Request *request = request_import(world, name, FOREIGN_FORMATS);
    request->flatten = TRUE;
    return request;
}

Request *request_rebase(gboolean all)
{
    Request *request = request_new(VERB_REBASE);
    request->onto = g_strdup("v2");
    if (all)
        request->all_of = g_strdup("v1");
    else
        request_add_machine(request, "lab-1");
    return request;
}

Request *request_volume_add(const char *path)
{
    Request *request = world_request(VERB_VOLUME_ADD, "lab-1", NULL);
    RequestDisk *disk = request_disk_new();
    disk->path = g_strdup(path);
    disk->role = ROLE_DATA;
    disk->capacity_bytes = path ? 0 : WORLD_CAPACITY_BYTES;
    g_ptr_array_add(request->disks, disk);
    return request;
}

/* --- images and one machine ------------------------------------------------------------ */

void build_images(World *world)
{
    for (gsize i = 0; i < G_N_ELEMENTS(TARGETS); i++)
        make_image(world, "desk", TARGETS[i], PLAIN_FORMATS[i]);
}

void build_foreign_images(World *world)
{
    make_image(world, "desk", "vda", "vmdk");
    make_image(world, "desk", "vdc", "vmdk");
    make_image(world, "below", "vdb", "qcow2");
    g_autofree char *below = image_path(world, "below", "vdb", "qcow2");
    g_autofree char *above = image_path(world, "desk", "vdb", "qcow2");
    const char *create[] = {"qemu-img", "create", "-q",  "-f",  "qcow2", "-F",
                            "qcow2",    "-b",     below, above, NULL};
    run(create);
}

void build_domain(World *world)
{
    make_domain(world, "desk");
}

/* Its guest has changed the UEFI variables since. */
void build_desk(World *world)
{
    make_domain(world, "desk");
    world_do(world, request_import_domain("desk"));
    g_autoptr(Machine) desk = world_machine(world, "desk");
    g_autofree char *now = storage_nvram_path(world->storage, desk->id);
    assert_true(g_file_set_contents(now, "changed by desk", -1, NULL));
}

void build_desk_base(World *world)
{
    build_desk(world);
    world_do(world, world_request(VERB_PREPARE, "desk", NULL));
}

/* --- bases and clones ------------------------------------------------------------------ */

static void make_base(World *world, const char *name)
{
    make_domain(world, name);
    world_do(world, request_import_domain(name));
    world_do(world, world_request(VERB_PREPARE, name, NULL));
}

static void write_all(World *world, const char *name, const char *text)
{
    for (gsize i = 0; i < G_N_ELEMENTS(TARGETS); i++) {
        g_autofree char *content = g_strdup_printf("%s-%s", text, TARGETS[i]);
        world_write(world, name, TARGETS[i], content);
    }
}

void build_clones(World *world)
{
    make_base(world, "v1");
    make_base(world, "v2");
    world_clone(world, "v1", "lab-1");
    world_clone(world, "v1", "lab-2");
    write_all(world, "lab-1", "mine");
    write_all(world, "lab-2", "hers");
    make_image(world, "more", "vdc", "qcow2");
}

void build_running(World *world)
{
    build_clones(world);
    world_start(world, "lab-1");
    write_all(world, "lab-1", "live");
}

void build_pending(World *world)
{
    build_running(world);
    job_unref(world_run(world, request_rebase(FALSE)));
}

static void pull(World *world)
{
    world_pull(world, "lab-1", "vda");
    world_pull(world, "lab-1", "vdc");
}

void build_pulled(World *world)
{
    build_running(world);
    pull(world);
}

void build_pending_pulled(World *world)
{
    build_pending(world);
    pull(world);
}

void build_stopped_unsettled(World *world)
{
    build_pending(world);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    memory_hypervisor_set_power(world->hypervisor, machine->uuid, POWER_OFF);
}

/* It was started while the daemon was away: the hook's mark is there, and no stamp. */
void build_unstamped(World *world)
{
    build_running(world);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(storage_mark(world->storage, machine->id, TRUE, NULL));
}

void build_marked(World *world)
{
    build_clones(world);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(storage_mark(world->storage, machine->id, TRUE, NULL));
}

void build_rebased(World *world)
{
    build_clones(world);
    world_do(world, request_rebase(FALSE));
    write_all(world, "lab-1", "moved");
}

void build_undone(World *world)
{
    build_rebased(world);
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
}

void build_kept(World *world)
{
    build_clones(world);
    world_do(world, world_request(VERB_REMOVE, "lab-2", NULL));
}

void build_left_base(World *world)
{
    build_clones(world);
    world_do(world, request_rebase(TRUE));
}

void build_unused_base(World *world)
{
    make_base(world, "v1");
    world_clone(world, "v1", "lab-1");
    write_all(world, "lab-1", "mine");
    world_do(world, world_request(VERB_DETACH, "lab-1", NULL));
}

void build_expiring(World *world)
{
    build_kept(world);
    world_do(world, request_rebase(FALSE));
}

/* Bases base-1 … base-LENGTH with a system volume alone, each made from a clone of the one before.
 */
static void make_chain(World *world, guint length)
{
    g_autofree char *below = g_strdup("base-1");
    world_import(world, below, "vda=system");
    world_write(world, below, "vda", below);
    world_do(world, world_request(VERB_PREPARE, below, NULL));
    for (guint i = 2; i <= length; i++) {
        g_autofree char *name = g_strdup_printf("base-%u", i);
        world_clone(world, below, name);
        world_write(world, name, "vda", name);
        world_do(world, world_request(VERB_PREPARE, name, NULL));
        g_free(below);
        below = g_steal_pointer(&name);
    }
    world_clone(world, below, "lab-1");
}

void build_single_base(World *world)
{
    make_chain(world, 1);
}

void build_chain(World *world)
{
    make_chain(world, 3);
}

void build_flattened(World *world)
{
    make_chain(world, 2);
    g_autoptr(Machine) base = world_machine(world, "base-2");
    Request *request = request_new(VERB_FLATTEN);
    request->layer = layer_id_build(base->set_id, "vda");
    world_do(world, request);
}

/* With all digests there, flattening is what is left to do. */
void build_deep_chain(World *world)
{
    guint length = world->config.chain_limit + 1;
    gboolean more = TRUE;
    make_chain(world, length);
    for (guint i = 0; i < length; i++)
        assert_true(engine_maintain(world->engine, &more, NULL, NULL));
}

/* --- troubles -------------------------------------------------------------------------- */

void build_unprotected(World *world)
{
    build_clones(world);
    world_unprotect(world->directory);
}

void build_lost_catalog(World *world)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm"};
    build_rebased(world);
    for (gsize i = 0; i < G_N_ELEMENTS(SUFFIXES); i++) {
        g_autofree char *path = path_in(world, "catalog.sqlite", SUFFIXES[i]);
        g_unlink(path);
    }
}

void build_renamed(World *world)
{
    build_clones(world);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_autoptr(DomainFacts) facts = hypervisor_inspect(world->hypervisor, machine->uuid, NULL);
    assert_non_null(facts);
    g_autoptr(GString) xml = g_string_new(facts->xml);
    g_string_replace(xml, "<name>lab-1</name>", "<name>library</name>", 1);
    memory_hypervisor_add(world->hypervisor, xml->str);
}
