// SPDX-License-Identifier: Apache-2.0
// Tells a process from its child after a fork, where locks may be held by threads that are not there.
#pragma once

#include <atomic>
#include <memory>

#include <pthread.h>

namespace parmap::inline v0_2::detail {

/// Counts the forks between this process and the first one that called it. Makes no system call.
inline int forks_so_far() noexcept
{
    static constinit std::atomic<int> forks{0};
    static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    static_cast<void>(registered);
    return forks.load(std::memory_order_relaxed);
}

/// The process in which this object was made.
class creator_process {
public:
    bool is_current() const noexcept { return forks_ == forks_so_far(); }

private:
    int forks_{forks_so_far()};
};

/// The one object of a type in this process, made at first use. A child after a fork makes its own: threads that are
/// not there may hold the locks of its parent's. Never destroyed, so that static destructors may use it.
template <class T>
class one_in_process {
public:
    /// \throws what the constructor throws
    static T& instance()
    {
        holder* known = current.load(std::memory_order_acquire);
        if (known == nullptr || !known->creator.is_current()) {
            auto made = std::make_unique<holder>();
            if (current.compare_exchange_strong(known, made.get())) known = made.release();
        }
        return known->object;
    }

    /// The same object; null when there is none yet.
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
