// SPDX-License-Identifier: Apache-2.0
// can be called neither as fn.a, b, .... nor as fn.std::size_t index, a, b, ...
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v)
{
    parmap::for_each(parmap::zip(v, v), [](int) {});
}
