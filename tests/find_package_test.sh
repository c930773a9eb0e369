#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What find_package(parmap) takes and refuses, with the package of the build tree, and what it says then.
#   find_package_test.sh CMAKE BUILD COMPILER
set -euo pipefail
cmake=$1 build=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(parmap ${WANTED} REQUIRED)
if(NOT TARGET parmap::parmap)
    message(FATAL_ERROR "there is no target parmap::parmap")
endif()
# A user exports a library that is built on parmap, for use from the build tree.
file(WRITE mine.cpp "")
add_library(mine STATIC mine.cpp)
target_link_libraries(mine PUBLIC parmap::parmap)
export(TARGETS mine FILE mine-targets.cmake)
EOF

configure() {
    "$cmake" -S "$work" -B "$work/build" -Dparmap_DIR="$build" -DCMAKE_CXX_COMPILER="$compiler" -DWANTED="$1" >"$work/log" 2>&1
}
finds() {
    configure "$1" || { cat "$work/log"; echo "FAILED: find_package(parmap $1) is refused"; exit 1; }
}
refuses() {
    ! configure "$1" || { echo "FAILED: find_package(parmap $1) is taken"; exit 1; }
    tr -s ' \n' ' ' <"$work/log" | grep -q "$2" || { cat "$work/log"; echo "FAILED: no '$2' for $1"; exit 1; }
}

version=$(sed -n 's/^set(PACKAGE_VERSION "\(.*\)")/\1/p' "$build/parmap-config-version.cmake")
finds "${version%.*}"
finds "0.0.1...$version"
refuses "0.0.1...<$version" "compatible with requested version"
refuses "99.0" "compatible with requested version"
refuses "$version;COMPONENTS;gui" 'no component "gui"'
