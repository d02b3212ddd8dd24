#!/bin/bash
# When catalog, store or libvirt are not what they were: everything stops and says why, and goes on when the cause is gone
# (scenarios 44, 46, 47, 48).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

daemon_start_ready
base v1
base v2 --version 2
u clone v1 a b c
remember_layers
boot a
scribble a kept
virsh -q shutdown a
off a
data=$(md5sum <"$(head_of a vdc)")

note 'two commands at once on one machine'
for verb in 'restore a' 'rebase a --onto v2' 'restore a' 'undo a' 'rebase a --onto v1'; do
  "$UNDERPIN" $verb >>"$work/crowd" 2>&1 &
  crowd+=($!)
done
wait "${crowd[@]}"
lab_until 60 is_settled a
is 'data is as it was' "$data" "$(md5sum <"$(head_of a vdc)")"
is 'catalog and store agree' "$(base_of a)" "v$(lab_read "$(head_of a vda)" /etc/system-version)"
check_images 'after the crowd' a
doctor_is_content 'after the crowd'
try "$UNDERPIN" release a

note "yesterday's catalog"
u backup "$work/yesterday.sqlite"
u rebase b --onto v2
daemon_stop
cp "$catalog" "$work/today.sqlite"
rm -f "$catalog-wal" "$catalog-shm"
cp "$work/yesterday.sqlite" "$catalog"
tree=$(find "$store" -type f -printf '%p %i %s %T@\n' | LC_ALL=C sort | md5sum)
daemon_start_ready
u_refuses 'a change is refused' 4 'catalog is older than the store' restore b
doctor_says 'doctor says why' 'catalog is older than the store'
says 'and the way out' '--rebuild'
try "$UNDERPIN" status
says 'status shows it' 'older'
does virsh -q start c
virsh -q destroy c
lab_wait_off c
is 'a settled machine may be started, and nothing is reset' 'shut off' "$(power_of c)"
daemon_stop
rm -f "$catalog-wal" "$catalog-shm"
cp "$work/today.sqlite" "$catalog"
daemon_start_ready
becomes 'with the right catalog everything goes on' is_settled c
u restore b
daemon_stop
rm -f "$catalog-wal" "$catalog-shm"
cp "$work/yesterday.sqlite" "$catalog"
daemon_start_ready
u doctor --rebuild --yes
is 'rebuild takes the store as the truth' v2 "$(base_of b)"
doctor_is_content 'after the rebuild'
is 'data was not touched' "$data" "$(md5sum <"$(head_of a vdc)")"

note 'a lost catalog'
base_of_a=$(base_of a)
daemon_stop
rm -f "$catalog" "$catalog-wal" "$catalog-shm"
daemon_start_ready
u_refuses 'a change is refused' 4 'catalog is new' restore a --yes
u doctor --rebuild --yes
is 'all machines are back' "a:$base_of_a b:v2 c:v1 v1: v2:" \
  "$(underpin list --json | jq -r '[.items[] | "\(.name):\(.base // "")"] | sort | join(" ")')"
u restore a
is 'and work: data kept' "$data" "$(md5sum <"$(head_of a vdc)")"
check_layers 'after two rebuilds'

note 'a store that is not mounted'
daemon_stop
mkdir "$images.away"
mount --move "$images" "$images.away" 2>/dev/null || { umount -l "$images" 2>/dev/null; failed 'the mount can be moved'; }
daemon_launch
pid=$daemon_pid
ended() { ! kill -0 "$pid" 2>/dev/null; }
settled_down() { ended || answers; }
lab_until 60 settled_down
if ended; then
  passed 'the daemon does not start'
else
  passed 'the daemon answers'
  try "$UNDERPIN" restore a
  isnt 'and refuses a change' 0 $status
fi
is 'it says why' 1 "$(tail -n 5 "$daemon_log" | grep -c -m1 -i -e 'not mounted' -e 'store')"
fails 'no store is made where the mount should be' test -e "$store/store.ini"
daemon_stop
rm -rf "$images"/* 2>/dev/null
mount --move "$images.away" "$images"
daemon_start_ready
u restore a
is 'mounted again, everything goes on' "$data" "$(md5sum <"$(head_of a vdc)")"

note 'libvirt is gone'
lab_libvirtd stop
becomes 'status says that libvirt is away' bash -c "'$UNDERPIN' status --json | jq -e '.libvirt == \"away\"'"
try "$UNDERPIN" start a
isnt 'a start fails' 0 $status
says 'and says why' 'libvirt'
doctor_says 'doctor names the remedy' 'start libvirtd'
lab_libvirtd start
lab_until 60 libvirt_seen
u start a
booted a
is 'back again, everything goes on' kept "$(guest a 'cat /mnt/data/word')"
u poweroff a
off a

note 'the hook is taken away'
rm /etc/libvirt/hooks/qemu.d/underpin
daemon_stop
daemon_start_ready
holds 'the daemon puts it back' test -x /etc/libvirt/hooks/qemu.d/underpin
chmod -x /etc/libvirt/hooks/qemu.d/underpin
lab_libvirtd restart
becomes 'a hook that is not executable is mended when libvirtd comes back' test -x /etc/libvirt/hooks/qemu.d/underpin
becomes 'and is in force' hook_seen
daemon_stop
cp "$UNDERPIN_HOOK" "$work/hook"
daemon_start_ready --hook-program="$work/hook"
rm "$work/hook"
chmod -x /etc/libvirt/hooks/qemu.d/underpin
lab_libvirtd restart
hook_missed() { [ "$(underpin status --json | jq -r .hook)" = 'not in force' ]; }
becomes 'one that cannot be mended is noticed' hook_missed
u_refuses 'nothing is committed without the barrier' 4 'hook' restore a
doctor_says 'doctor names the remedy' 'restart underpind'
daemon_stop
daemon_start_ready
u restore a

note 'a full store: the floor is 1 GiB'
fill=$(($(stat -f -c '%a * %S' "$images") / 1048576 - 200))
fallocate -l "${fill}M" "$images/ballast"
try "$UNDERPIN" clone v1 --count 3 --name 'x-{n}'
isnt 'with less than the floor left a clone is refused' 0 $status
says 'and says why' 'are kept in reserve'
is 'nothing is left behind' 0 "$(underpin list --json | jq '[.items[] | select(.name | startswith("x-"))] | length')"
rm "$images/ballast"
u clone v1 --count 3 --name 'x-{n}'

note 'a store that fills up under a running guest'
power_seen() { [ "$(underpin list --json | jq -r --arg name "$1" '.items[] | select(.name == $name).power')" = "$2" ]; }
boot c
fallocate -l "$(($(stat -f -c '%a * %S' "$images") - 1048576))" "$images/ballast"
try "$GUESTCTL" -t 5 c run 'dd if=/dev/urandom of=/mnt/data/large bs=1M count=16 && sync && md5sum </mnt/data/large >/mnt/data/sum'
becomes 'the guest stands still, and is shown so' power_seen c stalled
try "$UNDERPIN" list
says 'with what to do' 'free space, then start it'
doctor_says 'doctor says why' 'could not be written'
says 'and the way out' 'underpin start c'
u_refuses 'it hears no request' 4 'underpin start c' shutdown c
is 'such machines can be listed' c "$(underpin list --power stalled --names)"
rm "$images/ballast"
u start c
becomes 'with space it goes on' power_seen c running
written() { [ -n "$(guest c 'cat /mnt/data/sum')" ]; }
becomes 'and ends what it was doing' written
is 'nothing is lost' "$(guest c 'cat /mnt/data/sum')" "$(guest c 'md5sum </mnt/data/large')"
virsh -q suspend c
becomes 'paused by virsh is seen at once' power_seen c paused
virsh -q resume c
becomes 'and so is its resume' power_seen c running
u shutdown c
off c
doctor_is_content 'at the end'
check_layers 'at the end'
finish
