// SPDX-License-Identifier: Apache-2.0
// a graph may run again, so init is copied: give it a copyable type
#include <memory>
#include <vector>

#include <parmap/parmap.hpp>

void refused(parmap::task_graph& graph, const parmap::task<std::vector<std::unique_ptr<int>>>& list)
{
    using owner = std::unique_ptr<int>;
    graph.reduce("first", list, std::make_unique<int>(0), [](owner a, const owner&) { return a; });
}
