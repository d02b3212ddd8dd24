/* What the files of the directory store share; grouped by the file that implements it. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "ports/storage_adapter.h"

/* A file descriptor that closes itself at the end of its scope; -1: none. */
typedef int Descriptor;
void descriptor_close(Descriptor *fd);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Descriptor, descriptor_close)
/* Hands the descriptor over: the variable holds none afterwards. */
int descriptor_steal(Descriptor *fd);

typedef struct {
    Storage base; /* must be first */
    char *root;
    char **import_directories;
    char uuid[37];
    Descriptor root_fd, machines_fd, layers_fd, trash_fd, lock_fd;
    Descriptor number_fd; /* of the one who raises it; -1: number_raise() makes it anew */
    dev_t device;
    ino_t inode;
    gboolean exchanges;     /* the file system has RENAME_EXCHANGE */
    gboolean has_flag;      /* the file system has the immutable flag, and we may set it */
    gboolean mounts_layers; /* it has not, and a read-only mount is to protect layers */
    gboolean has_labels;    /* SELinux is on */
    GMutex mutex;           /* protects what follows; never held over slow work */
    guint64 generation;
    GHashTable *unsynced;       /* machine id -> Unsynced: what storage_sync() has still to do */
    gboolean machines_unsynced; /* a name in machines/ is new or gone */
} DirectoryStore;

/* What of a machine is not durable yet. */
typedef enum {
    UNSYNCED_STAGED = 1 << 0,    /* files in `next`, and its names */
    UNSYNCED_SWITCHED = 1 << 1,  /* names in the machine's directory */
    UNSYNCED_DESCRIBED = 1 << 2, /* machine.ini */
} Unsynced;

/* The names inside a store and inside a machine's directory. */
#define NAME_NUMBER            "generation" /* in the store itself */
#define NAME_NOW               "now"
#define NAME_NEXT              "next"
#define NAME_ASIDE             "aside" /* the old `now` between two renames, where there is no exchange */
#define NAME_REMOVED           "removed"   /* the `now` of a machine that is being removed */
#define NAME_MARK              "unsettled" /* a session has run and its end is not settled yet */
#define NAME_SEALED            "sealed"
#define NAME_DATA              "data"
#define NAME_RECORD            "generation.ini"
#define NAME_MACHINE           "machine.ini"
#define NAME_MACHINE_TEMPORARY ".machine.ini.new" /* durable_file_temporary() of it */
#define NAME_LAYERS            "layers.ini"
#define NAME_NVRAM             "nvram.fd"

enum {
    MODE_DIRECTORY = 0711, /* QEMU's user passes through, and lists nothing */
    MODE_HEAD = 0600,
    MODE_LAYER = 0444,
    MODE_RECORD = 0600,
};

static inline DirectoryStore *directory_store(Storage *storage)
{
    return (DirectoryStore *)storage;
}

/* --- paths.c: descriptors of directories, and names that are checked before they become one --- */

/* -1 in *fd_out and TRUE where there is none. */
gboolean directory_find(int parent_fd, const char *name, int *fd_out, GError **error);
/* NOT_FOUND where there is none. */
gboolean directory_require(int parent_fd, const char *name, int *fd_out, GError **error);
/* Makes it with `mode` where it is missing; *made_out (may be NULL) says whether it did. */
gboolean directory_make(int parent_fd, const char *name, mode_t mode, int *fd_out,
                        gboolean *made_out, GError **error);
/* Sorted names of what lies in it, without "." and "..". */
GPtrArray *directory_list(int fd, GError **error);
/* Whether something of this name is there; any other failure of the look is an error. */
gboolean entry_find(int parent_fd, const char *name, struct stat *status_out, gboolean *found_out,
                    GError **error);
/* unlinkat(); missing is fine. */
gboolean entry_unlink(int parent_fd, const char *name, GError **error);
/* rmdir; missing and (where `even_full`) not empty are fine. */
gboolean entry_rmdir(int parent_fd, const char *name, gboolean even_full, GError **error);
gboolean entry_is_same(const struct stat *one, const struct stat *other);

gboolean machine_id_check(const char *machine_id, GError **error);
gboolean target_is_valid(const char *target);
gboolean format_is_known(const char *format);
/* "vda.qcow2"; INVALID for a target or format that is no plain name. Caller frees. */
char *head_file_name(const char *target, const char *format, GError **error);
/* The two halves of such a name; FALSE for another file. Caller frees both. */
gboolean head_file_split(const char *file, char **target_out, char **format_out);
/* "undo-5" */
char *entry_name(guint64 number);
gboolean entry_number(const char *name, guint64 *number_out);
/* The parts of trash/ID/data/FILE; FALSE for any other path. Caller frees both. */
gboolean kept_path_split(const char *path, char **kept_id_out, char **file_out);
/* The machine's directory: -1 and TRUE where there is none / NOT_FOUND. INVALID for a bad id. */
gboolean machine_directory_find(DirectoryStore *store, const char *machine_id, int *fd_out,
                                GError **error);
gboolean machine_directory_require(DirectoryStore *store, const char *machine_id, int *fd_out,
                                   GError **error);

/* A layer's place: layers/SET/sealed/TARGET.FORMAT. */
typedef struct {
    char set_id[17];
    char target[33];
    char format[8];
} LayerName;
gboolean layer_name_from_id(const char *layer_id, const char *format, LayerName *name_out,
                            GError **error);
/* From what an image's header says: the relative form that we write, or the absolute one that block
 * jobs make of it. FALSE for anything else. */
gboolean layer_name_from_backing(const DirectoryStore *store, const char *backing,
                                 LayerName *name_out);
/* From layers/SET/sealed/FILE; FALSE for any other path. */
gboolean layer_name_from_path(const char *path, LayerName *name_out);
char *layer_name_backing(const LayerName *name);
char *layer_name_file(const LayerName *name);
/* Relative to the store. */
char *layer_name_path(const LayerName *name);
char *layer_name_id(const LayerName *name);
/* The set's `sealed` directory; NOT_FOUND names the set. */
gboolean sealed_directory_require(DirectoryStore *store, const char *set_id, int *fd_out,
                                  GError **error);

/* --- number.c: the store's number ------------------------------------------------------------- */

/* Makes the file of the number anew. Durable. */
gboolean number_make(int root_fd, guint64 number, GError **error);
/* INVALID where the file holds no number. The descriptor is for number_raise(). */
gboolean number_open(int root_fd, int *fd_out, guint64 *number_out, GError **error);
/* Durable. `fd` becomes another one, or -1, where the file had to be given up; one caller at a
 * time. */
gboolean number_raise(int root_fd, int *fd, guint64 number, GError **error);

/* --- record.c: the self-description of the store ---------------------------------------------- */

/* Writes generation.ini into a directory that has none, in one write. Not durable. */
gboolean generation_write(int directory_fd, const Machine *machine, const Generation *generation,
                          GError **error);
/* The number of the generation that lies in a directory; 0: no whole record. */
gboolean generation_number_at(int directory_fd, guint64 *number_out, GError **error);
/* The number of the generation in `directory` below `parent_fd`. 0: no such directory, or no whole
 * record in it (then *broken_out). */
gboolean generation_number_read(int parent_fd, const char *directory, guint64 *number_out,
                                gboolean *broken_out, GError **error);
/* The whole record; NOT_FOUND, INVALID. `own_out` (may be NULL): new set of targets that are the
 * owner's own. */
Generation *generation_read(int directory_fd, GHashTable **own_out, GError **error);
/* The generation that lies in a directory: from the machine's record where it has this number, else
 * read. */
const Generation *generation_lookup(const Machine *machine, int directory_fd, guint64 number,
                                    Generation **owned_out, GError **error);

/* Durable. */
gboolean machine_write(int machine_fd, const Machine *machine, GError **error);
/* Not durable, but whole or not there. */
gboolean machine_write_new(int machine_fd, const Machine *machine, GError **error);
/* machine.ini: everything but volumes and generations. */
Machine *machine_read(int machine_fd, const char *machine_id, GError **error);
gboolean machine_read_entry_flags(int machine_fd, guint64 number, gboolean *hibernated_out);
/* Durable. */
gboolean layers_write(int set_fd, const Machine *machine, const Generation *generation,
                      GError **error);
GPtrArray *layers_read(int set_fd, const char *set_id, GError **error);
/* Durable. */
gboolean store_write(int root_fd, const char *uuid, const char *hook_socket, const char *claims,
                     GError **error);
char *store_read_uuid(int root_fd, GError **error);

/* --- locks.c ---------------------------------------------------------------------------------- */

/* Whether a QEMU or qemu-img has the image open. */
gboolean image_is_locked(int fd, const char *name, gboolean *locked_out, GError **error);
/* BUSY naming the volume where any head of the directory is open in a QEMU. */
gboolean heads_check_unlocked(int directory_fd, const Machine *machine,
                              const Generation *generation, GError **error);
/* The one-daemon lock on the store; BUSY where another holds it. */
gboolean store_lock(int lock_fd, const char *root, GError **error);

/* --- files.c: content, ownership, labels ------------------------------------------------------ */

/* Who a file belongs to, and its SELinux label. */
typedef struct {
    uid_t owner;
    gid_t group;
    mode_t mode;
    char label[256]; /* empty: none */
} Ownership;
/* Ours: root, 0600, no label. */
void ownership_init(Ownership *ownership);
/* That of a file that is replaced, as libvirt found it before it labelled it. A missing file: ours.
 */
gboolean ownership_read(const DirectoryStore *store, int directory_fd, const char *file,
                        Ownership *ownership_out, GError **error);
gboolean ownership_apply(int fd, const Ownership *ownership, const char *file, GError **error);
/* Root, `mode`, and none of the attributes by which libvirt remembers owners and labels. */
gboolean file_normalise(int fd, mode_t mode, const char *file, GError **error);

/* Copies content, sparse stays sparse, shared extents where the file system can. Not durable. */
gboolean file_copy(int from_fd, int to_fd, const char *what, GCancellable *cancellable,
                   GError **error);
/* Whether two small files have the same content; FALSE where in doubt. */
gboolean file_is_equal(int directory_fd, const char *file, int other_directory_fd,
                       const char *other_file);
/* NO_SPACE naming `what`, needed and free, where the store has less than `needed` bytes left. */
gboolean space_check(DirectoryStore *store, guint64 needed, const char *what, GError **error);
/* The same as an error for a write that has just hit the end. */
gboolean space_error(DirectoryStore *store, guint64 needed, const char *what, GError **error);
/* Turns a failure of qemu-img for want of space into that error. */
void space_translate(DirectoryStore *store, guint64 needed, const char *what, GError **error);
guint64 allocated_bytes(const struct stat *status);

/* --- heads.c ---------------------------------------------------------------------------------- */

/* What staging one generation knows. */
typedef struct {
    DirectoryStore *store;
    const Machine *machine;
    const Generation *generation;
    int machine_fd;
    int now_fd; /* -1: none */
    int next_fd;
    GCancellable *cancellable;
} Staging;
/* Makes the head's file in `next`, from wherever its source says. */
gboolean head_stage(const Staging *staging, const Head *head, GError **error);
gboolean nvram_stage(const Staging *staging, GError **error);

/* --- foreign.c: images outside the store ------------------------------------------------------ */

/* The directory of a path below an import directory, opened following no link; *name_out: the last
 * component, borrowed from `path`. REFUSED where it lies elsewhere or in the store, NOT_FOUND. */
gboolean foreign_open_directory(DirectoryStore *store, const char *path, int *directory_out,
                                const char **name_out, GError **error);
/* Opens such a file read-only, following no link and never waiting. */
gboolean foreign_open(DirectoryStore *store, const char *path, int *fd_out, GError **error);
/* The path of an open file as the kernel knows it. Caller frees. */
char *foreign_canonical_path(int fd, GError **error);
/* By magic; NULL: none of those we know. Static. */
const char *foreign_format(int fd);
/* Guest-visible bytes of an image that is not qcow2; refuses VMDK with extents elsewhere. */
gboolean foreign_capacity(int fd, const char *path, const char *format, guint64 *bytes_out,
                          GError **error);
/* What qemu-img may be let loose on: every image of the chain below an import directory, plain
 * names, formats named. REFUSED, INVALID. */
gboolean foreign_check_chain(DirectoryStore *store, const char *path, const char *format,
                             GError **error);

/* --- chain.c ---------------------------------------------------------------------------------- */

/* Descriptors of a chain from top to bottom, each name compared with what a layer's name must be.
 */
typedef struct {
    GArray *fds;        /* int */
    GPtrArray *formats; /* borrowed static strings */
} Chain;
void chain_clear(Chain *chain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)
/* Takes `top_fd`, also on failure. */
gboolean chain_open(DirectoryStore *store, int top_fd, const char *format, const char *what,
                    Chain *chain_out, GError **error);
/* BUG where the header of an image does not say that it sits on `layer_id` (NULL: on nothing). */
gboolean backing_check(DirectoryStore *store, int fd, const char *format, const char *layer_id,
                       const char *what, GError **error);

/* --- protect.c -------------------------------------------------------------------------------- */

/* Sets or lifts the immutable flag; a file system without it is no error. */
gboolean immutable_set(const DirectoryStore *store, int fd, gboolean immutable, const char *what,
                       GError **error);
gboolean immutable_is_set(int fd);
/* Whether the flag can be set and lifted in this directory. Leaves nothing behind. */
gboolean immutable_probe(int directory_fd);
/* Opens a file read-only, lifts its flag and removes its name; where other names remain, the flag
 * goes back. */
gboolean protected_unlink(const DirectoryStore *store, int directory_fd, const char *file,
                          GError **error);

/* --- switch.c --------------------------------------------------------------------------------- */

/* Undoes or finishes a switch that was cut between two renames (file systems without exchange). */
gboolean aside_repair(int machine_fd, GError **error);
gboolean exchange_probe(int directory_fd);

/* --- sync.c ----------------------------------------------------------------------------------- */

void unsynced_add(DirectoryStore *store, const char *machine_id, Unsynced what);
void unsynced_add_machines(DirectoryStore *store);
void unsynced_forget(DirectoryStore *store, const char *machine_id);
/* Before a switch: what is staged is on disk, if need be by syncing it now. */
gboolean staged_sync(DirectoryStore *store, const char *machine_id, int machine_fd, GError **error);
/* After a switch, before anything of the old generation goes: the same for the machine's directory.
 */
gboolean switched_sync(DirectoryStore *store, const char *machine_id, int machine_fd,
                       GError **error);

/* --- facts.c ---------------------------------------------------------------------------------- */

gboolean head_facts_read(int directory_fd, const char *file, const char *format,
                         HeadFacts *facts_out, GError **error);
/*
 * Sub-clusters (extended L2) halve the cost of a first write, but QEMU 7.2 dies of them while it
 * streams (virsh blockpull, copy on read): an assertion in bdrv_co_do_copy_on_readv(), seen with
 * plain images of qemu-img too. A guest that is killed weighs more than a first write.
 */
#define QEMU_STREAMS_SUBCLUSTERS FALSE

/* Whether the guest has ever written to the image. */
gboolean image_is_written(int fd, const char *format, const char *name, gboolean *written_out,
                          GError **error);

/* --- export.c --------------------------------------------------------------------------------- */

/* After the commit: the exported file has its first owner and mode again. A link shares them with
 * the head, so this is not for a stage that may still be abandoned. Idempotent. */
gboolean export_give_back(DirectoryStore *store, const Machine *machine, const Head *head,
                          int heads_fd, GError **error);
/* Whether the head lies where import had found it: as the same file, or as a copy that export made.
 */
gboolean export_is_complete(DirectoryStore *store, const Machine *machine, const Head *head,
                            int heads_fd, gboolean *complete_out, GError **error);

/* --- export_variables.c ----------------------------------------------------------------------- */

/* Before the commit: whether the UEFI variables can go back. BUSY where a QEMU has open what lies
 * there. */
gboolean export_variables_check(DirectoryStore *store, const Machine *machine, GError **error);
/* --- layers_mount.c --------------------------------------------------------------------------- */

/* Whether a path to a layer leads through the read-only mount. */
gboolean layers_mount_is_in_force(const DirectoryStore *store);
/* Takes off what an earlier daemon has mounted, so that the directory below can be opened. */
gboolean layers_mount_lift(const DirectoryStore *store, GError **error);
/* Mounts it where that is how this store protects its layers, and where it is not in force. */
gboolean layers_mount_ensure(const DirectoryStore *store, GError **error);

/* --- mark.c ----------------------------------------------------------------------------------- */

gboolean mark_remove(int machine_fd, GError **error);
/* What the mark says, into facts; a mark that is not there says nothing. */
gboolean mark_read(int machine_fd, MachineFacts *facts, GError **error);

/* --- reclaim.c -------------------------------------------------------------------------------- */

/* Deletes an undo entry of a machine; missing is fine. Adds to *freed. */
gboolean entry_remove(DirectoryStore *store, int machine_fd, guint64 number, guint64 *freed,
                      GError **error);

/* --- the slots of the port, each where its file name says ------------------------------------- */

/* stage.c */
gboolean directory_stage(Storage *storage, const Machine *machine, const Generation *generation,
                         GCancellable *cancellable, GError **error);
gboolean directory_abandon(Storage *storage, const char *machine_id, GError **error);
/* sync.c */
gboolean directory_sync(Storage *storage, const char *const *machine_ids, GError **error);
/* switch.c */
gboolean directory_switch(Storage *storage, const Machine *machine, guint64 number,
                          SwitchResult *result_out, GError **error);
/* put_aside.c */
gboolean directory_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                             gboolean *kept_out, guint64 *held_bytes_out, GError **error);
/* mark.c */
gboolean directory_mark(Storage *storage, const char *machine_id, gboolean unsettled,
                        GError **error);
gboolean directory_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                         GError **error);
/* seal.c */
gboolean directory_seal(Storage *storage, const Machine *machine, GError **error);
gboolean directory_protect(Storage *storage, const char *set_id, GError **error);
gboolean directory_unseal(Storage *storage, const Machine *machine, GError **error);
/* remove.c */
gboolean directory_remove(Storage *storage, const Machine *machine, GPtrArray *kept,
                          GError **error);
/* export.c */
gboolean directory_adopt_finish(Storage *storage, const Machine *machine, GError **error);
gboolean directory_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                          GError **error);
gboolean directory_export_abandon(Storage *storage, const Machine *machine, GError **error);
/* export_variables.c */
gboolean directory_export_finish(Storage *storage, const Machine *machine, GError **error);
/* flatten.c */
gboolean directory_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                                 GError **error);
gboolean directory_flatten_switch(Storage *storage, const Layer *layer, GError **error);
gboolean directory_flatten_abandon(Storage *storage, const Layer *layer, GError **error);
/* reclaim.c */
gboolean directory_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                           GError **error);
/* facts.c */
gboolean directory_head_facts(Storage *storage, const Machine *machine, guint64 generation,
                              const char *target, HeadFacts *facts_out, GError **error);
gboolean directory_head_status(Storage *storage, const Machine *machine, const char *target,
                               HeadFacts *facts_out, GError **error);
gboolean directory_machine_facts(Storage *storage, const char *machine_id, MachineFacts *facts_out,
                                 GError **error);
gboolean directory_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                               GError **error);
gboolean directory_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                              GError **error);
/* chain.c */
gssize directory_read(Storage *storage, const Machine *machine, const char *target, guint64 offset,
                      void *buffer, gsize length, GError **error);
char *directory_volume_digest(Storage *storage, const Machine *machine, const char *target,
                              GCancellable *cancellable, GError **error);
gboolean directory_read_own(Storage *storage, const Machine *machine, const char *target,
                            const ReadRange *ranges, guint count, GError **error);
char *directory_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                             GError **error);
/* scan.c */
gboolean directory_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                          GError **error);
gboolean directory_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error);
/* describe.c */
gboolean directory_describe(Storage *storage, const Machine *machine, GError **error);
Machine *directory_describe_machine(Storage *storage, const char *machine_id, GError **error);
GPtrArray *directory_describe_set(Storage *storage, const char *set_id, GError **error);
gboolean directory_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                               GError **error);
/* probe.c */
gboolean directory_is_file(Storage *storage, const char *path, guint64 device, guint64 inode);
gboolean directory_probe_image(Storage *storage, const char *path, const char *format,
                               ImageFacts *facts_out, GError **error);
gboolean directory_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                      GError **error);
