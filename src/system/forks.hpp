// SPDX-License-Identifier: Apache-2.0
// Whether a process is the one in which something was made, or a copy of that process after a fork.
#pragma once

#include <atomic>
#include <memory>

#include <pthread.h>

namespace parmap::inline v0_2::detail {

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
class creator_process {
public:
    bool is_current() const noexcept { return forks_ == forks_so_far(); }

private:
    int forks_{forks_so_far()};
};

/// The one object of a type in this process, made when it is first asked for; a new one in a child after a fork, where
/// threads of the parent that do not exist there may hold its locks for ever. Never destroyed: it outlives static
/// destructors.
template <class T>
class one_in_process {
public:
    /// \throws what making it throws
    static T& instance()
    {
        holder* known = current.load(std::memory_order_acquire);
        if (known == nullptr || !known->creator.is_current()) {
            auto made = std::make_unique<holder>();
            if (current.compare_exchange_strong(known, made.get())) known = made.release();
        }
        return known->object;
    }

    /// The same, if it was made.
    static T* instance_if_made() noexcept
    {
        holder* const known = current.load(std::memory_order_acquire);
        return known != nullptr && known->creator.is_current() ? &known->object : nullptr;
    }

private:
    struct holder {
        const creator_process creator{};
        T object{};
    };

    static inline std::atomic<holder*> current{nullptr};
};

}  // namespace parmap::inline v0_2::detail
