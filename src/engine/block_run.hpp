// SPDX-License-Identifier: Apache-2.0
// A run of items: claims, block sizes, errors, stop, deadline and counters. Its callers bring the threads; it names no
// oneTBB and no arena.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <parmap/detail/engine.hpp>

#include "engine/block_sizer.hpp"
#include "progress/report.hpp"
#include "trace/recorder.hpp"

namespace parmap::inline v0_2::detail {

/// The cursor from which blocks are claimed, and how the run ended. Call begin(); if it says so, work() on one thread
/// or, after share(), on several; and end() when all have left.
class block_run {
public:
    /// \param step  the name of the graph's step that this run is; empty for a call of its own
    block_run(std::size_t size, block_function function, const run_limits& limits, on_failure policy,
              std::optional<std::string_view> step = std::nullopt)
        : size_(size),
          function_(function),
          limits_(limits),
          policy_(policy),
          trace_(step ? traced_run(limits.requested.trace, *step) : traced_run(limits.requested, "map")),
          // A step may begin and end on different threads.
          call_(step ? trace_span() : trace_.call())
    {
        // A worker stops at its first failure, so this many are enough, and noting one cannot fail.
        if (policy == on_failure::stop) failures_.reserve(static_cast<std::size_t>(limits.workers));
    }

    /// Begins the report, and runs a run that is known to be tiny on this thread. \return whether items are left
    bool begin() noexcept
    {
        const bool tiny = is_known_to_be_tiny();
        const bool reported_at_once = !tiny || !is_silent_when_tiny();
        if (reported_at_once) open_report();
        if (tiny) begin_alone();
        if (!is_worth_joining() || !may_claim(clock::now())) return false;
        if (!reported_at_once) open_report();
        return true;
    }

    /// Runs the rest on this thread, as one block where nothing is to be done between blocks.
    void run_serially() noexcept
    {
        const bool has_observers = report_.on() || trace_.on() || may_be_stopped();
        claim_and_run(0, block_sizer(has_observers ? grain() : size_, 1), to_the_end);
    }

    /// The most workers that can have a block each.
    int most_sharers() const noexcept
    {
        const std::size_t least = round_up(std::clamp<std::size_t>(grain(), 1, size_), function_.quantum(), size_);
        const std::size_t blocks = size_ / least + (size_ % least != 0 ? 1 : 0);
        return static_cast<int>(std::min(blocks, static_cast<std::size_t>(limits_.workers)));
    }

    /// From now on several threads claim: as many as `sharers` at once.
    void share(int sharers) noexcept
    {
        sharers_ = sharers;
        forked_at_ = clock::now();
        forked_.store(true, std::memory_order_relaxed);
    }

    /// Claims and runs blocks until none is left, or `go_on`, called after each block, returns false.
    /// \param worker  a number that no other thread uses meanwhile
    template <class GoOn>
    void work(int worker, const GoOn& go_on) noexcept
    {
        claim_and_run(worker, block_sizer(grain(), sharers_), [&](clock::duration) { return go_on(); });
    }

    /// A thread joined the arena, with this number there.
    void joined(int thread) noexcept { report_.joined(thread); }
    bool is_reported() const noexcept { return report_.on(); }

    /// Whether a thread that joins now may find a block.
    bool is_worth_joining() const noexcept { return !is_all_claimed() && !halted_.load(std::memory_order_relaxed); }

    /// Items that are not claimed, and may be.
    std::size_t unclaimed() const noexcept
    {
        return halted_.load(std::memory_order_relaxed) ? 0 : size_ - cursor_.load(std::memory_order_relaxed);
    }

    /// Ends the run: no block is begun after this.
    void halt() noexcept { halt(stop_reason::stop_requested); }

    /// How the run ended. Call it when no other thread works on the run.
    /// \throws std::bad_alloc  when a failure could not be noted
    run_result end()
    {
        remember_cost();
        run_result ended = result();
        report_.finish(phase_of(ended));
        call_.end(ended.completed);
        return ended;
    }

private:
    using clock = std::chrono::steady_clock;
    using nanoseconds = std::chrono::nanoseconds;

    /// Items [begin, end), run by one thread in order.
    struct block {
        std::size_t begin;
        std::size_t end;
    };

    // Waking other threads costs about as much, even when they are not asleep.
    static constexpr auto cost_of_a_fork = std::chrono::microseconds(10);
    static constexpr auto tiny_ns = static_cast<double>(nanoseconds(cost_of_a_fork).count());

    static constexpr auto to_the_end = [](clock::duration) { return true; };

    /// Whether the whole run ends before another thread can help, by the cost that earlier runs of the same item
    /// function measured. The items of this run are not tried out: the first one may cost most, or wait for another.
    bool is_known_to_be_tiny() const noexcept
    {
        const double cost = std::abs(function_.cost().load(std::memory_order_relaxed));
        return cost > 0 && is_tiny(cost);
    }

    bool is_tiny(double item_ns) const noexcept { return item_ns * static_cast<double>(size_) < tiny_ns; }

    /// Several threads measure a far higher cost for a run of a few microseconds than one thread does, since the items
    /// move between caches. So such a run is tried on one thread now and then.
    bool is_worth_another_try_alone() const noexcept
    {
        const clock::duration took = clock::now() - forked_at_;
        return took < cost_of_a_fork && took.count() % 16 == 0;
    }

    /// Whether the sink shows nothing of a call that ends within microseconds: then it need not be reported.
    bool is_silent_when_tiny() const noexcept
    {
        const progress_bar* const bar = limits_.requested.progress.bar();
        return bar != nullptr ? bar->delay >= std::chrono::milliseconds(1) : !limits_.requested.progress;
    }

    void open_report() noexcept
    {
        report_.open(limits_.requested.progress, size_, limits_.workers);
        if (report_.on()) report_.slot(0)->end_block(completed_.load(std::memory_order_relaxed));
    }

    /// Runs items on this thread until all have run or a fork pays. The remembered cost may be wrong for these items,
    /// so the first block is a small part of them, and other threads can still make up for it.
    void begin_alone() noexcept
    {
        const std::size_t shares = 16 * static_cast<std::size_t>(limits_.workers);
        const std::size_t first = may_be_stopped() ? 1 : 1 + size_ / shares;
        // One block that took too long may have been interrupted; a second one was not.
        const auto go_on = [limit = clock::duration(cost_of_a_fork), again = true](clock::duration elapsed) mutable {
            if (elapsed < limit) return true;
            limit = elapsed + cost_of_a_fork;
            return std::exchange(again, false);
        };
        claim_and_run(0, block_sizer(grain(), 1, first), go_on);
    }

    bool may_be_stopped() const noexcept
    {
        return limits_.requested.stop.stop_possible() || limits_.deadline != clock::time_point::max();
    }

    std::size_t grain() const noexcept { return limits_.requested.grain_size; }

    void remember_cost() noexcept
    {
        const std::size_t items = cursor_.load(std::memory_order_relaxed);
        if (items == 0) return;
        double cost = static_cast<double>(busy_ns_.load(std::memory_order_relaxed)) / static_cast<double>(items);
        if (is_forked() && is_worth_another_try_alone()) cost = 0.5 * tiny_ns / static_cast<double>(size_);
        std::atomic<float>& memory = function_.cost();
        const double known = memory.load(std::memory_order_relaxed);
        const auto remember = [&](double ns) { memory.store(static_cast<float>(ns), std::memory_order_relaxed); };
        if (known > 0 && is_tiny(known) && !is_tiny(cost)) {
            // One such run may have been interrupted: the negative sign marks it until the next run confirms it.
            remember(-known);
        } else if (known < 0 || cost > 1.25 * known || cost < 0.8 * known) {
            // Not written when it is about right, so that calls on many threads share the cache line.
            remember(std::max(cost, 1e-3));
        }
    }

    template <class GoOn>
    void claim_and_run(int worker, block_sizer sizer, GoOn go_on) noexcept
    {
        const nanoseconds::rep known = item_ns_.load(std::memory_order_relaxed);
        if (known != 0) sizer.measured(1, nanoseconds(known));
        worker_slot* const slot = report_.slot(static_cast<std::size_t>(worker));
        trace_.begin();
        std::size_t completed = 0;
        const clock::time_point start = clock::now();
        clock::time_point now = start;
        while (const auto claimed = claim(sizer, now)) {
            const std::size_t items = claimed->end - claimed->begin;
            if (slot != nullptr) slot->begin_block(items);
            const std::size_t returned = run_block(*claimed);
            if (slot != nullptr) slot->end_block(returned);
            completed += returned;

            const clock::time_point before = now;
            now = clock::now();
            if (trace_.on()) trace_.record(claimed->begin, begun(items, returned), before, now);
            sizer.measured(items, now - before);
            if (item_ns_.load(std::memory_order_relaxed) == 0) learn(items, now - before);
            if (!go_on(now - start)) break;
        }
        add(completed_, completed);
        add(busy_ns_, nanoseconds(now - start).count());
    }

    /// How many items of a block began, when `returned` of them returned.
    std::size_t begun(std::size_t items, std::size_t returned) const noexcept
    {
        return policy_ == on_failure::stop && returned != items ? returned + 1 : items;
    }

    /// Workers that begin later size their first block by this cost.
    void learn(std::size_t items, nanoseconds took) noexcept
    {
        // On a clock that stands still nothing is known; a later worker would take a cost of next to nothing for
        // granted.
        if (took.count() <= 0) return;
        const auto each = took.count() / static_cast<nanoseconds::rep>(items);
        item_ns_.store(std::max<nanoseconds::rep>(each, 1), std::memory_order_relaxed);
    }

    /// Before a fork no other thread adds or claims, so no locked instruction is needed.
    template <class Number>
    void add(std::atomic<Number>& sum, Number more) noexcept
    {
        if (is_forked()) {
            sum.fetch_add(more, std::memory_order_relaxed);
        } else {
            sum.store(sum.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
        }
    }

    bool set_cursor(std::size_t& from, std::size_t to) noexcept
    {
        if (is_forked()) return cursor_.compare_exchange_weak(from, to, std::memory_order_relaxed);
        cursor_.store(to, std::memory_order_relaxed);
        return true;
    }

    bool is_forked() const noexcept { return forked_.load(std::memory_order_relaxed); }

    std::optional<block> claim(const block_sizer& sizer, clock::time_point now) noexcept
    {
        std::size_t begin = cursor_.load(std::memory_order_relaxed);
        while (may_claim(now)) {
            const std::size_t end = round_up(sizer.next(begin, size_), function_.quantum(), size_);
            if (set_cursor(begin, end)) return block{begin, end};
            if (begin == size_) break;
        }
        return std::nullopt;
    }

    bool is_all_claimed() const noexcept { return cursor_.load(std::memory_order_relaxed) == size_; }

    /// Whether items are left and may begin.
    bool may_claim(clock::time_point now) noexcept
    {
        if (!is_worth_joining()) return false;
        const stop_reason why = limits_.reason_to_stop(now);
        return why == stop_reason::none || halt(why);
    }

    bool halt(stop_reason reason) noexcept
    {
        const std::lock_guard lock(ending_);
        if (stopped_ == stop_reason::none) stopped_ = reason;
        halted_.store(true, std::memory_order_relaxed);
        return false;
    }

    /// Runs the items of a block and notes the failures. \return how many items returned
    std::size_t run_block(block rest) noexcept
    {
        std::size_t returned = 0;
        while (rest.begin != rest.end) {
            block_result ran = function_(rest.begin, rest.end);
            returned += ran.returned;
            if (ran.error == nullptr) break;
            const std::size_t index = rest.begin + ran.returned;
            rest.begin = policy_ == on_failure::stop ? rest.end : index + 1;
            note({index, rest.begin, std::move(ran.error)});
        }
        return returned;
    }

    void note(block_failure failure) noexcept
    {
        const std::lock_guard lock(ending_);
        if (policy_ == on_failure::stop) halted_.store(true, std::memory_order_relaxed);
        try {
            failures_.push_back(std::move(failure));
        } catch (...) {
            unnoted_ = std::current_exception();
            halted_.store(true, std::memory_order_relaxed);
        }
    }

    static progress_phase phase_of(const run_result& result) noexcept
    {
        if (result.stopped != stop_reason::none) return progress_phase::cancelled;
        if (result.completed != result.size) return progress_phase::failed;
        return progress_phase::finished;
    }

    run_result result()
    {
        if (unnoted_ != nullptr) std::rethrow_exception(unnoted_);
        std::ranges::sort(failures_, {}, &block_failure::index);
        run_result result{.size = size_,
                          .claimed = cursor_.load(std::memory_order_relaxed),
                          .completed = completed_.load(std::memory_order_relaxed),
                          .failures = std::move(failures_)};
        const bool failed = policy_ == on_failure::stop && !result.failures.empty();
        if (result.claimed != size_ && !failed) {
            // This run was not stopped, so the task group around the call was cancelled.
            result.stopped = stopped_ == stop_reason::none ? stop_reason::stop_requested : stopped_;
        }
        return result;
    }

    const std::size_t size_;
    const block_function function_;
    const run_limits& limits_;
    const on_failure policy_;
    const traced_run trace_;
    trace_span call_;
    progress_report report_;  // off while the run may be tiny
    int sharers_{1};          // of the cursor
    clock::time_point forked_at_;

    // Every worker writes it at every claim, so it has a cache line of its own.
    alignas(128) std::atomic<std::size_t> cursor_{0};
    alignas(128) std::atomic<bool> halted_{false};
    std::atomic<bool> forked_{false};
    std::atomic<nanoseconds::rep> item_ns_{0};  // cost of an item, as first measured; 0 before
    std::atomic<std::size_t> completed_{0};
    std::atomic<nanoseconds::rep> busy_ns_{0};  // on all threads together

    std::mutex ending_;  // guards what follows
    stop_reason stopped_{stop_reason::none};
    std::vector<block_failure> failures_;
    std::exception_ptr unnoted_;  // why a failure could not be added to failures_
};

}  // namespace parmap::inline v0_2::detail
