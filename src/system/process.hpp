// SPDX-License-Identifier: Apache-2.0
// What the operating system says of this process and its threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parmap::inline v0_2::detail {

/// CPUs online in the machine.
int cpus_online() noexcept;

/// The CPUs that the process may run on, 64 a word; empty where the system has no such call.
std::optional<std::vector<std::uint64_t>> affinity_of_process();

/// The number of this process, and the number of the calling thread, which a later thread may have again.
long process_id() noexcept;
long thread_id() noexcept;

/// The name of the calling thread, "thread" where it has none.
std::string thread_name();

std::string program_name();

/// The name of the machine, cut to `most` bytes.
std::string host_name(std::size_t most);

}  // namespace parmap::inline v0_2::detail
