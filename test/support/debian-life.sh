#!/bin/bash
# debian-life.sh PACKAGE FOLDER: the life of the package in a Debian 12 of its own, which is made in FOLDER. Ends with "done".
set -euo pipefail
package=$1
. "$(dirname "$0")/debian-root.sh"
debian_root "$2" root
root=$2/root
mount -t proc proc "$root/proc"
trap 'end' EXIT
end() {
  inside postfix stop 2> /dev/null || true
  umount "$root/proc"
}
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
as_postern() { inside setpriv --reuid postern --regid postern --clear-groups "$@"; }
expect() { [ "$1" = "$2" ] || { echo "expected $2, got $1" >&2; exit 1; }; }

cp "$package" "$root/tmp/first.deb"
inside dpkg -i /tmp/first.deb > /dev/null 2>&1
expect "$(inside stat -c '%a %U %G' /etc/postern/postern.toml /var/lib/postern /run/postern | xargs)" \
  "640 root postern 700 postern postern 755 postern postern"
expect "$(inside systemctl is-enabled postern.service postern.socket 2> /dev/null | xargs)" "enabled enabled"
as_postern postern check 2> /dev/null

# It serves, and keeps what it learns.
cat >> "$root/etc/postern/postern.toml" <<'TOML'
[session.rcpt.greylist]
enable = true
TOML
sed -i 's/^mode = "shadow"$//; s/10040/10940/; s/10043/10943/' "$root/etc/postern/postern.toml"
# Who exists, as README.md says.
sed -i 's/^\[directory.mta\]$/[directory.accounts]/; s/^type = "mta"$/type = "memory"\nprincipals = [{ name = "john", email = ["john@example.org"] }]/' \
  "$root/etc/postern/postern.toml"
chroot --userspec postern:postern "$root" postern serve > "$root/tmp/log" &
serving=$!
until grep -q 10943 "$root/tmp/log"; do kill -0 $serving; sleep 0.2; done
exec 3<> /dev/tcp/127.0.0.1/10940
printf '%s\n' request=smtpd_access_policy protocol_state=RCPT client_address=203.0.113.9 helo_name=mx.client.example \
  sender=a@client.example recipient=john@example.org instance=1 '' >&3
read -r answer <&3
[[ $answer == action=DEFER_IF_PERMIT* ]] || { echo "$answer" >&2; exit 1; }

# Postfix refuses who does not exist.
sed -i 's/^smtp  *inet/127.0.0.1:10925 inet/' "$root/etc/postfix/master.cf"
inside postconf maillog_file=/var/log/mail.log mydestination=example.org inet_protocols=ipv4 \
  'smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:10940, permit_mynetworks, reject_unauth_destination'
inside postfix start 2> /dev/null
exec 4<> /dev/tcp/127.0.0.1/10925
smtp() { # sends a line, and prints the last one of the reply
  [ -z "$1" ] || printf '%s\r\n' "$1" >&4
  while read -r reply <&4; do [[ $reply == ???-* ]] || break; done
  echo "${reply%$'\r'}"
}
for line in "" "EHLO mx.client.example" "MAIL FROM:<a@client.example>"; do [[ $(smtp "$line") == 2* ]]; done
expect "$(smtp "RCPT TO:<nobody@example.org>")" \
  "550 5.1.2 <nobody@example.org>: Recipient address rejected: Mailbox does not exist."
expect "$(smtp QUIT)" "221 2.0.0 Bye"
inside postfix stop 2> /dev/null

# An upgrade keeps the configuration and the state.
dpkg-deb -R "$package" "$root/tmp/next"
sed -i 's/^Version: .*/Version: 99.0/' "$root/tmp/next/DEBIAN/control"
echo '# of the next version' >> "$root/tmp/next/etc/postern/postern.toml"
DPKG_DEB_COMPRESSOR_TYPE=none dpkg-deb --root-owner-group -b "$root/tmp/next" "$root/tmp/next.deb" > /dev/null
inside dpkg --force-confold -i /tmp/next.deb > /dev/null 2>&1
kill $serving
wait $serving || true
expect "$(inside stat -c '%a %U %G' /etc/postern/postern.toml)" "640 root postern"
grep -q 10940 "$root/etc/postern/postern.toml"
as_postern postern greylist list | grep -q john@example.org

inside dpkg -r postern > /dev/null 2>&1
[ -e "$root/var/lib/postern/state.sqlite" ] && [ -e "$root/etc/postern/postern.toml" ]
inside dpkg -P postern > /dev/null 2>&1
left=$(find "$root/etc" "$root/usr" "$root/var/lib/postern" "$root/run/postern" -iname '*postern*' 2> /dev/null || true)
[ -z "$left" ] || { echo "left: $left" >&2; exit 1; }
echo done
