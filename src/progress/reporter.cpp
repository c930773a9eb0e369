// SPDX-License-Identifier: Apache-2.0
#include "progress/reporter.hpp"

#include <algorithm>
#include <thread>

#include "progress/stopped_time.hpp"
#include "system/signals.hpp"

namespace parmap::inline v0_2::detail {

void reporter::enter(const std::shared_ptr<reported_call>& call)
{
    const std::lock_guard lock(mutex_);
    if (!running_) start();
    calls_.push_back({call, call->first_tick()});
    if (call->first_tick() < wakes_at_) changed_.notify_one();
}

void reporter::leave(const std::shared_ptr<reported_call>& call) noexcept
{
    const std::lock_guard lock(mutex_);
    std::erase_if(calls_, [&](const entry& e) { return e.call == call; });
}

void reporter::start()
{
    const no_signals in_the_thread;
    try {
        std::thread([this] { report(); }).detach();
        running_ = true;
    } catch (...) {
        // No thread is to be had: the work goes on, and the last state comes at the end.
    }
}

void reporter::report()
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

}  // namespace parmap::inline v0_2::detail
