// SPDX-License-Identifier: Apache-2.0
// parmap and oneTBB together: oneTBB inside a task graph, a map inside oneTBB's flow graph, and a task graph in the
// caller's arena.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <iostream>
#include <numeric>
#include <ranges>
#include <vector>

#include <tbb/flow_graph.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>

#include <parmap/parmap.hpp>

namespace {

/// One step calls tbb::parallel_sort while another maps: both share the CPUs.
bool sort_in_a_step()
{
    parmap::task_graph graph;
    const auto numbers = graph.add("make", [] {
        std::vector<std::uint32_t> v(300'000);
        std::ranges::generate(v, [x = 1U]() mutable { return x *= 2'654'435'769U; });  // unsorted
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

/// A node of a flow graph runs a map, which uses every CPU.
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

    std::ranges::sort(sums);  // they arrive as they finish
    return sums == std::vector<long>{285, 332'833'500, 333'328'333'350'000};
}

/// Counts how many items run at once.
class running_items {
public:
    void begin()
    {
        const int now = ++now_;
        int before = most_;
        while (before < now && !most_.compare_exchange_weak(before, now)) {
        }
    }
    void end() { --now_; }
    int most() const { return most_; }

private:
    std::atomic<int> now_{0};
    std::atomic<int> most_{0};
};

/// A graph that runs in an arena of two threads keeps to two, on any number of CPUs.
/// \return the most items that ran at once; 0 when the result is wrong
int graph_in_an_arena_of_two()
{
    running_items running;
    parmap::task_graph graph;
    const auto numbers = graph.add("count", [] { return std::views::iota(0L, 20'000L); });
    std::vector<parmap::task<long>> sums;
    for (const long factor : {1, 2, 3, 4}) {
        const auto products = graph.map("multiply", numbers, [&running, factor](long x) {
            running.begin();
            const long product = x * factor;
            running.end();
            return product;
        });
        sums.push_back(graph.reduce("add up", products, 0L, std::plus<>()));
    }
    const auto total = graph.add(
        "total", [](parmap::task_results<long> all) { return std::accumulate(all.begin(), all.end(), 0L); }, sums);
    tbb::task_arena(2).execute([&] { graph.run(); });
    return total.get() == 10 * (19'999L * 20'000L / 2) ? running.most() : 0;
}

}  // namespace

int main()
{
    const bool sorted = sort_in_a_step();
    const bool mapped = map_in_a_flow_graph();
    const int at_once = graph_in_an_arena_of_two();
    std::cout << "tbb::parallel_sort in a step: " << (sorted ? "right" : "WRONG") << '\n'
              << "parmap::map in a tbb::flow::graph: " << (mapped ? "right" : "WRONG") << '\n'
              << "a graph in a tbb::task_arena(2): " << (at_once != 0 ? "right" : "WRONG")
              << ", most items at once: " << at_once << ", CPUs: " << parmap::num_cpus() << '\n';
    return sorted && mapped && (at_once == 1 || at_once == 2) ? 0 : 1;
}
