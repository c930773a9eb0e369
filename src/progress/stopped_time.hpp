// SPDX-License-Identifier: Apache-2.0
// How long the process was stopped, by a signal or on a suspended machine. A wait that ends long after it was due shows
// it; a stop between two waits is not seen. Pure: the caller supplies the times.
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
        constexpr auto least = std::chrono::seconds(1);  // on a machine that is only busy, a wait is not so late
        if (now - due < least) return;
        const clock::rep before = total_.load(std::memory_order_relaxed);
        total_.store(before + (now - due).count(), std::memory_order_relaxed);
    }

    /// The stopped time so far. On any thread.
    clock::duration total() const noexcept { return clock::duration(total_.load(std::memory_order_relaxed)); }

private:
    std::atomic<clock::rep> total_{0};
};

/// That of this process. The reporter thread notes its waits.
inline constinit stopped_time time_stopped;

}  // namespace parmap::inline v0_2::detail
