// SPDX-License-Identifier: Apache-2.0
// The one thread that looks at the calls in flight.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "progress/reported_call.hpp"

namespace parmap::inline v0_2::detail {

/// Asleep unless there are calls. Use it through one_in_process.
class reporter {
public:
    using clock = std::chrono::steady_clock;

    /// Ticks the call from now on, on the reporter thread.
    void enter(const std::shared_ptr<reported_call>& call);

    /// Ticks it no more. It need not have entered.
    void leave(const std::shared_ptr<reported_call>& call) noexcept;

private:
    struct entry {
        std::shared_ptr<reported_call> call;
        clock::time_point due;
    };

    void start();
    void report();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<entry> calls_;
    clock::time_point wakes_at_{clock::time_point::min()};
    bool running_{false};
};

}  // namespace parmap::inline v0_2::detail
