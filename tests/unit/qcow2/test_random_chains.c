/*
 * Differential test: random chains of one to four images, written to by qemu-io, are read by us and
 * by qemu-img; bytes, map and digest must agree. The seed is printed; UNDERPIN_TEST_SEED repeats a
 * run and UNDERPIN_TEST_ROUNDS makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qcow2/guest_view.h"
#include "qcow2/header.h"
#include "qcow2/overlay.h"
#include "qemu.h"
#include "scratch.h"
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

enum { MAX_IMAGES = 4, MAX_SECTORS = 8192, MAX_WRITES = 14, DEFAULT_ROUNDS = 12, SECTOR = 512 };

typedef struct {
    Scratch scratch;
    GRand *random;
    guint count;
    const char *formats[MAX_IMAGES]; /* from top to bottom, as the view wants them */
    char names[MAX_IMAGES][8];
    guint64 capacities[MAX_IMAGES];
    gboolean is_preallocated; /* the image made last */
    GString *story;           /* what was done, told when something differs */
} Chain;

static guint below(Chain *chain, guint limit)
{
    return (guint)g_rand_int_range(chain->random, 0, (gint32)limit);
}

static void chain_clear(Chain *chain)
{
    g_string_free(chain->story, TRUE);
    scratch_clear(&chain->scratch);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)

static void tell(Chain *chain, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void tell(Chain *chain, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(chain->story, format, arguments);
    va_end(arguments);
}

static void create_by_us(Chain *chain, guint index, guint bits, gboolean is_extended,
                         const char *backing, const char *backing_format)
{
    const OverlaySpec spec = {.capacity_bytes = chain->capacities[index],
                              .backing_file = backing,
                              .backing_format = backing_format,
                              .cluster_bits = bits,
                              .no_extended_l2 = !is_extended,
                              .identity = "test"};
    int fd = openat(chain->scratch.fd, chain->names[index], O_RDWR | O_CREAT | O_EXCL, 0600);
    g_autoptr(GError) error = NULL;
    if (!qcow2_overlay_write(fd, &spec, chain->names[index], &error))
        fail_msg("%s", error->message);
    close(fd);
}

static void create_by_qemu(Chain *chain, guint index, guint bits, gboolean is_extended,
                           const char *backing, const char *backing_format)
{
    gboolean is_old = !is_extended && below(chain, 4) == 0;
    g_autofree char *reference =
        backing != NULL ? g_strdup_printf("-F %s -b %s", backing_format, backing) : g_strdup("");
    static const char *const options[] = {"", ",lazy_refcounts=on", ",refcount_bits=1",
                                          ",preallocation=metadata"};
    guint option = below(chain, backing != NULL && !is_extended ? 3 : G_N_ELEMENTS(options));
    const char *more = is_old ? ",compat=0.10" : options[option];
    chain->is_preallocated = !is_old && option == 3;
    g_free(
        qemu_run("qemu-img create -q -f qcow2 -o cluster_size=%u%s%s %s %s/%s %" G_GUINT64_FORMAT,
                 1u << bits, more, is_extended ? ",extended_l2=on" : "", reference,
                 chain->scratch.path, chain->names[index], chain->capacities[index]));
}

/* Image `index` of the chain, on top of the one after it. */
static void create_image(Chain *chain, guint index)
{
    static const guint all_bits[] = {9, 12, 14, 16, 16, 18, 21};
    gboolean is_bottom = index + 1 == chain->count;
    chain->capacities[index] = (guint64)SECTOR * (1 + below(chain, MAX_SECTORS));
    g_snprintf(chain->names[index], sizeof chain->names[index], "i%u", index);
    chain->formats[index] = is_bottom && below(chain, 2) == 0 ? "raw" : "qcow2";
    guint bits = all_bits[below(chain, G_N_ELEMENTS(all_bits))];
    gboolean is_extended = bits >= 14 && below(chain, 2) == 0;
    const char *backing = is_bottom ? NULL : chain->names[index + 1];
    const char *backing_format = is_bottom ? NULL : chain->formats[index + 1];
    tell(chain, "%s: %s, %" G_GUINT64_FORMAT " bytes, clusters 2^%u%s\n", chain->names[index],
         chain->formats[index], chain->capacities[index], bits, is_extended ? " extended" : "");
    chain->is_preallocated = FALSE;
    if (strcmp(chain->formats[index], "raw") == 0)
        g_free(qemu_run("qemu-img create -q -f raw %s/%s %" G_GUINT64_FORMAT, chain->scratch.path,
                        chain->names[index], chain->capacities[index]));
    else if (below(chain, 2) == 0)
        create_by_us(chain, index, bits, is_extended, backing, backing_format);
    else
        create_by_qemu(chain, index, bits, is_extended, backing, backing_format);
}

/* One random command for qemu-io. Caller frees. */
static char *random_command(Chain *chain, guint index)
{
    static const char *const verbs[] = {"write -q -P", "write -q -P",    "write -q -P",
                                        "write -q -z", "write -q -z -u", "discard -q"};
    guint64 sectors = chain->capacities[index] / SECTOR;
    guint64 offset = below(chain, (guint)sectors) * (guint64)SECTOR;
    guint64 wanted = (guint64)SECTOR << below(chain, 12);
    guint64 most = MIN(chain->capacities[index] - offset, wanted);
    guint64 length = (1 + below(chain, (guint)(most / SECTOR))) * (guint64)SECTOR;
    const char *verb = verbs[below(chain, G_N_ELEMENTS(verbs))];
    g_autofree char *fill =
        g_str_has_suffix(verb, "-P") ? g_strdup_printf(" %u", 1 + below(chain, 255)) : g_strdup("");
    return g_strdup_printf(" -c '%s%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "'", verb, fill,
                           offset, length);
}

/* A compressed cluster at `cluster`, which nothing has been written to. Caller frees. */
static char *compressed_command(Chain *chain, guint index, guint64 cluster_bytes, guint64 cluster)
{
    guint64 offset = cluster * cluster_bytes;
    guint64 length = MIN(cluster_bytes, chain->capacities[index] - offset);
    return g_strdup_printf(" -c 'write -q -c -P %u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "'",
                           1 + below(chain, 255), offset, length);
}

static guint64 read_cluster_bytes(const Chain *chain, guint index)
{
    if (strcmp(chain->formats[index], "raw") == 0)
        return SECTOR;
    g_auto(Qcow2Header) header = {0};
    int fd = openat(chain->scratch.fd, chain->names[index], O_RDONLY | O_CLOEXEC);
    assert_true(qcow2_header_read(fd, chain->names[index], &header, NULL));
    close(fd);
    return (guint64)1 << header.cluster_bits;
}

/* QEMU refuses to compress what is allocated: compressed clusters come first, each place once. */
static void write_image(Chain *chain, guint index)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    guint64 cluster_bytes = read_cluster_bytes(chain, index);
    guint64 clusters = chain->capacities[index] / cluster_bytes;
    gboolean is_compressible = !chain->is_preallocated && cluster_bytes > SECTOR;
    for (guint64 i = below(chain, 3); is_compressible && i < MIN(clusters, MAX_WRITES);
         i += 1 + below(chain, 5)) {
        g_autofree char *command = compressed_command(chain, index, cluster_bytes, i);
        g_string_append(commands, command);
    }
    for (guint i = below(chain, MAX_WRITES); i > 0; i--) {
        g_autofree char *command = random_command(chain, index);
        g_string_append(commands, command);
    }
    tell(chain, "%s:%s\n", chain->names[index], commands->str);
    if (commands->len > 0)
        g_free(qemu_run("qemu-io -d unmap -f %s%s %s/%s", chain->formats[index], commands->str,
                        chain->scratch.path, chain->names[index]));
}

static void chain_make(Chain *chain, GRand *random)
{
    *chain = (Chain){.random = random, .story = g_string_new(NULL)};
    scratch_init(&chain->scratch);
    chain->count = 1 + below(chain, MAX_IMAGES);
    for (guint i = chain->count; i > 0; i--) {
        create_image(chain, i - 1);
        write_image(chain, i - 1);
    }
}

static GuestView *chain_open(const Chain *chain)
{
    int fds[MAX_IMAGES];
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < chain->count; i++)
        fds[i] = openat(chain->scratch.fd, chain->names[i], O_RDONLY | O_CLOEXEC);
    GuestView *view = guest_view_new(fds, chain->formats, chain->count, &error);
    for (guint i = 0; i < chain->count; i++)
        close(fds[i]);
    if (view == NULL)
        fail_msg("%s\n%s", error->message, chain->story->str);
    return view;
}

/* What QEMU wrote must pass our check of the tables. */
static void compare_soundness(const Chain *chain)
{
    for (guint i = 0; i < chain->count; i++) {
        if (strcmp(chain->formats[i], "raw") == 0)
            continue;
        g_auto(Qcow2Header) header = {0};
        g_autoptr(GError) error = NULL;
        int fd = openat(chain->scratch.fd, chain->names[i], O_RDONLY | O_CLOEXEC);
        if (!qcow2_header_read(fd, chain->names[i], &header, &error) ||
            !qcow2_check_tables(fd, &header, chain->names[i], &error))
            fail_msg("%s\n%s", error->message, chain->story->str);
        close(fd);
        g_free(qemu_run("qemu-img check -q -f qcow2 %s/%s", chain->scratch.path, chain->names[i]));
    }
}

static void compare_content(Chain *chain, GuestView *view)
{
    g_autofree char *path = scratch_path(&chain->scratch, "expected");
    g_autofree char *expected = NULL;
    gsize length = 0;
    g_free(qemu_run("qemu-img convert -f %s -O raw %s/i0 %s", chain->formats[0],
                    chain->scratch.path, path));
    assert_true(g_file_get_contents(path, &expected, &length, NULL));
    assert_int_equal(guest_view_capacity(view), length);
    g_autofree char *content = g_malloc(length);
    for (gsize offset = 0; offset < length;) {
        gsize step = 1 + below(chain, 1u << below(chain, 22));
        g_autoptr(GError) error = NULL;
        gssize count =
            guest_view_read(view, offset, content + offset, MIN(step, length - offset), &error);
        if (count < 0)
            fail_msg("%s\n%s", error->message, chain->story->str);
        assert_int_equal(count, MIN(step, length - offset));
        offset += (gsize)count;
    }
    for (gsize i = 0; i < length; i++) {
        if (content[i] != expected[i])
            fail_msg("byte %zu differs\n%s", i, chain->story->str);
    }
    g_autofree char *hex =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)expected, length);
    g_autofree char *digest = guest_view_digest(view, NULL, NULL);
    assert_true(g_str_has_prefix(digest, "sha256:"));
    assert_string_equal(digest + strlen("sha256:"), hex);
}

static ExtentKind kind_by_qemu(const json_t *row)
{
    gboolean is_own = json_integer_value(json_object_get(row, "depth")) == 0 &&
                      json_is_true(json_object_get(row, "present"));
    if (!is_own)
        return EXTENT_BACKING;
    return json_is_true(json_object_get(row, "data")) ? EXTENT_DATA : EXTENT_ZERO;
}

/* Both maps, spread out to one kind a sector. */
static void compare_map(Chain *chain, GuestView *view)
{
    g_autofree char *text =
        qemu_run("qemu-img map --output=json -f %s %s/i0", chain->formats[0], chain->scratch.path);
    g_autoptr(GArray) map = guest_view_map(view, NULL);
    json_t *rows = json_loads(text, 0, NULL);
    guint64 sectors = guest_view_capacity(view) / SECTOR;
    g_autofree guint8 *ours = g_malloc0(sectors);
    guint64 end = 0;
    for (guint i = 0; i < map->len; i++) {
        const Extent *extent = &g_array_index(map, Extent, i);
        assert_int_equal(extent->offset, end);
        end += extent->length;
        memset(ours + extent->offset / SECTOR, (int)extent->kind, extent->length / SECTOR);
    }
    assert_int_equal(end, guest_view_capacity(view));
    size_t index = 0;
    json_t *row = NULL;
    json_array_foreach(rows, index, row)
    {
        guint64 first = (guint64)json_integer_value(json_object_get(row, "start")) / SECTOR;
        guint64 count = (guint64)json_integer_value(json_object_get(row, "length")) / SECTOR;
        for (guint64 i = first; i < first + count; i++) {
            if (ours[i] != kind_by_qemu(row))
                fail_msg("sector %" G_GUINT64_FORMAT " is of kind %u\n%s%s", i, ours[i],
                         chain->story->str, text);
        }
    }
    json_decref(rows);
}

static guint64 number_from_environment(const char *name, guint64 otherwise)
{
    const char *text = g_getenv(name);
    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void random_chains_read_as_qemu_reads_them(void **state)
{
    (void)state;
    qemu_require();
    guint32 seed = (guint32)number_from_environment("UNDERPIN_TEST_SEED", g_random_int());
    guint64 rounds = number_from_environment("UNDERPIN_TEST_ROUNDS", DEFAULT_ROUNDS);
    print_message("UNDERPIN_TEST_SEED=%u\n", seed);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (guint64 i = 0; i < rounds; i++) {
        g_auto(Chain) chain = {0};
        chain_make(&chain, random);
        g_autoptr(GuestView) view = chain_open(&chain);
        compare_soundness(&chain);
        compare_content(&chain, view);
        compare_map(&chain, view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_chains_read_as_qemu_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
