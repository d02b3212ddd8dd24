/* Signatures of what lies on a volume, from its first bytes; and partition tables. Pure. */
#pragma once

#include <glib.h>

typedef enum {
    SIGNATURE_NONE,
    SIGNATURE_LUKS,
    SIGNATURE_BITLOCKER,
    SIGNATURE_LVM,
    SIGNATURE_RAID,
    SIGNATURE_ZFS,
    SIGNATURE_BTRFS,
    SIGNATURE_SWAP_SUSPENDED,
    SIGNATURE_SWAP,
    SIGNATURE_NTFS,
    SIGNATURE_EXT,
    SIGNATURE_XFS,
} Signature;
#define SIGNATURE_COUNT (SIGNATURE_XFS + 1)

const char *signature_name(Signature signature);
/* What the first bytes of a disk or partition say. */
Signature signature_of(const guint8 *bytes, gsize length);
/* Byte offsets of the partitions that a GPT or MBR in the first bytes names; at most 32. Returns
 * their number. */
guint signature_partitions(const guint8 *bytes, gsize length, guint64 *starts);
