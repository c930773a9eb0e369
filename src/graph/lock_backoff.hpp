// SPDX-License-Identifier: Apache-2.0
// A lock that is held for tens of nanoseconds at a time.
#pragma once

#include <mutex>

namespace parmap::inline v0_2::detail {

/// Locks with backoff: spins longer after each try, up to some microseconds, before it blocks. A holder keeps the cache
/// line for several turns meanwhile. Without it 100,000 steps of 1 us in a fan take 1.1 to 1.25 times as long.
inline void lock_with_backoff(std::unique_lock<std::mutex>& lock)
{
    for (int pauses = 8; pauses <= 128; pauses *= 2) {
        if (lock.try_lock()) return;
        for (int i = 0; i < pauses; ++i) {
#ifdef __x86_64__
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            __asm__ volatile("isb");  // on most such processors "yield" does nothing
#endif
        }
    }
    lock.lock();
}

}  // namespace parmap::inline v0_2::detail
