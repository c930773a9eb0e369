// SPDX-License-Identifier: Apache-2.0
// A queue of blocks of items that threads run: blocks may be pushed while earlier ones run, as a rank of MPI is granted
// them. Knows no oneTBB and no MPI.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>

#include <parmap/detail/block_function.hpp>
#include <parmap/detail/config.hpp>
#include <parmap/detail/engine.hpp>

#include "scheduler/worker_pool.hpp"

namespace parmap::inline v0_2::detail {

/// A block on which no thread works any more.
struct ended_block {
    std::size_t begin{};
    std::size_t end{};
    run_result ran;  ///< its indices count from `begin`
};

/// Its threads run the blocks in the order of push(), and begin the next while the last items of the one before still
/// run. Only the thread that made it calls its public functions; that thread runs items in help() alone.
class PARMAP_EXPORT block_queue final : public worker_pool::job {
public:
    /// \param limits  workers, without the calling thread; grain, stop and deadline. Must outlive this.
    block_queue(const run_limits& limits, on_failure policy);
    block_queue(const block_queue&) = delete;
    block_queue& operator=(const block_queue&) = delete;
    /// Halts, and waits for the items that run.
    ~block_queue() override;

    /// Adds items [begin, end), where begin < end, above those of earlier blocks.
    /// \param function  called with indices in [begin, end); what it refers to must last until the block is taken
    /// \throws std::bad_alloc  nothing was added
    void push(std::size_t begin, std::size_t end, block_function function);

    /// The next block that has ended, if one has.
    /// \throws std::bad_alloc  when a failure could not be noted
    std::optional<ended_block> take_ended();

    /// Items that no thread has claimed yet.
    std::size_t unclaimed() const;

    /// Begins no more items of blocks that begin at `index` or later.
    void halt_from(std::size_t index) noexcept;

    /// Whether there are threads to run items; if not, help() must.
    bool has_threads() const noexcept { return most_active_ != 0; }

    /// Runs some items on the calling thread. \return whether there were any
    bool help() noexcept { return run_some(0, false); }

    /// Returns when a block has ended, or after this time.
    void wait_for(std::chrono::microseconds longest);

    /// Items that have returned so far.
    std::uint64_t done() const noexcept { return sums_.done.load(std::memory_order_relaxed); }
    /// Threads that run items now.
    int busy() const noexcept { return sums_.busy.load(std::memory_order_relaxed); }
    /// The time of ended items, on all threads together.
    std::chrono::nanoseconds busy_time() const noexcept
    {
        return std::chrono::nanoseconds(sums_.busy_ns.load(std::memory_order_relaxed));
    }

private:
    struct counters {  // of all blocks
        std::atomic<std::uint64_t> done{0};
        std::atomic<int> busy{0};
        std::atomic<std::int64_t> busy_ns{0};
    };
    struct block;

    void work(int worker) noexcept override;
    void worker_left() noexcept override;

    bool run_some(int worker, bool to_the_end) noexcept;
    void call_worker() noexcept;

    const run_limits& limits_;
    const on_failure policy_;
    counters sums_;
    int most_active_{0};  // threads; written before the first joins

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::list<block> blocks_;
    int active_{0};  // threads that were asked to join and have not left

    std::optional<worker_pool> pool_;
};

}  // namespace parmap::inline v0_2::detail
