// SPDX-License-Identifier: Apache-2.0
// Records a trace, in a lane for each thread, and writes its file. The engines record through trace_span and
// traced_run. Recording never fails: what there is no memory for is left out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
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
    /// Writes the file, in the process that opened it, after everything was recorded.
    ~trace_recorder();

    /// The calling thread's lane; null without the memory for one.
    trace_lane* lane() noexcept;

    /// The place of a name in the table; 0, which is no name, without the memory for it.
    std::uint32_t name(std::string_view text) noexcept;

    /// A number for a run, from 1.
    std::uint64_t new_run() noexcept { return runs_.fetch_add(1, std::memory_order_relaxed); }

private:
    struct thread_row {
        long tid;  // the kernel's number of the thread; a later thread may have the same one
        std::string name;
        trace_lane lane;
    };

    trace_lane* find_or_add_lane() noexcept;
    void write();

    const std::uint64_t serial_;  // unlike the address, no other recorder's
    const std::size_t most_events_;
    const creator_process creator_;
    const std::chrono::steady_clock::time_point start_;
    std::atomic<std::uint64_t> runs_{1};

    std::mutex mutex_;  // guards the next two, but not what is in a lane
    std::deque<thread_row> rows_;
    std::map<std::string, std::uint32_t> places_;  // of names in the table, from 1

    output_file file_;  // the last member: no file is opened without the memory for the others
};

/// Records a call or a step, from construction to end(), both on one thread. Does nothing without a trace. What this
/// thread begins in between, it also ends in between.
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

/// Records the blocks of one call. Does nothing without a trace.
class traced_run {
public:
    traced_run(const trace_file& trace, std::string_view name) noexcept
        : recorder_(trace.recorder()),
          name_(recorder_ != nullptr ? recorder_->name(name) : 0),
          id_(recorder_ != nullptr ? recorder_->new_run() : 0)
    {
    }

    /// \param otherwise  the name of a call whose progress bar has no label
    traced_run(const options& requested, std::string_view otherwise) noexcept
        : traced_run(requested.trace, requested.trace ? label_of(requested, otherwise) : otherwise)
    {
    }

    bool on() const noexcept { return recorder_ != nullptr; }

    /// Begins to record the call itself, on the calling thread.
    trace_span call() const noexcept { return {recorder_, trace_category::call, name_}; }

    /// This thread begins to run blocks, perhaps in the middle of another block.
    void begin() const noexcept
    {
        if (recorder_ == nullptr) return;
        if (trace_lane* const lane = recorder_->lane()) lane->begin_other();
    }

    /// This thread ran a block, of which `items` were begun. To be called only when on().
    void record(std::size_t first, std::size_t items, std::chrono::steady_clock::time_point begin,
                std::chrono::steady_clock::time_point end) const noexcept;

private:
    static std::string_view label_of(const options& requested, std::string_view otherwise) noexcept;

    trace_recorder* const recorder_;
    const std::uint32_t name_;
    const std::uint64_t id_;
};

}  // namespace parmap::inline v0_2::detail
