// SPDX-License-Identifier: Apache-2.0
// the input of a map or a reduction must be a task whose result is a range that can be read as const
#include <vector>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph)
{
    const auto odd = graph.add("odd", [] {
        return std::vector{1, 2, 3} | std::views::filter([](int x) { return x % 2 == 1; });
    });
    graph.map("double", odd, [](int x) { return 2 * x; });
}
