// SPDX-License-Identifier: Apache-2.0
// parmap: exceptions are off, and parmap gives a function's exceptions to its caller: drop -fno-exceptions
// with -fno-exceptions
#include <parmap/parmap.hpp>
