// SPDX-License-Identifier: Apache-2.0
// The monotonic clock of a test program: a test can make it jump, tick coarsely or stand still. Waits with a deadline
// still last as long as by the true clock.
#pragma once

#include <chrono>

namespace parmap::testing::fake_clock {

/// Puts the clock forward. Async-signal-safe.
void jump(std::chrono::nanoseconds ahead) noexcept;

/// Puts the clock forward when a thread next waits with a deadline. That wait does not end sooner.
void jump_in_next_wait(std::chrono::nanoseconds ahead) noexcept;

/// The clock shows only multiples of `step`.
void tick_every(std::chrono::nanoseconds step) noexcept;

/// The clock stands still; only jump() and spend() move it.
void stand_still() noexcept;

/// Moves the clock of this thread alone, until go_on().
void spend(std::chrono::nanoseconds time) noexcept;

/// The clock goes on for all threads, from this thread's time.
void go_on() noexcept;

}  // namespace parmap::testing::fake_clock
