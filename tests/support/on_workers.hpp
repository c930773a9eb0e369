// SPDX-License-Identifier: Apache-2.0
// More workers than the machine has CPUs, so that races are found.
#pragma once

#include <functional>

namespace parmap::testing {

/// The most workers a test may ask for.
inline constexpr int most_workers = 8;

/// Calls `body` in an arena of `workers` threads; num_cpus() is `workers`.
void on_workers(int workers, const std::function<void()>& body);

/// Calls `body` on the calling thread, without an arena of its own; num_cpus() is `cpus`.
void with_cpus(int cpus, const std::function<void()>& body);

}  // namespace parmap::testing
