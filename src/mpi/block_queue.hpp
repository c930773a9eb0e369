// SPDX-License-Identifier: Apache-2.0
// Items that are handed over block by block, while those of earlier blocks still run: what a rank does with the
// blocks that it is granted. Knows no oneTBB and no MPI.
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

/// A block that was fed and has ended: no thread works on it any more.
struct ended_block {
    std::size_t begin{};
    std::size_t end{};
    run_result ran;  ///< its indices count from `begin`
};

/// Threads that run blocks, the first that was fed first, and go on with the next while the last items of the one
/// before still run. The public functions are for the thread that made it, which runs no items but in help().
class PARMAP_EXPORT block_queue final : public worker_pool::job {
public:
    /// \param limits  how many workers, the grain and the stop; must outlive this. The calling thread is none of them.
    block_queue(const run_limits& limits, on_failure policy);
    block_queue(const block_queue&) = delete;
    block_queue& operator=(const block_queue&) = delete;
    /// Halts, and waits for the items that run.
    ~block_queue() override;

    /// Hands over items [begin, end), where begin < end, and no block before lies above them.
    /// \param function  called with indices in [begin, end); what it refers to must last until the block is taken
    /// \throws std::bad_alloc  nothing was handed over then
    void feed(std::size_t begin, std::size_t end, block_function function);

    /// The next block that has ended, if one has.
    /// \throws std::bad_alloc  when a failure could not be noted
    std::optional<ended_block> take_ended();

    /// Items that no thread has claimed yet.
    std::size_t unclaimed() const;

    /// Begins no more items of blocks that begin at `index` or later.
    void halt_from(std::size_t index) noexcept;

    /// Whether somebody is there to run items; if not, help() has to.
    bool has_threads() const noexcept { return most_active_ != 0; }

    /// Runs some items on the calling thread. \return whether there were any
    bool help() noexcept { return run_some(0, false); }

    /// Returns when a block has ended, or after so long.
    void wait_for(std::chrono::microseconds longest);

    /// Items that have returned, so far.
    std::uint64_t done() const noexcept { return sums_.done.load(std::memory_order_relaxed); }
    /// Threads that run items now.
    int busy() const noexcept { return sums_.busy.load(std::memory_order_relaxed); }
    /// Time that was spent in items that have ended, on all threads together.
    std::chrono::nanoseconds busy_time() const noexcept
    {
        return std::chrono::nanoseconds(sums_.busy_ns.load(std::memory_order_relaxed));
    }

private:
    /// What all blocks count together.
    struct counters {
        std::atomic<std::uint64_t> done{0};
        std::atomic<int> busy{0};
        std::atomic<std::int64_t> busy_ns{0};
    };
    class counted_function;
    struct block;

    void work(int worker) noexcept override;
    void worker_left() noexcept override;

    bool run_some(int worker, bool to_the_end) noexcept;
    void call_worker() noexcept;

    const run_limits& limits_;
    const on_failure policy_;
    counters sums_;
    int most_active_{0};  // written before any is called

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::list<block> blocks_;
    int active_{0};  // threads that were called and have not left

    std::optional<worker_pool> pool_;
};

}  // namespace parmap::inline v0_2::detail
