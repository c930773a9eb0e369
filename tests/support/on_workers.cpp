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
    // Kept for the process, so that the threads are made once, and arenas as oneTBB keeps the memory of those that are
    // destroyed; never destroyed, as in the child of a fork that would wait for a thread that is not there.
    static const auto* const allowed =
        new tbb::global_control(tbb::global_control::max_allowed_parallelism, most_workers);
    static_cast<void>(allowed);
    static auto& arenas = *new std::array<tbb::task_arena, most_workers>;
    tbb::task_arena& arena = arenas.at(static_cast<std::size_t>(workers - 1));
    arena.initialize(workers);
    with_cpus(workers, [&] { arena.execute(body); });
}

}  // namespace parmap::testing
