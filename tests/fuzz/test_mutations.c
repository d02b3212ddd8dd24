/*
 * Mutates the corpus at random and gives it to the fuzz target: a fuzz run of bounded length with
 * any compiler. The seed is printed; UNDERPIN_TEST_SEED and UNDERPIN_TEST_ROUNDS change it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "fuzz_qcow2.h"
#include "qcow2/format.h"
#include <string.h>

enum { FIXED_SEED = 20240229, ROUNDS = 12000, MAX_MUTATIONS = 6 };

static guint below(GRand *random, guint limit)
{
    return limit > 0 ? (guint)g_rand_int_range(random, 0, (gint32)limit) : 0;
}

/* Headers and tables are where it matters: most mutations hit the header or the start of a cluster.
 */
static guint pick_offset(GRand *random, const GByteArray *image, guint width)
{
    guint end = image->len - width;
    guint table = 0;
    switch (below(random, 4)) {
    case 0:
        return below(random, MIN(112, end));
    case 1:
        return below(random, MIN(256, end));
    case 2:
        table = (below(random, 12) << (9 + below(random, 8))) + below(random, 8) * 8;
        return MIN(end, table);
    default:
        return below(random, end);
    }
}

static guint64 pick_number(GRand *random, const GByteArray *image)
{
    static const guint64 numbers[] = {0,
                                      1,
                                      2,
                                      3,
                                      8,
                                      9,
                                      16,
                                      21,
                                      72,
                                      104,
                                      112,
                                      511,
                                      512,
                                      4096,
                                      65535,
                                      65536,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      G_MAXINT64,
                                      G_MAXUINT64,
                                      G_MAXUINT64 - 511,
                                      QCOW2_ENTRY_COPIED,
                                      QCOW2_L2_COMPRESSED,
                                      QCOW2_L2_ZERO,
                                      G_GUINT64_CONSTANT(1) << 56,
                                      G_GUINT64_CONSTANT(0xffffffff) << 32};
    guint64 number = numbers[below(random, G_N_ELEMENTS(numbers))];
    if (below(random, 2) == 0)
        number |= (guint64)below(random, 16) << (9 + below(random, 8));
    return below(random, 8) == 0 ? image->len : number;
}

static void mutate(GRand *random, GByteArray *image)
{
    if (image->len < 16)
        return;
    guint at = 0;
    switch (below(random, 10)) {
    case 0:
        g_byte_array_set_size(image, 1 + below(random, image->len));
        return;
    case 1:
    case 2:
        at = pick_offset(random, image, 1);
        image->data[at] ^= (guint8)(1u << below(random, 8));
        return;
    case 3:
        at = pick_offset(random, image, 1);
        image->data[at] = (guint8)below(random, 256);
        return;
    case 4:
    case 5:
    case 6:
        at = pick_offset(random, image, 4) & ~3u;
        qcow2_store32(image->data + at, (guint32)pick_number(random, image));
        return;
    default:
        at = pick_offset(random, image, 8) & ~7u;
        qcow2_store64(image->data + at, pick_number(random, image));
        return;
    }
}

static guint64 number_from_environment(const char *name, guint64 otherwise)
{
    const char *text = g_getenv(name);
    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void the_corpus_itself_is_accepted(void **state)
{
    (void)state;
    for (guint i = 0; i < corpus_count(); i++) {
        g_autoptr(GByteArray) image = corpus_image(i);
        assert_int_equal(LLVMFuzzerTestOneInput(image->data, image->len), 0);
    }
}

static void mutated_images_break_nothing(void **state)
{
    (void)state;
    guint32 seed = (guint32)number_from_environment("UNDERPIN_TEST_SEED", FIXED_SEED);
    guint64 rounds = number_from_environment("UNDERPIN_TEST_ROUNDS", ROUNDS);
    print_message("UNDERPIN_TEST_SEED=%u, %" G_GUINT64_FORMAT " rounds\n", seed, rounds);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (guint64 i = 0; i < rounds; i++) {
        g_autoptr(GByteArray) image = corpus_image(i % corpus_count());
        for (guint mutations = 1 + below(random, MAX_MUTATIONS); mutations > 0; mutations--)
            mutate(random, image);
        LLVMFuzzerTestOneInput(image->data, image->len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_itself_is_accepted),
        cmocka_unit_test(mutated_images_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
