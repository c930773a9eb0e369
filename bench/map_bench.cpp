// SPDX-License-Identifier: Apache-2.0
// The same work by every rival, each answer checked against the serial loop's before it is timed.
// `./dev bench` makes tables of it (report.py).
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <tbb/version.h>

#include <parmap/workers.hpp>

#include "rivals/parmap.hpp"
#include "rivals/serial.hpp"
#include "rivals/serial_loop.hpp"
#include "rivals/std_accumulate.hpp"
#include "rivals/std_async.hpp"
#include "rivals/std_reduce_par.hpp"
#include "rivals/std_thread_halves.hpp"
#include "rivals/std_thread_index.hpp"
#include "rivals/std_transform_par.hpp"
#include "rivals/tbb_deterministic_reduce.hpp"
#include "rivals/tbb_flow_graph.hpp"
#include "rivals/tbb_parallel_for.hpp"
#include "rivals/tbb_parallel_pipeline.hpp"
#include "workloads.hpp"
#ifdef PARMAP_BENCH_ASIO
#    include "rivals/asio_thread_pool.hpp"
#endif
#ifdef PARMAP_BENCH_OPENMP
#    include "rivals/openmp.hpp"
#endif

namespace {

/// Calls `visit` with a value of the type of each rival that maps.
template <class Visit>
void for_each_rival(const Visit& visit)
{
    visit(rivals::serial{});
    visit(rivals::std_thread_halves{});
    visit(rivals::std_thread_index{});
    visit(rivals::std_async{});
    visit(rivals::tbb_parallel_for{});
    visit(rivals::std_transform_par{});
#ifdef PARMAP_BENCH_OPENMP
    visit(rivals::openmp_static{});
    visit(rivals::openmp_dynamic{});
#endif
#ifdef PARMAP_BENCH_ASIO
    visit(rivals::asio_thread_pool{});
#endif
    visit(rivals::parmap_map{});
    visit(rivals::parmap_to_vector{});
    visit(rivals::parmap_watched{});
}

/// Calls `visit` with a value of the type of each rival that sums.
template <class Visit>
void for_each_rival_that_sums(const Visit& visit)
{
    visit(rivals::std_accumulate{});
    visit(rivals::tbb_deterministic_reduce{});
    visit(rivals::tbb_deterministic_reduce_by_10000{});
    visit(rivals::std_reduce_par{});
    visit(rivals::parmap_map_reduce{});
}

template <class T, class Fn>
using results_of = std::vector<std::invoke_result_t<const Fn&, const T&>>;

/// The results in a fresh vector: the rival's own way to it where there is one.
template <class Rival, class T, class Fn>
auto map_to_fresh(const std::vector<T>& items, const Fn& fn)
{
    if constexpr (requires { Rival::map(items, fn); }) {
        return Rival::map(items, fn);
    } else {
        results_of<T, Fn> results(items.size());
        Rival::map_into(items, results, fn);
        return results;
    }
}

/// Rivals that map into a container they are given.
template <class Rival>
concept maps_into = requires(std::vector<double>& v) { Rival::map_into(v, v, workloads::square{}); };

/// Rivals that may be called from one of their own items.
template <class Rival>
concept nests = maps_into<Rival> && !requires { Rival::hangs_when_nested; };

/// Registers one cell of the table. The first time that it runs, its answer is held against the serial loop's.
/// \param answer    gives the rival's results
/// \param expected  gives the serial loop's
/// \param timed     one iteration
template <class Rival>
void add(const std::string& workload, const auto& answer, const auto& expected, const auto& timed)
{
    const auto body = [=, checked = false](benchmark::State& state) mutable {
        if (!checked && !std::ranges::equal(answer(), expected())) {
            std::cerr << Rival::name << " gives a wrong answer for " << workload << '\n';
            std::exit(EXIT_FAILURE);
        }
        checked = true;
        timed();  // wakes threads, and memory that a virtual machine gave back to its host
        for (auto _ : state) timed();
    };
    benchmark::RegisterBenchmark((workload + "/" + Rival::name).c_str(), body)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

/// Items that are made when a row is first run, so that rows which are not run cost nothing.
template <class T>
class lazy_items {
public:
    explicit lazy_items(std::function<std::vector<T>()> make) : made_(std::make_shared<state>(std::move(make))) {}

    const std::vector<T>& operator*() const
    {
        if (made_->items.empty()) made_->items = made_->make();
        return made_->items;
    }

private:
    struct state {
        std::function<std::vector<T>()> make;
        std::vector<T> items{};
    };
    std::shared_ptr<state> made_;
};
template <class Make>
lazy_items(Make) -> lazy_items<typename std::invoke_result_t<Make>::value_type>;

/// A row: every rival maps the items into a fresh container.
template <class T, class Fn>
void add_fresh(const std::string& workload, const lazy_items<T>& items, const Fn& fn)
{
    for_each_rival([&]<class Rival>(Rival) {
        add<Rival>(
            workload, [items, fn] { return map_to_fresh<Rival>(*items, fn); },
            [items, fn] { return map_to_fresh<rivals::serial>(*items, fn); },
            [items, fn] { benchmark::DoNotOptimize(map_to_fresh<Rival>(*items, fn)); });
    });
}

/// A row: every rival that can maps the items into a buffer that stays.
template <class T, class Fn>
void add_warm(const std::string& workload, const lazy_items<T>& items, const Fn& fn)
{
    const auto buffer = std::make_shared<results_of<T, Fn>>();
    for_each_rival([&]<class Rival>(Rival) {
        if constexpr (maps_into<Rival>) {
            const auto into_buffer = [items, buffer, fn] {
                Rival::map_into(*items, *buffer, fn);
                benchmark::ClobberMemory();
            };
            add<Rival>(
                workload,
                [items, buffer, into_buffer] {
                    buffer->assign((*items).size(), 0);
                    into_buffer();
                    return *buffer;
                },
                [items, fn] { return map_to_fresh<rivals::serial>(*items, fn); }, into_buffer);
        }
    });
}

/// A row: each item is a map of the inner items, by the same rival.
void add_nested(const std::string& workload, std::size_t outer, const lazy_items<std::uint64_t>& inner)
{
    const lazy_items numbers([=] { return std::vector<std::uint64_t>(outer, 1); });
    for_each_rival([&]<class Rival>(Rival) {
        if constexpr (nests<Rival>) {
            add<Rival>(
                workload, [=] { return map_to_fresh<Rival>(*numbers, workloads::inner_map<Rival>{&*inner}); },
                [=] {
                    using serial = rivals::serial;
                    return map_to_fresh<serial>(*numbers, workloads::inner_map<serial>{&*inner});
                },
                [=] { benchmark::DoNotOptimize(map_to_fresh<Rival>(*numbers, workloads::inner_map<Rival>{&*inner})); });
        }
    });
}

/// A row: every rival that sums adds up the items, whose sum must not depend on how it is grouped.
template <class T>
void add_sum(const std::string& workload, const lazy_items<T>& items)
{
    for_each_rival_that_sums([&]<class Rival>(Rival) {
        add<Rival>(
            workload, [items] { return std::array{Rival::sum(*items)}; },
            [items] { return std::array{rivals::std_accumulate::sum(*items)}; },
            [items] { benchmark::DoNotOptimize(Rival::sum(*items)); });
    });
}

/// A row: the items are read one after the other, and the results consumed in that order.
template <class T, class Fn>
void add_stream(const std::string& workload, const lazy_items<T>& items, const Fn& fn)
{
    const auto visit = [&]<class Rival>(Rival) {
        const auto ordered_sum = []<class Streamer>(Streamer, const std::vector<T>& in, const Fn& f) {
            std::uint64_t sum = 0;
            Streamer::stream(in, f, [&](std::uint64_t result) { sum = sum * 31 + result; });
            return sum;
        };
        add<Rival>(
            workload, [=] { return std::array{ordered_sum(Rival{}, *items, fn)}; },
            [=] { return std::array{ordered_sum(rivals::serial_loop{}, *items, fn)}; },
            [=] { benchmark::DoNotOptimize(ordered_sum(Rival{}, *items, fn)); });
    };
    visit(rivals::serial_loop{});
    visit(rivals::tbb_parallel_pipeline{});
    visit(rivals::parmap_stream{});
}

/// Two rows: graphs of steps that compute for 1 us, built, run and destroyed; and run once more, as they stand.
void add_graph(const std::string& workload, workloads::shape shape, std::size_t steps)
{
    const auto visit = [&]<class Rival>(Rival) {
        const auto steps_run = [=] {
            std::atomic<std::size_t> ran{0};
            const auto count = [&ran] { ++ran; };
            typename Rival::template graph<decltype(count)> graph(shape, steps, count);
            graph.run();
            graph.run_again();
            return std::array{ran.load()};
        };
        const auto twice = [=] { return std::array{2 * steps}; };
        using graph = typename Rival::template graph<workloads::spin_1_us>;
        add<Rival>(workload, steps_run, twice, [=] { graph(shape, steps, {}).run(); });
        const auto made = std::make_shared<std::unique_ptr<graph>>();
        add<Rival>(workload + ", run again", steps_run, twice, [=] {
            if (*made == nullptr) {
                *made = std::make_unique<graph>(shape, steps, workloads::spin_1_us());
                (*made)->run();
            } else {
                (*made)->run_again();
            }
        });
    };
    visit(rivals::tbb_flow_graph{});
    visit(rivals::parmap_task_graph{});
}

/// A row: a long step that nobody can help with, and beside it a map.
void add_side_by_side(const std::string& workload, double longest_ns, const lazy_items<std::uint64_t>& items)
{
    const auto visit = [&]<class Rival>(Rival) {
        const auto run = []<class Runner>(Runner, double ns, const std::vector<std::uint64_t>& in) {
            return Runner::side_by_side(workloads::rounds(ns), in, workloads::spin{});
        };
        add<Rival>(
            workload, [=] { return run(Rival{}, longest_ns, *items); },
            [=] { return run(rivals::serial_loop{}, longest_ns, *items); },
            [=] { benchmark::DoNotOptimize(run(Rival{}, longest_ns, *items)); });
    };
    visit(rivals::serial_loop{});
    visit(rivals::tbb_flow_graph{});
    visit(rivals::parmap_task_graph{});
}

std::string cpu_model()
{
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "an unknown CPU";
}

void add_all()
{
    using namespace workloads;
    const auto first = [](std::size_t n) { return lazy_items([n] { return numbers(n); }); };
    const auto equal = [](std::size_t n, double ns) { return lazy_items([=] { return equal_costs(n, ns); }); };
    const auto pareto = [](order how) { return lazy_items([how] { return pareto_costs(how); }); };
    add_fresh("100 squares", first(100), square{});
    add_fresh("10,000 squares", first(10'000), square{});
    add_fresh("1,000,000 squares", first(1'000'000), square{});
    add_warm("1,000,000 squares, warm output", first(1'000'000), square{});
    add_fresh("100,000,000 squares", first(100'000'000), square{});
    add_warm("100,000,000 squares, warm output", first(100'000'000), square{});
    add_fresh("200,000 heap strings", first(200'000), heap_string{});
    add_fresh("2 x 200 us", equal(2, 200'000), spin{});
    add_fresh("3 x 200 us", equal(3, 200'000), spin{});
    add_fresh("1,000 x 100 ns", equal(1'000, 100), spin{});
    add_fresh("8,000 x 1 us", equal(8'000, 1'000), spin{});
    add_nested("8 maps of 1,000 x 1 us", 8, equal(1'000, 1'000));
    add_fresh("100,000 x 1 us", equal(100'000, 1'000), spin{});
    add_fresh("10,000 Pareto, shuffled", pareto(order::shuffled), spin{});
    add_fresh("10,000 Pareto, ascending", pareto(order::ascending), spin{});
    add_fresh("10,000 Pareto, descending", pareto(order::descending), spin{});
    add_sum("100,000,000 doubles summed", lazy_items([] { return small_numbers(100'000'000); }));
    add_stream("1,000,000 x 1 us streamed", equal(1'000'000, 1'000), spin{});
    add_stream("1,000,000 x 1 ns streamed", equal(1'000'000, 1), spin{});
    add_graph("100,000 steps of 1 us in a chain", shape::chain, 100'000);
    add_graph("100,000 steps of 1 us in a fan", shape::fan, 100'000);
    add_side_by_side("60 ms beside 14,000 x 10 us", 60e6, equal(14'000, 10'000));
    // No number of workers can be faster than this.
    add_fresh("the dearest Pareto item", lazy_items([] { return std::vector{pareto_costs(order::descending)[0]}; }),
              spin{});
}

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
    benchmark::AddCustomContext("cpu", cpu_model());
    benchmark::AddCustomContext("workers", std::to_string(parmap::num_cpus()));
    benchmark::AddCustomContext("compiler", __VERSION__);
    benchmark::AddCustomContext("oneTBB", TBB_runtime_version());
    add_all();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
