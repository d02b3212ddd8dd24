/* Writes the corpus into a directory, for libFuzzer to start from: write_corpus DIRECTORY. */
#include "corpus.h"

#include <glib/gstdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2 || g_mkdir_with_parents(argv[1], 0777) != 0) {
        g_printerr("usage: write_corpus DIRECTORY\n");
        return EXIT_FAILURE;
    }
    for (guint i = 0; i < corpus_count(); i++) {
        g_autoptr(GByteArray) image = corpus_image(i);
        g_autofree char *path = g_strdup_printf("%s/%u.qcow2", argv[1], i);
        if (!g_file_set_contents(path, (const char *)image->data, image->len, NULL)) {
            g_printerr("cannot write '%s'\n", path);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
