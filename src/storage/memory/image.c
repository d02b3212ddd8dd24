/* Images as sparse maps of blocks, and reading through their chains. */
#include "storage/memory/store.h"

#include <string.h>

enum { INODE_DEVICE = 1 };

Image *image_new(MemoryStore *store, const char *format, guint64 capacity_bytes,
                 const char *layer_id)
{
    Image *image = g_new0(Image, 1);
    g_atomic_ref_count_init(&image->references);
    image->inode = ++store->last_inode;
    image->mtime_ns = ++store->last_mtime_ns;
    image->format = g_strdup(format);
    image->capacity_bytes = capacity_bytes;
    image->layer_id = g_strdup(layer_id);
    image->blocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return image;
}

Image *image_ref(Image *image)
{
    g_atomic_ref_count_inc(&image->references);
    return image;
}

void image_unref(Image *image)
{
    if (!image || !g_atomic_ref_count_dec(&image->references))
        return;
    g_free(image->format);
    g_free(image->layer_id);
    g_free(image->backing);
    g_hash_table_unref(image->blocks);
    g_free(image);
}

static guint8 *block_at(const Image *image, guint64 number)
{
    return g_hash_table_lookup(image->blocks, &number);
}

static void put_block(Image *image, guint64 number, guint8 *block)
{
    g_hash_table_insert(image->blocks, g_memdup2(&number, sizeof number), block);
}

Image *image_copy(MemoryStore *store, const Image *image)
{
    Image *copy = image_new(store, image->format, image->capacity_bytes, image->layer_id);
    GHashTableIter iter;
    gpointer number, block;
    copy->backing = g_strdup(image->backing);
    g_hash_table_iter_init(&iter, image->blocks);
    while (g_hash_table_iter_next(&iter, &number, &block))
        put_block(copy, *(guint64 *)number, g_memdup2(block, BLOCK_BYTES));
    return copy;
}

guint64 image_allocated(const Image *image)
{
    return IMAGE_METADATA_BYTES + (guint64)g_hash_table_size(image->blocks) * BLOCK_BYTES;
}

/* The image below, in the store or outside; NULL with the error where it is missing. */
static const Image *image_below(MemoryStore *store, const Image *image, GError **error)
{
    if (image->layer_id)
        return layer_image(store, image->layer_id, error);
    const Image *below = g_hash_table_lookup(store->tree->outside, image->backing);
    if (!below)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "the backing file '%s' is missing",
                  image->backing);
    return below;
}

/* One block as the guest sees it; a shorter image below reads as zeroes beyond its end. */
static gboolean read_block(MemoryStore *store, const Image *image, guint64 number,
                           guint8 block_out[BLOCK_BYTES], GError **error)
{
    memset(block_out, 0, BLOCK_BYTES);
    while (image && number * BLOCK_BYTES < image->capacity_bytes) {
        const guint8 *block = block_at(image, number);
        if (block)
            memcpy(block_out, block, BLOCK_BYTES);
        if (block || (!image->layer_id && !image->backing))
            return TRUE;
        image = image_below(store, image, error);
        if (!image)
            return FALSE;
    }
    return TRUE;
}

gboolean image_write(MemoryStore *store, Image *image, guint64 offset, const guint8 *bytes,
                     gsize length)
{
    if (image->is_protected || offset > image->capacity_bytes ||
        length > image->capacity_bytes - offset)
        return FALSE;
    for (gsize done = 0; done < length;) {
        guint64 number = (offset + done) / BLOCK_BYTES;
        gsize start = (gsize)((offset + done) % BLOCK_BYTES),
              part = MIN(length - done, BLOCK_BYTES - start);
        guint8 *block = block_at(image, number);
        if (!block) {
            block = g_malloc(BLOCK_BYTES);
            if (!read_block(store, image, number, block, NULL)) {
                g_free(block);
                return FALSE;
            }
            put_block(image, number, block);
        }
        memcpy(block + start, bytes + done, part);
        done += part;
    }
    image->mtime_ns = ++store->last_mtime_ns;
    return TRUE;
}

static gboolean is_beyond(gpointer number, gpointer block, gpointer capacity_bytes)
{
    (void)block;
    return *(guint64 *)number * BLOCK_BYTES >= *(guint64 *)capacity_bytes;
}

void image_resize(Image *image, guint64 capacity_bytes)
{
    guint64 last = capacity_bytes / BLOCK_BYTES;
    gsize used = (gsize)(capacity_bytes % BLOCK_BYTES);
    guint8 *block = block_at(image, last);
    if (block && capacity_bytes < image->capacity_bytes)
        memset(block + used, 0, BLOCK_BYTES - used);
    image->capacity_bytes = capacity_bytes;
    g_hash_table_foreach_remove(image->blocks, is_beyond, &capacity_bytes);
}

gssize image_read(MemoryStore *store, const Image *image, guint64 offset, guint8 *buffer,
                  gsize length, GError **error)
{
    guint8 block[BLOCK_BYTES];
    if (offset >= image->capacity_bytes)
        return 0;
    length = MIN(length, (gsize)MIN(image->capacity_bytes - offset, (guint64)G_MAXSSIZE));
    for (gsize done = 0; done < length;) {
        gsize start = (gsize)((offset + done) % BLOCK_BYTES),
              part = MIN(length - done, BLOCK_BYTES - start);
        if (!read_block(store, image, (offset + done) / BLOCK_BYTES, block, error))
            return -1;
        memcpy(buffer + done, block + start, part);
        done += part;
    }
    return (gssize)length;
}

/* The numbers of all blocks that any image of the chain has, below the top's capacity. New sorted
 * array. */
static GArray *chain_blocks(MemoryStore *store, const Image *image, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint64));
    guint64 capacity = image->capacity_bytes;
    while (image) {
        GHashTableIter iter;
        gpointer number;
        g_hash_table_iter_init(&iter, image->blocks);
        while (g_hash_table_iter_next(&iter, &number, NULL))
            if (*(guint64 *)number * BLOCK_BYTES < capacity && g_hash_table_add(seen, number))
                g_array_append_val(numbers, *(guint64 *)number);
        if (!image->layer_id && !image->backing)
            break;
        image = image_below(store, image, error);
    }
    if (!image) {
        g_array_unref(numbers);
        return NULL;
    }
    return numbers;
}

static int compare_numbers(gconstpointer left, gconstpointer right)
{
    guint64 one = *(const guint64 *)left, other = *(const guint64 *)right;
    return (one > other) - (one < other);
}

Image *image_flatten(MemoryStore *store, const Image *image, const char *format, GError **error)
{
    g_autoptr(GArray) numbers = chain_blocks(store, image, error);
    if (!numbers)
        return NULL;
    g_autoptr(Image) flat = image_new(store, format, image->capacity_bytes, NULL);
    for (guint i = 0; i < numbers->len; i++) {
        guint64 number = g_array_index(numbers, guint64, i);
        guint8 *block = g_malloc(BLOCK_BYTES);
        put_block(flat, number, block);
        if (!read_block(store, image, number, block, error))
            return NULL;
    }
    return g_steal_pointer(&flat);
}

static gboolean is_zero(const guint8 block[BLOCK_BYTES])
{
    return block[0] == 0 && memcmp(block, block + 1, BLOCK_BYTES - 1) == 0;
}

/* Over the capacity and every block that is not zero, with its place: equal for equal content,
 * however it lies. */
char *image_digest(MemoryStore *store, const Image *image, GError **error)
{
    g_autoptr(GArray) numbers = chain_blocks(store, image, error);
    if (!numbers)
        return NULL;
    g_array_sort(numbers, compare_numbers);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)&image->capacity_bytes,
                      sizeof image->capacity_bytes);
    for (guint i = 0; i < numbers->len; i++) {
        guint64 number = g_array_index(numbers, guint64, i);
        guint8 block[BLOCK_BYTES];
        if (!read_block(store, image, number, block, error))
            return NULL;
        if (is_zero(block))
            continue;
        g_checksum_update(checksum, (const guchar *)&number, sizeof number);
        g_checksum_update(checksum, block, BLOCK_BYTES);
    }
    return g_strconcat("sha256:", g_checksum_get_string(checksum), NULL);
}

gboolean memory_image_is_written(const Image *image)
{
    return strcmp(image->format, "raw") == 0 || g_hash_table_size(image->blocks) > 0;
}

static char *backing_text(const Image *image)
{
    g_autofree char *set_id = NULL;
    g_autofree char *target = NULL;
    if (!image->layer_id || !layer_id_split(image->layer_id, &set_id, &target))
        return g_strdup(image->backing);
    return g_strdup_printf("../../../layers/%s/sealed/%s.qcow2", set_id, target);
}

void image_facts(const Image *image, HeadFacts *facts_out)
{
    *facts_out = (HeadFacts){
        .exists = TRUE,
        .locked = image->locked,
        .written = memory_image_is_written(image),
        .inode = image->inode,
        .device = INODE_DEVICE,
        .size_bytes = image_allocated(image),
        .allocated_bytes = image_allocated(image),
        .mtime_ns = image->mtime_ns,
        .capacity_bytes = image->capacity_bytes,
        .link_count = image->links,
        .is_ours = !image->is_foreign && g_strcmp0(image->format, "qcow2") == 0,
        .backing = backing_text(image),
    };
}
