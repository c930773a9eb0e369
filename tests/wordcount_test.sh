#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wordcount against tr, sort and uniq, on generated files and on texts that the system has.
#   wordcount_test.sh PROGRAM
set -euo pipefail
program=$1
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# The same by pipes. A file at a time, for no word spans two files.
reference() {
    local file
    for file in "$@"; do
        tr -cs A-Za-z '\n' <"$file"
        echo
    done | tr A-Z a-z | sed '/^$/d' | sort | uniq -c | sort -k1,1nr -k2,2
}

: >"$work/empty"
printf 'cut in t' >"$work/cut 1"
printf 'wo: no word spans two files' >"$work/cut 2"
printf "It's 3x3, na\xc3\xafve\0UPPER lower\r\nupper" >"$work/odd characters"
head -c 200000 /dev/urandom >"$work/binary"
{
    head -c 65530 /dev/zero | tr '\0' ' '
    printf 'acrosstwobuffers'
} >"$work/across"
head -c 200000 /dev/zero | tr '\0' x >"$work/one long word"
for i in $(seq 100); do
    seq $((i * 7)) | awk -v i="$i" '{ print "word" substr("abcdefghij", ($1 * i) % 10, 3), "Every", "file" }' >"$work/file$i"
done
shopt -s nullglob
texts=("$work"/* /usr/share/common-licenses/* /usr/include/*.h)

expected=$work/expected
reference "${texts[@]}" >"$expected"
[ -s "$expected" ] || fail "nothing to compare with"
for workers in 0 1 2 ""; do
    "$program" ${workers:+--workers "$workers"} "${texts[@]}" >"$work/actual" 2>"$work/errors" || fail "exit code $?"
    cmp "$expected" "$work/actual" || fail "other lines than uniq's with workers='$workers'"
    [ ! -s "$work/errors" ] || fail "stderr: $(cat "$work/errors")"
done
"$program" --top 5 -- "${texts[@]}" | cmp - <(head -5 "$expected") || fail "--top 5"
[ -z "$("$program" --top 0 "${texts[@]}")" ] || fail "--top 0"
"$program" --top 1000000 "$work/file1" | cmp - <(reference "$work/file1") || fail "--top beyond the last word"
[ -z "$("$program" "$work/empty")" ] || fail "words in an empty file"

# The first file that cannot be read is named, and nothing is printed.
for workers in 0 2 ""; do
    rc=0
    "$program" ${workers:+--workers "$workers"} "${texts[@]}" "$work/missing" "$work" "$work/missing too" \
        >"$work/actual" 2>"$work/errors" || rc=$?
    [ $rc = 1 ] || fail "exit code $rc for a missing file"
    [ ! -s "$work/actual" ] || fail "counts of some files only"
    grep -qx "wordcount: $work/missing: No such file or directory" "$work/errors" || fail "$(cat "$work/errors")"
done
rc=0
"$program" "$work/file1" "$work" >"$work/actual" 2>"$work/errors" || rc=$?
[ $rc = 1 ] || fail "exit code $rc for a directory"
grep -qx "wordcount: $work: Is a directory" "$work/errors" || fail "$(cat "$work/errors")"

# Wrong arguments
for arguments in "" "--workers" "--workers x $work/file1" "--workers -1 $work/file1" "--top" "--top 1.5 $work/file1" \
    "--top -1 $work/file1" "--what $work/file1"; do
    rc=0
    # shellcheck disable=SC2086
    "$program" $arguments >"$work/actual" 2>"$work/errors" || rc=$?
    [ $rc = 2 ] || fail "exit code $rc for arguments '$arguments'"
    grep -q "^usage: wordcount" "$work/errors" || fail "no usage for arguments '$arguments'"
done
"$program" --help | grep -q "^usage: wordcount" || fail "no help"

# A bad variable is no wrong argument: the error names it, without the usage.
rc=0
PARMAP_MAX_WORKERS=many "$program" "$work/file1" >"$work/actual" 2>"$work/errors" || rc=$?
[ $rc = 1 ] || fail "exit code $rc for PARMAP_MAX_WORKERS=many"
grep -q "^wordcount: .*PARMAP_MAX_WORKERS.*many" "$work/errors" || fail "$(cat "$work/errors")"
! grep -q "^usage:" "$work/errors" || fail "usage for PARMAP_MAX_WORKERS=many"

# An output that cannot be written is not a success.
if [ -w /dev/full ]; then
    rc=0
    "$program" "$work/file1" >/dev/full 2>"$work/errors" || rc=$?
    [ $rc = 1 ] || fail "exit code $rc with a full output"
fi
echo "wordcount: as tr, sort and uniq"
