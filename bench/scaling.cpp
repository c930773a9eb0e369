// SPDX-License-Identifier: Apache-2.0
// How parmap scales on this machine: 1 .. num_cpus() workers, with the serial share s that fits
// (T(w) = T(1) (s + (1 - s) / w), Amdahl 1967), and the constants for bench/simulation.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <parmap/parmap.hpp>

#include "workloads.hpp"

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

double median(std::vector<double> values)
{
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

double seconds(const std::function<void()>& work)
{
    const clock::time_point start = clock::now();
    work();
    return std::chrono::duration<double>(clock::now() - start).count();
}

struct scaled_work {
    std::string name;
    std::function<void(int workers)> run;
};

/// The median times with 1 .. all workers, in seconds; the rounds alternate.
std::vector<double> times(const scaled_work& work, int all)
{
    constexpr int rounds = 15;
    std::vector<std::vector<double>> taken(static_cast<std::size_t>(all));
    for (int round = 0; round < rounds; ++round) {
        for (int workers = 1; workers <= all; ++workers) {
            taken[static_cast<std::size_t>(workers - 1)].push_back(seconds([&] { work.run(workers); }));
        }
    }
    std::vector<double> medians(taken.size());
    std::ranges::transform(taken, medians.begin(), median);
    return medians;
}

/// The serial share s of T(1), by least squares over all numbers of workers.
double serial_share(const std::vector<double>& time)
{
    double above = 0;
    double below = 0;
    for (std::size_t i = 1; i < time.size(); ++i) {
        const double parallel = 1 / static_cast<double>(i + 1);
        above += (time[i] / time[0] - parallel) * (1 - parallel);
        below += (1 - parallel) * (1 - parallel);
    }
    return below > 0 ? above / below : 0;
}

void print_scaling(int all)
{
    using namespace workloads;
    const std::vector<std::uint64_t> equal = equal_costs(100'000, 1'000);
    const std::vector<std::uint64_t> pareto = pareto_costs(order::shuffled);
    const std::vector<double> million = numbers(1'000'000);
    std::vector<double> warm(million.size());
    const std::vector<scaled_work> works = {
        {"100,000 x 1 us", [&](int w) { static_cast<void>(parmap::map(equal, spin{}, {.max_workers = w})); }},
        {"10,000 Pareto, shuffled", [&](int w) { static_cast<void>(parmap::map(pareto, spin{}, {.max_workers = w})); }},
        {"1,000,000 squares, warm output",
         [&](int w) { parmap::map_into(million, warm, square{}, {.max_workers = w}); }},
    };
    fmt::print("| work | workers | time, ms | speed-up | efficiency |\n|---|---|---|---|---|\n");
    for (const scaled_work& work : works) {
        const std::vector<double> time = times(work, all);
        for (std::size_t i = 0; i < time.size(); ++i) {
            const double speed_up = time[0] / time[i];
            fmt::print("| {} | {} | {:.3f} | {:.2f} | {:.1f} % |\n", work.name, i + 1, 1e3 * time[i], speed_up,
                       100 * speed_up / static_cast<double>(i + 1));
        }
        fmt::print("| {} | | | | serial share {:.2f} % |\n", work.name, 100 * serial_share(time));
    }
}

/// The cost of a claim, by the time of a map that does nothing in blocks of one item.
double claim_ns(int workers)
{
    constexpr int items = 1'000'000;
    std::vector<double> taken;
    for (int i = 0; i < 9; ++i) {
        taken.push_back(seconds([&] {
            parmap::for_each(std::views::iota(0, items), [](int) {},
                             {.max_workers = workers, .timeout = 1h, .grain_size = 1});
        }));
    }
    return 1e9 * median(taken) / items;
}

/// The time from a call until another thread, which has slept for `idle`, runs an item.
double wake_ns(std::chrono::milliseconds idle)
{
    std::vector<double> taken;
    for (int i = 0; i < 101; ++i) {
        std::this_thread::sleep_for(idle);
        const std::thread::id caller = std::this_thread::get_id();
        std::atomic<bool> awake{false};
        taken.push_back(seconds([&] {
            parmap::for_each(std::views::iota(0, 1'000), [&](int) {
                if (std::this_thread::get_id() != caller) awake = true;
                const clock::time_point start = clock::now();
                while (!awake && clock::now() - start < 10us) {
                }
            });
        }));
    }
    return 1e9 * median(taken);
}

}  // namespace

int main()
{
    const int all = parmap::num_cpus();
    print_scaling(all);
    if (all == 1) return 0;
    const double wake = wake_ns(1ms);
    fmt::print("\nA thread that has slept for 1 ms runs an item {:.0f} us after the call, after 20 ms {:.0f} us.\n",
               wake / 1e3, wake_ns(20ms) / 1e3);
    // With all workers, every claim waits for the cache line of the cursor.
    fmt::print("simulation --claim {:.0f} --transfer {:.0f} --wake {:.0f}\n", claim_ns(1), claim_ns(all), wake);
}
