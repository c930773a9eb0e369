// SPDX-License-Identifier: Apache-2.0
// More workers than the machine has CPUs, so that races have their chance.
#pragma once

#include <functional>

namespace parmap::testing {

/// The most workers a test may ask for.
inline constexpr int most_workers = 8;

/// Calls `body` where num_cpus() is `workers` and an arena of that width is entered.
void on_workers(int workers, const std::function<void()>& body);

/// Calls `body` where num_cpus() is `workers`, on the calling thread as it is.
void with_cpus(int cpus, const std::function<void()>& body);

}  // namespace parmap::testing
