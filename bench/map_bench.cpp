// SPDX-License-Identifier: Apache-2.0
// The same work four ways: a serial loop, std::thread by static halves, a plain tbb::parallel_for, and
// parmap::map. Every answer is checked before it is timed.
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <tbb/parallel_for.h>

#include <parmap/parmap.hpp>

namespace {

/// A range of items of the same or of very different cost.
struct workload {
    std::string name;
    std::vector<double> items;
    double (*item)(double);
};

double square(double x)
{
    return x * x;
}

/// Spins as many rounds as the item says: cost without memory traffic.
double spin(double rounds)
{
    double x = 1;
    for (int i = 0; i < static_cast<int>(rounds); ++i) x = std::sqrt(x + i);
    return x;
}

const std::vector<workload>& workloads()
{
    static const std::vector<workload> all = [] {
        std::vector<double> ascending(10'000);
        for (std::size_t i = 0; i < ascending.size(); ++i) {
            ascending[i] = 50 / std::sqrt(1.0001 - static_cast<double>(i) / 10'000);
        }
        return std::vector<workload>{
            {"100 squares", std::vector<double>(100, 1.5), square},
            {"10,000 squares", std::vector<double>(10'000, 1.5), square},
            {"1,000,000 squares", std::vector<double>(1'000'000, 1.5), square},
            {"1,000 x 100 ns", std::vector<double>(1'000, 20), spin},
            {"2 x 200 us", std::vector<double>(2, 40'000), spin},
            {"10,000 ascending costs", ascending, spin},
        };
    }();
    return all;
}

std::vector<double> serial_loop(const workload& work)
{
    std::vector<double> results(work.items.size());
    for (std::size_t i = 0; i < results.size(); ++i) results[i] = work.item(work.items[i]);
    return results;
}

std::vector<double> std_thread_halves(const workload& work)
{
    std::vector<double> results(work.items.size());
    const auto threads = static_cast<std::size_t>(parmap::num_cpus());
    std::vector<std::jthread> team;
    for (std::size_t t = 0; t < threads; ++t) {
        team.emplace_back([&, t] {
            const std::size_t end = results.size() * (t + 1) / threads;
            for (std::size_t i = results.size() * t / threads; i < end; ++i)
                results[i] = work.item(work.items[i]);
        });
    }
    team.clear();
    return results;
}

std::vector<double> plain_tbb(const workload& work)
{
    std::vector<double> results(work.items.size());
    tbb::parallel_for(std::size_t{0}, results.size(),
                      [&](std::size_t i) { results[i] = work.item(work.items[i]); });
    return results;
}

std::vector<double> parmap_map(const workload& work)
{
    return parmap::map(work.items, work.item);
}

struct rival {
    const char* name;
    std::vector<double> (*run)(const workload&);
};

constexpr rival rivals[] = {{"serial", serial_loop},
                            {"std::thread", std_thread_halves},
                            {"tbb::parallel_for", plain_tbb},
                            {"parmap::map", parmap_map}};

}  // namespace

int main(int argc, char** argv)
{
    for (const workload& work : workloads()) {
        const std::vector<double> expected = serial_loop(work);
        for (const rival& r : rivals) {
            if (r.run(work) != expected) {
                std::cerr << r.name << " gives a wrong answer for " << work.name << '\n';
                return EXIT_FAILURE;
            }
            benchmark::RegisterBenchmark((work.name + "/" + r.name).c_str(),
                                         [&work, &r](benchmark::State& state) {
                                             for (auto _ : state) benchmark::DoNotOptimize(r.run(work));
                                         })
                ->UseRealTime()
                ->Unit(benchmark::kMicrosecond);
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
