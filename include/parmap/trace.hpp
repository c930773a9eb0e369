// SPDX-License-Identifier: Apache-2.0
// What each thread ran and when, in a file for trace viewers.
#pragma once

#include <memory>
#include <string>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2 {

namespace detail {
class trace_recorder;
}

/// A timeline of calls: which thread ran which items, and when, as Chrome trace events. https://ui.perfetto.dev and
/// chrome://tracing open it.
///
/// ```cpp
/// parmap::for_each(files, convert, {.trace = "run.json"});
///
/// const parmap::trace_file trace("two.json");  // several calls on one timeline, also at once and nested
/// const auto sums = parmap::map(files, sha256, {.progress = "hashing", .trace = trace});
/// parmap::for_each(sums, store, {.progress = "storing", .trace = trace});
/// ```
///
/// A trace made of a path opens that file and empties it, and writes it when the last copy of the trace is destroyed:
/// in the first line above, when the call has returned. A stream holds a copy. When writing fails, the trace is lost
/// without an error.
///
/// Each thread has a row with the calls that it made and the blocks that it ran: the first item and the number of items
/// begun. A nested call with the same trace is shown inside. Calls and blocks are named after the label of the progress
/// bar, else "map", "stream" or "graph".
///
/// Without a trace a block costs one branch. With one it costs an entry of 48 bytes, without a lock; an item of a
/// stream also costs two readings of the clock. Neighbouring blocks of a call share an entry ("blocks" is their number)
/// if together they take less than 2 us and the gap between them is too short to see. Once a thread has 65,536 entries,
/// longer blocks share one, too, so that a long run needs a few megabytes a thread. Calls never share one.
class PARMAP_EXPORT trace_file {
public:
    /// No trace.
    trace_file() = default;

    /// A trace in a file.
    /// \param path  of the file; no trace for a null pointer.
    /// \throws std::system_error  when the file cannot be written.
    trace_file(const char* path);
    /// A trace in a file.
    /// \param path  of the file.
    /// \throws std::system_error  when the file cannot be written.
    trace_file(const std::string& path);

    /// \return whether there is a trace.
    explicit operator bool() const noexcept { return recorder_ != nullptr; }
    /// \return what the library records with; null without a trace.
    detail::trace_recorder* recorder() const noexcept { return recorder_.get(); }

private:
    std::shared_ptr<detail::trace_recorder> recorder_;
};

}  // namespace parmap::inline v0_2
