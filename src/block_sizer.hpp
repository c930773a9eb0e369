// SPDX-License-Identifier: Apache-2.0
// How many items the next block takes: about 50 us of them, by what the last block cost, fewer near
// the end, and always the grain size when the caller set one. Pure; one per worker.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace parmap::detail {

class block_sizer {
public:
    /// `grain` 0: sized by cost.
    block_sizer(std::size_t grain, int workers) noexcept
        : grain_(grain),
          shares_(2 * static_cast<std::size_t>(workers))
    {
    }

    /// The length of the next block, 1 .. `remaining`.
    std::size_t next(std::size_t remaining) const noexcept
    {
        if (grain_ != 0) return std::min(grain_, remaining);
        // Two shares a worker are left for the others to even out what this block's cost turns out to
        // be, down to blocks so short that claiming them would cost more than they do.
        const std::size_t share = std::max(remaining / shares_, least_);
        return std::clamp<std::size_t>(std::min(wanted_, share), 1, remaining);
    }

    /// A block of `items` took `elapsed`.
    void measured(std::size_t items, std::chrono::nanoseconds elapsed) noexcept
    {
        // A clock that stood still or a block that spanned a suspend must not break the size.
        const double cost = static_cast<double>(std::max<std::chrono::nanoseconds::rep>(elapsed.count(), 1)) /
                            static_cast<double>(items);
        // A few cheap items say little about the next ones: the size grows step by step.
        wanted_ = static_cast<std::size_t>(std::min(target_ns / cost, static_cast<double>(items) * growth));
        least_ = static_cast<std::size_t>(std::min(least_ns / cost, static_cast<double>(wanted_)));
    }

private:
    static constexpr double target_ns = 50'000;
    static constexpr double least_ns = 1'000;
    static constexpr double growth = 8;

    std::size_t grain_;
    std::size_t shares_;
    std::size_t wanted_{1};
    std::size_t least_{1};
};

}  // namespace parmap::detail
