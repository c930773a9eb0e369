#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: no_threads.sh NO_THREADS: everything where the system gives few threads or none, and with one worker
set -euo pipefail
program=$1
die() {
    printf 'no_threads: %s\n' "$*" >&2
    exit 1
}

for threads in 0 1 2 3 5 8; do
    # Not a word but the bars' own.
    said=$("$program" $threads 2>&1 | grep -v -e '^{' -e '^limited: right$') || die "with $threads it fails: $said"
    [ "$said" = "$threads threads made" ] || die "with $threads it says: $said"
done
"$program" 0 2>&1 | grep -c '"state":"finished"}$' >/dev/null || die "without a thread, no bar tells the end"
"$program" 0 stream >/dev/null 2>&1 || die "a stream that is the first to find no thread fails"

said=$(PARMAP_MAX_WORKERS=1 "$program" 2>/dev/null | tail -n 1) || die "with one worker it fails"
[ "$said" = "1 threads made" ] || die "with one worker, $said; one should be, for the bars"

# The kernel's own limit. It does not hold for root, who here becomes somebody else.
as_another=()
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null || exit 0
    as_another=(setpriv --reuid 54321 --regid 54321 --clear-groups)
    "${as_another[@]}" test -x "$program" || exit 0
fi
# LeakSanitizer would look with a thread of its own.
said=$(ASAN_OPTIONS=detect_leaks=0 "${as_another[@]}" bash -c 'ulimit -u 1 && exec "$0"' "$program" 2>/dev/null | tail -n 1) ||
    die "under ulimit -u it fails"
[ "$said" = "0 threads made" ] || die "under ulimit -u, $said"
