/*
 * Chains: an image and the layers below it, opened one descriptor after another.
 *
 * A guest can write what it likes into its own head, but not into the header: still, a name in a
 * header is never followed. It must be the name of a layer of ours, letter by letter, and the layer
 * is opened by its id.
 */
#include "storage/directory/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "model/layer.h"
#include "qcow2/guest_view.h"
#include "qcow2/header.h"

enum { CHAIN_LIMIT = 256 };

void chain_clear(Chain *chain)
{
    for (guint i = 0; chain->fds && i < chain->fds->len; i++)
        close(g_array_index(chain->fds, int, i));
    g_clear_pointer(&chain->fds, g_array_unref);
    g_clear_pointer(&chain->formats, g_ptr_array_unref);
}

static void chain_add(Chain *chain, int fd, const char *format)
{
    g_array_append_val(chain->fds, fd);
    g_ptr_array_add(chain->formats, (gpointer)g_intern_string(format));
}

gboolean backing_check(DirectoryStore *store, int fd, const char *format, const char *layer_id,
                       const char *what, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    LayerName name;
    if (g_strcmp0(format, "qcow2") == 0 && !qcow2_header_read(fd, what, &header, error))
        return FALSE;
    if (!header.backing_file && !layer_id)
        return TRUE;
    g_autofree char *id = NULL;
    if (header.backing_file && layer_name_from_backing(store, header.backing_file, &name))
        id = layer_name_id(&name);
    if (id && g_strcmp0(id, layer_id) == 0)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_BUG, "see 'underpin doctor'",
                     "%s sits on '%s', not on the layer '%s'", what,
                     header.backing_file ? header.backing_file : "nothing",
                     layer_id ? layer_id : "none");
}

static gboolean layer_open(DirectoryStore *store, const LayerName *name, int *fd_out,
                           GError **error)
{
    g_auto(Descriptor) sealed_fd = -1;
    g_autofree char *file = layer_name_file(name);
    if (!sealed_directory_require(store, name->set_id, &sealed_fd, error))
        return FALSE;
    int fd = openat(sealed_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the layer '%s/%s'", name->set_id, file);
    *fd_out = fd;
    return TRUE;
}

/* The layer that the image names; *more_out FALSE: it stands alone. */
static gboolean chain_next(DirectoryStore *store, int fd, const char *what, LayerName *name_out,
                           gboolean *more_out, GError **error)
{
    g_auto(Qcow2Header) header = {0};
    if (!qcow2_header_read(fd, what, &header, error))
        return FALSE;
    if (header.has_data_file)
        return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                         "%s keeps its content in another file", what);
    *more_out = header.backing_file != NULL;
    if (*more_out && !layer_name_from_backing(store, header.backing_file, name_out))
        return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                         "%s sits on '%s', which is no layer of this store", what,
                         header.backing_file);
    return TRUE;
}

gboolean chain_open(DirectoryStore *store, int top_fd, const char *format, const char *what,
                    Chain *chain_out, GError **error)
{
    g_auto(Chain) chain = {g_array_new(FALSE, FALSE, sizeof(int)), g_ptr_array_new()};
    LayerName name;
    chain_add(&chain, top_fd, format);
    gboolean more = g_strcmp0(format, "qcow2") == 0;
    for (int fd = top_fd; more;) {
        if (!chain_next(store, fd, what, &name, &more, error))
            return FALSE;
        if (!more)
            break;
        if (chain.fds->len >= CHAIN_LIMIT)
            return error_set(error, UNDERPIN_ERROR_INVALID, "see 'underpin doctor'",
                             "%s sits on more than %d layers", what, CHAIN_LIMIT);
        if (!layer_open(store, &name, &fd, error))
            return FALSE;
        chain_add(&chain, fd, name.format);
        more = g_strcmp0(name.format, "qcow2") == 0;
    }
    *chain_out = chain;
    chain = (Chain){0};
    return TRUE;
}

/* The machine's actual heads: in `now`, or sealed where it is a base. */
static gboolean actual_directory(DirectoryStore *store, const Machine *machine, int *fd_out,
                                 GError **error)
{
    g_auto(Descriptor) machine_fd = -1;
    int fd = -1;
    if (!machine_directory_find(store, machine->id, &machine_fd, error) ||
        (machine_fd >= 0 && !directory_find(machine_fd, NAME_NOW, &fd, error)))
        return FALSE;
    if (fd < 0 && machine->set_id)
        return sealed_directory_require(store, machine->set_id, fd_out, error);
    if (fd < 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "machine '%s' has no volumes on disk", machine->name);
    *fd_out = fd;
    return TRUE;
}

static GuestView *view_open(DirectoryStore *store, int top_fd, const char *format, const char *what,
                            GError **error)
{
    g_auto(Chain) chain = {0};
    if (!chain_open(store, top_fd, format, what, &chain, error))
        return NULL;
    return guest_view_new((const int *)(void *)chain.fds->data,
                          (const char *const *)chain.formats->pdata, chain.fds->len, error);
}

/* Of a volume's own image; -1 with the error. */
static int volume_open(DirectoryStore *store, const Machine *machine, const char *target,
                       const Volume **volume_out, GError **error)
{
    g_auto(Descriptor) directory_fd = -1;
    const Volume *volume = machine_volume(machine, target);
    if (!volume) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "machine '%s' has no volume '%s'",
                  machine->name, target);
        return -1;
    }
    g_autofree char *file = head_file_name(target, volume->format, error);
    if (!file || !actual_directory(store, machine, &directory_fd, error))
        return -1;
    int fd = openat(directory_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open volume '%s' of machine '%s'", target,
                        machine->name);
    *volume_out = volume;
    return fd;
}

/* What the guest sees of a volume now. */
static GuestView *volume_view(DirectoryStore *store, const Machine *machine, const char *target,
                              GError **error)
{
    const Volume *volume = NULL;
    int fd = volume_open(store, machine, target, &volume, error);
    if (fd < 0)
        return NULL;
    g_autofree char *what = g_strdup_printf("volume '%s' of machine '%s'", target, machine->name);
    return view_open(store, fd, volume->format, what, error);
}

gssize directory_read(Storage *storage, const Machine *machine, const char *target, guint64 offset,
                      void *buffer, gsize length, GError **error)
{
    g_autoptr(GuestView) view = volume_view(directory_store(storage), machine, target, error);
    return view ? guest_view_read(view, offset, buffer, length, error) : -1;
}

char *directory_volume_digest(Storage *storage, const Machine *machine, const char *target,
                              GCancellable *cancellable, GError **error)
{
    g_autoptr(GuestView) view = volume_view(directory_store(storage), machine, target, error);
    return view ? guest_view_digest(view, cancellable, error) : NULL;
}

/* A chain of the one image: what it has not reads as zeroes. */
gboolean directory_read_own(Storage *storage, const Machine *machine, const char *target,
                            const ReadRange *ranges, guint count, GError **error)
{
    const Volume *volume = NULL;
    g_auto(Descriptor) fd = volume_open(directory_store(storage), machine, target, &volume, error);
    const char *format = fd >= 0 ? volume->format : NULL;
    g_autoptr(GuestView) view = fd >= 0 ? guest_view_new(&fd, &format, 1, error) : NULL;
    for (guint i = 0; view && i < count; i++) {
        const ReadRange *range = &ranges[i];
        gssize got = guest_view_read(view, range->offset, range->buffer, range->length, error);
        if (got < 0)
            return FALSE;
        memset(range->buffer + got, 0, range->length - (gsize)got); /* beyond its end */
    }
    return view != NULL;
}

char *directory_layer_digest(Storage *storage, const Layer *layer, GCancellable *cancellable,
                             GError **error)
{
    DirectoryStore *store = directory_store(storage);
    LayerName name;
    int fd = -1;
    if (!layer_name_from_id(layer->id, layer->format, &name, error) ||
        !layer_open(store, &name, &fd, error))
        return NULL;
    g_autofree char *what = g_strdup_printf("layer '%s'", layer->id);
    g_autoptr(GuestView) view = view_open(store, fd, layer->format, what, error);
    return view ? guest_view_digest(view, cancellable, error) : NULL;
}
