#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench/report.py marks each goal as reached or missed, and leaves out rows that were not run.
#   bench_report_test.sh REPORT
set -euo pipefail
report=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    cat "$work/out" 2>/dev/null || true
    exit 1
}

# row ROW RIVAL=TIMES...: a file of map_bench, with a repetition for each of the comma-separated times
row() {
    local workload=$1 cell time runs=()
    shift
    for cell in "$@"; do
        for time in ${cell#*=}; do
            runs+=("{\"run_type\": \"iteration\", \"run_name\": \"$workload/${cell%%=*}/real_time\", \"real_time\": $time}")
        done
    done
    local IFS=,
    echo "{\"context\": {\"workers\": \"2\", \"cpu\": \"a < b\", \"compiler\": \"1\", \"oneTBB\": \"2\"}, \"benchmarks\": [${runs[*]}]}" \
        >"$work/rows/$workload.json"
}

mkdir "$work/rows"
"$report" "$work/rows" >"$work/out" 2>&1 && fail "a table without results"
grep -q "no results of map_bench in $work/rows" "$work/out" || fail "the missing results are not named"

row "3 x 200 us" "serial=600 602 598" "TBB=400 401 399" "parmap=410 409 411" "watched=420 420 420"
row "100 squares" "serial=0.1 0.1 0.1" "TBB=3 3 3" "parmap=0.35 0.35 0.35" "watched=0.35 0.35 0.35"
row "100,000,000 doubles summed" "accumulate=100 100 100" "TBB by 1=900 900 900" "TBB by 10k=50 50 50" "map_reduce=52 52 52"
"$report" "$work/rows" "$work/plot.svg" >"$work/out" || fail "exit code $?"
says() { grep -Eq "$1" "$work/out" || fail "no line matches: $1"; }
says '^3 x 200 us +400\.00 +1\.50 +1\.00 +1\.02 +1\.05$'
says 'reached +1\.025 .*<= 1\.030.*3 x 200 us: parmap over tbb'
says 'MISSED +1\.024 .*<= 1\.010.*3 x 200 us: watched over parmap'
says 'reached +0\.117 .*100 squares: parmap over tbb'
says 'MISSED +0\.250 \[0\.250, 0\.250\] us .*100 squares: parmap behind'
says 'accumulate +TBB by 1 +TBB by 10k +map_reduce$'
says '^100,000,000 doubles summed +50\.00 +2\.00 +18\.00 +1\.00 +1\.04$'
says 'reached +1\.040 .*<= 1\.050.*summed: map_reduce over tbb::parallel_deterministic_reduce in grains of 10,000$'
says '^2 missed$'
grep -q "Pareto" "$work/out" && fail "a row that was not run is judged"
grep -q '2 CPUs, a &lt; b;' "$work/plot.svg" || fail "the plot does not name the machine"
[ "$(grep -o '<polygon' "$work/plot.svg" | wc -l)" = 3 ] || fail "the plot lacks a mark of parmap, in a row or in the legend"
echo "the report marks what is reached and what is missed"
