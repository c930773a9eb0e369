// SPDX-License-Identifier: Apache-2.0
// elements of a std::vector<bool> share bytes.* to read it, pass std::as_const.flags
#include <vector>

#include <parmap/parmap.hpp>

void refused(const std::vector<int>& v, std::vector<bool>& flags)
{
    parmap::zip(v, flags);
}
