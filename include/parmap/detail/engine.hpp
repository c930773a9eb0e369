// SPDX-License-Identifier: Apache-2.0
// The engine of maps and reductions: runs a block function over [0, size) in blocks claimed in increasing order.
// Compiled once, in src/engine/; each of these algorithms is a few typed lines over run().
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <vector>

#include <parmap/detail/block_function.hpp>
#include <parmap/detail/config.hpp>
#include <parmap/errors.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2::detail {

/// The checked options of one call, and its deadline. Made before the range is read: bad options are refused first, and
/// a timeout covers the whole call.
struct PARMAP_EXPORT run_limits {
    /// \throws std::invalid_argument for a negative max_workers or a bad PARMAP_MAX_WORKERS.
    explicit run_limits(const options& options);

    /// For a part of a call, which has its own options and the workers and the deadline of the whole.
    run_limits(const options& options, const run_limits& whole) noexcept;

    /// Whether the options forbid to begin more items, and why.
    stop_reason reason_to_stop(std::chrono::steady_clock::time_point now) const noexcept
    {
        if (requested.stop.stop_requested()) return stop_reason::stop_requested;
        return now >= deadline ? stop_reason::timed_out : stop_reason::none;
    }

    const options& requested;
    int workers;                                     ///< threads that may run items, including the caller, >= 1
    std::chrono::steady_clock::time_point deadline;  ///< max() without a timeout
};

/// Whether items above a failing one are still started.
enum class on_failure { stop, proceed };

/// Items [index, end) of a block have no result: item `index` threw and the rest never ran.
struct block_failure {
    std::size_t index;
    std::size_t end;
    std::exception_ptr error;
};

/// How a run ended. Blocks are claimed in order, so exactly the items below `claimed` and in none of the failures have
/// a result.
struct run_result {
    std::size_t size{};
    std::size_t claimed{};
    std::size_t completed{};
    stop_reason stopped{stop_reason::none};
    std::vector<block_failure> failures{};  ///< by increasing index

    /// Throws what the serial loop would have thrown: the error of the lowest failing item, else `cancelled` when items
    /// never ran.
    PARMAP_EXPORT void throw_unless_complete() const;
};

/// Runs `block` over every item of [0, size), on up to `limits.workers` threads, including the caller.
/// \throws std::bad_alloc  before the first item, or when there is no memory to record a failure (proceed).
PARMAP_EXPORT run_result run(std::size_t size, block_function block, const run_limits& limits,
                             on_failure policy = on_failure::stop);

}  // namespace parmap::inline v0_2::detail
