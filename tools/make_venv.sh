#!/bin/sh
# Makes .venv with the given Python and installs the pins of the given file.
set -eu
python=$1 pins=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "make: $python is not Python 3.11 or newer: install it, or name one with PYTHON=python3.12" >&2
  exit 2
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  root=''
  [ "$(id -u)" = 0 ] || root=sudo
  if ! command -v apt-get >/dev/null || { [ -n "$root" ] && ! command -v sudo >/dev/null; }; then
    echo "make: $python has no venv module: install the package python3-venv" >&2
    exit 2
  fi
  echo "installing python3-venv" >&2
  $root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing $pins into .venv" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$pins"
# Console scripts such as scrapyd do not look in the folder they are started in: .venv knows its project.
for site in .venv/lib/python*/site-packages; do
  echo ../../../.. >"$site/scraping_project.pth"
done
