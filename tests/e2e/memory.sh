#!/bin/bash
# Memory saved with other disks is never resumed; what others do to a machine (snapshots, stored chains, checkpoints, block
# jobs) is noticed, refused with the way out, and healed where that is safe (scenarios 31, 41, 42).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

is_stamped() { grep -q sole "$store/machines/$(id_of "$1")/unsettled"; } # MACHINE
on_base() { [ "$(base_of "$1")" = "$2" ] && ! is_pending "$1"; } # MACHINE BASE

daemon_start_ready
base v1
base v2 --version 2
u clone v1 a b
remember_layers

note 'a managed save'
boot a
scribble a first
becomes "its session has a stamp" is_stamped a
does virsh -q managedsave a
u rebase a --onto v2
holds 'a saved machine counts as running: it is pending' is_pending a
temporary=$(inode_of "$(head_of a vdb)")
does virsh -q start a
is 'it resumes on the disks it was saved with' 'first first first' "$(words a)"
is 'its temporary volume is the same' "$temporary" "$(inode_of "$(head_of a vdb)")"
guest a reboot
becomes 'then its own reboot is the move' on_base a v2
becomes 'and it comes back' is_running a
booted a
is 'on the new system' '2 - - first' "$(system_version a) $(words a)"
becomes "its session has a stamp" is_stamped a
does virsh -q managedsave a
temporary=$(inode_of "$(head_of a vdb)")
does mv /etc/libvirt/hooks/qemu.d/underpin "$work/hook"
printf '#!/bin/sh\n[ "$2" != prepare ] || { echo no >&2; exit 1; }\n' >/etc/libvirt/hooks/qemu.d/another
chmod +x /etc/libvirt/hooks/qemu.d/another
mv "$work/hook" /etc/libvirt/hooks/qemu.d/underpin
virsh_refuses 'another hook refuses its resume' 'no' start a
rm /etc/libvirt/hooks/qemu.d/another
is 'a refused start of a saved machine keeps its temporary volume' "$temporary" "$(inode_of "$(head_of a vdb)")"
does virsh -q start a
is 'and it resumes later' '2 - - first' "$(system_version a) $(words a)"
scribble a second
becomes "its session has a stamp" is_stamped a
does virsh -q managedsave a
u undo a
holds 'undo of a saved machine is pending' is_pending a
does virsh -q managedsave-remove a
u doctor --json
does virsh -q start a
booted a
is 'with the memory dropped it starts on the other system' '1 first - second' "$(system_version a) $(words a)"
u release a

note 'memory in a file'
does virsh -q save a "$work/memory"
u restore a
does virsh -q start a
booted a
is 'a plain start drops the memory and takes the restored system' '1 - - second' "$(system_version a) $(words a)"
virsh -q destroy a
off a
virsh_refuses 'the old memory is refused with the way out' 'belongs to disks that were replaced' restore "$work/memory"
boot a
scribble a third
does virsh -q save a "$work/memory"
does virsh -q start a
booted a
scribble a fourth
does virsh -q save a "$work/later"
virsh_refuses 'of two files only the newer fits: the older is refused' 'written since' restore "$work/memory"
does virsh -q restore "$work/later"
is 'the newer resumes' 'fourth fourth fourth' "$(words a)"
does virsh -q save a "$work/memory"
virsh_refuses 'nor does an older one of the same session fit' 'written since' restore "$work/later"
does virsh -q restore "$work/memory"
is 'the latest resumes' 'fourth fourth fourth' "$(words a)"
becomes 'and is stamped anew' is_stamped a
does virsh -q save a "$work/memory"
lab_libvirtd restart
lab_until 60 libvirt_seen
try virsh -q restore "$work/memory"
if [ $status = 0 ]; then
  is 'after a restart of libvirtd it resumes on the same disks' 'fourth fourth fourth' "$(words a)"
else
  says 'after a restart of libvirtd it is refused with the reason' 'belongs to disks that were replaced'
  boot a
fi
becomes 'the running machine has a stamp' is_stamped a
does virsh -q save a "$work/later"
does cp "$work/later" "$work/copy"
daemon_kill
virsh_refuses 'with the daemon down older memory is refused' 'written since' restore "$work/memory"
does virsh -q restore "$work/later"
is 'and the latest resumes on the same disks' fourth "$(words a | cut -d' ' -f3)"
does virsh -q save a "$work/memory"
virsh_refuses 'what was resumed once is not resumed again' 'start underpind' restore "$work/copy"
virsh_refuses 'nor what was saved without the daemon' 'start underpind' restore "$work/memory"
daemon_start_ready
virsh_refuses 'with the daemon back the way out is named' 'managedsave-remove' restore "$work/memory"
boot a
virsh -q destroy a
off a
daemon_kill
boot a
scribble a fifth
does virsh -q managedsave a
virsh_refuses 'a managed save of a session without the daemon waits for it' 'start underpind' start a
daemon_start_ready
does virsh -q start a
is 'and resumes when the daemon is back' 'fifth fifth' "$(words a | cut -d' ' -f2,3)"
becomes 'the running machine has a stamp again' is_stamped a
does virsh -q save a "$work/memory"
does virsh -q restore "$work/memory"
[ "$(power_of a)" = running ] && virsh -q destroy a
off a
virsh_refuses 'memory of a session that has ended is refused' 'disks that were replaced' restore "$work/memory"

note 'a stored chain'
boot a
virsh -q dumpxml a >"$work/live.xml"
virsh -q destroy a
off a
does virsh -q define "$work/live.xml"
is 'the dumpxml of the running clone stores a chain' yes "$(virsh -q dumpxml --inactive a | grep -q '<backingStore type' && echo yes)"
virsh_refuses 'its start is refused' "doctor --repair" start a
doctor_says 'doctor explains it' 'stores a backing chain'
u doctor --repair --yes
is 'repair removes it' '' "$(virsh -q dumpxml --inactive a | grep '<backingStore type')"
boot a
is 'and the machine boots' 1 "$(system_version a)"
virsh -q destroy a
off a
virsh -q define "$work/live.xml" >/dev/null
u rebase a --onto v2
becomes 'a rebase heals it too' has_no_chain a
boot a
is 'and the machine boots the new system' 2 "$(system_version a)"

note 'snapshots'
does virsh -q snapshot-create-as a one --disk-only --no-metadata
guest a 'echo overlay >/mnt/data/word; sync'
virsh -q destroy a
lab_wait_off a
u_refuses 'a machine on an overlay is not rebased' 4 'blockcommit' rebase a --onto v1
doctor_says 'doctor names the overlay and the way out' 'blockcommit'
virsh_refuses 'a start on the overlay is refused' 'has a stored backing chain' start a
virsh -q dumpxml --inactive a >"$work/overlay.xml"
for target in vda vdb vdc; do
  does qemu-img commit -q -f qcow2 "$(dirname "$(head_of a vda)")/$target.one"
done
sed -e "s#/now/\(vd[abc]\)\.one#/now/\1.qcow2#" "$work/overlay.xml" >"$work/merged.xml"
does virsh -q define "$work/merged.xml"
rm "$(dirname "$(head_of a vda)")"/vd?.one
u doctor --repair --yes
boot a
is 'merged as the way out says: what was written to the overlay is kept' overlay "$(guest a 'cat /mnt/data/word')"
virsh -q destroy a
off a
check_layers 'after an overlay and its merge'
u clone v2 c
does virsh -q snapshot-create-as c inside
u_refuses 'a machine with a snapshot is not restored' 4 'snapshot' restore c
says 'the way out is named' 'virsh snapshot-delete'
does virsh -q snapshot-delete c inside
u restore c

note 'checkpoints'
boot c
does virsh -q checkpoint-create-as c point
virsh -q destroy c
off c
u restore c --dry-run
says 'a checkpoint does not block; the plan says what it means' 'full backup'
u restore c
boot c
is 'the machine starts' 2 "$(system_version c)"
note 'block jobs by hand'
try virsh -q blockcommit c vda --wait
isnt 'blockcommit into a layer is refused by the layer' 0 $status
virsh -q destroy c
off c
boot c
guest c 'echo pulled >/mnt/data/word; sync'
does virsh -q blockpull c vda --wait
does virsh -q blockpull c vdc --wait
virsh -q destroy c
off c
is 'pulled heads are taken over as heads on nothing' 'null null' \
  "$(field c '[.volumes[] | select(.target != "vdb") | .layer | tostring] | join(" ")')"
is 'doctor has nothing to say about them' '' \
  "$(underpin doctor --json | jq -r '.items[] | select(.subject == "c" and .level != "info") | .text')"
check_layers 'after block jobs by hand'
check_images 'after block jobs by hand' c
boot c
is 'a machine with pulled heads starts, whole' '2 pulled' "$(system_version c) $(guest c 'cat /mnt/data/word')"
virsh -q destroy c
off c
u restore c
boot c
is 'restored, it sits on its base again and has its data' '2 pulled' \
  "$(system_version c) $(guest c 'cat /mnt/data/word')"
virsh -q destroy c
off c

note 'hibernation inside the guest'
does lab_machine sleepy --memory 256
virsh -q dumpxml --inactive sleepy |
  sed "s#</features>#</features><pm><suspend-to-disk enabled='yes'/></pm>#" >"$work/sleepy.xml"
does virsh -q define "$work/sleepy.xml"
u import sleepy --domain sleepy --disk vda,role=system --disk vdb,role=temporary --disk vdc,role=data
u prepare sleepy --yes
u clone sleepy s
is_marked() { [ "$(field s '[.undo[] | select(.hibernated)] | length')" != 0 ]; }
hibernate() { # into the temporary volume, which is fresh at the next start: it never resumes
  guest s 'umount /mnt/temporary && mkswap /dev/vdb >/dev/null && swapon /dev/vdb && echo 0 >/sys/power/image_size' ||
    failed 'the guest has swap space'
  guest s '(sleep 1; echo platform >/sys/power/disk; echo disk >/sys/power/state) >/dev/kmsg 2>&1 &'
}
boot s
guest s 'echo asleep >/etc/word; sync'
hibernate
off s
u restore s
holds 'the entry of a guest that was seen to suspend to disk is marked' is_marked
u_refuses 'undo to it is refused' 4 'hibernated' undo s
u undo s --force
boot s
guest s 'sync; poweroff'
off s
u restore s
fails 'after a later session that ended clean it is not' is_marked
u undo s
boot s
is 'undo brings it back without force' asleep "$(guest s 'cat /etc/word')"
virsh -q destroy s
off s

note 'another name for our disks'
virsh -q dumpxml --inactive b | sed -e 's/<name>b</<name>thief</' -e '/<uuid>/d' >"$work/thief.xml"
virsh_refuses 'a copy of a domain on our heads is refused' "belong to" create "$work/thief.xml"
virsh -q dumpxml --inactive b |
  sed -e 's/<name>b</<name>thief</' -e '/<uuid>/d' -e "s#$store#$images/way-in#g" >"$work/thief.xml"
ln -s "$store" "$images/way-in"
virsh_refuses 'by a path through a link too' "belong to" create "$work/thief.xml"

note 'edited and removed by virsh (scenario 48)'
id=$(id_of b)
does virsh -q domrename b bob
doctor_says 'a renamed domain is noticed' "'b' is called 'bob' now"
u doctor --repair --yes
is 'repair takes the name' "$id" "$(id_of bob)"
does virsh -q undefine bob
doctor_says 'a domain that is gone is noticed' "no domain for 'bob'"
holds 'its files are all there' test -e "$store/machines/$id/now/vdc.qcow2"
finish
