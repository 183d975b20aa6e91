#!/bin/bash
# Builds the fuzz targets with AddressSanitizer and runs them: Tests/Fuzz/run.sh [target ...], all if none is named.
#
#   FUZZ_SECONDS  how long each runs (60); 0 replays the seeds and what was found to be worth keeping, and no more
#   FUZZ_JOBS     how many run at once (1)
#
# Everything made is under .build/fuzz: corpus/ is kept from run to run, findings/ has the inputs that failed. The exit
# status is 1 if there are any. To run one again:
#
#   SWIFT_BACKTRACE=enable=no .build/fuzz/HeadParser .build/fuzz/findings/HeadParser/crash-…
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${FUZZ_SECONDS:-60}
jobs=${FUZZ_JOBS:-1}
out=.build/fuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(HeadParser ChunkedDecoder ProxyHeader ResponseWriter HTTP2Session)

# Optimised, as it ships, and with every check that can be had.
flags=(-O -g -wmo -parse-as-library -sanitize=fuzzer,address -assert-config Debug -enforce-exclusivity=checked
  -swift-version 6 -package-name outrider -strict-memory-safety -enable-upcoming-feature ExistentialAny
  -warnings-as-errors -I "$out" -I Sources/CNghttp2 -use-ld=lld)

# The longest input: what reaches the limits that the target chooses, and its slow paths, without being slow.
declare -A longest=([HeadParser]=2048 [ChunkedDecoder]=1024 [ProxyHeader]=600 [ResponseWriter]=1024
  [HTTP2Session]=2048)

# ---- Building ---------------------------------------------------------------------------------------------------

# Whether $1 is older than any of the other files and folders.
outdated() {
  local made=$1
  shift
  [ ! -e "$made" ] || [ -n "$(find "$@" -newer "$made" -print -quit)" ]
}

# The engine is a module of its own, as in the server: a target may have a file of the same name as the engine's.
build() {
  mkdir -p "$out"
  if outdated "$out/HTTP.o" Sources/HTTP Tests/Fuzz/run.sh; then
    echo "Building the engine"
    rm -f "$out/HTTP.o"
    swiftc "${flags[@]}" -module-name HTTP -emit-module -emit-module-path "$out/HTTP.swiftmodule" \
      -emit-object -o "$out/HTTP.o" $(find Sources/HTTP -name '*.swift' | sort)
  fi
  local target
  for target in "${targets[@]}"; do
    local sources=(Tests/Fuzz/"$target".swift $(compgen -G "Tests/Fuzz/$target+*.swift" || true) Tests/Fuzz/Support/*.swift)
    if outdated "$out/$target" "$out/HTTP.o" Tests/Fuzz/Support "${sources[@]}"; then
      echo "Building $target"
      swiftc "${flags[@]}" -module-name "Fuzz$target" -emit-module-path "$out/Fuzz$target.swiftmodule" \
        -emit-executable -o "$out/$target" "${sources[@]}" "$out/HTTP.o" -lnghttp2
    fi
  done
}

# ---- Running ----------------------------------------------------------------------------------------------------

# Swift's own backtraces would keep libFuzzer from seeing a trap.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=1:${ASAN_OPTIONS:-}

# Runs one target; all it says goes to a log.
fuzz() {
  local target=$1 status=0 log="$out/$1.log"
  mkdir -p "$out/corpus/$target" "$out/findings/$target"
  local length=(-max_total_time="$seconds")
  [ "$seconds" -gt 0 ] || length=(-runs=0)
  "$out/$target" "${length[@]}" -max_len="${longest[$target]}" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$out/findings/$target/" -dict=Tests/Fuzz/words.dict "$out/corpus/$target" "Tests/Fuzz/seeds/$target" >"$log" 2>&1 || status=$?
  local executions coverage verdict="no finding"
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(sed -n 's/.*\(cov: [0-9]* ft: [0-9]*\).*/\1/p' "$log" | tail -1)
  if [ "$status" -ne 0 ]; then
    # An input of the seeds or the corpus that fails is kept like any other.
    verdict="FINDING: $(sed -n 's/.*Test unit written to //p' "$log" | tail -1)"
    verdict+=$'\n'"$(sed -n '/Fatal error: \|ERROR: /s/^/  /p' "$log" | cut -c -300 | head -3)"
    verdict+=$'\n'"  exit status $status, see $log"
  fi
  # In one piece, since others may be at it as well.
  echo "$target: ${executions:-0} executions, ${coverage:-nothing covered}, $verdict"
  return "$status"
}

build
failed=0
running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
