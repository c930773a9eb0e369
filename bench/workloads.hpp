// SPDX-License-Identifier: Apache-2.0
// The work that the rivals are set to: items, and the function of one. Every function is inlined into every
// rival's loop, as it is in a user's program.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace workloads {

/// Costs next to nothing: what is left is the overhead, and memory.
struct square {
    double operator()(double x) const noexcept { return x * x; }
};

inline std::vector<double> numbers(std::size_t n)
{
    std::vector<double> items(n);
    std::iota(items.begin(), items.end(), 0.5);
    return items;
}

/// So small that their sum is exact, however it is grouped.
inline std::vector<double> small_numbers(std::size_t n)
{
    std::vector<double> items(n);
    for (std::size_t i = 0; i < n; ++i) items[i] = static_cast<double>(i % 1000);
    return items;
}

/// Costs a number of rounds and touches no memory.
struct spin {
    std::uint64_t operator()(std::uint64_t rounds) const noexcept
    {
        std::uint64_t x = rounds;
        for (std::uint64_t i = 0; i < rounds; ++i) x = x * 6364136223846793005U + 1442695040888963407U;
        return x;
    }
};

/// What `spin` does in a nanosecond here: the best of several tries.
inline double rounds_per_ns()
{
    static const double measured = [] {
        constexpr std::uint64_t rounds = 1'000'000;
        double best = std::numeric_limits<double>::infinity();
        for (int i = 0; i < 20; ++i) {
            const auto start = std::chrono::steady_clock::now();
            volatile const std::uint64_t sink = spin{}(rounds + static_cast<std::uint64_t>(i));
            static_cast<void>(sink);
            const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
            best = std::min(best, took.count());
        }
        return static_cast<double>(rounds) / best;
    }();
    return measured;
}

inline std::uint64_t rounds(double ns)
{
    return static_cast<std::uint64_t>(std::max(1.0, ns * rounds_per_ns()));
}

/// Costs a microsecond and gives nothing: a step of a graph.
struct spin_1_us {
    void operator()() const noexcept
    {
        volatile const std::uint64_t sink = spin{}(count);
        static_cast<void>(sink);
    }

    std::uint64_t count = rounds(1'000);
};

inline std::vector<std::uint64_t> equal_costs(std::size_t n, double ns)
{
    return std::vector<std::uint64_t>(n, rounds(ns));
}

/// Items of a stream that are read and not yet consumed, at most.
inline constexpr std::size_t tokens = 16;

/// How the steps of a graph depend on each other: each on the one before, or all on the first, and the last on all.
enum class shape { chain, fan };

enum class order { shuffled, ascending, descending };

/// Quantiles of a Pareto distribution with shape 1.1, in nanoseconds: most are near the least, a few take most of
/// the time. Quantiles, since a random sample may be of any tail.
inline std::vector<double> pareto_ns(std::size_t n, double least, order how)
{
    std::vector<double> costs(n);
    for (std::size_t i = 0; i < n; ++i) {
        const double above = 1 - (static_cast<double>(i) + 0.5) / static_cast<double>(n);
        costs[i] = least * std::pow(above, -1 / 1.1);
    }
    if (how == order::descending) std::ranges::reverse(costs);
    if (how == order::shuffled) std::ranges::shuffle(costs, std::mt19937_64(42));
    return costs;
}

/// 10,000 of them from 0.5 us on; the dearest takes a ninth of the time.
inline std::vector<std::uint64_t> pareto_costs(order how)
{
    const std::vector<double> ns = pareto_ns(10'000, 500, how);
    std::vector<std::uint64_t> items(ns.size());
    std::ranges::transform(ns, items.begin(), rounds);
    return items;
}

/// Results that each own memory.
struct heap_string {
    std::string operator()(double x) const
    {
        std::string text = "a string that does not fit in place: ";
        for (auto n = static_cast<std::uint64_t>(x); n != 0; n /= 10) text += static_cast<char>('0' + n % 10);
        return text;
    }
};

/// An item that is a map itself, by the same rival.
template <class Rival>
struct inner_map {
    const std::vector<std::uint64_t>* items;

    std::uint64_t operator()(std::uint64_t outer) const
    {
        std::vector<std::uint64_t> results(items->size());
        Rival::map_into(*items, results, spin{});
        return std::reduce(results.begin(), results.end(), outer);
    }
};

}  // namespace workloads
