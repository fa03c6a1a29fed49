#!/bin/bash
# Installs the MTAs and the servers of LDAP and MariaDB of the end-to-end tests, on Debian 12. Run as root; safe to run again.
#
# Postfix and miltertest are installed as packages, Postfix without a configuration; no service is started.
# Sendmail, Exim and OpenSMTPD, which Debian does not let you install together with Postfix, are only unpacked, below $POSTERN_MTA_PREFIX,
# and so are slapd with a library, MariaDB and Dovecot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
prefix=${POSTERN_MTA_PREFIX:-/var/cache/postern-mta}

[ "$(id -u)" = 0 ] || { echo "install.sh: must run as root" >&2; exit 1; }

# libsasl2-modules: without a mechanism smtpd does not start with smtpd_sasl_auth_enable.
packages=(postfix libsasl2-modules perl-base m4 miltertest)
# The libraries of Sendmail and Exim.
packages+=(libdb5.3 libldap-2.5-0 liblockfile1 libnsl2 libsasl2-2 libssl3 libwrap0 libgnutls-dane0 libgnutls30 libidn12 libpcre2-8-0)
# The library of OpenSMTPD that few others use.
packages+=(libevent-2.1-7)
# The libraries of MariaDB.
packages+=(libaio1 liburing2)
# Each is unpacked into a folder of its own.
unpacked=(sendmail-bin sendmail-cf exim4-daemon-light opensmtpd slapd libltdl7 mariadb-server-core dovecot-core dovecot-lmtpd)
binaries=("$prefix/sendmail-bin/usr/libexec/sendmail/sendmail" "$prefix/exim4-daemon-light/usr/sbin/exim4" "$prefix/opensmtpd/usr/sbin/smtpd" "$prefix/slapd/usr/sbin/slapd"
  "$prefix/mariadb-server-core/usr/sbin/mariadbd" "$prefix/dovecot-lmtpd/usr/lib/dovecot/lmtp")

# Several test files may run this at the same time.
exec 9> /tmp/postern-mta-install.lock
flock 9

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
absent=()
for package in "${unpacked[@]}"; do
  [ -d "$prefix/$package" ] || absent+=("$package")
done
[ ${#missing[@]} -gt 0 ] || [ ${#absent[@]} -gt 0 ] || exit 0

# Keep the packages from starting system daemons while they install.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod 755 $policy
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=60)
"${apt[@]}" update
if [ ${#missing[@]} -gt 0 ]; then
  echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
  "${apt[@]}" install --no-install-recommends "${missing[@]}" > /dev/null
fi
if [ ${#absent[@]} -gt 0 ]; then
  fetched=$(mktemp -d)
  (cd "$fetched" && "${apt[@]}" -o APT::Sandbox::User=root download "${absent[@]}")
  mkdir -p "$prefix"
  chmod 755 "$prefix"
  for package in "${absent[@]}"; do
    rm -rf "$prefix/$package.part"
    dpkg -x "$fetched/$package"_*.deb "$prefix/$package.part"
    # Only root runs them here.
    find "$prefix/$package.part" -type f -perm /6000 -exec chmod ug-s {} +
    mv "$prefix/$package.part" "$prefix/$package"
  done
  rm -rf "$fetched"
fi

libraries=$(echo "$prefix"/{slapd,libltdl7}/usr/lib/*-linux-gnu "$prefix/dovecot-core/usr/lib/dovecot" | tr ' ' :)
for binary in "${binaries[@]}"; do
  lacking=$(LD_LIBRARY_PATH=$libraries ldd "$binary" | grep 'not found' || true)
  [ -z "$lacking" ] || { echo "install.sh: $binary lacks $lacking" >&2; exit 1; }
done
