// SPDX-License-Identifier: Apache-2.0
// a step.s result is moved to where it is kept: return a movable type, for example a std::unique_ptr
#include <vector>

#include <parmap/parmap.hpp>

struct immovable {
    immovable() = default;
    immovable(immovable&&) = delete;
};

void refused(parmap::task_graph& graph, const parmap::task<std::vector<int>>& list)
{
    graph.map("make", list, [](int) { return immovable(); });
}
