// SPDX-License-Identifier: Apache-2.0
// init is of a type that cannot hold what the function returns
#include <functional>
#include <string>
#include <vector>

#include <parmap/parmap.hpp>

int refused(const std::vector<std::string>& words)
{
    return parmap::map_reduce(words, &std::string::size, 0, std::plus{});
}
