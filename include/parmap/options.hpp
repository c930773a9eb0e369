// SPDX-License-Identifier: Apache-2.0
// How a call runs: one aggregate, every field with a default.
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
/// const auto hashes = parmap::map(files, sha256, {.max_workers = 4, .progress = "hashing"});
/// ```
struct options {
    /// Threads that run items, including the calling one. Unset or more than num_cpus(): num_cpus(). 0 or 1: all items
    /// run serially on the calling thread. Negative: std::invalid_argument.
    std::optional<int> max_workers{};

    /// Where the call reports its progress; nowhere by default.
    progress_sink progress{};

    /// Once a stop is requested, no further block begins: the call ends when the blocks that run are done, after about
    /// 50 us, one item or `grain_size` items.
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
    /// A signal handler must not request a stop. A thread that waits for the signal with sigwait() may:
    /// docs/guide/errors-and-stopping.md shows how.
    std::stop_token stop{};

    /// The longest time for the whole call. It is checked between blocks, so it interrupts neither an item that runs
    /// nor the source of a stream. 0 or less: nothing runs. Time while the machine is suspended does not count.
    std::optional<std::chrono::nanoseconds> timeout{};

    /// Items in a block; 0: as many as take about 50 us, by measured cost.
    std::size_t grain_size{0};

    /// Of a stream: the most items that are read, running or not yet consumed; 0: 4 for each worker. The stream
    /// allocates memory for so many.
    std::size_t max_in_flight{0};

    /// Records what each worker ran and when, for ui.perfetto.dev or chrome://tracing; nothing by default. Give a path,
    /// or a trace_file to put several calls on one timeline.
    trace_file trace{};
};

}  // namespace parmap::inline v0_2
