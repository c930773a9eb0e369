// SPDX-License-Identifier: Apache-2.0
#include "on_workers.hpp"

#include <deque>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "scheduler/workers.hpp"

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
    // Kept for the whole process: threads are made once, and oneTBB does not free the memory of a destroyed arena.
    // Never destroyed: in the child of a fork that would wait for a thread that does not exist there.
    [[gnu::used]] static const auto* const allowed =
        new tbb::global_control(tbb::global_control::max_allowed_parallelism, most_workers);
    static auto& arenas = *[] {
        auto* const all = new std::deque<tbb::task_arena>;
        for (int n = 1; n <= most_workers; ++n) all->emplace_back(n);
        return all;
    }();
    with_cpus(workers, [&] { arenas.at(static_cast<std::size_t>(workers - 1)).execute(body); });
}

}  // namespace parmap::testing
