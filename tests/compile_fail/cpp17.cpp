// SPDX-License-Identifier: Apache-2.0
// parmap: this is C..17 or earlier: compile with -std=c..20 or later
// with -std=c++17
#include <parmap/parmap.hpp>
