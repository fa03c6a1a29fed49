#!/bin/bash
# Starts and stops a real Sendmail in a folder of its own, on loopback.
#
#   sendmail.sh start DIR --port N [--mc FILE] [--sockets FOLDER]
#                             returns when SMTP answers on 127.0.0.1:N
#   sendmail.sh submit DIR …  runs the sendmail command as a local user who submits mail
#   sendmail.sh daemon DIR …  runs sendmail with the daemon's configuration
#   sendmail.sh queue DIR     prints what is in the queues: nothing when all mail is delivered
#   sendmail.sh stop  DIR     stops it; DIR is left for the test to read and remove
#
#   --mc FILE         further lines of sendmail.mc, the MAILER lines among them
#   --sockets FOLDER  the folder that Sendmail sees as /run/postern
#
# Mail for any recipient that it accepts goes to the Maildir DIR/mail, one file for each recipient, with Delivered-To on
# top. Clients at 127.0.0.1 may relay anywhere, those at 127.0.0.2 only as far as the lines of --mc say. The log is
# DIR/maillog. Several instances can run at the same time, each in its own DIR, which other users must be able to reach.
set -euo pipefail
. "$(dirname "$0")/loopback.sh"
sendmail=$prefix/sendmail-bin/usr/libexec/sendmail/sendmail
cf=$prefix/sendmail-cf/usr/share/sendmail/cf

start() {
  local port= mc=/dev/null
  sockets=
  options "--port --mc --sockets" "$@"
  prepare
  mkdir -p "$dir"/{dev,run,clientqueue}
  chmod 700 "$dir/queue" "$dir/clientqueue"
  chown nobody "$dir/clientqueue"
  : > "$dir/statistics"
  printf 'hosts files\naliases files\n' > "$dir/etc/service.switch"
  printf 'postmaster: root\nMAILER-DAEMON: postmaster\n' > "$dir/etc/aliases"
  write_deliver
  { server "$port"; cat "$mc"; sink; } > "$dir/etc/sendmail.mc"
  submission "$port" > "$dir/etc/submit.mc"
  compile sendmail
  compile submit
  export sendmail sockets
  run_apart serve "$port"
}

# A program for pipes that puts a message into the Maildir of $dir for each recipient: deliver SENDER RECIPIENT … < message
write_deliver() {
  cat > "$dir/etc/deliver" <<SH
#!/bin/sh
umask 022
message=\$(cat; echo .)
name=\$(date +%s.%N).\$\$
sender=\$1
shift
for recipient; do
  number=\$((number + 1))
  printf 'Return-Path: <%s>\nDelivered-To: %s\n%s' "\$sender" "\$recipient" "\${message%.}" > "$dir/mail/tmp/\$name.\$number"
done
mv "$dir/mail/tmp/\$name".* "$dir/mail/new"
SH
  chmod 755 "$dir/etc/deliver"
}

compile() {
  m4 -D_CF_DIR_="$cf/" "$cf/m4/cf.m4" "$dir/etc/$1.mc" > "$dir/etc/$1.cf" 2> "$dir/m4.out" || { cat "$dir/m4.out" >&2; die "m4 failed"; }
}

# Sendmail refuses files in a folder that anybody can write to, such as /tmp, so it sees DIR/etc as /dev/etc.
server() {
  cat <<MC
divert(0)dnl
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`mta.test')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confSERVICE_SWITCH_FILE', \`/dev/etc/service.switch')dnl
define(\`confHOSTS_FILE', \`/dev/etc/hosts')dnl
define(\`QUEUE_DIR', \`$dir/queue')dnl
define(\`STATUS_FILE', \`$dir/statistics')dnl
define(\`confPID_FILE', \`$dir/sendmail.pid')dnl
define(\`confCONTROL_SOCKET_NAME', \`')dnl
define(\`ALIAS_FILE', \`/dev/etc/aliases')dnl
define(\`confLOG_LEVEL', \`14')dnl
define(\`confMILTER_LOG_LEVEL', \`14')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confBAD_RCPT_THROTTLE', \`0')dnl
define(\`confMAX_DAEMON_CHILDREN', \`0')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confDELIVERY_MODE', \`background')dnl
define(\`confMIN_QUEUE_AGE', \`0')dnl
define(\`SMART_HOST', \`sink:mta.test')dnl
FEATURE(\`no_default_msa')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`accept_unqualified_senders')dnl
LOCAL_DOMAIN(\`mta.test localhost')dnl
DAEMON_OPTIONS(\`Name=MTA, Family=inet, Addr=127.0.0.1, Port=$1')dnl
MC
}

sink() {
  cat <<MC
MAILER_DEFINITIONS
Msink, P=/dev/etc/deliver, F=DFMShmnu9, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix, A=deliver \$g \$u
MC
}

submission() {
  cat <<MC
divert(0)dnl
define(\`confCF_VERSION', \`Submit')dnl
define(\`__OSTYPE__', \`')dnl
define(\`confDOMAIN_NAME', \`mta.test')dnl
define(\`confSERVICE_SWITCH_FILE', \`/dev/etc/service.switch')dnl
define(\`confHOSTS_FILE', \`/dev/etc/hosts')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confRUN_AS_USER', \`nobody')dnl
define(\`MSP_QUEUE_DIR', \`$dir/clientqueue')dnl
define(\`STATUS_FILE', \`$dir/statistics')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confPID_FILE', \`$dir/submit.pid')dnl
define(\`RELAY_MAILER_ARGS', \`TCP \$h $1')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`msp', \`[127.0.0.1]')dnl
MC
}

serve() {
  local device
  mount -t tmpfs -o mode=755 tmpfs "$dir/dev"
  for device in null zero full random urandom tty; do
    : > "$dir/dev/$device"
    mount --bind "/dev/$device" "$dir/dev/$device"
  done
  ln -s /proc/self/fd "$dir/dev/fd"
  mkdir "$dir/dev/etc"
  mount --bind "$dir/etc" "$dir/dev/etc"
  mount -t tmpfs -o mode=755 tmpfs "$dir/run"
  mkdir "$dir/run/postern"
  [ -z "$sockets" ] || mount --bind "$sockets" "$dir/run/postern"
  mount --rbind "$dir/dev" /dev
  mount --rbind "$dir/run" /run
  perl -MSocket -MIO::Handle -e '
    socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die; bind $s, sockaddr_un("/dev/log") or die "bind: $!";
    chmod 0666, "/dev/log"; open my $f, ">>", "$ENV{dir}/maillog" or die; $f->autoflush(1);
    while (defined recv $s, my $m, 65536, 0) { $m =~ s/^<\d+>//; $m =~ s/[\0\n]*$/\n/; print $f $m }' &
  until [ -S /dev/log ]; do sleep 0.01; done
  "$sendmail" -C "$dir/etc/sendmail.cf" -bi > /dev/null
  # The shell stays, as the init of the PID namespace: it reaps what Sendmail leaves behind.
  "$sendmail" -C "$dir/etc/sendmail.cf" -bD -q1s &
  wait $!
}

begin "$@"
shift 2
case $command in
  start) start "$@" ;;
  submit) enter "$sendmail" -C "$dir/etc/submit.cf" "$@" ;;
  daemon) enter "$sendmail" -C "$dir/etc/sendmail.cf" "$@" ;;
  queue) find "$dir/queue" "$dir/clientqueue" -name '[qd]f*' ;;
  stop) stop_apart ;;
  *) die "unknown command $command" ;;
esac
