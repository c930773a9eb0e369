// SPDX-License-Identifier: Apache-2.0
// What tests of random cases share. Each case has a seed of its own, so that it can be replayed alone; a test that
// fails says how. All of them obey
//   PARMAP_TEST_SEED=n     the seed of the run; a fresh one where it is not set, printed anyway
//   PARMAP_TEST_CASES=15x  15 times as many cases as usual, in every test; 0.3x for fewer
//   PARMAP_TEST_CASE=n     case n of the run alone; with --gtest_repeat=1000 its threads meet in more ways
// Such a test has Random in its name: `./dev soak` finds it by that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>

namespace parmap::testing {

/// Draws what is random in a case: the same numbers everywhere for a seed.
class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

    /// Any number. By splitmix64, which is seeded for nothing.
    std::uint64_t next() noexcept
    {
        state_ += 0x9e37'79b9'7f4a'7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58'476d'1ce4'e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d0'49bb'1331'11ebU;
        return mixed ^ (mixed >> 31U);
    }

    /// A number in [0, n).
    std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }

    bool one_in(std::size_t n) noexcept { return below(n) == 0; }

    template <class Range>
    const auto& one_of(const Range& all)
    {
        return *(all.begin() + static_cast<std::ptrdiff_t>(below(all.size())));
    }
    template <class T>
    T one_of(std::initializer_list<T> all)
    {
        return *(all.begin() + below(all.size()));
    }

private:
    std::uint64_t state_;
};

/// Calls `check` with the dice of one case after the other, up to the first that fails the test: `usual` times, unless
/// the environment says otherwise.
/// \return how many cases ran
std::uint64_t for_random_cases(std::uint64_t usual, const std::function<void(dice&)>& check);

}  // namespace parmap::testing
