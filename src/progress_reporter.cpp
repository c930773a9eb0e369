// SPDX-License-Identifier: Apache-2.0
#include "progress_reporter.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include "eta.hpp"
#include "forks.hpp"
#include "progress_line.hpp"
#include "progress_screen.hpp"
#include "standstill.hpp"
#include "terminal.hpp"
#include "turn.hpp"

namespace parmap {

namespace detail {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto least_interval = 10ms;
constexpr auto callback_interval = 100ms;
constexpr auto json_interval = 1s;
constexpr auto most_time = std::chrono::hours(1'000'000);  // far from where adding to a clock overflows
// How long the end of a call, or println, waits in all for a file that takes nothing.
constexpr auto patience = 50ms;

/// The screen of a terminal, shared by the calls that draw on it.
std::shared_ptr<progress_screen> screen_of(int fd);

double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

constinit standstill stood_still;  // told by the reporter thread

}  // namespace

/// A call in flight, as the reporter sees it.
class reported_call {
public:
    /// \param style   of its bar, when it has one
    reported_call(progress_sink sink, std::optional<std::uint64_t> total, int slots, bar_style style,
                  progress_of of)
        : sink_(std::move(sink)),
          of_(of),
          style_(style),
          start_(clock::now()),
          stood_still_before_(stood_still.total()),
          total_(total),
          slots_(static_cast<std::size_t>(slots)),
          seen_(slots_.size()),
          eta_(total && of == progress_of::items ? std::optional<eta_estimator>(static_cast<double>(*total))
                                                 : std::nullopt)
    {
        in_flight_.reserve(slots_.size());  // so that sampling cannot fail
    }

    std::span<worker_slot> slots() noexcept { return slots_; }

    clock::time_point first_tick() const noexcept
    {
        if (sink_.callback() != nullptr) return start_ + callback_interval;
        if (style_ == bar_style::plain) return start_ + next_plain_line(0s);
        return start_ + std::clamp<std::chrono::milliseconds>(sink_.bar()->delay, 0ms, most_time);
    }

    /// On the reporter thread: gives the sink the state as it is now. \return when to come again
    clock::time_point tick() noexcept
    {
        const std::lock_guard lock(turn_);
        if (closed_) return clock::time_point::max();
        const line_state line = sample(progress_phase::running);
        deliver(line, at_once);
        // The call may have ended without waiting for this; its line goes with it.
        if (closed_) take_off(clock::now() + patience);
        return start_ + next_tick(line.state.elapsed);
    }

    /// On the calling thread: gives the sink the last state. A function in the middle of a tick is
    /// waited for, a file that takes nothing not for long.
    void close(progress_phase phase) noexcept
    {
        // The copy in a child after a fork is silent: the parent tells, and its reporter may have the turn for ever.
        if (!home_.is_this_one()) return;
        const bool to_function = sink_.callback() != nullptr;
        const clock::time_point deadline = clock::now() + patience;
        const std::unique_lock lock(turn_, to_function ? clock::time_point::max() : deadline);
        closed_ = true;
        if (!lock.owns_lock()) return;
        const bool ended_sooner = !to_function && clock::now() < first_tick();
        if (!ended_sooner) deliver(sample(phase), deadline);
        if (dropped_) take_off(deadline);
        // The reporter may let go of this call a little later; what the user's function holds dies here, and
        // so does what was known of a terminal that no other call uses.
        sink_ = {};
        screen_.reset();
    }

private:
    /// A block of one slot, and at which working time the reporter first saw it.
    struct sighting {
        std::uint64_t sequence{0};
        clock::duration since{};
    };

    std::chrono::nanoseconds next_tick(std::chrono::nanoseconds elapsed) const noexcept
    {
        switch (style_) {
            case bar_style::plain:
                return next_plain_line(elapsed);
            case bar_style::json:
                return elapsed + json_interval;
            case bar_style::terminal:
                return elapsed + std::clamp<std::chrono::milliseconds>(sink_.bar()->interval, least_interval,
                                                                       most_time);
            default:
                return elapsed + callback_interval;
        }
    }

    std::string_view unit() const noexcept
    {
        if (of_ == progress_of::steps) return "steps";
        return sink_.bar() != nullptr ? std::string_view(sink_.bar()->unit) : "it";
    }

    line_state sample(progress_phase phase)
    {
        const clock::duration elapsed = clock::now() - start_;
        // What estimates rest on: an hour's suspend says nothing of how long an item takes.
        const clock::duration worked = elapsed - (stood_still.total() - stood_still_before_);
        std::uint64_t done = 0;
        int joined = 0;
        int began = 0;
        double claimed = 0;
        double oldest = 0;
        in_flight_.clear();
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const worker_slot& slot = slots_[i];
            done += slot.done.load(std::memory_order_relaxed);
            joined += slot.joined.load(std::memory_order_relaxed) ? 1 : 0;
            const std::uint64_t items = slot.in_flight.load(std::memory_order_relaxed);
            const std::uint64_t sequence = slot.sequence.load(std::memory_order_relaxed);
            began += sequence != 0 ? 1 : 0;
            if (items == 0) continue;
            if (seen_[i].sequence != sequence) seen_[i] = {sequence, worked};
            in_flight_.push_back({static_cast<double>(items), seconds(worked - seen_[i].since)});
            claimed += in_flight_.back().items;
            oldest = std::max(oldest, in_flight_.back().age);
        }
        const double mean_rate = elapsed > 0ns ? static_cast<double>(done) / seconds(elapsed) : 0;
        if (eta_) eta_->update(seconds(worked), static_cast<double>(done), in_flight_);

        const progress_bar* const bar = sink_.bar();
        const bool running = phase == progress_phase::running;
        line_state line{.state = {.label = bar != nullptr ? std::string_view(bar->label) : "",
                                  .unit = unit(),
                                  .done = done,
                                  .total = total_,
                                  .elapsed = elapsed,
                                  .eta = std::nullopt,
                                  // At the end the whole call's, which a reader of the last line asks for.
                                  // While nothing moves: at least as if the next item ended now.
                                  .rate = running && eta_ && done > 0 && worked > 0ns
                                              ? std::max(eta_->rate(), 1 / seconds(worked))
                                              : mean_rate,
                                  .busy = static_cast<int>(in_flight_.size()),
                                  .workers = std::max(joined, began),  // one worker joins nothing
                                  .phase = phase},
                        .unit_scale = bar != nullptr && bar->unit_scale,
                        .steps = of_ == progress_of::steps};
        // A caller's own loop may count on after its total, which then was none.
        if (line.state.total && done > *line.state.total) line.state.total.reset();
        if (!running || !line.state.total || !eta_) return line;
        const auto as_time = [](double s) {
            return std::chrono::nanoseconds(
                static_cast<std::chrono::nanoseconds::rep>(std::min(s, 9e9) * 1e9));
        };
        if (const auto left = eta_->seconds_left()) line.state.eta = as_time(*left);
        const bool all_claimed =
            static_cast<double>(done) + claimed >= static_cast<double>(*line.state.total);
        if (all_claimed && oldest >= 1) line.oldest = as_time(oldest);
        return line;
    }

    void deliver(const line_state& line, clock::time_point deadline) noexcept
    {
        if (dropped_) return;
        try {
            if (const auto* const callback = sink_.callback()) {
                (*callback)(line.state);
            } else if (style_ == bar_style::terminal) {
                draw(line, deadline);
            } else {
                const std::string text = style_ == bar_style::json ? render_json(line) : render_plain(line);
                dropped_ = write_frame(sink_.bar()->fd, text + '\n', deadline) == write_result::broken;
            }
        } catch (...) {
            dropped_ = true;
        }
    }

    void draw(const line_state& line, clock::time_point deadline)
    {
        if (screen_ == nullptr) screen_ = screen_of(sink_.bar()->fd);
        const bool last = line.state.phase != progress_phase::running;
        if (!last) {
            screen_->set(this, render_line(line, screen_->format()));
            screen_->draw();
        } else if (sink_.bar()->leave) {
            screen_->remove(this, render_line(line, screen_->format()), deadline);
        } else {
            screen_->remove(this, std::nullopt, deadline);
        }
    }

    /// Takes its line off the screen, if it is there.
    void take_off(clock::time_point deadline) noexcept
    {
        if (screen_ == nullptr) return;
        try {
            screen_->remove(this, std::nullopt, deadline);
        } catch (...) {
            // Without the memory for a frame, the line goes with the next one of another bar.
        }
    }

    progress_sink sink_;
    const progress_of of_;
    const bar_style style_;
    const home_process home_;
    std::shared_ptr<progress_screen> screen_;  // from the first frame on
    const clock::time_point start_;
    const clock::duration stood_still_before_;
    const std::optional<std::uint64_t> total_;
    std::vector<worker_slot> slots_;
    std::atomic<bool> closed_{false};

    turn turn_;  // one state at a time; guards what follows
    std::vector<sighting> seen_;
    std::vector<block_in_flight> in_flight_;
    std::optional<eta_estimator> eta_;
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
        reporter* known = current.load(std::memory_order_acquire);
        if (known == nullptr || !known->home_.is_this_one()) {
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

    /// Makes no reporter for that, which could fail: a call may leave that did not enter.
    static void leave(const std::shared_ptr<reported_call>& call) noexcept
    {
        reporter* const known = current.load(std::memory_order_acquire);
        if (known == nullptr || !known->home_.is_this_one()) return;
        const std::lock_guard lock(known->mutex_);
        std::erase_if(known->calls_, [&](const entry& e) { return e.call == call; });
    }

    /// See screen_of. Once no call draws on it, the next one begins anew: by then the descriptor may be
    /// another file's.
    std::shared_ptr<progress_screen> screen(int fd)
    {
        const std::lock_guard lock(mutex_);
        std::weak_ptr<progress_screen>& known = screens_[fd];
        std::shared_ptr<progress_screen> screen = known.lock();
        if (screen == nullptr) known = screen = std::make_shared<progress_screen>(fd);
        return screen;
    }

    /// Calls `write` while no screen shows a line.
    void without_lines(const std::function<void()>& write)
    {
        std::vector<std::shared_ptr<progress_screen>> screens;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [fd, screen] : screens_) screens.push_back(screen.lock());
        }
        const clock::time_point deadline = clock::now() + patience;
        std::function<void()> inner = write;
        for (const auto& screen : screens) {
            if (screen == nullptr) continue;
            inner = [screen, deadline, outer = std::move(inner)] { screen->without_lines(outer, deadline); };
        }
        inner();
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
            if (clock::now() < next->due) {
                wakes_at_ = next->due;
                changed_.wait_until(lock, wakes_at_);
                stood_still.waited(wakes_at_, clock::now());
                continue;
            }
            const std::shared_ptr<reported_call> call = next->call;
            lock.unlock();
            const clock::time_point again = call->tick();
            lock.lock();
            const auto still = std::ranges::find(calls_, call, &entry::call);
            if (still != calls_.end()) still->due = again;
        }
    }

    static inline std::atomic<reporter*> current{nullptr};

    const home_process home_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<entry> calls_;
    std::map<int, std::weak_ptr<progress_screen>> screens_;  // by file
    clock::time_point wakes_at_{clock::time_point::min()};
    bool running_{false};
};

std::shared_ptr<progress_screen> screen_of(int fd)
{
    return reporter::instance().screen(fd);
}

}  // namespace

void progress_report::open(const progress_sink& sink, std::optional<std::uint64_t> total, int slots,
                           progress_of of) noexcept
{
    const progress_bar* const bar = sink.bar();
    const bar_style style = bar != nullptr ? style_of(*bar) : bar_style::off;
    // A bar is for a range that is not empty; a function always gets its last state.
    const bool heard = bar != nullptr ? total != 0 && style != bar_style::off : static_cast<bool>(sink);
    if (!heard) return;
    try {
        call_ = std::make_shared<reported_call>(sink, total, slots, style, of);
        if (total != 0) reporter::instance().enter(call_);
        slots_ = call_->slots();
    } catch (...) {
        call_.reset();
    }
}

progress_report::~progress_report()
{
    finish(progress_phase::failed);
}

void progress_report::joined(int thread) noexcept
{
    if (thread >= 0 && static_cast<std::size_t>(thread) < slots_.size()) {
        slots_[static_cast<std::size_t>(thread)].joined.store(true, std::memory_order_relaxed);
    }
}

void progress_report::finish(progress_phase phase) noexcept
{
    if (call_ == nullptr) return;
    reporter::leave(call_);
    call_->close(phase);
    call_.reset();
    slots_ = {};
}

}  // namespace detail

void println(std::string_view line)
{
    detail::reporter::instance().without_lines([line] {
        // Through the C library's buffer, so that it keeps its place among what std::cout writes.
        static_cast<void>(std::fwrite(line.data(), 1, line.size(), stdout));
        static_cast<void>(std::fputc('\n', stdout));
        static_cast<void>(std::fflush(stdout));
    });
}

}  // namespace parmap
