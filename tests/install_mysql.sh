#!/bin/sh
# Unpacks a MySQL server below .cache/mysql, with all that it loads: Debian's stable releases have none.
# The packages are those of Debian's unstable release, checked by its key; nothing is installed.
set -eu

cd "$(dirname "$0")/.."
if [ -x .cache/mysql/usr/sbin/mysqld ]; then exit 0; fi

give_up() {
  printf '%s\n' "make matrix: $1" >&2
  exit 2
}

command -v apt-get >/dev/null || give_up "there is no apt here to fetch a MySQL server with"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "$keyring" ] || give_up "please install debian-archive-keyring: the packages are checked by its key"
# Where this machine has its own packages from.
mirror_here() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1; }
mirror=${DEBIAN_MIRROR:-$(mirror_here)}
[ -n "$mirror" ] || give_up "apt has no source of Debian's packages here: name one with DEBIAN_MIRROR=URL"

rm -rf .cache/mysql.part
mkdir -p .cache/mysql.part/lists/partial .cache/mysql.part/archives/partial .cache/mysql.part/tree
part=$PWD/.cache/mysql.part
trap 'rm -rf "$part"' EXIT
trap "exit 130" HUP INT TERM

# An apt of its own: it takes nothing to be installed, so that it fetches the C library too.
echo "deb [signed-by=$keyring] $mirror unstable main" >"$part/unstable.list"
: >"$part/status"
apt() {
  apt-get -q -o "Dir::Etc::sourcelist=$part/unstable.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State::lists=$part/lists" -o "Dir::State::status=$part/status" -o "Dir::Cache=$part" \
    -o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}
apt update >"$part/log" 2>&1 || give_up "apt could not read the lists of unstable: $(tail -n 1 "$part/log")"
apt -y --no-install-recommends --download-only install mysql-server-core >"$part/log" 2>&1 ||
  give_up "apt could not fetch mysql-server-core: $(tail -n 1 "$part/log")"
for package in "$part"/archives/*.deb; do dpkg-deb -x "$package" "$part/tree"; done
[ -x "$part/tree/usr/sbin/mysqld" ] || give_up "mysql-server-core holds no mysqld"
# Renamed at the end, so that an interrupted run leaves no half server.
rm -rf .cache/mysql
mv "$part/tree" .cache/mysql
