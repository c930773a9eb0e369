#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wordcount prints what tr, sort and uniq print, on generated files and on texts of the system.
#   wordcount_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"

# The right output, by standard tools, one file after the other: no word spans two files.
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
    succeeds "$program" ${workers:+--workers "$workers"} "${texts[@]}"
    cmp "$expected" "$work/actual" || fail "other lines than uniq's with workers='$workers'"
done
"$program" --top 5 -- "${texts[@]}" | cmp - <(head -5 "$expected") || fail "--top 5"
[ -z "$("$program" --top 0 "${texts[@]}")" ] || fail "--top 0"
"$program" --top 1000000 "$work/file1" | cmp - <(reference "$work/file1") || fail "--top beyond the last word"
[ -z "$("$program" "$work/empty")" ] || fail "words in an empty file"

# The first file that cannot be read is named, and nothing is printed.
for workers in 0 2 ""; do
    fails_with "$work/missing: No such file or directory\$" \
        "$program" ${workers:+--workers "$workers"} "${texts[@]}" "$work/missing" "$work" "$work/missing too"
    [ ! -s "$work/actual" ] || fail "counts of some files only"
done
fails_with "$work: Is a directory\$" "$program" "$work/file1" "$work"

refuses "" "--workers" "--workers x $work/file1" "--workers -1 $work/file1" "--top" "--top 1.5 $work/file1" \
    "--top -1 $work/file1" "--what $work/file1"
names_a_bad_variable "$work/file1"
if can_fill_disk; then fails_with "the output could not be written\$" on_full_disk "$program" "$work/file1"; fi
echo "wordcount: as tr, sort and uniq"
