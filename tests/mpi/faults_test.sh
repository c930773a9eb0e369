#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rank that ends in the middle of a call ends the job, without a result. Calls where MPI cannot be used are refused.
#   faults_test.sh PROGRAM LAUNCHER...
set -euo pipefail
program=$1
shift
fail() {
    printf '%s: %s\n' "$0" "$*" >&2
    exit 1
}

for mode in killed exits; do
    for ranks in 2 4; do
        rc=0
        said=$(timeout 60 "$@" $ranks "$program" $mode 2>&1) || rc=$?
        [ $rc != 0 ] || fail "$ranks ranks, $mode: the job ended as if nothing had happened: $said"
        [ $rc != 124 ] || fail "$ranks ranks, $mode: the job hung: $said"
        [[ $said != *"a result"* ]] || fail "$ranks ranks, $mode: there is a result: $said"
    done
done

refused() {
    local mode=$1 sentence=$2 said
    said=$("$program" "$mode") || fail "$mode: $said"
    [[ $said == *"$sentence"* ]] || fail "$mode: $said"
}
refused uninitialized "MPI is not initialized: begin main with parmap::mpi::session"
refused finalized "MPI was finalized: make this call before that"
refused finalized "MPI was finalized, and cannot begin again"
said=$("$program" single) || fail "single: $said"
[[ $said == *"MPI offers MPI_THREAD_SINGLE"* || $said == "more than asked for" ]] || fail "single: $said"
