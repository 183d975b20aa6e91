#!/bin/bash
# Tests/Parallel/run.sh PYTEST ARGUMENT...: runs tests several at a time, then the failed ones alone.
#
# On two cores, eight tests at a time delay each other by seconds. A test that fails beside others is run three times
# alone, which tells a fault from a delay: one failure there fails the run. More than MOST failures are no delay, and fail
# at once. What failed at first stays in the output, and is named at its end.
set -uo pipefail
MOST=5
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT

export PYTHONPATH="$(dirname "$0")${PYTHONPATH:+:$PYTHONPATH}"
OUTRIDER_FAILED_TESTS=$failed "$@" -p failed_tests
status=$?
[ $status -eq 1 ] || exit $status  # only this status means that tests failed

mapfile -t tests < "$failed"
if [ ${#tests[@]} -eq 0 ] || [ ${#tests[@]} -gt $MOST ]; then exit $status; fi
for round in 1 2 3; do
  "$1" -m pytest -q "${tests[@]}" || exit 1
done
printf '%s\n' "These tests failed beside others, and passed three times alone:" "${tests[@]/#/  }"
