#!/bin/bash
# Installs the MTAs that the end-to-end tests talk to, on Debian 12. Run as root; safe to run again.
#
# Postfix is installed as a package, without a configuration; no service is started.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root" >&2; exit 1; }

# libsasl2-modules: without a mechanism smtpd does not start with smtpd_sasl_auth_enable.
packages=(postfix libsasl2-modules perl-base)

# Test files may ask at the same time.
exec 9> /tmp/postern-mta-install.lock
flock 9

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

# Keep the packages from starting system daemons while they install.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod 755 $policy
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get -qq update
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
apt-get -qq -o DPkg::Lock::Timeout=60 install --no-install-recommends "${missing[@]}" > /dev/null
