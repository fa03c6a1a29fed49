#!/bin/bash
# unit-life.sh PACKAGE FOLDER: the units of the package under the systemd of a Debian 12 that is booted in FOLDER, and the steps of the page
# of the first day. Ends with "done".
set -euo pipefail
here=$(realpath "$(dirname "$0")")
. "$here/debian-root.sh"
debian_root "$2" booted
root=$2/booted
pages=$here/../../contrib/operating

systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --kill-signal=SIGRTMIN+3 -D "$root" < /dev/null > "$2/console" 2>&1 &
outer=$!
trap 'kill $outer; wait $outer || true' EXIT
until leader=$(pgrep -P $outer); do kill -0 $outer; sleep 0.2; done
inside() { nsenter -t "$leader" -m -u -i -n -p -C -r -w /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
fail() { echo "$*" >&2; inside journalctl -u postern.service -u postern.socket -n 40 -o cat --no-pager >&2 || true; exit 1; }
expect() { [ "$1" = "$2" ] || fail "expected $2, got $1"; }
# Whether it comes to be is the test; how long it takes is the machine's.
until_so() { for _ in {1..600}; do if "$@" > /dev/null 2>&1; then return; fi; sleep 0.2; done; fail "never: $*"; }
states() { inside systemctl show -p ActiveState --value postern.service postern.socket | xargs; }
is() { [ "$(states)" = "$1" ]; }
property() { inside systemctl show -p "$1" --value postern.service; }
journal() { inside journalctl -u postern -o cat --no-pager; }
# The command of a page that has this text.
page() {
  local found
  found=$(grep -h '^    ' "$pages/README.md" "$pages/upkeep.md" | grep -F -- "$1" | sed 's/^ *//')
  [ -n "$found" ] && [ "$(wc -l <<< "$found")" = 1 ] || fail "not one command: $1"
  inside bash -c "${found/YOUR LIST AS IT WAS/permit_mynetworks, reject_unauth_destination}"
}
# As upkeep.md asks whether it answers.
asks() { inside timeout "${1:-120}" bash -c 'exec 3<>/dev/tcp/127.0.0.1/10040; printf "request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=127.0.0.1\n\n" >&3; head -n 1 <&3'; }
# The reply to a recipient, to a client from outside.
rcpt() {
  inside timeout 120 bash -c '
    exec 3<>/dev/tcp/203.0.113.9/25
    for line in "" "EHLO mx.client.example" "MAIL FROM:<a@client.example>" "RCPT TO:<'"$1"'>"; do
      [ -z "$line" ] || printf "%s\r\n" "$line" >&3
      while read -r reply <&3; do [[ $reply == ???-* ]] || break; done
    done
    echo "${reply%$'"'\\\\r'"'}"'
}
refuses() { [[ $(rcpt nobody@example.org) == 550* ]]; }

until_so inside systemctl is-active multi-user.target
nsenter -t "$leader" -n ip address add 203.0.113.9/32 dev lo
cp "$1" "$root/root/postern.deb"
inside dpkg -i /root/postern.deb > /dev/null 2>&1
expect "$(states)" "active active"

# The first day.
inside useradd --no-create-home john
inside postconf -e mydestination=example.org
cat "$pages/first-day.toml" > "$root/etc/postern/postern.toml"
page "getent passwd"
grep -qx john@example.org "$root/etc/postern/addresses"
[[ $(page "postern check -c") == *"no errors"* ]]
page "systemctl restart postern"
[[ $(page "systemctl status postern") == *"active (running)"* ]]
page "postconf -e 'smtpd_policy_service_default_action"
page "postconf -e 'smtpd_recipient_restrictions"
until_so inside postfix status
page "postfix check && postfix reload"
is_seen() { [[ $(rcpt john@example.org) == 250* ]] && page "journalctl -u postern -o cat -n 5" | grep john@example.org; }
until_so is_seen
[[ $(rcpt nobody@example.org) == 250* ]]
would() { page "--since -1d | grep '\"would\"' | grep -o" | grep unknown-mailbox; }
until_so would
expect "$(page "/dev/tcp/127.0.0.1/10040; printf")" action=DUNNO
sed -i '/^mode = "shadow"$/d' "$root/etc/postern/postern.toml"
inside systemctl reload postern
until_so refuses

# A reload with errors changes nothing.
echo nonsense >> "$root/etc/postern/postern.toml"
if inside systemctl reload postern 2> /dev/null; then fail "a configuration with errors was reloaded"; fi
sed -i '/^nonsense$/d' "$root/etc/postern/postern.toml"
refuses

# Clients of a restart wait, and so do those of a daemon that was killed.
inside systemctl restart postern &
restarting=$!
while kill -0 $restarting 2> /dev/null; do expect "$(asks)" action=DUNNO; done
wait $restarting
inside systemctl kill --kill-whom=main --signal=KILL postern
expect "$(asks)" action=DUNNO
expect "$(property NRestarts)" 1

# The watchdog ends a daemon that handles no event.
mkdir -p "$root/etc/systemd/system/postern.service.d"
printf '[Service]\nWatchdogSec=10s\n' > "$root/etc/systemd/system/postern.service.d/watchdog.conf"
inside systemctl daemon-reload
inside systemctl restart postern
inside systemctl kill --kill-whom=main --signal=STOP postern
expect "$(asks)" action=DUNNO
expect "$(property NRestarts)" 1

# A port that another program has is tried for as long as it has it, which is longer than a start that fails without a pause.
inside systemctl stop postern.socket postern.service 2> /dev/null
inside systemd-run --quiet --unit=other /usr/lib/postern/node -e 'require("node:net").createServer().listen(10040, "127.0.0.1")'
until_so inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/10040'
inside systemctl start postern 2> /dev/null || true
is_tried() { [ "$(property NRestarts)" -gt 10 ]; }
until_so is_tried
inside systemctl stop other
serves() { [ "$(asks 5)" = action=DUNNO ] && [ "$(property ActiveState)" = active ]; }
until_so serves

# A configuration that cannot be read is not tried again. Clients are refused, and the correction brings the sockets, too.
inside systemctl stop postern.socket postern.service 2> /dev/null
inside systemctl start postern.socket
chgrp 0 "$root/etc/postern/postern.toml"
if inside systemctl start postern 2> /dev/null; then fail "started without a configuration"; fi
expect "$(property SubState) $(property NRestarts) $(property ExecMainStatus)" "failed 0 78"
journal | grep -q "postern.toml is not readable"
if asks 2> /dev/null; then fail "answered without a configuration"; fi
until_so is "failed failed"
inside chgrp postern /etc/postern/postern.toml
inside systemctl reset-failed postern
inside systemctl start postern
expect "$(states)" "active active"
refuses
echo done
