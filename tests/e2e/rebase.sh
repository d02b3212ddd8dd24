#!/bin/bash
# Rebase on real guests: stopped, running, starting and damaged clones in one job, the guest's own reboot as the move,
# shutdown and force, undo, hold, and the daemon killed in the middle.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

on_base() { [ "$(base_of "$1")" = "$2" ] && ! is_pending "$1"; } # MACHINE BASE

daemon_start_ready
base v1
base v2 --version 2
u clone v1 off1 off2 live busy kept bad
remember_layers
boot off1 live
for name in off1 live; do scribble $name old; done
virsh -q shutdown off1
off off1
u hold kept --reason 'exam'

note 'the dry run and the run agree, several states at once (scenarios 25, 30, 33, 35)'
mv "$(head_of bad vdc)" "$work/bad.qcow2"
underpin rebase --all v1 --onto v2 --dry-run --json >"$work/plan"
is 'the dry run says what happens to each' 'bad:refuse busy:now kept:skip live:pending off1:now off2:now' \
  "$(jq -r '[.items[] | "\(.machine):\(.decision)"] | sort | join(" ")' "$work/plan")"
xml=$(virsh -q dumpxml --inactive off1 | grep -v "entry name=.serial")
data=$(md5sum <"$(head_of off1 vdc)") inode=$(inode_of "$(head_of off1 vdc)")
try "$UNDERPIN" rebase --all v1 --onto v2 --json
is 'the run does what the dry run said' 'bad:failed busy:done kept:skipped live:pending off1:done off2:done' \
  "$(jq -r '[.items[] | "\(.machine):\(.state)"] | sort | join(" ")' <<<"$output")"
is 'the receipt proves the data volume' true "$(jq -r '.items[] | select(.machine == "off1") | .receipt.proven' <<<"$output")"
is 'data is the same file' "$inode" "$(inode_of "$(head_of off1 vdc)")"
is 'data is the same to the byte' "$data" "$(md5sum <"$(head_of off1 vdc)")"
is 'the definition is the same but for the instance' "$xml" "$(virsh -q dumpxml --inactive off1 | grep -v "entry name=.serial")"
mv "$work/bad.qcow2" "$(head_of bad vdc)"
u rebase --all v1 --onto v2
is 'retrying takes only what is left' 'v2 v1' "$(base_of bad) $(base_of kept)"
u_refuses 'a clone on hold is left out, and said so' 4 'exam' rebase kept --onto v2
boot off1
is 'a rebased clone boots the new system' 2 "$(system_version off1)"
is 'system and temporary are fresh, data kept' '- - old' "$(words off1)"

note 'a running clone'
is 'it is not disturbed' 'old old old' "$(words live)"
holds 'it is pending' is_pending live
u_refuses 'the old base cannot be unprepared' 4 'v1' unprepare v1
guest live reboot
becomes 'its own reboot is the move' on_base live v2
becomes 'and it comes back by itself' is_running live
booted live
is 'on the new system' 2 "$(system_version live)"
is 'with its data' '- - old' "$(words live)"
is 'a reboot is a reboot again' restart "$(virsh -q dumpxml live | sed -n 's/.*<on_reboot>\(.*\)<.*/\1/p')"

note 'undo of a pending move cancels it'
u rebase live --onto v1
holds 'pending' is_pending live
u undo live
fails 'not pending any more' is_pending live
before=$(guest live 'cat /proc/sys/kernel/random/boot_id')
guest live reboot
rebooted() { local now; now=$(guest live 'cat /proc/sys/kernel/random/boot_id' 2>/dev/null) && [ "$now" != "$before" ]; }
becomes 'the guest reboots in place' rebooted
is 'and is where it was' 'v2 2' "$(base_of live) $(system_version live)"
u release live

note '--running'
u rebase live --onto v1 --running stop
guest live reboot
becomes 'with --running stop a reboot is a reboot' rebooted
holds 'and it is still pending' is_pending live
virsh -q shutdown live
becomes 'a real stop is the move' on_base live v1
is 'it stays off' 'shut off' "$(power_of live)"
boot live
u rebase live --onto v2 --running shutdown --grace 60s
is 'with --running shutdown the job moves it' v2 "$(base_of live)"
becomes 'and starts it again' is_running live
booted live
is 'on the new system' '2 - - old' "$(system_version live) $(words live)"
guest live 'killall lab-power-button dd; :'
u rebase live --onto v1 --running force --grace 1s
is 'with --running force a deaf guest is moved too' v1 "$(base_of live)"
becomes 'and starts again' is_running live
booted live
is 'on the other system' '1 - - old' "$(system_version live) $(words live)"

note 'someone starts a clone by virsh in the middle (scenario 39)'
virsh -q shutdown live
off live
u rebase live --onto v2 --no-wait
try virsh -q start live
[ $status = 0 ] || { says 'refused with the reason' 'being moved'; lab_until 60 is_settled live; does virsh -q start live; }
booted live
is 'what starts is what the catalog calls actual' "$([ "$(base_of live)" = v2 ] && ! is_pending live && echo 2 || echo 1)" "$(system_version live)"

note 'the daemon is killed in the middle, with a running clone (scenario 32)'
for round in 1 2 3 4; do
  target=v$(((round - 1) % 2 + 1))
  "$UNDERPIN" rebase off2 busy live --onto $target --no-wait >/dev/null 2>&1
  daemon_kill
  daemon_start_ready
  for name in off2 busy; do
    lab_until 30 is_settled $name || failed "round $round: '$name' is settled after the restart"
    now=$(lab_read "$(head_of $name vda)" /etc/system-version)
    is "round $round: '$name' is entirely on what the catalog says" "${now/#/v}" "$(base_of $name)"
  done
  is "round $round: the running clone runs on" running "$(power_of live)"
done
u rebase live --onto v1
daemon_kill
guest live poweroff
lab_wait_off live
daemon_start_ready
becomes 'a stop while the daemon was down is the move once it is back' on_base live v1
boot live
is 'on the other system, with its data' '1 - - old' "$(system_version live) $(words live)"
u rebase live --onto v2
daemon_kill
guest live poweroff
lab_wait_off live
virsh_refuses 'while it is down the pending machine does not start' 'is not settled; start underpind' start live
daemon_start_ready
becomes 'it moves when the daemon is back' on_base live v2

note 'libvirtd dies and comes back under a job'
for name in live off2; do lab_is_off $name || { virsh -q destroy $name; off $name; }; done
"$UNDERPIN" rebase live off2 --onto v1 --no-wait >/dev/null 2>&1
lab_libvirtd kill
lab_libvirtd start
lab_until 60 libvirt_seen
lab_until 60 is_settled live
u rebase live off2 --onto v2
becomes 'and a rebase after that works' on_base live v2
boot live
u rebase live --onto v1
lab_libvirtd kill
lab_libvirtd start
lab_until 60 libvirt_seen
holds 'a pending clone is pending still' is_pending live
guest live reboot
becomes 'its reboot is still the move' on_base live v1
becomes 'and it comes back' is_running live
booted live
virsh -q destroy live
off live

note 'undo for all, and twenty in a row'
try "$UNDERPIN" undo off1 off2 --running force --grace 1s
says 'undo of several: who has nothing to undo is named, the other is done' "there is nothing to undo for 'off2'"
becomes 'undo with force moves the running one' on_base off1 v1
is 'and puts it on hold' true "$(field off1 .held)"
for round in 1 2 3 4 5 6 7 8 9 10; do
  does "$UNDERPIN" rebase busy --onto v1
  does "$UNDERPIN" rebase busy --onto v2
done 2>/dev/null
is 'no chain has grown' 1 "$(field busy '.chain.vda | length')"
is 'heads that were never written make no undo entries' 0 "$(field busy .undo_entries)"
check_images 'at the end' live busy off2
check_layers 'at the end'
doctor_is_content 'at the end'
finish
