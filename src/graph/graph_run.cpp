// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <parmap/errors.hpp>

#include "engine/block_run.hpp"
#include "graph/lock_backoff.hpp"
#include "progress/report.hpp"
#include "scheduler/scheduler.hpp"
#include "system/sanitizers.hpp"
#include "trace/recorder.hpp"

namespace parmap::inline v0_2::detail {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto none = static_cast<std::size_t>(-1);

/// Steps that may begin, the one that was added first on top. Most become ready in the order of addition; these are in
/// a list, since a heap of many steps takes 3 % of a step of 1 us.
class ready_steps {
public:
    /// \param most  each of so many steps may be pushed once, without further memory
    explicit ready_steps(std::size_t most) : end_(most), memory_(std::make_unique_for_overwrite<std::size_t[]>(most)) {}

    void push(std::size_t index) noexcept
    {
        if (list_begin_ == list_end_) list_begin_ = list_end_ = 0;
        if (list_end_ == 0 || memory_[list_end_ - 1] < index) {
            memory_[list_end_++] = index;
        } else {
            heap()[heap_size_++] = index;
            std::push_heap(heap(), heap() + heap_size_, std::greater());
        }
    }

    /// \return `none`, which is above all others, when there is none
    std::size_t top() const noexcept { return std::min(top_of_list(), heap_size_ == 0 ? none : memory_[end_ - 1]); }

    void pop() noexcept
    {
        if (top() == top_of_list()) {
            ++list_begin_;
        } else {
            std::pop_heap(heap(), heap() + heap_size_--, std::greater());
        }
    }

private:
    std::size_t top_of_list() const noexcept { return list_begin_ == list_end_ ? none : memory_[list_begin_]; }
    std::reverse_iterator<std::size_t*> heap() noexcept { return std::reverse_iterator(memory_.get() + end_); }

    std::size_t end_;
    std::unique_ptr<std::size_t[]> memory_;  // the list from the front, the heap from the back
    std::size_t list_begin_{0};
    std::size_t list_end_{0};
    std::ptrdiff_t heap_size_{0};
};

/// The options of a map among the steps. Its bar looks like the graph's and is removed when the map ends; a function
/// gets the progress of the graph only.
options options_of(const step& map, const options& graph)
{
    options own = graph;
    own.progress = {};
    if (const progress_bar* const bar = graph.progress.bar()) {
        progress_bar inner = *bar;
        inner.label = map.name();
        inner.unit = progress_bar().unit;
        inner.leave = false;
        own.progress = inner;
    }
    return own;
}

/// A map among the steps, while its items run.
struct running_map {
    running_map(step& owner, const step_items& items, const run_limits& graph)
        : map(owner),
          requested(options_of(owner, graph.requested)),
          limits(requested, graph),
          run(items.size, items.block, limits, on_failure::stop, owner.name())
    {
    }

    step& map;
    int workers{0};  // that run its items
    const options requested;
    const run_limits limits;
    block_run run;
};

using running_maps = std::list<running_map>;

/// Workers join and leave. Each runs the first ready function; else it runs items of an open map; else it opens the
/// next map; else it leaves. A worker that takes something while more is ready adds another worker. A worker that runs
/// a map's items checks after each block whether a function is ready: only one thread can run a function.
class graph_run final : public scheduler::group_job {
public:
    graph_run(step_table& table, const run_limits& limits)
        : table_(table),
          limits_(limits),
          unread_(size()),
          missing_(size()),
          functions_(size() - table.maps),
          maps_(table.maps),
          end_(size())
    {
        table_.find_readers();
        if (table.fresh) {
            for (std::size_t i = 0; i < size(); ++i) {
                missing_[i] = table.inputs[i].size();
                unread_[i].store(table.readers[i].size(), std::memory_order_relaxed);
            }
        } else {
            continue_last_run();
        }
        table.fresh = false;
        for (std::size_t i = 0; i < size(); ++i) {
            if (missing_[i] == 0) add_ready(at(i));
        }
    }

    void run()
    {
        report_.open(limits_.requested.progress, size(), limits_.workers, progress_of::steps);
        if (worker_slot* const slot = report_.slot(0)) slot->end_block(done_);
        if (limits_.workers == 1 || !work_together()) work(0);
        finish();
    }

    /// Called on the caller's thread and on each thread that joins.
    void work(int number) noexcept override
    {
        const thread_order::worker_scope scope(order_);
        worker self = make_worker(number);
        while (may_begin_steps(self.now)) {
            if (step* const function = take_function()) {
                run_function(*function, self);
            } else if (const auto open = map_to_help(); open != running_.end()) {
                help(open, self);
            } else if (step* const map = take(maps_)) {
                open_map(*map, self);
            } else {
                break;
            }
        }
        --workers_;
        self.lock.unlock();
        release_inputs(self);
    }

private:
    /// A thread that works on the graph. It holds the lock, except while it runs the user's code.
    struct worker {
        std::unique_lock<std::mutex> lock;
        int number;
        worker_slot* slot;           // null without a report
        clock::time_point now;       // when it ended what it ran last
        const step* ended{nullptr};  // its inputs are not released yet
    };

    worker make_worker(int number) noexcept
    {
        return {std::unique_lock(mutex_), number, report_.slot(static_cast<std::size_t>(number)), clock::now()};
    }

    std::size_t size() const noexcept { return table_.steps.size(); }
    step& at(std::size_t index) const noexcept { return *table_.steps[index]; }

    void continue_last_run()
    {
        std::vector<bool> done(size());
        for (std::size_t i = 0; i < size(); ++i) {
            done[i] = at(i).is_done();
            if (done[i]) {
                ++done_;
                missing_[i] = none;
                continue;
            }
            for (const std::size_t input : table_.inputs[i]) {
                ++unread_[input];
                if (!done[input]) {
                    ++missing_[i];
                } else if (!at(input).has_result()) {
                    throw std::logic_error(
                        fmt::format("parmap: {} reads the result of {}, which was taken: reset() has it computed again",
                                    at(i).called(), at(input).called()));
                }
            }
        }
        for (std::size_t i = 0; i < size(); ++i) {
            if (!done[i]) at(i).set_state(step_state::waiting);
        }
    }

    bool work_together()
    {
        scheduler::thread_group group(limits_.workers);
        if (group.width() == 1) return false;
        group_ = &group;
        order_.before_workers();
        bool worked = true;
        try {
            group.run(*this);
        } catch (...) {
            worked = false;  // without the memory or the threads for a group, the caller runs all steps
        }
        order_.after_workers();
        group_ = nullptr;
        return worked;
    }

    /// Calls `function` so that the thread takes up nothing else of the graph while it waits inside.
    template <class Function>
    void isolated(const Function& function) noexcept
    {
        group_ == nullptr ? function() : scheduler::isolated(function);
    }

    /// Whether the task group around the call was cancelled. A run with one worker does not ask oneTBB.
    bool is_cancelled() const noexcept { return group_ != nullptr && scheduler::cancelled(); }

    /// Lets other workers in before the user's code runs. A worker that is alone keeps the lock, which saves 1 % of a
    /// step of 1 us.
    void unlock(worker& self) noexcept
    {
        if (workers_ != 1) self.lock.unlock();
        release_inputs(self);
    }

    /// Destroys results that all their readers have read, which may take long.
    void release_inputs(worker& self) noexcept
    {
        if (self.ended == nullptr) return;
        const std::size_t ended = std::exchange(self.ended, nullptr)->index();
        for (const std::size_t input : table_.inputs[ended]) {
            if (--unread_[input] == 0) at(input).remove_graph_reference();
        }
        if (table_.readers[ended].empty()) at(ended).remove_graph_reference();
    }

    static void relock(worker& self) noexcept
    {
        if (!self.lock.owns_lock()) detail::lock_with_backoff(self.lock);
    }

    // These are called with the lock held.

    bool may_begin_steps(clock::time_point now) noexcept
    {
        if (stopped_ != stop_reason::none) return false;
        stopped_ = limits_.reason_to_stop(now);
        if (stopped_ == stop_reason::none && is_cancelled()) stopped_ = stop_reason::stop_requested;
        if (stopped_ != stop_reason::none) end_before(0);
        return stopped_ == stop_reason::none;
    }

    /// Begins no step from `first` on, and stops the open maps among them.
    void end_before(std::size_t first) noexcept
    {
        end_ = std::min(end_, first);
        for (running_map& open : running_) {
            if (open.map.index() >= end_) open.run.halt();
        }
        update_function_is_ready();
    }

    void add_ready(const step& s) noexcept { (s.is_map() ? maps_ : functions_).push(s.index()); }

    bool has_step(const ready_steps& ready) const noexcept { return ready.top() < end_; }

    step* take(ready_steps& ready) noexcept
    {
        if (!has_step(ready)) return nullptr;
        step& first = at(ready.top());
        ready.pop();
        return &first;
    }

    step* take_function() noexcept
    {
        // One worker keeps to the order of addition.
        if (group_ == nullptr && maps_.top() < functions_.top()) return nullptr;
        step* const function = take(functions_);
        update_function_is_ready();
        return function;
    }

    running_maps::iterator map_to_help() noexcept
    {
        return std::ranges::find_if(running_, [](const running_map& open) { return open.run.is_worth_joining(); });
    }

    void update_function_is_ready() noexcept
    {
        function_is_ready_.store(has_step(functions_), std::memory_order_relaxed);
    }

    void add_worker_if_useful(worker& self) noexcept
    {
        if (group_ == nullptr || workers_ == group_->width()) return;
        if (!has_step(functions_) && !has_step(maps_) && map_to_help() == running_.end()) return;
        ++workers_;
        self.lock.unlock();
        bool added = true;
        try {
            group_->add_thread();
        } catch (...) {
            added = false;
        }
        self.lock.lock();
        if (!added) --workers_;
    }

    // These are called with the lock held; others may take it while the user's code runs.

    void run_function(step& function, worker& self) noexcept
    {
        add_worker_if_useful(self);
        unlock(self);
        begin(function, self);
        std::exception_ptr error;
        trace_span span(limits_.requested.trace, trace_category::step, function.name());
        isolated([&] {
            try {
                function.begin(limits_);
            } catch (...) {
                error = std::current_exception();
            }
        });
        span.end(error == nullptr ? 1 : 0);
        const step_state state = error == nullptr ? step_state::done : step_state::failed;
        end(function, state, std::move(error), self);
    }

    /// Opens a map, whose items all workers run then. With one worker, runs it.
    void open_map(step& map, worker& self) noexcept
    {
        unlock(self);
        begin(map, self);
        running_maps opened;
        std::exception_ptr error;
        bool has_items = false;
        isolated([&] {
            try {
                const step_items items = *map.begin(limits_);
                map.record().items = items.size;
                opened.emplace_back(map, items, limits_);
                has_items = opened.front().run.begin();
            } catch (...) {
                error = std::current_exception();
            }
        });
        if (error != nullptr) {
            end(map, step_state::failed, std::move(error), self);
            return;
        }
        if (has_items && group_ == nullptr) {
            opened.front().run.run_serially();
            has_items = false;
        }
        if (has_items) {
            if (self.slot != nullptr) self.slot->end_block(0);
            opened.front().run.share(group_->width());
            self.now = clock::now();
        }
        relock(self);
        running_.splice(running_.end(), opened);
        if (!has_items) {
            end_map(std::prev(running_.end()), self);
        } else if (map.index() >= end_) {
            running_.back().run.halt();
        }
    }

    void help(running_maps::iterator open, worker& self) noexcept
    {
        ++open->workers;
        add_worker_if_useful(self);
        unlock(self);
        if (self.slot != nullptr) self.slot->begin_block(1);
        isolated([&] {
            open->run.work(self.number, [this] {
                return !function_is_ready_.load(std::memory_order_relaxed) && !scheduler::cancelled();
            });
        });
        if (self.slot != nullptr) self.slot->end_block(0);
        self.now = clock::now();
        relock(self);
        if (--open->workers == 0 && !open->run.is_worth_joining()) end_map(open, self);
    }

    /// Makes the result of a map that no worker runs any more.
    void end_map(running_maps::iterator open, worker& self) noexcept
    {
        running_maps ended;
        ended.splice(ended.end(), running_, open);
        unlock(self);
        step& map = open->map;
        step_state state = step_state::done;
        std::exception_ptr error;
        isolated([&] {
            try {
                run_result ran = open->run.end();
                if (ran.stopped != stop_reason::none) state = step_state::skipped;
                map.finish(std::move(ran));
            } catch (...) {
                if (state != step_state::skipped) {
                    state = step_state::failed;
                    error = std::current_exception();
                }
            }
        });
        end(map, state, std::move(error), self);
    }

    // These are called without the lock, unless the worker is alone.

    static void begin(step& s, worker& self) noexcept
    {
        if (self.slot != nullptr) self.slot->begin_block(1);
        s.set_state(step_state::running);
        s.record().began = self.now;
        s.record().items.reset();
    }

    /// Notes how a step ended and which steps are ready now. Takes the lock.
    void end(step& s, step_state state, std::exception_ptr error, worker& self) noexcept
    {
        self.now = clock::now();
        if (state == step_state::failed && is_of_the_stop(error, self.now)) {
            state = step_state::skipped;
            error = nullptr;
        }
        s.record().took = self.now - s.record().began;
        s.record().error = std::move(error);
        if (self.slot != nullptr) self.slot->end_block(state == step_state::done ? 1 : 0);
        relock(self);
        s.set_state(state);
        if (state == step_state::done) {
            ++done_;
            self.ended = &s;
            for (const std::size_t reader : table_.readers[s.index()]) {
                if (--missing_[reader] == 0) add_ready(at(reader));
            }
            update_function_is_ready();
        } else if (state == step_state::failed) {
            first_failure_ = std::min(first_failure_, s.index());
            end_before(s.index());
        }
    }

    /// Whether the error only says that a call inside a step was stopped together with the run.
    bool is_of_the_stop(const std::exception_ptr& error, clock::time_point now) const noexcept
    {
        if (limits_.reason_to_stop(now) == stop_reason::none && !is_cancelled()) return false;
        try {
            std::rethrow_exception(error);
        } catch (const cancelled&) {
            return true;
        } catch (...) {
            return false;
        }
    }

    /// Ends the run, after all workers have left.
    void finish()
    {
        end_stopped_maps();
        call_.end(done_);
        if (done_ == size()) {
            report_.finish(progress_phase::finished);
            return;
        }
        for (const auto& s : table_.steps) {
            if (s->state() == step_state::waiting) s->set_state(step_state::skipped);
        }
        if (first_failure_ != none) {
            report_.finish(progress_phase::failed);
            std::rethrow_exception(at(first_failure_).record().error);
        }
        report_.finish(progress_phase::cancelled);
        // Without a reason of this run, the task group around the call was cancelled.
        throw cancelled(stopped_ == stop_reason::none ? stop_reason::stop_requested : stopped_, done_, size(), "steps");
    }

    /// Ends the maps that were stopped while no worker ran them.
    void end_stopped_maps() noexcept
    {
        worker self = make_worker(0);
        while (!running_.empty()) {
            running_.front().run.halt();
            end_map(running_.begin(), self);
        }
        unlock(self);
    }

    step_table& table_;
    const run_limits& limits_;
    const traced_run trace_{limits_.requested, "graph"};
    trace_span call_{trace_.call()};
    progress_report report_;
    scheduler::thread_group* group_{nullptr};  // null for one worker
    thread_order order_;

    std::atomic<bool> function_is_ready_{false};
    std::vector<std::atomic<std::size_t>> unread_;  // of each step, readers that have not released it

    std::mutex mutex_;                  // guards what follows
    std::vector<std::size_t> missing_;  // of each step, inputs that are not done
    ready_steps functions_;
    ready_steps maps_;
    running_maps running_;
    int workers_{1};   // that work or were added
    std::size_t end_;  // steps from here on do not begin
    std::size_t first_failure_{none};
    std::size_t done_{0};
    stop_reason stopped_{stop_reason::none};
};

}  // namespace

void run_steps(step_table& table, const run_limits& limits)
{
    graph_run(table, limits).run();
}

}  // namespace parmap::inline v0_2::detail
