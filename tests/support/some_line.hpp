// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "progress/line.hpp"

namespace parmap::testing {

/// The line of a running call, with every part that a line may have but the oldest item.
inline detail::line_state some_line()
{
    using namespace std::chrono_literals;
    return {.state = {.label = "hashing",
                      .unit = "file",
                      .done = 42,
                      .total = 100,
                      .elapsed = 12s,
                      .eta = 17s,
                      .rate = 3.4,
                      .busy = 8,
                      .workers = 8,
                      .phase = progress_phase::running}};
}

}  // namespace parmap::testing
