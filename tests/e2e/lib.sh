# Shell functions of the end-to-end tests: the real daemon, hook and command line on real guests, in
# a world of private-libvirt. To be sourced by each theme:
#
#   . "$(dirname "$0")/lib.sh"
#
# A theme goes on after a failed check, so that one run shows all that is wrong; finish() ends it.
# UNDERPIND, UNDERPIN, UNDERPIN_HOOK and GUESTCTL name the programs.
# shellcheck shell=bash
set -u

: "${UNDERPIN_LAB:?run this by tests/e2e/run}" "${UNDERPIND:?}" "${UNDERPIN:?}" "${UNDERPIN_HOOK:?}"
# shellcheck source=tests/lab/lab.sh
. "$UNDERPIN_LAB/lab.sh"

export LC_ALL=C LAB_TIMEOUT=120
unset UNDERPIN_SOCKET
images=$LAB_IMAGES
store=$images/underpin
work=/run/e2e
daemon_log=$work/underpind.log
catalog=/var/lib/underpin/catalog.sqlite
claims=/run/underpin/claims
checks_passed=0 checks_failed=0
output='' status=0
mkdir -p $work

# --- checks --------------------------------------------------------------------------------------

passed() { # WHAT
  echo "ok - $1"
  checks_passed=$((checks_passed + 1))
}

failed() { # WHAT [DETAIL]...
  printf 'not ok - %s\n' "$1"
  checks_failed=$((checks_failed + 1))
  [ $# = 1 ] || printf '    %s\n' "${@:2}"
  [ $checks_failed -gt 5 ] || circumstances | sed 's/^/    /'
}

circumstances() {
  echo "last command: exit status $status"
  printf '%s\n' "$output" | tail -n 20
  echo "-- virsh list --all"
  timeout 10 virsh -q list --all
  echo "-- underpin list"
  timeout 10 "$UNDERPIN" list
  echo "-- the end of underpind's log"
  grep -v 'underpin-http: ' "$daemon_log" | tail -n 20
}

note() { printf '\n# %s\n' "$*"; }

is() { # WHAT EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then
    passed "$1 (${2:0:60})"
  else
    failed "$1" "expected: $2" "actual:   $3"
  fi
}

isnt() { # WHAT UNEXPECTED ACTUAL
  if [ "$2" != "$3" ]; then passed "$1 (${3:0:60})"; else failed "$1" "is still: $3"; fi
}

says() { # WHAT WORDS: the last command's output has them, in this order of characters
  if [[ $output == *"$2"* ]]; then
    passed "$1 (\"$2\")"
  else
    failed "$1" "expected to read: $2" "read: $output"
  fi
}

has_no_chain() { # DOMAIN: its stored definition
  ! virsh -q dumpxml --inactive "$1" | grep -q '<backingStore type'
}

holds() { # WHAT COMMAND...
  if "${@:2}" >/dev/null 2>&1; then passed "$1"; else failed "$1" "does not hold: ${*:2}"; fi
}

fails() { # WHAT COMMAND...
  if "${@:2}" >/dev/null 2>&1; then failed "$1" "holds: ${*:2}"; else passed "$1"; fi
}

becomes() { # WHAT COMMAND...: within two minutes
  if lab_until 120 "${@:2}" >/dev/null 2>&1; then passed "$1"; else failed "$1" "never held: ${*:2}"; fi
}

finish() {
  echo
  echo "$checks_passed checks passed, $checks_failed failed"
  [ $checks_failed = 0 ]
  exit
}

# --- running things ------------------------------------------------------------------------------

try() { # COMMAND...: keeps output and status
  status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
}

does() { # COMMAND...: a step that must succeed
  try "$@"
  [ $status = 0 ] || failed "${*##*/}" "exit status $status"
}

underpin() { "$UNDERPIN" "$@"; }
u() { does "$UNDERPIN" "$@"; } # VERB...: must succeed

u_refuses() { # WHAT EXIT-STATUS WORDS VERB...
  try "$UNDERPIN" "${@:4}"
  if [ $status = "$2" ] && [[ $output == *"$3"* ]]; then
    passed "$1 (exit $2: \"$3\")"
  else
    failed "$1" "expected: exit $2, \"$3\"" "actual:   exit $status" "$output"
  fi
}

virsh_refuses() { # WHAT WORDS VERB...
  try virsh -q "${@:3}"
  if [ $status != 0 ] && [[ $output == *"$2"* ]]; then
    passed "$1 (\"$2\")"
  else
    failed "$1" "expected: a refusal with \"$2\"" "actual:   exit $status" "$output"
  fi
}

# --- the daemon ----------------------------------------------------------------------------------

daemon_pid=
answers() { # also when it says that something is wrong
  local status=0
  timeout 10 "$UNDERPIN" status >/dev/null 2>&1 || status=$?
  [ $status = 0 ] || [ $status = 1 ]
}
libvirt_seen() { [ "$(underpin status --json | jq -r .libvirt)" = connected ]; }
hook_seen() { [ "$(underpin status --json | jq -r .hook)" = 'in force' ]; }

daemon_launch() { # [OPTION]...
  setsid "$UNDERPIND" --hook-program="$UNDERPIN_HOOK" --log-level=debug "$@" \
    </dev/null >>"$daemon_log" 2>&1 &
  daemon_pid=$!
}

daemon_start() { # [OPTION]...: and wait until it answers and has seen libvirt
  daemon_launch "$@"
  lab_until 60 answers || failed 'underpind answers'
}

daemon_start_ready() { # the same, when libvirtd runs
  daemon_start "$@"
  lab_until 60 libvirt_seen || failed 'underpind sees libvirt'
  lab_until 60 hook_seen || failed 'the hook is in force'
}

daemon_end() { # SIGNAL
  kill "-$1" "$daemon_pid" 2>/dev/null
  wait "$daemon_pid" 2>/dev/null
}
daemon_stop() { daemon_end TERM; }
daemon_kill() { daemon_end KILL; }

# --- machines ------------------------------------------------------------------------------------

field() { # MACHINE JQ-FILTER
  underpin show "$1" --json 2>/dev/null | jq -r "$2"
}
id_of() { field "$1" .id; }
head_of() { echo "$store/machines/$(id_of "$1")/now/$2.qcow2"; } # MACHINE TARGET
power_of() { virsh -q domstate "$1" 2>/dev/null; }
is_settled() { [ "$(field "$1" '"\(.pending) \(.session)"')" = 'false null' ]; }
is_pending() { [ "$(field "$1" .pending)" = true ]; }
has_session() { [ "$(field "$1" '.session != null')" = true ]; }
is_running() { [ "$(power_of "$1")" = running ]; }
inode_of() { stat -c %i "$1"; }
base_of() { field "$1" .base; }

base() { # NAME [make-domain OPTION]...: a guest becomes a base, with system, temporary and data
  does lab_machine "$@"
  u import "$1" --domain "$1" --disk vda,role=system --disk vdb,role=temporary --disk vdc,role=data
  u prepare "$1" --yes
}

boot() { # MACHINE...: by virsh, until all have booted
  local name
  for name; do does virsh -q start "$name"; done
  for name; do booted "$name"; done
}
booted() { does lab_wait_booted "$1"; }
guest() { lab_run "$1" "$2"; }
system_version() { guest "$1" 'cat /etc/system-version'; }

scribble() { # MACHINE WORD: on all volumes, from inside
  guest "$1" "for place in /etc /mnt/temporary /mnt/data; do echo '$2' >\$place/word; done; sync" ||
    failed "the guest '$1' writes to its volumes"
}

# "SYSTEM TEMPORARY DATA": the words last written, "-" where there is none
words() { # MACHINE
  guest "$1" 'for place in /etc /mnt/temporary /mnt/data; do cat $place/word 2>/dev/null || echo -; done |
    tr "\n" " "' | sed 's/ $//'
}

off() { # MACHINE: until libvirt calls it off and the catalog has nothing left to do
  lab_wait_off "$1" 60 || failed "'$1' stops"
  lab_until 60 is_settled "$1" || failed "'$1' is settled after its stop"
}

# --- what must not change ------------------------------------------------------------------------

print_of_tree() { # DIRECTORY: names, kinds, owners, modes, sizes, times, inodes, links
  find "$1" -path "$store" -prune -o -printf '%p %y %u %m %s %T@ %i %n %l\n' | LC_ALL=C sort
}

print_of_domains() {
  local name
  for name in $(virsh -q list --all --name | LC_ALL=C sort); do
    virsh -q dumpxml --inactive "$name"
  done
}

print_of_layers() { # with their content
  local file
  for file in "$store"/layers/*/sealed/*.*; do
    [ "${file##*.}" = ini ] || echo "$(stat -c '%n %U %a %s %Y' "$file") $(md5sum <"$file")"
  done
}

check_layers() { # WHAT: as print_of_layers said at remember_layers
  is "$1: $(wc -l <"$work/layers") layers unchanged to the byte" "$(md5sum <"$work/layers")" \
    "$(print_of_layers | md5sum)"
}
remember_layers() { print_of_layers >"$work/layers"; }

is_clean_image() { qemu-img check -q -f qcow2 "$1"; }
check_images() { # WHAT MACHINE...: stopped ones
  local name file bad=''
  for name in "${@:2}"; do
    for file in "$store/machines/$(id_of "$name")/now/"*.qcow2; do
      is_clean_image "$file" || bad+=" $file"
    done
  done
  is "$1: qemu-img check finds nothing" '' "$bad"
}

doctor_says() { # WHAT WORDS
  try "$UNDERPIN" doctor
  says "$1" "$2"
}
doctor_is_content() { # WHAT
  is "$1: doctor has no warning or error" '' \
    "$(underpin doctor --json | jq -r '.items[] | select(.level != "info") | .text')"
}
