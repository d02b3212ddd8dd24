# Shell functions for tests that run inside private-libvirt. To be sourced:
#
#   . "$UNDERPIN_LAB/lab.sh"
#
# GUESTCTL names the guestctl program (default: found in PATH).
# shellcheck shell=bash

# Where the world's own file system is; QEMU's user can enter it.
export LAB_IMAGES=/var/lib/libvirt/images

lab_machine() { # NAME [make-domain OPTION]...: define a guest with its volumes in LAB_IMAGES
  "$UNDERPIN_LAB/guest/make-domain" "${@:2}" "$1" "$LAB_IMAGES"
}

lab_run() { # DOMAIN COMMAND: run it in the guest, waiting until that has booted
  "${GUESTCTL:-guestctl}" -t "${LAB_TIMEOUT:-60}" "$1" run "$2"
}

lab_wait_booted() { # DOMAIN
  "${GUESTCTL:-guestctl}" -t "${LAB_TIMEOUT:-60}" "$1" wait
}

lab_until() { # SECONDS COMMAND...: repeat the command until it succeeds; fails when it never does
  local deadline=$((SECONDS + $1))
  until "${@:2}"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

lab_is_off() { # DOMAIN
  [ "$(virsh -q -c qemu:///system domstate "$1" 2>/dev/null)" = 'shut off' ]
}

lab_wait_off() { # DOMAIN [SECONDS]
  lab_until "${2:-30}" lab_is_off "$1"
}

lab_qemu_pid() { # DOMAIN
  cat "/run/libvirt/qemu/$1.pid"
}

lab_kill_qemu() { # DOMAIN: as the OOM killer would
  kill -KILL "$(lab_qemu_pid "$1")"
}

lab_libvirtd() { # start|stop|kill|restart|reload|pid
  "$UNDERPIN_LAB/libvirtd-control" "$1"
}

lab_read() { # IMAGE PATH...: files of a volume, read on the host
  "$UNDERPIN_LAB/guest/read-volume" "$@"
}
