// SPDX-License-Identifier: Apache-2.0
// What the operating system knows of this process: its CPUs, its numbers, its names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::detail {

/// The CPUs of the machine that are online.
PARMAP_EXPORT int cpus_online() noexcept;

/// The CPUs that the process may run on, 64 a word; empty where the system does not tell.
PARMAP_EXPORT std::optional<std::vector<std::uint64_t>> affinity_of_process();

/// The numbers of this process and of the calling thread. A later thread may have the same one.
long process_id() noexcept;
long thread_id() noexcept;

/// The name of the calling thread; "thread" when it has none.
std::string thread_name();

std::string program_name();

/// The name of the machine, cut to `most` bytes.
PARMAP_EXPORT std::string host_name(std::size_t most);

}  // namespace parmap::inline v0_2::detail
