// SPDX-License-Identifier: Apache-2.0
// The record that every rank sends to all before a call, and what every rank computes from all records: differences and
// numbers of workers. Sends nothing itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace parmap::inline v0_2::mpi::detail {

/// While its size stays, ranks of another version differ in the first field, and the error names the version.
struct rank_record {
    template <std::size_t N>
    using text = std::array<char, N>;

    text<16> version{};
    text<16> kind{};
    std::uint64_t types{};  // a hash of their names
    std::uint64_t size{};
    std::uint8_t has_size{};  // else only rank 0 knows it
    std::uint8_t has_failed{};
    std::uint8_t results{};
    std::uint8_t is_reported{};  // rank 0: it shows progress
    std::int64_t timeout_ns{};   // the greatest without a timeout
    std::uint64_t grain_size{};

    // Where it runs. Ranks may differ in these.
    std::int32_t max_workers{};  // -1: unset
    std::int32_t cpus{};         // num_cpus()
    std::int32_t online{};       // CPUs of the machine
    float quota{};               // CPUs' worth of time that its cgroup allows; 0: no limit
    text<64> host{};
    std::array<std::uint64_t, 64> mask{};  // of CPUs, the first 4096
};
static_assert(sizeof(rank_record) == 664);

/// Copies as much as fits, and a zero.
template <std::size_t N>
std::array<char, N> text_of(std::string_view from)
{
    std::array<char, N> to{};
    from.copy(to.data(), N - 1);
    return to;
}

/// In what the first rank that differs from rank 0 does, as a sentence.
std::optional<std::string> difference(std::span<const rank_record> ranks);

/// The workers of each rank: max_workers, or its share of the CPUs where several ranks may use them.
std::vector<int> workers_of(std::span<const rank_record> ranks);

/// A notice where the launcher bound ranks to one of several CPUs and max_workers is unset.
std::optional<std::string> binding_notice(std::span<const rank_record> ranks);

/// Fills in where this process runs.
/// \throws std::invalid_argument  as num_cpus()
void describe_this_process(rank_record& self, std::optional<int> max_workers);

}  // namespace parmap::inline v0_2::mpi::detail
