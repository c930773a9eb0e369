// SPDX-License-Identifier: Apache-2.0
// must be callable as const: drop .mutable. and return what each element gives
#include <vector>

#include <parmap/parmap.hpp>

auto refused(const std::vector<int>& v)
{
    return parmap::map(v, [n = 0](int x) mutable { return x + n++; });
}
