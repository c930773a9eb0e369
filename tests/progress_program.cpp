// SPDX-License-Identifier: Apache-2.0
// A map with a bar, for terminal_test.sh: a hundred items, the last of which returns when a file is there.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>

#include <parmap/parmap.hpp>

int main(int argc, char** argv)
{
    const std::filesystem::path gate = argc == 2 ? argv[1] : "";
    const auto squares = parmap::map(
        std::views::iota(0, 100),
        [&](int x) {
            while (x == 99 && !gate.empty() && !std::filesystem::exists(gate)) {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            return x * x;
        },
        {.progress = parmap::progress_bar{.label = "squaring", .delay = std::chrono::milliseconds(0)},
         .grain_size = 1});
    std::cout << "sum " << std::accumulate(squares.begin(), squares.end(), 0) << '\n';
}
