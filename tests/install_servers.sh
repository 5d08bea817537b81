#!/bin/sh
# Brings what the test suite needs on Debian and Ubuntu: the servers and wget as packages,
# and two manuals, unpacked below .cache/docs, as real sites to crawl.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
scratch=
own_policy=

give_up() {
  printf '%s\n' "make test: $1" >&2
  exit 2
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

cleanup() {
  if [ -n "$own_policy" ]; then as_root rm -f "$policy"; fi
  if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}
trap cleanup EXIT
trap "exit 130" HUP INT TERM

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"
}

# A package starts its service while it is installed, unless the machine's policy forbids it.
forbid_services() {
  if [ ! -e "$policy" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
}

# Nor may it start with the next boot: a Redis on port 6379 would be taken for the user's own.
disable_services() {
  if [ ! -d /run/systemd/system ]; then return; fi
  for package in "$@"; do
    case $package in
      redis-server) as_root systemctl --quiet disable --now redis-server ;;
      mariadb-server) as_root systemctl --quiet disable --now mariadb ;;
      nginx-light) as_root systemctl --quiet disable --now nginx ;;
    esac
  done
}

missing_packages() {
  command -v redis-server >/dev/null || echo redis-server
  { command -v mariadbd && command -v mariadb-install-db; } >/dev/null || echo mariadb-server
  command -v nginx >/dev/null || echo nginx-light
  command -v wget >/dev/null || echo wget
  command -v strace >/dev/null || echo strace
  command -v faketime >/dev/null || echo faketime
  command -v chromium >/dev/null || echo chromium
}

install_packages() {
  forbid_services
  # The first try fails where the lists of packages are absent or old.
  if ! apt_get install -y --no-install-recommends "$@" 2>/dev/null &&
    ! { apt_get update && apt_get install -y --no-install-recommends "$@"; }; then
    give_up "apt could not install these; please install them by hand: $*"
  fi
  disable_services "$@"
}

newest_offered() {
  apt-cache search --names-only "$1" | cut -d ' ' -f 1 | sort -V | tail -n 1
}

download() {
  (cd "$scratch" && apt-get -q download "$1")
}

# unpack_manual NAME PATTERN: the html directory of the newest package like PATTERN as .cache/docs/NAME.
unpack_manual() {
  package=$(newest_offered "$2")
  if [ -z "$package" ]; then
    apt_get update || give_up "apt could not update its lists to find the manual $2"
    package=$(newest_offered "$2")
  fi
  if [ -z "$package" ]; then give_up "apt offers no package like $2"; fi
  scratch=$(mktemp -d)
  if ! download "$package" 2>/dev/null && ! { apt_get update && download "$package"; }; then
    give_up "apt could not download $package"
  fi
  dpkg-deb -x "$scratch"/*.deb "$scratch/tree"
  set -- "$1" "$scratch"/tree/usr/share/doc/*/html
  if [ ! -f "$2/index.html" ]; then give_up "$package holds no html/index.html"; fi
  mkdir -p .cache/docs
  # Renamed within one filesystem at the end, so that an interrupted run leaves no half manual.
  rm -rf ".cache/docs/$1.part"
  cp -R "$2" ".cache/docs/$1.part"
  mv ".cache/docs/$1.part" ".cache/docs/$1"
  rm -rf "$scratch"
  scratch=
}

packages=$(missing_packages)
manuals=
if [ ! -d .cache/docs/postgresql ]; then manuals="$manuals postgresql-doc"; fi
if [ ! -d .cache/docs/scrapy ]; then manuals="$manuals python-scrapy-doc"; fi
if [ -z "$packages$manuals" ]; then exit 0; fi

# shellcheck disable=SC2086,SC2116 # splits the lines into words
wanted=$(echo $packages $manuals)
if ! command -v apt-get >/dev/null; then
  give_up "there is no apt here; the tests need what Debian packages as: $wanted"
fi
if [ -n "$packages" ] && [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
  give_up "neither root nor sudo; please have these installed: $wanted"
fi

if [ -n "$packages" ]; then
  # shellcheck disable=SC2086 # a list of words
  install_packages $packages
fi
if [ ! -d .cache/docs/postgresql ]; then unpack_manual postgresql '^postgresql-doc-[0-9]+$'; fi
if [ ! -d .cache/docs/scrapy ]; then unpack_manual scrapy '^python3?-scrapy-doc$'; fi
