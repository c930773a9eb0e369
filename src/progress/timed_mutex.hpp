// SPDX-License-Identifier: Apache-2.0
// A mutex with a deadline. std::timed_mutex waits in a call that ThreadSanitizer (g++ 12, clang 16) does not know.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace parmap::inline v0_2::detail {

class timed_mutex {
public:
    void lock()
    {
        std::unique_lock guard(mutex_);
        freed_.wait(guard, [this] { return !taken_; });
        taken_ = true;
    }
    bool try_lock_until(std::chrono::steady_clock::time_point deadline)
    {
        std::unique_lock guard(mutex_);
        if (!freed_.wait_until(guard, deadline, [this] { return !taken_; })) return false;
        return taken_ = true;
    }
    void unlock()
    {
        const std::lock_guard guard(mutex_);
        taken_ = false;
        freed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable freed_;
    bool taken_{false};
};

}  // namespace parmap::inline v0_2::detail
