// SPDX-License-Identifier: Apache-2.0
// write init as a value of the result.s type, for example 0.0 or std::size_t.0.
#include <functional>
#include <vector>

#include <parmap/parmap.hpp>

int refused(const std::vector<double>& v)
{
    return parmap::map_reduce(
        v, [](double x) { return x; }, 0, std::plus{});
}
