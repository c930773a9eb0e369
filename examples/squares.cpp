// SPDX-License-Identifier: Apache-2.0
// The smallest complete program: the squares of 0 .. 9,999, computed on every CPU, in order.
#include <iostream>
#include <numeric>
#include <ranges>

#include <parmap/parmap.hpp>

int main()
{
    const auto squares = parmap::map(std::views::iota(0, 10'000), [](int x) { return x * x; });

    std::cout << "99 * 99 = " << squares[99] << ", the sum of all is "
              << std::accumulate(squares.begin(), squares.end(), 0LL) << '\n';
}
