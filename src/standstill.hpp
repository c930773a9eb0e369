// SPDX-License-Identifier: Apache-2.0
// For how long the process stood still: stopped by a signal, or on a machine that was suspended. Nobody tells it, but
// a wait that ends long after it was due does. Whoever waits but for microseconds now and then misses a stop that falls
// into these, and only these. Pure: the caller brings the clock.
#pragma once

#include <atomic>
#include <chrono>

namespace parmap::detail {

class standstill {
public:
    using clock = std::chrono::steady_clock;

    /// A wait that was due to end at `due` ended at `now`. One thread at a time.
    void waited(clock::time_point due, clock::time_point now) noexcept
    {
        // A machine that is merely busy is not that late.
        constexpr auto least = std::chrono::seconds(1);
        if (now - due < least) return;
        const clock::rep before = total_.load(std::memory_order_relaxed);
        total_.store(before + (now - due).count(), std::memory_order_relaxed);
    }

    /// All of it so far. On any thread.
    clock::duration total() const noexcept { return clock::duration(total_.load(std::memory_order_relaxed)); }

private:
    std::atomic<clock::rep> total_{0};
};

}  // namespace parmap::detail
