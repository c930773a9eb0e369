// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

namespace parmap::testing {

/// Takes so long, which is what makes an item heavy or light: no event stands for that. It yields, so that on few CPUs
/// the other threads come too.
inline void keep_busy(std::chrono::nanoseconds duration)
{
    const auto until = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace parmap::testing
