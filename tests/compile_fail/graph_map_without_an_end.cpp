// SPDX-License-Identifier: Apache-2.0
// the range has no end: bound it, for example with std::views::take
#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph)
{
    graph.map("double", graph.add("numbers", [] { return std::views::iota(0); }), [](int x) { return 2 * x; });
}
