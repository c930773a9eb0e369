// SPDX-License-Identifier: Apache-2.0
// Maps with a bar before main, in main, and after main in the destructor of a static object.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <ranges>

#include <parmap/parmap.hpp>

namespace {

void check(const char* when)
{
    const auto squares = parmap::map(
        std::views::iota(0, 1000), [](int x) { return x * x; },
        {.progress = parmap::progress_bar{.delay = std::chrono::milliseconds(0), .style = parmap::bar_style::json},
         .grain_size = 1});
    if (std::accumulate(squares.begin(), squares.end(), 0) != 332'833'500) std::_Exit(EXIT_FAILURE);
    static_cast<void>(std::puts(when));
}

struct both_ends {
    both_ends() { check("before main"); }
    ~both_ends() { check("after main"); }
} const maps_at_both_ends;

}  // namespace

int main()
{
    check("in main");
}
