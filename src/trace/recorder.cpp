// SPDX-License-Identifier: Apache-2.0
#include "trace/recorder.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <ranges>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <parmap/trace.hpp>

#include "system/process.hpp"
#include "text/json.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t bytes_in_a_write = 1U << 16U;

constexpr std::array<std::string_view, 3> category_names{"block", "call", "step"};  // in the order of trace_category

std::uint64_t next_serial() noexcept
{
    static std::atomic<std::uint64_t> made{0};
    return made.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// \throws std::system_error  with the path, made safe for a terminal
output_file open_trace(const std::string& path)
{
    try {
        return output_file(path);
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "parmap: cannot write the trace " + printable(path, true));
    }
}

/// A time as the format wants it.
std::string microseconds(std::chrono::nanoseconds time)
{
    return fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

/// What the event is of, as a JSON object.
std::string arguments(const trace_event& event)
{
    if (event.category != trace_category::block) return fmt::format(R"({{"items":{}}})", event.items);
    if (event.blocks == 1) return fmt::format(R"({{"first":{},"items":{}}})", event.first, event.items);
    return fmt::format(R"({{"first":{},"items":{},"blocks":{}}})", event.first, event.items, event.blocks);
}

/// A thread's lane in the trace for which it recorded last.
struct known_lane {
    std::uint64_t recorder{0};  // its serial number
    trace_lane* lane{nullptr};
};

thread_local known_lane known;

}  // namespace

trace_recorder::trace_recorder(const std::string& path, std::size_t most_events)
    : serial_(next_serial()),
      most_events_(most_events),
      start_(clock::now()),
      file_(open_trace(path))
{
}

trace_recorder::~trace_recorder()
{
    try {
        // In a child after a fork this is a copy: the parent writes.
        if (creator_.is_current()) write();
    } catch (...) {
        // The trace is lost.
    }
}

trace_lane* trace_recorder::lane() noexcept
{
    if (known.recorder != serial_) known = {serial_, find_or_add_lane()};
    return known.lane;
}

trace_lane* trace_recorder::find_or_add_lane() noexcept
{
    // In a child after a fork, a thread of the parent may hold the lock.
    if (!creator_.is_current()) return nullptr;
    try {
        const long tid = thread_id();
        const std::lock_guard lock(mutex_);
        const auto row = std::ranges::find(rows_, tid, &thread_row::tid);
        if (row != rows_.end()) return &row->lane;
        std::string name = fmt::format("{} {}", thread_name(), rows_.size() + 1);
        return &rows_.emplace_back(thread_row{tid, std::move(name), trace_lane(most_events_)}).lane;
    } catch (...) {
        return nullptr;
    }
}

std::uint32_t trace_recorder::name(std::string_view text) noexcept
{
    if (!creator_.is_current()) return 0;
    try {
        const std::lock_guard lock(mutex_);
        return places_.try_emplace(std::string(text), static_cast<std::uint32_t>(places_.size() + 1)).first->second;
    } catch (...) {
        return 0;
    }
}

void trace_recorder::write()
{
    std::vector<std::string> names(places_.size() + 1, R"("")");
    for (const auto& [text, place] : places_) names[place] = json_string(text);

    const long pid = process_id();
    std::string text = "{\"traceEvents\":[\n";
    const auto add_name = [&](std::string_view what, long tid, std::string_view name) {
        text += fmt::format(R"({{"name":"{}","ph":"M","ts":0,"pid":{},"tid":{},"args":{{"name":{}}}}})", what, pid, tid,
                            json_string(name));
    };
    add_name("process_name", pid, program_name());
    for (thread_row& row : rows_) {
        text += ",\n";
        add_name("thread_name", row.tid, row.name);
        for (const trace_event& event : row.lane.sorted()) {
            text += fmt::format(
                ",\n"
                R"({{"name":{},"cat":"{}","ph":"X","ts":{},"dur":{},"pid":{},"tid":{},"args":{}}})",
                names[event.name], category_names.at(static_cast<std::size_t>(event.category)),
                microseconds(event.begin - start_), microseconds(event.end - event.begin), pid, row.tid,
                arguments(event));
            if (text.size() < bytes_in_a_write) continue;
            file_.write(text);
            text.clear();
        }
    }
    file_.write(text + "\n],\"displayTimeUnit\":\"ms\"}\n");
}

void trace_span::begin(trace_category category, std::uint32_t name) noexcept
{
    if (trace_lane* const lane = recorder_->lane()) lane->begin_other();
    event_ = {.begin = clock::now(), .name = name, .category = category};
}

void trace_span::record(std::size_t items) noexcept
{
    event_.end = clock::now();
    event_.items = items;
    if (trace_lane* const lane = recorder_->lane()) lane->record_span(event_);
}

std::string_view traced_run::label_of(const options& requested, std::string_view otherwise) noexcept
{
    const progress_bar* const bar = requested.progress.bar();
    return bar != nullptr && !bar->label.empty() ? bar->label : otherwise;
}

void traced_run::record(std::size_t first, std::size_t items, clock::time_point begin,
                        clock::time_point end) const noexcept
{
    trace_lane* const lane = recorder_->lane();
    if (lane == nullptr) return;
    lane->record_block({.begin = begin, .end = end, .first = first, .items = items, .name = name_}, id_);
}

}  // namespace detail

trace_file::trace_file(const char* path)
    : recorder_(path != nullptr ? std::make_shared<detail::trace_recorder>(path) : nullptr)
{
}

trace_file::trace_file(const std::string& path) : recorder_(std::make_shared<detail::trace_recorder>(path)) {}

}  // namespace parmap::inline v0_2
