#!/bin/bash
# Builds the server with a sanitizer and lets the integration tests drive it: run.sh thread|address [pytest arguments].
# Any finding is a failure, whatever the tests say. With the address sanitizer memory is hostile as well: it is small,
# moves whenever it is appended to, and is never used again at once (Sources/Memory/HostileMemory.swift). That build
# is optimised and keeps its assertions, since hostile memory hands over input in pieces of a few bytes. What takes the
# shipped binary a second may take this one some more (Tests/Integration/support/timing.py); the tests of the shipped
# binary itself are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
kind=$1
shift
build=.build/sanitize/$kind
mkdir -p "$build"
flags=(--sanitize="$kind" --build-path "$build")
if [ "$kind" = thread ]; then
  clang -O1 -c Tests/Sanitizers/records.c -o "$build/records.o"
  flags+=(-Xlinker "$PWD/$build/records.o"
    -Xlinker --wrap=__tsan_external_read -Xlinker --wrap=__tsan_external_write)
fi
if [ "$kind" = address ]; then
  flags+=(-Xswiftc -DHOSTILE_MEMORY -Xswiftc -DADDRESS_SANITIZER -Xswiftc -O -Xswiftc -assert-config -Xswiftc Debug)
fi
for program in outrider outriderctl fork-locks; do swift build --product "$program" "${flags[@]}"; done
make -o server plugins RELEASE="$build/debug" >/dev/null
rm -f "$build"/report.*
options="log_path=$PWD/$build/report detect_leaks=0 handle_segv=0 handle_abort=0 handle_sigbus=0 handle_sigfpe=0"
status=0
OUTRIDER_SLOWNESS=8 SWIFT_BACKTRACE=enable=no OUTRIDER_RELEASE=$PWD/$build/debug \
  TSAN_OPTIONS="$options exitcode=0" ASAN_OPTIONS="$options quarantine_size_mb=64" \
  Tests/Parallel/run.sh .build/venv/bin/python -m pytest -q --ignore Tests/Integration/operations/test_binary.py "${@:-Tests/Integration}" || status=$?
if compgen -G "$build/report.*" >/dev/null; then
  cat "$build"/report.* | head -400
  echo "the $kind sanitizer has found something: $(ls "$build"/report.* | wc -l) report(s) in $build"
  exit 1
fi
exit "$status"
