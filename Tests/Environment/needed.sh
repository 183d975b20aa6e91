#!/bin/bash
# Says which of the named Debian packages are missing and how to get them, and installs nothing. Elsewhere than on Debian
# it looks for what they hold. Without those behind -- something is not built, which is said.
set -euo pipefail
missing=()
if ! pkg-config --exists python3-embed 2>/dev/null; then
  echo "The plugin for applications in Python is not built: python3-dev is missing" >&2
fi
if command -v dpkg-query >/dev/null; then
  for package in "$@"; do
    [ "$package" = -- ] && break
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
  done
else
  for library in libssl libnghttp2 zlib libsystemd tomlplusplus; do
    pkg-config --exists "$library" || missing+=("$library")
  done
fi
for program in swift cc c++ python3 openssl; do
  command -v "$program" >/dev/null || missing+=("$program")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "The build needs what is missing here: ${missing[*]}" >&2
echo "make run and make test install it from Debian (except swift: https://www.swift.org/install)" >&2
exit 1
