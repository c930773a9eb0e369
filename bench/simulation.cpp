// SPDX-License-Identifier: Apache-2.0
// How block_sizer scales on larger machines than this one: the makespan over the ideal for 2 .. 256 workers, by an
// event simulation of claims. The costs of a claim and of a wake-up are inputs; bench/scaling measures them.
//   simulation [--claim NS] [--transfer NS] [--wake NS]
#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <limits>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "engine/block_sizer.hpp"
#include "workloads.hpp"

namespace {

/// Costs of the machine, in nanoseconds.
struct machine {
    double claim = 40;      ///< a claim without contention, with the clock read and the call of the block
    double transfer = 100;  ///< how long a claim keeps the cursor's cache line from other workers
    double wake = 50'000;   ///< until a sleeping thread runs; each woken thread wakes two more
};

/// Item costs in nanoseconds, as prefix sums: the cost of a block is a difference.
class cost_pattern {
public:
    cost_pattern(std::string name, const std::vector<double>& costs) : name_(std::move(name))
    {
        sums_.reserve(costs.size() + 1);
        for (const double cost : costs) sums_.push_back(sums_.back() + cost);
        dearest_ = *std::ranges::max_element(costs);
    }

    const std::string& name() const noexcept { return name_; }
    std::size_t size() const noexcept { return sums_.size() - 1; }
    double of(std::size_t begin, std::size_t end) const noexcept { return sums_[end] - sums_[begin]; }
    /// The least time on this many workers, in any order.
    double ideal(int workers) const noexcept { return std::max(sums_.back() / workers, dearest_); }

    /// The least time when items start in increasing order: claims of one item that cost nothing (Graham's list
    /// scheduling, 1966).
    double ideal_in_order(int workers) const
    {
        std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
        for (int w = 0; w < workers; ++w) free_at.push(0);
        double makespan = 0;
        for (std::size_t i = 0; i < size(); ++i) {
            const double end = free_at.top() + of(i, i + 1);
            free_at.pop();
            free_at.push(end);
            makespan = std::max(makespan, end);
        }
        return makespan;
    }

private:
    std::string name_;
    std::vector<double> sums_{0};
    double dearest_{0};
};

/// A worker, and the time at which it is ready to claim its next block.
struct claimant {
    double ready;
    std::size_t worker;
    bool operator>(const claimant& other) const noexcept { return ready > other.ready; }
};

std::chrono::nanoseconds nanoseconds(double ns)
{
    return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(ns));
}

/// When a worker starts: worker 0 is the caller, and a woken thread wakes two more.
double woken_at(std::size_t worker, const machine& cost, bool asleep)
{
    return asleep ? cost.wake * static_cast<double>(std::bit_width(worker)) : 0;
}

/// The makespan in nanoseconds.
double simulate(const cost_pattern& items, int workers, const machine& cost, bool asleep)
{
    using parmap::detail::block_sizer;
    std::vector<block_sizer> sizers(static_cast<std::size_t>(workers), block_sizer(0, workers));
    std::priority_queue<claimant, std::vector<claimant>, std::greater<>> queue;
    for (std::size_t w = 0; w < sizers.size(); ++w) queue.push({woken_at(w, cost, asleep), w});

    double makespan = 0;
    std::size_t cursor = 0;
    double cursor_free = 0;
    // The cost of an item by the first block that ended: workers that begin later start with it.
    struct {
        double since = std::numeric_limits<double>::infinity();
        std::chrono::nanoseconds item{};
    } known;
    std::vector<bool> began(sizers.size());
    while (cursor != items.size()) {
        const auto [ready, worker] = queue.top();
        queue.pop();
        const double claimed = std::max(ready, cursor_free);
        cursor_free = claimed + cost.transfer;
        if (!began[worker] && claimed >= known.since) sizers[worker].measured(1, known.item);
        const std::size_t begin = cursor;
        cursor = sizers[worker].next(begin, items.size());
        const double took = cost.claim + items.of(begin, cursor);
        sizers[worker].measured(cursor - begin, nanoseconds(took));
        const double end = claimed + (claimed > ready ? cost.transfer : 0) + took;
        if (end < known.since) known = {end, nanoseconds(took / static_cast<double>(cursor - begin))};
        began[worker] = true;
        queue.push({end, worker});
        makespan = std::max(makespan, end);
    }
    return makespan;
}

std::vector<cost_pattern> patterns()
{
    using namespace workloads;
    const auto equal = [](std::size_t n, double ns) { return std::vector<double>(n, ns); };
    return {
        {"1,000,000 x 100 ns", equal(1'000'000, 100)},
        {"100,000 x 1 us", equal(100'000, 1'000)},
        {"1,000,000 x 1 us", equal(1'000'000, 1'000)},
        {"10,000 x 100 us", equal(10'000, 100'000)},
        {"100,000 Pareto, shuffled", pareto_ns(100'000, 500, order::shuffled)},
        {"100,000 Pareto, ascending", pareto_ns(100'000, 500, order::ascending)},
        {"100,000 Pareto, descending", pareto_ns(100'000, 500, order::descending)},
    };
}

void print_table(const char* title, const std::vector<cost_pattern>& patterns,
                 const std::function<double(const cost_pattern&, int)>& ratio)
{
    const std::vector<int> all_workers = {2, 4, 8, 16, 32, 64, 128, 256};
    fmt::print("\n{}\n\n| costs |", title);
    for (const int workers : all_workers) fmt::print(" {} |", workers);
    fmt::print("\n|---|");
    for (std::size_t i = 0; i < all_workers.size(); ++i) fmt::print("---|");
    for (const cost_pattern& items : patterns) {
        fmt::print("\n| {} |", items.name());
        for (const int workers : all_workers) fmt::print(" {:.3f} |", ratio(items, workers));
    }
    fmt::print("\n");
}

machine parse(std::span<char* const> words)
{
    machine cost;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view option = words[i];
        double* const target = option == "--claim"      ? &cost.claim
                               : option == "--transfer" ? &cost.transfer
                               : option == "--wake"     ? &cost.wake
                                                        : nullptr;
        const std::string_view text = i + 1 < words.size() ? words[i + 1] : "";
        if (target == nullptr || std::from_chars(text.data(), text.data() + text.size(), *target).ec != std::errc{}) {
            std::cerr << "usage: simulation [--claim NS] [--transfer NS] [--wake NS]\n";
            std::exit(2);
        }
    }
    return cost;
}

}  // namespace

int main(int argc, char** argv)
{
    const machine cost = parse({argv + 1, argv + argc});
    fmt::print("Simulated: a claim {:.0f} ns, the cursor's transfer {:.0f} ns, a wake-up {:.0f} ns.\n", cost.claim,
               cost.transfer, cost.wake);
    const std::vector<cost_pattern> all = patterns();
    for (const bool asleep : {false, true}) {
        const auto over_ideal = [&](const cost_pattern& items, int workers) {
            return simulate(items, workers, cost, asleep) / items.ideal_in_order(workers);
        };
        print_table(asleep ? "Makespan over the ideal in order, threads asleep"
                           : "Makespan over the ideal in order, threads awake",
                    all, over_ideal);
    }
    print_table(
        "What the order costs: the ideal in order over max(sum / workers, the dearest item)", all,
        [](const cost_pattern& items, int workers) { return items.ideal_in_order(workers) / items.ideal(workers); });
}
