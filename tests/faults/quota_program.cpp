// SPDX-License-Identifier: Apache-2.0
// For quota_test.sh. Prints the number of workers and its reasons, and the items a second of a serial loop and of a
// map: medians of three alternating rounds.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <ranges>
#include <vector>

#include <parmap/map.hpp>
#include <parmap/workers.hpp>

namespace {

constexpr int items = 150;

/// A few milliseconds of arithmetic.
std::uint64_t work(int seed)
{
    auto x = static_cast<std::uint64_t>(seed) + 1;
    for (int i = 0; i < 1'000'000; ++i) x = x * 6364136223846793005U + 1442695040888963407U;
    return x;
}

struct speed {
    double items_a_second;
    double cpu_ms_an_item;
};

template <class Run>
speed speed_of(const Run& run)
{
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const double cpu = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    return {items / took.count(), 1000 * cpu / items};
}

speed median(std::array<speed, 3> rounds)
{
    std::ranges::sort(rounds, {}, &speed::items_a_second);
    return rounds[1];
}

}  // namespace

int main()
{
    std::cout << parmap::describe(parmap::detect_cpu_limits()) << std::endl;
    std::vector<std::uint64_t> expected(items);
    std::array<speed, 3> serial{};
    std::array<speed, 3> parallel{};
    for (std::size_t round = 0; round != serial.size(); ++round) {
        serial.at(round) =
            speed_of([&] { std::ranges::transform(std::views::iota(0, items), expected.begin(), work); });
        std::vector<std::uint64_t> results;
        parallel.at(round) = speed_of([&] { results = parmap::map(std::views::iota(0, items), work); });
        if (results != expected) return 1;
    }
    const speed one = median(serial);
    const speed all = median(parallel);
    std::cout << "items a second: " << one.items_a_second << " serially, " << all.items_a_second << " by a map, "
              << all.items_a_second / one.items_a_second << " times as many; CPU time an item: " << one.cpu_ms_an_item
              << " ms and " << all.cpu_ms_an_item << " ms\n";
}
