// SPDX-License-Identifier: Apache-2.0
// How many CPUs this process may use, and why.
#pragma once

#include <optional>
#include <string>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2 {

/// What limits the number of CPUs, each as the system states it.
struct cpu_limits {
    int hardware{1};                   ///< CPUs online in the machine
    int affinity{1};                   ///< CPUs in the process's affinity mask; `hardware` where there is none
    std::optional<double> quota{};     ///< CPUs' worth of time the cgroups allow (v1, v2, own and parents)
    std::optional<int> environment{};  ///< PARMAP_MAX_WORKERS
};

/// How many CPUs this process may use: the least of the CPUs online, its affinity mask, its cgroup quota rounded
/// up, and the environment variable PARMAP_MAX_WORKERS; at least 1.
///
/// ```cpp
/// std::cout << parmap::num_cpus() << '\n';  // 2 under `taskset -c 0,1`
/// ```
///
/// The first call reads the limits; later calls load one integer.
///
/// \return a number of 1 or more.
/// \throws std::invalid_argument  when PARMAP_MAX_WORKERS is set to anything but a whole number >= 1.
PARMAP_EXPORT int num_cpus();

/// Reads the limits afresh from the system.
///
/// ```cpp
/// std::cout << parmap::describe(parmap::detect_cpu_limits()) << '\n';
/// ```
///
/// \return each of them, not yet combined.
/// \throws std::invalid_argument  as num_cpus().
PARMAP_EXPORT cpu_limits detect_cpu_limits();

/// Says in a line how many CPUs the limits leave, and why.
///
/// ```cpp
/// const std::string line = parmap::describe({.hardware = 64, .affinity = 16, .quota = 3.5});
/// // line == "4 CPUs = min(64 hardware, 16 affinity, 3.5 quota)"
/// ```
///
/// \param limits  as detect_cpu_limits() gives them, or any others.
/// \return the line, without a newline.
PARMAP_EXPORT std::string describe(const cpu_limits& limits);

}  // namespace parmap::inline v0_2
