#!/bin/bash
# Starts and stops a real Exim in a folder of its own, on loopback.
#
#   exim.sh start DIR --port N [--acl FILE]
#                           returns when SMTP answers on 127.0.0.1:N
#   exim.sh queue DIR       prints what is in the queue: nothing when all mail is delivered
#   exim.sh stop  DIR       stops it; DIR is left for the test to read and remove
#
#   --acl FILE  the first statements of the RCPT ACL; after them everything is accepted
#
# Mail for any recipient that it accepts goes to the Maildir DIR/mail, one file for each recipient, with Delivered-To on
# top. The log is DIR/maillog. Several instances can run at the same time, each in its own DIR, which other users must be able to reach.
set -euo pipefail
. "$(dirname "$0")/loopback.sh"
exim=$prefix/exim4-daemon-light/usr/sbin/exim4

start() {
  local port= acl=/dev/null
  options "--port --acl" "$@"
  prepare
  mkdir -p "$dir/log"
  : > "$dir/log/mainlog"
  ln -sf log/mainlog "$dir/maillog"
  chown -R nobody "$dir"/{queue,log,mail}
  # The user that this Exim is built to run as; its number is nobody's.
  { cat /etc/passwd; echo "Debian-exim:x:$(id -u nobody):$(id -g nobody)::/:/bin/false"; } > "$dir/etc/passwd"
  { cat /etc/group; echo "Debian-exim:x:$(id -g nobody):"; } > "$dir/etc/group"
  configuration "$port" "$acl" > "$dir/etc/exim.conf"
  export exim
  run_apart serve "$port"
}

configuration() {
  cat <<CF
primary_hostname = mta.test
exim_path = $exim
# A second Exim that gets its configuration by -C is not root any more.
deliver_drop_privilege = true
spool_directory = $dir/queue
log_file_path = $dir/log/%slog
log_selector = +all
local_interfaces = 127.0.0.1
daemon_smtp_ports = $1
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
dns_ipv4_lookup =
disable_ipv6 = true
keep_environment =
acl_smtp_rcpt = acl_rcpt

begin acl
acl_rcpt:
$(cat "$2")
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = $dir/mail
  maildir_format
  headers_add = Delivered-To: \$local_part@\$domain
  user = nobody
  group = $(id -gn nobody)
CF
}

serve() {
  mount --bind "$dir/etc/passwd" /etc/passwd
  mount --bind "$dir/etc/group" /etc/group
  "$exim" -C "$dir/etc/exim.conf" -bdf -q10m &
  wait $!
}

begin "$@"
shift 2
case $command in
  start) start "$@" ;;
  queue) find "$dir/queue/input" -type f 2> /dev/null || true ;;
  stop) stop_apart ;;
  *) die "unknown command $command" ;;
esac
