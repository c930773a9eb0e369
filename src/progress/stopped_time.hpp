// SPDX-License-Identifier: Apache-2.0
// For how long the process was stopped, by a signal or on a suspended machine. No event tells that, but a wait that ends
// long after it was due does; a stop between two such waits is not seen. Pure: the caller brings the clock.
#pragma once

#include <atomic>
#include <chrono>

namespace parmap::inline v0_2::detail {

class stopped_time {
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

/// Of this process; the reporter thread keeps it.
inline constinit stopped_time time_stopped;

}  // namespace parmap::inline v0_2::detail
