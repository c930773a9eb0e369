// SPDX-License-Identifier: Apache-2.0
// One function that runs every algorithm, for programs that test unusual surroundings.
#pragma once

#include <string>

#include <parmap/options.hpp>

namespace parmap::testing {

/// JSON lines on standard error without a delay, so that the reporter thread always has work.
progress_bar loud(const std::string& label);

/// Runs each algorithm with these options on a few items; a graph runs a map in a step.
/// \return the wrong results; empty when all are right
std::string wrong_results(const options& how);

/// Calls wrong_results() and prints them; ends the process when there are any.
void expect_right(const char* where, const options& how);

}  // namespace parmap::testing
