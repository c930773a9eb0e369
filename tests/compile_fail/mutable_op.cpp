// SPDX-License-Identifier: Apache-2.0
// op is called from several threads at once, so it must be callable as const: drop .mutable.
#include <vector>

#include <parmap/parmap.hpp>

int refused(const std::vector<int>& v)
{
    return parmap::map_reduce(
        v, [](int x) { return x; }, 0, [n = 0](int a, int b) mutable { return a + b + n++; });
}
