// SPDX-License-Identifier: Apache-2.0
// Reads from cgroups, v1 and v2, how much CPU time this process may use.
#pragma once

#include <filesystem>
#include <optional>

namespace parmap::inline v0_2::detail {

/// The least quota of the process's own cgroups and of all their parents that are mounted, in CPUs; empty when there is
/// no limit.
/// \param root  the folder with proc/self/cgroup and proc/self/mountinfo
std::optional<double> cgroup_quota(const std::filesystem::path& root);

}  // namespace parmap::inline v0_2::detail
