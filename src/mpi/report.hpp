// SPDX-License-Identifier: Apache-2.0
// What ranks tell each other during a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include <parmap/errors.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/serializer.hpp>

namespace parmap::inline v0_2::mpi::detail {

/// A block that has ended on some rank.
struct block_report {
    std::size_t begin{};
    std::size_t end{};
    std::size_t completed{};
    std::vector<rank_failure> failures{};
    std::vector<std::byte> results{};

    /// Its elements or results cannot be written or read: then every item has failed, or one, where that is enough.
    void fail(int rank, const std::exception_ptr& why, parmap::detail::on_failure policy);
};

/// From any rank to rank 0: how far it is, results, and what it wants.
struct report {
    bool wants_more{};
    bool has_left{};  // the call; the last that it says
    stop_reason stopped{stop_reason::none};
    std::uint64_t done{};
    std::int32_t busy{};
    std::int64_t busy_ns{};
    std::vector<block_report> blocks{};

    void write(writer& to) const;
    static report read(reader& from);
};

/// From rank 0 to any rank.
enum class order : std::uint8_t {
    grant,  // begin, end, elements
    halt,   // from which index on
    end     // the call's result
};

void write_result(const call_result& result, writer& to);
call_result read_result(reader& from);

}  // namespace parmap::inline v0_2::mpi::detail
