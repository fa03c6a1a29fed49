# debian_root FOLDER NAME: a Debian 12 of its own in FOLDER/NAME, with systemd and a Postfix; the first one is unpacked once for all of FOLDER.
debian_root() {
  if [ ! -d "$1/debian" ]; then
    debootstrap --variant=minbase --include=systemd,postfix bookworm "$1/unpacked" > /dev/null
    mv "$1/unpacked" "$1/debian"
  fi
  [ -d "$1/$2" ] || cp -a "$1/debian" "$1/$2"
}
