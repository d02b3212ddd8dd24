/* The scan of a domain's XML: what it finds, what it must not be fooled by, and that no input
 * breaks it. */
#include "hook/domain_scan.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                       \
    "<domain type='kvm' id='1'>\n  <name>t</name>\n  "                                             \
    "<uuid>6695EB01-f6a4-8304-79aa-97f2502e193f</uuid>\n"                                          \
    "  <metadata><u:x xmlns:u=\"http://x/u\"><disk><source file=\"/etc/passwd\"/></disk>"          \
    "<uuid>other</uuid></u:x></metadata>\n"
#define DEVICES(text) HEAD "<devices>\n" text "</devices>\n</domain>\n"
#define DISK(text)    DEVICES("<disk type='file' device='disk'>" text "<target dev='vda'/></disk>")

typedef struct {
    const char *xml;
    const char *found; /* a line a path: KIND PATH FLAGS */
} ScanCase;

/* What the scan says, as text to compare. */
static char *scan_text(const DomainScan *scan)
{
    static const char *const kinds[] = {
        [SCANNED_DISK] = "disk", [SCANNED_CHAIN] = "chain", [SCANNED_NVRAM] = "nvram"};
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < scan->count; i++)
        g_string_append_printf(text, "%s %s%s%s%s\n", kinds[scan->paths[i].kind],
                               scan->paths[i].path, scan->paths[i].has_chain ? " +chain" : "",
                               scan->paths[i].has_empty_chain ? " +empty" : "",
                               scan->paths[i].below_pool ? " +pool" : "");
    return g_string_free(text, FALSE);
}

#define SESSION(space, stamp)                                                                      \
    "<metadata><underpin:machine xmlns:underpin='https://underpin.org/domain/1' id='1'/>"          \
    "<underpin:session xmlns:underpin=" space " stamp=" stamp "/></metadata>"
#define OUR_SPACE "\"https://underpin.org/domain/1/session\""

/* Of the metadata and what stands elsewhere. */
static const struct {
    const char *xml, *stamp;
} stamps[] = {
    {SESSION(OUR_SPACE, "'00112233445566aa'"), "00112233445566aa"},
    {SESSION("'http://other'", "'00112233445566aa'"), ""},
    {SESSION(OUR_SPACE, "'00112233445566AA'"), ""},
    {SESSION(OUR_SPACE, "'00112233445566aa1'"), ""},
    {SESSION(OUR_SPACE, "''"), ""},
    {"<devices>" SESSION(OUR_SPACE, "'00112233445566aa'") "</devices>", ""},
    {"", ""},
};

static void finds_the_stamp_of_the_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(stamps); i++) {
        DomainScan scan;
        const char *problem = NULL;
        g_autofree char *xml = g_strdup_printf(
            "<domain><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>%s</domain>", stamps[i].xml);
        assert_true(domain_scan(xml, strlen(xml), &scan, &problem));
        assert_string_equal(scan.stamp, stamps[i].stamp);
        domain_scan_clear(&scan);
    }
}

static const ScanCase cases[] = {
    {DEVICES(""), ""},
    {DISK("<source file='/a/vda.qcow2'/>"), "disk /a/vda.qcow2\n"},
    {DISK("<source file=\"/a/it's &quot;x&quot; &amp; y\" index='2'/>"),
     "disk /a/it's \"x\" & y\n"},
    {DISK("<source dev='/dev/sda'/>"), "disk /dev/sda\n"},
    {DISK("<source index='1'/>"), ""},
    {DISK("<source file=''/>"), ""},
    {DISK("<source file='/a'/><backingStore/>"), "disk /a +empty\n"},
    {DISK("<source file='/a'/><backingStore>\n  </backingStore>"), "disk /a +empty\n"},
    {DISK("<source file='/a'/><backingStore type='file'/>"), "disk /a +chain\n"},
    {DISK("<source file='/a'/><backingStore type='file'><format type='raw'/><source "
          "file='/b'/><backingStore/>"
          "</backingStore>"),
     "disk /a +chain\nchain /b\n"},
    {DISK("<backingStore><source file='/b'/><backingStore><source "
          "file='/c'/></backingStore></backingStore>"
          "<source file='/a'/>"),
     "chain /b\nchain /c\ndisk /a +chain\n"},
    {DISK("<source file='/a'/><mirror><source file='/m'/><backingStore/></mirror>"),
     "disk /a\nchain /m\n"},
    {DISK(
         "<source file='/a'><reservations><source type='unix' file='/r'/></reservations></source>"),
     "disk /a\n"},
    {DISK("<source pool='p' volume='v'/><backingStore type='file'><source "
          "file='/b'/></backingStore>"),
     "chain /b +pool\n"},
    {DEVICES("<disk><source file='/a'/><backingStore/></disk><disk><source file='/b'/></disk>"),
     "disk /a +empty\ndisk /b\n"},
    {DEVICES(
         "<filesystem><source file='/f'/></filesystem><!-- <disk><source file='/c'/></disk> -->"),
     ""},
    {HEAD "<disk><source file='/not-a-device'/></disk></domain>", ""},
    {HEAD "<os><nvram template='/t'>/n/v.fd</nvram></os></domain>", "nvram /n/v.fd\n"},
    {HEAD "<os><nvram type='file'>\n <source file='/n/v.fd'/>\n</nvram></os></domain>",
     "nvram /n/v.fd\n"},
    {HEAD "<os><nvram/></os></domain>", ""},
};

static void finds_what_the_domain_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        DomainScan scan;
        const char *problem = NULL;
        if (!domain_scan(cases[i].xml, strlen(cases[i].xml), &scan, &problem))
            fail_msg("case %zu: %s", i, problem);
        g_autofree char *found = scan_text(&scan);
        assert_string_equal(found, cases[i].found);
        assert_string_equal(scan.uuid, "6695eb01-f6a4-8304-79aa-97f2502e193f");
        domain_scan_clear(&scan);
    }
}

static void refuses_what_it_cannot_trust(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "",
        "x",
        "<domain/>",
        "<other><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid></other>",
        "<domain><uuid>short</uuid></domain>",
        HEAD "<uuid>6695eb01-f6a4-8304-79aa-97f2502e193e</uuid></domain>",
        HEAD,
        HEAD "</domains>",
        "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" HEAD "</domain>",
        DISK("<source file='/a&#0;b'/>"),
        DISK("<source file='&x;'/>"),
        HEAD "<os><nvram><![CDATA[/n]]></nvram></os></domain>",
        HEAD "<os><nvram>&bad;</nvram></os></domain>",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
        DomainScan scan;
        const char *problem = NULL;
        if (domain_scan(hostile[i], strlen(hostile[i]), &scan, &problem))
            fail_msg("case %zu was accepted", i);
        assert_non_null(problem);
        assert_int_equal(scan.count, 0);
        assert_null(scan.paths);
    }
}

static void refuses_too_many_paths(void **state)
{
    (void)state;
    DomainScan scan;
    const char *problem = NULL;
    g_autoptr(GString) xml = g_string_new(HEAD "<devices>");
    for (int i = 0; i < 5000; i++)
        g_string_append(xml, "<disk><source file='/a'/></disk>");
    g_string_append(xml, "</devices></domain>");
    assert_false(domain_scan(xml->str, xml->len, &scan, &problem));
    assert_string_equal(problem, "too many paths");
}

/* A copy with nothing readable behind it, so that a sanitizer sees every step too far. */
static bool scan_exactly(const char *xml, size_t length, DomainScan *scan)
{
    const char *problem = NULL;
    char *exact = g_memdup2(xml, length);
    bool fine = domain_scan(exact, length, scan, &problem);
    g_free(exact);
    return fine;
}

static const char whole[] = DISK(
    "<source file='/a/it&apos;s'/><backingStore type='file'><source file='/b'/></backingStore>");

static void refuses_every_beginning_of_a_document(void **state)
{
    (void)state;
    DomainScan scan;
    for (size_t length = 0; length + 2 < sizeof whole; length++)
        if (scan_exactly(whole, length, &scan))
            fail_msg("the first %zu bytes were accepted", length);
    assert_true(scan_exactly(whole, sizeof whole - 1, &scan));
    domain_scan_clear(&scan);
}

static void mutate(GRand *random, GString *xml)
{
    static const char *const pieces[] = {"<",    ">",      "/>",      "</",        "&",
                                         ";",    "'",      "\"",      "<!--",      "-->",
                                         "=",    "<disk>", "</disk>", "<![CDATA[", "<backingStore>",
                                         "\xff", "&#x41;"};
    for (int changes = g_rand_int_range(random, 1, 6); changes > 0 && xml->len > 0; changes--) {
        gssize at = g_rand_int_range(random, 0, (gint32)xml->len);
        gssize erased = g_rand_int_range(random, 1, 40);
        switch (g_rand_int_range(random, 0, 4)) {
        case 0:
            xml->str[at] = (char)g_rand_int_range(random, 0, 256);
            break;
        case 1:
            g_string_erase(xml, at, MIN(erased, (gssize)xml->len - at));
            break;
        case 2:
            g_string_insert(xml, at, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
            break;
        default:
            g_string_insert_len(xml, at, whole + (gsize)at % (sizeof whole - 60), 60);
        }
    }
}

static void survives_mutations(void **state)
{
    (void)state;
    const char *given = g_getenv("UNDERPIN_TEST_SEED");
    guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
    print_message("UNDERPIN_TEST_SEED=%u\n", seed);
    GRand *random = g_rand_new_with_seed(seed);
    unsigned accepted = 0;
    for (int i = 0; i < 20000; i++) {
        DomainScan scan;
        g_autoptr(GString) xml = g_string_new(whole);
        mutate(random, xml);
        if (!scan_exactly(xml->str, xml->len, &scan))
            continue;
        accepted++;
        assert_int_equal(strlen(scan.uuid), 36);
        domain_scan_clear(&scan);
    }
    assert_true(accepted > 0 && accepted < 20000);
    g_rand_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_domain_names),
        cmocka_unit_test(refuses_what_it_cannot_trust),
        cmocka_unit_test(refuses_too_many_paths),
        cmocka_unit_test(refuses_every_beginning_of_a_document),
        cmocka_unit_test(finds_the_stamp_of_the_session),
        cmocka_unit_test(survives_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
