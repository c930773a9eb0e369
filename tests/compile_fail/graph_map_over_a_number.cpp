// SPDX-License-Identifier: Apache-2.0
// the input of a map or a reduction must be a task whose result is a range that can be read as const
#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<int>& number)
{
    graph.map("double", number, [](int x) { return 2 * x; });
}
