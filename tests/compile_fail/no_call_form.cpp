// SPDX-License-Identifier: Apache-2.0
// can be called neither as fn.element. nor as fn.std::size_t index, element.: check the types
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v)
{
    parmap::for_each(v, [](const char*) {});
}
