// SPDX-License-Identifier: Apache-2.0
// Which items a rank is granted next. Sends nothing itself: rank 0 uses it, and so does bench/mpi_simulation.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/block_sizer.hpp"

namespace parmap::inline v0_2::mpi::detail {

/// Grants [0, size) in increasing order, in blocks that shrink towards the end: remaining / (4 x all workers) x the
/// rank's workers. They are never so small that rank 0 could not serve all ranks, and a rank's first block has an item
/// for every worker.
class grant_sizer {
public:
    struct block {
        std::size_t begin;
        std::size_t end;
    };

    /// \param workers  of each rank
    /// \param quantum  items that stay together: every block begins at a multiple of it, >= 1
    grant_sizer(std::size_t size, std::vector<int> workers, std::size_t quantum)
        : size_(size),
          quantum_(quantum),
          workers_(std::move(workers)),
          has_begun_(workers_.size())
    {
        for (const int n : workers_) all_workers_ += static_cast<std::size_t>(n);
    }

    bool is_all_granted() const noexcept { return next_ == size_; }

    /// \param item     the time of an item on one worker
    /// \param service  the time that rank 0 needs for a message
    void measured(std::chrono::duration<double, std::nano> item, std::chrono::nanoseconds service) noexcept
    {
        item_ns_ = item.count();  // may be less than 1
        service_ns_ = static_cast<double>(service.count());
    }

    /// The rank's next block; empty when all items are granted.
    block next(std::size_t rank) noexcept
    {
        const std::size_t begin = next_;
        const std::size_t remaining = size_ - begin;
        const auto workers = static_cast<std::size_t>(workers_[rank]);
        std::size_t items = std::max(part(remaining, workers, 4), least_items(remaining, workers));
        if (!has_begun_[rank]) {
            const std::size_t even = size_ - part(size_, all_workers_ - workers, 1);
            items = std::max(items, std::min(workers, even));
            has_begun_[rank] = true;
        }
        next_ = parmap::detail::round_up(begin + std::min(items, remaining), quantum_, size_);
        return {begin, next_};
    }

private:
    static constexpr double least_ns = 1e6;  // of work; below, messages would be a good part of the time
    // Rank 0 serves ranks at most a quarter of the time, and at the end, where some ranks would get nothing, all of it.
    static constexpr double service_shares = 4;
    static constexpr double last_service_shares = 1;

    /// The items of one block of these workers, if every worker gets `parts` equal blocks.
    std::size_t part(std::size_t items, std::size_t workers, std::size_t parts) const noexcept
    {
        const std::size_t all = parts * all_workers_;
        return items / all * workers + items % all * workers / all;  // in this order no product overflows
    }

    std::size_t least_items(std::size_t remaining, std::size_t workers) const noexcept
    {
        const double all_ranks_ns = service_ns_ * static_cast<double>(workers_.size());
        const std::size_t wanted = items_of(service_shares * all_ranks_ns, workers);
        const std::size_t least = items_of(std::max(least_ns, last_service_shares * all_ranks_ns), workers);
        return std::max(least, std::min(wanted, part(remaining, workers, 1)));
    }

    /// The items that these workers run in this time.
    std::size_t items_of(double ns, std::size_t workers) const noexcept
    {
        if (item_ns_ <= 0) return 1;
        const double items = std::ceil(ns * static_cast<double>(workers) / item_ns_);
        return items < static_cast<double>(size_) ? static_cast<std::size_t>(items) : size_;
    }

    std::size_t size_;
    std::size_t quantum_;
    std::vector<int> workers_;
    std::vector<bool> has_begun_;  // each rank
    std::size_t all_workers_{0};
    std::size_t next_{0};
    double item_ns_{0};  // 0 before it was measured
    double service_ns_{0};
};

}  // namespace parmap::inline v0_2::mpi::detail
