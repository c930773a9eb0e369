// SPDX-License-Identifier: Apache-2.0
// What the sanitizers must be told, because they do not see into oneTBB. Empty in a build without them.
#pragma once

#include <atomic>

#if defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define PARMAP_THREAD_SANITIZER
#    endif
#    if __has_feature(address_sanitizer)
#        define PARMAP_ADDRESS_SANITIZER
#    endif
#endif
#if defined(__SANITIZE_THREAD__)
#    define PARMAP_THREAD_SANITIZER
#endif
#if defined(__SANITIZE_ADDRESS__)
#    define PARMAP_ADDRESS_SANITIZER
#endif

#if defined(PARMAP_ADDRESS_SANITIZER)
#    include <sanitizer/lsan_interface.h>
#endif

namespace parmap::inline v0_2::detail {

/// Tells ThreadSanitizer the order that oneTBB keeps: before_workers() happens before every worker_scope, on any
/// thread, and each of these happens before after_workers().
class thread_order {
public:
#if defined(PARMAP_THREAD_SANITIZER)
    class worker_scope {
    public:
        explicit worker_scope(thread_order& order) noexcept : order_(order)
        {
            static_cast<void>(order_.begun_.load(std::memory_order_acquire));
        }
        worker_scope(const worker_scope&) = delete;
        worker_scope& operator=(const worker_scope&) = delete;
        ~worker_scope() { order_.ended_.fetch_add(1, std::memory_order_release); }

    private:
        thread_order& order_;
    };

    void before_workers() noexcept { begun_.store(true, std::memory_order_release); }
    void after_workers() const noexcept { static_cast<void>(ended_.load(std::memory_order_acquire)); }

private:
    std::atomic<bool> begun_{false};
    std::atomic<int> ended_{0};
#else
    class worker_scope {
    public:
        explicit worker_scope(thread_order& /*order*/) noexcept {}
    };

    void before_workers() noexcept {}
    void after_workers() const noexcept {}
#endif
};

/// The calling thread runs what another thread enqueued in oneTBB after it had changed `counter`.
inline void happens_after([[maybe_unused]] const std::atomic<int>& counter) noexcept
{
#if defined(PARMAP_THREAD_SANITIZER)
    static_cast<void>(counter.load(std::memory_order_acquire));
#endif
}

/// Keeps LeakSanitizer from reporting `object`, which only oneTBB's memory may refer to when the program ends.
inline void not_a_leak([[maybe_unused]] const void* object) noexcept
{
#if defined(PARMAP_ADDRESS_SANITIZER)
    __lsan_ignore_object(object);
#endif
}

}  // namespace parmap::inline v0_2::detail
