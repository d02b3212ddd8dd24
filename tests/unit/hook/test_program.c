/* The real hook program on a real store: what it refuses, claims, marks and says. One table, one
 * row a case. */
#include "listener.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <time.h>
#include <utime.h>

#define ID       "0123456789abcdef"
#define OTHER_ID "00000000000000aa"
#define UUID     "6695eb01-f6a4-8304-79aa-97f2502e193f"
#define FOREIGN  "11111111-f6a4-8304-79aa-97f2502e193f"
#define NOW      "@/machines/" ID "/now/"
#define DISK(path, inside)                                                                         \
    "<disk type='file' device='disk'><source file='" path "'/>" inside "<target "                  \
    "dev='vda'/></disk>"
#define OURS DISK(NOW "vda.qcow2", "")
#define CHAIN(path)                                                                                \
    "<backingStore type='file'><format type='qcow2'/><source file='" path "'/></backingStore>"
#define MARK           "machines/" ID "/unsettled"
#define CLAIM          "run/claims/" ID
#define QUESTION(word) word "\t" ID "\t" UUID "\n"
#define STAMP          "00112233445566aa"
#define OTHER_STAMP    "ffffffffffffffff"
#define RESUME(stamp)  "restore\t" ID "\t" UUID "\t" stamp "\n"
#define STAMPED(stamp)                                                                             \
    "</devices><metadata><underpin:session xmlns:underpin=\"https://underpin.org/domain/1/"        \
    "session\" stamp=\"" stamp "\"/></metadata><devices>" OURS
#define NO_DISKS "'lab-1' has no disks; is it a base? clone it, else see 'underpin doctor'"
#define UNKNOWN  "whether the saved memory of 'lab-1' fits its disks is not known; start underpind"
#define OLD                                                                                        \
    "the disks of 'lab-1' were written since this memory was saved: drop it ('virsh "              \
    "managedsave-remove lab-1', or the file) and resume the latest, or start"

static const char *program; /* the built underpin-hook */

typedef struct {
    const char *name;
    const char *operation; /* "prepare begin" */
    const char *disks;     /* "@" stands for the store's root; NULL: broken XML */
    const char *uuid;      /* NULL: the machine's */
    const char
        *files; /* "path=text|path=text|-path": made or removed before; "+path": a directory */
    const char *answer; /* of the daemon; NULL: there is none */
    const char
        *message; /* the line on standard error without "underpin: "; NULL: allowed and silent */
    const char *claim; /* afterwards */
    const char *mark;  /* afterwards */
    const char *lines; /* what the daemon heard */
} Case;

static const Case cases[] = {
    {"a foreign domain passes", "prepare begin", DISK("/var/lib/x.qcow2", ""), FOREIGN, NULL,
     "ok\n", NULL, NULL, NULL, ""},
    {"a domain without disks passes", "prepare begin", "", FOREIGN, NULL, "ok\n", NULL, NULL, NULL,
     ""},
    {"a start is claimed, then asked for", "prepare begin", OURS, NULL, NULL, "ok\n", NULL,
     "claimed\n", NULL, QUESTION("prepare")},
    {"a start by a link is seen through", "prepare begin", DISK("@/link/vda.qcow2", ""), NULL, NULL,
     "ok\n", NULL, "claimed\n", NULL, QUESTION("prepare")},
    {"UEFI variables alone make it ours", "prepare begin",
     "</devices><os><nvram>" NOW "nvram.fd</nvram></os><devices>", NULL, NULL, "ok\n", NULL,
     "claimed\n", NULL, QUESTION("prepare")},
    {"a refusal leaves no claim", "prepare begin", OURS, NULL, NULL, "refuse\tno way\n", "no way",
     NULL, NULL, QUESTION("prepare")},
    {"a refusal cannot forge lines", "prepare begin", OURS, NULL, NULL, "refuse\ta\x1b[1m\n",
     "a?[1m", NULL, NULL, QUESTION("prepare")},
    {"nonsense from the daemon is no answer, and it is told so", "prepare begin", OURS, NULL, NULL,
     "what\n", "'lab-1' is being moved, try again", NULL, NULL,
     QUESTION("prepare") QUESTION("dropped")},
    {"without the daemon a settled machine starts", "prepare begin", OURS, NULL, NULL, NULL, NULL,
     "claimed\n", NULL, NULL},
    {"without the daemon a marked machine does not, and the daemon can see that later",
     "prepare begin", OURS, NULL, MARK "=7\n", NULL, "'lab-1' is not settled; start underpind",
     "refused\n", "7\n", NULL},
    {"without the daemon a staged machine does not", "prepare begin", OURS, NULL,
     "+machines/" ID "/next", NULL, "'lab-1' is not settled; start underpind", "refused\n", NULL,
     NULL},
    {"the release after such a refusal leaves that note", "release end", OURS, NULL,
     CLAIM "=refused\n", "ok\n", NULL, "refused\n", NULL, ""},
    {"the daemon decides about marks itself", "prepare begin", OURS, NULL, MARK "=7\n", "ok\n",
     NULL, "claimed\n", "7\n", QUESTION("prepare")},
    {"a copy under another UUID", "prepare begin", OURS, FOREIGN, NULL, "ok\n",
     "these disks belong to machine 'lab-1'", NULL, NULL, ""},
    {"a base, as the daemon says", "prepare begin", OURS, NULL, "-machines/" ID "/now",
     "refuse\tit is a base\n", "it is a base", NULL, NULL, QUESTION("prepare")},
    {"no disks, whatever the daemon says", "prepare begin", OURS, NULL, "-machines/" ID "/now",
     "ok\n", NO_DISKS, NULL, NULL, QUESTION("prepare") QUESTION("dropped")},
    {"a base without the daemon", "prepare begin", OURS, NULL, "-machines/" ID "/now", NULL,
     NO_DISKS, NULL, NULL, NULL},
    {"between two renames", "prepare begin", OURS, NULL,
     "-machines/" ID "/now|+machines/" ID "/next", "ok\n", "'lab-1' is being moved, try again",
     NULL, NULL, ""},
    {"a removed machine", "prepare begin", DISK("@/machines/" OTHER_ID "/now/vda.qcow2", ""), NULL,
     NULL, "ok\n", "the store does not know machine " OTHER_ID "; see 'underpin doctor'", NULL,
     NULL, ""},
    {"a sealed layer", "prepare begin", DISK("@/layers/" OTHER_ID "/sealed/vda.qcow2", ""), NULL,
     NULL, "ok\n", "'vda.qcow2' is a sealed layer; clone its base instead", NULL, NULL, ""},
    {"an undo entry", "prepare begin", DISK("@/machines/" ID "/undo-3/vda.qcow2", ""), NULL, NULL,
     "ok\n", "'vda.qcow2' is kept by Underpin's store and no disk of a domain", NULL, NULL, ""},
    {"a store that others can write", "prepare begin", OURS, NULL, "!store.ini", "ok\n",
     "'@/store.ini' cannot be read or is not root's alone; see 'underpin doctor'", NULL, NULL, ""},
    {"the probe", "prepare begin", DISK("@/machines/probe/now/n0nce.raw", ""), FOREIGN, NULL,
     "ok\n", "hook in force n0nce", NULL, NULL, ""},
    {"a stored chain", "prepare begin", DISK(NOW "vda.qcow2", CHAIN("/x")), NULL, NULL, "ok\n",
     "'lab-1' has a stored backing chain; run 'underpin doctor --repair'", NULL, NULL, ""},
    {"our head below an image of somebody else", "prepare begin",
     DISK("/tmp/snapshot", CHAIN(NOW "vda.qcow2")), NULL, NULL, "ok\n",
     "'lab-1' has a stored backing chain; run 'underpin doctor --repair'", NULL, NULL, ""},
    {"an empty chain over an overlay", "prepare begin", DISK(NOW "overlay", "<backingStore/>"),
     NULL, NULL, "ok\n", "'lab-1' has a stored backing chain; run 'underpin doctor --repair'", NULL,
     NULL, ""},
    {"an empty chain over a standalone image is true", "prepare begin",
     DISK(NOW "standalone", "<backingStore/>"), NULL, NULL, "ok\n", NULL, "claimed\n", NULL,
     QUESTION("prepare")},
    {"a layer below a foreign image is none of ours", "prepare begin",
     DISK("/tmp/x", CHAIN("@/layers/" OTHER_ID "/sealed/vda.qcow2")), FOREIGN, NULL, "ok\n", NULL,
     NULL, NULL, ""},
    {"broken XML is refused before a start", "prepare begin", NULL, NULL, NULL, "ok\n",
     "cannot understand the domain's XML: it ends in the middle", NULL, NULL, ""},
    {"a running claim survives a refused second start", "prepare begin", OURS, NULL,
     CLAIM "=started\n", "refuse\tno\n", "no", "started\n", NULL, QUESTION("prepare")},

    {"a resume is asked for as such", "restore begin", STAMPED(STAMP), NULL, NULL, "ok\n", NULL,
     "claimed\n", NULL, RESUME(STAMP)},
    {"also of memory without a stamp", "restore begin", OURS, NULL, NULL, "ok\n", NULL, "claimed\n",
     NULL, RESUME("")},
    {"the prepare of a resume too", "prepare begin", STAMPED(STAMP), NULL,
     CLAIM "=claimed\n|" CLAIM ".resume=\n|" MARK "=7\n", "ok\n", NULL, "claimed\n", "7\n",
     RESUME(STAMP)},
    {"a note without a claim means nothing", "prepare begin", OURS, NULL, CLAIM ".resume=\n",
     "ok\n", NULL, "claimed\n", NULL, QUESTION("prepare")},
    {"a refused resume leaves no claim", "restore begin", OURS, NULL, NULL, "refuse\told\n", "old",
     NULL, NULL, RESUME("")},
    {"without the daemon memory of the last session is resumed", "restore begin", STAMPED(STAMP),
     NULL, MARK "=7 " STAMP " sole\n", NULL, NULL, "claimed\n", "7 " STAMP " sole\n", NULL},
    {"without the daemon memory of another generation is not", "restore begin", STAMPED(STAMP),
     NULL, MARK "=6 " STAMP " sole\n", NULL, UNKNOWN, NULL, "6 " STAMP " sole\n", NULL},
    {"without the daemon memory of no known generation is not", "restore begin", STAMPED(STAMP),
     NULL, NULL, NULL, UNKNOWN, NULL, NULL, NULL},
    {"without the daemon memory of an earlier session is not", "restore begin",
     STAMPED(OTHER_STAMP), NULL, MARK "=7 " STAMP " sole\n", NULL, OLD, NULL, "7 " STAMP " sole\n",
     NULL},
    {"without the daemon memory without a stamp is not", "restore begin", OURS, NULL,
     MARK "=7 " STAMP " sole\n", NULL, OLD, NULL, "7 " STAMP " sole\n", NULL},
    {"without the daemon memory of a session that was not stamped is not", "restore begin", OURS,
     NULL, MARK "=7\n", NULL, UNKNOWN, NULL, "7\n", NULL},
    {"without the daemon memory with a stamp that others may carry is not", "restore begin",
     STAMPED(STAMP), NULL, MARK "=7 " STAMP "\n", NULL, UNKNOWN, NULL, "7 " STAMP "\n", NULL},
    {"without the daemon a staged machine may still be resumed", "restore begin", STAMPED(STAMP),
     NULL, MARK "=7 " STAMP " sole\n|+machines/" ID "/next", NULL, NULL, "claimed\n",
     "7 " STAMP " sole\n", NULL},

    {"QEMU starts under a claim", "start begin",
     DISK(NOW "vda.qcow2", CHAIN("@/layers/" OTHER_ID "/sealed/vda.qcow2")), NULL,
     CLAIM "=claimed\n", "ok\n", NULL, "claimed\n", NULL, ""},
    {"QEMU does not start without one", "start begin", OURS, NULL, NULL, "ok\n",
     "the disks of 'lab-1' are used by a way round the barrier; see 'underpin doctor'", NULL, NULL,
     ""},
    {"nor below an image of somebody else", "start begin", DISK("/tmp/x", CHAIN(NOW "vda.qcow2")),
     FOREIGN, CLAIM "=claimed\n", "ok\n", "these disks belong to machine 'lab-1'", "claimed\n",
     NULL, ""},
    {"nor by a storage pool", "start begin",
     "<disk><source pool='p' volume='v'/>" CHAIN("@/layers/" OTHER_ID
                                                 "/sealed/vda.qcow2") "</disk>",
     FOREIGN, NULL, "ok\n", "'vda.qcow2' is a sealed layer; clone its base instead", NULL, NULL,
     ""},

    {"a session is marked, claimed and told", "started begin", OURS, NULL,
     CLAIM "=claimed\n|" CLAIM ".resume=\n", "ok\n", NULL, "started\n", "7\n", QUESTION("started")},
    {"a session is marked without the daemon", "started begin", OURS, NULL, CLAIM "=claimed\n",
     NULL, NULL, "started\n", "7\n", NULL},
    {"a session that was resumed shares its stamp with the memory", "started begin", STAMPED(STAMP),
     NULL, CLAIM "=claimed\n|" MARK "=7 " STAMP " sole\n", "ok\n", NULL, "started\n",
     "7 " STAMP "\n", QUESTION("started")},
    {"a session that was not is a new one", "started begin", OURS, NULL,
     CLAIM "=claimed\n|" MARK "=7 " STAMP " sole\n", "ok\n", NULL, "started\n", "7\n",
     QUESTION("started")},
    {"a foreign session leaves no trace", "started begin", OURS, FOREIGN, NULL, "ok\n", NULL, NULL,
     NULL, ""},
    {"broken XML never kills a running guest", "started begin", NULL, NULL, NULL, "ok\n", "*", NULL,
     NULL, ""},
    {"stopping says nothing", "stopped end", OURS, NULL, CLAIM "=started\n", "ok\n", NULL,
     "started\n", NULL, ""},
    {"the end of a session is told", "release end", OURS, NULL, CLAIM "=started\n|" MARK "=7\n",
     "ok\n", NULL, NULL, "7\n", QUESTION("released")},
    {"the end of a failed start is told as such", "release end", OURS, NULL,
     CLAIM "=claimed\n|" CLAIM ".resume=\n", "ok\n", NULL, NULL, NULL, QUESTION("dropped")},
    {"the end of a refused start is nothing", "release end", OURS, NULL, NULL, "ok\n", NULL, NULL,
     NULL, ""},
    {"a stored chain does not hinder the release", "release end",
     DISK(NOW "vda.qcow2", CHAIN("/x")), NULL, CLAIM "=started\n", "ok\n", NULL, NULL, NULL,
     QUESTION("released")},
    {"libvirtd comes back to a running guest", "reconnect begin", OURS, NULL, NULL, "ok\n", NULL,
     "started\n", "7\n", QUESTION("started")},
    {"libvirtd comes back to a claimed guest", "reconnect begin", OURS, NULL, CLAIM "=started\n",
     "ok\n", NULL, "started\n", NULL, ""},
    {"libvirtd had died before it could say that the guest runs", "reconnect begin", OURS, NULL,
     CLAIM "=claimed\n", "ok\n", NULL, "started\n", "7\n", QUESTION("started")},
    {"broken XML never kills a guest at reconnect", "reconnect begin", NULL, NULL, NULL, "ok\n",
     "*", NULL, NULL, ""},
    {"other operations pass", "attach begin", NULL, NULL, NULL, "ok\n", NULL, NULL, NULL, ""},
    {"migration passes", "migrate begin", OURS, FOREIGN, NULL, "ok\n", NULL, NULL, NULL, ""},
};

static char *with_root(const char *text, const char *root)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);
    return g_strjoinv(root, parts);
}

static void prepare_file(const char *root, const char *word)
{
    g_autofree char *path = g_build_filename(root, word + 1, NULL);
    g_auto(GStrv) pair = g_strsplit(word, "=", 2);
    if (*word == '-')
        assert_int_equal(nftw(path, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS), 0);
    else if (*word == '+')
        assert_int_equal(g_mkdir(path, 0755), 0);
    else if (*word == '!')
        assert_int_equal(g_chmod(path, 0666), 0);
    else
        scratch_write(root, pair[0], pair[1]);
}

static void prepare_store(const char *root, const char *files)
{
    g_autofree char *ini =
        with_root("[store]\nuuid=s\nhook-socket=@/hook.sock\nclaims=@/run/claims\n", root);
    scratch_write(root, "store.ini", ini);
    scratch_write(root, "machines/" ID "/machine.ini",
                  "[machine]\nid=" ID "\nuuid=" UUID "\nname=lab-1\n");
    scratch_write(root, "machines/" ID "/now/generation.ini", "[generation]\nnumber=7\n");
    g_autofree char *overlay = g_build_filename(root, "machines/" ID "/now/overlay", NULL);
    g_autofree char *standalone = g_build_filename(root, "machines/" ID "/now/standalone", NULL);
    g_autofree char *link = g_build_filename(root, "link", NULL);
    assert_true(g_file_set_contents(overlay, "QFI\xfb\0\0\0\3\0\0\0\0\0\0\1\0", 16, NULL));
    assert_true(g_file_set_contents(standalone, "QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\0", 16, NULL));
    assert_int_equal(symlink("machines/" ID "/now", link), 0);
    g_auto(GStrv) words = g_strsplit(files ? files : "", "|", -1);
    for (char **word = words; *word; word++)
        prepare_file(root, *word);
}

static char *case_xml(const Case *test, const char *root)
{
    g_autofree char *disks = with_root(test->disks ? test->disks : "<disk>", root);
    return g_strdup_printf("<domain type='kvm'>\n<uuid>%s</uuid><devices>%s%s",
                           test->uuid ? test->uuid : UUID, disks,
                           test->disks ? "</devices></domain>" : "");
}

/* Runs the program on ROOT/domain.xml; its exit status. Both outputs are new. */
static int run_program(const Case *test, const char *root, char **output, char **problems)
{
    g_auto(GStrv) words = g_strsplit(test->operation, " ", 2);
    g_autofree char *xml = case_xml(test, root);
    g_autofree char *path = g_build_filename(root, "domain.xml", NULL);
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    scratch_write(root, "domain.xml", xml);
    g_subprocess_launcher_set_stdin_file_path(launcher, path);
    g_autoptr(GSubprocess) process = g_subprocess_launcher_spawn(launcher, NULL, program, "lab-1",
                                                                 words[0], words[1], "-", NULL);
    assert_non_null(process);
    assert_true(g_subprocess_communicate_utf8(process, NULL, NULL, output, problems, NULL));
    assert_true(g_subprocess_get_if_exited(process));
    return g_subprocess_get_exit_status(process);
}

static void check_message(const Case *test, const char *root, int status, const char *problems)
{
    bool may_say_anything = g_strcmp0(test->message, "*") == 0;
    g_autofree char *message = test->message ? with_root(test->message, root) : NULL;
    g_autofree char *line = message ? g_strdup_printf("underpin: %s", message) : g_strdup("");
    assert_int_equal(status, test->message && !may_say_anything ? 1 : 0);
    if (!may_say_anything)
        assert_string_equal(problems, line);
}

static void run_case(const Case *test)
{
    void *root = NULL;
    g_autofree char *output = NULL, *problems = NULL, *lines = NULL;
    assert_int_equal(scratch_setup(&root), 0);
    prepare_store(root, test->files);
    g_autofree char *socket = g_build_filename(root, "hook.sock", NULL);
    Listener *listener = test->answer ? listener_start(socket, test->answer) : NULL;
    int status = run_program(test, root, &output, &problems);
    if (listener)
        lines = listener_stop(listener);
    check_message(test, root, status, problems);
    assert_string_equal(output, ""); /* libvirt would take it for the domain's XML */
    scratch_assert_text(root, CLAIM, test->claim);
    scratch_assert_text(root, MARK, test->mark);
    if (test->claim == NULL || strcmp(test->claim, "started\n") == 0)
        scratch_assert_text(root, CLAIM ".resume", NULL);
    scratch_assert_text(root, CLAIM ".new", NULL);
    if (lines)
        assert_string_equal(lines, test->lines);
    scratch_teardown(&root);
}

static void each_operation_does_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        print_message("  %s\n", cases[i].name);
        run_case(&cases[i]);
    }
}

static void resume_notes_are_for_the_next_prepare_only(void **state)
{
    (void)state;
    static const char *const steps[] = {"restore begin", "prepare begin", "start begin",
                                        "started begin", "release end"};
    void *root = NULL;
    assert_int_equal(scratch_setup(&root), 0);
    prepare_store(root, MARK "=7 " STAMP " sole\n");
    for (size_t i = 0; i < G_N_ELEMENTS(steps);
         i++) { /* without a daemon: decided by the mark each time */
        Case step = {.operation = steps[i], .disks = STAMPED(STAMP)};
        g_autofree char *output = NULL, *problems = NULL;
        assert_int_equal(run_program(&step, root, &output, &problems), 0);
        scratch_assert_text(root, CLAIM ".resume", i < 3 ? "resume\n" : NULL);
    }
    Case cold = {.operation = "prepare begin", .disks = OURS};
    g_autofree char *output = NULL, *problems = NULL;
    assert_int_equal(run_program(&cold, root, &output, &problems), 1);
    scratch_teardown(&root);
}

/* The order that makes the barrier free of races: a daemon that hears the question sees the claim.
 */
static void the_claim_is_there_before_the_question(void **state)
{
    (void)state;
    void *root = NULL;
    Case test = {.operation = "prepare begin", .disks = OURS};
    g_autofree char *output = NULL, *problems = NULL;
    assert_int_equal(scratch_setup(&root), 0);
    prepare_store(root, NULL);
    g_autofree char *socket = g_build_filename(root, "hook.sock", NULL);
    g_autofree char *claim = g_build_filename(root, CLAIM, NULL);
    Listener *listener = listener_start_watching(socket, "ok\n", claim);
    assert_int_equal(run_program(&test, root, &output, &problems), 0);
    g_autofree char *lines = listener_stop(listener);
    assert_string_equal(lines, "claimed\n" QUESTION("prepare"));
    scratch_teardown(&root);
}

/* Of a resume that failed before libvirt came to its prepare. */
static void an_old_resume_note_is_not_believed(void **state)
{
    (void)state;
    void *root = NULL;
    Case test = {.operation = "prepare begin", .disks = OURS};
    struct utimbuf times = {time(NULL) - 120, time(NULL) - 120};
    g_autofree char *output = NULL, *problems = NULL;
    assert_int_equal(scratch_setup(&root), 0);
    prepare_store(root, CLAIM "=claimed\n|" CLAIM ".resume=\n");
    g_autofree char *note = g_build_filename(root, CLAIM ".resume", NULL);
    g_autofree char *socket = g_build_filename(root, "hook.sock", NULL);
    assert_int_equal(g_utime(note, &times), 0);
    Listener *listener = listener_start(socket, "ok\n");
    assert_int_equal(run_program(&test, root, &output, &problems), 0);
    g_autofree char *lines = listener_stop(listener);
    assert_string_equal(lines, QUESTION("prepare"));
    scratch_teardown(&root);
}

static void a_claim_that_cannot_be_written_refuses(void **state)
{
    (void)state;
    void *root = NULL;
    Case test = {.operation = "prepare begin", .disks = OURS};
    g_autofree char *output = NULL, *problems = NULL;
    assert_int_equal(scratch_setup(&root), 0);
    prepare_store(root, "run=a file where a directory must be\n");
    assert_int_equal(run_program(&test, root, &output, &problems), 1);
    assert_non_null(strstr(problems, "cannot claim 'lab-1'"));
    scratch_teardown(&root);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_does_what_the_table_says),
        cmocka_unit_test(resume_notes_are_for_the_next_prepare_only),
        cmocka_unit_test(the_claim_is_there_before_the_question),
        cmocka_unit_test(an_old_resume_note_is_not_believed),
        cmocka_unit_test(a_claim_that_cannot_be_written_refuses),
    };
    if (argc < 2)
        return 2;
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
