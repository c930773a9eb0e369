// SPDX-License-Identifier: Apache-2.0
// op combines two partial results, so it must be callable as op.T, T. and give a T
#include <string>
#include <vector>

#include <parmap/parmap.hpp>

std::string refused(const std::vector<int>& v)
{
    return parmap::map_reduce(
        v, [](int x) { return std::to_string(x); }, std::string{},
        [](const std::string& text, int x) { return text + std::to_string(x); });
}
