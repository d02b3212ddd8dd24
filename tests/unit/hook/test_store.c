/* The hook's view of a store: paths, trust, marks. */
#include "hook/store.h"
#include "scratch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ID "0123456789abcdef"

static void make_store(const char *root)
{
    scratch_write(root, "store.ini",
                  "[store]\nuuid=u\nhook-socket=/run/x/hook.sock\nclaims=/run/x/claims\n");
    scratch_write(root, "machines/" ID "/machine.ini",
                  "[machine]\nid=" ID "\nuuid=u-u\nname=lab-1\n");
    scratch_write(root, "machines/" ID "/now/generation.ini",
                  "[generation]\nnumber=7\ncause=clone\n");
}

static StorePathKind kind_of(const char *root, const char *name, StorePath *path)
{
    g_autofree char *full = g_build_filename(root, name, NULL);
    store_path_classify(full, path);
    return path->kind;
}

static void classifies_paths(void **state)
{
    static const struct {
        const char *name;
        StorePathKind kind;
    } cases[] = {
        {"machines/" ID "/now/vda.qcow2", STORE_PATH_HEAD},
        {"machines/" ID "/next/vda.qcow2", STORE_PATH_INNER},
        {"machines/" ID "/undo-3/vda.qcow2", STORE_PATH_INNER},
        {"layers/" ID "/sealed/vda.qcow2", STORE_PATH_LAYER},
        {"layers/" ID "/other/vda.qcow2", STORE_PATH_INNER},
        {"trash/" ID "/data/vdc.qcow2", STORE_PATH_INNER},
        {"machines/probe/now/n1.raw", STORE_PATH_PROBE},
        {"machines/probe/next/n1.raw", STORE_PATH_FOREIGN},
        {"machines/0123456789abcdeg/now/vda.qcow2", STORE_PATH_FOREIGN},
        {"machines/0123456789ABCDEF/now/vda.qcow2", STORE_PATH_FOREIGN},
        {"machines/0123456789abcde/now/vda.qcow2", STORE_PATH_FOREIGN},
        {"machines/" ID "/vda.qcow2", STORE_PATH_FOREIGN},
        {"machines/" ID "/now/deeper/vda.qcow2", STORE_PATH_FOREIGN},
        {"other/" ID "/now/vda.qcow2", STORE_PATH_FOREIGN},
        {"deeper/machines/" ID "/now/vda.qcow2", STORE_PATH_FOREIGN},
        {"vda.qcow2", STORE_PATH_FOREIGN},
    };
    StorePath path;
    make_store(*state);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        if (kind_of(*state, cases[i].name, &path) != cases[i].kind)
            fail_msg("'%s' is of kind %d", cases[i].name, path.kind);
    assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path), STORE_PATH_HEAD);
    assert_string_equal(path.id, ID);
    assert_string_equal(path.file, "vda.qcow2");
    assert_string_equal(path.store.root, *state);
    assert_string_equal(path.store.claims, "/run/x/claims");
    assert_string_equal(path.store.socket, "/run/x/hook.sock");
    store_path_classify("/", &path);
    assert_int_equal(path.kind, STORE_PATH_FOREIGN);
}

static void knows_no_store_without_store_ini(void **state)
{
    StorePath path;
    scratch_write(*state, "machines/" ID "/now/vda.qcow2", "");
    assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path), STORE_PATH_FOREIGN);
}

static void does_not_trust_a_store_that_others_can_write(void **state)
{
    StorePath path;
    g_autofree char *ini = g_build_filename(*state, "store.ini", NULL);
    make_store(*state);
    assert_int_equal(chmod(ini, 0664), 0);
    assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path), STORE_PATH_BROKEN);
    assert_int_equal(chmod(ini, 0644), 0);
    assert_int_equal(chmod(*state, 0777), 0);
    assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path), STORE_PATH_BROKEN);
    assert_int_equal(chmod(*state, 0711), 0);
    assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path), STORE_PATH_HEAD);
    if (geteuid() == 0) {
        assert_int_equal(chown(ini, 65534, 65534), 0);
        assert_int_equal(kind_of(*state, "machines/" ID "/now/vda.qcow2", &path),
                         STORE_PATH_BROKEN);
    }
}

static void needs_every_word_of_store_ini(void **state)
{
    static const char *const texts[] = {
        "",
        "uuid=u\nclaims=/c\n",
        "uuid=u\nhook-socket=/s\n",
        "hook-socket=/s\nclaims=/c\n",
        "uuid=u\nhook-socket=relative\nclaims=/c\n",
        "uuid=u\nhook-socket=/s\nclaims=relative\n",
    };
    StorePath path;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        scratch_write(*state, "store.ini", texts[i]);
        assert_int_equal(kind_of(*state, "machines/" ID "/now/x", &path), STORE_PATH_BROKEN);
    }
}

static void load(const char *root, StoreMachine *machine)
{
    StorePath path;
    Verdict verdict = {""};
    assert_int_equal(kind_of(root, "machines/" ID "/now/x", &path), STORE_PATH_HEAD);
    assert_true(store_machine_load(&path.store, ID, machine, &verdict));
}

static void marks_with_the_generation_that_runs(void **state)
{
    StoreMachine machine;
    MachineState now;
    make_store(*state);
    load(*state, &machine);
    assert_string_equal(machine.name, "lab-1");
    assert_string_equal(machine.uuid, "u-u");
    store_machine_state(&machine, &now);
    assert_true(now.has_now && !now.has_next && !now.is_marked);
    assert_int_equal(now.now_generation, 7);
    assert_true(store_machine_mark(&machine, ""));
    store_machine_state(&machine, &now);
    assert_true(now.is_marked);
    assert_int_equal(now.marked_generation, 7);
    assert_string_equal(now.marked_stamp, "");
    scratch_write(*state, "machines/" ID "/now/generation.ini", "[generation]\nnumber=8\n");
    assert_true(store_machine_mark(&machine, "00112233445566aa"));
    scratch_assert_text(*state, "machines/" ID "/unsettled", "8 00112233445566aa\n");
    store_machine_state(&machine, &now);
    assert_string_equal(now.marked_stamp, "00112233445566aa");
    assert_false(now.stamp_is_sole);
    scratch_write(*state, "machines/" ID "/unsettled", "8 00112233445566aa sole\n");
    store_machine_state(&machine, &now);
    assert_true(now.stamp_is_sole);
    assert_true(store_machine_mark(&machine, "00112233445566aa")); /* another session carries it */
    scratch_assert_text(*state, "machines/" ID "/unsettled", "8 00112233445566aa\n");
}

static void believes_no_broken_numbers(void **state)
{
    static const char *const broken[] = {"",     "-1\n", "x\n",
                                         "7x\n", " 7\n", "99999999999999999999999\n"};
    StoreMachine machine;
    MachineState now;
    make_store(*state);
    load(*state, &machine);
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        scratch_write(*state, "machines/" ID "/unsettled", broken[i]);
        store_machine_state(&machine, &now);
        assert_true(now.is_marked);
        assert_int_equal(now.marked_generation, 0);
    }
}

static void names_a_machine_that_the_store_does_not_know(void **state)
{
    StoreMachine machine;
    StorePath path;
    Verdict verdict = {""};
    make_store(*state);
    kind_of(*state, "machines/" ID "/now/x", &path);
    assert_false(store_machine_load(&path.store, "00000000000000aa", &machine, &verdict));
    assert_non_null(strstr(verdict.message, "00000000000000aa"));
}

static void sees_backing_files_in_qcow2_headers_only(void **state)
{
    static const struct {
        const char *bytes;
        bool has_backing;
    } cases[] = {
        {"QFI\xfb\0\0\0\3\0\0\0\0\0\0\1\0", true},
        {"QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\0", false},
        {"QFIx\0\0\0\3\0\0\0\0\0\0\1\0", false},
    };
    g_autofree char *path = g_build_filename(*state, "image", NULL);
    assert_false(image_has_backing(path));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_true(g_file_set_contents(path, cases[i].bytes, 16, NULL));
        assert_int_equal(image_has_backing(path), cases[i].has_backing);
    }
    assert_true(g_file_set_contents(path, cases[0].bytes, 15, NULL));
    assert_false(image_has_backing(path));
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(classifies_paths),
        SCRATCH_TEST(knows_no_store_without_store_ini),
        SCRATCH_TEST(does_not_trust_a_store_that_others_can_write),
        SCRATCH_TEST(needs_every_word_of_store_ini),
        SCRATCH_TEST(marks_with_the_generation_that_runs),
        SCRATCH_TEST(believes_no_broken_numbers),
        SCRATCH_TEST(names_a_machine_that_the_store_does_not_know),
        SCRATCH_TEST(sees_backing_files_in_qcow2_headers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
