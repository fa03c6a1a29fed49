#!/bin/bash
# Starts and stops a real Postfix in a folder of its own, on loopback.
#
#   postfix.sh start DIR --port N [--main FILE] [--master FILE]
#                             returns when SMTP answers on 127.0.0.1:N
#   postfix.sh queue DIR      prints what is in the queue: nothing when all mail is delivered
#   postfix.sh stop  DIR      stops it; DIR is left for the test to read and remove
#
#   --main FILE    further main.cf parameters; the last of two equal names wins
#   --master FILE  further master.cf services
#
# Mail for any recipient that smtpd accepts goes to the Maildir DIR/mail, one file for each recipient,
# with X-Original-To and Delivered-To on top; no smtp client is configured and DNS is never asked.
# Clients from loopback may use XCLIENT, to be any client with any login. The log is DIR/maillog.
# Several instances can run at the same time, each in its own DIR, which other users must be able to reach.
set -euo pipefail
. "$(dirname "$0")/loopback.sh"

start() {
  local port= main=/dev/null master=/dev/null
  options "--port --main --master" "$@"
  prepare
  mkdir -p "$dir/data"
  chown postfix "$dir/data"
  chown -R nobody "$dir/mail"
  { parameters; cat "$main"; } | last_wins > "$dir/etc/main.cf"
  { services "$port"; cat "$master"; } > "$dir/etc/master.cf"
  # Postfix reads a file over and over while it is less than two seconds old.
  touch -d '1 minute ago' "$dir"/etc/*.cf
  if ! postfix -c "$dir/etc" start > "$dir/start.out" 2>&1 || ! answers "$port"; then
    cat "$dir/start.out" "$dir/maillog" >&2
    stop
    die "did not start"
  fi
}

parameters() {
  cat <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
maillog_file = $dir/maillog
maillog_file_prefixes = $dir
myhostname = mta.test
mydomain = mta.test
inet_interfaces = loopback-only
inet_protocols = all
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
alias_maps =
alias_database =
default_database_type = regexp
mydestination =
local_recipient_maps =
local_transport = virtual
relay_transport = virtual
default_transport = virtual
virtual_mailbox_domains =
virtual_mailbox_base = $dir
virtual_mailbox_maps = regexp:{{/./ mail/}}
virtual_mailbox_limit = 0
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
smtpd_authorized_xclient_hosts = 127.0.0.0/8 [::1]/128
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
CF
}

services() {
  cat <<CF
127.0.0.1:$1 inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
CF
}

# Keeps only the last value of each parameter, on one line: Postfix warns about duplicates.
last_wins() {
  awk '/^[ \t]*(#|$)/ { next }
       /^[ \t]/ { line[name] = line[name] $0; next }
       { name = $1; sub(/=.*/, "", name); if (!(name in line)) order[++n] = name; line[name] = $0 }
       END { for (i = 1; i <= n; i++) print line[order[i]] }'
}

# The master daemon holds a lock. `postfix status` asks it too, but takes two seconds when it is not running.
running() {
  [ -e "$dir/queue/pid/master.pid" ] &&
    ! "$(postconf -c "$dir/etc" -h daemon_directory)/master" -c "$dir/etc" -t 2> /dev/null
}

stop() {
  running || return 0
  postfix -c "$dir/etc" stop > /dev/null 2>&1 || true
  ! running || { sleep 1; postfix -c "$dir/etc" abort > /dev/null 2>&1 || true; }
}

begin "$@"
shift 2
case $command in
  start) start "$@" ;;
  queue) postqueue -c "$dir/etc" -j ;;
  stop) stop ;;
  *) die "unknown command $command" ;;
esac
