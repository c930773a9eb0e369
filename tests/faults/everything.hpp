// SPDX-License-Identifier: Apache-2.0
// Every algorithm in one call, for programs that have it run in strange places.
#pragma once

#include <string>

#include <parmap/options.hpp>

namespace parmap::testing {

/// JSON lines on standard error from the first moment on, so that the reporter thread has something to do.
progress_bar loud(const std::string& label);

/// Runs each algorithm with these options on a few items, some of them nested.
/// \return what came out wrong; empty when all is right
std::string wrong_results(const options& how);

/// The same; ends the process at once when a result is wrong.
void expect_right(const char* where, const options& how);

}  // namespace parmap::testing
