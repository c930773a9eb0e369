// SPDX-License-Identifier: Apache-2.0
// The heap that a step of a graph takes, while the last step runs: the same in a chain of any length.
#include <cstddef>
#include <cstdlib>
#include <iostream>

#include <malloc.h>

#include <parmap/parmap.hpp>

namespace {

std::size_t heap_in_use()
{
    const auto use = ::mallinfo2();
    return use.uordblks + use.hblkhd;
}

/// Bytes for each step of a chain of so many.
double bytes_a_step(int steps)
{
    const std::size_t before = heap_in_use();
    std::size_t most = 0;
    parmap::task_graph graph;
    auto last = graph.add("step", [] { return 0; });
    for (int i = 2; i < steps; ++i)
        last = graph.add(
            "step", [](int x) { return x + 1; }, last);
    graph.add(
        "step", [&](int) { most = heap_in_use(); }, last);
    graph.run();
    return static_cast<double>(most - before) / steps;
}

}  // namespace

int main()
{
    const double few = bytes_a_step(10'000);
    const double many = bytes_a_step(320'000);
    std::cout << few << " bytes a step in a chain of 10,000, " << many << " in one of 320,000\n";
    // Vectors grow by doubling, so up to a third of their memory may be spare or not.
    return many <= 1.15 * few && few <= 1.15 * many ? EXIT_SUCCESS : EXIT_FAILURE;
}
