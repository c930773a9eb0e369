// SPDX-License-Identifier: Apache-2.0
// operator new and delete of a test program, which count, and fail when they are told to, on whatever thread. What
// oneTBB needs for its own comes from malloc, which is left alone: what oneTBB does without memory is oneTBB's.
#pragma once

#include <chrono>
#include <cstdint>

namespace parmap::testing::allocations {

/// As the last one that fails: all do.
inline constexpr std::uint64_t all = UINT64_MAX;

/// Of those that are asked for from now on, `first` to `last` fail, counted from 1.
void fail(std::uint64_t first, std::uint64_t last) noexcept;

/// The same, of those that this thread asks for.
void fail_here(std::uint64_t first, std::uint64_t last) noexcept;

/// None fails any more. \return whether any did since fail()
bool stop_failing() noexcept;

/// Whether any has failed since fail().
bool any_failed() noexcept;

/// Of those that threads other than this one ask for from now on, the one with this number, from 1, is answered
/// after let_go().
void hold(std::uint64_t number) noexcept;
bool is_one_held() noexcept;
void let_go() noexcept;

/// That were made and not freed.
std::int64_t alive() noexcept;

/// Waits until no more are alive: other threads may free theirs a little after a call has returned.
/// \return false when that takes longer
bool alive_falls_to(std::int64_t count, std::chrono::seconds at_most) noexcept;

}  // namespace parmap::testing::allocations
