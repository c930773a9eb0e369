// SPDX-License-Identifier: Apache-2.0
// The monotonic clock of a test program, which jumps, ticks coarsely or stands still as a test wants it. Waits with a
// deadline last as long as by the true clock.
#pragma once

#include <chrono>

namespace parmap::testing::fake_clock {

/// Puts the clock forward. Async-signal-safe.
void jump(std::chrono::nanoseconds ahead) noexcept;

/// Puts the clock forward when a thread next waits with a deadline, which is no sooner for it.
void jump_in_next_wait(std::chrono::nanoseconds ahead) noexcept;

/// The clock shows only multiples of this.
void tick_every(std::chrono::nanoseconds step) noexcept;

/// The clock moves no more but by jump() and spend().
void stand_still() noexcept;

/// The clock of this thread alone moves on, until all go on together.
void spend(std::chrono::nanoseconds time) noexcept;

/// The clock goes on, from where it is for this thread.
void go_on() noexcept;

}  // namespace parmap::testing::fake_clock
