// SPDX-License-Identifier: Apache-2.0
#include "mpi/block_queue.hpp"

#include <algorithm>

#include "engine/block_run.hpp"

namespace parmap::inline v0_2::detail {

/// A block while its items run. It is itself the function of its run, whose indices begin at 0.
struct block_queue::block {
    block(std::size_t from, std::size_t to, block_function of_items, const run_limits& limits, on_failure policy,
          counters& all)
        : begin(from),
          end(to),
          function(of_items),
          sums(all),
          run(to - from, block_function(*this, of_items.quantum()), limits, policy, "block")
    {
        run.share(limits.workers);
    }

    block_result operator()(std::size_t first, std::size_t last) const noexcept
    {
        using clock = std::chrono::steady_clock;
        sums.busy.fetch_add(1, std::memory_order_relaxed);
        const clock::time_point start = clock::now();
        block_result ran = function(begin + first, begin + last);
        const std::chrono::nanoseconds took = clock::now() - start;
        sums.busy_ns.fetch_add(took.count(), std::memory_order_relaxed);
        sums.done.fetch_add(ran.returned, std::memory_order_relaxed);
        sums.busy.fetch_sub(1, std::memory_order_relaxed);
        return ran;
    }

    bool has_ended() const noexcept { return workers == 0 && !run.is_worth_joining(); }

    const std::size_t begin;
    const std::size_t end;
    const block_function function;
    counters& sums;
    int workers{0};  // threads that work on it
    block_run run;
};

namespace {

constexpr auto is_worth_joining = [](const auto& block) { return block.run.is_worth_joining(); };
constexpr auto has_ended = [](const auto& block) { return block.has_ended(); };

}  // namespace

block_queue::block_queue(const run_limits& limits, on_failure policy) : limits_(limits), policy_(policy)
{
    try {
        pool_.emplace(*this, limits.workers - 1);
    } catch (...) {
        return;  // without the memory or the threads for it, the calling thread helps
    }
    most_active_ = limits.workers - 1 + (pool_->make_replacement() ? 1 : 0);
}

block_queue::~block_queue()
{
    halt_from(0);
    if (pool_) pool_->close();
}

void block_queue::push(std::size_t begin, std::size_t end, block_function function)
{
    std::list<block> pushed;
    pushed.emplace_back(begin, end, function, limits_, policy_, sums_);
    {
        const std::lock_guard lock(mutex_);
        blocks_.splice(blocks_.end(), pushed);
    }
    call_worker();
}

std::optional<ended_block> block_queue::take_ended()
{
    std::list<block> taken;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find_if(blocks_, has_ended);
        if (found == blocks_.end()) return std::nullopt;
        taken.splice(taken.end(), blocks_, found);
    }
    block& ended = taken.front();
    return ended_block{ended.begin, ended.end, ended.run.end()};
}

std::size_t block_queue::unclaimed() const
{
    const std::lock_guard lock(mutex_);
    std::size_t items = 0;
    for (const block& queued : blocks_) items += queued.run.unclaimed();
    return items;
}

void block_queue::halt_from(std::size_t index) noexcept
{
    const std::lock_guard lock(mutex_);
    for (block& queued : blocks_) {
        if (queued.begin >= index) queued.run.halt();
    }
}

void block_queue::wait_for(std::chrono::microseconds longest)
{
    call_worker();  // there may have been no memory for it before
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, longest, [this] { return std::ranges::any_of(blocks_, has_ended); });
}

void block_queue::work(int worker) noexcept
{
    while (run_some(worker, true)) {
    }
}

void block_queue::worker_left() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        --active_;
    }
    call_worker();  // a push just before may have found all threads active
}

/// Works on the first block that has items left: as long as it has, or for one claim. \return whether there was one
bool block_queue::run_some(int worker, bool to_the_end) noexcept
{
    std::unique_lock lock(mutex_);
    const auto found = std::ranges::find_if(blocks_, is_worth_joining);
    if (found == blocks_.end()) return false;
    ++found->workers;
    lock.unlock();
    call_worker();
    found->run.work(worker, [=] { return to_the_end; });
    lock.lock();
    --found->workers;
    if (found->has_ended()) changed_.notify_one();
    return true;
}

/// Asks one more thread to join, if there are items for it.
void block_queue::call_worker() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        if (active_ == most_active_ || std::ranges::none_of(blocks_, is_worth_joining)) return;
        ++active_;
    }
    try {
        pool_->add_worker();
    } catch (...) {
        const std::lock_guard lock(mutex_);
        --active_;
    }
}

}  // namespace parmap::inline v0_2::detail
