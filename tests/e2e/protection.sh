#!/bin/bash
# Layers on a file system without immutable files: a read-only mount protects them as well, from before the first guest until
# the host goes down, with the daemon and without.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Without the capability the flag cannot be set: to underpind every file system is like NFS.
real_underpind=$UNDERPIND
UNDERPIND=$work/underpind
printf '#!/bin/sh\nexec setpriv --bounding-set=-linux_immutable "%s" "$@"\n' "$real_underpind" >"$UNDERPIND"
chmod +x "$UNDERPIND"

layer_of() { # BASE TARGET
  echo "$store/$(underpin layers --json | jq -r --arg base "$1" --arg target "$2" \
    '.items[] | select(.machine == $base and .target == $target) | .set | "layers/\(.)/sealed/"')$2.qcow2"
}
stands_alone() { ! qemu-img info -U "$1" | grep -q 'backing file:'; } # LAYER
is_protected() { underpin status --json | jq -e '.store.layer_protection == "read-only mount"'; }
is_mounted() { findmnt -n -o OPTIONS --mountpoint "$store/layers" | grep -qw ro; }
mounts() { findmnt -n -r --mountpoint "$store/layers" | wc -l; }
refuses_writes() { # WHAT FILE
  try sh -c "echo broken >>'$2'"
  says "$1: it cannot be written to" 'Read-only file system'
  try rm -f "$2"
  says "$1: it cannot be removed" 'Read-only file system'
}

daemon_start_ready --set=store.chain_limit=1
holds 'the store protects layers by a mount' is_protected
holds 'which is there' is_mounted
try "$UNDERPIN" status
says 'status names it' 'read-only mount'
base v1
base v2 --version 2
u clone v1 a
remember_layers
layer=$(layer_of v1 vda)
refuses_writes 'a layer' "$layer"
doctor_is_content 'with the mount'

note 'a guest on them'
boot a
is 'the layer is root'"'"'s while a guest runs on it' 'root 444' "$(stat -c '%U %a' "$layer")"
scribble a mine
try virsh -q blockcommit a vda --wait
isnt 'blockcommit into a layer is refused' 0 $status
check_layers 'after a block commit by hand'

note 'what AppArmor would let its QEMU do'
profile=$(virsh -q dumpxml a | /usr/lib/libvirt/virt-aa-helper --dryrun --replace --uuid "libvirt-$(virsh -q domuuid a)" 2>&1)
allowed() { grep -o "^  \"$store/.*\" .*" <<<"$profile" | tr -d '" ,' | sort; }
deny() { grep -c "deny \"$layer\" w" <<<"$profile"; }
expected=$(for target in vda vdb vdc; do
  echo "$store/machines/$(id_of a)/now/$target.qcow2rwk"
  echo "$(layer_of v1 $target)rk"
done | sort)
is 'it writes its own heads and reads their layers, nothing else of the store' "$expected" "$(allowed)"
is 'and writing to a layer is denied' 1 "$(deny)"

note 'without the daemon'
daemon_stop
holds 'the mount stays when the daemon ends' is_mounted
refuses_writes 'with the daemon down a layer' "$layer"
virsh -q destroy a
lab_wait_off a
daemon_start_ready --set=store.chain_limit=1
off a
is 'the next daemon mounts it once' 1 "$(mounts)"
holds 'and protects' is_protected
daemon_kill
daemon_start_ready --set=store.chain_limit=1
is 'so does one after a kill' 1 "$(mounts)"

note 'what changes layers goes below the mount'
u rebase a --onto v2
boot a
is 'a rebase' '2 - - mine' "$(system_version a) $(words a)"
virsh -q shutdown a
off a
u prepare a --yes
u clone a b
becomes 'a base on a base is flattened' stands_alone "$(layer_of a vda)"
boot b
is 'and its clone boots' 2 "$(system_version b)"
virsh -q destroy b
off b
refuses_writes 'a flattened layer' "$(layer_of a vda)"
u remove b --now --yes
u unprepare a
boot a
is 'unprepared it runs' '2 - - mine' "$(system_version a) $(words a)"
virsh -q destroy a
off a
unneeded=$(layer_of v1 vdc)
u remove v1 --yes
becomes 'a layer that nothing needs is removed' test ! -e "$unneeded"

note 'unmounted by hand'
umount "$store/layers"
fails 'status sees it' is_protected
doctor_says 'doctor says it' 'not protected'
base v3
holds 'the next base mounts it again' is_protected
umount "$store/layers"
daemon_stop
daemon_start_ready
holds 'and so does the next start' is_protected

note 'on a host that has the flag'
daemon_stop
UNDERPIND=$real_underpind
daemon_start_ready
fails 'the mount goes' is_mounted
is 'and the flag takes its place' 'immutable files' "$(underpin status --json | jq -r .store.layer_protection)"
boot a
virsh -q destroy a
off a
doctor_is_content 'in the end'
finish
