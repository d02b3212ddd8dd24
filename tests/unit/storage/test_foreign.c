/* Images outside the store: what import accepts, what it refuses, and the way in and out. */
#include "prelude.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/directory/store.h"

static Scratch *scratch;
static Site *site;

static int make_site(void **state)
{
    (void)state;
    site = site_new(scratch, "site");
    return 0;
}

static int drop_site(void **state)
{
    (void)state;
    site_free(site);
    return 0;
}

static char *outside(const char *name)
{
    return g_build_filename(site->import, name, NULL);
}

static gboolean in_import(const char *command)
{
    return shell_ok("cd '%s' && %s", site->import, command);
}

#define assert_probe_fails(code, name, format)                                                     \
    do {                                                                                           \
        g_autofree char *probed = outside(name);                                                   \
        ImageFacts unused = {0};                                                                   \
        assert_fails(code, storage_probe_image(site->storage, probed, format, &unused, &error));   \
    } while (0)

/* Imports one image as vda (system) by the source and lets it switch in. */
static Machine *import(const char *name, HeadSource source, const char *source_format,
                       const char *format)
{
    g_autofree char *path = outside(name);
    Machine *machine = machine_sample(CLONE_ID, "lab-1", "raw");
    g_ptr_array_set_size(machine->volumes, 0);
    g_ptr_array_add(machine->volumes, volume_new("vda", ROLE_SYSTEM, format, FALSE));
    Generation *generation = generation_new(1, CAUSE_IMPORT, NULL, 0);
    Head *head = head_new("vda", ROLE_SYSTEM, format, CAPACITY, source);
    head->source_path = g_strdup(path);
    head->source_format = g_strdup(source_format);
    g_ptr_array_add(generation->heads, head);
    machine_want(machine, generation);
    machine->origin = g_strdup_printf("{\"disks\":[{\"target\":\"vda\",\"path\":\"%s\"}]}", path);
    return machine;
}

static void facts_of_a_qcow2_image_are_proven(void **state)
{
    (void)state;
    g_auto(ImageFacts) facts = {0};
    g_autofree char *path = outside("a disk.img");
    assert_true(in_import("qemu-img create -q -f qcow2 'a disk.img' 8M && ln 'a disk.img' second"));
    assert_ok(storage_probe_image(site->storage, path, NULL, &facts, &error));
    assert_string_equal(facts.format, "qcow2");
    assert_string_equal(facts.canonical_path, path);
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    assert_int_equal(facts.link_count, 2);
    assert_true(facts.same_file_system && !facts.locked && !facts.is_block_device);
    assert_null(facts.backing);
}

static void a_lock_and_a_backing_file_are_seen(void **state)
{
    (void)state;
    g_auto(ImageFacts) facts = {0};
    g_autofree char *path = outside("top.qcow2"), *base = outside("base.qcow2"), *by = NULL;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    assert_true(in_import("qemu-img create -q -f qcow2 base.qcow2 8M && "
                          "qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2"));
    int fd = open(path, O_RDONLY);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_ok(storage_probe_image(site->storage, path, NULL, &facts, &error));
    close(fd);
    assert_true(facts.locked);
    assert_string_equal(facts.backing, "base.qcow2");
    assert_ok(storage_find_user_of_image(site->storage, base, &by, &error));
    assert_string_equal(by, "top.qcow2");
    g_clear_pointer(&by, g_free);
    assert_ok(storage_find_user_of_image(site->storage, path, &by, &error));
    assert_null(by);
}

static void raw_is_never_guessed_and_never_probed(void **state)
{
    (void)state;
    g_auto(ImageFacts) facts = {0};
    g_autofree char *path = outside("disk.raw"), *fake = outside("fake.raw");
    assert_true(in_import("truncate -s 8M disk.raw && qemu-img create -q -f qcow2 fake.raw 8M"));
    assert_probe_fails(UNDERPIN_ERROR_REFUSED, "disk.raw", NULL);
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "disk.raw", "qcow2");
    assert_ok(storage_probe_image(site->storage, path, "raw", &facts, &error));
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    image_facts_clear(&facts);
    struct stat status;
    assert_int_equal(stat(fake, &status), 0);
    assert_ok(storage_probe_image(site->storage, fake, "raw", &facts, &error));
    assert_string_equal(facts.format, "raw");
    assert_int_equal(facts.capacity_bytes, status.st_size);
}

static void other_formats_are_known_by_their_magic(void **state)
{
    (void)state;
    static const char *const formats[] = {"vmdk", "vhdx", "vdi"};
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_auto(ImageFacts) facts = {0};
        g_autofree char *path = outside(formats[i]);
        assert_true(shell_ok("qemu-img create -q -f %s '%s' 8M", formats[i], path));
        assert_ok(storage_probe_image(site->storage, path, NULL, &facts, &error));
        assert_string_equal(facts.format, formats[i]);
        assert_int_equal(facts.capacity_bytes, CAPACITY);
    }
}

static void paths_elsewhere_and_links_are_refused(void **state)
{
    (void)state;
    ImageFacts facts = {0};
    assert_true(
        in_import("qemu-img create -q -f qcow2 real 8M && ln -s real link && mkdir d && "
                  "ln -s d dlink && mv real d/real && ln -s /etc/passwd passwd && mkfifo pipe"));
    static const char *const elsewhere[] = {"/etc/passwd", "/etc/../etc/passwd"};
    for (gsize i = 0; i < G_N_ELEMENTS(elsewhere); i++)
        assert_fails(UNDERPIN_ERROR_REFUSED,
                     storage_probe_image(site->storage, elsewhere[i], "raw", &facts, &error));
    assert_probe_fails(UNDERPIN_ERROR_REFUSED, "passwd", "raw");
    assert_probe_fails(UNDERPIN_ERROR_REFUSED, "link", NULL);
    assert_probe_fails(UNDERPIN_ERROR_REFUSED, "dlink/real", NULL);
    assert_probe_fails(UNDERPIN_ERROR_REFUSED, "../store/store.ini", "raw");
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "pipe", "raw");
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "d", "raw");
    assert_probe_fails(UNDERPIN_ERROR_NOT_FOUND, "nothing", "raw");
}

static void what_lies_in_the_store_cannot_be_imported(void **state)
{
    (void)state;
    ImageFacts facts = {0};
    site_close(site);
    g_autofree char *outer = g_strdup(site->import);
    g_free(site->import);
    site->import = g_strdup(site->path);
    site_open(site);
    g_autofree char *path = site_path(site, "store.ini");
    assert_fails(UNDERPIN_ERROR_REFUSED,
                 storage_probe_image(site->storage, path, "raw", &facts, &error));
}

static void broken_and_hostile_headers_are_invalid(void **state)
{
    (void)state;
    assert_true(in_import(
        "qemu-img create -q -f qcow2 bad 8M && "
        "printf '\\377\\377\\377\\377' | dd of=bad bs=1 seek=36 conv=notrunc status=none"));
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "bad", NULL);
}

static void a_vmdk_that_names_other_files_is_invalid(void **state)
{
    (void)state;
    assert_true(in_import(
        "qemu-img create -q -f vmdk -o subformat=monolithicSparse ok.vmdk 8M && "
        "sed 's/createType=\"monolithicSparse\"/createType=\"monolithicFlat1\"  /' "
        "ok.vmdk > bad.vmdk && qemu-img create -q -f vmdk -b ok.vmdk -F vmdk child.vmdk"));
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "bad.vmdk", NULL);
    assert_probe_fails(UNDERPIN_ERROR_INVALID, "child.vmdk", NULL);
}

static void import_moves_and_export_moves_back(void **state)
{
    (void)state;
    struct stat status;
    g_autofree char *path = outside("disk.qcow2");
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    assert_true(in_import("qemu-img create -q -f qcow2 disk.qcow2 8M && chmod 644 disk.qcow2"));
    assert_int_equal(stat(path, &status), 0);
    g_autoptr(Machine) machine = import("disk.qcow2", HEAD_ADOPT, NULL, "qcow2");
    site_settle(site, machine, FALSE);
    assert_int_equal(site_inode(site, "machines/" CLONE_ID "/now/vda.qcow2"), status.st_ino);
    assert_int_equal(access(path, F_OK), 0);
    assert_ok(storage_adopt_finish(site->storage, machine, &error));
    assert_ok(storage_adopt_finish(site->storage, machine, &error));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_ok(storage_export(site->storage, machine, NULL, &error));
    assert_ok(storage_export(site->storage, machine, NULL, &error));
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    assert_ok(storage_remove(site->storage, machine, kept, &error));
    guint64 inode = status.st_ino;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_ino, inode);
    assert_int_equal(status.st_nlink, 1);
}

/* An imported machine with UEFI variables that belong to "nobody", and that it has changed since.
 */
static Machine *import_with_variables(const char *variables)
{
    assert_true(in_import("qemu-img create -q -f qcow2 disk.qcow2 8M && printf old > vars.fd && "
                          "chown 65534:65534 vars.fd && chmod 640 vars.fd"));
    Machine *machine = import("disk.qcow2", HEAD_ADOPT, NULL, "qcow2");
    Generation *first = g_ptr_array_index(machine->generations, 0);
    first->nvram = NVRAM_ADOPT;
    first->nvram_path = g_strdup(variables);
    g_free(machine->origin);
    machine->origin = g_strdup_printf("{\"disks\":[],\"nvram\":\"%s\"}", variables);
    site_settle(site, machine, FALSE);
    assert_ok(storage_adopt_finish(site->storage, machine, &error));
    g_autofree char *now = storage_nvram_path(site->storage, machine->id);
    assert_true(g_file_set_contents(now, "new", -1, NULL));
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    return machine;
}

static void exported_variables_have_the_owner_of_those_they_replace(void **state)
{
    (void)state;
    struct stat status;
    g_autofree char *text = NULL;
    g_autofree char *path = outside("vars.fd");
    g_autofree char *leftover = outside(".vars.fd.underpin-export");
    g_autoptr(Machine) machine = import_with_variables(path);
    assert_true(g_file_set_contents(leftover, "of a kill", -1, NULL));
    assert_ok(storage_export_finish(site->storage, machine, &error));
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_string_equal(text, "new");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, 65534);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_not_equal(access(leftover, F_OK), 0);
}

static void variables_that_a_guest_has_open_refuse_the_export(void **state)
{
    (void)state;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    g_autofree char *path = outside("vars.fd");
    g_autoptr(Machine) machine = import_with_variables(path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_fails(UNDERPIN_ERROR_BUSY, storage_export(site->storage, machine, NULL, &error));
    close(fd);
    assert_ok(storage_export(site->storage, machine, NULL, &error));
}

static void export_does_not_overwrite_what_lies_there_now(void **state)
{
    (void)state;
    g_autofree char *path = outside("disk.qcow2");
    assert_true(in_import("qemu-img create -q -f qcow2 disk.qcow2 8M"));
    g_autoptr(Machine) machine = import("disk.qcow2", HEAD_ADOPT, NULL, "qcow2");
    site_settle(site, machine, FALSE);
    assert_ok(storage_adopt_finish(site->storage, machine, &error));
    assert_true(g_file_set_contents(path, "mine", -1, NULL));
    assert_fails(UNDERPIN_ERROR_EXISTS, storage_export(site->storage, machine, NULL, &error));
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_string_equal(text, "mine");
}

static void a_removal_after_a_half_export_keeps_the_data(void **state)
{
    (void)state;
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    assert_true(in_import("truncate -s 8M disk.raw"));
    g_autoptr(Machine) machine = import("disk.raw", HEAD_ADOPT, NULL, "raw");
    ((Volume *)g_ptr_array_index(machine->volumes, 0))->role = ROLE_DATA;
    ((Head *)g_ptr_array_index(machine_desired(machine)->heads, 0))->role = ROLE_DATA;
    site_settle(site, machine, FALSE);
    assert_ok(storage_adopt_finish(site->storage, machine, &error));
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    assert_fails(UNDERPIN_ERROR_BUG, storage_remove(site->storage, machine, kept, &error));
    assert_true(site_has(site, "machines/" CLONE_ID "/now/vda.raw"));
}

static void another_file_system_means_a_copy_both_ways(void **state)
{
    (void)state;
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    assert_true(shell_ok("mount -t tmpfs tmpfs '%s'", site->import));
    gboolean ready = in_import("truncate -s 8M disk.raw && printf precious | "
                               "dd of=disk.raw bs=1 seek=70000 conv=notrunc status=none");
    g_autoptr(Machine) machine = import("disk.raw", HEAD_ADOPT, NULL, "raw");
    site_settle(site, machine, FALSE);
    gboolean finished = storage_adopt_finish(site->storage, machine, NULL);
    gboolean original_stays = in_import("test -f disk.raw && mv disk.raw old.raw");
    gboolean exported = storage_export(site->storage, machine, NULL, NULL) &&
                        storage_export(site->storage, machine, NULL, NULL);
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    gboolean removed = storage_remove(site->storage, machine, kept, NULL);
    gboolean equal = in_import("cmp disk.raw old.raw && ! ls .disk.raw*");
    assert_true(shell_ok("umount '%s'", site->import));
    assert_true(ready && finished && original_stays && exported && removed && equal);
}

static void conversion_keeps_the_content_of_every_format(void **state)
{
    (void)state;
    static const char *const formats[] = {"raw", "qcow2", "vmdk", "vhdx", "vdi"};
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        const char *format = formats[i];
        assert_true(shell_ok("cd '%s' && rm -f disk && qemu-img create -q -f %s disk 8M && "
                             "qemu-io -f %s -c 'write -P 0x6b 3M 64k' disk",
                             site->import, format, format));
        g_autoptr(Machine) machine = import("disk", HEAD_CONVERT, format, "qcow2");
        machine->discard = TRUE;
        site_settle(site, machine, FALSE);
        assert_true(shell_ok("qemu-img compare -q -f %s -F qcow2 '%s/disk' "
                             "'%s/machines/%s/now/vda.qcow2'",
                             format, site->import, site->root, CLONE_ID));
        g_autoptr(GPtrArray) kept = g_ptr_array_new();
        machine->desired_place = PLACE_GONE;
        assert_ok(storage_remove(site->storage, machine, kept, &error));
    }
}

static void conversion_of_a_chain_takes_plain_links_below_import_only(void **state)
{
    (void)state;
    assert_true(in_import(
        "qemu-img create -q -f qcow2 base 8M && qemu-io -f qcow2 -c 'write -P 7 0 64k' base && "
        "qemu-img create -q -f qcow2 -b base -F qcow2 good && "
        "qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw bad 8M && "
        "qemu-img create -q -f qcow2 -u -b 'nbd:localhost:1' -F raw worse 8M"));
    static const char *const refused[] = {"bad", "worse"};
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(Machine) machine = import(refused[i], HEAD_CONVERT, "qcow2", "qcow2");
        assert_fails(UNDERPIN_ERROR_REFUSED,
                     storage_stage(site->storage, machine, machine_desired(machine), NULL, &error));
        assert_false(site_has(site, "machines/" CLONE_ID));
    }
    g_autoptr(Machine) machine = import("good", HEAD_CONVERT, "qcow2", "qcow2");
    site_settle(site, machine, FALSE);
    char byte = 0;
    assert_ok(storage_read(site->storage, machine, "vda", 0, &byte, 1, &error) == 1);
    assert_int_equal(byte, 7);
}

static void adopting_an_image_with_a_backing_file_is_refused(void **state)
{
    (void)state;
    assert_true(in_import("qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw bad 8M"));
    g_autoptr(Machine) machine = import("bad", HEAD_ADOPT, NULL, "qcow2");
    assert_fails(UNDERPIN_ERROR_REFUSED,
                 storage_stage(site->storage, machine, machine_desired(machine), NULL, &error));
    assert_false(site_has(site, "machines/" CLONE_ID));
}

static void an_image_that_was_resized_since_it_was_looked_at_is_refused(void **state)
{
    (void)state;
    static const char *const formats[] = {"raw", "qcow2"};
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        assert_true(
            shell_ok("cd '%s' && qemu-img create -q -f %s disk 9M", site->import, formats[i]));
        g_autoptr(Machine) machine = import("disk", HEAD_ADOPT, NULL, formats[i]);
        assert_fails(UNDERPIN_ERROR_REFUSED,
                     storage_stage(site->storage, machine, machine_desired(machine), NULL, &error));
    }
}

#define IN_SITE(test) cmocka_unit_test_setup_teardown(test, make_site, drop_site)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_SITE(facts_of_a_qcow2_image_are_proven),
        IN_SITE(a_lock_and_a_backing_file_are_seen),
        IN_SITE(raw_is_never_guessed_and_never_probed),
        IN_SITE(other_formats_are_known_by_their_magic),
        IN_SITE(paths_elsewhere_and_links_are_refused),
        IN_SITE(what_lies_in_the_store_cannot_be_imported),
        IN_SITE(broken_and_hostile_headers_are_invalid),
        IN_SITE(a_vmdk_that_names_other_files_is_invalid),
        IN_SITE(import_moves_and_export_moves_back),
        IN_SITE(exported_variables_have_the_owner_of_those_they_replace),
        IN_SITE(variables_that_a_guest_has_open_refuse_the_export),
        IN_SITE(export_does_not_overwrite_what_lies_there_now),
        IN_SITE(a_removal_after_a_half_export_keeps_the_data),
        IN_SITE(another_file_system_means_a_copy_both_ways),
        IN_SITE(conversion_keeps_the_content_of_every_format),
        IN_SITE(conversion_of_a_chain_takes_plain_links_below_import_only),
        IN_SITE(adopting_an_image_with_a_backing_file_is_refused),
        IN_SITE(an_image_that_was_resized_since_it_was_looked_at_is_refused),
    };
    const char *type = argc > 1 ? argv[1] : "ext4";
    scratch = scratch_mount(type, strcmp(type, "xfs") == 0 ? 320 : 160);
    if (!scratch)
        return 77; /* skipped: not root, or no such file system here */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_unmount(scratch);
    return failed;
}
