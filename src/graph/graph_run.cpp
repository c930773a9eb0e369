// SPDX-License-Identifier: Apache-2.0
#include "graph/graph_run.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <parmap/errors.hpp>

#include "engine/block_run.hpp"
#include "graph/lock_backoff.hpp"
#include "graph/quick_clock.hpp"
#include "progress/report.hpp"
#include "scheduler/scheduler.hpp"
#include "system/sanitizers.hpp"
#include "trace/recorder.hpp"

namespace parmap::inline v0_2::detail {

namespace {

constexpr auto none = static_cast<std::size_t>(-1);

/// Steps that may begin, the one that was added first before the others. A bit for each step, and above each word of
/// bits a bit that says whether any of them is set, up to a single word: with a heap, each of many ready steps costs
/// twice as much.
class ready_steps {
public:
    explicit ready_steps(std::size_t most)
    {
        do {
            most = std::max<std::size_t>((most + bits - 1) / bits, 1);
            levels_.emplace_back(most);
        } while (most != 1);
    }

    void push(std::size_t index) noexcept
    {
        // Most often it is the only one, and then takes part in nothing below.
        if (first_ == none) {
            first_ = index;
            return;
        }
        index = std::max(index, std::exchange(first_, std::min(index, first_)));
        for (auto& level : levels_) {
            std::uint64_t& word = level[index / bits];
            const bool was_known = word != 0;
            word |= bit(index);
            if (was_known) return;
            index /= bits;
        }
    }

    std::size_t pop() noexcept { return std::exchange(first_, has_one() ? none : pop_later()); }

    /// The one that pop() gives; `none` where there is none, more than any.
    std::size_t first() const noexcept { return first_; }

    bool empty() const noexcept { return first_ == none; }

    /// Not more than one.
    bool has_one() const noexcept { return levels_.back().front() == 0; }

private:
    static constexpr std::size_t bits = 64;

    static std::uint64_t bit(std::size_t index) noexcept { return std::uint64_t{1} << index % bits; }

    /// The first of those after first_, of which there are some.
    std::size_t pop_later() noexcept
    {
        std::size_t index = 0;
        for (const std::vector<std::uint64_t>& level : std::views::reverse(levels_)) {
            index = index * bits + static_cast<std::size_t>(std::countr_zero(level[index]));
        }
        std::size_t place = index;
        for (auto& level : levels_) {
            std::uint64_t& word = level[place / bits];
            word &= ~bit(place);
            if (word != 0) break;
            place /= bits;
        }
        return index;
    }

    std::vector<std::vector<std::uint64_t>> levels_;  // the steps first
    std::size_t first_{none};
};

/// The bar of a map among the steps: as that of the graph, and gone when the map is. A function is told of steps.
progress_sink sink_of(const step& map, const progress_sink& graph)
{
    const progress_bar* const bar = graph.bar();
    if (bar == nullptr) return {};
    progress_bar own = *bar;
    own.label = map.name();
    own.unit = progress_bar().unit;
    own.leave = false;
    return own;
}

/// A map among the steps, while its items run.
struct running_map {
    running_map(step& owner, const step_items& items, const run_limits& whole)
        : of(owner),
          requested{.progress = sink_of(owner, whole.requested.progress),
                    .stop = whole.requested.stop,
                    .grain_size = whole.requested.grain_size,
                    .trace = whole.requested.trace},
          limits(requested, whole),
          run(items.size, items.block, limits, on_failure::stop, owner.name())
    {
    }

    step& of;
    int hands{0};  // threads that help with it
    const options requested;
    const run_limits limits;
    block_run run;
};

using one_map = std::list<running_map>;  // as an element that moves between lists without memory

/// Threads come and go. Each takes the function among the ready steps that was added first, with which nobody can
/// help; else it helps a map that runs; else it begins the next map; else it leaves. Who takes something up and sees
/// that there is more calls another thread, and who helps a map looks after each block whether a function is ready.
class graph_run final : public scheduler::group_job {
public:
    graph_run(step_table& table, const run_limits& limits)
        : table_(table),
          limits_(limits),
          missing_(size()),
          unread_(size()),
          functions_(size()),
          maps_(size()),
          end_(size())
    {
        table_.find_readers();
        if (table.fresh) {
            for (std::size_t i = 0; i < size(); ++i) {
                missing_[i] = table.inputs_of(i).size();
                unread_[i] = table.readers_of(i).size();
            }
        } else {
            go_on_from_the_last_run();
        }
        table.fresh = false;
        for (std::size_t i = 0; i < size(); ++i) {
            if (missing_[i] == 0) ready(at(i));
        }
    }

    void run()
    {
        report_.open(limits_.requested.progress, size(), limits_.workers, progress_of::steps);
        if (worker_slot* const slot = report_.slot(0)) slot->end_block(done_);
        if (limits_.workers == 1 || !work_together()) work(0);
        finish();
    }

    /// Of a thread that came, and of the caller.
    void work(int thread) noexcept override
    {
        const thread_order::worker_scope scope(order_);
        take_part(thread);
    }

private:
    /// A thread at work. It holds the lock, except where it runs something beside others.
    struct hand {
        std::unique_lock<std::mutex> lock;
        int thread;
        worker_slot* slot;       // null without a report
        quick_clock clock{};     // read at the end of what it ran last
        std::size_t read{none};  // steps that nobody is to read any more: the first of a list in unread_
    };

    void take_part(int thread) noexcept
    {
        hand self{std::unique_lock(mutex_), thread, report_.slot(static_cast<std::size_t>(thread))};
        while (may_go_on(self.clock.last())) {
            if (step* const function = take_function()) {
                run_functions(function, self);
            } else if (running_map* const running = map_to_help()) {
                help(*running, self);
            } else if (step* const map = take_map()) {
                open_map(*map, self);
            } else {
                break;
            }
        }
        --hands_;
        self.lock.unlock();
        let_go_of_what_was_read(self);
    }

    std::size_t size() const noexcept { return table_.steps.size(); }
    step& at(std::size_t index) const noexcept { return *table_.steps[index]; }

    void go_on_from_the_last_run()
    {
        std::vector<bool> done(size());
        for (std::size_t i = 0; i < size(); ++i) {
            done[i] = at(i).is_done();
            if (done[i]) {
                ++done_;
                missing_[i] = none;
                continue;
            }
            for (const std::size_t input : table_.inputs_of(i)) {
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

    /// A thread that is alone keeps the lock, which nobody is there to take.
    void leave_lock(hand& self) noexcept
    {
        if (hands_ != 1) self.lock.unlock();
        let_go_of_what_was_read(self);
    }

    static void take_lock(hand& self) noexcept
    {
        if (!self.lock.owns_lock()) lock_with_backoff(self.lock);
    }

    /// Destroys results, as that may take long, where no other thread waits.
    void let_go_of_what_was_read(hand& self) noexcept
    {
        while (self.read != none) {
            step& s = at(self.read);
            self.read = unread_[self.read];
            s.all_have_read();
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
            worked = false;  // without the memory or the threads for a group, the caller does it all
        }
        order_.after_workers();
        group_ = nullptr;
        return worked;
    }

    /// Calls `function` so that where it waits, the thread takes up nothing else of the graph.
    template <class Function>
    void apart(const Function& function) noexcept
    {
        group_ == nullptr ? function() : scheduler::isolated(function);
    }

    /// Whether the task group around the call was cancelled, as far as oneTBB is asked at all.
    bool is_cancelled() const noexcept { return group_ != nullptr && scheduler::cancelled(); }

    // What there is to do: called with the lock held.

    bool may_go_on(quick_clock::time_point now) noexcept
    {
        if (stopped_ != stop_reason::none) return false;
        stop_reason why = limits_.reason_to_stop(now);
        if (why == stop_reason::none && now >= looks_again_) {
            if (is_cancelled()) why = stop_reason::stop_requested;
            looks_again_ = now + between_looks;
        }
        return why == stop_reason::none || stop(why);
    }

    bool stop(stop_reason reason) noexcept
    {
        stopped_ = reason;
        end_begun(0);
        return false;
    }

    /// Steps from `first` on are begun no more, and maps among them end.
    void end_begun(std::size_t first) noexcept
    {
        end_ = std::min(end_, first);
        for (running_map& map : running_) {
            if (map.of.index() >= end_) map.run.halt();
        }
        look_for_functions();
    }

    void ready(const step& s) noexcept { (s.is_map() ? maps_ : functions_).push(s.index()); }

    step* take_function() noexcept
    {
        if (functions_.first() >= end_) return nullptr;
        // One worker keeps to the order of addition.
        if (group_ == nullptr && maps_.first() < functions_.first()) return nullptr;
        step* const function = &at(functions_.pop());
        look_for_functions();
        return function;
    }

    /// The function that is ready, if there is nothing else to do.
    step* take_only_function() noexcept
    {
        const bool is_only = functions_.has_one() && maps_.empty() && running_.empty();
        return is_only ? take_function() : nullptr;
    }

    step* take_map() noexcept { return maps_.first() < end_ ? &at(maps_.pop()) : nullptr; }

    running_map* map_to_help() noexcept
    {
        const auto found =
            std::ranges::find_if(running_, [](const running_map& map) { return map.run.is_worth_joining(); });
        return found == running_.end() ? nullptr : &*found;
    }

    void look_for_functions() noexcept { function_waits_.store(functions_.first() < end_, std::memory_order_relaxed); }

    void call_another(hand& self) noexcept
    {
        if (group_ == nullptr || hands_ == group_->width()) return;
        if (functions_.first() >= end_ && map_to_help() == nullptr && maps_.first() >= end_) return;
        ++hands_;
        self.lock.unlock();
        bool called = true;
        try {
            group_->add_thread();
        } catch (...) {
            called = false;
        }
        self.lock.lock();
        if (!called) --hands_;
    }

    // What is done: called with the lock held, which they release meanwhile.

    /// Runs a function, and the next one as long as that is all there is to do: of a chain.
    void run_functions(step* function, hand& self) noexcept
    {
        call_another(self);
        apart([&] {
            do {
                leave_lock(self);
                note_begin(*function, self);
                trace_span span(limits_.requested.trace, trace_category::step, function->name());
                std::exception_ptr error;
                try {
                    function->begin(limits_);
                } catch (...) {
                    error = std::current_exception();
                }
                span.end(error == nullptr ? 1 : 0);
                const step_state state = error == nullptr ? step_state::done : step_state::failed;
                end(*function, state, std::move(error), self);
            } while (may_go_on(self.clock.last()) && (function = take_only_function()) != nullptr);
        });
    }

    /// Opens a map for all to help with: they are called then, and not to open the next meanwhile.
    void open_map(step& s, hand& self) noexcept
    {
        leave_lock(self);
        note_begin(s, self);
        one_map map;
        std::exception_ptr error;
        bool go_on = false;
        apart([&] {
            try {
                const step_items items = *s.begin(limits_);
                s.record().items = items.size;
                map.emplace_back(s, items, limits_);
                go_on = map.front().run.begin();
            } catch (...) {
                error = std::current_exception();
            }
        });
        if (error != nullptr) {
            end(s, step_state::failed, std::move(error), self);
        } else if (go_on && group_ != nullptr) {
            if (self.slot != nullptr) self.slot->end_block(0);
            map.front().run.share(group_->width());
            self.clock.now();
            take_lock(self);
            if (s.index() >= end_) map.front().run.halt();
            running_.splice(running_.end(), map);
        } else {
            if (go_on) map.front().run.run_serially();
            end(std::move(map), self);
        }
    }

    static void note_begin(step& s, hand& self) noexcept
    {
        if (self.slot != nullptr) self.slot->begin_block(1);
        s.set_state(step_state::running);
        s.record().began = self.clock.last();
        s.record().items.reset();
    }

    void help(running_map& map, hand& self) noexcept
    {
        ++map.hands;
        call_another(self);
        leave_lock(self);
        if (self.slot != nullptr) self.slot->begin_block(1);
        apart([&] {
            map.run.work(self.thread, [this] {
                return !function_waits_.load(std::memory_order_relaxed) && !scheduler::cancelled();
            });
        });
        if (self.slot != nullptr) self.slot->end_block(0);
        self.clock.now();
        take_lock(self);
        if (--map.hands != 0 || map.run.is_worth_joining()) return;
        one_map over = take_out(map);
        leave_lock(self);
        end(std::move(over), self);
    }

    // What has been done: called without the lock, which they take.

    /// Makes the result of a map that nobody works on any more.
    void end(one_map over, hand& self) noexcept
    {
        step_state state = step_state::done;
        std::exception_ptr error;
        running_map& map = over.front();
        apart([&] {
            try {
                run_result ran = map.run.end();
                if (ran.stopped != stop_reason::none) state = step_state::skipped;
                map.of.finish(std::move(ran));
            } catch (...) {
                if (state != step_state::skipped) {
                    state = step_state::failed;
                    error = std::current_exception();
                }
            }
        });
        end(map.of, state, std::move(error), self);
    }

    /// Notes what became of a step, and what may begin now.
    void end(step& s, step_state state, std::exception_ptr error, hand& self) noexcept
    {
        if (state == step_state::failed && is_of_the_stop(error)) {
            state = step_state::skipped;
            error = nullptr;
        }
        s.record().took = self.clock.now() - s.record().began;
        s.record().error = std::move(error);
        if (self.slot != nullptr) self.slot->end_block(state == step_state::done ? 1 : 0);
        take_lock(self);
        s.set_state(state);
        if (state == step_state::done) {
            ++done_;
            for (const std::size_t input : table_.inputs_of(s.index())) note_read(input, self);
            if (unread_[s.index()] == 0) note_read(s.index(), self);
            for (const std::size_t reader : table_.readers_of(s.index())) {
                if (--missing_[reader] == 0) ready(at(reader));
            }
            look_for_functions();
        } else if (state == step_state::failed) {
            first_failure_ = std::min(first_failure_, s.index());
            end_begun(s.index());
        }
    }

    /// A step less reads this one, if any did.
    void note_read(std::size_t index, hand& self) noexcept
    {
        if (unread_[index] > 1) {
            --unread_[index];
        } else {
            unread_[index] = std::exchange(self.read, index);
        }
    }

    /// Whether an error says no more than that a call inside a step was stopped together with the run.
    bool is_of_the_stop(const std::exception_ptr& error) const noexcept
    {
        if (limits_.reason_to_stop(std::chrono::steady_clock::now()) == stop_reason::none && !is_cancelled())
            return false;
        try {
            std::rethrow_exception(error);
        } catch (const cancelled&) {
            return true;
        } catch (...) {
            return false;
        }
    }

    one_map take_out(const running_map& map) noexcept
    {
        one_map out;
        out.splice(out.end(), running_,
                   std::ranges::find_if(running_, [&](const running_map& m) { return &m == &map; }));
        return out;
    }

    // When all threads have left.

    /// How the run ends, for the caller.
    void finish()
    {
        end_what_was_stopped();
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
        // Nobody here stopped it: then the task group around the call was cancelled.
        throw cancelled(stopped_ == stop_reason::none ? stop_reason::stop_requested : stopped_, done_, size(), "steps");
    }

    /// Maps that were stopped while nobody helped.
    void end_what_was_stopped() noexcept
    {
        hand self{std::unique_lock(mutex_), 0, report_.slot(0)};
        while (!running_.empty()) {
            one_map over = take_out(running_.front());
            over.front().run.halt();
            leave_lock(self);
            end(std::move(over), self);
        }
        let_go_of_what_was_read(self);
    }

    step_table& table_;
    const run_limits& limits_;
    const traced_run trace_{limits_.requested, "graph"};
    trace_span call_{trace_.call()};
    progress_report report_;
    scheduler::thread_group* group_{nullptr};  // null for one worker
    thread_order order_;

    // As long as an empty step takes, asking oneTBB would be a tenth of it.
    static constexpr auto between_looks = std::chrono::microseconds(10);

    std::atomic<bool> function_waits_{false};  // to be begun

    std::mutex mutex_;                  // guards what follows
    std::vector<std::size_t> missing_;  // of each step, inputs that are not done
    std::vector<std::size_t> unread_;   // of each step, readers that are not done; or a link of hand::read
    ready_steps functions_;
    ready_steps maps_;
    std::list<running_map> running_;
    int hands_{1};     // threads that work or were called
    std::size_t end_;  // steps from here on are begun no more
    std::size_t first_failure_{none};
    std::size_t done_{0};
    stop_reason stopped_{stop_reason::none};
    quick_clock::time_point looks_again_{
        quick_clock::time_point::min()};  // whether the task group around the call is cancelled
};

}  // namespace

void run_steps(step_table& table, const run_limits& limits)
{
    graph_run(table, limits).run();
}

}  // namespace parmap::inline v0_2::detail
