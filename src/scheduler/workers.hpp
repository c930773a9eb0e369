// SPDX-License-Identifier: Apache-2.0
// The worker count's decisions, apart from where the figures come from, so that tests can supply them.
#pragma once

#include <filesystem>
#include <optional>

#include <parmap/workers.hpp>

namespace parmap::inline v0_2::detail {

/// What the platform says of itself.
struct platform {
    int hardware;                        ///< CPUs online
    std::optional<int> affinity;         ///< CPUs in the process's mask; empty where there is no such call
    std::filesystem::path root{"/"};     ///< where proc/self/cgroup and proc/self/mountinfo are found
    const char* max_workers_variable{};  ///< the value of PARMAP_MAX_WORKERS; null when unset
};

/// \throws std::invalid_argument when the variable is not a whole number >= 1.
cpu_limits limits_of(const platform& platform);

/// The least of the limits, quota rounded up; at least 1.
int cpus_within(const cpu_limits& limits);

/// Makes num_cpus() answer `count` from now on; 0: read the limits afresh at the next call.
void assume_cpus(int count);

}  // namespace parmap::inline v0_2::detail
