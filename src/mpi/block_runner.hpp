// SPDX-License-Identifier: Apache-2.0
// Runs the blocks that a rank is granted and reports how they ended: on every rank, rank 0 too. Knows no MPI.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <parmap/errors.hpp>
#include <parmap/mpi/detail/call.hpp>

#include "mpi/block_queue.hpp"
#include "mpi/report.hpp"

namespace parmap::inline v0_2::mpi::detail {

class block_runner {
public:
    /// \param limits       as of block_queue
    /// \param is_reported  whether rank 0 shows progress, and so needs a report now and then
    block_runner(job& job, int rank, const pd::run_limits& limits, pd::on_failure policy, bool is_reported)
        : job_(job),
          rank_(rank),
          limits_(limits),
          policy_(policy),
          is_reported_(is_reported),
          queue_(limits, policy)
    {
    }

    /// Adds a block.
    /// \param elements  null on rank 0
    void grant(std::size_t begin, std::size_t end, reader* elements)
    {
        has_asked_ = false;
        last_granted_ = end - begin;
        std::unique_ptr<granted_block> opened;
        try {
            opened = job_.open(begin, end, elements);
        } catch (...) {
            add_ended({.begin = begin, .end = end}, std::current_exception());
            return;
        }
        const granted_block& block = *blocks_.emplace(begin, std::move(opened)).first->second;
        queue_.push(begin, end, block.function());
        queue_.halt_from(end_);  // the grant may have been on its way before the halt
    }

    /// Begins no more items of blocks from this index on.
    void halt_from(std::size_t index) noexcept
    {
        end_ = std::min(end_, index);
        queue_.halt_from(end_);
    }

    /// The next report to rank 0, if there is anything to report.
    std::optional<report> next_report()
    {
        while (const auto ended = queue_.take_ended()) add_ended(*ended);
        report next;
        if (limits_.requested.stop.stop_requested()) {
            halt_from(0);
            if (!std::exchange(has_reported_stop_, true)) next.stopped = stop_reason::stop_requested;
        }
        // The next block has time to arrive while the second half of the last one runs.
        next.wants_more = !has_asked_ && end_ != 0 && queue_.unclaimed() <= last_granted_ / 2;
        if (!next.wants_more && next.stopped == stop_reason::none && !is_report_due()) return std::nullopt;
        has_asked_ |= next.wants_more;
        last_report_ = clock::now();
        next.done = queue_.done();
        next.busy = queue_.busy();
        next.busy_ns = queue_.busy_time().count();
        next.blocks = std::exchange(ended_, {});
        return next;
    }

    /// Returns when a block has ended or the time is over; without a thread of its own, runs some items instead.
    void wait_for(std::chrono::microseconds longest)
    {
        if (queue_.has_threads() || !queue_.help()) queue_.wait_for(longest);
    }

    /// The exception of an item that failed on this rank; null for others.
    std::exception_ptr cause_of(std::size_t index) const
    {
        const auto found = causes_.find(index);
        return found == causes_.end() ? nullptr : found->second;
    }

private:
    using clock = std::chrono::steady_clock;
    static constexpr auto report_interval = std::chrono::milliseconds(200);

    /// Results wait for the next request for a block, unless there will be none or rank 0 waits for them.
    bool is_report_due() const
    {
        if (is_reported_ && clock::now() - last_report_ >= report_interval) return true;
        const auto has_failed = [](const block_report& block) { return !block.failures.empty(); };
        return !ended_.empty() && (blocks_.empty() || end_ == 0 || std::ranges::any_of(ended_, has_failed));
    }

    void add_ended(const pd::ended_block& ended)
    {
        block_report block{.begin = ended.begin, .end = ended.end, .completed = ended.ran.completed};
        for (const pd::block_failure& failed : ended.ran.failures) {
            const std::size_t index = ended.begin + failed.index;
            block.failures.push_back({index, rank_, parmap::failure{index, failed.error}.what(), failed.error});
        }
        std::exception_ptr error;
        // A call that throws needs no results.
        if (policy_ == pd::on_failure::proceed || block.completed == block.end - block.begin) {
            try {
                writer to;
                blocks_.at(ended.begin)->write_results(to);
                block.results = to.take();
            } catch (...) {
                error = std::current_exception();
            }
        }
        blocks_.erase(ended.begin);
        add_ended(std::move(block), error);
    }

    /// \param error  why the block has no results; null if it has
    void add_ended(block_report block, const std::exception_ptr& error)
    {
        if (error != nullptr) block.fail(rank_, error, policy_);
        for (const rank_failure& failed : block.failures) causes_.emplace(failed.index, failed.cause);
        if (policy_ == pd::on_failure::stop && !block.failures.empty()) halt_from(block.failures.front().index);
        ended_.push_back(std::move(block));
    }

    job& job_;
    const int rank_;
    const pd::run_limits& limits_;
    const pd::on_failure policy_;
    const bool is_reported_;

    std::map<std::size_t, std::unique_ptr<granted_block>> blocks_;  // by their first index
    std::size_t last_granted_{0};                                   // items
    bool has_asked_{true};                                          // rank 0 grants the first block unasked
    std::size_t end_{static_cast<std::size_t>(-1)};                 // no items from here on are begun
    bool has_reported_stop_{false};
    std::vector<block_report> ended_;
    std::map<std::size_t, std::exception_ptr> causes_;
    clock::time_point last_report_{clock::now()};
    pd::block_queue queue_;
};

}  // namespace parmap::inline v0_2::mpi::detail
