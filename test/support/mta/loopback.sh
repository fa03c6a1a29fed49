# What the scripts in this folder share; to be sourced.

PATH=$PATH:/usr/sbin:/sbin
prefix=${POSTERN_MTA_PREFIX:-/var/cache/postern-mta}

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# begin COMMAND DIR …: the arguments of every script here; sets command and dir.
begin() {
  [ $# -ge 2 ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || die "must run as root"
  command=$1
  dir=$(cd "$2" && pwd -P)
}

# options "--port --main" "$@": puts the value of each known option into the variable of the same name. --port is required.
options() {
  local known=" $1 "
  shift
  while [ $# -gt 0 ]; do
    case $known in
      *" $1 "*) printf -v "${1#--}" %s "$2" ;;
      *) die "unknown option $1" ;;
    esac
    shift 2
  done
  [ -n "$port" ] || die "--port is missing"
}

# The MTA's own users must be able to reach $dir. It has UNIX sockets, and their names may have at most 107 characters.
prepare() {
  [ ${#dir} -le 60 ] || die "the name of $dir is too long"
  setpriv --reuid=nobody --clear-groups test -x "$dir" || die "$dir is not reachable for other users"
  mkdir -p "$dir"/{etc,queue} "$dir"/mail/{tmp,new,cur}
  : > "$dir/maillog"
}

# answers PORT [PID]: waits for an SMTP greeting, at most two minutes and only while PID is running.
answers() {
  local end=$((SECONDS + 120)) line
  while [ $SECONDS -le $end ] && { [ -z "${2:-}" ] || kill -0 "$2" 2> /dev/null; }; do
    if { exec 8<> "/dev/tcp/127.0.0.1/$1"; } 2> /dev/null; then
      line=
      read -r -t 5 line <&8 || true
      exec 8>&-
      case $line in 220*) return 0 ;; esac
    fi
    sleep 0.05
  done
  return 1
}

# run_apart FUNCTION PORT: runs it as the first process in its own mount and PID namespaces, where name service
# reads only files: no DNS query leaves the machine, and nothing outlives stop_apart.
run_apart() {
  printf '127.0.0.1 localhost mta.test\n::1 localhost\n' > "$dir/etc/hosts"
  printf '%s: files\n' passwd group hosts networks protocols services > "$dir/etc/nsswitch.conf"
  printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' > "$dir/etc/resolv.conf"
  export -f "$1" hide_names
  export dir prefix
  setsid unshare --mount --pid --fork --kill-child bash -euc "hide_names; $1" > "$dir/start.out" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  if ! answers "$2" $!; then
    cat "$dir/start.out" "$dir/maillog" >&2
    stop_apart
    die "did not start"
  fi
}

hide_names() {
  local file
  for file in hosts nsswitch.conf resolv.conf; do mount --bind "$dir/etc/$file" "/etc/$file"; done
  mount -t proc proc /proc
}

# By now the number in the file may belong to another process.
running_apart() { [ -s "$dir/pid" ] && grep -qs hide_names "/proc/$(cat "$dir/pid")/cmdline"; }

# Runs a command in these namespaces.
enter() {
  local pid
  pid=$(cat "$dir/pid")
  nsenter --target "$(tr -d ' ' < "/proc/$pid/task/$pid/children")" --mount --pid --root --wd=/ "$@"
}

# unshare does not pass on signals, but when it dies every process of the PID namespace dies with it.
stop_apart() {
  local turn
  running_apart || return 0
  kill -KILL "$(cat "$dir/pid")"
  for turn in {1..1000}; do
    running_apart || break
    sleep 0.02
  done
  rm -f "$dir/pid"
}
