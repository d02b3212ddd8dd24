#!/bin/bash
# Import of real domains: what may not be moved is refused with the finding named and nothing touched; what is moved
# comes back by export, to the byte. Most guests here never boot: a paused QEMU is a running one.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

disk() { # FILE [TARGET [INNER-XML [FORMAT]]]
  cat <<XML
<disk type='file' device='disk'><driver name='qemu' type='${4:-qcow2}'/><source file='$1'/>
<target dev='${2:-vda}' bus='virtio'/>${3-}</disk>
XML
}

definition() { # NAME DISKS
  cat <<XML
<domain type='qemu'><name>$1</name><memory unit='MiB'>16</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
<devices>$2<controller type='usb' model='none'/><video><model type='none'/></video>
<memballoon model='none'/></devices></domain>
XML
}

define() { # NAME DISKS
  definition "$@" >"$work/$1.xml"
  does virsh -q define "$work/$1.xml"
}

image() { # FILE [OPTION]...: with content
  does qemu-img create -q -f qcow2 "${@:2}" "$1" 8M
  does qemu-io -f qcow2 -c 'write -q -P 7 1M 64k' "$1"
}

own() { # NAME [INNER-XML]: a domain on an image of its own
  image "$images/$1.qcow2"
  define "$1" "$(disk "$images/$1.qcow2" vda "${2-}")"
}

# The world before and after a refusal, in all that import could have touched.
world() {
  print_of_tree "$images"
  print_of_domains
  underpin list --json
  find "$store" -printf '%p %i %n\n' | LC_ALL=C sort
}

unharmed() { # WHAT
  world >"$work/after"
  if cmp -s "$work/before" "$work/after"; then
    passed "$1: files, domains, store and catalog are as they were"
  else
    failed "$1: something changed" "$(diff "$work/before" "$work/after" | head -5)"
  fi
}

# Refused with WORDS, by the dry run as by the run.
refuses() { # WHAT WORDS IMPORT-ARGUMENT...
  world >"$work/before"
  u_refuses "$1, dry run" "${code:-4}" "$2" import "${@:3}" --dry-run
  u_refuses "$1" "${code:-4}" "$2" import "${@:3}"
  unharmed "$1"
}

of_domain() { # NAME: the arguments that import it whole
  echo "$1 --domain $1 --disk vda,role=system"
}

daemon_start_ready

note 'states of a domain'
own lively
virsh -q start --paused lively
refuses 'a running domain' "'lively' is running" $(of_domain lively)
virsh -q destroy lively
virsh -q start --paused lively
does virsh -q managedsave lively
refuses 'a domain with a managed save' "'lively' has saved memory" $(of_domain lively)
virsh -q managedsave-remove lively
virsh -q start --paused lively
does virsh -q save lively "$work/lively.save"
refuses 'a domain saved to a file' "'lively' was saved to a file" $(of_domain lively)
virsh -q start --paused lively
does virsh -q blockcopy lively vda "$images/copy.qcow2" --transient-job
lab_until 20 bash -c 'virsh blockjob lively vda 2>&1 | grep -q 100' 2>/dev/null
refuses 'a domain with a block job' "'lively' is running" $(of_domain lively)
virsh -q blockjob lively vda --abort
rm -f "$images/copy.qcow2"
virsh -q destroy lively
image "$images/passing.qcow2"
definition passing "$(disk "$images/passing.qcow2")" >"$work/passing.xml"
does virsh -q create --paused "$work/passing.xml"
refuses 'a transient domain' "'passing' is transient" $(of_domain passing)
virsh -q destroy passing

note 'snapshots and checkpoints'
own inner
does virsh -q snapshot-create-as inner one
refuses 'a domain with a snapshot' "'inner' has snapshots" $(of_domain inner)
does virsh -q snapshot-delete --metadata inner one
refuses 'an image with an internal snapshot' 'has internal snapshots' $(of_domain inner)
own outer
does virsh -q snapshot-create-as outer one --disk-only
refuses 'a domain with an external snapshot' "'outer' has snapshots" $(of_domain outer)
does virsh -q snapshot-delete --metadata outer one
refuses 'a snapshot overlay without its metadata' 'has a backing file' $(of_domain outer)
own checked
virsh -q start --paused checked
does virsh -q checkpoint-create-as checked one
virsh -q destroy checked
refuses 'a domain with a checkpoint' "'checked' has backup checkpoints" $(of_domain checked)

note 'kinds of disks'
does qemu-img create -q -f raw "$images/many.raw" 8M
define many "$(disk "$images/many.raw" vda '<shareable/>' raw)"
refuses 'a shareable disk' "'vda' is shareable" $(of_domain many)
own fading '<transient/>'
refuses 'a transient disk' "'vda' is transient" $(of_domain fading)
own solid '<readonly/>'
refuses 'a read-only disk' "'vda' is read-only" $(of_domain solid)
# not LUKS: for that qemu-img measures the processor, and gives up on a busy machine
does qemu-img create -q -f qcow2 --object secret,id=key,data=abc \
  -o encrypt.format=aes,encrypt.key-secret=key "$images/locked.qcow2" 8M
define locked "$(disk "$images/locked.qcow2")"
refuses 'an encrypted image' 'is encrypted' $(of_domain locked)
does qemu-img create -q -f qcow2 -o "data_file=$images/outside.raw" "$images/split.qcow2" 8M
define split "$(disk "$images/split.qcow2")"
refuses 'an image with an external data file' 'keeps its data in another file' $(of_domain split)
truncate -s 8M "$work/loop.raw"
loop=$(losetup -f --show "$work/loop.raw")
define block "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='$loop'/><target dev='vda' bus='virtio'/></disk>"
refuses 'a block device' "$loop" $(of_domain block)
define network "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='x'><host name='localhost'/></source><target dev='vda' bus='virtio'/></disk>"
refuses 'a network disk' "'vda' is not a file" $(of_domain network)

note 'images that others use'
own first
define second "$(disk "$images/first.qcow2")"
refuses 'a disk of another domain' "is a disk of domain 'second' too" $(of_domain first)
virsh -q undefine second
ln -s first.qcow2 "$images/nickname.qcow2"
define second "$(disk "$images/nickname.qcow2")"
refuses 'a disk of another domain by a symbolic link' "is a disk of domain 'second' too" $(of_domain first)
refuses 'a path that is a symbolic link' 'symbolic link' $(of_domain second)
virsh -q undefine second
ln "$images/first.qcow2" "$images/other-name.qcow2"
define second "$(disk "$images/other-name.qcow2")"
refuses 'a disk of another domain by a hard link' 'first.qcow2' $(of_domain first)
virsh -q undefine second
refuses 'an image with two names' 'hard links' $(of_domain first)
rm "$images/other-name.qcow2" "$images/nickname.qcow2"
does qemu-img create -q -f qcow2 -F qcow2 -b "$images/first.qcow2" "$images/child.qcow2"
refuses 'an image that another names as backing file' "is the backing file of 'child.qcow2'" $(of_domain first)
define child "$(disk "$images/child.qcow2")"
refuses 'a backing chain' 'has a backing file' $(of_domain child)
says 'a backing chain: the way out is named' '--flatten'
holds 'an image in use by a QEMU that libvirt does not know: the QEMU runs' \
  bash -c "rm '$images/child.qcow2'; virsh -q undefine child
    qemu-system-x86_64 -S -display none -machine none -daemonize -pidfile $work/stray.pid \
      -blockdev driver=file,filename=$images/first.qcow2,node-name=f -blockdev driver=qcow2,file=f,node-name=q \
      -device none 2>/dev/null ||
    qemu-storage-daemon --daemonize --pidfile $work/stray.pid \
      --blockdev driver=file,filename=$images/first.qcow2,node-name=f --blockdev driver=qcow2,file=f,node-name=q"
refuses 'an image in use by a QEMU that libvirt does not know' 'is in use by a QEMU' $(of_domain first)
kill "$(cat "$work/stray.pid")"
lab_until 20 test ! -e "/proc/$(cat "$work/stray.pid" 2>/dev/null || echo none)"

note 'paths'
mkdir -p /srv/e2e
mount -t tmpfs e2e /srv/e2e
image /srv/e2e/away.qcow2
define away "$(disk /srv/e2e/away.qcow2)"
refuses 'a path outside the import directories' 'lies in no import directory' $(of_domain away)
mkdir "$images/real"
ln -s real "$images/alias"
image "$images/real/hidden.qcow2"
define hidden "$(disk "$images/alias/hidden.qcow2")"
refuses 'a path through a symbolic link' 'symbolic link' $(of_domain hidden)
refuses 'a path with dots leads to the same file' "is a disk of domain 'first'" dots --disk "$images/../images/first.qcow2,role=system"
define gone "$(disk "$images/gone.qcow2")"
code=3 refuses 'a missing image' 'gone.qcow2' $(of_domain gone)

note 'content'
printf secret >"$work/secret"
own evil
does qemu-img create -q -f qcow2 -u -F raw -b /etc/shadow "$images/evil.qcow2" 8M
refuses 'a header that names /etc/shadow' 'has a backing file' $(of_domain evil)
refuses 'a header that names /etc/shadow, to be flattened' "'/etc/shadow' lies in no import directory" $(of_domain evil) --flatten
does qemu-img create -q -f qcow2 -u -F raw -b 'json:{"driver":"file","filename":"/etc/shadow"}' "$images/evil.qcow2" 8M
refuses 'a header with a json: name, to be flattened' 'no plain path' $(of_domain evil) --flatten
does qemu-img create -q -f qcow2 "$images/evil.qcow2" 8M
printf '\x00\x40\x00\x00\x00\x00\x00\x00' | dd of="$images/evil.qcow2" bs=1 seek=24 conv=notrunc status=none
code=2 refuses 'a header that claims 16 PiB' 'evil.qcow2' $(of_domain evil)
does qemu-img create -q -f qcow2 "$images/evil.qcow2" 8M
printf '\xff\xff\xff\xff\xff\xff\x00\x00' | dd of="$images/evil.qcow2" bs=1 seek=40 conv=notrunc status=none
code=2 refuses 'a header whose table lies beyond the end' 'evil.qcow2' $(of_domain evil)
does qemu-img create -q -f raw "$images/plain.raw" 1M
refuses 'a raw file without a stated format' "say 'format=raw'" plain --disk "$images/plain.raw,role=system"
sed "s/ type='qcow2'//" <<<"$(definition vague "$(disk "$images/first.qcow2")")" >"$work/vague.xml"
does virsh -q define "$work/vague.xml"
virsh -q undefine first
u import vague --domain vague --disk vda,role=system --dry-run
is 'a qcow2 file that the XML names without a format is raw, as libvirt reads it: the guest sees the file itself' \
  "$(stat -c %s "$images/first.qcow2")" \
  "$(underpin import vague --domain vague --disk vda,role=system --dry-run --json | jq '.items[0].volumes[0].capacity_after')"
virsh -q undefine vague
define first "$(disk "$images/first.qcow2")"

note 'requests'
world >"$work/before"
u_refuses 'roles that are not stated: the proposal is the way out' 2 '--disk vda,role=system' import first --domain first --yes
u_refuses 'roles that are not stated, in a script' 2 '--disk vda,role=system' import first --domain first
unharmed 'roles that are not stated'
code=2 refuses 'another name than the domain has' "cannot become machine 'renamed'" renamed --domain first --disk vda,role=system
code=3 refuses 'an unknown domain' "'nobody'" nobody --domain nobody --disk vda,role=system

note 'what may be imported'
does qemu-img create -q -f qcow2 -F qcow2 -b "$images/first.qcow2" "$images/top.qcow2"
does qemu-io -f qcow2 -c 'write -q -P 9 2M 64k' "$images/top.qcow2"
define top "$(disk "$images/top.qcow2")"
u import top --domain top --disk vda,role=system --flatten
holds 'a chain, flattened: content of both layers in one image' qemu-io -f qcow2 -r -c 'read -q -P 7 1M 64k' \
  -c 'read -q -P 9 2M 64k' "$(head_of top vda)"
is 'a chain, flattened: no backing file' null "$(qemu-img info --output=json "$(head_of top vda)" | jq '."backing-filename"')"
holds 'a chain, flattened: the original stays' test -e "$images/top.qcow2"
rm "$images/top.qcow2"
u import first --domain first --disk vda,role=system
u_refuses 'the same domain twice' 4 "'first' is a machine of Underpin already" import first --domain first --disk vda,role=system
u import plain --disk "$images/plain.raw,role=system,format=raw" --dry-run

note 'UEFI variables where libvirt puts them'
image "$images/firm.qcow2"
definition firm "$(disk "$images/firm.qcow2")" | sed "s#</type></os>#</type>\
<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>\
<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/></os>#" >"$work/firm.xml"
does virsh -q define "$work/firm.xml"
does virsh -q start --paused firm
virsh -q destroy firm
variables=$(virsh -q dumpxml --inactive firm | sed -n 's#.*<nvram.*>\(/.*\)</nvram>#\1#p')
is 'the variables lie outside the image directory' /var/lib/libvirt/qemu/nvram "$(dirname "$variables")"
u import firm --domain firm --disk vda,role=system
u prepare firm --yes
u clone firm firm-1
of_clone=$(virsh -q dumpxml --inactive firm-1 | sed -n 's#.*<nvram.*>\(/.*\)</nvram>#\1#p')
is 'a clone has variables of its own' "$store/machines" "${of_clone%/*/now/*}"
holds 'they begin as the base has them' cmp "$variables" "$of_clone"
does virsh -q start --paused firm-1
virsh -q destroy firm-1

note 'export puts everything back'
does lab_machine travel
qemu-img create -q -f raw "$images/tools.iso" 1M
does virsh -q attach-disk travel "$images/tools.iso" hdc --type cdrom --mode readonly --config
does virsh -q metadata travel --uri urn:example:notes --key n --set '<note by="hand">stays</note>' --config
does virsh -q desc travel --config --title 'a title & more'
chown libvirt-qemu "$images/travel-vdb.qcow2"
print_of_tree "$images" | grep travel-vd >"$work/travel.files"
md5sum "$images"/travel-vd* >"$work/travel.sums"
virsh -q dumpxml --inactive travel >"$work/travel.xml"
iso=$(stat -c '%i %s %Y %U %a' "$images/tools.iso")
u import travel --domain travel --disk vda,role=system --disk vdb,role=temporary --disk vdc,role=data
is 'import moves without a copy: the same inode' "$(awk '/vdc/ { print $7 }' "$work/travel.files")" "$(inode_of "$(head_of travel vdc)")"
is 'import leaves no name behind' 0 "$(find "$images" -maxdepth 1 -name 'travel-vd*' | wc -l)"
is 'the CD stays where it is, as it is' "$iso" "$(stat -c '%i %s %Y %U %a' "$images/tools.iso")"
is 'the definition keeps what people put there' 2 \
  "$(virsh -q dumpxml --inactive travel | grep -c -e '<note.*by="hand">stays\|by=.hand.' -e 'a title &amp; more')"
u export travel
is 'after export the definition is equal to the byte' "$(md5sum <"$work/travel.xml")" "$(virsh -q dumpxml --inactive travel | md5sum)"
holds 'after export the content is equal to the byte' md5sum --quiet -c "$work/travel.sums"
is 'after export names, inodes, owners, modes and links are as before' "$(cut -d' ' -f1-5,7-9 "$work/travel.files")" \
  "$(print_of_tree "$images" | grep travel-vd | cut -d' ' -f1-5,7-9)"
u_refuses 'an exported machine is not ours any more' 3 "'travel'" show travel
boot travel
is 'an exported guest boots' 1 "$(system_version travel)"
virsh -q destroy travel
doctor_is_content 'at the end'
finish
