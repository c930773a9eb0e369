// SPDX-License-Identifier: Apache-2.0
// How much CPU time the cgroups of this process allow (v1 and v2).
#pragma once

#include <filesystem>
#include <optional>

namespace parmap::inline v0_2::detail {

/// CPUs' worth of time: the least quota of the process's own cgroups and of every parent up to where they are mounted;
/// empty without a limit.
/// \param root  where proc/self/cgroup and proc/self/mountinfo are found
std::optional<double> cgroup_quota(const std::filesystem::path& root);

}  // namespace parmap::inline v0_2::detail
