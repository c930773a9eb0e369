// SPDX-License-Identifier: Apache-2.0
#include "mpi/block_queue.hpp"

#include <algorithm>

#include "engine/block_run.hpp"

namespace parmap::inline v0_2::detail {

/// A block's function, for a run whose indices begin at 0; and it counts.
class block_queue::counted_function {
public:
    counted_function(block_function function, std::size_t offset, counters& sums)
        : function_(function),
          offset_(offset),
          sums_(sums)
    {
    }

    block_result operator()(std::size_t begin, std::size_t end) const noexcept
    {
        using clock = std::chrono::steady_clock;
        sums_.busy.fetch_add(1, std::memory_order_relaxed);
        const clock::time_point start = clock::now();
        block_result ran = function_(offset_ + begin, offset_ + end);
        const std::chrono::nanoseconds took = clock::now() - start;
        sums_.busy_ns.fetch_add(took.count(), std::memory_order_relaxed);
        sums_.done.fetch_add(ran.returned, std::memory_order_relaxed);
        sums_.busy.fetch_sub(1, std::memory_order_relaxed);
        return ran;
    }

private:
    block_function function_;
    std::size_t offset_;
    counters& sums_;
};

/// A block, while its items run.
struct block_queue::block {
    block(std::size_t from, std::size_t to, block_function function, const run_limits& limits, on_failure policy,
          counters& sums)
        : begin(from),
          end(to),
          counted(function, from, sums),
          run(to - from, block_function(counted, function.quantum()), limits, policy, "block")
    {
        run.share(limits.workers);
    }

    bool has_ended() const noexcept { return workers == 0 && !run.is_worth_joining(); }

    const std::size_t begin;
    const std::size_t end;
    int workers{0};  // threads that work on it
    const counted_function counted;
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
        return;  // without the memory or the threads for it, the thread that feeds helps
    }
    most_active_ = limits.workers - 1 + (pool_->make_replacement() ? 1 : 0);
}

block_queue::~block_queue()
{
    halt_from(0);
    if (pool_) pool_->close();
}

void block_queue::feed(std::size_t begin, std::size_t end, block_function function)
{
    std::list<block> fed;
    fed.emplace_back(begin, end, function, limits_, policy_, sums_);
    {
        const std::lock_guard lock(mutex_);
        blocks_.splice(blocks_.end(), fed);
    }
    call_worker();
}

std::optional<ended_block> block_queue::take_ended()
{
    std::list<block> over;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find_if(blocks_, has_ended);
        if (found == blocks_.end()) return std::nullopt;
        over.splice(over.end(), blocks_, found);
    }
    block& ended = over.front();
    return ended_block{ended.begin, ended.end, ended.run.end()};
}

std::size_t block_queue::unclaimed() const
{
    const std::lock_guard lock(mutex_);
    std::size_t items = 0;
    for (const block& fed : blocks_) items += fed.run.unclaimed();
    return items;
}

void block_queue::halt_from(std::size_t index) noexcept
{
    const std::lock_guard lock(mutex_);
    for (block& fed : blocks_) {
        if (fed.begin >= index) fed.run.halt();
    }
}

void block_queue::wait_for(std::chrono::microseconds longest)
{
    call_worker();  // there may have been no memory to call one before
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
    call_worker();  // whoever fed a block just before may have counted on this thread
}

/// Works on the first block that has items left, as long as it has, or for one claim. \return whether there was one
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

/// Has one more thread come, if it would find something.
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
