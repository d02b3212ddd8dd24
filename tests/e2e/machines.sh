#!/bin/bash
# Bases and clones on real guests: what prepare protects, what a clone has of its own, what each stop does to each role,
# restore, undo, remove, and life after the software is gone.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

daemon_start_ready

note 'domains that are not ours (they stay untouched to the end)'
does lab_machine stranger
does virsh -q attach-disk stranger "$images/stranger-vdc.qcow2" vdz --config --subdriver qcow2 --mode readonly
print_of_strangers() {
  virsh -q dumpxml --inactive stranger
  find "$images" -maxdepth 1 -name 'stranger*' -printf '%p %s %T@ %i %u %m %n\n' | LC_ALL=C sort
  md5sum "$images"/stranger*
}
print_of_strangers >"$work/strangers"

note 'prepare'
does lab_machine gold
does truncate -s 4M "$images/tools.iso"
does virsh -q attach-disk gold "$images/tools.iso" hdc --type cdrom --mode readonly --config
u import gold --domain gold --disk vda,role=system --disk vdb,role=temporary --disk vdc,role=data
boot gold
u_refuses 'prepare of a running machine' 4 "'gold' is running" prepare gold --yes
says 'the way out is named' "'underpin shutdown gold'"
scribble gold golden
u prepare gold --yes --shutdown --grace 60s
is 'prepare --shutdown stops the guest first' 'shut off' "$(power_of gold)"
is 'and makes it a base' base "$(field gold .kind)"
virsh_refuses 'a base does not start by virsh' "'gold' is a base (prepared): clone it instead" start gold
u_refuses 'a base does not start by underpin' 4 "'gold' is a base" start gold
set=$(basename "$(dirname "$(dirname "$store"/layers/*/sealed/vda.qcow2)")")
layer=$store/layers/$set/sealed/vda.qcow2
is "a layer is root's and read-only" 'root 444' "$(stat -c '%U %a' "$layer")"
is 'a layer has no attribute of libvirt' '' "$(getfattr -d -m 'trusted.libvirt' "$layer" 2>/dev/null)"
fails 'a layer cannot be written by root either' bash -c "echo x >>'$layer'"
fails "a layer cannot be written by QEMU's user" setpriv --reuid=libvirt-qemu --clear-groups bash -c "echo x >>'$layer'"
fails 'a layer cannot be removed' rm -f "$layer"
remember_layers
u_refuses 'preparing a base again: there is nothing to do' 4 'is a base already' prepare gold --yes
is 'preparing twice makes one base' 1 "$(find "$store/layers" -mindepth 1 -maxdepth 1 | wc -l)"
does lab_machine twice
u import twice --domain twice --disk vda,role=system --disk vdb,role=temporary --disk vdc,role=data
underpin prepare twice --yes >"$work/one" 2>&1 &
one=$!
underpin prepare twice --yes >"$work/two" 2>&1 &
two=$!
wait $one $two
is 'two prepares at once make one base' "2 base" \
  "$(find "$store/layers" -mindepth 1 -maxdepth 1 | wc -l) $(field twice .kind)"
u unprepare twice
boot twice
is 'an unprepared base boots with its content' 1 "$(system_version twice)"
u poweroff twice
off twice

note 'a missing or locked disk'
mv "$(head_of twice vdb)" "$work/away.qcow2"
u_refuses 'prepare with a missing disk' 3 'vdb' prepare twice --yes
mv "$work/away.qcow2" "$(head_of twice vdb)"
qemu-storage-daemon --daemonize --pidfile "$work/stray.pid" \
  --blockdev "driver=file,filename=$(head_of twice vdc),node-name=f" --blockdev driver=qcow2,file=f,node-name=q
u_refuses 'prepare with a disk that an unknown QEMU has open' 4 'vdc' prepare twice --yes
doctor_says 'doctor names that QEMU' "in use by a QEMU that libvirt does not know"
kill "$(cat "$work/stray.pid")"
lab_until 20 test ! -e "$work/stray.pid"
u prepare twice --yes
u remove twice --yes --now

note 'clones'
u clone gold a b
isnt 'clones have UUIDs of their own' "$(virsh -q domuuid a)" "$(virsh -q domuuid b)"
is 'a clone has its own identity by SMBIOS' "ds=nocloud;i=$(id_of a)-1;h=a" \
  "$(virsh -q dumpxml a --inactive | sed -n "s/.*name='serial'>\([^<]*\).*/\1/p")"
same_hardware() { # NAME: without what is the clone's own
  virsh -q dumpxml --inactive "$1" | grep -v -e '<name>' -e '<uuid>' -e 'source file' -e 'underpin:' -e '<metadata>' \
    -e '</metadata>' -e sysinfo -e "<system>" -e '</system>' -e serial -e smbios -e '<pm>' -e '</pm>' -e suspend-to
}
is 'the hardware is the base'"'"'s' "$(same_hardware gold)" "$(same_hardware a)"
u_refuses 'a name that exists is refused before any clone is made' 4 "'b'" clone gold c b
fails 'none was made' underpin show c
boot a b
is 'a clone boots with the content of all volumes of its base' 'golden golden golden' "$(words a)"
is 'a clone sees its own instance id' "ds=nocloud;i=$(id_of a)-1;h=a" "$(guest a 'cat /sys/class/dmi/id/product_serial')"
scribble a one
scribble b one
virsh -q reboot a
lab_until 60 bash -c "[ \"\$('$GUESTCTL' -t 30 a run 'cut -d. -f1 /proc/uptime')\" -lt 30 ]"
is 'a reboot keeps all three volumes' 'one one one' "$(words a)"

note 'what each kind of stop does (scenario 21)'
data_inode=$(inode_of "$(head_of a vdc)")
stops_by() { # HOW COMMAND...: system and data kept, temporary fresh
  "${@:2}"
  off a
  boot a
  is "after $1: system kept, temporary fresh, data kept" 'one golden one' "$(words a)"
  scribble a one
}
from_inside() { guest a poweroff; }
by_tool() { u shutdown a; }
stops_by 'a shutdown from inside' from_inside
stops_by 'a shutdown by the tool' by_tool
stops_by 'virsh shutdown' does virsh -q shutdown a
stops_by 'virsh destroy' does virsh -q destroy a
stops_by 'a kill of QEMU' lab_kill_qemu a
is 'the data volume is the same file all the time' "$data_inode" "$(inode_of "$(head_of a vdc)")"

note 'restore and undo'
u_refuses 'restore of a machine that is no clone' 4 "'gold' is not a clone" restore gold
virsh -q shutdown a
off a
data=$(md5sum <"$(head_of a vdc)") system=$(md5sum <"$(head_of a vda)")
u restore a
is 'restore leaves the data volume to the byte' "$data" "$(md5sum <"$(head_of a vdc)")"
is 'restore gives a fresh system, to the byte that of a new clone' "$(qemu-img convert -q -O raw "$(head_of a vda)" /dev/stdout 2>/dev/null | md5sum)" \
  "$(qemu-img convert -q -O raw "$layer" /dev/stdout 2>/dev/null | md5sum)"
boot a
is 'after restore: system and temporary fresh, data kept' 'golden golden one' "$(words a)"
is 'a restored machine is a new instance' "ds=nocloud;i=$(id_of a)-$(field a .generation);h=a" "$(guest a 'cat /sys/class/dmi/id/product_serial')"
virsh -q destroy a
off a
u undo a
is 'undo brings the system back to the byte' "$system" "$(md5sum <"$(head_of a vda)")"
u restore a
u restore a
u undo a
is 'two restores in a row keep the good undo' "$system" "$(md5sum <"$(head_of a vda)")"
boot a
is 'after undo: the system as it was, data as it is now' 'one golden one' "$(words a)"
virsh -q destroy a
off a
check_images 'after all that' a

note 'a CD that is inserted, ejected, never touched'
iso=$(stat -c '%i %s %Y %Z %u %a' "$images/tools.iso")
does virsh -q change-media a hdc --eject --config
u restore a
boot a
is 'a clone with an ejected CD is restored and boots' 'golden golden one' "$(words a)"
virsh -q destroy a
off a
is 'the ISO is as it was, though the other clone has it inserted' "$(cut -d' ' -f1-3 <<<"$iso")" "$(stat -c '%i %s %Y' "$images/tools.iso")"

note 'remove'
virsh -q destroy b
off b
b=$(id_of b)
files_of_others() {
  find "$images" -not -path "*/$b*" -not -path "$store/trash*" -type f ! -name generation -printf '%P %i %s\n' | LC_ALL=C sort
}
files_of_others >"$work/others"
u remove b --yes --keep-data
is "remove takes exactly this machine's files, of $(wc -l <"$work/others") others none" "$(md5sum <"$work/others")" "$(files_of_others | md5sum)"
fails 'its directory is gone' test -e "$store/machines/$b"
fails 'its domain is gone' virsh -q dominfo b
holds 'its data is kept' bash -c "'$UNDERPIN' volume kept | grep -q b"
u_refuses 'a base with clones is not removed' 4 'a' remove gold --yes
check_layers 'after all that'

note 'room now'
kept_files() { find "$store/trash" -type f | wc -l; }
u_refuses 'what is kept for good is not purged by name' 4 'kept for good' purge b --yes
u purge --volume "$(underpin volume kept --json | jq -r '.items[0].id')" --yes
is 'by its id its file is deleted at once' 0 "$(kept_files)"
u forget a --yes
is 'undo of a machine that is forgotten has no file left' 0 "$(find "$store/machines/$(id_of a)" -name 'undo-*' | wc -l)"
u_refuses 'and there is nothing to undo' 4 'nothing to undo' undo a

note 'the software is removed'
boot a
daemon_stop
rm -f /etc/libvirt/hooks/qemu.d/underpin
scribble a without
virsh -q shutdown a
lab_wait_off a
does virsh -q start a
booted a
is 'without daemon and hook a machine starts by plain libvirt, all as it was' 'without without without' "$(words a)"
virsh -q destroy a
is 'the domains that are not ours are untouched' "$(md5sum <"$work/strangers")" "$(print_of_strangers | md5sum)"
check_layers 'without daemon and hook'
finish
