// SPDX-License-Identifier: Apache-2.0
#include "on_workers.hpp"

#include <array>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "cpu_limits.hpp"

namespace parmap::testing {

void with_cpus(int cpus, const std::function<void()>& body)
{
    struct restore {
        ~restore() { detail::assume_cpus(0); }
    } const restored;
    detail::assume_cpus(cpus);
    body();
}

void on_workers(int workers, const std::function<void()>& body)
{
    // Kept for the process, so that the threads are made once.
    static const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, most_workers);
    // Likewise, as oneTBB keeps the memory of those that are destroyed.
    static std::array<tbb::task_arena, most_workers> arenas;
    tbb::task_arena& arena = arenas.at(static_cast<std::size_t>(workers - 1));
    arena.initialize(workers);
    with_cpus(workers, [&] { arena.execute(body); });
}

}  // namespace parmap::testing
