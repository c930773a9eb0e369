#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gzip restores what gziplines compresses, also of unusual inputs.
#   gziplines_test.sh PROGRAM [memory]
# With "memory", a longer input needs no more memory; not for sanitizers, which reserve much address space.
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"

chunk=$((1 << 20))
head -c $((5 * chunk)) /dev/urandom >"$work/binary"
head -c $((3 * chunk + 1)) /dev/zero | tr '\0' x >"$work/one huge line"
seq 700000 | sed 's/^/line /' >"$work/text"
: >"$work/empty"
echo >"$work/one empty line"
printf 'a\nb' >"$work/no newline at the end"
head -c $chunk "$work/binary" >"$work/one chunk"
{ head -c $((chunk - 1)) "$work/one huge line" && echo; } >"$work/one chunk is one line"
{ cat "$work/one chunk is one line" && echo more; } >"$work/a line after one chunk"
{ echo short && cat "$work/one huge line" "$work/text"; } >"$work/a huge line between others"

for file in "$work"/*; do
    for workers in 0 1 2 ""; do
        succeeds "$program" ${workers:+--workers "$workers"} <"$file"
        if [ "$workers" = 0 ]; then
            gzip -t <"$work/actual" || fail "no gzip file for $file"
            gzip -dc <"$work/actual" | cmp - "$file" || fail "$file does not come back"
            mv "$work/actual" "$work/expected"
        else
            cmp "$work/expected" "$work/actual" || fail "other bytes with workers='$workers' for $file"
        fi
    done
done

# Members hold whole lines. A pipe, which gives less at a time than a file, gives the same bytes.
"$program" <"$work/text" >"$work/text.gz"
dd if="$work/text" bs=1000 status=none | "$program" | cmp - "$work/text.gz" || fail "other bytes from a pipe"
members=$(grep -obUaP '\x1f\x8b\x08\x00\x00\x00\x00\x00' "$work/text.gz" | cut -d: -f1)
[ "$(wc -w <<<"$members")" -ge $(($(wc -c <"$work/text") / chunk)) ] || fail "too few members, at $members"
for offset in $members; do
    [ "$offset" = 0 ] && continue
    head -c "$offset" "$work/text.gz" | gzip -dc | tail -c 1 | cmp - <(echo) || fail "a line is cut at $offset"
done

# Levels
for level in 1 9; do
    "$program" --level $level <"$work/text" >"$work/level$level.gz" || fail "exit code $? for level $level"
    gzip -dc "$work/level$level.gz" | cmp - "$work/text" || fail "level $level does not come back"
done
"$program" --level 6 <"$work/text" | cmp - "$work/text.gz" || fail "the default is not level 6"
[ "$(wc -c <"$work/level9.gz")" -lt "$(wc -c <"$work/level1.gz")" ] || fail "level 9 is no smaller than level 1"

refuses "--workers" "--workers x" "--workers -1" "--level" "--level 0" "--level 10" "--level fast" "--what" "$work/text"
"$program" --help | grep -qx "  gziplines <access.log >access.log.gz" || fail "no example"
names_a_bad_variable <"$work/text"

# Errors name what cannot be read or written.
into_closed_pipe() { "$@" | head -c 10 >/dev/null; }
for workers in 0 2; do
    fails_with "standard input: Is a directory\$" "$program" --workers $workers <"$work"
    fails_with "standard input: Bad file descriptor\$" "$program" --workers $workers <&-
    for file in text empty; do
        can_fill_disk || continue
        fails_with "standard output: No space left on device\$" \
            on_full_disk "$program" --workers $workers <"$work/$file"
    done
    # Where SIGPIPE is ignored, a closed pipe is an error.
    (
        trap '' PIPE
        fails_with "standard output: Broken pipe\$" into_closed_pipe "$program" --workers $workers <"$work/binary"
    )
done

# The input is larger than the allowed memory. Two workers at most, since each needs memory, and one arena of malloc,
# since each reserves 64 MB or more.
if [ "${2-}" = memory ]; then
    head -c 150000000 /dev/urandom >"$work/long"
    for workers in 0 2; do
        (
            ulimit -v 100000
            MALLOC_ARENA_MAX=1 exec "$program" --workers $workers --level 1 <"$work/long" >"$work/long.gz"
        ) || fail "exit code $? with 100 MB of memory for 150 MB and workers=$workers"
        gzip -dc "$work/long.gz" | cmp - "$work/long" || fail "a long input does not come back"
    done
fi
echo "gziplines: gzip gives every input back"
