// SPDX-License-Identifier: Apache-2.0
// a range without an end has no length to match: bound it, for example with
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v)
{
    parmap::zip(v, std::views::iota(0));
}
