#!/bin/bash
# Starts and stops a real OpenSMTPD in a folder of its own, on loopback.
#
#   opensmtpd.sh start DIR --port N [--filter FILE]
#                           returns when SMTP answers on 127.0.0.1:N
#   opensmtpd.sh queue DIR  prints what is in the queue: nothing when all mail is delivered
#   opensmtpd.sh stop  DIR  stops it; DIR is left for the test to read and remove
#
#   --filter FILE  lines of smtpd.conf that define the filter "postern" of its listener
#
# Mail for any recipient that it accepts goes to the Maildir DIR/mail, with Delivered-To on top, which names the mailbox "all". The log
# is DIR/maillog. Several instances can run at the same time, each in its own DIR, which other users must be able to reach.
set -euo pipefail
. "$(dirname "$0")/loopback.sh"
package=$prefix/opensmtpd

start() {
  local port= filter=/dev/null
  options "--port --filter" "$@"
  prepare
  mkdir -p "$dir/spool" "$dir/empty"
  chmod 711 "$dir/spool"
  chown -R nobody "$dir/mail"
  # The users that Debian's OpenSMTPD is built to run as, and whoever mail is delivered as; their numbers are nobody's.
  { cat /etc/passwd; for user in opensmtpd opensmtpq all; do echo "$user:x:$(id -u nobody):$(id -g nobody)::/:/bin/false"; done; } > "$dir/etc/passwd"
  { cat /etc/group; for group in opensmtpd opensmtpq; do echo "$group:x:$(id -g nobody):"; done; } > "$dir/etc/group"
  configuration "$port" "$filter" > "$dir/etc/smtpd.conf"
  export package
  run_apart serve "$port"
}

configuration() {
  cat "$2"
  cat <<CF
table everybody { "@" = "all" }
listen on 127.0.0.1 port $1 hostname mta.test filter postern
action all maildir "$dir/mail" virtual <everybody>
match from any for any action all
CF
}

serve() {
  mount --bind "$dir/etc/passwd" /etc/passwd
  mount --bind "$dir/etc/group" /etc/group
  mount -t tmpfs none /usr/libexec
  mkdir /usr/libexec/opensmtpd
  mount --bind "$package/usr/libexec/opensmtpd" /usr/libexec/opensmtpd
  mount -t tmpfs none /var/lib
  mkdir -p /var/lib/opensmtpd/empty
  mount -t tmpfs none /var/spool
  mkdir -m 711 /var/spool/smtpd
  mount --bind "$dir/spool" /var/spool/smtpd
  mount -t tmpfs none /run
  "$package/usr/sbin/smtpd" -d -f "$dir/etc/smtpd.conf" > "$dir/maillog" 2>&1 &
  wait $!
}

begin "$@"
shift 2
case $command in
  start) start "$@" ;;
  queue) find "$dir/spool/queue" -type f 2> /dev/null || true ;;
  stop) stop_apart ;;
  *) die "unknown command $command" ;;
esac
