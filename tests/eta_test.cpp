// SPDX-License-Identifier: Apache-2.0
// The estimate of the remaining time: single cases, and a simulation of whole calls with fixed seeds.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/block_sizer.hpp"
#include "progress/eta.hpp"

namespace {

using parmap::detail::block_in_flight;
using parmap::detail::block_sizer;
using parmap::detail::eta_estimator;

TEST(Eta, IsUnknownBeforeTheFirstItem)
{
    eta_estimator eta(100);
    const block_in_flight one{.items = 1, .age = 1};
    eta.update(1, 0, {&one, 1});
    EXPECT_EQ(eta.seconds_left(), std::nullopt);
}

TEST(Eta, IsUnknownAfterABlockThatWasCountedOnEndedWithoutItsItems)
{
    eta_estimator eta(10);
    const block_in_flight half_way{.items = 1, .age = 0.5};
    eta.update(1, 1, {&half_way, 1});
    EXPECT_TRUE(eta.seconds_left().has_value());
    eta.update(1'000, 1, {});
    EXPECT_EQ(eta.seconds_left(), std::nullopt);
    EXPECT_EQ(eta.rate(), 0);
}

TEST(Eta, OfASteadyRateIsExact)
{
    eta_estimator eta(1000);
    for (int tick = 1; tick <= 50; ++tick) eta.update(0.1 * tick, tick, {});
    ASSERT_TRUE(eta.seconds_left().has_value());
    EXPECT_NEAR(*eta.seconds_left(), 95, 1e-6);
    EXPECT_NEAR(eta.rate(), 10, 1e-6);
}

TEST(Eta, OfTheLastBlockIsWhatItHasLeft)
{
    // One worker, items of one second: nine are done, the last began 0.4 s ago.
    eta_estimator eta(10);
    for (int tick = 1; tick <= 94; ++tick) {
        const double now = 0.1 * tick;
        const block_in_flight block{.items = 1, .age = now - static_cast<int>(now + 1e-9)};
        eta.update(now, static_cast<int>(now + 1e-9), {&block, 1});
    }
    ASSERT_TRUE(eta.seconds_left().has_value());
    EXPECT_NEAR(*eta.seconds_left(), 0.6, 0.05);
}

TEST(Eta, IgnoresAClockThatStandsStill)
{
    eta_estimator eta(10);
    eta.update(1, 5, {});
    const auto before = eta.seconds_left();
    eta.update(1, 6, {});
    EXPECT_EQ(eta.seconds_left(), before);
}

// A simulated call: workers that claim blocks as the engine does, seen by a reporter ten times a second.

/// A block that a worker ran, in seconds since the start.
struct ran_block {
    std::size_t worker;
    double begin;
    double end;
    std::size_t items;
};

std::vector<ran_block> simulate(const std::vector<double>& costs, std::size_t workers)
{
    std::vector<ran_block> blocks;
    std::vector<double> free_at(workers, 0);
    std::vector<block_sizer> sizers(workers, block_sizer(0, static_cast<int>(workers)));
    for (std::size_t next = 0; next != costs.size();) {
        const auto worker = static_cast<std::size_t>(std::ranges::min_element(free_at) - free_at.begin());
        const std::size_t items = sizers[worker].next(next, costs.size()) - next;
        const double cost = std::accumulate(costs.begin() + static_cast<std::ptrdiff_t>(next),
                                            costs.begin() + static_cast<std::ptrdiff_t>(next + items), 0.0);
        blocks.push_back({worker, free_at[worker], free_at[worker] + cost, items});
        sizers[worker].measured(items, std::chrono::nanoseconds(std::llround(cost * 1e9)));
        free_at[worker] += cost;
        next += items;
    }
    return blocks;
}

/// The mean of |estimate - truth| over the ticks that showed an estimate, as a share of the whole time.
double mean_error(const std::vector<double>& costs, std::size_t workers)
{
    constexpr double tick = 0.1;
    std::vector<ran_block> blocks = simulate(costs, workers);
    const double total = std::ranges::max_element(blocks, {}, &ran_block::end)->end;
    eta_estimator eta(static_cast<double>(costs.size()));
    std::vector<double> first_seen(blocks.size(), -1);
    double error = 0;
    int shown = 0;
    for (int k = 1; k * tick < total; ++k) {
        const double now = k * tick;
        std::size_t done = 0;
        std::vector<block_in_flight> in_flight;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            const ran_block& block = blocks[i];
            if (block.end <= now) {
                done += block.items;
            } else if (block.begin <= now) {
                if (first_seen[i] < 0) first_seen[i] = now;
                in_flight.push_back({static_cast<double>(block.items), now - first_seen[i]});
            }
        }
        eta.update(now, static_cast<double>(done), in_flight);
        if (const auto left = eta.seconds_left()) {
            error += std::abs(*left - (total - now)) / total;
            ++shown;
        }
    }
    return shown == 0 ? 0 : error / shown;
}

using random_engine = std::mt19937_64;

struct pattern {
    std::string name;
    std::function<std::vector<double>(random_engine&)> costs;  // seconds an item
};

std::vector<double> drawn(std::size_t n, const std::function<double()>& cost)
{
    std::vector<double> all(n);
    std::ranges::generate(all, cost);
    return all;
}

/// No heavy tails sorted by cost: there the past says nothing about the rest.
std::vector<pattern> patterns()
{
    constexpr std::size_t n = 1000;
    return {
        {"constant", [](random_engine&) { return std::vector<double>(n, 0.1); }},
        {"uniform",
         [](random_engine& r) {
             std::uniform_real_distribution<double> cost(0, 0.2);
             return drawn(n, [&] { return cost(r); });
         }},
        {"exponential",
         [](random_engine& r) {
             std::exponential_distribution<double> cost(10);
             return drawn(n, [&] { return cost(r); });
         }},
        {"lognormal",
         [](random_engine& r) {
             std::lognormal_distribution<double> cost(-3, 1.5);
             return drawn(n, [&] { return cost(r); });
         }},
        {"pareto",
         [](random_engine& r) {
             std::uniform_real_distribution<double> share(0, 1);
             return drawn(n, [&] { return 0.02 * std::pow(1 - share(r), -1 / 1.1); });
         }},
        {"rising",
         [](random_engine&) {
             std::vector<double> costs(n);
             for (std::size_t i = 0; i < n; ++i) costs[i] = 0.2 * static_cast<double>(i + 1) / n;
             return costs;
         }},
        {"falling",
         [](random_engine&) {
             std::vector<double> costs(n);
             for (std::size_t i = 0; i < n; ++i) costs[i] = 0.2 * static_cast<double>(n - i) / n;
             return costs;
         }},
        {"second half ten times as dear",
         [](random_engine&) {
             std::vector<double> costs(n, 0.02);
             std::fill(costs.begin() + n / 2, costs.end(), 0.2);
             return costs;
         }},
        {"one in twenty fifty times as dear",
         [](random_engine& r) {
             std::bernoulli_distribution dear(0.05);
             return drawn(n, [&] { return dear(r) ? 1.0 : 0.02; });
         }},
    };
}

TEST(EtaSimulation, IsWithinItsErrorOnAverageAndAtWorst)
{
    double sum = 0;
    double worst = 0;
    for (const pattern& p : patterns()) {
        double of_pattern = 0;
        constexpr int seeds = 60;
        for (int seed = 0; seed < seeds; ++seed) {
            random_engine random(static_cast<std::uint64_t>(seed));
            of_pattern += mean_error(p.costs(random), 8 + static_cast<std::size_t>(seed) % 3) / seeds;
        }
        std::cout << p.name << ": " << 100 * of_pattern << " %\n";
        sum += of_pattern;
        worst = std::max(worst, of_pattern);
    }
    const double mean = sum / static_cast<double>(patterns().size());
    std::cout << "mean " << 100 * mean << " %, worst " << 100 * worst << " %\n";
    EXPECT_LE(mean, 0.21);
    EXPECT_LE(worst, 0.60);
}

TEST(EtaSimulation, TenWorkersWithItemsOfASecondAreNearlyExact)
{
    EXPECT_LE(mean_error(std::vector<double>(100, 1.0), 10), 0.01);
}

}  // namespace
