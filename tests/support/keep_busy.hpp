// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

namespace parmap::testing {

/// Keeps the thread busy for `duration`, because the library measures the cost of items. It yields, so that other
/// threads run on few CPUs too.
inline void keep_busy(std::chrono::nanoseconds duration)
{
    const auto until = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace parmap::testing
