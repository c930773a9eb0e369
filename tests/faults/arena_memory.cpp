// SPDX-License-Identifier: Apache-2.0
// The memory of a process that runs graphs, each in an arena of its own: the same after any number of runs.
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include <unistd.h>

#include <parmap/task_graph.hpp>

namespace {

/// Not the heap in use: oneTBB may have an allocator of its own.
std::size_t kilobytes_resident()
{
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

void run_graphs(int count)
{
    for (int n = 0; n < count; ++n) {
        parmap::task_graph graph;
        for (int step = 0; step < 4; ++step) graph.add("", [] {});
        graph.run({.max_workers = 2});
    }
}

}  // namespace

int main()
{
    run_graphs(500);
    const std::size_t before = kilobytes_resident();
    run_graphs(5'000);
    const std::size_t after = kilobytes_resident();
    std::cout << before << " kB after 500 graphs, " << after << " kB after 5,500\n";
    return after < before + 5'000 ? EXIT_SUCCESS : EXIT_FAILURE;  // a kilobyte for each
}
