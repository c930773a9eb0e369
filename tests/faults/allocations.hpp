// SPDX-License-Identifier: Apache-2.0
// operator new and delete of a test program: they count, and fail on request, on any thread. oneTBB itself allocates
// with malloc, which does not fail here.
#pragma once

#include <chrono>
#include <cstdint>

namespace parmap::testing::allocations {

/// As `last`: all allocations from `first` on fail.
inline constexpr std::uint64_t all = UINT64_MAX;

/// Allocations `first` to `last` fail, counted from 1 from now on.
void fail(std::uint64_t first, std::uint64_t last) noexcept;

/// As fail(), counting and failing only allocations of this thread.
void fail_here(std::uint64_t first, std::uint64_t last) noexcept;

/// Ends fail(). \return whether an allocation has failed since fail()
bool stop_failing() noexcept;

/// Whether an allocation has failed since fail().
bool any_failed() noexcept;

/// The allocation with this number, counted from 1 over all threads but this one, waits for let_go().
void hold(std::uint64_t number) noexcept;
bool is_one_held() noexcept;
void let_go() noexcept;

/// The number of allocations that are not freed yet.
std::int64_t alive() noexcept;

/// Waits until at most `count` are alive: other threads may free theirs a little after a call has returned.
/// \return false when that takes longer than `at_most`
bool alive_falls_to(std::int64_t count, std::chrono::seconds at_most) noexcept;

}  // namespace parmap::testing::allocations
