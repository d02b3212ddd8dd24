/* A store on a file system of its own, and machines in it, for the tests of the directory store. */
#pragma once

#include "model/kept_volume.h"
#include "model/layer.h"
#include "storage/directory/directory_storage.h"

/* --- the file system -------------------------------------------------------------------------- */

/*
 * Mounts an empty file system of `type` ("ext4", "xfs", "btrfs": on a loop device; "tmpfs") of
 * `mebibytes` on a new temporary directory. NULL where that cannot be done here (no root, no mkfs):
 * the test is to be skipped. Unmounted and removed by scratch_unmount().
 */
typedef struct {
    char *directory; /* holds everything */
    char *mount;
} Scratch;
Scratch *scratch_mount(const char *type, guint mebibytes);
void scratch_unmount(Scratch *scratch);

/* Runs a shell command; its output (caller frees), or NULL where it failed. */
char *shell(const char *format, ...) G_GNUC_PRINTF(1, 2);
gboolean shell_ok(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* --- the store -------------------------------------------------------------------------------- */

/* A store in MOUNT/NAME/store with MOUNT/NAME/import as its import directory. */
typedef struct {
    char *path;   /* MOUNT/NAME */
    char *root;   /* the store */
    char *import; /* the import directory */
    Storage *storage;
} Site;
Site *site_new(const Scratch *scratch, const char *name);
void site_open(Site *site);  /* asserts */
void site_close(Site *site); /* as a daemon that ends */
void site_free(Site *site);  /* lifts the immutable flags and removes everything */
/* TRUE where `path`, relative to the store, exists. */
gboolean site_has(const Site *site, const char *path);
char *site_path(const Site *site, const char *path);
/* 0 where there is none. */
guint64 site_inode(const Site *site, const char *path);
void site_write(const Site *site, const char *path, guint64 offset, const char *text);
/* Whole content of a file of the store, as a string; caller frees. */
char *site_text(const Site *site, const char *path);

/* --- machines --------------------------------------------------------------------------------- */

#define BASE_ID   "00000000000000ba"
#define BASE_SET  "5e70000000000001"
#define OTHER_ID  "00000000000000bb"
#define OTHER_SET "5e70000000000002"
#define CLONE_ID  "00000000000000c1"
#define KEPT_ID   "00000000000000d1"

enum { CAPACITY = 8 * 1024 * 1024 };

/* vda system qcow2, vdb temporary qcow2, vdc data (raw for a base, qcow2 on a layer for a clone).
 */
Machine *machine_sample(const char *id, const char *name, const char *data_format);
/* Blank heads for all volumes. */
Generation *generation_blank(const Machine *machine, guint64 number);
/* system and temporary fresh on the set's layers; data fresh too, or kept. */
Generation *generation_on_set(const Machine *machine, guint64 number, const char *set_id,
                              const char *base_id, gboolean keep_data);
/* Data and system kept, temporary fresh. */
Generation *generation_clean(const Machine *machine, guint64 number, const char *set_id,
                             const char *base_id);
/* Takes `generation` into the machine's record as the desired one. */
void machine_want(Machine *machine, Generation *generation);
/* The record after a settle: desired is actual; an entry of the old one where `kept`. */
void machine_settled(Machine *machine, gboolean kept);

/* Stage, sync, switch, put aside; asserts each. Returns whether an entry was kept. */
gboolean site_settle(Site *site, Machine *machine, gboolean keep);
/* A base with sealed layers of blank heads. */
Machine *site_make_base(Site *site, const char *id, const char *name, const char *set_id);
/* A clone of it with generation 1 in place. */
Machine *site_make_clone(Site *site, const char *id, const char *name, const char *set_id,
                         const char *base_id);

/* --- asserting -------------------------------------------------------------------------------- */

#define assert_ok(expression)                                                                      \
    do {                                                                                           \
        GError *error = NULL;                                                                      \
        if (!(expression))                                                                         \
            fail_msg("%s: %s", #expression, error ? error->message : "no error set");              \
        assert_null(error);                                                                        \
    } while (0)

#define assert_fails(wanted, expression)                                                           \
    do {                                                                                           \
        GError *error = NULL;                                                                      \
        assert_false(expression);                                                                  \
        assert_non_null(error);                                                                    \
        if (error_code(error) != (wanted))                                                         \
            fail_msg("%s: not %s but %s: %s", #expression, error_code_name(wanted),                \
                     error_code_name(error_code(error)), error->message);                          \
        g_clear_error(&error);                                                                     \
    } while (0)
