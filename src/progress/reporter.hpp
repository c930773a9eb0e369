// SPDX-License-Identifier: Apache-2.0
// The one thread that reports the calls in flight.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "progress/reported_call.hpp"
#include "progress/stopped_time.hpp"
#include "system/signals.hpp"

namespace parmap::inline v0_2::detail {

/// Its thread sleeps while there are no calls. Use it through one_in_process.
class reporter {
public:
    /// From now on, the reporter thread ticks the call.
    void add(const std::shared_ptr<reported_call>& call)
    {
        const std::lock_guard lock(mutex_);
        if (!running_) start();
        calls_.push_back({call, call->first_tick()});
        if (call->first_tick() < wakes_at_) changed_.notify_one();
    }

    /// The reporter thread begins no more ticks of the call. It may never have been added.
    void remove(const std::shared_ptr<reported_call>& call) noexcept
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(calls_, [&](const entry& e) { return e.call == call; });
    }

private:
    using clock = std::chrono::steady_clock;

    struct entry {
        std::shared_ptr<reported_call> call;
        clock::time_point due;
    };

    void start()
    {
        const no_signals in_the_thread;
        try {
            std::thread(&reporter::report, this).detach();
            running_ = true;
        } catch (...) {
            // Without a thread the work goes on, and the last state comes at the end.
        }
    }

    void report()
    {
        std::unique_lock lock(mutex_);
        while (true) {
            const auto next = std::ranges::min_element(calls_, {}, &entry::due);
            if (next == calls_.end()) {
                wakes_at_ = clock::time_point::max();
                changed_.wait(lock);
                continue;
            }
            if (clock::now() < next->due) {
                wakes_at_ = next->due;
                changed_.wait_until(lock, wakes_at_);
                time_stopped.waited(wakes_at_, clock::now());
                continue;
            }
            const std::shared_ptr<reported_call> call = next->call;
            lock.unlock();
            const clock::time_point again = call->tick();
            lock.lock();
            const auto still = std::ranges::find(calls_, call, &entry::call);
            if (still != calls_.end()) still->due = again;
        }
    }

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<entry> calls_;
    clock::time_point wakes_at_{clock::time_point::min()};
    bool running_{false};
};

}  // namespace parmap::inline v0_2::detail
