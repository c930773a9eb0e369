#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every example in a comment and in a Markdown file has run, and README's program prints what it should.
#   doc_examples_test.sh PROGRAM ROOT
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"
root=$2

cd "$work"
printf 'one\ntwo\n' >access.log
printf 'a b c\n' >urls.txt
exits_with 0 "$program"
grep -qx "99 \* 99 = 9801, the sum of all is 333283335000" actual || fail "README's program printed something else"

examples=$(grep -rho --exclude-dir=mpi --exclude=mpi.hpp --exclude=mpi.md '```cpp' "$root"/include "$root"/docs "$root"/{README,bench/README}.md | wc -l)
[ "$(tail -1 actual)" = "$examples examples ran" ] || fail "$(tail -1 actual), of $examples"
for trace in run.json two.json; do [ -s $trace ] || fail "no $trace"; done
