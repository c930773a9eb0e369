// SPDX-License-Identifier: Apache-2.0
// must be callable as const: drop .mutable. and return what each element gives
#include <vector>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<std::vector<int>>& list)
{
    graph.map("number", list, [n = 0](int x) mutable { return x + n++; });
}
