// SPDX-License-Identifier: Apache-2.0
// a step.s result is moved to where it is kept: return a movable type, for example a std::unique_ptr
#include <parmap/parmap.hpp>

struct immovable {
    immovable() = default;
    immovable(immovable&&) = delete;
};

void refused(parmap::task_graph& graph)
{
    graph.add("make", [] { return immovable(); });
}
