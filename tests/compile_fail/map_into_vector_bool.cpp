// SPDX-License-Identifier: Apache-2.0
// threads cannot write them side by side: use std::vector<char>, or map
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v, std::vector<bool>& out)
{
    parmap::map_into(v, out, [](int x) { return x > 0; });
}
