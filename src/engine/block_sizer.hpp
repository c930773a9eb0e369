// SPDX-License-Identifier: Apache-2.0
// How many items the next block takes: about 50 us of them, by what the last block cost, fewer near
// the end, and always the grain size when the caller set one. Pure; one per worker.
// bench/simulation.cpp shows what the rule comes to on up to 256 workers.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace parmap::inline v0_2::detail {

class block_sizer {
public:
    /// \param grain    items in every block; 0: sized by cost
    /// \param sharers  workers that claim blocks of the same items
    /// \param first    items in the first block, whose cost nobody knows
    block_sizer(std::size_t grain, int sharers, std::size_t first = 1) noexcept
        : grain_(grain),
          // Two shares a worker are left for the others to even out what a block's cost turns out to be.
          shares_(sharers == 1 ? 1 : 2 * static_cast<std::size_t>(sharers)),
          target_ns_(std::max(50'000.0, 4 * handover_ns * sharers)),
          least_ns_(std::max(1'000.0, 2 * handover_ns * sharers)),
          wanted_(first)
    {
    }

    /// The end of the next block of those in [begin, size).
    std::size_t next(std::size_t begin, std::size_t size) const noexcept
    {
        const std::size_t remaining = size - begin;
        if (grain_ != 0) return begin + std::min(grain_, remaining);
        const std::size_t share = std::max(remaining / shares_, least_);
        const std::size_t end = begin + std::clamp<std::size_t>(std::min(wanted_, share), 1, remaining);
        // Long blocks end where cache lines and vectors of any element do.
        return end - begin >= 2 * line && end != size ? end - end % line : end;
    }

    /// A block of `items` took `elapsed`.
    void measured(std::size_t items, std::chrono::nanoseconds elapsed) noexcept
    {
        // A clock that stood still or a block that spanned a suspend must not break the size.
        const auto ns = static_cast<double>(std::max<std::chrono::nanoseconds::rep>(elapsed.count(), 1));
        const double items_per_ns = static_cast<double>(items) / ns;
        // A few cheap items say little about the next ones: the size grows step by step.
        wanted_ = static_cast<std::size_t>(std::min(target_ns_ * items_per_ns, static_cast<double>(items) * growth));
        // Unless no time is seen to pass: then whoever takes too many of the last items keeps them from the others.
        if (elapsed.count() > 0) least_ = std::min(static_cast<std::size_t>(least_ns_ * items_per_ns), wanted_);
    }

private:
    // For so long a claim keeps the cursor's cache line from the others who want it: 12 ns between two cores
    // that share a cache, 100 ns and more across a large machine. Blocks last so long that the cursor is free
    // half of the time at the very end, and three quarters of it before.
    static constexpr double handover_ns = 100;
    static constexpr double growth = 32;
    static constexpr std::size_t line = 64;  // bytes in a cache line, so items enough for any

    std::size_t grain_;
    std::size_t shares_;
    double target_ns_;
    double least_ns_;  // a block that costs less than its claim is no gain
    std::size_t wanted_;
    std::size_t least_{1};
};

}  // namespace parmap::inline v0_2::detail
