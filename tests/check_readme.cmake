# SPDX-License-Identifier: Apache-2.0
# The whole program in README.md is examples/squares.cpp, which is built and run.
#   cmake -D ROOT=<project> -P check_readme.cmake
cmake_minimum_required(VERSION 3.25)
file(READ ${ROOT}/README.md readme)
file(READ ${ROOT}/examples/squares.cpp program)
string(REGEX REPLACE "^(// [^\n]*\n)+" "" program "${program}")
string(FIND "${readme}" "```cpp\n${program}```" place)
if(place EQUAL -1)
    message(FATAL_ERROR "README.md does not show examples/squares.cpp as it is")
endif()
