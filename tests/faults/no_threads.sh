#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every algorithm works where the system gives few threads or none, and with one worker.
#   no_threads.sh PROGRAM
set -euo pipefail
program=$1
die() {
    printf 'no_threads: %s\n' "$*" >&2
    exit 1
}

for threads in 0 1 2 3 5 8; do
    # Nothing is printed but the bars' lines.
    output=$("$program" $threads 2>&1 | grep -v -e '^{' -e '^limited: right$') || die "with $threads it fails: $output"
    [ "$output" = "$threads threads made" ] || die "with $threads it says: $output"
done
"$program" 0 2>&1 | grep -c '"state":"finished"}$' >/dev/null || die "without a thread, no bar shows the end"
"$program" 0 stream >/dev/null 2>&1 || die "a stream that is the first to find no thread fails"

output=$(PARMAP_MAX_WORKERS=1 "$program" 2>/dev/null | tail -n 1) || die "with one worker it fails"
[ "$output" = "1 threads made" ] || die "with one worker: $output, not 1 thread for the bars"

# The kernel's own limit. It does not hold for root, so root runs this as another user.
as_another=()
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null || exit 0
    as_another=(setpriv --reuid 54321 --regid 54321 --clear-groups)
    "${as_another[@]}" test -x "$program" || exit 0
fi
# LeakSanitizer would need a thread of its own.
output=$(ASAN_OPTIONS=detect_leaks=0 "${as_another[@]}" bash -c 'ulimit -u 1 && exec "$0"' "$program" 2>/dev/null | tail -n 1) ||
    die "under ulimit -u it fails"
[ "$output" = "0 threads made" ] || die "under ulimit -u, $output"
