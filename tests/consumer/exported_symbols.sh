#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares what a shared library exports with its list beside this script, so that no symbol comes or goes unseen.
#   exported_symbols.sh LIBRARY [--accept]
set -euo pipefail
export LC_ALL=C
library=$1 list=$(dirname "$0")/$(basename "$1" .so).symbols.txt
[ -e "$library" ] || { echo "$0: there is no $library" >&2; exit 2; }

# What a compiler left of the standard library's templates is no part of the ABI.
exported() {
    nm --dynamic --defined-only --demangle "$library" | cut -c 18- |
        grep -v -e '^. \([a-z]* \)*std::' -e 'typeinfo name for' | cut -c 3- | sort -u
}

if [ "${2-}" = --accept ]; then
    exported >"$list"
elif ! diff -u --label "$list" --label "$library" "$list" <(exported); then
    echo "$0: the exported symbols have changed; where that is right: $0 LIBRARY --accept" >&2
    exit 1
fi
