// SPDX-License-Identifier: Apache-2.0
// How a call runs: one aggregate, every field with a default. Rests on progress.hpp and
// trace.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>

#include <parmap/progress.hpp>
#include <parmap/trace.hpp>

namespace parmap::inline v0_2 {

/// How a call runs. Name the fields you need:
///
/// ```cpp
/// parmap::map(files, sha256, {.max_workers = 4, .progress = "hashing"});
/// ```
struct options {
    /// Threads that run items, the calling one among them. Unset: num_cpus(). 0 or 1: all on the
    /// calling thread, serially. More than num_cpus(): num_cpus(). Negative: std::invalid_argument.
    std::optional<int> max_workers{};

    /// Who is told how far the call is; none by default.
    progress_sink progress{};

    /// Ends the call at the next block (about 50 us, or one item) once a stop is requested.
    ///
    /// ```cpp
    /// std::jthread thread([&](std::stop_token stop) {
    ///     try {
    ///         parmap::for_each(files, convert, {.stop = stop});
    ///     } catch (const parmap::cancelled& stopped) {
    ///         std::cerr << stopped.what() << '\n';  // parmap: stopped on request after 2 of 3 items
    ///     }
    /// });
    /// thread.request_stop();
    /// ```
    ///
    /// A signal handler may not request a stop: block the signal before any thread is made, and have a thread
    /// sigwait() for it and then call request_stop(), as README.md shows.
    std::stop_token stop{};

    /// For the whole call, from its first line; looked at between blocks, so it interrupts no item that is
    /// running, nor the source of a stream while that is read. 0 or less: nothing runs.
    std::optional<std::chrono::nanoseconds> timeout{};

    /// Items in a block; 0: sized so that a block takes about 50 us, by the measured cost.
    std::size_t grain_size{0};

    /// Of a stream: items that are read, running or not yet consumed, at most; 0: 4 for each worker. Memory for
    /// so many is set aside.
    std::size_t max_in_flight{0};

    /// What each worker ran and when, as a file for ui.perfetto.dev or chrome://tracing; none by default. Give a path,
    /// or a trace_file to put several calls on one timeline.
    trace_file trace{};
};

}  // namespace parmap::inline v0_2
