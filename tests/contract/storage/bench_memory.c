/* The bench of the memory adapter. */
#include "bench.h"

#include "storage/memory/memory_storage.h"

typedef struct {
    Bench bench; /* must be first */
    GPtrArray *paths;
} MemoryBench;

static void memory_write(Bench *bench, const Machine *machine, const char *target, guint64 offset,
                         guint8 byte, gsize length)
{
    g_autofree char *bytes = g_strnfill(length, (char)byte);
    assert_true(memory_storage_write(bench->storage, machine->id, target, offset, bytes, length));
}

static void memory_pull(Bench *bench, const Machine *machine, const char *target)
{
    assert_true(memory_storage_pull(bench->storage, machine->id, target));
}

static void memory_set_locked(Bench *bench, const Machine *machine, const char *target,
                              gboolean locked)
{
    memory_storage_set_locked(bench->storage, machine->id, target, locked);
}

static void memory_write_nvram(Bench *bench, const Machine *machine, const char *text)
{
    assert_true(memory_storage_write_nvram(bench->storage, machine->id, text));
}

static char *memory_read_nvram(Bench *bench, const Machine *machine)
{
    return memory_storage_read_nvram(bench->storage, machine->id);
}

static const char *own_path(Bench *bench, const char *name)
{
    char *path = g_strconcat("/import/", name, NULL);
    g_ptr_array_add(((MemoryBench *)bench)->paths, path);
    return path;
}

static const char *memory_put_image(Bench *bench, const char *name, const char *format,
                                    guint64 capacity, const char *backing)
{
    const char *path = own_path(bench, name);
    memory_storage_put_image(bench->storage, path, format, capacity, backing);
    return path;
}

static void memory_fill_image(Bench *bench, const char *path, guint8 byte, gsize length)
{
    g_autofree char *bytes = g_strnfill(length, (char)byte);
    assert_true(memory_storage_write_image(bench->storage, path, 0, bytes, length));
}

static gboolean memory_has_image(Bench *bench, const char *path)
{
    return memory_storage_has_image(bench->storage, path);
}

static const char *memory_put_nvram(Bench *bench, const char *name, const char *text)
{
    const char *path = own_path(bench, name);
    memory_storage_put_nvram(bench->storage, path, text);
    return path;
}

static char *memory_get_nvram(Bench *bench, const char *path)
{
    return memory_storage_get_nvram(bench->storage, path);
}

static void memory_lose_head(Bench *bench, const Machine *machine, const char *target)
{
    memory_storage_lose_head(bench->storage, machine->id, target);
}

static void memory_lose_layer(Bench *bench, const Layer *layer)
{
    memory_storage_lose_layer(bench->storage, layer->id);
}

/* Its state is what a disk holds: there is nothing that a restart would lose. */
static void memory_reopen(Bench *bench)
{
    (void)bench;
}

static void memory_free(Bench *bench)
{
    storage_free(bench->storage);
    g_ptr_array_unref(((MemoryBench *)bench)->paths);
    g_free(bench);
}

Bench *bench_memory_new(void)
{
    MemoryBench *memory = g_new0(MemoryBench, 1);
    memory->paths = g_ptr_array_new_with_free_func(g_free);
    memory->bench = (Bench){
        .storage = memory_storage_new(),
        .write = memory_write,
        .pull = memory_pull,
        .set_locked = memory_set_locked,
        .write_nvram = memory_write_nvram,
        .read_nvram = memory_read_nvram,
        .put_image = memory_put_image,
        .fill_image = memory_fill_image,
        .has_image = memory_has_image,
        .put_nvram = memory_put_nvram,
        .get_nvram = memory_get_nvram,
        .lose_head = memory_lose_head,
        .lose_layer = memory_lose_layer,
        .reopen = memory_reopen,
        .free = memory_free,
    };
    return &memory->bench;
}
