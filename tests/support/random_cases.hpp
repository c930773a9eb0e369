// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of random cases. Each case has its own seed and can be replayed; a test that fails prints how.
//   PARMAP_TEST_SEED=n     the seed of the run; without it a new one, which is printed
//   PARMAP_TEST_CASES=15x  15 times as many cases as usual, in every test; 0.3x for fewer
//   PARMAP_TEST_CASE=n     only case n of the run; --gtest_repeat=1000 runs it with other timings
// Such a test has Random in its name, by which `./dev soak` finds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>

namespace parmap::testing {

/// The random numbers of a case: a seed gives the same numbers on every machine.
class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

    /// Any number, by splitmix64: seeding it costs nothing.
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

/// Calls `check` for one case after the other, up to the first that fails: `usual` cases, unless the environment sets
/// another number.
/// \return how many cases ran
std::uint64_t for_random_cases(std::uint64_t usual, const std::function<void(dice&)>& check);

}  // namespace parmap::testing
