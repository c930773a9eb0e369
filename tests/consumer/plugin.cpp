// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include <parmap/parmap.hpp>

extern "C" __attribute__((visibility("default"))) int sum_below(int n)
{
    std::atomic<int> sum{0};
    parmap::for_each(std::views::iota(0, n), [&](int x) { sum += x; },
                     {.progress = [](const parmap::progress_state&) {}, .grain_size = 1});
    return sum;
}
