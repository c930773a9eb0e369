// SPDX-License-Identifier: Apache-2.0
// What a program that links parmap relies on: results, and exceptions that cross the library.
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <parmap/parmap.hpp>

int main()
{
    const std::vector<std::string> words{"one", "three"};
    const std::vector<std::size_t> lengths = parmap::map(words, &std::string::size, {.max_workers = 4});
    const auto halves =
        parmap::map_to<parmap::vector<float>>(std::views::iota(0, 1000), [](int x) { return x / 2.0; });
    int caught = 0;
    try {
        parmap::for_each(words, [](const std::string& word) { throw std::out_of_range(word); });
    } catch (const std::out_of_range& e) {
        caught += e.what() == words[0] ? 1 : 0;
    }
    try {
        parmap::for_each(words, [](const std::string&) {}, {.timeout = std::chrono::seconds(0)});
    } catch (const parmap::cancelled& c) {
        caught += c.total() == 2 ? 1 : 0;
    }
    const bool right = lengths == std::vector<std::size_t>{3, 5} && halves[999] == 499.5F && caught == 2;
    std::cout << (right ? "right, on " : "WRONG, on ") << parmap::describe(parmap::detect_cpu_limits())
              << '\n';
    return right ? 0 : 1;
}
