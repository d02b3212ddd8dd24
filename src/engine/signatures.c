/*
 * Signatures: what a volume holds, as far as its first bytes tell. "Bytes kept, data lost" must not
 * happen unseen: a data volume whose key, or whose other half, lies on the system volume is kept to
 * the byte by a rebase, and useless after it. Everything here reads a guest's bytes: hostile input,
 * bounded, never followed further than one partition table.
 *
 * A prepare looks at every volume. A restore or rebase of a thousand clones looks at heads that
 * have been written only, for what lies below them was looked at when the base was prepared; and at
 * each of those once, until it is written again.
 */
#include "engine/signatures.h"

#include <string.h>

#include "engine/engine_private.h"

#define SECTOR         512
#define PROBE_BYTES    (136 * 1024) /* up to the last of MAGICS, and every partition table */
#define PARTITIONS_MAX 32

/* --- magic numbers
 * ----------------------------------------------------------------------------------------- */

typedef struct {
    Signature signature;
    guint32 offset; /* from the start of the partition or disk */
    guint32 length;
    const char *magic;
} Magic;

static const Magic MAGICS[] = {
    {SIGNATURE_LUKS, 0, 6, "LUKS\xba\xbe"},
    {SIGNATURE_BITLOCKER, 3, 8, "-FVE-FS-"},
    {SIGNATURE_LVM, 512 + 24, 8, "LVM2 001"},
    {SIGNATURE_RAID, 4096, 4, "\xfc\x4e\x2b\xa9"},
    {SIGNATURE_RAID, 0, 4, "\xfc\x4e\x2b\xa9"},
    {SIGNATURE_ZFS, 128 * 1024, 8, "\x0c\xb1\xba\x00\x00\x00\x00\x00"},
    {SIGNATURE_ZFS, 132 * 1024, 8, "\x0c\xb1\xba\x00\x00\x00\x00\x00"},
    {SIGNATURE_BTRFS, 65536 + 64, 8, "_BHRfS_M"},
    {SIGNATURE_SWAP_SUSPENDED, 4086, 9, "S1SUSPEND"},
    {SIGNATURE_SWAP_SUSPENDED, 4086, 9, "S2SUSPEND"},
    {SIGNATURE_SWAP, 4086, 10, "SWAPSPACE2"},
    {SIGNATURE_NTFS, 3, 8, "NTFS    "},
    {SIGNATURE_EXT, 1024 + 56, 2, "\x53\xef"},
    {SIGNATURE_XFS, 0, 4, "XFSB"},
};

static const char *const NAMES[SIGNATURE_COUNT] = {
    [SIGNATURE_NONE] = "nothing known",  [SIGNATURE_LUKS] = "LUKS encryption",
    [SIGNATURE_BITLOCKER] = "BitLocker", [SIGNATURE_LVM] = "LVM",
    [SIGNATURE_RAID] = "Linux RAID",     [SIGNATURE_ZFS] = "ZFS",
    [SIGNATURE_BTRFS] = "btrfs",         [SIGNATURE_SWAP_SUSPENDED] = "a hibernated system",
    [SIGNATURE_SWAP] = "swap",           [SIGNATURE_NTFS] = "NTFS",
    [SIGNATURE_EXT] = "ext2/3/4",        [SIGNATURE_XFS] = "XFS",
};

const char *signature_name(Signature signature)
{
    return NAMES[signature];
}

Signature signature_of(const guint8 *bytes, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(MAGICS); i++) {
        const Magic *magic = &MAGICS[i];
        gsize end = (gsize)magic->offset + magic->length;
        if (end <= length && memcmp(bytes + magic->offset, magic->magic, magic->length) == 0)
            return magic->signature;
    }
    return SIGNATURE_NONE;
}

/* --- partition tables
 * -------------------------------------------------------------------------------------- */

static guint32 read_le32(const guint8 *bytes)
{
    return (guint32)bytes[0] | (guint32)bytes[1] << 8 | (guint32)bytes[2] << 16 |
           (guint32)bytes[3] << 24;
}

static guint64 read_le64(const guint8 *bytes)
{
    return (guint64)read_le32(bytes) | (guint64)read_le32(bytes + 4) << 32;
}

/* UEFI specification, 5.3: header in sector 1, entries where it says; the first 16 KiB of them are
 * enough. */
static guint gpt_starts(const guint8 *bytes, gsize length, guint64 *starts)
{
    if (length < 2 * SECTOR || memcmp(bytes + SECTOR, "EFI PART", 8) != 0)
        return 0;
    guint64 table = read_le64(bytes + SECTOR + 72);
    guint32 entries = read_le32(bytes + SECTOR + 80);
    guint32 entry_bytes = read_le32(bytes + SECTOR + 84);
    guint found = 0;
    if (table > length / SECTOR || entry_bytes < 128 || entry_bytes > 4096)
        return 0;
    for (guint32 i = 0; i < MIN(entries, 128) && found < PARTITIONS_MAX; i++) {
        gsize at = (gsize)table * SECTOR + (gsize)i * entry_bytes;
        if (at + 128 > length)
            break;
        guint64 first = read_le64(bytes + at + 32);
        if (first && first < G_MAXUINT64 / SECTOR)
            starts[found++] = first * SECTOR;
    }
    return found;
}

static guint mbr_starts(const guint8 *bytes, gsize length, guint64 *starts)
{
    guint found = 0;
    if (length < SECTOR || bytes[510] != 0x55 || bytes[511] != 0xaa)
        return 0;
    for (guint i = 0; i < 4; i++) {
        const guint8 *entry = bytes + 446 + 16 * i;
        guint32 first = read_le32(entry + 8);
        if ((entry[0] == 0 || entry[0] == 0x80) && entry[4] && first)
            starts[found++] = (guint64)first * SECTOR;
    }
    return found;
}

guint signature_partitions(const guint8 *bytes, gsize length, guint64 *starts)
{
    guint found = gpt_starts(bytes, length, starts);
    return found ? found : mbr_starts(bytes, length, starts);
}

/* --- a volume
 * ---------------------------------------------------------------------------------------------- */

static guint32 probe(Engine *engine, const Machine *machine, const char *target, guint64 offset,
                     guint8 *buffer, gssize *length_out)
{
    *length_out = storage_read(engine->storage, machine, target, offset, buffer, PROBE_BYTES, NULL);
    Signature signature =
        *length_out > 0 ? signature_of(buffer, (gsize)*length_out) : SIGNATURE_NONE;
    return signature == SIGNATURE_NONE ? 0 : 1u << signature;
}

/* The set of signatures, as bits, of the whole disk and of each partition. */
static guint32 volume_signatures(Engine *engine, const Machine *machine, const char *target)
{
    g_autofree guint8 *buffer = g_malloc(PROBE_BYTES);
    guint64 starts[PARTITIONS_MAX];
    gssize length = 0;
    guint32 found = probe(engine, machine, target, 0, buffer, &length);
    guint partitions =
        length > 0 && !found ? signature_partitions(buffer, (gsize)length, starts) : 0;
    for (guint i = 0; i < partitions; i++)
        found |= probe(engine, machine, target, starts[i], buffer, &length);
    return found;
}

/* --- what was found before
 * -------------------------------------------------------------------------------- */

/* Of a head, by its inode: what it held when it was last looked at. */
typedef struct {
    gint64 mtime_ns;
    guint64 size_bytes;
    guint32 found;
} Look;

#define LOOKS_MAX 100000

static gboolean recall(Engine *engine, const HeadFacts *facts, guint32 *found_out)
{
    g_mutex_lock(&engine->looks_lock);
    const Look *look = g_hash_table_lookup(engine->looks, &facts->inode);
    gboolean holds =
        look && look->mtime_ns == facts->mtime_ns && look->size_bytes == facts->size_bytes;
    if (holds)
        *found_out = look->found;
    g_mutex_unlock(&engine->looks_lock);
    return holds;
}

static void remember(Engine *engine, const HeadFacts *facts, guint32 found)
{
    const Look look = {facts->mtime_ns, facts->size_bytes, found};
    g_mutex_lock(&engine->looks_lock);
    if (g_hash_table_size(engine->looks) >= LOOKS_MAX)
        g_hash_table_remove_all(engine->looks);
    g_hash_table_replace(engine->looks, g_memdup2(&facts->inode, sizeof facts->inode),
                         g_memdup2(&look, sizeof look));
    g_mutex_unlock(&engine->looks_lock);
}

/* --- what a clone's owner has written
 * ---------------------------------------------------------------------------------- */

#define NEAR_BYTES 8192         /* up to the last of MAGICS that matters here but ZFS's */
#define FAR_OFFSET (128 * 1024) /* those */

/* What a layer holds: the same for every clone that has not written there. */
typedef struct {
    guint32 whole; /* signatures of the disk itself */
    guint count;
    guint64 starts[PARTITIONS_MAX];
    guint32 found[PARTITIONS_MAX];
} Layout;

static Layout *layout_read(Planner *planner, const Machine *machine, const char *target)
{
    g_autofree guint8 *buffer = g_malloc(PROBE_BYTES);
    Layout *layout = g_new0(Layout, 1);
    gssize length = 0, ignored = 0;
    layout->whole = probe(planner->engine, machine, target, 0, buffer, &length);
    if (length > 0 && !layout->whole)
        layout->count = signature_partitions(buffer, (gsize)length, layout->starts);
    for (guint i = 0; i < layout->count; i++)
        layout->found[i] =
            probe(planner->engine, machine, target, layout->starts[i], buffer, &ignored);
    return layout;
}

static guint32 layout_signatures(const Layout *layout)
{
    guint32 found = layout->whole;
    for (guint i = 0; i < layout->count; i++)
        found |= layout->found[i];
    return found;
}

/* The stretches of a head that tell: the table with the disk's own signatures, and each partition's
 * beginning. */
typedef struct {
    guint8 *bytes;
    ReadRange ranges[2 * (PARTITIONS_MAX + 1)];
    guint count;
} Stretches;

static void stretches_add(Stretches *stretches, guint64 start, gsize near_bytes)
{
    guint8 *at = stretches->bytes;
    for (guint i = 0; i < stretches->count; i++)
        at += stretches->ranges[i].length;
    stretches->ranges[stretches->count++] = (ReadRange){start, near_bytes, at};
    stretches->ranges[stretches->count++] =
        (ReadRange){start + FAR_OFFSET, NEAR_BYTES, at + near_bytes};
}

#define TABLE_BYTES (20 * 1024)

static void stretches_init(Stretches *stretches, const Layout *layout)
{
    stretches->bytes = g_malloc(TABLE_BYTES + NEAR_BYTES + layout->count * 2 * NEAR_BYTES);
    stretches->count = 0;
    stretches_add(stretches, 0, TABLE_BYTES);
    for (guint i = 0; i < layout->count; i++)
        stretches_add(stretches, layout->starts[i], NEAR_BYTES);
}

static void stretches_clear(Stretches *stretches)
{
    g_clear_pointer(&stretches->bytes, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stretches, stretches_clear)

static gboolean is_blank(const ReadRange *range)
{
    return range->buffer[0] == 0 &&
           memcmp(range->buffer, range->buffer + 1, range->length - 1) == 0;
}

/* Of two stretches that belong together: what the owner has written there, or else the layer's. */
static guint32 stretch_signatures(const ReadRange *ranges, guint32 below)
{
    g_autofree guint8 *bytes = NULL;
    if (is_blank(&ranges[0]) && is_blank(&ranges[1]))
        return below;
    bytes = g_malloc0(PROBE_BYTES);
    memcpy(bytes, ranges[0].buffer, ranges[0].length);
    memcpy(bytes + FAR_OFFSET, ranges[1].buffer, ranges[1].length);
    Signature signature = signature_of(bytes, PROBE_BYTES);
    return signature == SIGNATURE_NONE ? 0 : 1u << signature;
}

/* FALSE where the owner has made another table: then the layer's layout tells nothing. */
static gboolean has_same_table(const ReadRange *table, const Layout *layout)
{
    guint64 starts[PARTITIONS_MAX];
    if (is_blank(table))
        return TRUE;
    guint count = signature_partitions(table->buffer, table->length, starts);
    return count == layout->count && memcmp(starts, layout->starts, count * sizeof *starts) == 0;
}

static guint32 written_signatures(Planner *planner, const Machine *machine, const char *target,
                                  const Layout *layout)
{
    g_auto(Stretches) stretches = {0};
    stretches_init(&stretches, layout);
    if (!storage_read_own(planner->engine->storage, machine, target, stretches.ranges,
                          stretches.count, NULL) ||
        !has_same_table(&stretches.ranges[0], layout))
        return volume_signatures(planner->engine, machine, target);
    guint32 found = stretch_signatures(&stretches.ranges[0], layout->whole);
    for (guint i = 0; i < layout->count; i++)
        found |= stretch_signatures(&stretches.ranges[2 * (i + 1)], layout->found[i]);
    return found;
}

/* Of the layer below a head, as the machine that sealed it wrote it down or as the first clone that
 * has not written to it shows it. NULL: not known. */
static const Layout *layout_of(Planner *planner, const Machine *machine, const Head *head,
                               gboolean is_unwritten)
{
    const Layer *layer = g_hash_table_lookup(planner->inventory->layers, head->layer_id);
    const Machine *base =
        layer ? g_hash_table_lookup(planner->inventory->machines, layer->machine_id) : NULL;
    const Machine *source = is_unwritten ? machine : base;
    const Layout *known = g_hash_table_lookup(planner->layouts, head->layer_id);
    if (known || !source || (base == source && base->actual_place != PLACE_SEALED))
        return known;
    Layout *layout = layout_read(planner, source, head->target);
    g_hash_table_insert(planner->layouts, g_strdup(head->layer_id), layout);
    return layout;
}

static guint32 look(Planner *planner, const Machine *machine, const char *target,
                    const HeadFacts *facts)
{
    const Head *head = generation_head(machine_actual(machine), target);
    const Layout *layout =
        head && head->layer_id ? layout_of(planner, machine, head, !facts->written) : NULL;
    if (!layout)
        return volume_signatures(planner->engine, machine, target);
    return facts->written ? written_signatures(planner, machine, target, layout)
                          : layout_signatures(layout);
}

static guint32 head_signatures(Planner *planner, const Machine *machine, const char *target,
                               const HeadFacts *facts)
{
    guint32 found = 0;
    if (!facts->exists || recall(planner->engine, facts, &found))
        return found;
    found = look(planner, machine, target, facts);
    remember(planner->engine, facts, found);
    return found;
}

/* --- what follows from it
 * ---------------------------------------------------------------------------------- */

#define BIT(signature) (1u << (signature))
#define POOLS          (BIT(SIGNATURE_LVM) | BIT(SIGNATURE_RAID) | BIT(SIGNATURE_ZFS))
#define ENCRYPTED      (BIT(SIGNATURE_LUKS) | BIT(SIGNATURE_BITLOCKER))

static void collect_roles(Planner *planner, const Machine *machine, guint32 *found)
{
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        found[volume->role] |= volume_signatures(planner->engine, machine, volume->target);
    }
}

static gboolean check_pools(Planner *planner, const Machine *machine, const guint32 *found,
                            PlanItem *item)
{
    guint32 spanning = found[ROLE_SYSTEM] & found[ROLE_DATA] & POOLS;
    if (!spanning)
        return TRUE;
    Signature which = spanning & BIT(SIGNATURE_LVM)    ? SIGNATURE_LVM
                      : spanning & BIT(SIGNATURE_RAID) ? SIGNATURE_RAID
                                                       : SIGNATURE_ZFS;
    if (planner->request->force) {
        plan_item_warn(item,
                       "%s lies on system and data volumes of '%s': a pool that spans both is torn "
                       "by a rebase",
                       signature_name(which), machine->name);
        return TRUE;
    }
    planner_refuse(
        item, UNDERPIN_ERROR_REFUSED, "use --force if no pool spans a system and a data volume",
        "%s lies on system and data volumes of '%s'", signature_name(which), machine->name);
    return FALSE;
}

static gboolean check_hibernated(Planner *planner, const Machine *machine, const guint32 *found,
                                 PlanItem *item)
{
    guint32 all = found[ROLE_SYSTEM] | found[ROLE_TEMPORARY] | found[ROLE_DATA];
    if (!(all & BIT(SIGNATURE_SWAP_SUSPENDED)))
        return TRUE;
    if (planner->request->force) {
        plan_item_warn(
            item, "the guest of '%s' is hibernated: its data file systems are not cleanly closed",
            machine->name);
        return TRUE;
    }
    planner_refuse(item, UNDERPIN_ERROR_REFUSED,
                   "start it, shut it down from inside; or use --force",
                   "the guest of '%s' is hibernated", machine->name);
    return FALSE;
}

gboolean signatures_are_hibernated(Engine *engine, const Machine *machine)
{
    guint32 found = 0;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        found |= volume_signatures(engine, machine, volume->target);
    }
    return (found & BIT(SIGNATURE_SWAP_SUSPENDED)) != 0;
}

static void warn_encrypted(const Machine *machine, const guint32 *found, PlanItem *item)
{
    if (found[ROLE_DATA] & ENCRYPTED)
        plan_item_warn(item,
                       "a data volume of '%s' is encrypted: keep its key elsewhere than on the "
                       "system volume, which is "
                       "REPLACED",
                       machine->name);
}

gboolean signatures_check(Planner *planner, const Machine *machine, PlanItem *item)
{
    guint32 found[ROLE_COUNT] = {0};
    collect_roles(planner, machine, found);
    warn_encrypted(machine, found, item);
    return check_pools(planner, machine, found, item) &&
           check_hibernated(planner, machine, found, item);
}

/* --- clones
 * ------------------------------------------------------------------------------------------------
 */

static void collect_heads(Planner *planner, const Machine *machine, const GArray *heads,
                          gboolean written, guint roles, guint32 *found)
{
    for (guint i = 0; i < heads->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const HeadFacts *facts = &g_array_index(heads, HeadFacts, i);
        if (facts->written == written && (roles & BIT(volume->role)))
            found[volume->role] |= head_signatures(planner, machine, volume->target, facts);
    }
}

/* Half of a pool may have been written, the other half still be the base's. */
static void collect_other_halves(Planner *planner, const Machine *machine, const GArray *heads,
                                 guint32 *found)
{
    guint roles = (found[ROLE_DATA] & POOLS ? BIT(ROLE_SYSTEM) : 0) |
                  (found[ROLE_SYSTEM] & POOLS ? BIT(ROLE_DATA) : 0);
    collect_heads(planner, machine, heads, FALSE, roles, found);
}

gboolean signatures_check_clone(Planner *planner, const Machine *machine, const GArray *heads,
                                PlanItem *item)
{
    guint32 found[ROLE_COUNT] = {0};
    collect_heads(planner, machine, heads, TRUE, ~0u, found);
    collect_other_halves(planner, machine, heads, found);
    warn_encrypted(machine, found, item);
    return check_pools(planner, machine, found, item) &&
           (planner_is_active(planner, machine) || /* what it has cached, it will write itself */
            check_hibernated(planner, machine, found, item));
}
