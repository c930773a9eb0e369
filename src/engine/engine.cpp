// SPDX-License-Identifier: Apache-2.0
// The call of a map: it runs the blocks on the calling thread, or forks. Names no oneTBB.
#include <algorithm>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

#include <parmap/detail/engine.hpp>
#include <parmap/workers.hpp>

#include "engine/block_run.hpp"
#include "scheduler/scheduler.hpp"
#include "system/sanitizers.hpp"

namespace parmap::inline v0_2::detail {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// A run that forks on oneTBB while the caller waits.
class forked_run final : public scheduler::job {
public:
    forked_run(block_run& run, const run_limits& limits) : run_(run), limits_(limits) {}

    void fork(int workers) noexcept
    {
        run_.share(workers);
        order_.before_workers();
        bool resources = true;
        try {
            scheduler::run(*this, workers, limits_.workers, run_.is_reported());
        } catch (...) {
            resources = false;
        }
        order_.after_workers();
        // Where there is no memory or no thread for a fork, the caller runs the rest.
        if (!resources) run_.work(0, [] { return true; });
    }

    void work(int worker) noexcept override
    {
        const thread_order::worker_scope scope(order_);
        run_.work(worker, [] { return !scheduler::cancelled(); });
    }

    void joined(int thread) noexcept override
    {
        const thread_order::worker_scope scope(order_);
        run_.joined(thread);
    }

private:
    block_run& run_;
    const run_limits& limits_;
    thread_order order_;
};

clock::time_point deadline_in(std::optional<nanoseconds> timeout)
{
    if (!timeout) return clock::time_point::max();
    if (*timeout <= 0ns) return clock::time_point::min();
    const clock::time_point now = clock::now();
    return *timeout < clock::time_point::max() - now ? now + *timeout : clock::time_point::max();
}

int workers_for(std::optional<int> max_workers)
{
    if (max_workers && *max_workers < 0) {
        throw std::invalid_argument(
            fmt::format("parmap: max_workers is {}: give the number of threads, 0 or 1 for the calling thread "
                        "alone, or leave it unset for all CPUs",
                        *max_workers));
    }
    const int cpus = num_cpus();
    if (!scheduler::usable()) return 1;
    return std::clamp(max_workers.value_or(cpus), 1, cpus);
}

}  // namespace

run_limits::run_limits(const options& options)
    : requested(options),
      workers(workers_for(options.max_workers)),
      deadline(deadline_in(options.timeout))
{
}

run_limits::run_limits(const options& options, const run_limits& whole) noexcept
    : requested(options),
      workers(whole.workers),
      deadline(whole.deadline)
{
}

void run_result::throw_unless_complete() const
{
    if (!failures.empty()) std::rethrow_exception(failures.front().error);
    if (stopped != stop_reason::none) throw cancelled(stopped, completed, size);
}

run_result run(std::size_t size, block_function block, const run_limits& limits, on_failure policy)
{
    block_run run(size, block, limits, policy);
    if (run.begin()) {
        const int workers = run.most_sharers();
        workers == 1 ? run.run_serially() : forked_run(run, limits).fork(workers);
    }
    return run.end();
}

}  // namespace parmap::inline v0_2::detail
