#!/bin/bash
# Builds the fuzz targets with AddressSanitizer and runs them: Tests/Fuzz/run.sh [target ...], all if none is named.
#
#   FUZZ_SECONDS  how long each runs (60); 0 replays the seeds and what was found to be worth keeping, and no more
#   FUZZ_JOBS     how many run at once (1)
#   FUZZ_HOSTILE  1: with HOSTILE_MEMORY, under which memory moves and is poisoned at every occasion; 0: without. Each
#                 target has its own preference, which this overrules.
#   FUZZ_SEEDS    1 with FUZZ_SECONDS=0: the seeds alone
#
# Everything made is under .build/fuzz: plain/ and hostile/ have the programs, corpus/ is kept from run to run, findings/
# has the inputs that failed. The exit status is 1 if there are any. To run one again:
#
#   SWIFT_BACKTRACE=enable=no .build/fuzz/plain/HeadParser .build/fuzz/findings/HeadParser/crash-…
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${FUZZ_SECONDS:-60}
jobs=${FUZZ_JOBS:-1}
out=.build/fuzz
# Those of the engine alone, which need no other module.
engine_targets=(HeadParser ChunkedDecoder ProxyHeader ResponseWriter HTTP2Session HTTP2Heads WebSocket)
# Those of the worker: whole connections.
worker_targets=(HTTP1Connections HTTP2Connections)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${engine_targets[@]}" "${worker_targets[@]}")

# The longest input: what reaches the limits that the target chooses, and its slow paths, without being slow.
declare -A longest=([HeadParser]=2048 [ChunkedDecoder]=1024 [ProxyHeader]=600 [ResponseWriter]=1024
  [HTTP2Session]=2048 [HTTP2Heads]=512 [WebSocket]=1024 [HTTP1Connections]=1024 [HTTP2Connections]=512)
# What memory the target runs with unless told otherwise.
declare -A hostile=([HTTP2Heads]=1 [WebSocket]=1 [HTTP1Connections]=1 [HTTP2Connections]=1)

variant() { if [ "${FUZZ_HOSTILE:-${hostile[$1]:-0}}" = 1 ]; then echo hostile; else echo plain; fi; }
is_of_worker() { [[ " ${worker_targets[*]} " == *" $1 "* ]]; }

# ---- Building ---------------------------------------------------------------------------------------------------

# Optimised, as it ships, and with every check that can be had.
flags=(-O -g -wmo -parse-as-library -sanitize=fuzzer,address -assert-config Debug -enforce-exclusivity=checked
  -swift-version 6 -use-ld=lld)
own=(-package-name outrider -strict-memory-safety -enable-upcoming-feature ExistentialAny -warnings-as-errors)
includes=(-I Sources/CNghttp2 -I Sources/COpenSSL -I Sources/CZlib -I Sources/COutrider/include -I "$out/include")
c_flags=(-O1 -g -fsanitize=address,fuzzer-no-link)
swift_log=.build/checkouts/swift-log/Sources/Logging

# In the order in which they need each other.
engine_modules=(Memory HTTP)
worker_modules=(CLinux CTomlPlusPlus Logging Memory Platform IPC HTTP Configuration TLS PluginHost Workers)

# Whether $1 is older than any of the other files and folders.
outdated() {
  local made=$1
  shift
  [ ! -e "$made" ] || [ -n "$(find "$@" -newer "$made" -print -quit)" ]
}

# What the package manager would make: a module for each C target that has none of its own.
make_includes() {
  local module
  rm -rf "$out/include/COutrider"
  for module in CLinux CTomlPlusPlus; do
    mkdir -p "$out/include/$module"
    printf 'module %s { umbrella "%s" export * }\n' "$module" "$PWD/Sources/$module/include" \
      >"$out/include/$module/module.modulemap.new"
    cmp -s "$out/include/$module/module.modulemap"{.new,} ||
      mv "$out/include/$module/module.modulemap"{.new,}
  done
}

# What a module becomes: CLinux is of several files, which do not become one object.
object() { if [ "$2" = CLinux ]; then echo "$out/$1/$2.a"; else echo "$out/$1/$2.o"; fi; }

# build_module VARIANT NAME BEFORE: an object, and for Swift a module, in the variant's folder, unless it is there and
# newer than its sources and those modules that came before it.
build_module() {
  local place="$out/$1" name=$2 before=$3 sources="Sources/$2" extra=("${own[@]}") made
  made=$(object "$1" "$2")
  [ "$name" != Logging ] || { sources=$swift_log extra=(-package-name swift-log); }
  outdated "$made" "$sources" Tests/Fuzz/run.sh $before || return 0
  echo "Building $name ($1)"
  rm -f "$made"
  [ "$1" != hostile ] || extra+=(-D HOSTILE_MEMORY)
  case $name in
    CLinux)
      local file objects=()
      for file in "$sources"/*.c; do
        objects+=("$place/$name-$(basename "$file" .c).o")
        clang "${c_flags[@]}" -I "$sources/include" -c -o "${objects[-1]}" "$file"
      done
      ar crs "$made" "${objects[@]}"
      return
      ;;
    CTomlPlusPlus)
      clang++ "${c_flags[@]}" -std=c++17 -DTOML_EXCEPTIONS=0 -I "$sources/include" -c -o "$made" \
        "$sources/toml.cpp"
      return
      ;;
    # The targets of the worker reach into these.
    Workers | PluginHost) extra+=(-enable-testing) ;;
  esac
  swiftc "${flags[@]}" "${extra[@]}" "${includes[@]}" -I "$place" -module-name "$name" -emit-module \
    -emit-module-path "$place/$name.swiftmodule" -emit-object -o "$made" \
    $(find "$sources" -name '*.swift' | sort)
}

# An engine's file and a target's may have the same name: each module is for itself.
build_target() {
  local target=$1 place modules=("${engine_modules[@]}") support=(Tests/Fuzz/Support/*.swift) module before=""
  local libraries=(-lnghttp2 -lcrypto -lz) extra=("${own[@]}")
  place="$out/$(variant "$target")"
  mkdir -p "$place"
  if is_of_worker "$target"; then
    [ -d "$swift_log" ] || swift package resolve
    modules=("${worker_modules[@]}")
    support+=(Tests/Fuzz/Worker/*.swift)
    libraries+=(-lssl -lstdc++)
  fi
  for module in "${modules[@]}"; do
    build_module "$(variant "$target")" "$module" "$before"
    before+=" $(object "$(variant "$target")" "$module")"
  done
  local sources=(Tests/Fuzz/"$target".swift $(compgen -G "Tests/Fuzz/$target+*.swift" || true) "${support[@]}")
  if outdated "$place/$target" $before "${sources[@]}"; then
    echo "Building $target"
    [ "$(variant "$target")" != hostile ] || extra+=(-D HOSTILE_MEMORY)
    swiftc "${flags[@]}" "${extra[@]}" "${includes[@]}" -I "$place" -module-name "Fuzz$target" \
      -emit-module-path "$place/Fuzz$target.swiftmodule" -emit-executable -o "$place/$target" "${sources[@]}" $before \
      "${libraries[@]}"
  fi
}

# ---- Running ----------------------------------------------------------------------------------------------------

# Swift's own backtraces would keep libFuzzer from seeing a trap.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=quarantine_size_mb=16:detect_leaks=1:${ASAN_OPTIONS:-}

# Runs one target; all it says goes to a log.
fuzz() {
  local target=$1 status=0 log="$out/$1.log" folders=("$out/corpus/$1" "Tests/Fuzz/seeds/$1")
  mkdir -p "$out/corpus/$target" "$out/findings/$target"
  local length=(-max_total_time="$seconds")
  [ "$seconds" -gt 0 ] || length=(-runs=0)
  [ "$seconds" -gt 0 ] || [ "${FUZZ_SEEDS:-0}" = 0 ] || folders=("Tests/Fuzz/seeds/$target")
  "$out/$(variant "$target")/$target" "${length[@]}" -max_len="${longest[$target]}" -timeout=5 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$out/findings/$target/" -dict=Tests/Fuzz/words.dict "${folders[@]}" \
    >"$log" 2>&1 || status=$?
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

make_includes
for target in "${targets[@]}"; do build_target "$target"; done
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
