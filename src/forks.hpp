// SPDX-License-Identifier: Apache-2.0
// Whether a process is the one in which something was made, or a copy of that process after a fork.
#pragma once

#include <atomic>

#include <pthread.h>

namespace parmap::detail {

/// Another number in a child than in its parent, from the first call in the parent on. Costs no system call.
inline int forks_so_far() noexcept
{
    static constinit std::atomic<int> forks{0};
    static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    static_cast<void>(registered);
    return forks.load(std::memory_order_relaxed);
}

/// The process in which this was made.
class home_process {
public:
    bool is_this_one() const noexcept { return forks_ == forks_so_far(); }

private:
    int forks_{forks_so_far()};
};

}  // namespace parmap::detail
