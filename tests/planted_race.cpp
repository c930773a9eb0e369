// SPDX-License-Identifier: Apache-2.0
// A data race in a user's function, which ThreadSanitizer must report: else a clean run of the other
// tests would say nothing.
#include <iostream>
#include <latch>

#include <parmap/map.hpp>

#include "support/on_workers.hpp"

int main()
{
    int unguarded = 0;
    parmap::testing::on_workers(2, [&] {
        std::latch both(2);
        parmap::for_each(std::views::iota(0, 2), [&](int) {
            both.arrive_and_wait();  // on two threads at once
            ++unguarded;
        });
    });
    std::cout << unguarded << '\n';
}
