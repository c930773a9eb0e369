// SPDX-License-Identifier: Apache-2.0
// What every rank does with the blocks that it is granted, rank 0 too. Knows no MPI.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <parmap/mpi/detail/call.hpp>

#include "mpi/block_queue.hpp"
#include "mpi/report.hpp"

namespace parmap::inline v0_2::mpi::detail {

class rank_side {
public:
    using clock = std::chrono::steady_clock;

    /// \param limits       as of block_queue
    /// \param is_reported  whether somebody looks at progress, and is to be told now and then
    rank_side(job& job, int rank, const parmap::detail::run_limits& limits, parmap::detail::on_failure policy,
              bool is_reported);

    /// Takes up a block.
    /// \param elements  null on rank 0
    void grant(std::size_t begin, std::size_t end, reader* elements);

    /// Begins no more items of blocks from this index on.
    void halt_from(std::size_t index) noexcept;

    /// What is to be told to rank 0 now, if anything is.
    std::optional<report> news();

    /// Nothing is to be done until a block ends, or for so long.
    void rest(std::chrono::microseconds longest);

    /// The exception of an item that failed here; null for others.
    std::exception_ptr cause_of(std::size_t index) const;

private:
    static constexpr auto report_interval = std::chrono::milliseconds(200);

    void take_ended();
    void add_ended(block_report block, const std::exception_ptr& error);
    bool is_worth_telling() const;

    job& job_;
    const int rank_;
    const parmap::detail::run_limits& limits_;
    const parmap::detail::on_failure policy_;
    const bool is_reported_;

    std::map<std::size_t, std::unique_ptr<granted_block>> blocks_;  // by their first index
    std::size_t last_granted_{0};                                   // items
    bool has_asked_{true};                                          // rank 0 grants the first block unasked
    std::size_t end_{static_cast<std::size_t>(-1)};                 // items from here on are begun no more
    bool told_of_stop_{false};
    std::vector<block_report> ended_;
    std::map<std::size_t, std::exception_ptr> causes_;
    clock::time_point last_news_{clock::now()};
    parmap::detail::block_queue run_;
};

}  // namespace parmap::inline v0_2::mpi::detail
