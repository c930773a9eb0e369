// SPDX-License-Identifier: Apache-2.0
#include "all_algorithms.hpp"

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <vector>

#include <parmap/parmap.hpp>

namespace parmap::testing {

namespace {

constexpr int items = 60;
constexpr long sum_of_squares = 70'210;  // 0 to 59

long square(int x)
{
    return static_cast<long>(x) * x;
}

auto numbers()
{
    return std::views::iota(0, items);
}

long sum(const std::vector<long>& values)
{
    return std::reduce(values.begin(), values.end());
}

long by_try_map(const options& how)
{
    const auto ran = try_map(
        numbers(), [](int x) { return x == 7 ? throw std::runtime_error("seven") : square(x); }, how);
    if (ran.failures.size() != 1 || ran.failures[0].what() != "seven") return 0;
    long total = square(7);
    for (const auto& value : ran.values) total += value.value_or(0);
    return total;
}

long by_streams(const options& how)
{
    long total = 0;
    int next = 0;
    for (const long value : stream(numbers(), square, how)) total += square(next++) == value ? value : 0;
    for (const auto& [index, value] : as_completed(numbers(), square, how)) total += value;
    return total / 2;
}

long by_graph(const options& how)
{
    task_graph graph;
    const auto source = graph.add("source", [] {
        const auto all = numbers();
        return std::vector<int>(all.begin(), all.end());
    });
    const auto squares = graph.map("squares", source, square);
    const auto total = graph.reduce("sum", squares, 0L, std::plus<>());
    const auto nested = graph.add("nested", [] { return sum(map(numbers(), square)); });
    graph.run(how);
    return total.get() == nested.get() ? total.get() : 0;
}

}  // namespace

progress_bar loud(const std::string& label)
{
    return {.label = label, .delay = std::chrono::milliseconds(0), .style = bar_style::json};
}

std::string wrong_results(const options& how)
{
    std::string wrong;
    const auto expect = [&](const char* what, long got) {
        if (got != sum_of_squares) wrong += std::string(what) + " gives " + std::to_string(got) + "; ";
    };
    expect("map", sum(map(numbers(), square, how)));
    expect("map_reduce", map_reduce(numbers(), square, 0L, std::plus<>(), how));
    expect("try_map", by_try_map(how));
    expect("a stream", by_streams(how));
    expect("a graph", by_graph(how));
    return wrong;
}

void expect_right(const char* where, const options& how)
{
    const std::string wrong = wrong_results(how);
    std::printf("%s: %s\n", where, wrong.empty() ? "right" : wrong.c_str());
    std::fflush(stdout);
    if (!wrong.empty()) std::_Exit(EXIT_FAILURE);
}

}  // namespace parmap::testing
