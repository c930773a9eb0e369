// SPDX-License-Identifier: Apache-2.0
// oneTBB inside a task graph, a map inside oneTBB's flow graph, and a task graph in an arena of the caller's.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <mutex>
#include <numeric>
#include <random>
#include <ranges>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <tbb/flow_graph.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>

#include <parmap/parmap.hpp>

namespace {

/// A step that sorts on every CPU that the map beside it leaves idle.
bool sort_in_a_step()
{
    parmap::task_graph graph;
    const auto numbers = graph.add("make", [] {
        std::vector<std::uint32_t> v(300'000);
        std::ranges::generate(v, std::mt19937(1));
        return v;
    });
    const auto sorted = graph.add(
        "sort",
        [](std::vector<std::uint32_t> v) {  // a copy of the result above
            tbb::parallel_sort(v);
            return v;
        },
        numbers);
    const auto halves = graph.map("halve", numbers, [](std::uint32_t x) { return x / 2; });
    const auto fits = graph.add(
        "compare",
        [](std::vector<std::uint32_t> all, const std::vector<std::uint32_t>& in_order,
           const std::vector<std::uint32_t>& half) {
            std::ranges::sort(all);
            return all == in_order && half.size() == all.size();
        },
        numbers, sorted, halves);
    graph.run();
    return fits.get();
}

/// Each message of a flow graph is answered with the help of every CPU.
bool map_in_a_flow_graph()
{
    tbb::flow::graph graph;
    std::vector<long> sums;
    tbb::flow::function_node<int, long> sum_of_squares(graph, tbb::flow::unlimited, [](int n) {
        const auto squares = parmap::map(std::views::iota(0, n), [](int x) { return long{x} * x; });
        return std::accumulate(squares.begin(), squares.end(), 0L);
    });
    tbb::flow::function_node<long> collect(graph, tbb::flow::serial, [&](long sum) { sums.push_back(sum); });
    tbb::flow::make_edge(sum_of_squares, collect);
    for (const int n : {10, 1'000, 100'000}) sum_of_squares.try_put(n);
    graph.wait_for_all();

    std::ranges::sort(sums);  // they come as they finish
    return sums == std::vector<long>{285, 332'833'500, 333'328'333'350'000};
}

/// The threads that any item or step ran on.
class thread_set {
public:
    void note()
    {
        const std::lock_guard lock(mutex_);
        ids_.insert(std::this_thread::get_id());
    }
    std::size_t size() const { return ids_.size(); }

private:
    std::mutex mutex_;
    std::set<std::thread::id> ids_;
};

/// A whole graph within an arena of two threads.
/// \return the threads that took part; 0 when the answer is wrong
std::size_t graph_in_an_arena_of_two()
{
    thread_set threads;
    parmap::task_graph graph;
    const auto numbers = graph.add("count", [&] {
        threads.note();
        return std::views::iota(0L, 20'000L);
    });
    std::vector<parmap::task<long>> sums;
    for (const long factor : {1, 2, 3, 4}) {
        const auto products = graph.map("multiply", numbers, [&threads, factor](long x) {
            threads.note();
            return x * factor;
        });
        sums.push_back(graph.reduce("add up", products, 0L, std::plus<>()));
    }
    const auto total = graph.add(
        "total",
        [&](parmap::task_results<long> all) {
            threads.note();
            return std::accumulate(all.begin(), all.end(), 0L);
        },
        sums);
    tbb::task_arena(2).execute([&] { graph.run(); });
    return total.get() == 10 * (19'999L * 20'000L / 2) ? threads.size() : 0;
}

}  // namespace

int main()
{
    const bool sorted = sort_in_a_step();
    const bool mapped = map_in_a_flow_graph();
    const std::size_t threads = graph_in_an_arena_of_two();
    std::cout << "tbb::parallel_sort in a step: " << (sorted ? "right" : "WRONG") << '\n'
              << "parmap::map in a tbb::flow::graph: " << (mapped ? "right" : "WRONG") << '\n'
              << "a graph in a tbb::task_arena(2): " << (threads != 0 ? "right" : "WRONG") << ", on "
              << threads << " of " << parmap::num_cpus() << " CPUs\n";
    return sorted && mapped && (threads == 1 || threads == 2) ? 0 : 1;
}
