// SPDX-License-Identifier: Apache-2.0
// the range has no end: bound it, for example with std::views::take
#include <vector>

#include <parmap/parmap.hpp>

void refused()
{
    parmap::for_each(std::views::iota(0), [](int) {});
}
