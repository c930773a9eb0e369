// SPDX-License-Identifier: Apache-2.0
// The engine of streams. Names no oneTBB.
//
// An item is read into a slot, claimed, run and consumed. Four counters, which only grow, say how many items were; two
// rings say in which slots the items are. The consumer runs the item that it waits for, and any light item. While it
// waits for heavy items, another thread replaces it. docs/design/streams-wakeup.md shows why no wake-up is lost.
#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <vector>

#include <parmap/detail/engine.hpp>
#include <parmap/detail/stream_engine.hpp>
#include <parmap/errors.hpp>

#include "progress/report.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/worker_pool.hpp"
#include "trace/recorder.hpp"

namespace parmap::inline v0_2::detail {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

}  // namespace

/// The cost of an item: a mean of the last few.
class running_cost {
public:
    explicit running_cost(std::atomic<float>& ns) : ns_(ns) {}

    /// In nanoseconds; 0 before the first was measured.
    float ns() const noexcept { return ns_.load(std::memory_order_relaxed); }

    void measured(clock::duration took) noexcept
    {
        const float known = ns();
        const auto latest = static_cast<float>(std::max<clock::rep>(took.count(), 1));
        // An item that was interrupted counts for at most eight.
        const float bounded = std::min(latest, 8 * std::max(known, 1'000.0F));
        ns_.store(known == 0 ? latest : known + (bounded - known) / 4, std::memory_order_relaxed);
    }

private:
    std::atomic<float>& ns_;
};

class stream_engine::impl final : public worker_pool::job {
public:
    impl(stream_job& typed, stream_plan plan)
        : typed_(typed),
          plan_(std::move(plan)),
          limits_(plan_.requested),
          limit_(in_flight(plan_, limits_.workers)),
          workers_(static_cast<int>(std::min(static_cast<std::size_t>(limits_.workers), limit_))),
          mask_(std::bit_ceil(limit_) - 1),
          cost_(*plan_.cost),
          trace_(plan_.requested, "stream"),
          slot_of_(mask_ + 1),
          result_at_(mask_ + 1)
    {
        errors_.resize(slots());
        for (std::size_t i = 0; i < slot_of_.size(); ++i) slot_of_[i].store(i, std::memory_order_relaxed);
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl() override { finish(progress_phase::cancelled); }

    std::size_t slots() const noexcept { return mask_ + 1; }

    std::optional<std::size_t> next()
    {
        if (is_over_) return std::nullopt;
        if (!std::exchange(has_begun_, true)) begin();
        if (pool_ && !scheduler::usable()) {
            throw std::logic_error("parmap: a stream that was begun before a fork cannot go on in the child");
        }
        give_back();
        while (true) {
            if (const stop_reason why = asked_to_stop(); why != stop_reason::none) stop(why);
            call_workers();
            if (const auto slot = ready()) return hand_over(*slot);
            if (is_at_end()) return end();
            if (workers_ > 1 && scheduler::cancelled()) stop(stop_reason::stop_requested);
            if (!help()) wait();
        }
    }

    void finish(progress_phase phase) noexcept
    {
        if (std::exchange(is_over_, true)) return;
        halted_.store(true, std::memory_order_relaxed);
        if (pool_) pool_->close();
        stop_callback_.reset();
        report_.finish(phase);
    }

    void work(int worker) noexcept override
    {
        // The worker with the last number replaces the consumer, which has joined.
        if (worker + 1 < workers_) report_.joined(worker + 1);
        worker_slot* const slot = report_.slot(static_cast<std::size_t>(worker) + 1);
        trace_.begin();
        while (may_start() && !is_alone() && (run_one(slot) || poll_for_items(2us))) {
        }
    }

    void worker_left() noexcept override
    {
        active_.fetch_sub(1);
        // A thread that published an item just before may have counted this one as active; and now the consumer may
        // help.
        if (waiting_.load() != waits_for::nothing) wake();
        call_worker();
    }

private:
    struct item {
        std::size_t index;
        std::size_t slot;
    };

    /// The events for which the consumer sleeps.
    enum class waits_for { nothing, results, results_and_items };

    struct wake_up {
        impl* self;
        void operator()() const noexcept { self->wake(); }
    };

    // Below this, handing an item over costs more than running it.
    static constexpr float alone_ns = 300;
    // Below this, an item that the consumer runs delays no result for long.
    static constexpr float light_ns = 20'000;
    // The consumer sleeps for this time before another thread replaces it: about the cost of the replacement.
    static constexpr auto replacement_delay = 50us;

    static std::size_t in_flight(const stream_plan& plan, int workers)
    {
        std::size_t limit = plan.requested.max_in_flight;
        if (limit == 0) limit = 4 * static_cast<std::size_t>(workers);
        if (plan.total) limit = std::clamp<std::size_t>(*plan.total, 1, limit);
        if (limit > std::numeric_limits<std::size_t>::max() / 64) throw std::bad_alloc();
        return limit;
    }

    // The consumer

    void begin()
    {
        if (workers_ > 1) workers_ = scheduler::width_here(workers_);
        report_.open(plan_.requested.progress, plan_.total, workers_ + 1);
        report_.joined(0);
        if (workers_ > 1) stop_callback_.emplace(plan_.requested.stop, wake_up{this});
    }

    /// Gives back the slot of the last result, to be read into.
    void give_back() noexcept
    {
        if (!current_) return;
        typed_.clear(*current_);
        const std::size_t position = consumed_.load(std::memory_order_relaxed);
        slot_of_[position & mask_].store(*current_, std::memory_order_relaxed);
        result_at_[position & mask_].store(0, std::memory_order_relaxed);
        consumed_.store(position + 1);
        current_.reset();
    }

    stop_reason asked_to_stop() const noexcept
    {
        // The clock is read only where there is a deadline: it costs a third of a light item.
        const bool timed = limits_.deadline != clock::time_point::max();
        return limits_.reason_to_stop(timed ? clock::now() : clock::time_point::min());
    }

    [[noreturn]] void stop(stop_reason why)
    {
        finish(progress_phase::cancelled);
        const std::size_t read = read_.load();
        std::size_t completed = consumed_.load();
        for (std::size_t position = completed; position != read; ++position) {
            const std::size_t place = result_at_[position & mask_].load();
            if (place != 0 && errors_[place - 1] == nullptr) ++completed;
        }
        throw cancelled(why, completed, plan_.total.value_or(read));
    }

    /// The slot of the next result, if it is there.
    std::optional<std::size_t> ready() const noexcept
    {
        const std::size_t position = consumed_.load(std::memory_order_relaxed);
        const std::size_t place = result_at_[position & mask_].load();
        return place == 0 ? std::nullopt : std::optional(place - 1);
    }

    std::size_t hand_over(std::size_t slot)
    {
        if (errors_[slot] != nullptr) {
            finish(progress_phase::failed);
            std::rethrow_exception(errors_[slot]);
        }
        current_ = slot;
        return slot;
    }

    bool is_at_end() const noexcept { return ended_.load() && is_nothing_in_flight(); }

    std::nullopt_t end()
    {
        finish(source_error_ == nullptr ? progress_phase::finished : progress_phase::failed);
        if (source_error_ != nullptr) std::rethrow_exception(source_error_);
        return std::nullopt;
    }

    /// Whether the consumer may run any item: when no other thread does, or items are light.
    bool helps_with_any() const noexcept { return workers_ == 1 || is_unaided_ || is_light(); }

    /// Whether the next item to be claimed is the one that the consumer waits for.
    bool is_needed_next() const noexcept
    {
        return plan_.order == stream_order::as_read && claimed_.load() == consumed_.load();
    }

    bool can_help() const noexcept
    {
        if (!may_start() || !(helps_with_any() || is_needed_next())) return false;
        if (has_replacement_ && active_.load() >= workers_) return false;
        return has_backlog() || (is_nothing_in_flight() && can_read());
    }

    /// Runs an item on the consumer's thread, where that delays no result.
    bool help() noexcept
    {
        if (!can_help()) return false;
        // Without a replacement, its place among the workers is free.
        if (has_replacement_ && !add_active()) return false;
        // A source may block, so the consumer reads only when nothing is in flight: then there is nothing else to wait
        // for.
        if (is_nothing_in_flight()) read(1);
        const auto claimed = claim();
        if (claimed) {
            // A worker that joined while this thread read may have found nothing and left.
            call_workers();
            run(*claimed, report_.slot(0));
        }
        if (has_replacement_) active_.fetch_sub(1);
        return claimed.has_value();
    }

    void wait()
    {
        const bool any = helps_with_any();
        if (any && poll_for([this] { return ready() || is_at_end() || can_help(); }, 5us)) return;
        const bool wants_replacement = !any && !has_replacement_ && pool_;
        auto until = limits_.deadline;
        if (wants_replacement) until = std::min(until, clock::now() + replacement_delay);

        std::unique_lock lock(mutex_);
        waiting_.store(any ? waits_for::results_and_items : waits_for::results);
        const auto news = [&] { return ready() || is_at_end() || can_help() || plan_.requested.stop.stop_requested(); };
        bool in_time = true;
        if (until == clock::time_point::max()) {
            changed_.wait(lock, news);
        } else {
            in_time = changed_.wait_until(lock, until, news);
        }
        waiting_.store(waits_for::nothing);
        lock.unlock();
        if (!in_time && wants_replacement) make_replacement();
    }

    void make_replacement()
    {
        has_replacement_ = pool_->make_replacement();
        is_unaided_ = !has_replacement_;
        if (has_replacement_) most_active_.fetch_add(1);
    }

    /// Makes the pool, if need be, and asks a worker to join where there is work.
    void call_workers()
    {
        if (workers_ == 1 || is_alone()) return;
        try {
            if (!pool_) {
                pool_.emplace(*this, workers_ - 1);
                most_active_.store(workers_ - 1);
            }
        } catch (...) {
            // Where there is no memory or no thread for a pool, the consumer does all the work.
            workers_ = 1;
            return;
        }
        call_worker();
    }

    // Every thread

    bool is_alone() const noexcept { return is_lighter_than(alone_ns); }
    bool is_light() const noexcept { return is_lighter_than(light_ns); }

    /// Whether items are known to cost less. In as_completed no item counts as light: the next one may take long, and
    /// the consumer must get the results of others meanwhile.
    bool is_lighter_than(float limit_ns) const noexcept
    {
        const float ns = cost_.ns();
        return plan_.order == stream_order::as_read && ns != 0 && ns < limit_ns;
    }

    bool is_nothing_in_flight() const noexcept { return consumed_.load() == read_.load(); }
    bool has_backlog() const noexcept { return claimed_.load() != read_.load(); }
    std::size_t room() const noexcept { return limit_ - (read_.load() - consumed_.load()); }
    bool can_read() const noexcept { return !ended_.load() && !reading_.load() && room() != 0; }

    bool may_start() const noexcept
    {
        return !halted_.load(std::memory_order_relaxed) && !plan_.requested.stop.stop_requested();
    }

    /// Whether one more worker would find more than an item or two.
    bool is_worth_coming() const noexcept
    {
        if (!may_start() || is_alone()) return false;
        return has_backlog() || (can_read() && 2 * room() > limit_ - static_cast<std::size_t>(workers_));
    }

    bool add_active() noexcept
    {
        int active = active_.load();
        while (active < most_active_.load()) {
            if (active_.compare_exchange_weak(active, active + 1)) return true;
        }
        return false;
    }

    void call_worker() noexcept
    {
        if (!is_worth_coming() || !add_active()) return;
        try {
            pool_->add_worker();
        } catch (...) {
            active_.fetch_sub(1);
        }
    }

    /// Reads up to `most` items while there is room. \return whether one was read
    bool read(std::size_t most) noexcept
    {
        if (reading_.exchange(true)) return false;
        std::size_t items = 0;
        while (items != most && !ended_.load() && room() != 0 && read_one()) {
            ++items;
            // The source may block next, while the consumer, which sleeps for results alone, waits for one of these
            // items.
            if (waiting_.load() == waits_for::results) break;
        }
        reading_.store(false);
        return items != 0;
    }

    bool read_one() noexcept
    {
        const std::size_t index = read_.load(std::memory_order_relaxed);
        bool more = false;
        try {
            more = typed_.read(slot_of_[index & mask_].load(std::memory_order_relaxed));
        } catch (...) {
            source_error_ = std::current_exception();
        }
        if (more) {
            read_.store(index + 1);
            if (waiting_.load() == waits_for::results_and_items) wake();
        } else {
            ended_.store(true);
            if (waiting_.load() != waits_for::nothing) wake();
        }
        return more;
    }

    /// Claims only grow: when an item fails, all items before it have begun.
    std::optional<item> claim() noexcept
    {
        std::size_t index = claimed_.load();
        while (may_start() && index != read_.load()) {
            // Read before the claim: after it, the consumer may put another slot there.
            const std::size_t slot = slot_of_[index & mask_].load(std::memory_order_relaxed);
            if (claimed_.compare_exchange_weak(index, index + 1)) return item{index, slot};
        }
        return std::nullopt;
    }

    bool run_one(worker_slot* slot) noexcept
    {
        auto claimed = claim();
        if (!claimed) {
            // Light items are read ahead, so that the consumer finds some to run.
            if (!read(is_light() ? limit_ : 1)) return false;
            claimed = claim();
        }
        call_worker();
        if (claimed) run(*claimed, slot);
        return true;
    }

    void run(item claimed, worker_slot* slot) noexcept
    {
        // The clock costs as much as a light item.
        const bool measured = workers_ > 1 && (!is_light() || claimed.index % 4 == 0);
        const bool timed = measured || trace_.on();
        const clock::time_point start = timed ? clock::now() : clock::time_point();
        if (slot != nullptr) slot->begin_block(1);
        try {
            typed_.run(claimed.slot, claimed.index);
        } catch (...) {
            errors_[claimed.slot] = std::current_exception();
            halted_.store(true, std::memory_order_relaxed);
        }
        if (slot != nullptr) slot->end_block(errors_[claimed.slot] == nullptr ? 1 : 0);
        if (timed) {
            const clock::time_point end = clock::now();
            if (measured) cost_.measured(end - start);
            if (trace_.on()) trace_.record(claimed.index, 1, start, end);
        }

        const std::size_t position = plan_.order == stream_order::as_read ? claimed.index : completed_.fetch_add(1);
        result_at_[position & mask_].store(claimed.slot + 1);
        if (waiting_.load() != waits_for::nothing && position == consumed_.load()) wake();
    }

    /// Polls for a while, since to sleep and be woken takes longer. \return whether `something` became true
    template <class Something>
    static bool poll_for(const Something& something, clock::duration while_)
    {
        const clock::time_point until = clock::now() + while_;
        // A poll takes longer than 10 ns, so this ends on a clock that stands still, too.
        for (auto polls = while_ / 10ns; polls > 0; --polls) {
            if (something()) return true;
            if (clock::now() >= until) break;
        }
        return false;
    }

    bool poll_for_items(clock::duration longest) const noexcept
    {
        return poll_for([this] { return !may_start() || has_backlog() || can_read(); }, longest);
    }

    void wake() noexcept
    {
        const std::lock_guard lock(mutex_);
        changed_.notify_one();
    }

    stream_job& typed_;
    const stream_plan plan_;
    const run_limits limits_;
    const std::size_t limit_;  // of items in flight
    int workers_;
    const std::size_t mask_;  // of places in the rings, a power of two
    running_cost cost_;
    const traced_run trace_;
    progress_report report_;

    // Used by the consumer alone
    bool has_begun_{false};
    std::optional<std::size_t> current_;  // slot of the result that it has
    bool is_over_{false};
    bool has_replacement_{false};
    bool is_unaided_{false};  // there is no replacement
    std::optional<std::stop_callback<wake_up>> stop_callback_;

    // Items that were read, claimed, and consumed; results in the order in which they came.
    alignas(128) std::atomic<std::size_t> read_{0};
    alignas(128) std::atomic<std::size_t> claimed_{0};
    alignas(128) std::atomic<std::size_t> consumed_{0};
    alignas(128) std::atomic<std::size_t> completed_{0};
    std::vector<std::atomic<std::size_t>> slot_of_;    // of an item, from its reading until its claim
    std::vector<std::atomic<std::size_t>> result_at_;  // 1 + the slot of a result; 0: not there yet
    std::vector<std::exception_ptr> errors_;           // of the items in the slots
    std::exception_ptr source_error_;

    alignas(128) std::atomic<bool> reading_{false};  // a thread reads the source
    std::atomic<bool> ended_{false};                 // nothing more can be read
    std::atomic<bool> halted_{false};                // nothing more is started
    std::atomic<int> active_{0};                     // workers that were asked to join and have not left
    std::atomic<int> most_active_{0};

    std::mutex mutex_;  // with changed_, for the consumer's sleep
    std::condition_variable changed_;
    std::atomic<waits_for> waiting_{waits_for::nothing};

    std::optional<worker_pool> pool_;
};

stream_engine::stream_engine(stream_job& job, stream_plan plan) : impl_(std::make_unique<impl>(job, std::move(plan))) {}

stream_engine::~stream_engine() = default;

std::size_t stream_engine::slots() const noexcept
{
    return impl_->slots();
}

std::optional<std::size_t> stream_engine::next()
{
    return impl_->next();
}

}  // namespace parmap::inline v0_2::detail
