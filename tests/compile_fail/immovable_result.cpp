// SPDX-License-Identifier: Apache-2.0
// results are moved into a vector: return a movable type, for example a std::unique_ptr
#include <vector>

#include <parmap/parmap.hpp>

struct immovable {
    immovable() = default;
    immovable(immovable&&) = delete;
};

void refused(const std::vector<int>& v)
{
    parmap::map(v, [](int) { return immovable(); });
}
