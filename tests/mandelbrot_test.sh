#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mandelbrot draws the same picture on any number of workers, shows its bar, and says what is wrong.
#   mandelbrot_test.sh PROGRAM
set -euo pipefail
program=$(realpath "$1")
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

"$program" --size 60x40 "$work/all.png" >"$work/output" 2>"$work/errors" || fail "exit code $?"
[ ! -s "$work/output" ] || fail "stdout: $(cat "$work/output")"
[ ! -s "$work/errors" ] || fail "stderr: $(cat "$work/errors")"
for workers in 0 1 2; do
    "$program" --size 60x40 --workers $workers "$work/some.png" || fail "exit code $? with $workers workers"
    cmp "$work/all.png" "$work/some.png" || fail "another picture with $workers workers"
done

# The signature, and the header's length and name, width and height
header=$(od -An -v -tx1 -N24 "$work/all.png" | tr -d ' \n')
[ "$header" = 89504e470d0a1a0a0000000d494844520000003c00000028 ] || fail "no PNG of 60 x 40: $header"
# A picture of one colour takes 100 bytes or so.
[ "$(wc -c <"$work/all.png")" -gt 2000 ] || fail "nothing is drawn"

# A picture that takes longer than the bar's delay
PARMAP_PROGRESS=json "$program" --size 600x400 --workers 1 "$work/some.png" 2>"$work/errors" ||
    fail "exit code $? with a bar"
grep -q '"label":"rendering","done":400,"total":400,.*"state":"finished"' "$work/errors" ||
    fail "no bar: $(cat "$work/errors")"

# The comparison checks by itself that the pictures are the same.
"$program" --size 60x40 --compare "$work/some.png" >"$work/output" || fail "exit code $? of --compare"
cmp "$work/all.png" "$work/some.png" || fail "another picture with --compare"
for way in "one worker" "equal shares" "parmap"; do
    grep -Eq "^$way +[0-9]+\.[0-9]{2} s" "$work/output" || fail "no time for $way: $(cat "$work/output")"
done

# Wrong arguments
for arguments in "" "o.png p.png" "--what" "--workers" "--workers x o.png" "--workers -1 o.png" \
    "--workers 2x o.png" "--size" "--size 60 o.png" "--size 60x o.png" "--size x40 o.png" "--size 0x40 o.png" \
    "--size 60x40x o.png" "--size 60x30001 o.png"; do
    rc=0
    # shellcheck disable=SC2086
    (cd "$work" && "$program" $arguments) >"$work/output" 2>"$work/errors" || rc=$?
    [ $rc = 2 ] || fail "exit code $rc for arguments '$arguments'"
    grep -q "^usage: mandelbrot" "$work/errors" || fail "no usage for arguments '$arguments'"
done
grep -q "^mandelbrot: --size 60x30001: give " "$work/errors" || fail "$(cat "$work/errors")"
"$program" --help | grep -q "^usage: mandelbrot" || fail "no help"

# A failure is reported with its reason, and without the usage.
fails_with() {
    local message=$1 rc=0
    shift
    "$@" >"$work/output" 2>"$work/errors" || rc=$?
    [ $rc = 1 ] || fail "exit code $rc for: $*"
    grep -q "^mandelbrot: $message" "$work/errors" || fail "$(cat "$work/errors")"
    [ "$(wc -l <"$work/errors")" = 1 ] || fail "$(cat "$work/errors")"
}
fails_with "$work/missing/o.png: No such file or directory\$" "$program" --size 6x4 "$work/missing/o.png"
fails_with 'PARMAP_MAX_WORKERS is "many"' env PARMAP_MAX_WORKERS=many "$program" --size 6x4 "$work/o.png"
if [ -w /dev/full ]; then
    fails_with "/dev/full: No space left on device\$" "$program" --size 6x4 /dev/full
fi
echo "mandelbrot: the same picture on any number of workers"
