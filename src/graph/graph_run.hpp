// SPDX-License-Identifier: Apache-2.0
// One run of a task graph: which step runs when and where, and how the run ends. Knows no oneTBB.
#pragma once

#include <parmap/detail/engine.hpp>
#include <parmap/detail/step.hpp>

namespace parmap::inline v0_2::detail {

/// Runs every step that is not done.
/// \throws what the first of them that failed threw, else `cancelled` when steps were left out; before the first step
///         std::logic_error where a result that is read was taken, and std::bad_alloc
void run_steps(step_table& table, const run_limits& limits);

}  // namespace parmap::inline v0_2::detail
