// SPDX-License-Identifier: Apache-2.0
#include "progress/reported_call.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "progress/stopped_time.hpp"
#include "system/character_width.hpp"
#include "system/files.hpp"

namespace parmap::inline v0_2::detail {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto least_interval = 10ms;
constexpr auto callback_interval = 100ms;
constexpr auto json_interval = 1s;
constexpr auto most_time = std::chrono::hours(1'000'000);  // far from where adding to a clock overflows

double seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

}  // namespace

reported_call::reported_call(progress_sink sink, std::optional<std::uint64_t> total, int slots, bar_style style,
                             progress_of of)
    : sink_(std::move(sink)),
      of_(of),
      style_(style),
      start_(clock::now()),
      stopped_before_(time_stopped.total()),
      total_(total),
      slots_(static_cast<std::size_t>(slots)),
      seen_(slots_.size()),
      eta_(total && of == progress_of::items ? std::optional<eta_estimator>(static_cast<double>(*total)) : std::nullopt)
{
    in_flight_.reserve(slots_.size());  // so that sampling cannot fail
    // The first one makes a locale under locks of the C library. Not on the reporter thread: in a child that is forked
    // meanwhile these would stay locked.
    const utf8_scope made_by_the_caller;
}

reported_call::clock::time_point reported_call::first_tick() const noexcept
{
    if (sink_.callback() != nullptr) return start_ + callback_interval;
    if (style_ == bar_style::plain) return start_ + next_plain_line(0s);
    return start_ + std::clamp<std::chrono::milliseconds>(sink_.bar()->delay, 0ms, most_time);
}

reported_call::clock::time_point reported_call::tick() noexcept
{
    const std::lock_guard lock(mutex_);
    if (closed_) return clock::time_point::max();
    const line_state line = sample(progress_phase::running);
    deliver(line, at_once);
    // The call may have ended without waiting for this; its line goes with it.
    if (closed_) take_off(clock::now() + write_patience);
    return start_ + next_tick(line.state.elapsed);
}

void reported_call::close(progress_phase phase) noexcept
{
    // The copy in a child after a fork is silent: the parent tells, and its reporter may have the turn for ever.
    if (!creator_.is_current()) return;
    const bool to_function = sink_.callback() != nullptr;
    const clock::time_point deadline = clock::now() + write_patience;
    const std::unique_lock lock(mutex_, to_function ? clock::time_point::max() : deadline);
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

std::chrono::nanoseconds reported_call::next_tick(std::chrono::nanoseconds elapsed) const noexcept
{
    switch (style_) {
        case bar_style::plain:
            return next_plain_line(elapsed);
        case bar_style::json:
            return elapsed + json_interval;
        case bar_style::terminal:
            return elapsed + std::clamp<std::chrono::milliseconds>(sink_.bar()->interval, least_interval, most_time);
        default:
            return elapsed + callback_interval;
    }
}

std::string_view reported_call::unit() const noexcept
{
    if (of_ == progress_of::steps) return "steps";
    return sink_.bar() != nullptr ? std::string_view(sink_.bar()->unit) : "it";
}

line_state reported_call::sample(progress_phase phase)
{
    const clock::duration elapsed = clock::now() - start_;
    // What estimates rest on: an hour's suspend says nothing of how long an item takes.
    const clock::duration worked = elapsed - (time_stopped.total() - stopped_before_);
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
    line_state line{
        .state = {.label = bar != nullptr ? std::string_view(bar->label) : "",
                  .unit = unit(),
                  .done = done,
                  .total = total_,
                  .elapsed = elapsed,
                  .eta = std::nullopt,
                  // At the end the whole call's, which a reader of the last line asks for.
                  // While nothing moves: at least as if the next item ended now.
                  .rate = running && eta_ && done > 0 && worked > 0ns ? std::max(eta_->rate(), 1 / seconds(worked))
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
        return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(std::min(s, 9e9) * 1e9));
    };
    if (const auto left = eta_->seconds_left()) line.state.eta = as_time(*left);
    const bool all_claimed = static_cast<double>(done) + claimed >= static_cast<double>(*line.state.total);
    if (all_claimed && oldest >= 1) line.oldest = as_time(oldest);
    return line;
}

void reported_call::deliver(const line_state& line, clock::time_point deadline) noexcept
{
    if (dropped_) return;
    try {
        if (const auto* const callback = sink_.callback()) {
            (*callback)(line.state);
        } else if (style_ == bar_style::terminal) {
            draw(line, deadline);
        } else {
            const std::string text = style_ == bar_style::json ? render_json(line) : render_plain(line);
            dropped_ = write_before(deadline, sink_.bar()->fd, text + '\n') == write_result::broken;
        }
    } catch (...) {
        dropped_ = true;
    }
}

void reported_call::draw(const line_state& line, clock::time_point deadline)
{
    if (screen_ == nullptr) screen_ = progress_screen::of(sink_.bar()->fd);
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
void reported_call::take_off(clock::time_point deadline) noexcept
{
    if (screen_ == nullptr) return;
    try {
        screen_->remove(this, std::nullopt, deadline);
    } catch (...) {
        // Without the memory for a frame, the line goes with the next one of another bar.
    }
}

}  // namespace parmap::inline v0_2::detail
