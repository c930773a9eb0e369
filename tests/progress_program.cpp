// SPDX-License-Identifier: Apache-2.0
// For terminal_test.sh: a map of 100 items with a bar. The last item waits until it can read from PIPE.
//   progress_program [PIPE]
#include <chrono>
#include <fstream>
#include <iostream>
#include <numeric>
#include <ranges>
#include <string>

#include <parmap/parmap.hpp>

int main(int argc, char** argv)
{
    const std::string gate = argc == 2 ? argv[1] : "";
    const auto squares =
        parmap::map(std::views::iota(0, 100),
                    [&](int x) {
                        if (x == 99 && !gate.empty()) std::ifstream(gate).get();
                        return x * x;
                    },
                    {.progress = parmap::progress_bar{.label = "squaring", .delay = std::chrono::milliseconds(0)},
                     .grain_size = 1});
    std::cout << "sum " << std::accumulate(squares.begin(), squares.end(), 0) << '\n';
}
