#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sha256tree prints what sha256sum prints, on a tree with unusual names and files.
#   sha256tree_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"

tree=$work/tree
mkdir -p "$tree/sub/deep" "$tree/empty dir"
: >"$tree/empty"
echo text >"$tree/sub/plain.txt"
head -c 1000000 /dev/urandom >"$tree/sub/deep/large.bin"
head -c 65536 /dev/zero >"$tree/sub/deep/one buffer"
echo odd >"$tree/sub/back\\slash"
echo odd >"$tree/sub/new"$'\n'"line"
echo odd >"$tree/sub/carriage"$'\r'"return"
echo odd >"$tree/sub/-dash"
ln -s plain.txt "$tree/sub/link"
mkfifo "$tree/sub/pipe"
for i in $(seq 200); do echo "$i" >"$tree/sub/file$i"; done

expected=$work/expected
find "$tree" -type f -print0 | sort -z | xargs -0 sha256sum >"$expected"
for workers in 0 1 2 ""; do
    succeeds "$program" ${workers:+--workers "$workers"} "$tree"
    cmp "$expected" "$work/actual" || fail "other lines than sha256sum's with workers='$workers'"
done
sha256sum --check --quiet "$work/actual" || fail "sha256sum --check"

# What cannot be read is reported at the end, and all else is printed.
ln -s /nowhere "$tree/dangling"
fails_with "$work/missing: No such file or directory\$" "$program" "$tree" "$work/missing"
cmp "$expected" "$work/actual" || fail "lines were lost"
if can_be_denied; then
    chmod 000 "$tree/sub/file7" "$tree/empty dir"
    exits_with 1 as_user "$program" "$tree"
    grep -v "  $tree/sub/file7\$" "$expected" | cmp - "$work/actual" || fail "lines were lost"
    grep -q "^sha256tree: $tree/sub/file7: Permission denied\$" "$work/errors" || fail "$(cat "$work/errors")"
    grep -q "^sha256tree: $tree/empty dir: Permission denied\$" "$work/errors" || fail "$(cat "$work/errors")"
    [ "$(wc -l <"$work/errors")" = 2 ] || fail "$(cat "$work/errors")"
fi

refuses "" "--workers" "--workers x $tree" "--workers -1 $tree" "--what $tree"
names_a_bad_variable "$tree/sub"
if can_fill_disk; then fails_with "the output could not be written\$" on_full_disk "$program" "$tree/sub/deep"; fi
echo "sha256tree: as sha256sum"
