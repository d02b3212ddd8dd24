/* Decides whether an image is plain: whole in its one file, readable by anyone, cleanly closed. */
#include "qcow2/header.h"

#include "foundation/error.h"

typedef struct {
    gboolean is_found;
    const char *finding;
    const char *named; /* hostile text, shown escaped; NULL: none */
    const char *hint;
} Finding;

static gboolean refuse(const Finding *finding, const char *name, GError **error)
{
    if (finding->named == NULL)
        return error_set(error, UNDERPIN_ERROR_REFUSED, finding->hint, "'%s' %s", name,
                         finding->finding);
    g_autofree char *named = g_strescape(finding->named, NULL);
    return error_set(error, UNDERPIN_ERROR_REFUSED, finding->hint, "'%s' %s '%s'", name,
                     finding->finding, named);
}

gboolean qcow2_header_check_plain(const Qcow2Header *header, const char *name, gboolean allow_dirty,
                                  GError **error)
{
    const Finding findings[] = {
        {header->has_data_file || header->data_file != NULL, "keeps its content in a data file",
         header->data_file, "make one file of it with 'qemu-img convert' and import that"},
        {header->backing_file != NULL, "has the backing file", header->backing_file,
         "use '--flatten' to copy the chain, or make one file of it with 'qemu-img convert'"},
        {header->is_encrypted, "is encrypted", NULL,
         "decrypt it with 'qemu-img convert', or encrypt inside the guest instead"},
        {header->is_corrupt, "is marked as corrupt", NULL,
         "repair a copy with 'qemu-img check -r all' and import that"},
        {header->is_dirty && !allow_dirty, "was not closed cleanly", NULL,
         "run 'qemu-img check -r leaks' on it while nothing uses it"},
        {header->snapshot_count > 0, "has internal snapshots", NULL,
         "delete them with 'qemu-img snapshot -d' or convert the image without them"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(findings); i++) {
        if (findings[i].is_found)
            return refuse(&findings[i], name, error);
    }
    return TRUE;
}
