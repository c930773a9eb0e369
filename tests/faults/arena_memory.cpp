// SPDX-License-Identifier: Apache-2.0
// A process that runs graphs and streams, each in an arena of its own, needs the same memory after any number of runs.
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <ranges>

#include <unistd.h>

#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>

#include "support/keep_busy.hpp"

namespace {

/// Resident memory and not the used heap: oneTBB may have an allocator of its own.
std::size_t kilobytes_resident()
{
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

void run_a_graph()
{
    parmap::task_graph graph;
    for (int step = 0; step < 4; ++step) graph.add("", [] {});
    graph.run({.max_workers = 2});
}

void run_a_stream()
{
    // Heavy enough for other workers to help.
    const auto slowly = [](int) {
        parmap::testing::keep_busy(std::chrono::microseconds(30));
        return 0;
    };
    for ([[maybe_unused]] const int result : parmap::stream(std::views::iota(0, 10), slowly, {.max_workers = 2})) {
    }
}

bool grows(const char* what, const std::function<void()>& run)
{
    for (int n = 0; n < 500; ++n) run();
    const std::size_t before = kilobytes_resident();
    for (int n = 0; n < 5'000; ++n) run();
    const std::size_t after = kilobytes_resident();
    std::cout << before << " kB after 500 " << what << ", " << after << " kB after 5,500\n";
    return after >= before + 5'000;  // a kilobyte a run
}

}  // namespace

int main()
{
    const bool graphs_grow = grows("graphs", run_a_graph);
    const bool streams_grow = grows("streams", run_a_stream);
    return graphs_grow || streams_grow ? EXIT_FAILURE : EXIT_SUCCESS;
}
