#!/bin/bash
# Runs a command under a kernel that offers what the one below may lack: run.sh COMMAND [ARGUMENTS]. The kernel is
# Debian's User Mode Linux, a program like others, over this machine's files; it has a network of its own, lo alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
Tests/Environment/debian.sh user-mode-linux
job=$(mktemp -d)
kernel=
trap '[ -z "$kernel" ] || kill "$kernel" 2>/dev/null || true; rm -rf "$job"' EXIT
printf '%q ' "$@" >"$job/command"
# What the kernel does not know of its command line is the environment of the first process.
timeout 600 linux.uml mem=1G rootfstype=hostfs root=/dev/root rw init="$PWD/Tests/Kernel/init" JOB="$job" \
  uml_dir="$job/" con=null con0=null,fd:1 quiet </dev/null >"$job/console" 2>&1 &
kernel=$!
wait "$kernel" || true
if [ ! -s "$job/status" ]; then
  cat "$job/console" "$job/output"
  echo "the kernel went down, or was not done within 600 s"
  exit 1
fi
cat "$job/output"
exit "$(<"$job/status")"
