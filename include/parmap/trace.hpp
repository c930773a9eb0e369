// SPDX-License-Identifier: Apache-2.0
// What each thread ran and when, in a file that trace viewers open. Rests on nothing but the export macro.
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
/// parmap::map(files, sha256, {.trace = "run.json"});
///
/// const parmap::trace_file trace("two.json");  // several calls on one timeline, also at once and nested
/// const auto sums = parmap::map(files, sha256, {.progress = "hashing", .trace = trace});
/// parmap::for_each(sums, store, {.progress = "storing", .trace = trace});
/// ```
///
/// The file is opened, and what was in it is gone, when a trace is made of its path; it is written when the last copy
/// of that trace is gone: in the first line above, when the call has returned. A stream keeps a copy as long as it is
/// there. Should writing fail, the trace is lost and nothing said.
///
/// Each thread has a row. In it stand the calls it made, the blocks it ran, with the first item and the number of
/// items begun, and within them what they called in turn, if that has the same trace. A call and its blocks are named
/// after the label of its progress bar; without one they are called "map", a stream's items "stream".
///
/// Costs a branch a block when off. When on: an entry of 48 bytes a block, made without a lock; for an item of a stream,
/// two readings of the clock as well. So that a long run needs no more than a few megabytes a thread, a thread that
/// has 65,536 entries joins those of neighbouring blocks of a call ("blocks" says how many) where no gap between them
/// is worth seeing, and does so with new ones from then on. Blocks that take less than 2 us together are joined from
/// the start. Calls are never joined.
class PARMAP_EXPORT trace_file {
public:
    /// No trace: costs one branch.
    trace_file() = default;

    /// A trace in the file of this name.
    /// \param path  where the file is made; no trace for a null pointer.
    /// \throws std::system_error  when the file cannot be written.
    trace_file(const char* path);
    /// A trace in the file of this name.
    /// \param path  where the file is made.
    /// \throws std::system_error  when the file cannot be written.
    trace_file(const std::string& path);

    /// \return whether anything is recorded.
    explicit operator bool() const noexcept { return recorder_ != nullptr; }

    /// \return what the library records with; null without a trace.
    detail::trace_recorder* recorder() const noexcept { return recorder_.get(); }

private:
    std::shared_ptr<detail::trace_recorder> recorder_;
};

}  // namespace parmap::inline v0_2
