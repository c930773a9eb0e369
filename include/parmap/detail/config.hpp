// SPDX-License-Identifier: Apache-2.0
// Included by every other header: the supported compilers and libraries, the version, and the export macro.
#pragma once

#include <version>

#include <parmap/version.hpp>

// One error, and no other, for a compiler, a library or a flag that is not supported.
#if defined(__clang__) && !defined(__apple_build_version__) && __clang_major__ < 16
#    error "parmap: this is clang below 16: use clang 16 or later, or g++ 12 or later"
#elif defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#    error "parmap: this is g++ below 12: use g++ 12 or later, or clang 16 or later"
#elif defined(_GLIBCXX_RELEASE) && _GLIBCXX_RELEASE < 12
#    error "parmap: this is the C++ library of g++ below 12: install that of g++ 12 or later (libstdc++-12-dev)"
#elif defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 200000
#    error "parmap: this is libc++ below 20: use libc++ 20 or later, or libstdc++ 12 or later"
#elif __cplusplus < 202002L && (!defined(_MSVC_LANG) || _MSVC_LANG < 202002L)
#    error "parmap: this is C++17 or earlier: compile with -std=c++20 or later"
#elif !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#    error "parmap: exceptions are off, and parmap gives a function's exceptions to its caller: drop -fno-exceptions"
#endif

// The library is built with hidden visibility. The macro exports a name from a shared library; a static library exports
// nothing from the program or plugin that it is linked into.
#if defined(PARMAP_SHARED) && defined(__GNUC__)
#    define PARMAP_EXPORT __attribute__((visibility("default")))
#else
#    define PARMAP_EXPORT
#endif
