// SPDX-License-Identifier: Apache-2.0
// One run of a task graph: which step runs when and where, and how the run ends. Knows no oneTBB.
#pragma once

#include <memory>
#include <span>

#include <parmap/detail/engine.hpp>
#include <parmap/detail/step.hpp>

namespace parmap::detail {

/// Runs every step that is not done.
/// \param steps  in an order in which each comes after its inputs; none of another run
/// \throws what the first of them that failed threw, else `cancelled` when steps were left out; std::bad_alloc before
///         the first step
void run_steps(std::span<const std::shared_ptr<step>> steps, const run_limits& limits);

}  // namespace parmap::detail
