#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The examples of parmap::mpi on 1, 2 and 4 ranks, and on one without a launcher.
#   examples_test.sh PROGRAM LAUNCHER...     the number of ranks comes after the launcher's words
# shellcheck source-path=SCRIPTDIR source=../examples.sh
. "$(dirname "$0")/../examples.sh"
shift
launcher=("$@")

# on_ranks RANKS ARGUMENT...: the program; launchers may write to stderr.
on_ranks() {
    local ranks=$1
    shift
    exits_with 0 "${launcher[@]}" "$ranks" "$program" "$@"
}

hashes_as_sha256sum() {
    local tree=$work/tree ranks
    mkdir -p "$tree/sub/deep" "$tree/empty dir"
    : >"$tree/empty"
    head -c 3000000 /dev/urandom >"$tree/sub/deep/large.bin"
    echo odd >"$tree/sub/back\\slash"
    for i in $(seq 300); do echo "$i" >"$tree/sub/file$i"; done
    find "$tree" -type f -print0 | sort -z | xargs -0 sha256sum >"$work/expected"
    for ranks in 1 2 4; do
        on_ranks $ranks "$tree"
        cmp "$work/expected" "$work/actual" || fail "other lines than sha256sum's on $ranks ranks"
        on_ranks $ranks --workers 1 "$tree"
        cmp "$work/expected" "$work/actual" || fail "other lines than sha256sum's on $ranks ranks of one worker"
    done
    exits_with 0 "$program" "$tree"
    cmp "$work/expected" "$work/actual" || fail "other lines than sha256sum's without a launcher"

    # What cannot be read is named once, whichever rank tried, and all else is printed.
    for ranks in 1 2 4; do
        exits_with 1 "${launcher[@]}" $ranks "$program" "$tree" /proc/self/mem "$work/missing"
        cmp "$work/expected" "$work/actual" || fail "lines were lost on $ranks ranks"
        grep -qE "^$name: /proc/self/mem: (Input/output error|Permission denied)\$" "$work/errors" ||
            fail "$(cat "$work/errors")"
        grep -q "^$name: $work/missing: No such file or directory\$" "$work/errors" || fail "$(cat "$work/errors")"
        [ "$(grep -c "^$name: " "$work/errors")" = 2 ] || fail "$(cat "$work/errors")"
    done
}

prints_the_same_bits() {
    local ranks workers
    exits_with 0 "$program" --workers 1 --paths 100003
    mv "$work/actual" "$work/expected"
    grep -qE '^price 6\.[0-9]+ 0x1\.[0-9a-f]+p\+2$' "$work/expected" || fail "$(cat "$work/expected")"
    for ranks in 1 2 4; do
        for workers in 1 2; do
            on_ranks $ranks --workers $workers --paths 100003
            cmp "$work/expected" "$work/actual" || fail "other bits on $ranks ranks of $workers workers"
        done
    done
}

case $name in
    sha256tree_mpi) hashes_as_sha256sum ;;
    monte_carlo_mpi) prints_the_same_bits ;;
    *) fail "no test for $name" ;;
esac
refuses "--workers" "--workers x" "--what"
echo "$name: the same on 1, 2 and 4 ranks"
