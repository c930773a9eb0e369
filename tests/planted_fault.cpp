// SPDX-License-Identifier: Apache-2.0
// A fault in a user's function, which the sanitizer for that kind of fault must report. Otherwise a clean run of the
// other tests would prove nothing.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include <parmap/map.hpp>

#include "support/on_workers.hpp"

namespace {

/// Calls `fault` in this many items at once, each on another thread.
void in_items(int items, const auto& fault)
{
    parmap::testing::on_workers(2, [&] {
        std::latch all(items);
        parmap::for_each(std::views::iota(0, items), [&](int) {
            all.arrive_and_wait();
            fault();
        });
    });
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string_view kind = argc == 2 ? argv[1] : "";
    volatile int value = std::numeric_limits<int>::max();
    if (kind == "race") {
        int unguarded = 0;
        in_items(2, [&] { ++unguarded; });
        value = unguarded;
    } else if (kind == "address") {
        auto owner = std::make_unique<int>(1);
        const int* const gone = owner.get();
        owner.reset();
        in_items(1, [&] { value = *gone; });
    } else if (kind == "undefined") {
        in_items(1, [&] { value = value + 1; });
    } else if (kind == "container") {
        // libstdc++ reports with abort(), and CTest counts a signal as a failure whatever was printed.
        std::signal(SIGABRT, [](int) { std::_Exit(1); });
        const std::vector<int> none;
        in_items(1, [&] { value = *none.begin(); });
    } else {
        std::cerr << "usage: planted_fault race|address|undefined|container\n";
        return 2;
    }
    std::cout << value << '\n';
}
