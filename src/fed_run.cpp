// SPDX-License-Identifier: Apache-2.0
#include "fed_run.hpp"

#include <algorithm>

#include "block_run.hpp"

namespace parmap::detail {

/// A block's function, for a run whose indices begin at 0; and it counts.
class fed_run::counted_function {
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
struct fed_run::block {
    block(std::size_t from, std::size_t to, block_function function, const run_limits& limits,
          on_failure policy, counters& sums)
        : begin(from),
          end(to),
          counted(function, from, sums),
          run(to - from, block_function(counted, function.quantum()), limits, policy, "block")
    {
        run.share(limits.workers);
    }

    bool has_ended() const noexcept { return hands == 0 && !run.is_worth_joining(); }

    const std::size_t begin;
    const std::size_t end;
    int hands{0};  // threads that work on it
    const counted_function counted;
    block_run run;
};

namespace {

constexpr auto is_worth_joining = [](const auto& block) { return block.run.is_worth_joining(); };
constexpr auto has_ended = [](const auto& block) { return block.has_ended(); };

}  // namespace

fed_run::fed_run(const run_limits& limits, on_failure policy) : limits_(limits), policy_(policy)
{
    try {
        crew_.emplace(*this, limits.workers - 1);
    } catch (...) {
        return;  // without the memory or the threads for it, the thread that feeds helps
    }
    most_hands_ = limits.workers - 1 + (crew_->have_stand_in() ? 1 : 0);
}

fed_run::~fed_run()
{
    halt_from(0);
    if (crew_) crew_->close();
}

void fed_run::feed(std::size_t begin, std::size_t end, block_function function)
{
    std::list<block> fed;
    fed.emplace_back(begin, end, function, limits_, policy_, sums_);
    {
        const std::lock_guard lock(mutex_);
        blocks_.splice(blocks_.end(), fed);
    }
    call_hand();
}

std::optional<fed_block> fed_run::take_ended()
{
    std::list<block> over;
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find_if(blocks_, has_ended);
        if (found == blocks_.end()) return std::nullopt;
        over.splice(over.end(), blocks_, found);
    }
    block& ended = over.front();
    return fed_block{ended.begin, ended.end, ended.run.end()};
}

std::size_t fed_run::unclaimed() const
{
    const std::lock_guard lock(mutex_);
    std::size_t items = 0;
    for (const block& fed : blocks_) items += fed.run.unclaimed();
    return items;
}

void fed_run::halt_from(std::size_t index) noexcept
{
    const std::lock_guard lock(mutex_);
    for (block& fed : blocks_) {
        if (fed.begin >= index) fed.run.halt();
    }
}

void fed_run::wait_for(std::chrono::microseconds longest)
{
    call_hand();  // there may have been no memory to call one before
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, longest, [this] { return std::ranges::any_of(blocks_, has_ended); });
}

void fed_run::work(int ticket) noexcept
{
    while (run_some(ticket, true)) {
    }
}

void fed_run::left() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        --hands_;
    }
    call_hand();  // whoever fed a block just before may have counted on this thread
}

/// Works on the first block that has items left, as long as it has, or for one claim. \return whether there was one
bool fed_run::run_some(int worker, bool to_the_end) noexcept
{
    std::unique_lock lock(mutex_);
    const auto found = std::ranges::find_if(blocks_, is_worth_joining);
    if (found == blocks_.end()) return false;
    ++found->hands;
    lock.unlock();
    call_hand();
    found->run.work(worker, [=] { return to_the_end; });
    lock.lock();
    --found->hands;
    if (found->has_ended()) changed_.notify_one();
    return true;
}

/// Has one more thread come, if it would find something.
void fed_run::call_hand() noexcept
{
    {
        const std::lock_guard lock(mutex_);
        if (hands_ == most_hands_ || std::ranges::none_of(blocks_, is_worth_joining)) return;
        ++hands_;
    }
    try {
        crew_->call();
    } catch (...) {
        const std::lock_guard lock(mutex_);
        --hands_;
    }
}

}  // namespace parmap::detail
