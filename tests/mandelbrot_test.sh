#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mandelbrot draws the same picture on any number of workers, shows its bar, and reports errors.
#   mandelbrot_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"

succeeds "$program" --size 60x40 "$work/all.png"
[ ! -s "$work/actual" ] || fail "stdout: $(cat "$work/actual")"
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
exits_with 0 env PARMAP_PROGRESS=json "$program" --size 600x400 --workers 1 "$work/some.png"
grep -q '"label":"rendering","done":400,"total":400,.*"state":"finished"' "$work/errors" ||
    fail "no bar: $(cat "$work/errors")"

# The comparison checks by itself that the pictures are the same.
exits_with 0 "$program" --size 60x40 --compare "$work/some.png"
cmp "$work/all.png" "$work/some.png" || fail "another picture with --compare"
for way in "one worker" "equal shares" "parmap"; do
    grep -Eq "^$way +[0-9]+\.[0-9]{2} s" "$work/actual" || fail "no time for $way: $(cat "$work/actual")"
done

out=$work/out.png
refuses "" "$out $out" "--what" "--workers" "--workers x $out" "--workers -1 $out" "--workers 2x $out" "--size" \
    "--size 60 $out" "--size 60x $out" "--size x40 $out" "--size 0x40 $out" "--size 60x40x $out" "--size 60x30001 $out"
grep -q "^mandelbrot: --size 60x30001: give " "$work/errors" || fail "$(cat "$work/errors")"
names_a_bad_variable --size 6x4 "$out"
fails_with "$work/missing/o.png: No such file or directory\$" "$program" --size 6x4 "$work/missing/o.png"
if can_fill_disk; then fails_with "/dev/full: No space left on device\$" "$program" --size 6x4 /dev/full; fi
echo "mandelbrot: the same picture on any number of workers"
