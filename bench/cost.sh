#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What parmap costs besides time: a user's compile time, the size of the library, its symbols, peak memory.
#   bench/cost.sh BUILD_DIR     a release build
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/parmap.cpp" <<'CPP'
#include <vector>
#include <parmap/parmap.hpp>
std::vector<double> squares(const std::vector<double>& xs)
{
    return parmap::map(xs, [](double x) { return x * x; });
}
CPP
cat >"$work/tbb.cpp" <<'CPP'
#include <vector>
#include <tbb/parallel_for.h>
std::vector<double> squares(const std::vector<double>& xs)
{
    std::vector<double> results(xs.size());
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, xs.size()), [&](const auto& range) {
        for (std::size_t i = range.begin(); i != range.end(); ++i) results[i] = xs[i] * xs[i];
    });
    return results;
}
CPP
# They alternate, so that a machine that slows down slows both.
for round in {1..9}; do
    for file in parmap tbb; do
        begin=${EPOCHREALTIME//[.,]/}
        c++ -std=c++20 -O2 -Iinclude -c "$work/$file.cpp" -o "$work/$file.o"
        echo $((${EPOCHREALTIME//[.,]/} - begin)) >>"$work/$file.us"
    done
done
median() { sort -n "$1" | sed -n 5p; }
awk -v ours="$(median "$work/parmap.us")" -v theirs="$(median "$work/tbb.us")" 'BEGIN {
    printf "compile time of one map: <parmap/parmap.hpp> %.2f s, <tbb/parallel_for.h> %.2f s, %.2f times (goal: below 1)\n",
           ours / 1e6, theirs / 1e6, ours / theirs }'

cmake -G Ninja -S . -B "$work/shared" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DPARMAP_BUILD_TESTS=OFF \
    -DPARMAP_BUILD_BENCH=OFF -DPARMAP_BUILD_EXAMPLES=OFF --log-level=ERROR >/dev/null
cmake --build "$work/shared" -- --quiet
library=$(find "$work/shared" -name 'libparmap.so.*' -type f)
strip -o "$work/stripped" "$library"
echo "shared library: $(($(stat -c %s "$work/stripped") / 1024)) KiB stripped," \
    "$(nm -D --defined-only "$library" | grep -c ' [TWVBDR] ') exported symbols"

"$build/bench/peak_memory"
