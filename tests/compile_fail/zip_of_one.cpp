// SPDX-License-Identifier: Apache-2.0
// a zip is made of two ranges or more
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v)
{
    parmap::zip(v);
}
