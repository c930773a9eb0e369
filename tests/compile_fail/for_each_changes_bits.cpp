// SPDX-License-Identifier: Apache-2.0
// elements of a std::vector<bool> share bytes, so they cannot be changed in parallel
#include <vector>

#include <parmap/parmap.hpp>

void refused(std::vector<bool>& bits)
{
    parmap::for_each(bits, [](std::vector<bool>::reference bit) { bit.flip(); });
}
