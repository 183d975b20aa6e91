#!/bin/sh
# Keeps the present headers of the ABI, and some plugins, as those of a version, here 1.0:
#   Tests/ABI/keep.sh 1.0
# Until the release of a version its headers may change, and are kept anew after each change. From the release on they are
# frozen: the release adds Tests/ABI/VERSION/frozen with its date, and this script refuses.
set -eu
cd "$(dirname "$0")/../.."
version=$1
kept=Tests/ABI/$version
if [ -e "$kept/frozen" ]; then
  echo "$kept is frozen since $(cat "$kept/frozen"): a released version of the ABI never changes." >&2
  exit 1
fi
rm -rf "$kept/plugins" "$kept/outrider" "$kept/outrider.h"
mkdir -p "$kept/outrider" "$kept/plugins"
cp Sources/COutrider/include/outrider.h "$kept"
for header in Sources/COutrider/include/outrider/*.h; do
  case $header in
    */layout.h) ;; # asserts, which plugins include for themselves
    */testing.h) ;; # belongs to a library that is linked, not to the ABI
    */\*.h) ;;
    *) cp "$header" "$kept/outrider" ;;
  esac
done
rmdir "$kept/outrider" 2>/dev/null || true
# Plugins of that time: the demos, and one that makes every call.
cp -r Plugins/demo_blocking Plugins/demo_event Plugins/demo_pages Tests/Plugins/program "$kept/plugins"
python3 Tests/ABI/witness.py "$kept" constants > "$kept/constants"
