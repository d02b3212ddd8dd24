/* What the contract suite needs of an adapter beyond the port: a guest, and a world outside the
 * store. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "foundation/ids.h"
#include "ports/storage.h"

typedef struct Bench Bench;
struct Bench {
    Storage *storage;
    /* Fills part of a volume with one byte, as a guest would. */
    void (*write)(Bench *bench, const Machine *machine, const char *target, guint64 offset,
                  guint8 byte, gsize length);
    /* A block job makes the head in `now` standalone. */
    void (*pull)(Bench *bench, const Machine *machine, const char *target);
    /* A QEMU opens the head in `now`, or lets it go. */
    void (*set_locked)(Bench *bench, const Machine *machine, const char *target, gboolean locked);
    void (*write_nvram)(Bench *bench, const Machine *machine, const char *text);
    char *(*read_nvram)(Bench *bench, const Machine *machine);
    /* An image in the import directory; its path, which the bench owns. `backing`: path of another.
     */
    const char *(*put_image)(Bench *bench, const char *name, const char *format, guint64 capacity,
                             const char *backing);
    void (*fill_image)(Bench *bench, const char *path, guint8 byte, gsize length);
    gboolean (*has_image)(Bench *bench, const char *path);
    /* NULL: takes the file away. */
    const char *(*put_nvram)(Bench *bench, const char *name, const char *text);
    char *(*get_nvram)(Bench *bench, const char *path); /* NULL: none */
    void (*lose_head)(Bench *bench, const Machine *machine, const char *target);
    void (*lose_layer)(Bench *bench, const Layer *layer);
    /* The daemon ends and starts again. */
    void (*reopen)(Bench *bench);
    void (*free)(Bench *bench);
};

Bench *bench_memory_new(void);
Bench *bench_directory_new(void);
/* The bench that the program's argument has chosen, new and empty. */
Bench *bench_new(void);
int bench_setup(void **state);
int bench_teardown(void **state);
/* Runs the tests against the adapter that argv[1] names. */
#define BENCH_MAIN(tests)                                                                          \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        bench_choose(argc > 1 ? argv[1] : "");                                                     \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }
void bench_choose(const char *adapter);
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

/* --- machines
 * --------------------------------------------------------------------------------------------------
 */

enum { CAPACITY = 1024 * 1024, FILLED = 64 * 1024 };

/* A call that must succeed; the error's text else. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        g_autoptr(GError) problem = NULL;                                                          \
        GError **error = &problem;                                                                 \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, problem ? problem->message : "no error");                    \
    } while (0)
/* A call that must fail with this code. */
#define assert_refused(call, expected)                                                             \
    do {                                                                                           \
        g_autoptr(GError) problem = NULL;                                                          \
        GError **error = &problem;                                                                 \
        if (call)                                                                                  \
            fail_msg("%s succeeded", #call);                                                       \
        assert_non_null(problem);                                                                  \
        if (error_code(problem) != (expected))                                                     \
            fail_msg("%s: %s, not %s: %s", #call, error_code_name(error_code(problem)),            \
                     error_code_name(expected), problem->message);                                 \
    } while (0)

/* A record with vda system, vdb temporary, vdc data and nothing on disk. */
Machine *machine_make(const char *name, const char *format);
/* The machine's next generation, without heads; not part of it yet. */
Generation *generation_make(const Machine *machine, Cause cause);
Head *generation_add(Generation *generation, const char *target, Role role, const char *format,
                     HeadSource source);
/* All heads as they are in the actual generation, with source KEEP. */
Generation *generation_keep_all(const Machine *machine);
/* system and temporary fresh on the base's layers, data kept where the machine has one, else fresh.
 */
Generation *generation_fresh(const Machine *machine, const Machine *base);
/* Takes the generation into the record as the desired one, as the commit does. */
void machine_want(Machine *machine, Generation *generation);
/* Stages (unless done), syncs, switches and puts aside what the record wants, and records it. */
gboolean machine_settle(Bench *bench, Machine *machine, gboolean keep, GError **error);

/* Settled, each volume blank and filled in its first FILLED bytes: vda with 'S', vdb with 'T', vdc
 * with 'D'. */
Machine *machine_with_content(Bench *bench, const char *name, const char *format);
/* The same as a base. */
Machine *base_make(Bench *bench, const char *name, const char *format);
Machine *clone_make(Bench *bench, const Machine *base, const char *name);
void machine_seal(Bench *bench, Machine *machine);

/* The layer of a base's volume as the catalog would know it. */
Layer *layer_of(const Machine *base, const char *target);

/* The guest-visible byte at `offset`. */
guint8 byte_at(Bench *bench, const Machine *machine, const char *target, guint64 offset);
/* Facts of the head in `now`. */
HeadFacts facts_now(Bench *bench, const Machine *machine, const char *target);
/* The parts of them that need no clearing. */
gboolean exists_now(Bench *bench, const Machine *machine, const char *target);
guint links_now(Bench *bench, const Machine *machine, const char *target);
guint64 inode_now(Bench *bench, const Machine *machine, const char *target);
guint64 capacity_now(Bench *bench, const Machine *machine, const char *target);
/* How many undo entries the machine's directory holds. */
guint entries_of(Bench *bench, const Machine *machine);
