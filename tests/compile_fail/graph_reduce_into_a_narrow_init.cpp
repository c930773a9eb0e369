// SPDX-License-Identifier: Apache-2.0
// write init as a value of the result.s type, for example 0.0 or std::size_t.0.
#include <functional>
#include <vector>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<std::vector<double>>& list)
{
    graph.reduce("sum", list, 0, std::plus<>());
}
