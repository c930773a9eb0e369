// SPDX-License-Identifier: Apache-2.0
// parmap: a stream is made of results, and the function returns none
#include <vector>

#include <parmap/parmap.hpp>

int main()
{
    std::vector<int> v{1, 2, 3};
    parmap::stream(v, [](int& x) { x *= 2; });
}
