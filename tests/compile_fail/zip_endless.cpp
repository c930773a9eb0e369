// SPDX-License-Identifier: Apache-2.0
// the range has no end: bound it, for example with std::views::take
#include <parmap/parmap.hpp>

void refused()
{
    parmap::for_each(parmap::zip(std::views::iota(0), std::views::iota(1)), [](int, int) {});
}
