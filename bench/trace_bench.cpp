// SPDX-License-Identifier: Apache-2.0
// The cost of a trace: the same work with and without one, alternating; the median ratio of neighbours, and the ratio
// of the best times. Every run has a new trace; making and writing it is not timed.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <parmap/parmap.hpp>

#include "workloads.hpp"

namespace {

using clock = std::chrono::steady_clock;

struct traced_work {
    std::string name;
    double items;
    std::function<void(const parmap::trace_file&)> run;
};

double seconds(const traced_work& work, const parmap::trace_file& trace)
{
    const clock::time_point start = clock::now();
    work.run(trace);
    return std::chrono::duration<double>(clock::now() - start).count();
}

void compare(const traced_work& work)
{
    constexpr int rounds = 201;
    std::vector<double> off;
    std::vector<double> on;
    std::vector<double> ratios;
    for (int round = 0; round < rounds; ++round) {
        const bool off_first = round % 2 == 0;  // the second run finds warm caches
        if (off_first) off.push_back(seconds(work, {}));
        on.push_back(seconds(work, "/dev/null"));
        if (!off_first) off.push_back(seconds(work, {}));
        ratios.push_back(on.back() / off.back());
    }
    std::ranges::sort(ratios);
    const double best_off = std::ranges::min(off);
    const double best_on = std::ranges::min(on);
    fmt::print("| {} | {:.1f} | {:.1f} | {:.4f} | {:.4f} |\n", work.name, 1e9 * best_off / work.items,
               1e9 * best_on / work.items, best_on / best_off, ratios[rounds / 2]);
}

}  // namespace

int main()
{
    using namespace workloads;
    const std::vector<std::uint64_t> costs = equal_costs(20'000, 1'000);
    const std::vector<double> few = numbers(100);
    fmt::print(
        "| work | off, ns an item | on, ns an item | best over best | median ratio "
        "|\n|---|---|---|---|---|\n");
    const auto map = [&](int workers, const parmap::trace_file& trace) {
        parmap::map(costs, spin{}, {.max_workers = workers, .trace = trace});
    };
    compare({"20,000 x 1 us, in blocks of 50 us", 20'000, [&](const auto& trace) { map(parmap::num_cpus(), trace); }});
    compare({"the same on one worker", 20'000, [&](const auto& trace) { map(1, trace); }});
    compare({"1,000 calls of 100 squares", 100'000, [&](const auto& trace) {
                 for (int i = 0; i < 1'000; ++i) parmap::map(few, square{}, {.trace = trace});
             }});
    compare({"100,000 x 1 ns streamed", 100'000, [&](const auto& trace) {
                 double sum = 0;
                 for (auto&& x : parmap::stream(std::views::iota(0, 100'000), square{}, {.trace = trace})) sum += x;
                 if (sum < 0) fmt::print("never\n");
             }});
}
