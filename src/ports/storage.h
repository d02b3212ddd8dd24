/*
 * The storage port: where images live. Engine code calls these wrappers only: each checks its
 * preconditions, traces, and prefixes errors; the vtable is for adapters (storage_adapter.h).
 *
 * Directory layout of the directory adapter, which the port's words follow (ARCHITECTURE.md has the
 * why):
 *
 *   store.ini                       UUID and format of the store, hook socket and claims directory
 *   generation                      number raised with every commit
 *   machines/ID/machine.ini         id, uuid, name: who this is (read by the hook and by doctor)
 *   machines/ID/now/                the actual heads, as the domain's XML names them; and
 * generation.ini machines/ID/next/               a staged generation; after the exchange for a
 * moment the old one machines/ID/undo-N/             generation N, put aside: an undo entry
 *   machines/ID/unsettled           mark: a session has run and its end is not settled yet:
 *                                   "GENERATION [STAMP [sole]]": the heads it runs on, and what
 *                                   memory saved in it carries
 *   layers/SET/layers.ini           whose volumes these are
 *   layers/SET/sealed/TARGET.FORMAT the layers
 *   trash/ID/data/TARGET.FORMAT     kept volumes
 *
 * Heads, undo entries, layers and kept volumes all lie three directories deep, so backing
 * references are
 * "../../../layers/SET/sealed/FILE" everywhere and stay true when a directory is renamed.
 *
 * Unless a contract says "durable", durability comes from the next storage_sync().
 * Thread-safe: calls for different machines may run at once; the engine never makes two for one
 * machine.
 */
#pragma once

#include <gio/gio.h>

#include "model/inventory.h"

typedef struct Storage Storage;

void storage_free(Storage *storage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Storage, storage_free)

/* What keeps a QEMU that broke out, and root's own programs, from writing to a layer. */
typedef enum { LAYERS_UNPROTECTED, LAYERS_IMMUTABLE, LAYERS_MOUNTED_READ_ONLY } LayerProtection;
#define LAYER_PROTECTION_COUNT (LAYERS_MOUNTED_READ_ONLY + 1)
/* "none", "immutable files", "read-only mount" */
const char *layer_protection_name(LayerProtection protection);

typedef struct {
    char uuid[37];
    guint64 generation;
    gboolean exchanges; /* directories can be exchanged atomically */
    LayerProtection protection;
    gboolean stable_names; /* heads keep their names: domain XML never changes */
    guint64 size_bytes, free_bytes;
} StoreStatus;

/* UNAVAILABLE where the store is not there (not mounted). */
gboolean storage_status(Storage *storage, StoreStatus *status_out, GError **error);
/* Durable. Never lowers the number. Takes the new value. */
gboolean storage_raise_generation(Storage *storage, guint64 generation, GError **error);

/* Facts about one head as it lies there; never opens for writing. */
typedef struct {
    gboolean exists;
    gboolean locked;  /* a QEMU (known to libvirt or not) has it open */
    gboolean written; /* the guest has ever written to it since it was fresh */
    guint64 inode, device;
    guint64 size_bytes; /* of the file */
    guint64 allocated_bytes;
    gint64 mtime_ns;
    guint64 capacity_bytes; /* guest-visible */
    guint32 link_count;
    gboolean dirty; /* lazy refcounts: not closed cleanly */
    gboolean has_bitmaps, has_snapshots;
    gboolean is_ours; /* made by the store: it carries the identity that was written with it */
    char *backing;    /* backing file as the header says; NULL: none */
} HeadFacts;
void head_facts_clear(HeadFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HeadFacts, head_facts_clear)

/* generation 0: what lies in `now`; else that generation wherever it is (now, next, undo). A
 * missing file is exists == FALSE, no error. */
gboolean storage_head_facts(Storage *storage, const Machine *machine, guint64 generation,
                            const char *target, HeadFacts *facts_out, GError **error);

/* The same of a head in `now`, as far as its file tells without being opened: exists, inode,
 * device, sizes, time, links; the rest stays zero. For receipts, which are taken twice of each
 * machine. */
gboolean storage_head_status(Storage *storage, const Machine *machine, const char *target,
                             HeadFacts *facts_out, GError **error);

/* What the machine's directory holds; all zero/FALSE where there is none. */
typedef struct {
    gboolean exists;
    guint64 now;               /* generation in `now`; 0: none */
    guint64 next;              /* generation in `next`; 0: none (or unreadable: then next_broken) */
    gboolean next_broken;      /* or something else that storage_abandon() is to clear away */
    gboolean described;        /* machine.ini is there */
    gboolean marked;           /* `unsettled` is there */
    guint64 marked_generation; /* that it names; 0: none */
    char *stamp;               /* that memory saved in the session carries; NULL: none is known */
    gboolean stamp_is_sole;    /* and no memory of an earlier session does */
    GArray *entries;           /* guint64: N of each undo-N */
} MachineFacts;
void machine_facts_clear(MachineFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MachineFacts, machine_facts_clear)
gboolean storage_machine_facts(Storage *storage, const char *machine_id, MachineFacts *facts_out,
                               GError **error);

/* Reads guest-visible bytes of a machine's volume through its chain; for signatures and digests.
 * Zeroes where unallocated. UNSUPPORTED for encrypted or exotic compression. Holds no lock, so the
 * content of a running machine is a guess. Returns bytes read at `offset` (short only at the end).
 */
gssize storage_read(Storage *storage, const Machine *machine, const char *target, guint64 offset,
                    void *buffer, gsize length, GError **error);
/* A stretch of guest bytes that is asked for; `buffer` has room for it. */
typedef struct {
    guint64 offset;
    gsize length;
    guint8 *buffer;
} ReadRange;
/* The same for several stretches, but only of what the volume's own image holds: zeroes where the
 * layers below it would be read. Much cheaper than a chain. */
gboolean storage_read_own(Storage *storage, const Machine *machine, const char *target,
                          const ReadRange *ranges, guint count, GError **error);
/* "sha256:…" of a layer's guest-visible content. Slow; cancellable. Caller frees. */
char *storage_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                           GError **error);
/* The same of what a machine's volume shows now, through its chain. Read-only, and without a lock:
 * of a running machine a guess. */
char *storage_volume_digest(Storage *storage, const Machine *machine, const char *target,
                            GCancellable *cancellable, GError **error);
/* Bytes that the layer's file occupies. */
gboolean storage_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                             GError **error);
/* The same of a kept volume. A missing file is exists == FALSE, no error. */
gboolean storage_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                            GError **error);

/* --- stage
 * -----------------------------------------------------------------------------------------------
 */

/*
 * Builds machines/ID/next for `generation` of `machine` (creating machines/ID and machine.ini where
 * missing), replacing any earlier `next`. Per head as Head.source says. A head's new file takes
 * owner, group, mode and label of the head it replaces. Checks locks of what it copies or links
 * from `now` only where the source needs a quiet head (COPY, FLATTEN). On failure nothing is left
 * behind. NO_SPACE names what is missing.
 */
gboolean storage_stage(Storage *storage, const Machine *machine, const Generation *generation,
                       GCancellable *cancellable, GError **error);
/* Removes `next` if it is there, whatever it holds, unless it is generation `keep` (0: none). Never
 * touches `now`. Idempotent. */
gboolean storage_abandon(Storage *storage, const char *machine_id, GError **error);
/* Makes everything done so far for these machines durable (NULL: for the whole store), by whichever
 * of per-file fsync and syncfs is cheaper for the number. */
gboolean storage_sync(Storage *storage, const char *const *machine_ids, GError **error);

/* --- settle: each idempotent
 * ----------------------------------------------------------------------------- */

typedef struct {
    gboolean switched;    /* FALSE: was already in place */
    guint64 old;          /* generation that `next` now holds; 0: none */
    gboolean old_written; /* any of its system heads was ever written */
} SwitchResult;
/*
 * One atomic switch: brings staged generation `number` from `next` to `now` (exchange, or rename
 * where there is no `now`). NOT_FOUND where neither holds it (it must be staged again). BUSY where
 * a head of `now` is locked.
 */
gboolean storage_switch(Storage *storage, const Machine *machine, guint64 number,
                        SwitchResult *result_out, GError **error);
/*
 * After the switch: the old generation in `next` loses its temporary heads and its extra links to
 * kept heads (only where inode equality with `now` proves them to be links), is normalised (root,
 * 0600, no labels) and becomes undo-N; with keep == FALSE it is removed. A data head that the
 * generation in `now` replaced by name (its own head there has source HEAD_COPY or HEAD_FLATTEN)
 * goes too; any other data head that is not a link stops it (BUG). Removes the mark. Reports
 * whether undo-N exists and its bytes.
 */
gboolean storage_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                           gboolean *kept_out, guint64 *held_bytes_out, GError **error);
/* `now` becomes layers/SET/sealed by one rename; then each layer root 0444, labels dropped,
 * immutable, and the directory too. Durable. */
gboolean storage_seal(Storage *storage, const Machine *machine, GError **error);
gboolean storage_protect(Storage *storage, const char *set_id, GError **error);
/* The inverse. Durable. */
gboolean storage_unseal(Storage *storage, const Machine *machine, GError **error);
/*
 * Ends a machine (desired place GONE): moves its data heads to trash/KEPT_ID/data/ (one kept volume
 * a head, path and target as in `kept`, an array of KeptVolume; empty with --now) and removes the
 * rest of its directory, with its undo entries. Durable.
 */
gboolean storage_remove(Storage *storage, const Machine *machine, GPtrArray *kept, GError **error);
/* Import, after the switch: unlinks the original name of every HEAD_ADOPT head that is a link of
 * ours (same inode). */
gboolean storage_adopt_finish(Storage *storage, const Machine *machine, GError **error);
/* Export, stage: links (or copies) each head of `now` back to the path that origin names; refuses
 * where something else lies there, or where a QEMU has the file open that the UEFI variables are to
 * replace. Idempotent: a link that is already ours is fine. */
gboolean storage_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                        GError **error);
/* Takes an export back that was not committed: of the paths that origin names, those go that lead
 * to the very files that lie in `now`, or to copies that export made of them. Idempotent; anything
 * else there is left alone. */
gboolean storage_export_abandon(Storage *storage, const Machine *machine, GError **error);
/* Export, after the commit and before the domain names its own files again: the UEFI variables in
 * `now` replace the file that origin names, with its owner and mode, and leave `now`. Idempotent.
 * Durable. */
gboolean storage_export_finish(Storage *storage, const Machine *machine, GError **error);
/* Writes machine.ini anew (name changed). */
gboolean storage_describe(Storage *storage, const Machine *machine, GError **error);
gboolean storage_mark(Storage *storage, const char *machine_id, gboolean unsettled, GError **error);
/*
 * Writes the session's stamp into the mark. First announced (`sole` FALSE), then confirmed (TRUE),
 * durably, and only where the mark still announces it: a mark that was made anew in between belongs
 * to another session. NOT_FOUND where there is no mark, BUSY where it says something else.
 */
gboolean storage_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                       GError **error);

/* Each machine's directory, and whether it holds more than a settled machine's: something staged,
 * half put aside or half removed, a mark. Names are looked at, no file is read: for thousands. */
typedef void (*StorageSurveyed)(const char *machine_id, gboolean has_leftovers, gpointer user_data);
gboolean storage_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                        GError **error);

/* --- layers and reclaim
 * ---------------------------------------------------------------------------------- */

/* Stage of flattening: writes the layer's guest-visible content standalone beside it; cancellable,
 * durable. */
gboolean storage_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                               GError **error);
/* Settle of flattening: renames it over the layer's path and protects it again. Idempotent.
 * Durable. */
gboolean storage_flatten_switch(Storage *storage, const Layer *layer, GError **error);
gboolean storage_flatten_abandon(Storage *storage, const Layer *layer, GError **error);
/* Deletes one listed item; missing is fine. Removes emptied parents (undo-N, set directory). */
gboolean storage_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                         GError **error);

/* --- doctor
 * ---------------------------------------------------------------------------------------------- */

/* Called for each thing found; `path` is relative to the store. Return FALSE to stop. */
typedef enum { FOUND_MACHINE, FOUND_SET, FOUND_LAYER, FOUND_KEPT, FOUND_ORPHAN } FoundKind;
typedef gboolean (*StorageFound)(FoundKind kind, const char *path, const char *id,
                                 gpointer user_data);
gboolean storage_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error);
/* A machine as its own directory describes it (machine.ini, generation.ini of now and of each
 * undo-N): for the rebuild of a lost catalog. New reference; NULL with NOT_FOUND or INVALID. */
Machine *storage_describe_machine(Storage *storage, const char *machine_id, GError **error);
/* The layers of a set as layers.ini and the headers describe them. New array of references. */
GPtrArray *storage_describe_set(Storage *storage, const char *set_id, GError **error);
/* Compares a layer on disk with its record: there, protected, right parent, right capacity.
 * Findings are appended as newly allocated sentences. */
gboolean storage_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                             GError **error);

/* --- names
 * -----------------------------------------------------------------------------------------------
 */

/* The path that the domain's XML names for a volume: absolute, stable for the machine's life.
 * Caller frees. */
char *storage_head_path(Storage *storage, const char *machine_id, const Volume *volume);
char *storage_nvram_path(Storage *storage, const char *machine_id);

/* --- import
 * ---------------------------------------------------------------------------------------------- */

/* What an image outside the store is, proven by our own parser and never probed as raw. */
typedef struct {
    char *canonical_path;
    char *format; /* "qcow2", "raw" (only where stated), "vmdk", "vhdx", "vdi"; by magic */
    guint64 capacity_bytes, size_bytes, allocated_bytes;
    guint64 device, inode;
    guint32 link_count;
    gboolean same_file_system; /* can be moved in without copying */
    gboolean locked, encrypted, has_snapshots, has_bitmaps, dirty;
    char *backing;   /* NULL: none */
    char *data_file; /* NULL: none */
    gboolean is_block_device;
    GError
        *chain_problem; /* why its backing chain may not be read; NULL: it may, or there is none */
} ImageFacts;
void image_facts_clear(ImageFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImageFacts, image_facts_clear)
/*
 * `path` must be absolute and lie below one of the configured import directories after opening
 * without following links; REFUSED else, with the directories in the hint. `format` NULL: proven by
 * header. INVALID names what is wrong with a hostile or broken header.
 */
gboolean storage_probe_image(Storage *storage, const char *path, const char *format,
                             ImageFacts *facts_out, GError **error);
/* Whether `path`, links followed, is the file of that device and inode. A path that is not there is
 * not. */
gboolean storage_is_file(Storage *storage, const char *path, guint64 device, guint64 inode);
/* Looks for an image in the same directory or an import directory that (by our parser) names `path`
 * as its backing or data file: its name in *by_out (caller frees), NULL where there is none. */
gboolean storage_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                    GError **error);
