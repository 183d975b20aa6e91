#!/bin/bash
# Builds OpenSSL with kTLS into .build/kernel-tls, from Debian's source of the version that the server is linked to:
# Debian's own build leaves kTLS out.
set -euo pipefail
cd "$(dirname "$0")/../.."
built=$PWD/.build/kernel-tls
[ -e "$built/libssl.so.3" ] && exit 0
Tests/Environment/debian.sh dpkg-dev make gcc perl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. /etc/os-release
mkdir -p "$work/lists"
echo "deb-src http://deb.debian.org/debian $VERSION_CODENAME main" >"$work/sources.list"
options=(-qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
  -o APT::Sandbox::User=)
(
  cd "$work"
  apt-get "${options[@]}" update
  apt-get "${options[@]}" source openssl >/dev/null
  cd openssl-*/
  ./Configure linux-"$(uname -m)" enable-ktls no-tests
  make -j"$(nproc)" build_libs
) >"$work/log" 2>&1 || { tail -50 "$work/log"; exit 1; }
mkdir -p "$built"
cp "$work"/openssl-*/libcrypto.so.3 "$work"/openssl-*/libssl.so.3 "$built"
