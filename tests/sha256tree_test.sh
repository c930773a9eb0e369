#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sha256tree against sha256sum, on a tree with the names and files that go wrong.
#   sha256tree_test.sh PROGRAM
set -euo pipefail
program=$1
export LC_ALL=C
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

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
    "$program" ${workers:+--workers "$workers"} "$tree" >"$work/actual" 2>"$work/errors" || fail "exit code $?"
    cmp "$expected" "$work/actual" || fail "other lines than sha256sum's with workers='$workers'"
    [ ! -s "$work/errors" ] || fail "stderr: $(cat "$work/errors")"
done
sha256sum --check --quiet "$work/actual" || fail "sha256sum --check"

# What cannot be read is reported at the end, and all else is printed.
ln -s /nowhere "$tree/dangling"
rc=0
"$program" "$tree" "$work/missing" >"$work/actual" 2>"$work/errors" || rc=$?
[ $rc = 1 ] || fail "exit code $rc for a missing directory"
cmp "$expected" "$work/actual" || fail "lines were lost"
grep -q "sha256tree: $work/missing: No such file or directory" "$work/errors" || fail "$(cat "$work/errors")"
if [ "$(id -u)" != 0 ]; then
    as_user=()
elif command -v setpriv >/dev/null; then
    # root may read everything: be somebody else
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$work"
else
    as_user=(false)
fi
if [ "${as_user[*]-}" != false ] && "${as_user[@]}" test -x "$program"; then
    chmod 000 "$tree/sub/file7" "$tree/empty dir"
    rc=0
    "${as_user[@]}" "$program" "$tree" >"$work/actual" 2>"$work/errors" || rc=$?
    [ $rc = 1 ] || fail "exit code $rc for unreadable files"
    grep -v "  $tree/sub/file7\$" "$expected" | cmp - "$work/actual" || fail "lines were lost"
    grep -q "^sha256tree: $tree/sub/file7: Permission denied\$" "$work/errors" || fail "$(cat "$work/errors")"
    grep -q "^sha256tree: $tree/empty dir: Permission denied\$" "$work/errors" || fail "$(cat "$work/errors")"
    [ "$(wc -l <"$work/errors")" = 2 ] || fail "$(cat "$work/errors")"
else
    echo "unreadable files: not tried, for want of a user who may not read them"
fi

# Wrong arguments
for arguments in "" "--workers" "--workers x $tree" "--workers -1 $tree" "--what $tree"; do
    rc=0
    # shellcheck disable=SC2086
    "$program" $arguments >"$work/actual" 2>"$work/errors" || rc=$?
    [ $rc = 2 ] || fail "exit code $rc for arguments '$arguments'"
    grep -q "^usage: sha256tree" "$work/errors" || fail "no usage for arguments '$arguments'"
done
"$program" --help | grep -q "^usage: sha256tree" || fail "no help"

# A bad variable is no wrong argument: the error names it, without the usage.
rc=0
PARMAP_MAX_WORKERS=many "$program" "$tree/sub" >"$work/actual" 2>"$work/errors" || rc=$?
[ $rc = 1 ] || fail "exit code $rc for PARMAP_MAX_WORKERS=many"
grep -q "^sha256tree: .*PARMAP_MAX_WORKERS.*many" "$work/errors" || fail "$(cat "$work/errors")"
! grep -q "^usage:" "$work/errors" || fail "usage for PARMAP_MAX_WORKERS=many"

# An output that cannot be written is not a success.
if [ -w /dev/full ]; then
    rc=0
    "$program" "$tree" >/dev/full 2>"$work/errors" || rc=$?
    [ $rc = 1 ] || fail "exit code $rc with a full output"
fi
echo "sha256tree: as sha256sum"
