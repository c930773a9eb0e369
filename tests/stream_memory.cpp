// SPDX-License-Identifier: Apache-2.0
// How much the resident memory of this process grows while ten million items go through a stream.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <ranges>
#include <string>

#include <parmap/parmap.hpp>

namespace {

/// The peak resident memory of this process (VmHWM), in KiB; 0 where /proc does not have it.
std::size_t peak_kib()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib;
    }
    return 0;
}

/// Consumes the results. \return how much the memory grew after the first tenth, in KiB
std::size_t growth(std::size_t items, auto&& results)
{
    std::size_t before = 0;
    std::size_t n = 0;
    for (const auto& result : results) {
        static_cast<void>(result);
        if (++n == items / 10) before = peak_kib();
    }
    if (n != items || before == 0) {
        std::cerr << n << " results of " << items << ", peak " << before << " KiB\n";
        std::exit(EXIT_FAILURE);
    }
    return peak_kib() - before;
}

}  // namespace

int main()
{
    const auto on_the_heap = [](std::size_t i) { return std::string(100, static_cast<char>('a' + i % 26)); };
    const parmap::options options{.max_in_flight = 16};
    constexpr std::size_t many = 10'000'000;
    constexpr std::size_t fewer = 300'000;  // as_completed is slower
    const std::size_t in_order =
        growth(many, parmap::stream(std::views::iota(std::size_t{0}, many), on_the_heap, options));
    const std::size_t as_completed =
        growth(fewer, parmap::as_completed(std::views::iota(std::size_t{0}, fewer), on_the_heap, options));
    std::cout << "stream grew by " << in_order << " KiB, as_completed by " << as_completed << " KiB\n";
    return in_order <= 2048 && as_completed <= 2048 ? EXIT_SUCCESS : EXIT_FAILURE;
}
