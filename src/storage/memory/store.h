/* What the files of the memory store share; grouped by the file that implements it. */
#pragma once

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "ports/storage_adapter.h"
#include "storage/memory/memory_storage.h"

#define MEMORY_ROOT "/memory"
enum { BLOCK_BYTES = 4096, IMAGE_METADATA_BYTES = 4096 };

/* One file: what an inode is on a disk. */
typedef struct {
    gatomicrefcount references;
    guint64 inode;
    guint links; /* names in the tree */
    char *format;
    guint64 capacity_bytes;
    GHashTable *blocks; /* block number -> BLOCK_BYTES of guest bytes */
    char *layer_id;     /* what it sits on in the store; NULL: nothing */
    char *backing;      /* what it sits on outside; NULL: nothing */
    gint64 mtime_ns;
    gboolean locked;
    gboolean is_protected;
    gboolean is_foreign; /* made outside the store */
} Image;

/* A directory of heads: `now`, `next`, undo-N. */
typedef struct {
    Generation *record; /* generation.ini; NULL: broken */
    GHashTable *heads;  /* target -> Image */
    char *nvram;        /* NULL: none */
} HeadDirectory;

/* machines/ID */
typedef struct {
    Machine *description; /* machine.ini */
    HeadDirectory *now, *next;
    GHashTable *entries; /* number (guint64 *) -> HeadDirectory */
    gboolean marked;
    guint64 marked_generation;
    char stamp[17]; /* "": none */
    gboolean stamp_is_sole;
} MachineDirectory;

/* layers/SET */
typedef struct {
    Machine *description; /* whose it is, at the time of sealing: layers.ini */
    HeadDirectory *sealed;
    GHashTable *flattened; /* target -> Image: staged beside the layers */
} LayerSet;

/* All names of the store, or those of them that a power loss would leave. */
typedef struct {
    GHashTable *machines;      /* id -> MachineDirectory */
    GHashTable *sets;          /* id -> LayerSet */
    GHashTable *kept;          /* "trash/ID/data/FILE" -> Image */
    GHashTable *outside;       /* absolute path -> Image */
    GHashTable *outside_nvram; /* absolute path -> text */
    guint64 generation;
} Tree;

typedef struct {
    Storage base; /* must be first */
    GMutex mutex; /* protects everything below */
    Tree *tree;
    Tree *durable;
    char uuid[37];
    guint64 last_inode;
    gint64 last_mtime_ns;
    guint64 free_bytes;
    gboolean present;
} MemoryStore;

static inline MemoryStore *memory_store(Storage *storage)
{
    return (MemoryStore *)storage;
}

/* Holds the store's mutex to the end of the scope. */
#define STORE_LOCKED(store)                                                                        \
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&(store)->mutex)

/* --- image.c
 * -------------------------------------------------------------------------------------------------
 */

Image *image_new(MemoryStore *store, const char *format, guint64 capacity_bytes,
                 const char *layer_id);
Image *image_ref(Image *image);
void image_unref(Image *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Image, image_unref)
/* An independent image with the same blocks and backing. */
Image *image_copy(MemoryStore *store, const Image *image);
guint64 image_allocated(const Image *image);
gboolean image_write(MemoryStore *store, Image *image, guint64 offset, const guint8 *bytes,
                     gsize length);
/* Cuts what lies beyond, or adds zeroes. */
void image_resize(Image *image, guint64 capacity_bytes);
/* Guest-visible bytes through the chain; -1 with NOT_FOUND where a layer of it is missing. */
gssize image_read(MemoryStore *store, const Image *image, guint64 offset, guint8 *buffer,
                  gsize length, GError **error);
/* A standalone image with the content of the whole chain; NULL with the error. */
Image *image_flatten(MemoryStore *store, const Image *image, const char *format, GError **error);
/* "sha256:…" */
char *image_digest(MemoryStore *store, const Image *image, GError **error);
/* Whether the guest has ever written to it; a raw image cannot tell. */
gboolean memory_image_is_written(const Image *image);
void image_facts(const Image *image, HeadFacts *facts_out);

/* --- tree.c
 * --------------------------------------------------------------------------------------------------
 */

HeadDirectory *head_directory_new(void);
void head_directory_free(HeadDirectory *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HeadDirectory, head_directory_free)
/* One more, or one less, name of the image. */
void head_directory_link(HeadDirectory *directory, const char *target, Image *image);
void head_directory_unlink(HeadDirectory *directory, const char *target);
/* Unlinks all. */
void head_directory_empty(HeadDirectory *directory);
guint64 head_directory_number(const HeadDirectory *directory); /* 0: none, or no record */

MachineDirectory *machine_directory(MemoryStore *store, const char *machine_id);
MachineDirectory *memory_machine_directory_require(MemoryStore *store, const char *machine_id,
                                                   GError **error);
/* Made and described where missing. */
MachineDirectory *machine_directory_make(MemoryStore *store, const Machine *description);
HeadDirectory *machine_directory_entry(const MachineDirectory *machine, guint64 number);
/* `now`, `next` or undo-N, whichever holds the generation; 0: `now`. NULL: none. */
HeadDirectory *memory_machine_directory_find(const MachineDirectory *machine, guint64 generation);
void machine_directory_put_entry(MachineDirectory *machine, guint64 number, HeadDirectory *entry);
LayerSet *layer_set(MemoryStore *store, const char *set_id);
LayerSet *layer_set_require(MemoryStore *store, const char *set_id, GError **error);
LayerSet *layer_set_new(void);
/* The layer's image; NULL with NOT_FOUND. */
Image *layer_image(MemoryStore *store, const char *layer_id, GError **error);
/* A name in `kept` or `outside`. */
void name_link(GHashTable *names, const char *path, Image *image);
void name_unlink(GHashTable *names, const char *path);

Tree *tree_new(void);
void tree_free(Tree *tree);
Tree *tree_copy(const Tree *tree);
/* After a power loss: counts the names of each image anew. */
void tree_count_links(Tree *tree);
/* Makes what the tree says of one machine, one set, or everything else durable. */
void persist_machine(MemoryStore *store, const char *machine_id);
void persist_set(MemoryStore *store, const char *set_id);
void persist_names(MemoryStore *store);

/* --- the slots of the port, each where its file name says
 * ----------------------------------------------------- */

/* stage.c */
gboolean memory_stage(Storage *storage, const Machine *machine, const Generation *generation,
                      GCancellable *cancellable, GError **error);
gboolean memory_abandon(Storage *storage, const char *machine_id, GError **error);
gboolean memory_sync(Storage *storage, const char *const *machine_ids, GError **error);
gboolean memory_nvram_stage(MemoryStore *store, const MachineDirectory *machine,
                            const Generation *generation, HeadDirectory *next, GError **error);
/* settle.c */
gboolean memory_switch(Storage *storage, const Machine *machine, guint64 number,
                       SwitchResult *result_out, GError **error);
gboolean memory_put_aside(Storage *storage, const Machine *machine, gboolean keep,
                          gboolean *kept_out, guint64 *held_bytes_out, GError **error);
gboolean memory_mark(Storage *storage, const char *machine_id, gboolean unsettled, GError **error);
gboolean memory_stamp(Storage *storage, const char *machine_id, const char *stamp, gboolean sole,
                      GError **error);
gboolean memory_remove(Storage *storage, const Machine *machine, GPtrArray *kept, GError **error);
/* layers.c */
gboolean memory_seal(Storage *storage, const Machine *machine, GError **error);
gboolean memory_protect(Storage *storage, const char *set_id, GError **error);
gboolean memory_unseal(Storage *storage, const Machine *machine, GError **error);
gboolean memory_flatten_stage(Storage *storage, const Layer *layer, GCancellable *cancellable,
                              GError **error);
gboolean memory_flatten_switch(Storage *storage, const Layer *layer, GError **error);
gboolean memory_flatten_abandon(Storage *storage, const Layer *layer, GError **error);
gboolean memory_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                        GError **error);
char *memory_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                          GError **error);
gboolean memory_layer_facts(Storage *storage, const Layer *layer, HeadFacts *facts_out,
                            GError **error);
gboolean memory_kept_facts(Storage *storage, const KeptVolume *volume, HeadFacts *facts_out,
                           GError **error);
/* outside.c */
/* Whether a volume lies where the import found it: exported. */
gboolean memory_export_is_complete(MemoryStore *store, const Machine *machine, const char *target,
                                   const Image *image);
gboolean memory_adopt_finish(Storage *storage, const Machine *machine, GError **error);
gboolean memory_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                       GError **error);
gboolean memory_export_abandon(Storage *storage, const Machine *machine, GError **error);
gboolean memory_export_finish(Storage *storage, const Machine *machine, GError **error);
gboolean memory_probe_image(Storage *storage, const char *path, const char *format,
                            ImageFacts *facts_out, GError **error);
gboolean memory_is_file(Storage *storage, const char *path, guint64 device, guint64 inode);
gboolean memory_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                   GError **error);
/* describe.c */
gboolean memory_describe(Storage *storage, const Machine *machine, GError **error);
gboolean memory_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                       GError **error);
gboolean memory_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error);
Machine *memory_describe_machine(Storage *storage, const char *machine_id, GError **error);
GPtrArray *memory_describe_set(Storage *storage, const char *set_id, GError **error);
gboolean memory_check_layer(Storage *storage, const Layer *layer, GPtrArray *findings,
                            GError **error);

/* UNAVAILABLE while the store is not there. */
gboolean check_present(const MemoryStore *store, GError **error);
