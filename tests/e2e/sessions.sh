#!/bin/bash
# Sessions that the daemon did not see begin or end, autostart, and the race between the hook's answer and QEMU's open
# (scenarios 21, 39, 40).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

daemon_start_ready
base v1
base v2 --version 2
u clone v1 a r
remember_layers

note 'with the daemon up or down at the start, up or down at the stop: temporary fresh, the rest kept'
round=0
session() { # DAEMON-AT-START DAEMON-AT-STOP HOW COMMAND...
  round=$((round + 1))
  [ "$1" = up ] || daemon_kill
  does virsh -q start a
  booted a
  [ "$1$2" != downup ] || daemon_start_ready
  is "session $round: the temporary volume is fresh, system and data kept" "$before" "$(words a)"
  scribble a "word$round"
  before="word$round - word$round"
  [ "$1$2" != updown ] || daemon_kill
  "${@:4}"
  lab_wait_off a || failed "session $round stops"
  [ "$2" = up ] || daemon_start_ready
  becomes "session $round (start: daemon $1, stop by $3: daemon $2) is settled" is_settled a
  is "session $round: no claim is left" 0 "$(find "$claims" -type f | wc -l)"
}
inside() { guest a poweroff; }
before='- - -'
session up up 'virsh destroy' does virsh -q destroy a
session up down 'the guest itself' inside
session down up 'kill -9 of QEMU' lab_kill_qemu a
session down down 'virsh destroy' does virsh -q destroy a
session up down 'kill -9 of QEMU' lab_kill_qemu a

note 'libvirtd is away when QEMU dies'
boot a
scribble a away
lab_libvirtd kill
lab_kill_qemu a
lab_libvirtd start
becomes 'the session is settled when it is back' is_settled a
boot a
is 'temporary fresh, the rest kept' 'away - away' "$(words a)"

note 'libvirtd restarts under a running guest'
scribble a stays
lab_libvirtd restart
lab_until 60 libvirt_seen
holds 'the session goes on' has_session a
is 'nothing was reset' 'stays stays stays' "$(words a)"
daemon_stop
lab_libvirtd kill
lab_libvirtd start
daemon_start_ready
is 'nor with the daemon down' 'stays stays stays' "$(words a)"
u restore a
holds 'and it is not settled while it runs' is_pending a

note 'a refused start resets nothing'
virsh -q destroy a
off a
virsh -q dumpxml --inactive a >"$work/good.xml"
sed 's#<kernel>[^<]*#<kernel>/nowhere#' "$work/good.xml" >"$work/broken.xml"
does virsh -q define "$work/broken.xml"
temporary=$(inode_of "$(head_of a vdb)")
fails 'a start that QEMU fails' virsh -q start a
is 'leaves the temporary volume' "$temporary" "$(inode_of "$(head_of a vdb)")"
is 'and no claim' 0 "$(find "$claims" -type f | wc -l)"
holds 'and is nobody'"'"'s session' is_settled a
does virsh -q define "$work/good.xml"

note 'autostart'
u restore a
boot a
scribble a auto
does virsh -q autostart a
u rebase a --onto v2
daemon_kill
lab_kill_qemu a
lab_wait_off a
lab_libvirtd stop
rm -f /run/libvirt/qemu/autostarted # as after a boot of the host
lab_libvirtd start
lab_until 20 grep -q 'a.*not settled' /var/log/libvirt/libvirtd.log
is 'with the daemon down, an unsettled machine is not started by libvirt' 'shut off' "$(power_of a)"
daemon_start_ready
becomes 'the daemon settles it and starts it' is_running a
booted a
is 'on the new system' '2 - - auto' "$(system_version a) $(words a)"
daemon_kill
virsh -q destroy a
virsh -q autostart --disable a

note 'the host crashes: claims are gone, the mark stays'
rm -rf "$claims"
virsh_refuses 'with the daemon down an unsettled machine is refused' 'is not settled; start underpind' start a
daemon_start_ready
becomes 'and is settled by the daemon' is_settled a

note 'the race: switches against starts (issue: between the answer of the hook and the open of QEMU)'
echo 0 >"$work/switches"
hammer() {
  local n=0
  while [ ! -e "$work/enough" ]; do
    case $((n % 4)) in
      0) "$UNDERPIN" rebase r --onto v2 --even-held ;;
      1) "$UNDERPIN" restore r ;;
      2) "$UNDERPIN" rebase r --onto v1 --even-held ;;
      3) "$UNDERPIN" undo r ;;
    esac >/dev/null 2>&1
    n=$((n + 1))
    echo $n >"$work/switches"
  done
}
hammer &
hammering=$!
started=0 refused=0 wrong='' reasons=''
while [ $started -lt 25 ] && [ $((started + refused)) -lt 400 ]; do
  try virsh -q start --paused r
  if [ $status != 0 ]; then
    refused=$((refused + 1))
    [[ $output == *'being moved'* || $output == *'being changed'* || $output == *'is being'* ]] || reasons+="$output"$'\n'
    continue
  fi
  started=$((started + 1))
  # what QEMU has open, against what the store and the catalog call actual at that moment
  opened=$(for fd in "/proc/$(lab_qemu_pid r)/fd"/*; do readlink "$fd"; done | grep -o 'layers/[^/]*/sealed/vda' | sort -u)
  named="layers/$(qemu-img info -U --output=json "$(head_of r vda)" | jq -r '."backing-filename"' | cut -d/ -f5)/sealed/vda"
  generation=$(sed -n 's/^number *= *//p' "$store/machines/$(id_of r)/now/generation.ini" | head -1)
  catalogued="layers/$(field r '.volumes[0].layer' | sed 's/-vda$//')/sealed/vda"
  [ "$opened" = "$named" ] && [ "$opened" = "$catalogued" ] ||
    wrong+="opened $opened, head on $named, catalog $catalogued (generation $generation); "
  virsh -q destroy r
done
is "of $started starts among $(cat "$work/switches") requests ($refused refused) each opened what head and catalog name" '' "$wrong"
is 'each refusal had its reason' '' "$reasons"
virsh -q destroy r 2>/dev/null
boots=0
while [ $boots -lt 3 ]; do
  try virsh -q start r
  [ $status = 0 ] || continue
  boots=$((boots + 1))
  booted r
  is "boot $boots in the middle of it: the system is the one that the catalog calls actual" "$(base_of r)" "v$(system_version r)"
  virsh -q destroy r
done
touch "$work/enough"
wait $hammering
off r
check_images 'after the race' r
check_layers 'after the race'
doctor_is_content 'after the race'
finish
