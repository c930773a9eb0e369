// SPDX-License-Identifier: Apache-2.0
#include "progress/reported_call.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "progress/stopped_time.hpp"
#include "progress/style.hpp"
#include "system/character_width.hpp"
#include "system/files.hpp"

namespace parmap::inline v0_2::detail {

namespace {

using namespace std::chrono_literals;

constexpr auto least_interval = 10ms;
constexpr auto callback_interval = 100ms;
constexpr auto json_interval = 1s;
constexpr auto most_time = std::chrono::hours(1'000'000);  // far from where adding to a clock overflows

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
    // The first one makes a locale, under locks of the C library. Made on the reporter thread, it could leave these
    // locks locked in a child that is forked at that moment.
    const utf8_scope first_one;
}

reported_call::clock::time_point reported_call::first_tick() const noexcept
{
    const bool has_delay = style_ == bar_style::terminal || style_ == bar_style::json;
    if (!has_delay) return start_ + next_tick(0ns);
    return start_ + std::clamp<std::chrono::milliseconds>(sink_.bar()->delay, 0ms, most_time);
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

reported_call::clock::time_point reported_call::tick() noexcept
{
    const std::lock_guard lock(mutex_);
    if (closed_) return clock::time_point::max();
    const line_state line = sample(progress_phase::running);
    deliver(line, at_once);
    // A call that has ended meanwhile did not wait for this.
    if (closed_) remove_line(clock::now() + write_timeout);
    return start_ + next_tick(line.state.elapsed);
}

void reported_call::close(progress_phase phase) noexcept
{
    // In a child after a fork this is a copy. The parent reports, and its reporter may hold the mutex for ever.
    if (!creator_.is_current()) return;
    const bool to_function = sink_.callback() != nullptr;
    const clock::time_point deadline = clock::now() + write_timeout;
    const std::unique_lock lock(mutex_, to_function ? clock::time_point::max() : deadline);
    closed_ = true;
    if (!lock.owns_lock()) return;
    const bool ended_sooner = !to_function && clock::now() < first_tick();
    if (!ended_sooner) deliver(sample(phase), deadline);
    if (dropped_) remove_line(deadline);
    // The reporter may keep this call a little longer. What the user's function holds is destroyed now, and so is what
    // is known of a terminal that no other call uses.
    sink_ = {};
    screen_.reset();
}

line_state reported_call::sample(progress_phase phase)
{
    line_state line{};
    line.steps = of_ == progress_of::steps;
    progress_state& state = line.state;
    state.unit = "it";
    if (const progress_bar* const bar = sink_.bar()) {
        state.label = bar->label;
        state.unit = bar->unit;
        line.unit_scale = bar->unit_scale;
    }
    if (line.steps) state.unit = "steps";
    state.total = total_;
    state.elapsed = clock::now() - start_;
    state.phase = phase;
    // Estimates leave out stopped time: an hour's suspend does not make an item slower.
    const clock::duration worked = state.elapsed - (time_stopped.total() - stopped_before_);
    read_slots(state, worked);

    const auto done = static_cast<double>(state.done);
    if (eta_) eta_->update(seconds(worked), done, in_flight_);
    const bool running = phase == progress_phase::running;
    if (running && eta_ && state.done > 0 && worked > 0ns) {
        state.rate = std::max(eta_->rate(), 1 / seconds(worked));  // while nothing ends: as if an item ended now
    } else if (state.elapsed > 0ns) {
        state.rate = done / seconds(state.elapsed);  // at the end, that of the whole call
    }
    // A caller's own loop may count beyond its total: then there is none.
    if (state.total && state.done > *state.total) state.total.reset();
    if (!running || !state.total || !eta_) return line;

    const auto as_time = [](double s) {
        return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(std::min(s, 9e9) * 1e9));
    };
    if (const auto left = eta_->seconds_left()) state.eta = as_time(*left);
    double claimed = done;
    double oldest = 0;
    for (const block_in_flight& block : in_flight_) {
        claimed += block.items;
        oldest = std::max(oldest, block.age);
    }
    if (claimed >= static_cast<double>(*state.total) && oldest >= 1) line.oldest = as_time(oldest);
    return line;
}

/// Sums up the slots, and notes the blocks in flight.
void reported_call::read_slots(progress_state& state, clock::duration worked)
{
    int joined = 0;
    int began = 0;
    in_flight_.clear();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const worker_slot& slot = slots_[i];
        state.done += slot.done.load(std::memory_order_relaxed);
        joined += slot.joined.load(std::memory_order_relaxed) ? 1 : 0;
        const std::uint64_t items = slot.in_flight.load(std::memory_order_relaxed);
        const std::uint64_t sequence = slot.sequence.load(std::memory_order_relaxed);
        began += sequence != 0 ? 1 : 0;
        if (items == 0) continue;
        if (seen_[i].sequence != sequence) seen_[i] = {sequence, worked};
        in_flight_.push_back({static_cast<double>(items), seconds(worked - seen_[i].since)});
    }
    state.busy = static_cast<int>(in_flight_.size());
    state.workers = std::max(joined, began);  // a worker that runs alone does not join
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
    const progress_bar& bar = *sink_.bar();
    if (screen_ == nullptr) screen_ = progress_screen::of(bar.fd);
    if (line.state.phase == progress_phase::running) {
        screen_->set(this, render_line(line, format_of(bar.fd)));
        screen_->draw();
    } else {
        screen_->remove(this, bar.leave ? std::optional(render_line(line, format_of(bar.fd))) : std::nullopt, deadline);
    }
}

/// Removes the bar's line from the screen, when it is there.
void reported_call::remove_line(clock::time_point deadline) noexcept
{
    if (screen_ == nullptr) return;
    try {
        screen_->remove(this, std::nullopt, deadline);
    } catch (...) {
        // Without the memory for a frame, the line is removed with the next frame of another bar.
    }
}

}  // namespace parmap::inline v0_2::detail
