// SPDX-License-Identifier: Apache-2.0
// A clock for what may be over in nanoseconds: most of its readings cost a third of the steady clock's.
#pragma once

#include <chrono>
#include <cstdint>

namespace parmap::inline v0_2::detail {

/// The steady clock, up to 2,000 ticks of the processor's counter behind, which are a microsecond at 2 GHz. Without such
/// a counter, always on time. One thread's.
class quick_clock {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// What the last reading gave; at first the time of the construction.
    time_point last() const noexcept { return time_; }

    time_point now() noexcept
    {
#ifdef __x86_64__
        // On another CPU the count may be lower: the difference is huge then, and the clock is read.
        const std::uint64_t ticks = __builtin_ia32_rdtsc();
        if (ticks - ticks_ < most_behind) return time_;
        ticks_ = ticks;
#endif
        time_ = std::chrono::steady_clock::now();
        return time_;
    }

private:
#ifdef __x86_64__
    static constexpr std::uint64_t most_behind = 2'000;
    std::uint64_t ticks_{__builtin_ia32_rdtsc()};
#endif
    time_point time_{std::chrono::steady_clock::now()};
};

}  // namespace parmap::inline v0_2::detail
