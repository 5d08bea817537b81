#!/bin/sh
# Runs the unit tests with every other Python from 3.11 on that this machine has, each in an environment of its own.
set -eu
own=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13 3.14; do
  [ "$version" != "$own" ] || continue
  for python in "$HOME/.pyenv/versions/$version".*/bin/python "python$version"; do
    "$python" -c 'import ensurepip, venv' 2>/dev/null || continue
    folder=.cache/venv-$version
    if ! [ "$folder/done" -nt requirements-dev.txt ] || ! [ "$folder/done" -nt requirements.txt ]; then
      "$python" -m venv "$folder"
      "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
      touch "$folder/done"
    fi
    echo "unit tests with Python $version"
    "$folder/bin/pytest" -q tests/unit
    break
  done
done
