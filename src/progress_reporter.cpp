// SPDX-License-Identifier: Apache-2.0
#include "progress_reporter.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include "eta.hpp"
#include "progress_line.hpp"
#include "terminal.hpp"

namespace parmap::detail {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto least_interval = 10ms;
constexpr auto most_time = std::chrono::hours(1'000'000);  // far from where adding to a clock overflows
constexpr auto callback_interval = 100ms;
// How long a call waits at its end for a terminal that takes nothing.
constexpr auto patience_at_end = 50ms;

double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

}  // namespace

/// A call in flight, as the reporter sees it.
class reported_call {
public:
    reported_call(progress_sink sink, std::size_t total, int workers)
        : sink_(std::move(sink)),
          start_(clock::now()),
          total_(total),
          slots_(static_cast<std::size_t>(workers)),
          seen_(slots_.size()),
          eta_(static_cast<double>(total))
    {
        in_flight_.reserve(slots_.size());  // so that sampling cannot fail
    }

    std::span<worker_slot> slots() noexcept { return slots_; }

    bool draws() const noexcept { return sink_.bar() != nullptr; }

    clock::time_point first_tick() const noexcept
    {
        if (!draws()) return start_ + callback_interval;
        return start_ + std::clamp<std::chrono::milliseconds>(sink_.bar()->delay, 0ms, most_time);
    }
    clock::duration interval() const noexcept
    {
        if (!draws()) return callback_interval;
        return std::clamp<std::chrono::milliseconds>(sink_.bar()->interval, least_interval, most_time);
    }

    /// On the reporter thread: gives the sink the state as it is now. \param in_front whether a bar may draw
    void tick(bool in_front) noexcept
    {
        {
            const std::lock_guard lock(turn_);
            if (closed_) return;
            delivering_ = true;
        }
        const progress_state state = sample(progress_phase::running);
        if (in_front) deliver(state, 0ms);
        {
            const std::lock_guard lock(turn_);
            delivering_ = false;
        }
        delivered_.notify_one();
    }

    /// On the calling thread: gives the sink the last state. A function in the middle of a tick is
    /// waited for, a terminal not for long.
    void close(progress_phase phase) noexcept
    {
        {
            std::unique_lock lock(turn_);
            closed_ = true;
            const auto over = [this] { return !delivering_; };
            if (!draws()) {
                delivered_.wait(lock, over);
            } else if (!delivered_.wait_for(lock, patience_at_end, over)) {
                return;
            }
        }
        const bool shown = !draws() || clock::now() >= first_tick();
        if (shown) deliver(sample(phase), patience_at_end);
        // The reporter may let go of this call a little later; what the user's function holds dies here.
        sink_ = {};
    }

private:
    /// A block of one slot, and since when the reporter has seen it.
    struct sighting {
        std::uint64_t sequence{0};
        clock::time_point since;
    };

    progress_state sample(progress_phase phase)
    {
        const clock::time_point now = clock::now();
        std::uint64_t done = 0;
        int joined = 0;
        in_flight_.clear();
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const worker_slot& slot = slots_[i];
            done += slot.done.load(std::memory_order_relaxed);
            joined += slot.joined.load(std::memory_order_relaxed) ? 1 : 0;
            const std::uint64_t items = slot.in_flight.load(std::memory_order_relaxed);
            const std::uint64_t sequence = slot.sequence.load(std::memory_order_relaxed);
            if (items == 0) continue;
            if (seen_[i].sequence != sequence) seen_[i] = {sequence, now};
            in_flight_.push_back({static_cast<double>(items), seconds(now - seen_[i].since)});
        }
        eta_.update(seconds(now - start_), static_cast<double>(done), in_flight_);

        progress_state state{.label = {},
                             .unit = "it",
                             .done = done,
                             .total = total_,
                             .elapsed = now - start_,
                             .eta = std::nullopt,
                             .rate = eta_.rate(),
                             .busy = static_cast<int>(in_flight_.size()),
                             .workers = std::max(joined, 1),
                             .phase = phase};
        if (const progress_bar* const bar = sink_.bar()) {
            state.label = bar->label;
            state.unit = bar->unit;
        }
        if (phase != progress_phase::running) {
            // The whole call's rate: what a reader of the last line asks for.
            if (now > start_) state.rate = static_cast<double>(done) / seconds(now - start_);
        } else if (const auto left = eta_.seconds_left()) {
            state.eta = std::chrono::nanoseconds(
                static_cast<std::chrono::nanoseconds::rep>(std::min(*left, 9e9) * 1e9));
        }
        return state;
    }

    void deliver(const progress_state& state, std::chrono::milliseconds patience) noexcept
    {
        if (dropped_) return;
        try {
            if (draws()) {
                draw(state, patience);
            } else {
                (*sink_.callback())(state);
            }
        } catch (...) {
            dropped_ = true;
        }
    }

    void draw(const progress_state& state, std::chrono::milliseconds patience)
    {
        const progress_bar& bar = *sink_.bar();
        const bool last = state.phase != progress_phase::running;
        std::string frame = "\r";
        if (!last || bar.leave) frame += render_line(state, format_of(bar.fd));
        frame += "\x1b[K";
        if (last && bar.leave) frame += "\n";
        if (frame == frame_) return;
        const write_result result = write_frame(bar.fd, frame, patience);
        if (result == write_result::broken) dropped_ = true;
        if (result == write_result::written) frame_ = std::move(frame);
    }

    progress_sink sink_;
    const clock::time_point start_;
    const std::size_t total_;
    std::vector<worker_slot> slots_;

    // One state at a time: the reporter's while delivering_, the caller's once closed_.
    std::mutex turn_;
    std::condition_variable delivered_;
    bool delivering_{false};
    bool closed_{false};

    // Of whoever's turn it is.
    std::vector<sighting> seen_;
    std::vector<block_in_flight> in_flight_;
    eta_estimator eta_;
    std::string frame_;  // on the terminal now
    bool dropped_{false};
};

namespace {

/// The one thread that looks at calls in flight. Asleep unless there are any. Never destroyed: it
/// outlives static destructors, and calls made by them.
class reporter {
public:
    /// The process's reporter; a new one in a child after fork, where the parent's thread is not.
    static reporter& instance()
    {
        static const int registered = ::pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
        static_cast<void>(registered);
        reporter* known = current.load(std::memory_order_acquire);
        if (known == nullptr) {
            auto made = std::make_unique<reporter>();
            if (current.compare_exchange_strong(known, made.get())) known = made.release();
        }
        return *known;
    }

    void enter(const std::shared_ptr<reported_call>& call)
    {
        const std::lock_guard lock(mutex_);
        if (!running_) start();
        calls_.push_back({call, call->first_tick()});
        if (call->first_tick() < wakes_at_) changed_.notify_one();
    }

    void leave(const std::shared_ptr<reported_call>& call) noexcept
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(calls_, [&](const entry& e) { return e.call == call; });
    }

private:
    struct entry {
        std::shared_ptr<reported_call> call;
        clock::time_point due;
    };

    void start()
    {
        // Signals are for the program's own threads.
        sigset_t all;
        sigset_t previous;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &previous);
        try {
            std::thread([this] { report(); }).detach();
            running_ = true;
        } catch (...) {
            // No thread to be had: the work goes on, and the last state comes at the end.
        }
        ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    }

    void report()
    {
        std::unique_lock lock(mutex_);
        while (true) {
            const auto next = std::ranges::min_element(calls_, {}, &entry::due);
            if (next == calls_.end()) {
                wakes_at_ = clock::time_point::max();
                changed_.wait(lock);
                continue;
            }
            const clock::time_point now = clock::now();
            if (now < next->due) {
                wakes_at_ = next->due;
                changed_.wait_until(lock, wakes_at_);
                continue;
            }
            next->due = now + next->call->interval();
            // One line of the terminal: the oldest bar has it.
            const auto front = std::ranges::find_if(calls_, [](const entry& e) { return e.call->draws(); });
            const bool in_front = !next->call->draws() || front == next;
            const std::shared_ptr<reported_call> call = next->call;
            lock.unlock();
            call->tick(in_front);
            lock.lock();
        }
    }

    static inline std::atomic<reporter*> current{nullptr};

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<entry> calls_;  // oldest first
    clock::time_point wakes_at_{clock::time_point::min()};
    bool running_{false};
};

/// A bar is for a terminal, and for a range that is not empty; a function always gets its last state.
bool is_heard(const progress_sink& sink, std::size_t total) noexcept
{
    if (const progress_bar* const bar = sink.bar()) return total != 0 && is_terminal(bar->fd);
    return static_cast<bool>(sink);
}

}  // namespace

progress_report::progress_report(const progress_sink& sink, std::size_t total, int workers)
{
    if (!is_heard(sink, total)) return;
    call_ = std::make_shared<reported_call>(sink, total, workers);
    slots_ = call_->slots().data();
    if (total != 0) reporter::instance().enter(call_);
}

progress_report::~progress_report()
{
    if (call_ != nullptr) finish(progress_phase::failed);
}

void progress_report::joined(int thread) noexcept
{
    const auto slots = call_->slots();
    if (thread >= 0 && static_cast<std::size_t>(thread) < slots.size()) {
        slots[static_cast<std::size_t>(thread)].joined.store(true, std::memory_order_relaxed);
    }
}

void progress_report::finish(progress_phase phase) noexcept
{
    if (call_ == nullptr) return;
    reporter::instance().leave(call_);
    call_->close(phase);
    call_.reset();
    slots_ = nullptr;
}

}  // namespace parmap::detail
