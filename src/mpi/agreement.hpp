// SPDX-License-Identifier: Apache-2.0
// What every rank says of itself before a call, and what the ranks conclude from that, all of them the same; pure.
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

/// A record of a fixed size, whatever the version of parmap: what versions share stands first.
struct hello {
    template <std::size_t N>
    using text = std::array<char, N>;

    text<16> version{};
    text<16> kind{};
    std::uint64_t types{};  // a hash of their names
    std::uint64_t size{};
    std::uint8_t has_size{};  // else rank 0 alone knows it
    std::uint8_t has_failed{};
    std::uint8_t results{};
    std::uint8_t is_reported{};  // rank 0: somebody looks at progress
    std::int64_t timeout_ns{};   // the greatest without a timeout
    std::uint64_t grain_size{};

    // Where it runs; ranks may differ in these.
    std::int32_t max_workers{};  // -1: unset
    std::int32_t cpus{};         // that parmap would use
    std::int32_t online{};       // of the machine
    float quota{};               // CPUs' worth of time that its cgroup allows; 0: no limit
    text<64> host{};
    std::array<std::uint64_t, 64> mask{};  // of CPUs, the first 4096

    text<356> reserved{};
};
static_assert(sizeof(hello) == 1024);

/// Copies as much as fits.
template <std::size_t N>
std::array<char, N> text_of(std::string_view from)
{
    std::array<char, N> to{};
    from.copy(to.data(), N - 1);
    return to;
}

/// In which the first rank that differs differs from rank 0, as a sentence.
std::optional<std::string> difference(std::span<const hello> ranks);

/// The workers of each rank: max_workers, or its share of the CPUs where several ranks may use them.
std::vector<int> workers_of(std::span<const hello> ranks);

/// What to tell where ranks were bound to one of several CPUs without being asked for it.
std::optional<std::string> binding_notice(std::span<const hello> ranks);

/// Says where this process runs, and with how many workers it wants to.
/// \throws std::invalid_argument  as num_cpus()
void describe_this_process(hello& self, std::optional<int> max_workers);

}  // namespace parmap::inline v0_2::mpi::detail
