// SPDX-License-Identifier: Apache-2.0
// A trace while it is recorded, a lane for each thread, and how it is written. Recording never fails: what there is no
// memory for is left out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <parmap/options.hpp>

#include "system/files.hpp"
#include "system/forks.hpp"
#include "trace/lane.hpp"

namespace parmap::inline v0_2::detail {

class trace_recorder {
public:
    /// \throws std::system_error  when the file cannot be written
    explicit trace_recorder(const std::string& path, std::size_t most_events = trace_lane::usual_most);
    trace_recorder(const trace_recorder&) = delete;
    trace_recorder& operator=(const trace_recorder&) = delete;
    /// Writes the file, in the process that opened it. All that was recorded happened before.
    ~trace_recorder();

    /// The calling thread's; null without the memory for one.
    trace_lane* lane() noexcept;

    /// The place of a name in the table; that of no name without the memory for it.
    std::uint32_t name(std::string_view text) noexcept;

    /// A number for a run, from 1.
    std::uint64_t new_run() noexcept { return runs_.fetch_add(1, std::memory_order_relaxed); }

private:
    /// A thread, by the kernel's number of it, which a later thread may have again.
    struct thread_row {
        thread_row(long number, std::string called, std::size_t most_events)
            : tid(number),
              name(std::move(called)),
              lane(most_events)
        {
        }

        long tid;
        std::string name;
        trace_lane lane;
    };

    trace_lane* find_or_add_lane() noexcept;
    void write();

    const std::uint64_t serial_;  // unlike its address, never another recorder's
    const std::size_t most_events_;
    const creator_process creator_;
    const std::chrono::steady_clock::time_point start_;
    std::atomic<std::uint64_t> runs_{1};

    std::mutex mutex_;  // guards what follows, but not what is in a lane
    std::deque<thread_row> rows_;
    std::map<std::string, std::uint32_t, std::less<>> names_;  // and their places, from 1; 0 is no name

    const std::unique_ptr<output_file> file_;  // made last: without the memory for the others, no file is opened
};

/// A call or a step, from construction to end(), both on one thread; nothing without a trace. What this thread begins
/// meanwhile ends meanwhile.
class trace_span {
public:
    trace_span() = default;
    trace_span(trace_recorder* recorder, trace_category category, std::uint32_t name) noexcept : recorder_(recorder)
    {
        if (recorder_ != nullptr) begin(category, name);
    }
    trace_span(const trace_file& trace, trace_category category, std::string_view name) noexcept
        : trace_span(trace.recorder(), category, trace ? trace.recorder()->name(name) : 0)
    {
    }

    /// \param items  that returned
    void end(std::size_t items) noexcept
    {
        if (recorder_ != nullptr) record(items);
    }

private:
    void begin(trace_category category, std::uint32_t name) noexcept;
    void record(std::size_t items) noexcept;

    trace_recorder* const recorder_{nullptr};
    trace_event event_{};
};

/// What one call tells its trace; nothing without one.
class traced_run {
public:
    /// \param otherwise  its name where it has no progress bar with a label
    traced_run(const options& requested, std::string_view otherwise) noexcept : recorder_(requested.trace.recorder())
    {
        if (recorder_ != nullptr) open(requested, otherwise);
    }

    traced_run(const trace_file& trace, std::string_view name) noexcept : recorder_(trace.recorder())
    {
        if (recorder_ != nullptr) open(name);
    }

    bool on() const noexcept { return recorder_ != nullptr; }

    /// All of it, on the calling thread.
    trace_span call() const noexcept { return {recorder_, trace_category::call, name_}; }

    /// This thread begins to run blocks, maybe while it runs another.
    void begin() const noexcept
    {
        if (recorder_ == nullptr) return;
        if (trace_lane* const lane = recorder_->lane()) lane->begin_other();
    }

    /// This thread ran a block, of which `items` were begun. Only when on.
    void record(std::size_t first, std::size_t items, std::chrono::steady_clock::time_point begin,
                std::chrono::steady_clock::time_point end) const noexcept;

private:
    void open(const options& requested, std::string_view otherwise) noexcept;
    void open(std::string_view name) noexcept;

    trace_recorder* const recorder_;
    std::uint32_t name_{0};
    std::uint64_t id_{0};
};

}  // namespace parmap::inline v0_2::detail
