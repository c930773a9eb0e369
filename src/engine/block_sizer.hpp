// SPDX-License-Identifier: Apache-2.0
// The number of items in a worker's next block: about 50 us of them by the cost of its last block, fewer near the end,
// and the grain size where the caller set one. Pure; each worker has one. bench/simulation.cpp shows the effect on up
// to 256 workers.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace parmap::inline v0_2::detail {

/// The first multiple of `quantum` from `end` on, at most `size`: items of one quantum stay in one block.
inline std::size_t round_up(std::size_t end, std::size_t quantum, std::size_t size) noexcept
{
    if (quantum == 1) return end;  // spares most runs the division
    const std::size_t beyond = end % quantum;
    return beyond == 0 ? end : end + std::min(quantum - beyond, size - end);
}

class block_sizer {
public:
    /// \param grain    items in every block; 0: sized by cost
    /// \param sharers  workers that claim blocks of the same items
    /// \param first    items in the first block, whose cost is not known
    block_sizer(std::size_t grain, int sharers, std::size_t first = 1) noexcept
        : grain_(grain),
          // A block takes at most half of a worker's share, so that the others can even out a wrong guess of its cost.
          shares_(sharers == 1 ? 1 : 2 * static_cast<std::size_t>(sharers)),
          target_ns_(std::max(50'000.0, 4 * handover_ns * sharers)),
          least_ns_(std::max(1'000.0, 2 * handover_ns * sharers)),
          wanted_(first)
    {
    }

    /// The end of the next block, which begins at `begin`.
    std::size_t next(std::size_t begin, std::size_t size) const noexcept
    {
        const std::size_t remaining = size - begin;
        if (grain_ != 0) return begin + std::min(grain_, remaining);
        const std::size_t share = std::max(remaining / shares_, least_);
        const std::size_t end = begin + std::clamp<std::size_t>(std::min(wanted_, share), 1, remaining);
        // Long blocks end at a boundary of cache lines, whatever the size of an element.
        return end - begin >= 2 * line && end != size ? end - end % line : end;
    }

    /// A block of `items` took `elapsed`.
    void measured(std::size_t items, std::chrono::nanoseconds elapsed) noexcept
    {
        // The clock may stand still, or the machine may be suspended during a block.
        const auto ns = static_cast<double>(std::max<std::chrono::nanoseconds::rep>(elapsed.count(), 1));
        const double items_per_ns = static_cast<double>(items) / ns;
        // A few cheap items say little about the next ones, so the size grows in steps.
        wanted_ = static_cast<std::size_t>(std::min(target_ns_ * items_per_ns, static_cast<double>(items) * growth));
        // Not when no time was seen to pass: the last items would go to one worker.
        if (elapsed.count() > 0) least_ = std::min(static_cast<std::size_t>(least_ns_ * items_per_ns), wanted_);
    }

private:
    // The time for which a claim holds the cursor's cache line: 12 ns between two cores that share a cache, 100 ns and
    // more across a large machine. Blocks are long enough that the cursor is free half of the time at the very end, and
    // three quarters of the time before.
    static constexpr double handover_ns = 100;
    static constexpr double growth = 32;
    static constexpr std::size_t line = 64;  // bytes in a cache line: no more items fit in one

    std::size_t grain_;
    std::size_t shares_;
    double target_ns_;
    double least_ns_;  // a shorter block costs less than its claim
    std::size_t wanted_;
    std::size_t least_{1};
};

}  // namespace parmap::inline v0_2::detail
